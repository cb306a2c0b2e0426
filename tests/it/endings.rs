//! A failure never looks like an end: exit codes, what is left behind, and what is said.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::runs::{Place, assert_says};

fn start(place: &Place, arguments: &[&str]) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("jetfit"));
    command.current_dir(place.path("")).args(arguments).args(["--device", "cpu"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn wait_for(place: &Place, is_there: impl Fn(&str) -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    let names = || std::fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    while !names().any(|name| is_there(&name)) {
        assert!(Instant::now() < patience, "no progress");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The exit code and stderr.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_prediction_that_is_stopped_leaves_no_file() {
    let place = Place::new("[training]\nsteps = 5\n");
    place.report("job.toml", &[]);
    let rows: String = (0..2_000_000).map(|k| format!("{},{}\n", f64::from(k) * 5e-7, k % 2000)).collect();
    place.write("points.csv", format!("x,t\n{rows}"));
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let child = start(&place, &["predict", "run", "--points", "points.csv", "--out", "jets.csv"]);
        wait_for(&place, |name| name.starts_with(".jetfit-"));
        send(signal, &child);
        let (ended, message) = ended(child);
        assert_eq!(ended, Some(code), "{message}");
        assert!(message.contains("jets.csv was not written"), "{message}");
        wait_for(&place, |name| name == "points.csv");
        let left = std::fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        assert!(left.into_iter().all(|name| !name.starts_with(".jetfit-") && name != "jets.csv"));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    // One step takes long, and the first signal is heard after it.
    let place = equation("u_xx = u^2", "[training]\nsteps = 3\n[device]\nthreads = 1\n");
    let job = place.text("equation.toml").replace("count = 64", "count = 500000").replace("[8]", "[128, 128]");
    place.write("equation.toml", job);
    let child = start(&place, &["train", "equation.toml"]);
    wait_for(&place, |name| name == "run");
    send("-INT", &child);
    std::thread::sleep(Duration::from_millis(100));
    send("-INT", &child);
    assert_eq!(ended(child).0, Some(130));
    assert!(!place.path("run/report.json").exists());
}

#[test]
fn a_signal_is_heard_in_the_middle_of_a_step_and_the_last_one_is_saved() {
    let place = equation("u_xx = u^2", "[training]\nsteps = 3\nreport_every = 1\n[device]\nthreads = 1\n");
    let job = place.text("equation.toml").replace("count = 64", "count = 800000").replace("[8]", "[128, 128]");
    place.write("equation.toml", job);
    let child = start(&place, &["train", "equation.toml"]);
    let patience = Instant::now() + Duration::from_secs(120);
    while std::fs::read_to_string(place.path("run/metrics.csv")).unwrap_or_default().lines().count() < 2 {
        assert!(Instant::now() < patience, "no progress");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    let sent = Instant::now();
    send("-TERM", &child);
    let (code, message) = ended(child);
    assert_eq!(code, Some(143), "{message}");
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    assert!(message.contains("interrupted by SIGTERM; resume with: jetfit train --resume "), "{message}");
    let path = place.path("run/checkpoint.safetensors");
    assert!(jetfit::files::safetensors_file::TensorFile::read(&path).unwrap().document["step"].as_u64() >= Some(1));
}

#[test]
fn an_ensemble_that_is_stopped_says_so() {
    let place = Place::new("[training]\nsteps = 100000000\n");
    let (code, message) = ended(start(&place, &["train", "job.toml", "--ensemble", "2", "--max-seconds", "0.2"]));
    assert_eq!(code, Some(75), "{message}");
    assert!(message.contains("resume with: jetfit train --resume "), "{message}");
    let child = start(&place, &["train", "job.toml", "--ensemble", "2", "--force"]);
    std::thread::sleep(Duration::from_millis(500));
    send("-TERM", &child);
    assert_eq!(ended(child).0, Some(143));
}

/// An equation on 64 points, and what else the job says.
fn equation(residual: &str, more: &str) -> Place {
    let place = Place::new("");
    let job = format!(
        "[variables]\nx = [-1, 1]\n[network]\noutputs = [\"u\"]\nhidden = [8]\n[[term]]\nname = \"r\"\n\
         residual = \"{residual}\"\npoints = {{ count = 64 }}\n[output]\ndirectory = \"run\"\n{more}"
    );
    place.write("equation.toml", job);
    place
}

#[test]
fn a_residual_without_a_value_is_named_before_anything_is_written() {
    let gauss_newton = "[optimizer]\nname = \"gauss-newton\"\n[training]\nsteps = 20\n";
    for (residual, more, parts) in [
        ("u_xx + log(x)", gauss_newton, &["term \"r\": residual: log(x) is NaN at x = -0.", "(32 of 64 points)"][..]),
        ("u_xx + log(x)", "[training]\nsteps = 20\n", &["log(x) is NaN", "keep x in the domain of log", "max"]),
        ("u_x = sqrt(1 - 4*x^2)*u", "", &["sqrt(1 - 4*x^2) is NaN", "keep 1 - 4*x^2 where sqrt"]),
        ("u_x + 1/(x - x)", "", &["residual"]),
        ("u_x = log(u - 100)", "", &["log(u - 100) is NaN at x = ", "[transforms]"]),
        ("u + sqrt(abs(x))*0 + (u - u + x)^1.5", "", &["is NaN at x = "]),
    ] {
        let message = equation(residual, more).refused("equation.toml", &[]);
        assert_says(&message, parts);
        assert!(!message.contains("learning_rate"), "{message}");
    }
    // What an `if` does not choose needs no value.
    let place = equation("u_xx + if(x < 0, 1, log(x + 1e-9))", "[training]\nsteps = 2\n");
    place.report("equation.toml", &[]);
}

#[test]
fn a_derivative_without_a_value_is_named_too() {
    // u is 0 at x = 0 for certain, where √u has no derivative.
    let place = Place::new("");
    let job = "[variables]\nx = [-1, 1]\n[network]\noutputs = [\"u\"]\nhidden = [8]\n[transforms]\nu = \"x*net\"\n\
               [[term]]\nname = \"r\"\nresidual = \"u_x = sqrt(u)\"\n\
               points = { count = 1, on = \"x = 0\" }\n[output]\ndirectory = \"run\"\n";
    place.write("equation.toml", job.replace("x = [-1, 1]", "x = [0, 1]"));
    let message = place.refused("equation.toml", &[]);
    assert_says(
        &message,
        &["term \"r\": residual", "in its derivative with respect to net", "at x = 0 (1 of 1 points)"],
    );
}

#[test]
fn a_loss_that_only_grows_is_an_error() {
    // Its start is near 1, and a rate of 10⁶ takes it far away for good.
    let more = "[optimizer]\nlearning_rate = 1e6\n[schedule]\nshape = \"constant\"\n\
                [training]\nsteps = 50\nreport_every = 10\n";
    let place = equation("u = sin(3*x)", more);
    place.write("equation.toml", place.text("equation.toml").replace("hidden = [8]", "hidden = []"));
    let output = place.train("equation.toml", &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_says(
        &message,
        &["training diverged: at the same points, the loss rose from ", "lower optimizer.learning_rate"],
    );
    for file in ["report.json", "predictions.csv", "model.safetensors", "loss.png"] {
        assert!(place.path("run").join(file).is_file(), "{file}");
    }
}

#[test]
fn a_divergence_on_the_way_names_the_term_and_fits_the_optimizer() {
    // From u near 0 the rate takes u below −1, where the logarithm ends.
    let more = "[optimizer]\nlearning_rate = 5\n[training]\nsteps = 200\nreport_every = 1\n";
    let place = equation("u + 0*u_x = log(u + 3) - 9", more);
    let output = place.train("equation.toml", &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_says(&message, &["training diverged at step ", "term \"r\"", "lower optimizer.learning_rate"]);
}

#[test]
fn causal_weights_that_never_wake_are_a_warning() {
    let job = |tolerance: f64| {
        let place = Place::new("");
        let job = format!(
            "[variables]\nx = [-1, 1]\nt = [0, 2]\n[network]\noutputs = [\"u\"]\nhidden = [8]\n[[term]]\nname = \"r\"\n\
             residual = \"u_t = 10 + u_x\"\npoints = {{ count = 200, causal = {{ input = \"t\", slices = 10, tolerance = \
             {tolerance}, every = 5 }} }}\n[training]\nsteps = 20\n[output]\ndirectory = \"run\"\n"
        );
        place.write("equation.toml", job);
        let report = place.report("equation.toml", &[]);
        let said = report["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_string());
        said.filter(|text| text.contains("causal")).collect::<Vec<_>>()
    };
    let warnings = job(100.0);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["term \"r\"", "not enforced after t = 0.2", "causal.tolerance"] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
    assert_eq!(job(1e-6), Vec::<String>::new());
}
