//! `jetfit train` end to end: the shipped examples, what a run leaves behind, and how it ends.

use crate::runs::{Place, assert_errors, assert_says, example, relative_error};
use jetfit::network::Model;
use serde_json::{Value, json};

/// All of a run that has one input.
const FILES: [&str; 11] = [
    ".jetfit-run",
    "checkpoint.safetensors",
    "fit.png",
    "fit.svg",
    "job.toml",
    "loss.png",
    "loss.svg",
    "metrics.csv",
    "model.safetensors",
    "predictions.csv",
    "report.json",
];

fn assert_pictures(place: &Place, names: &[&str]) {
    for name in names {
        assert!(place.read(&format!("{name}.png")).starts_with(b"\x89PNG\r\n\x1a\n"), "{name}");
        let svg = place.text(&format!("{name}.svg"));
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
    }
}

#[test]
fn the_sine_job_meets_its_bars_and_leaves_every_file() {
    let place = Place::new("");
    let report = place.report(example("sine/job.toml"), &["--out", "sine"]);
    // The project's bars; plain training with a common recipe gave 7.5e-3, 3.1e-2 and 1.1e-1.
    assert_errors(&report, &[("y", 5e-3), ("dy_dx", 2e-2), ("d2y_dx2", 8e-2)]);
    assert_eq!(report, place.json("sine/report.json"));
    let mut names: Vec<_> = std::fs::read_dir(place.path("sine")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, FILES);
    for (key, value) in [
        ("stop", json!("steps")),
        ("steps", json!(10_000)),
        ("training_rows", json!(900)),
        ("validation_rows", json!(100)),
    ] {
        assert_eq!(report[key], value, "{key}");
    }
    assert!(report["seconds"].as_f64().unwrap() > 0.0 && report["steps_per_second"].as_f64().unwrap() > 0.0);
    let predictions = place.csv("sine/predictions.csv");
    assert_eq!(predictions.keys().map(String::as_str).collect::<Vec<_>>(), ["d2y_dx2", "dy_dx", "x", "y"]);
    assert!(place.text("sine/predictions.csv").starts_with("x,y,dy_dx,d2y_dx2\n-10,"));
    let grid: Vec<f64> = (0..1001).map(|k| -10.0 + 0.02 * f64::from(k)).collect();
    assert!(predictions["x"].iter().zip(&grid).all(|(x, at)| (x - at).abs() < 1e-6));
    assert_eq!(predictions["y"].len(), grid.len());
    let metrics = place.csv("sine/metrics.csv");
    assert_eq!(metrics["step"], (1..=100).map(|k| f64::from(k) * 100.0).collect::<Vec<_>>());
    assert_eq!(metrics["loss"], metrics["loss_y"]);
    assert!(metrics["seconds"].is_sorted());
    assert_pictures(&place, &["sine/fit", "sine/loss"]);
}

#[test]
fn derivatives_in_the_loss_meet_the_bars_of_sobolev_training() {
    let place = Place::new("");
    let report = place.report(example("sine/sobolev.toml"), &["--out", "run"]);
    assert_errors(&report, &[("y", 2e-3), ("dy_dx", 5e-3), ("d2y_dx2", 2e-2)]);
    let terms = report["losses"]["training_terms"].as_array().unwrap();
    assert_eq!(terms.iter().map(|t| t["name"].as_str().unwrap()).collect::<Vec<_>>(), ["y", "dy_dx", "d2y_dx2"]);
}

/// Twice what the noise left in the run that the settings were tuned on.
#[test]
fn the_cushion_is_fitted_as_well_as_its_noise_allows() {
    let place = Place::new("");
    let report = place.report(example("cushion/job.toml"), &["--out", "run"]);
    for (entry, bars) in [("force", [1e-3, 1.5e-2, 1.2e-2, 7e-2]), ("flow", [1e-3, 1.6e-2, 2.4e-2, 2.2e-1])] {
        let [value, p, h, hh] = bars;
        let names = [entry.to_string(), format!("d{entry}_dp"), format!("d{entry}_dh"), format!("d2{entry}_dh2")];
        names.iter().zip([value, p, h, hh]).for_each(|(name, bar)| assert_errors(&report, &[(name, bar)]));
    }
    assert_eq!((&report["training_rows"], &report["validation_rows"]), (&json!(2400), &json!(600)));
    assert_pictures(&place, &["run/fit", "run/loss", "run/parity"]);
    let columns = "p,h,force,dforce_dp,dforce_dh,d2force_dp2,d2force_dh2,flow,dflow_dp,dflow_dh,d2flow_dp2,d2flow_dh2";
    assert!(place.text("run/predictions.csv").starts_with(&format!("{columns}\n2000,0.0005,")));
    assert_eq!(place.csv("run/predictions.csv")["flow"].len(), 41 * 41);
}

#[test]
fn the_resolved_job_runs_again_to_the_same_bits() {
    let place = Place::new("");
    place.report(example("cushion/job.toml"), &["--out", "a", "--steps", "300", "--seed", "5", "--threads", "1"]);
    place.report("a/job.toml", &["--out", "b", "--threads", "2"]);
    for file in ["predictions.csv", "model.safetensors"] {
        assert!(place.read(&format!("a/{file}")) == place.read(&format!("b/{file}")), "{file} differs");
    }
    let changed = place.text("a/job.toml").replace("/a\"", "/b\"").replace("threads = 1", "threads = 2");
    assert_eq!(place.text("b/job.toml"), changed);
}

#[test]
fn a_relu_network_is_told_why_it_has_no_second_derivative() {
    let place = Place::new("");
    let message = place.refused(example("sine/relu.toml"), &["--out", "run"]);
    assert_says(&message, &["relu.toml: predictions.order", "piecewise linear", "kinks", "tanh", "softplus"]);
}

/// Poor starts leave these at an error of 0.9.
#[test]
fn every_kind_of_start_trains() {
    let place = Place::new("");
    let text = std::fs::read_to_string(example("sine/job.toml")).unwrap();
    for file in ["sine.csv", "truth.csv"] {
        place.write(file, std::fs::read(example("sine").join(file)).unwrap());
    }
    for activation in ["sigmoid", "softplus", "sin"] {
        place.write("job.toml", text.replace("\"tanh\"", &format!("{activation:?}")));
        let report = place.report("job.toml", &["--out", activation, "--steps", "4000"]);
        let error = relative_error(&report, "y");
        assert!(error < 2e-2, "{activation}: relative error {error:.2e}");
    }
}

#[test]
fn the_rate_follows_every_schedule() {
    let cases = [
        ("constant", "", [1.0, 1.0]),
        ("cosine", "final_fraction = 0.1", [0.97, 0.1]),
        ("exponential", "final_fraction = 0.01", [0.59, 0.01]),
        ("step", "factor = 0.5\nevery = 20", [1.0, 0.125]),
        ("constant", "warmup = 20", [0.5, 1.0]),
    ];
    for (shape, keys, [first, last]) in cases {
        let training = "[training]\nsteps = 80\nreport_every = 10";
        let place = Place::new(&format!("{training}\n[schedule]\nshape = \"{shape}\"\n{keys}\n"));
        place.report("job.toml", &[]);
        let rates = &place.csv("run/metrics.csv")["learning_rate"];
        assert_eq!(rates.len(), 8);
        for (rate, expected) in [(rates[0], first), (rates[7], last)] {
            // The table's numbers have two digits.
            assert!((rate / 3e-3 - expected).abs() < 0.02 * expected, "{shape} {keys}: {rates:?}");
        }
    }
    // So large a rate does not lower the loss for long.
    let keys = "[training]\nsteps = 400\nreport_every = 10\n[optimizer]\nlearning_rate = 0.3\n";
    let place = Place::new(&format!("{keys}[schedule]\nshape = \"plateau\"\nfactor = 0.1\npatience = 2\n"));
    place.report("job.toml", &[]);
    let rates = &place.csv("run/metrics.csv")["learning_rate"];
    assert!(rates[0] == 0.3 && rates.last() < Some(&0.1), "{rates:?}");
    let falls = rates.windows(2).filter(|pair| pair[0] != pair[1]);
    falls.for_each(|pair| assert!((pair[1] / pair[0] - 0.1).abs() < 1e-12, "{rates:?}"));
}

#[test]
fn epochs_batches_and_rare_reports() {
    // 225 training rows are four batches of 64, the last one smaller.
    let place = Place::new("[training]\nepochs = 3\nbatch_size = 64\nreport_every = 1000\n");
    assert_eq!(place.report("job.toml", &[])["steps"], 12);
    assert_eq!(place.csv("run/metrics.csv")["step"], [12.0]);
    // No report at all before time limit reached.
    let output = place.train("job.toml", &["--out", "none", "--max-seconds", "1e-9", "--format", "json"]);
    assert_eq!(output.status.code(), Some(75));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["stop"], &report["steps"]), (&json!("max_seconds"), &json!(0)));
    assert_eq!(place.csv("none/metrics.csv")["step"], [0.0; 0]);
    assert_pictures(&place, &["none/fit", "none/loss", "none/parity"]);
}

#[test]
fn a_time_limit_ends_the_run_with_all_results() {
    let place = Place::new("[training]\nsteps = 100000000\n");
    let output = place.train("job.toml", &["--max-seconds", "0.3"]);
    let text = String::from_utf8(output.stdout).unwrap();
    // So that `train && next` stops.
    assert_eq!(output.status.code(), Some(75));
    assert!(text.contains("time limit reached"), "{text}");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("resume with: jetfit train --resume "), "{message}");
    assert_eq!(place.json("run/report.json")["stop"], "max_seconds");
    assert_eq!(place.csv("run/predictions.csv")["u"].len(), 35);
}

#[test]
fn early_stopping_keeps_the_best_network() {
    let keys = "steps = 20000\nreport_every = 20\nearly_stopping = 5\n[optimizer]\nlearning_rate = 0.03\n";
    let place = Place::new(&format!("[training]\n{keys}"));
    let report = place.report("job.toml", &[]);
    assert_eq!(report["stop"], "early_stopping");
    let metrics = place.csv("run/metrics.csv");
    let least = metrics["validation"].iter().copied().fold(f64::INFINITY, f64::min);
    let at = metrics["validation"].iter().position(|loss| *loss == least).unwrap();
    assert_eq!(report["best_step"].as_f64().unwrap(), metrics["step"][at]);
    assert_eq!(report["losses"]["validation"].as_f64().unwrap(), least);
    assert_eq!(metrics["step"].len(), at + 1 + 5);
    // The model file is that network: predictions are what it gives.
    let points = "x,t\n0,0\n0,500\n";
    place.write("points.csv", points);
    let mut predict = assert_cmd::Command::cargo_bin("jetfit").unwrap();
    predict.current_dir(place.path("")).args(["predict", "run", "--points", "points.csv", "--device", "cpu"]);
    let output = String::from_utf8(predict.output().unwrap().stdout).unwrap();
    let rows: Vec<String> = place.text("run/predictions.csv").lines().take(3).map(str::to_string).collect();
    assert_eq!(output.lines().collect::<Vec<_>>(), rows);
}

#[test]
fn a_divergent_job_names_its_step_and_keeps_the_last_good_state() {
    for precision in ["f32", "f64"] {
        let rate = if precision == "f32" { "1e30" } else { "1e200" };
        let job = format!("[optimizer]\nlearning_rate = {rate}\n[training]\nsteps = 100\nreport_every = 10\n");
        let place = Place::new(&job);
        let output = place.train("job.toml", &["--precision", precision]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("training diverged at step ") && message.contains("learning_rate"), "{message}");
        let report = place.json("run/report.json");
        assert_eq!(report["stop"], "diverged");
        let step = report["steps"].as_u64().unwrap() + 1;
        assert!(message.contains(&format!("at step {step}:")), "{message}");
        let model = Model::read(place.path("run/model.safetensors")).unwrap();
        assert!(model.parameters.iter().all(|p| p.is_finite()));
        let checkpoint =
            jetfit::files::safetensors_file::TensorFile::read(&place.path("run/checkpoint.safetensors")).unwrap();
        assert!(checkpoint.tensors.values().flat_map(|tensor| &tensor.values).all(|x| x.is_finite()));
        assert!(!place.path("run/predictions.csv").exists());
    }
}

#[test]
fn output_for_people_and_for_programs() {
    let place = Place::new("[training]\nsteps = 20\n");
    let output = place.train("job.toml", &[]);
    let (out, progress) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.contains("run: 20 steps in ") && out.contains("validation"), "{out}");
    assert!(progress.starts_with("train: 20 steps on cpu (") && !progress.contains('\r'), "{progress}");
    // `report` asserts that quiet is silent and stdout is JSON.
    assert_eq!(place.report("job.toml", &["--force"])["name"], "run");
}

#[test]
fn a_run_is_never_overwritten_without_force() {
    let place = Place::new("[training]\nsteps = 5\n");
    place.report("job.toml", &[]);
    let message = place.refused("job.toml", &["--seed", "9"]);
    assert_says(&message, &["run: this directory already holds a run", "--resume", "--force"]);
    let before = place.read("run/model.safetensors");
    place.write("run/notes.txt", "mine");
    place.report("job.toml", &["--seed", "9", "--force"]);
    assert!(place.read("run/model.safetensors") != before && place.text("run/notes.txt") == "mine");
    // A mistake in the data leaves the old run alone, whatever the flags.
    place.write("data.csv", "x,t,u\n1,2,3\n");
    assert_says(&place.refused("job.toml", &["--force"]), &["only one row"]);
}

/// Each is found before the training starts, and nothing is left behind.
#[test]
fn jobs_that_cannot_run() {
    let place = Place::new("[truth]\nfile = \"truth.csv\"\ncolumns = { du_dx = \"du_dx\" }\n");
    place.write("truth.csv", "x,t,du_dx\n0.5,1000,1\n");
    let job = place.text("job.toml");
    for (old, new, parts) in [
        ("\"data.csv\"", "\"dat.csv\"", ["dat.csv", "there is no such file"]),
        (
            "[truth]",
            "[training]\nepochs = 3\n[schedule]\nwarmup = 9\n[truth]",
            ["schedule.warmup", "the run (3 steps)"],
        ),
        ("hidden =", "hiden =", ["job.toml:8: network.hiden: unknown key", "did you mean \"hidden\""]),
        ("[\"u\"]", "[\"v\"]", ["truth.columns.du_dx", "did you mean \"dv_dx\""]),
        ("\"truth.csv\"", "\"trut.csv\"", ["trut.csv", "there is no such file"]),
        ("\"du_dx\" }", "\"du\" }", ["truth.csv: there is no column \"du\"", "It has: \"x\", \"t\", \"du_dx\""]),
        ("grid = {", "points = \"points.csv\" #", ["points.csv", "there is no such file"]),
        ("validation_fraction = 0.25", "validation_file = \"v.csv\"", ["v.csv", "there is no such file"]),
    ] {
        assert!(job.contains(old), "{old}");
        place.write("job.toml", job.replace(old, new));
        assert_says(&place.refused("job.toml", &[]), &parts);
    }
    place.write("job.toml", job.replace("outputs = [\"u\"]", "outputs = [\"w\"]").replace("du_dx =", "dw_dx ="));
    assert_says(&place.refused("job.toml", &[]), &["data.csv: there is no column \"w\"", "\"x\", \"t\", \"u\""]);
    place.write("job.toml", &job);
    let data = place.text("data.csv");
    for (text, part) in [
        (data.replacen("0,0,", "0,NaN,", 1), "data.csv:2: column \"t\": NaN is not a finite number"),
        (data.lines().take(2).collect::<Vec<_>>().join("\n"), "there is only one row"),
        ("x,t,u\n1,5,3\n2,5,4\n3,5,4\n4,5,5\n".to_string(), "input \"t\" is 5 in every training row"),
    ] {
        place.write("data.csv", text);
        assert_says(&place.refused("job.toml", &[]), &[part]);
    }
    place.write("data.csv", data);
    assert_says(
        &place.refused("job.toml", &["--device", "no such adapter"]),
        &["device: no adapter has a name that contains", "no such adapter"],
    );
    assert_says(&place.refused("job.toml", &["--out", "data.csv"]), &["data.csv: this is a file"]);
    assert_says(&place.refused("job.toml", &["--out", "data.csv/run"]), &["cannot write here"]);
    assert_says(&place.refused("job.toml", &["--steps", "0"]), &["--steps"]);
    assert_says(&place.refused("job.toml", &["--max-seconds=-1"]), &["--max-seconds"]);
    assert_says(&place.refused("none.toml", &[]), &["none.toml: there is no such file"]);
}
