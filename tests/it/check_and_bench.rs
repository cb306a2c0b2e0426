//! `jetfit check` and `jetfit bench` as people run them.

use std::path::Path;

use crate::support::{Tampered, mixed_model, random_model, random_points};
use assert_cmd::Command;
use jetfit::bench::{self, Clock, Mode, Settings};
use jetfit::files::safetensors_file::TensorFile;
use jetfit::jet::{Activation, Seconds};
use jetfit::network::Model;
use serde_json::Value;

/// Runs the program: its exit code, stdout and stderr.
fn jetfit(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("jetfit").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A directory with a model of two inputs and a CSV file of points.
fn model_and_points(activation: Activation) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let model = random_model(2, &[16, 16], 1, activation, 3);
    model.write(directory.path().join("model.safetensors")).unwrap();
    write_points(&model, 40, &directory.path().join("points.csv"));
    directory
}

fn write_points(model: &Model, count: usize, path: &Path) {
    let columns = random_points(model, count, 4);
    let rows = (0..count).map(|k| format!("{},{},{}\n", columns[0][k], columns[1][k], k % 7));
    std::fs::write(path, "x0,x1,u0\n".to_string() + &rows.collect::<String>()).unwrap();
}

fn path(directory: &tempfile::TempDir, name: &str) -> String {
    directory.path().join(name).display().to_string()
}

#[test]
fn a_model_passes_its_certificate() {
    let directory = model_and_points(Activation::Tanh);
    let (model, points) = (path(&directory, "model.safetensors"), path(&directory, "points.csv"));
    let (code, table, stderr) = jetfit(&["check", &model, "--points", &points, "--device", "cpu"]);
    assert_eq!(code, 0, "{table}{stderr}");
    for text in ["passed: all 13 comparisons", "d2u0_dx12", "40 rows of", "x1 = "] {
        assert!(table.contains(text), "{text}: {table}");
    }
    let full = ["check", &model, "--points", &points, "--second", "full", "--max-points", "7", "--format", "json"];
    let (code, json, _) = jetfit(&full);
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &value["passed"], &value["points"]), (0, &Value::Bool(true), &Value::from(7)));
    assert_eq!(value["findings"].as_array().unwrap().len(), 16);
    assert!(value["source"].as_str().unwrap().starts_with("7 of 40 rows of"));
}

#[test]
fn a_missed_tolerance_ends_with_exit_code_3() {
    let directory = model_and_points(Activation::Tanh);
    let (model, points) = (path(&directory, "model.safetensors"), path(&directory, "points.csv"));
    let (code, table, stderr) =
        jetfit(&["check", &model, "--points", &points, "--device", "cpu", "--tolerance", "1e-12"]);
    assert_eq!(code, 3);
    assert!(table.contains("MISSED") && table.contains("failed: "), "{table}");
    assert!(stderr.contains("exceed their tolerance"), "{stderr}");
}

#[test]
fn orders_that_do_not_exist_are_left_out_and_said_so() {
    let directory = model_and_points(Activation::Elu);
    let (model, points) = (path(&directory, "model.safetensors"), path(&directory, "points.csv"));
    let (code, table, _) = jetfit(&["check", &model, "--points", &points]);
    assert_eq!(code, 0, "{table}");
    assert!(table.contains("skipped: elu is C1") && !table.contains("d2u0"), "{table}");
}

#[test]
fn a_run_is_checked_at_its_own_validation_rows() {
    let directory = model_and_points(Activation::Gelu);
    let job =
        "[data]\nfile = \"points.csv\"\ninputs = [\"x0\", \"x1\"]\noutputs = [\"u0\"]\nvalidation_fraction = 0.25\n";
    std::fs::write(directory.path().join("job.toml"), job).unwrap();
    let (code, table, stderr) = jetfit(&["check", &directory.path().display().to_string()]);
    assert!(code == 0 && table.contains("10 validation rows of the run"), "{table}{stderr}");

    std::fs::write(directory.path().join("job.toml"), job.replace("validation_fraction = 0.25\n", "")).unwrap();
    let (code, table, _) = jetfit(&["check", &directory.path().display().to_string()]);
    assert!(code == 0 && table.contains("40 training rows of the run"), "{table}");
}

/// A job of equations for the model, with two terms.
const EQUATIONS: &str = r#"
[variables]
x0 = [-1, 1]
x1 = [0, 2]
[network]
outputs = ["u0"]
[[term]]
name = "heat"
residual = "d(u0, x1) = 0.1*d(u0, x0, x0)"
points = { count = 100 }
[[term]]
name = "start"
residual = "u0 = sin(pi*x0)"
points = { on = "x1 = 0", count = 33 }
"#;

#[test]
fn the_terms_of_a_run_are_checked_at_their_own_points() {
    let directory = model_and_points(Activation::Tanh);
    std::fs::write(directory.path().join("job.toml"), EQUATIONS).unwrap();
    let run = directory.path().display().to_string();
    let (code, table, stderr) = jetfit(&["check", &run, "--device", "cpu"]);
    assert_eq!(code, 0, "{table}{stderr}");
    for text in
        ["100 points of the run's term \"heat\"", "  heat      100  ", "  start      33  ", "all 15 comparisons"]
    {
        assert!(table.contains(text), "{text}: {table}");
    }
    let thinned = ["check", &run, "--max-points", "50", "--device", "cpu", "--format", "json"];
    let (code, json, _) = jetfit(&[thinned.as_slice(), &["--tolerance", "1e-12"]].concat());
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &value["passed"]), (3, &Value::Bool(false)));
    let terms = value["terms"].as_array().unwrap();
    let names: Vec<_> = terms.iter().map(|term| (term["term"].as_str().unwrap(), term["points"].as_u64())).collect();
    assert_eq!(names, [("heat", Some(50)), ("start", Some(33))]);
    for term in terms {
        for key in ["residual", "parts", "value", "gradient", "tolerance"] {
            assert!(term[key].as_f64().unwrap() > 0.0, "{key}: {term}");
        }
        assert_eq!(term["passed"], Value::Bool(false));
    }
    // At the points of a file there are derivatives alone.
    let (code, json, _) = jetfit(&["check", &run, "--points", &path(&directory, "points.csv"), "--format", "json"]);
    let value: Value = serde_json::from_str(&json).unwrap();
    assert!(code == 0 && value["terms"].as_array().unwrap().is_empty());
}

#[test]
fn a_job_that_is_not_the_model_s_is_bad_input() {
    let directory = model_and_points(Activation::Tanh);
    for other in [EQUATIONS.replace("u0", "v"), format!("{EQUATIONS}[coefficients]\nk = 1\n").replace("0.1*", "k*")] {
        std::fs::write(directory.path().join("job.toml"), other).unwrap();
        let (code, stdout, stderr) = jetfit(&["check", &directory.path().display().to_string()]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains("have different inputs, outputs or coefficients"), "{stderr}");
    }
}

#[test]
fn bad_usage_of_check_ends_with_exit_code_2() {
    let directory = model_and_points(Activation::Tanh);
    let (model, points) = (path(&directory, "model.safetensors"), path(&directory, "points.csv"));
    let cases: [(&[&str], &str); 7] = [
        (&[&model], "add --points FILE"),
        (&["missing.safetensors", "--points", &points], "missing.safetensors"),
        (&[&model, "--points", "missing.csv"], "missing.csv"),
        (&[&model, "--points", &model], "model.safetensors"),
        (&[&model, "--points", &points, "--tolerance", "0"], "positive"),
        (&[&model, "--points", &points, "--second", "laplacian"], "diagonal, full"),
        (&[&model, "--points", &points, "--device", "toaster"], "toaster"),
    ];
    for (arguments, needed) in cases {
        let (code, stdout, stderr) = jetfit(&[&["check"], arguments].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(needed), "{arguments:?}: {stderr}");
    }
}

/// A benchmark that takes no time to speak of.
const SMALL: [&str; 12] =
    ["bench", "--device", "cpu", "--hidden", "8,8", "--batch", "16,33", "--repeats", "1", "--threads", "1", "--quiet"];

#[test]
fn a_benchmark_has_a_row_for_each_batch_and_order() {
    let directory = tempfile::tempdir().unwrap();
    let (csv, png) = (path(&directory, "bench.csv"), path(&directory, "bench.png"));
    let more = ["--order", "0,2", "--format", "json", "--out", &csv, "--plot", &png];
    let (code, json, stderr) = jetfit(&[SMALL.as_slice(), &more].concat());
    assert_eq!(code, 0, "{stderr}");
    let value: Value = serde_json::from_str(&json).unwrap();
    assert!(value["device"].as_str().unwrap().starts_with("cpu") && value["clock"] == "host");
    let rows = value["rows"].as_array().unwrap();
    let keys: Vec<_> =
        rows.iter().map(|row| (row["batch"].as_u64().unwrap(), row["order"].as_u64().unwrap())).collect();
    assert_eq!(keys, [(16, 0), (16, 2), (33, 0), (33, 2)]);
    for row in rows {
        assert_eq!(row["mode"], "train");
        for key in ["seconds_median", "seconds_min", "points_per_second", "gflops", "cost_ratio", "working_bytes"] {
            assert!(row[key].as_f64().unwrap() > 0.0, "{key}: {row}");
        }
    }
    let csv = std::fs::read_to_string(csv).unwrap();
    assert!(csv.starts_with("batch,order,mode,seconds_median,") && csv.lines().count() == 5, "{csv}");
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    assert!(directory.path().join("bench.svg").exists());
}

#[test]
fn a_benchmark_takes_the_shape_of_a_model() {
    let directory = tempfile::tempdir().unwrap();
    let model = path(&directory, "model.safetensors");
    mixed_model(2, 3).write(&model).unwrap();
    let flags =
        ["bench", &model, "--device", "cpu", "--batch", "33", "--repeats", "1", "--mode", "evaluate", "--quiet"];
    let (code, stdout, stderr) = jetfit(&flags);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("tanh-linear-sin-silu-sigmoid-gelu 2-7-7-33-7-33-7-3"), "{stdout}");
    let (code, _, stderr) = jetfit(&[&flags[..], &["--hidden", "8"]].concat());
    assert_eq!(code, 2, "{stderr}");
}

#[test]
fn an_exported_problem_has_the_answer_that_its_numbers_have() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("problem.safetensors");
    let (code, _, stderr) = jetfit(&[SMALL.as_slice(), &["--export", file.to_str().unwrap()]].concat());
    assert_eq!(code, 0, "{stderr}");
    let tensors = TensorFile::read(&file).unwrap().tensors;
    let numbers = |name: &str| &tensors[name].values;
    assert_eq!((&tensors["inputs"].shape, &tensors["jets"].shape), (&vec![33, 2], &vec![1, 5, 33]));
    let squares: f64 = numbers("jets").iter().zip(numbers("targets")).map(|(u, target)| (u - target).powi(2)).sum();
    let loss = numbers("loss")[0];
    assert!((squares / 33.0 / loss - 1.0).abs() < 1e-12, "{squares} {loss}");
    // The bias of the output moves the value alone: its slope is the mean of 2 (u - target).
    let slope: f64 = (0..33).map(|p| 2.0 * (numbers("jets")[p] - numbers("targets")[p]) / 33.0).sum();
    assert!((numbers("biases_bar.2")[0] / slope - 1.0).abs() < 1e-12);
    assert_eq!(tensors["weights_bar.1"].shape, [8, 8]);
}

#[test]
fn the_clock_of_the_device_is_taken_unless_the_host_s_is_asked_for() {
    let model = random_model(2, &[8], 1, Activation::Tanh, 3);
    let report = |clock| {
        let (batches, orders, seconds) = (vec![16], vec![1], Seconds::Diagonal);
        let settings = Settings { batches, orders, seconds, mode: Mode::Train, repeats: 3, clock };
        let mut open = |model: &Model| {
            let mut device = Tampered::new(model);
            device.clock = Some(0.5);
            Ok(Box::new(device) as _)
        };
        bench::bench(&model, &settings, &mut open, &mut |_| {}).unwrap()
    };
    let own = report(Clock::Device);
    assert_eq!((own.clock, own.rows[0].seconds_median, own.rows[0].cost_ratio), (Clock::Device, 0.5, 1.0));
    let host = report(Clock::Host);
    assert!(host.clock == Clock::Host && host.rows[0].seconds_median != 0.5);
}

#[test]
fn a_benchmark_for_people_is_a_table() {
    let (code, table, _) = jetfit(&[SMALL.as_slice(), &["--mode", "evaluate", "--second", "laplacian"]].concat());
    assert!(code == 0 && table.starts_with("evaluate, tanh 2-8-8-1, f32 on cpu"), "{table}");
    assert!(table.contains("host clock, median of 1") && table.contains("cost ratio"), "{table}");
}

#[test]
fn bad_usage_of_bench_ends_with_exit_code_2() {
    let cases: [&[&str]; 10] = [
        &["--profile"],
        &["--clock", "sun"],
        &["--order", "5"],
        &["--batch", "0"],
        &["--hidden", "8,,8"],
        &["--activation", "tan"],
        &["--activation", "relu", "--order", "2"],
        &["--mode", "both"],
        &["--precision", "f16"],
        &["--repeats", "0"],
    ];
    for case in cases {
        let (code, stdout, stderr) = jetfit(&[&["bench", "--device", "cpu"], case].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{case:?}: {stderr}");
    }
}
