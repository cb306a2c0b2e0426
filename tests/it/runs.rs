//! What the tests of `jetfit train` share: a directory with jobs and data, and readers of what runs leave.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};

use assert_cmd::Command;
use jetfit::job::Job;
use jetfit::run::results::Summary;
use jetfit::run::{Mode, Observer, run};
use jetfit::trainer::Report;
use serde_json::Value;

/// A file of the shipped examples.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/jobs").join(name)
}

/// Stops a run at the first report at or after a step.
struct StopAt<'a>(u64, &'a AtomicBool);

impl Observer for StopAt<'_> {
    fn report(&mut self, report: &Report) {
        self.1.store(report.step >= self.0, Ordering::Relaxed);
    }
}

/// Trains a job that is stopped at each of these steps, at which it reports, and resumed.
pub fn train_with_stops(job: &Job, stops: &[u64]) -> Summary {
    let mut mode = Mode::New;
    for at in stops {
        let stop = AtomicBool::new(false);
        assert_eq!(run(job, mode, &mut StopAt(*at, &stop), &stop).unwrap().steps, *at);
        mode = Mode::Resume;
    }
    run(job, mode, &mut (), &false.into()).unwrap()
}

/// A temporary directory.
pub struct Place(tempfile::TempDir);

/// A job that trains in a moment on 300 rows of two inputs, with noise.
pub const SMALL: &str = r#"
[data]
file = "data.csv"
inputs = ["x", "t"]
outputs = ["u"]
validation_fraction = 0.25
[network]
hidden = [9]
[predictions]
grid = { x = [0, 1, 7], t = [0, 2000, 5] }
[output]
directory = "run"
"#;

impl Place {
    /// With `data.csv` for [`SMALL`], and `job.toml` that holds it and the sections in `more`.
    pub fn new(more: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        // Any two irrational steps fill the square evenly, and a third is as good as noise.
        let row = |k: usize| {
            let [x, t, noise] = [0.618, 0.414, 0.732].map(|step| (k as f64 * step).fract());
            let u = (3.0 * x).sin() * (t + 0.5) + 0.05 * (noise - 0.5);
            format!("{x},{},{u}\n", 2000.0 * t)
        };
        place.write("data.csv", format!("x,t,u\n{}", (0..300).map(row).collect::<String>()));
        place.write("job.toml", format!("{SMALL}{more}"));
        place
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// The header and the columns of a CSV file; NaN where a field is empty.
    pub fn csv(&self, name: &str) -> BTreeMap<String, Vec<f64>> {
        let number = |field: &str| if field.is_empty() { f64::NAN } else { field.parse().unwrap() };
        let mut reader = csv::Reader::from_path(self.path(name)).unwrap();
        let names = reader.headers().unwrap().clone();
        let mut columns = vec![vec![]; names.len()];
        for record in reader.records() {
            let record = record.unwrap_or_else(|error| panic!("{name}: {error}"));
            columns.iter_mut().zip(&record).for_each(|(column, field)| column.push(number(field)));
        }
        names.iter().map(str::to_string).zip(columns).collect()
    }

    /// `jetfit train` in this directory, on the CPU unless the flags say otherwise.
    pub fn train(&self, job: impl AsRef<Path>, flags: &[&str]) -> Output {
        let mut command = Command::cargo_bin("jetfit").unwrap();
        command.current_dir(self.0.path()).arg("train").arg(job.as_ref()).args(flags);
        if !flags.contains(&"--device") {
            command.args(["--device", "cpu"]);
        }
        command.output().unwrap()
    }

    /// Trains without fault and gives the report from stdout.
    pub fn report(&self, job: impl AsRef<Path>, flags: &[&str]) -> Value {
        let output = self.train(job, &[flags, &["--format", "json", "--quiet"]].concat());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Fails with exit code 2, writes nothing, and gives the message.
    pub fn refused(&self, job: impl AsRef<Path>, flags: &[&str]) -> String {
        let before = self.files();
        let Output { status, stdout, stderr } = self.train(job, flags);
        let message = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{message}");
        assert_eq!(String::from_utf8_lossy(&stdout), "", "{message}");
        assert!(self.files() == before, "files have changed: {message}");
        message
    }

    /// All files and directories, and the files' contents.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                // It names the last process.
                if path.ends_with(".jetfit-run") {
                    continue;
                }
                match path.is_dir() {
                    true => walk(&path, files),
                    false => drop(files.insert(path.clone(), std::fs::read(&path).unwrap())),
                }
                files.entry(path).or_default();
            }
        }
        let mut files = BTreeMap::new();
        walk(self.0.path(), &mut files);
        files
    }
}

/// The message has the parts, and one help.
pub fn assert_says(message: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(message.contains(part), "{message}\nlacks {part:?}"));
    assert_eq!(message.matches("help: ").count(), 1, "{message}");
}

/// A relative error of a report.
pub fn relative_error(report: &Value, entry: &str) -> f64 {
    let errors = report["relative_errors"].as_array().unwrap();
    let error = errors.iter().find(|error| error["name"] == entry).unwrap_or_else(|| panic!("no error of {entry}"));
    error["value"].as_f64().unwrap()
}

/// Every relative error is at most its bar.
pub fn assert_errors(report: &Value, bars: &[(&str, f64)]) {
    for (entry, bar) in bars {
        let error = relative_error(report, entry);
        assert!(error <= *bar, "{entry}: relative error {error:.3e}, bar {bar:.0e}");
    }
}
