//! `jetfit import`: networks that Keras, PyTorch and ONNX's exporters wrote (`tests/fixtures/make.py`), against the same
//! programs' own derivatives in float64.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use jetfit::import::{Options, import};
use jetfit::jet::{Activation, JetLayout, Scaling};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use serde::Deserialize;

/// What stands beside a fixture.
#[derive(Deserialize)]
struct Fixture {
    file: String,
    arguments: Vec<String>,
    points: Vec<Vec<f64>>,
    values: Vec<Vec<f64>>,
    gradients: Vec<Vec<Vec<f64>>>,
    hessians: Vec<Vec<Vec<Vec<f64>>>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn fixtures() -> Vec<Fixture> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

fn jetfit() -> Command {
    Command::cargo_bin("jetfit").unwrap()
}

/// The columns of a CSV file by name.
fn columns(text: &str) -> BTreeMap<String, Vec<f64>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    let column = |(index, name): (usize, &&str)| (name.to_string(), rows.iter().map(|row| row[index]).collect());
    names.iter().enumerate().map(column).collect()
}

/// How far two columns are apart, over the largest number among them.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(1e-3, |largest: f64, x| largest.max(x.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

impl Fixture {
    fn truth(&self, output: usize, entry: &[usize]) -> Vec<f64> {
        let of_point = |at: usize| match entry {
            [] => self.values[at][output],
            [k] => self.gradients[at][output][*k],
            [k, l] => self.hessians[at][output][*k][*l],
            _ => unreachable!(),
        };
        (0..self.points.len()).map(of_point).collect()
    }

    /// Both sides compute in f64 from the same weights, and differ by rounding: a second derivative of a network of twenty
    /// layers by some thousand units in the last place. Exporters to ONNX multiply constants together in f32.
    fn tolerance(&self) -> f64 {
        match self.file.starts_with("onnx") && self.file != "onnx_double.onnx" {
            true => 1e-5,
            false => 1e-12,
        }
    }
}

#[test]
fn every_fixture_agrees_with_the_program_that_wrote_it() {
    let mut worst = vec![];
    for fixture in fixtures() {
        let place = tempfile::tempdir().unwrap();
        let model = place.path().join("model.safetensors");
        let points = place.path().join("points.csv");
        let inputs = fixture.points[0].len();
        let names: Vec<String> = (0..inputs).map(|k| format!("a{k}")).collect();
        let outputs: Vec<String> = (0..fixture.values[0].len()).map(|m| format!("u{m}")).collect();
        let mut command = jetfit();
        command.arg("import").arg(folder().join(&fixture.file)).arg("--out").arg(&model).args(&fixture.arguments);
        command.args(["--inputs", &names.join(","), "--outputs", &outputs.join(",")]).assert().success();
        let rows = fixture.points.iter().map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(","));
        let rows: Vec<String> = [names.join(",")].into_iter().chain(rows).collect();
        std::fs::write(&points, rows.join("\n") + "\n").unwrap();
        let mut command = jetfit();
        command.arg("predict").arg(&model).arg("--points").arg(&points);
        let flags = ["--order", "2", "--second", "full", "--precision", "f64", "--device", "cpu", "--allow-rough"];
        let output = command.args(flags).assert().success().get_output().stdout.clone();
        let found = columns(std::str::from_utf8(&output).unwrap());
        let layout = JetLayout::full(inputs);
        let mut largest: (f64, String) = (0.0, String::new());
        for derivative in layout.derivatives() {
            let entry: Vec<usize> = match derivative {
                jetfit::Derivative::Value => vec![],
                jetfit::Derivative::First(k) => vec![k],
                jetfit::Derivative::Second(k, l) => vec![k, l],
                _ => continue,
            };
            for (m, output) in outputs.iter().enumerate() {
                let name = derivative.column(output, &names);
                let distance = apart(&found[&name], &fixture.truth(m, &entry));
                if distance.is_nan() || distance >= largest.0 {
                    largest = (distance, name);
                }
            }
        }
        println!("{}: {} in {}", fixture.file, largest.0, largest.1);
        if largest.0.is_nan() || largest.0 > fixture.tolerance() {
            worst.push(format!("{}: {largest:?}", fixture.file));
        }
    }
    assert!(worst.is_empty(), "{worst:#?}");
}

#[test]
fn what_cannot_be_imported_is_named() {
    let refused = folder().join("refused");
    let listing = std::fs::read_to_string(refused.join("refused.json")).unwrap();
    let listing: BTreeMap<String, Vec<String>> = serde_json::from_str(&listing).unwrap();
    assert!(listing.len() > 8);
    for (file, parts) in listing {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("model.safetensors");
        let output = jetfit().arg("import").arg(refused.join(&file)).arg("--out").arg(&out).assert().code(2);
        let message = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        for part in [file.as_str(), "help: "].into_iter().chain(parts.iter().map(String::as_str)) {
            assert!(message.contains(part), "{message}\nlacks {part:?}");
        }
        assert!(std::fs::read_dir(place.path()).unwrap().next().is_none(), "{file} left something");
    }
}

#[test]
fn damaged_files_are_errors_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let options = |fixture: &Fixture| Options {
        activations: match fixture.arguments.first().map(String::as_str) {
            Some("--activation") => vec![Activation::Tanh, Activation::Silu],
            _ => vec![],
        },
        ..Options::default()
    };
    let mut errors = 0;
    for fixture in fixtures() {
        let whole = std::fs::read(folder().join(&fixture.file)).unwrap();
        let path = place.path().join(&fixture.file);
        let mut check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            if let Err(error) = import(&path, &options(&fixture)) {
                assert_eq!(error.exit_code(), 2, "{}: {error}", fixture.file);
                errors += 1;
            }
        };
        for cut in 0..40 {
            check(&whole[..whole.len() * cut / 40]);
        }
        let mut bytes = whole.clone();
        for flip in 0..150_usize {
            // Spread over the file, denser where its structure is: at both ends.
            let at = match flip % 3 {
                0 => flip * 7,
                1 => whole.len() - 1 - flip * 5 % whole.len(),
                _ => flip * 7919,
            } % whole.len();
            let bit = 1 << (flip % 8);
            bytes[at] ^= bit;
            check(&bytes);
            bytes[at] ^= bit;
        }
    }
    assert!(errors > 1000, "{errors}");
}

/// A safetensors file of these tensors, each of one value.
fn safetensors(path: &Path, tensors: &[(&str, &[usize], f32)]) {
    let data: Vec<Vec<u8>> =
        tensors.iter().map(|(_, shape, value)| value.to_le_bytes().repeat(shape.iter().product::<usize>())).collect();
    let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), data).unwrap();
        (name.to_string(), view)
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn tanh() -> Options {
    Options { activations: vec![Activation::Tanh], ..Options::default() }
}

#[test]
fn layers_follow_numbers_then_shapes_then_the_user() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("weights.safetensors");
    let order = |options: &Options| import(&path, options).map(|imported| imported.order.join(" "));

    // All of one width, and 10 after 2.
    let names: Vec<String> = (0..12).map(|layer| format!("net.{layer}.weight")).collect();
    let tensors: Vec<(&str, &[usize], f32)> = names.iter().map(|name| (name.as_str(), &[3, 3][..], 0.5)).collect();
    safetensors(&path, &tensors);
    assert!(order(&tanh()).unwrap().ends_with("net.8 net.9 net.10 net.11"));

    safetensors(
        &path,
        &[("head.weight", &[1, 5], 0.5), ("trunk.weight", &[5, 4], 0.5), ("embed.weight", &[4, 2], 0.5)],
    );
    assert_eq!(order(&tanh()).unwrap(), "embed trunk head");

    let twice: [(&str, &[usize], f32); 4] = [
        ("a.weight", &[1, 4], 0.5),
        ("b.weight", &[4, 4], 0.5),
        ("c.weight", &[4, 4], 0.5),
        ("d.weight", &[4, 2], 0.5),
    ];
    safetensors(&path, &twice);
    let message = order(&tanh()).unwrap_err().to_string();
    assert!(message.contains("--layers") && message.contains("c [4, 4]"), "{message}");
    let named = |names: &[&str]| Options { layers: names.iter().map(|name| name.to_string()).collect(), ..tanh() };
    assert_eq!(order(&named(&["d", "c", "b", "a"])).unwrap(), "d c b a");
    assert!(order(&named(&["d", "c", "b"])).unwrap_err().to_string().contains("3 names for the 4 layers"));
    assert!(order(&named(&["d", "c", "b", "e"])).unwrap_err().to_string().contains("no layer \"e\""));
    assert!(order(&named(&["a", "c", "b", "d"])).unwrap_err().to_string().contains("4 units, and 1 come from"));
}

#[test]
fn flags_are_checked_and_files_are_not_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let (from, out) = (folder().join("torch_state.pt"), place.path().join("model.safetensors"));
    let run = |flags: &[&str]| {
        let mut command = jetfit();
        command.arg("import").arg(&from).arg("--out").arg(&out).args(flags);
        command.assert()
    };
    let wrong: [(&[&str], &str); 7] = [
        (&[], "--activation: "),
        (&["--activation", "tanh,silu,elu,relu"], "4 activations for 2 hidden layers"),
        (&["--activation", "tanhh"], "tanh"),
        (&["--activation", "tanh", "--inputs", "x"], "--inputs: "),
        (&["--activation", "tanh", "--outputs", "u,u"], "--outputs: "),
        (&["--activation", "tanh", "--input-mean", "1"], "--input-mean, --input-scale: it has 1 means"),
        (&["--activation", "tanh", "--output-scale", "-1"], "scales are above 0"),
    ];
    for (flags, part) in wrong {
        let output = run(flags).code(2);
        let message = String::from_utf8_lossy(&output.get_output().stderr);
        assert!(message.contains(part), "{flags:?}: {message}\nlacks {part}");
        assert!(!out.exists());
    }
    run(&["--activation", "tanh"]).success();
    let first = std::fs::read(&out).unwrap();
    run(&["--activation", "silu"]).code(2);
    assert_eq!(std::fs::read(&out).unwrap(), first);
    run(&["--activation", "silu", "--force"]).success();
    assert_ne!(std::fs::read(&out).unwrap(), first);
}

#[test]
fn weights_that_nothing_was_folded_into_stay_as_they_are() {
    let read = |name: &str, options: &Options| import(folder().join(name), options).unwrap().model;
    let state = read("torch_state.pt", &tanh());
    assert_eq!(state.precision, Precision::F32);
    assert_eq!(read("torch_double.pt", &Options::default()).precision, Precision::F64);
    assert_eq!(read("keras_residual.keras", &Options::default()).precision, Precision::F64);

    // A Normalization before all else and a Rescaling behind it are the model's scaling, not weights.
    let sine = read("keras_sine.keras", &Options::default());
    assert_eq!(sine.precision, Precision::F32);
    assert_eq!(sine.spec.widths(), [16, 16]);
    assert!((sine.normalizer.inputs.mean[0] - 5.0).abs() < 1e-5 && sine.normalizer.inputs.scale[0] > 2.0);
    assert_eq!(sine.normalizer.outputs, Scaling { mean: vec![0.125], scale: vec![0.75] });
}

#[test]
fn inputs_that_a_file_joins_keep_their_names() {
    let names = |file: &str| import(folder().join(file), &Options::default()).unwrap().model.inputs;
    assert_eq!(names("keras_inputs.keras"), ["t", "x"]);
    assert_eq!(names("onnx_inputs.onnx"), ["x", "t"]);
    assert_eq!(names("keras_residual.keras"), ["x0", "x1", "x2"]);
}

#[test]
fn a_model_refuses_what_has_no_names_and_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("model.safetensors");
    import(folder().join("torch_state.pt"), &tanh()).unwrap().model.write(&path).unwrap();
    let error = import(&path, &tanh()).unwrap_err().to_string();
    assert!(error.contains("a model of jetfit already"), "{error}");
    let error = Model::read(folder().join("torch_no_bias.safetensors")).unwrap_err().to_string();
    assert!(error.contains("jetfit import"), "{error}");
}
