//! Tables as users have them: cells without a measurement, other marks and letters, dates, compression, NumPy, stdin.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use assert_cmd::Command;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::runs::{Place, assert_says};

/// Rows (x, y, z, weight) of two waves.
fn waves() -> Vec<[f64; 4]> {
    let row = |k: u32| {
        let x = 0.1 * f64::from(k);
        // Any irrational step is as good as noise.
        let noise = 0.05 * ((f64::from(k) * 0.618).fract() - 0.5);
        [x, 3.0 + x.sin() + noise, 20.0 * (0.5 * x).cos() - noise, 1.0 + f64::from(k % 3)]
    };
    (0..60).map(row).collect()
}

const JOB: &str = r#"
[data]
file = "FILE.csv"
inputs = ["x"]
outputs = ["y", "z"]
weights = "w"
validation_fraction = 0
[network]
hidden = [8]
[device]
precision = "f64"
[predictions]
order = 0
"#;

/// The losses of the terms.
fn losses(report: &Value) -> Vec<f64> {
    let terms = report["losses"]["training_terms"].as_array().unwrap();
    terms.iter().map(|term| term["value"].as_f64().unwrap()).collect()
}

#[test]
fn what_was_not_measured_does_not_count() {
    // Every row once as a whole, and as two rows: each measures one output.
    let (mut whole, mut halves) = ("x,y,z,w\n".to_string(), "x,y,z,w\n".to_string());
    for (k, [x, y, z, w]) in waves().into_iter().enumerate() {
        let gap = ["", "NA", "NaN", "nan", "null"][k % 5];
        writeln!(whole, "{x},{y},{z},{w}").unwrap();
        writeln!(halves, "{x},{y},{gap},{w}\n{x},{gap},{z},{w}").unwrap();
    }
    let place = Place::new("");
    place.write("whole.csv", whole);
    place.write("halves.csv", halves);
    for (optimizer, steps, tolerance) in [("adam", 300, 1e-9), ("lbfgs", 60, 1e-4), ("gauss-newton", 20, 1e-6)] {
        let trained = |file: &str| {
            place.write("job.toml", JOB.replace("FILE", file));
            let (name, steps) = (format!("optimizer.name={optimizer}"), steps.to_string());
            let report = place.report("job.toml", &["--set", &name, "--steps", &steps, "--out", file, "--force"]);
            let counts: Vec<(u64, u64)> = report["measured"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|column| (column["rows"].as_u64().unwrap(), column["of"].as_u64().unwrap()))
                .collect();
            assert_eq!(counts, if file == "halves" { vec![(60, 120); 2] } else { vec![] });
            (losses(&report), place.csv(&format!("{file}/predictions.csv")))
        };
        let ((losses, predicted), (of_halves, of_half)) = (trained("whole"), trained("halves"));
        assert!(losses.iter().all(|loss| *loss < 0.9), "{optimizer}: {losses:?}");
        for (loss, of_half) in losses.iter().zip(&of_halves) {
            assert!((loss / of_half - 1.0).abs() < tolerance, "{optimizer}: {losses:?} {of_halves:?}");
        }
        for name in ["y", "z"] {
            for (a, b) in predicted[name].iter().zip(&of_half[name]) {
                assert!((a - b).abs() < tolerance * 20.0, "{optimizer}: {name} {a} {b}");
            }
        }
    }
    assert!(!place.text("halves/fit.svg").contains("NaN"));
}

#[test]
fn evidence_counts_measured_rows_alone() {
    let row = |k: u32| {
        let noise = 0.2 * ((f64::from(k) * 0.618_034).fract() - 0.5);
        (0.1 * f64::from(k), (0.1 * f64::from(k)).sin() + noise)
    };
    let (mut whole, mut gaps) = ("x,y\n".to_string(), "x,y\n".to_string());
    for (x, y) in (0..80).map(row) {
        writeln!(whole, "{x},{y}").unwrap();
        writeln!(gaps, "{x},{y}\n{x},").unwrap();
    }
    let place = Place::new("");
    let trained = |file: &str, text: &str| {
        place.write(&format!("{file}.csv"), text);
        // A job that leaves everything open is fitted by evidence, as the data is noisy.
        place.write("job.toml", format!("[data]\nfile = \"{file}.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n"));
        let report = place.report("job.toml", &["--out", file]);
        assert_eq!(report["stages"][0]["optimizer"], "evidence");
        place.csv(&format!("{file}/predictions.csv"))
    };
    let (whole, gaps) = (trained("whole", &whole), trained("gaps", &gaps));
    for name in ["y", "dy_dx"] {
        for (a, b) in whole[name].iter().zip(&gaps[name]) {
            assert!((a - b).abs() < 1e-2, "{name}: {a} {b}");
        }
    }
}

#[test]
fn rows_that_judge_judge_what_they_measured() {
    let place = Place::new("");
    let row = |k: u32| format!("{k},{},{}\n", k * k, if k < 3 { k.to_string() } else { String::new() });
    place.write("train.csv", format!("x,y,z\n{}", (0..20).map(row).collect::<String>()));
    place.write("judge.csv", "x,y,z\n4.5,20,\n5.5,,\n");
    let job =
        "[data]\nfile = \"train.csv\"\nvalidation_file = \"judge.csv\"\ninputs = [\"x\"]\noutputs = [\"y\", \"z\"]\n";
    place.write("job.toml", job);
    let report = place.report("job.toml", &["--steps", "50", "--out", "run"]);
    let judged = report["losses"]["validation_terms"].as_array().unwrap();
    assert_eq!(judged.iter().map(|term| term["name"].as_str().unwrap()).collect::<Vec<_>>(), ["y"]);
    assert_eq!(losses(&report).len(), 2);
    let metrics = place.csv("run/metrics.csv");
    assert!(metrics.contains_key("validation_y") && !metrics.contains_key("validation_z"));
}

#[test]
fn inputs_and_weights_need_a_number_in_every_row() {
    let place = Place::new("");
    place.write("job.toml", JOB.replace("FILE", "gaps"));
    let row = |k: usize| match k {
        7 => ",1,1,1\n".to_string(),
        10.. => format!("{k},1,1,NA\n"),
        k => format!("{k},{k},,1\n"),
    };
    place.write("gaps.csv", format!("x,y,z,w\n1,1,1,1\n{}", (2..30).map(row).collect::<String>()));
    let message = place.refused("job.toml", &[]);
    let places = "9 (x), 12 (w), 13 (w), 14 (w), 15 (w), 16 (w), 17 (w), 18 (w), 19 (w), 20 (w)";
    let places = places.replace("9 (x), 12", "8 (x), 11").replace(", 20 (w)", "");
    let first = places.split(", ").next().unwrap();
    assert_says(&message, &["gaps.csv:8: column \"x\": this cell is empty, and 20 more cells have no number", first]);
    assert_says(&message, &["the first 10 in lines 8 (x), 11 (w), 12 (w), 13 (w), 14 (w)"]);
    place.write("gaps.csv", "x,y,z,w\n1,1,,1\n2,2,,1\n");
    assert_says(&place.refused("job.toml", &[]), &["column \"z\" has no measurement in any training row"]);
    place.write("gaps.csv", "x,y,z,w\n1,inf,1,1\n2,2,1,1\n");
    assert_says(&place.refused("job.toml", &[]), &["gaps.csv:2: column \"y\": inf is not a finite number"]);
}

#[test]
fn points_that_may_separate_thousands_are_refused_and_others_are_read() {
    let place = Place::new("");
    let job = |file: &str| format!("[data]\nfile = \"{file}\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n");
    let small = &["--steps", "5", "--out", "run", "--force"];
    for (name, text, is_doubtful) in [
        ("a.csv", "x;y\n1;908\n2;966\n3;1.022\n", true),
        ("b.csv", "x\ty\n1\t12.345\n2\t99.125\n", true),
        ("c.csv", "x;y\n1;908\n2;966.5\n3;1.022\n", false),
        ("d.csv", "x;y\n0.05;908\n0.10;966\n0.15;1.022\n", false),
        ("e.csv", "x;y\n1;0.125\n2;1.022\n", false),
        ("f.csv", "x,y\n1,12.345\n2,99.125\n", false),
    ] {
        place.write(name, text);
        place.write("job.toml", job(name));
        if is_doubtful {
            let message = place.refused("job.toml", small);
            assert_says(
                &message,
                &[name, "column \"y\"", "set data.decimal = \".\" for", "or data.thousands = \".\" for"],
            );
        } else {
            place.report("job.toml", small);
        }
    }
}

/// The bytes of a `.npy` file.
fn npy(shape: &str, numbers: &[f64]) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

#[test]
fn every_format_gives_the_same_run() {
    let place = Place::new("");
    let rows: Vec<(f64, f64)> = (0..30).map(|k| (f64::from(k), (0.2 * f64::from(k)).sin())).collect();
    let text = |x: &str, y: &str| rows.iter().fold(format!("{x},{y}\n"), |text, (x, y)| format!("{text}{x},{y}\n"));
    let (x, y): (Vec<f64>, Vec<f64>) = rows.iter().copied().unzip();
    place.write("data.csv", text("x", "y"));
    let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    encoder.write_all(text("x", "y").as_bytes()).unwrap();
    place.write("data.csv.gz", encoder.finish().unwrap());
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    for (name, column) in [("y", &y), ("x", &x)] {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(&npy("(30,)", column)).unwrap();
    }
    place.write("data.npz", archive.finish().unwrap().into_inner());
    let matrix: Vec<f64> = rows.iter().flat_map(|(x, y)| [*x, *y]).collect();
    place.write("data.npy", npy("(30, 2)", &matrix));
    // Semicolons and commas, in windows-1252.
    let latin = rows.iter().fold("x;y [°]\n".to_string(), |text, (x, y)| format!("{text}{x};{y}\n").replace('.', ","));
    place.write("latin.csv", latin.chars().map(|c| c as u8).collect::<Vec<u8>>());
    // x counts seconds after a date.
    let dates = rows.iter().map(|(x, y)| format!("1970-01-01T00:00:{x:02.0}Z,{y}\n")).collect::<String>();
    place.write("dates.csv", format!("x,y\n{dates}"));
    let mut expected = None;
    for (file, inputs, outputs, more) in [
        ("data.csv", "[\"x\"]", "[\"y\"]", ""),
        ("data.csv.gz", "[\"x\"]", "[\"y\"]", ""),
        ("data.npz", "[\"x\"]", "[\"y\"]", ""),
        ("data.npy", "{ x = \"c0\" }", "{ y = \"c1\" }", ""),
        ("latin.csv", "[\"x\"]", "{ y = \"y [°]\" }", "decimal = \",\"\nencoding = \"latin1\"\n"),
        ("dates.csv", "[\"x\"]", "[\"y\"]", ""),
        ("-", "[\"x\"]", "[\"y\"]", ""),
    ] {
        let job = format!("[data]\nfile = \"{file}\"\ninputs = {inputs}\noutputs = {outputs}\n{more}");
        place.write("job.toml", job);
        let mut command = Command::cargo_bin("jetfit").unwrap();
        command.current_dir(place.path("")).args(["train", "job.toml", "--steps", "20", "--out", "run", "--force"]);
        command.args(["--device", "cpu", "--quiet"]).write_stdin(text("x", "y")).assert().success();
        let found = place.read("run/predictions.csv");
        assert!(expected.get_or_insert_with(|| found.clone()) == &found, "{file}");
        // The resolved job reads the same table.
        if file != "-" {
            place.report("run/job.toml", &["--out", "again", "--force"]);
            assert!(place.read("again/predictions.csv") == found, "{file}");
        }
    }
}

#[test]
fn points_come_from_stdin_and_results_go_to_stdout() {
    let place = Place::new("");
    place.report("job.toml", &["--steps", "20"]);
    place.write("points.csv", "x;t\n0,5;1.000,5\n");
    let predict = |flags: &[&str], stdin: &str| {
        let mut command = Command::cargo_bin("jetfit").unwrap();
        command.current_dir(place.path("")).args(["predict", "run", "--device", "cpu", "--quiet"]).args(flags);
        command.write_stdin(stdin).output().unwrap()
    };
    let from_stdin = predict(&["--points", "-", "--out", "-"], "x,t\n0.5,1000.5\n");
    let from_file = predict(&["--points", "points.csv", "--thousands", "."], "");
    assert!(from_stdin.status.success() && from_file.status.success());
    assert_eq!(from_stdin.stdout, from_file.stdout);
    assert!(from_stdin.stdout.starts_with(b"x,t,u,du_dx,"));
    let refused = predict(&["--points", "points.csv"], "");
    assert_eq!(refused.status.code(), Some(2));
    assert_says(&String::from_utf8(refused.stderr).unwrap(), &["--decimal"]);
}

#[test]
fn names_are_for_expressions_and_columns_for_labels() {
    let place = Place::new("");
    let row = |k: u32| format!("{},{}\n", 300 + 10 * k, (0.3 * f64::from(k)).sin());
    place.write("data.csv", format!("temp [K],\"yield, %\"\n{}", (0..30).map(row).collect::<String>()));
    place.write(
        "job.toml",
        "[data]\nfile = \"data.csv\"\ninputs = { T = \"temp [K]\" }\noutputs = { y = \"yield, %\" }\n\
         [network]\nfeatures = [\"ln(T)\", \"1000/T\"]\n",
    );
    place.report("job.toml", &["--steps", "50", "--out", "run"]);
    assert!(place.text("run/predictions.csv").starts_with("T,y,dy_dT,d2y_dT2\n"));
    let resolved = place.text("run/job.toml");
    assert!(resolved.contains("inputs = { T = \"temp [K]\" }"), "{resolved}");
    let picture = place.text("run/fit.svg");
    assert!(picture.contains("temp [K]") && picture.contains("yield, %") && picture.contains("dy/dT"));
    // Points have the column or the name.
    let predicted = |points: &str| {
        let mut command = Command::cargo_bin("jetfit").unwrap();
        command.current_dir(place.path("")).args(["predict", "run", "--points", "-", "--device", "cpu", "--quiet"]);
        command.write_stdin(points).output().unwrap()
    };
    let [by_column, by_name] = ["temp [K]\n400\n", "T\n400\n"].map(predicted);
    assert!(by_column.status.success());
    assert_eq!(by_column.stdout, by_name.stdout);
    place.report("run/job.toml", &["--out", "again"]);
    assert!(place.read("again/model.safetensors") == place.read("run/model.safetensors"));
    place.write(
        "job.toml",
        "[data]\nfile = \"data.csv\"\ninputs = { T = \"temp [C]\" }\noutputs = { y = \"yield, %\" }\n",
    );
    assert_says(&place.refused("job.toml", &[]), &["there is no column \"temp [C]\"", "did you mean \"temp [K]\"?"]);
}
