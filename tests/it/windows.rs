//! Windows in time: an oscillator over two of its periods, piece by piece.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::runs::Place;
use jetfit::job::{Job, Overrides};
use jetfit::run::windows::{self, Windows};
use jetfit::run::{Mode, Observer};
use jetfit::trainer::Report;

const OSCILLATOR: &str = r#"
[variables]
t = [0, 12]
[network]
outputs = ["u", "twice"]
hidden = [10]
steepness = 1
[[term]]
name = "oscillator"
residual = "u_tt + u = 0"
points = { count = 60 }
[[term]]
name = "twice"
residual = "twice = 2*u"
points = { count = 60 }
[[term]]
name = "position"
residual = "u = 0"
points = { on = "t = low", count = 1 }
[[term]]
name = "speed"
residual = "u_t = 1"
points = { on = "t = 0", count = 1 }
[optimizer]
name = "gauss-newton"
[training]
steps = 60
[predictions]
grid = { t = [0, 12, 25] }
[truth]
expressions = { u = "sin(t)", twice = "2*sin(t)" }
[output]
directory = "run"
"#;

fn oscillator(more: &str) -> Place {
    let place = Place::new("");
    place.write("job.toml", format!("{OSCILLATOR}{more}"));
    place
}

fn error(report: &serde_json::Value, name: &str) -> f64 {
    let errors = report["relative_errors"].as_array().unwrap();
    errors.iter().find(|error| error["name"] == name).unwrap()["value"].as_f64().unwrap()
}

#[test]
fn windows_are_one_function_that_goes_on_with_value_and_slope() {
    let place = oscillator("[windows]\nt = [0, 3, 6, 9, 12]\n");
    let report = place.report("job.toml", &[]);
    let found: Vec<_> = report["windows"].as_array().unwrap().iter().map(|w| [&w["from"], &w["to"]]).collect();
    assert_eq!(found, [[0.0, 3.0], [3.0, 6.0], [6.0, 9.0], [9.0, 12.0]]);
    for name in ["u", "du_dt", "d2u_dt2", "twice"] {
        assert!(error(&report, name) < 1e-4, "{name}: {:e}", error(&report, name));
    }
    // What is without a derivative in time is carried on by its equation alone.
    let start = place.text("run/window-2.csv");
    assert!(start.starts_with("t,before_u,before_du_dt\n3,"), "{start}");
    let predictions = place.csv("run/predictions.csv");
    let (t, u) = (&predictions["t"], &predictions["u"]);
    assert_eq!(t.len(), 25);
    assert!(t.iter().zip(u).all(|(t, u)| (u - t.sin()).abs() < 1e-3), "{u:?}");
    // A window's job runs by itself, and the directory predicts like one network.
    assert!(place.text("run/window-3/job.toml").contains("t = [6.0, 9.0]"));
    place.write("points.csv", "t\n0.5\n7.25\n11.5\n");
    let mut predict = assert_cmd::Command::cargo_bin("jetfit").unwrap();
    let arguments = ["predict", "run", "--points", "points.csv", "--out", "out.csv", "--quiet"];
    let output = predict.current_dir(place.path("")).args(arguments).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = place.csv("out.csv");
    assert!(rows["t"].iter().zip(&rows["d2u_dt2"]).all(|(t, u)| (u + t.sin()).abs() < 1e-2), "{rows:?}");
}

/// Stops at the first report at or after a step, counted over all windows.
struct StopAt<'a>(u64, &'a AtomicBool);

impl Observer for StopAt<'_> {
    fn report(&mut self, report: &Report) {
        self.1.store(report.step >= self.0, Ordering::Relaxed);
    }
}

#[test]
fn a_run_is_resumed_in_any_window() {
    let place = oscillator("[windows]\nt = 3\n");
    let job = |directory: &str| {
        let overrides = Overrides { directory: Some(place.path(directory)), ..Overrides::default() };
        Job::read(place.path("job.toml"), &overrides).unwrap()
    };
    windows::train(&job("whole"), Mode::New, &mut (), &false.into()).unwrap();
    let mut mode = Mode::New;
    for at in [20, 80, 170] {
        let stop = AtomicBool::new(false);
        let report = windows::train(&job("stopped"), mode, &mut StopAt(at, &stop), &stop).unwrap();
        assert!(report.stop.can_be_resumed(), "{at}: {:?}", report.stop);
        mode = Mode::Resume;
    }
    let report = windows::train(&job("stopped"), mode, &mut (), &false.into()).unwrap();
    assert_eq!(report.windows.len(), 3);
    for file in ["window-1/model.safetensors", "window-3/model.safetensors", "predictions.csv"] {
        assert!(place.read(&format!("whole/{file}")) == place.read(&format!("stopped/{file}")), "{file}");
    }
}

#[test]
fn auto_halves_what_is_too_long() {
    let place = oscillator("[windows]\nt = \"auto\"\ntolerance = 1e-5\n");
    let output = place.train("job.toml", &["--format", "json", "--quiet", "--set", "network.hidden=[4]"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("from 0 to 12 ended with a validation loss of"), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let windows = report["windows"].as_array().unwrap();
    assert!(windows.len() > 1, "{windows:?}");
    assert!(windows.iter().all(|window| window["worst"].as_f64().unwrap() <= 1e-5), "{windows:?}");
    assert!(error(&report, "u") < 1e-2, "{:e}", error(&report, "u"));
    // All of them are there, and no more.
    assert!(!Windows::are_in(&place.path("run/window-1")));
    let last = place.path(format!("run/window-{}", windows.len()));
    assert!(last.is_dir() && !place.path(format!("run/window-{}", windows.len() + 1)).exists());
}

#[test]
fn what_windows_cannot_be_is_refused() {
    for (more, part) in [
        ("[windows]\nt = [0, 5]\n", "these edges do not cut t = [0, 12]"),
        ("[windows]\nt = [0, 7, 5, 12]\n", "these edges do not cut t = [0, 12]"),
        ("[windows]\nx = 4\n", "use one of: t"),
        ("[windows]\nt = 4\ntolerance = 1e-3\n", "windows.t"),
        ("[windows]\ntolerance = 1e-3\n", "this section names no input"),
        ("[windows]\nt = 4\n[coefficients]\nk = 1\n", "coefficients of its own"),
    ] {
        let place = oscillator(more);
        if more.contains("coefficients") {
            let text = place.text("job.toml").replace("u_tt + u", "u_tt + k*u");
            place.write("job.toml", text);
        }
        let message = place.refused("job.toml", &[]);
        assert!(message.contains(part), "{part}: {message}");
    }
}
