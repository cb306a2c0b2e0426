//! Every bad input: exit code 2, one message that names the place and the help, nothing left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use jetfit::data::Dataset;
use jetfit::error::{Error, Result};
use jetfit::files::safetensors_file::TensorFile;
use jetfit::jet::{Activation, Normalizer};
use jetfit::job::{Job, Overrides};
use jetfit::network::{Model, NetworkSpec, Transforms};
use jetfit::numbers::Precision;
use jetfit::run::directory::RunDir;

/// A directory with a good job, good data and a good model.
struct Place(tempfile::TempDir);

const DATA: &str = "x,y\n1,2\n2,3\n3,5\n";
const JOB: &str = "[data]\nfile = \"data.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n[output]\ndirectory = \"run\"\n";

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("data.csv", DATA);
        place.write("job.toml", JOB);
        let spec = NetworkSpec::uniform(1, &[3], Activation::Tanh, 1);
        let model = Model {
            inputs: vec!["x".to_string()],
            outputs: vec!["y".to_string()],
            coefficients: vec![],
            transforms: Transforms::default(),
            normalizer: Normalizer::identity(1, 1),
            precision: Precision::F32,
            parameters: vec![0.5; spec.parameters()],
            ranges: vec![],
            spec,
        };
        model.write(place.path("model.safetensors")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    /// All files and their contents.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                    files.insert(path, vec![]);
                } else {
                    files.insert(path.clone(), std::fs::read(path).unwrap());
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(self.0.path(), &mut files);
        files
    }

    fn dataset(&self) -> Result<Dataset> {
        let job = Job::read(self.path("job.toml"), &Overrides::default())?;
        Dataset::read(job.data.as_ref().unwrap(), job.training.seed)
    }

    /// Runs `jetfit predict` on the points `data.csv`, and expects it to refuse.
    fn predict(&self, flags: &[&str]) -> String {
        let mut command = Command::cargo_bin("jetfit").unwrap();
        command.current_dir(self.0.path()).args(["predict", "model.safetensors", "--points", "data.csv"]).args(flags);
        self.refusal(command)
    }

    fn refusal(&self, mut command: Command) -> String {
        let before = self.files();
        let Output { status, stdout, stderr } = command.output().unwrap();
        let message = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{message}");
        assert_eq!(String::from_utf8_lossy(&stdout), "", "{message}");
        assert_eq!(self.files(), before, "{message}");
        message
    }
}

/// The message has the parts, once, and its help.
fn assert_says(message: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(message.contains(part), "{message}\nlacks {part:?}"));
    assert_eq!(message.matches("help: ").count(), 1, "{message}");
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T>, parts: &[&str]) {
    let error: Error = result.expect_err(parts[0]);
    assert_eq!(error.exit_code(), 2, "{error}");
    assert_says(&error.to_string(), parts);
}

/// Tables that neither training nor predict takes, and what is said about them.
const TABLES: &[(&str, &[&str])] = &[
    ("", &["data.csv: this file is empty"]),
    ("x,y\n", &["data.csv: there are no rows after the header"]),
    ("1,2\n2,3\n", &["data.csv: there is no header"]),
    ("t,y\n1,2\n2,3\n", &["data.csv: there is no column \"x\"", "It has: \"t\", \"y\""]),
    ("x,y,x\n1,2,3\n", &["data.csv: the header contains \"x\" twice, in columns 1 and 3"]),
    ("x,y\n1,2\n2,3,4\n", &["data.csv:3: this row has 3 fields, the header has 2"]),
    ("x,y\n1,2\n2\n", &["data.csv:3: this row has 1 field, the header has 2"]),
    ("x,y\n1,2\n,3\n", &["data.csv:3: column \"x\": this cell is empty"]),
    ("x,y\nNaN,2\n2,3\n", &["data.csv:2: column \"x\": NaN is not a finite number"]),
    ("x,y\r\n1,2\r\n-inf,3\r\n", &["data.csv:3: column \"x\": -inf is not a finite number"]),
    ("x,y\n1,2\nmany,3\n", &["data.csv:3: column \"x\": \"many\" is not a number"]),
    (
        "x;y\n1,5;2\n2;3\n",
        &["data.csv:2: column \"x\": \"1,5\" is not a number with a decimal point", "data.decimal = \",\""],
    ),
    ("\u{feff}\"x\";y\n\"a;b\";2\n", &["data.csv:2: column \"x\": \"a;b\" is not a number"]),
];

#[test]
fn tables() {
    let place = Place::new();
    for (text, parts) in TABLES {
        place.write("data.csv", text);
        assert_refused(place.dataset(), parts);
        for out in [&[][..], &["--out", "jets.csv"]] {
            assert_says(&place.predict(out), parts);
        }
    }
    std::fs::remove_file(place.path("data.csv")).unwrap();
    assert_refused(place.dataset(), &["data.csv: there is no such file"]);
    assert_says(&place.predict(&[]), &["data.csv: there is no such file"]);
    std::fs::create_dir(place.path("data.csv")).unwrap();
    assert_refused(place.dataset(), &["data.csv: this is a directory"]);
    assert_says(&place.predict(&[]), &["data.csv: this is a directory"]);
}

/// A mistake that comes after blocks were evaluated still leaves nothing.
#[test]
fn a_late_mistake() {
    let place = Place::new();
    place.write("data.csv", format!("x,y\n{}1,2,3\n", "1,2\n".repeat(2_000_000)));
    assert_says(&place.predict(&["--out", "jets.csv"]), &["data.csv:2000002: this row has 3 fields"]);
}

#[test]
fn rows_to_train_on() {
    let place = Place::new();
    place.write("data.csv", "x,y\n1,2\n");
    assert_refused(place.dataset(), &["data.csv: there is only one row", "at least two"]);
    place.write("data.csv", "x,y\n4,2\n4,3\n");
    assert_refused(place.dataset(), &["input \"x\" is 4 in every training row", "remove it from data.inputs"]);
    place.write("data.csv", "x,y\n1,2\n2,3\n");
    place.write("job.toml", JOB.replace("[output]", "validation_file = \"valid.csv\"\n[output]"));
    assert_refused(place.dataset(), &["valid.csv: there is no such file"]);
    place.write("valid.csv", "x,z\n1,2\n");
    assert_refused(place.dataset(), &["valid.csv: there is no column \"y\"", "It has: \"x\", \"z\""]);
}

#[test]
fn dialects_are_taken_as_they_come() {
    let place = Place::new();
    let good = place.dataset().unwrap();
    for text in [
        format!("\u{feff}{DATA}"),
        DATA.replace('\n', "\r\n"),
        DATA.replace(',', ";"),
        DATA.replace(',', "\t"),
        DATA.replace("x,y", "\"x\",\"y\"").replace("3,5", "\"3\",\"5\""),
        DATA.replace(',', " , "),
    ] {
        place.write("data.csv", &text);
        assert_eq!(place.dataset().unwrap(), good, "{text:?}");
    }
}

#[test]
fn jobs() {
    let place = Place::new();
    let read = |text: &str| {
        place.write("job.toml", text);
        Job::read(place.path("job.toml"), &Overrides::default())
    };
    let unknown = read(&JOB.replace("inputs", "input"));
    assert_refused(unknown, &["job.toml:3: data.input: unknown key", "did you mean \"inputs\""]);
    assert_refused(read("[data\n"), &["job.toml:1: this is not valid TOML"]);
    assert_refused(read(&JOB.replace("[\"x\"]", "\"x\"")), &["job.toml:3: data.inputs: expected an array"]);
    assert_refused(read(&format!("{JOB}[network]\nactivation = \"relu\"")), &["predictions.order", "piecewise linear"]);
    place.write("job.toml", [0xff, 0xfe, 0x00]);
    let binary = Job::read(place.path("job.toml"), &Overrides::default());
    assert_refused(binary, &["job.toml: this file is not UTF-8 text"]);
    let missing = Job::read(place.path("none.toml"), &Overrides::default());
    assert_refused(missing, &["none.toml: there is no such file"]);
}

#[test]
fn models() {
    let place = Place::new();
    let whole = std::fs::read(place.path("model.safetensors")).unwrap();
    place.write("model.safetensors", &whole[..whole.len() - 3]);
    assert_says(&place.predict(&["--out", "jets.csv"]), &["model.safetensors: this file is truncated"]);
    place.write("model.safetensors", DATA);
    assert_says(&place.predict(&[]), &["model.safetensors: this is not a safetensors file"]);
    let edits: [(&str, serde_json::Value, &str); 3] = [
        ("format", 9.into(), "model.safetensors: the model has format 9"),
        ("hidden", vec![4].into(), "model.safetensors: tensor \"0.weight\": its shape is [3, 1], expected [4, 1]"),
        ("activation", "tan".into(), "metadata key \"activation\": unknown activation \"tan\""),
    ];
    for (key, value, part) in edits {
        place.write("model.safetensors", &whole);
        let mut file = TensorFile::read(&place.path("model.safetensors")).unwrap();
        file.document[key] = value;
        file.write(&place.path("model.safetensors")).unwrap();
        assert_says(&place.predict(&[]), &[part]);
    }
    std::fs::remove_file(place.path("model.safetensors")).unwrap();
    assert_says(&place.predict(&[]), &["model.safetensors: there is no such file"]);
    std::fs::create_dir(place.path("model.safetensors")).unwrap();
    assert_says(&place.predict(&[]), &["model.safetensors: this directory has no model.safetensors"]);
}

#[test]
fn devices_and_flags() {
    let place = Place::new();
    assert_says(
        &place.predict(&["--device", "no such adapter"]),
        &["no adapter has a name that contains \"no such adapter\""],
    );
    assert_says(&place.predict(&["--device", "gpu", "--precision", "f64"]), &["f64 runs only on the CPU"]);
    assert_says(
        &place.predict(&["--device", "cpu", "--precision", "f16"]),
        &["f16 runs only on a GPU with matrix units"],
    );
    // Clap's own messages name the flag and the choices.
    for (flags, part) in [
        (["--order", "5"], "'--order <ORDER>'"),
        (["--second", "diagnal"], "a similar value exists: 'diagonal'"),
        (["--precision", "f8"], "[possible values: f32, f64, f16x2, f16]"),
        (["--ordr", "1"], "a similar argument exists: '--order'"),
    ] {
        let message = place.predict(&flags);
        assert!(message.contains(part), "{message}\nlacks {part}");
    }
}

#[test]
fn places_to_write() {
    let place = Place::new();
    assert_says(&place.predict(&["--out", "none/jets.csv"]), &["none: there is no such directory"]);
    assert_says(&place.predict(&["--out", "data.csv/jets.csv"]), &["data.csv", "cannot write here"]);
    assert_says(&place.predict(&["--out", "data.csv"]), &["--out data.csv", "the file of the points"]);
    assert_says(&place.predict(&["--out", "."]), &["this is a directory"]);
    assert_refused(RunDir::create(place.path("data.csv/run"), false, ""), &["data.csv", "cannot write here"]);
    assert_refused(RunDir::create(place.path("data.csv"), true, ""), &["data.csv: this is a file"]);
    RunDir::create(place.path("run"), false, "").unwrap();
    place.write("run/model.safetensors", "");
    assert_refused(
        RunDir::create(place.path("run"), false, ""),
        &["run: this directory already holds a run", "--force"],
    );
}
