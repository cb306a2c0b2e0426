//! A run that was stopped and resumed, at any step and on any number of threads, leaves the very bits of
//! one that was never stopped.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::runs::{Place, assert_says};
use jetfit::files::safetensors_file::TensorFile;

/// Mini-batches whose epochs end between reports, a rate and an end that depend on past losses, and
/// enough steps to be caught in the middle.
const LONG: &str = "[training]\nsteps = 6000\nbatch_size = 32\nreport_every = 10\nearly_stopping = 120\nseed = 3
[schedule]\nshape = \"plateau\"\npatience = 25\nfactor = 0.7
[optimizer]\nname = \"adamw\"\nclip_norm = 0.5
[loss]\ncurvature = 1e-4\n";

fn start(place: &Place, arguments: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("jetfit"))
        .current_dir(place.path(""))
        .args(["train", "--device", "cpu"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Sends the signal once there are `more` rows of metrics than there were, and expects a clean end.
fn stop(place: &Place, arguments: &[&str], signal: &str, more: usize) {
    let rows = || std::fs::read_to_string(place.path("run/metrics.csv")).unwrap_or_default().lines().count();
    let before = rows();
    let child = start(place, arguments);
    let patience = Instant::now() + Duration::from_secs(60);
    while rows() < before + more {
        assert!(Instant::now() < patience, "no progress");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(if signal == "-TERM" { 143 } else { 130 }), "{message}");
    assert!(text.contains("interrupted"), "{text}");
    assert!(message.contains("resume with: jetfit train --resume "), "{message}");
    assert_eq!(place.json("run/report.json")["stop"], "interrupted");
}

/// metrics.csv without its clock.
fn history(place: &Place, name: &str) -> Vec<String> {
    let text = place.text(name);
    let without_seconds = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        [&fields[..1], &fields[2..]].concat().join(",")
    };
    assert!(text.starts_with("step,seconds,"));
    text.lines().map(without_seconds).collect()
}

fn stopped_three_times(precision: &str) {
    let place =
        Place::new(&LONG.replace("[optimizer]", &format!("[device]\nprecision = \"{precision}\"\n[optimizer]")));
    place.write("job.toml", place.text("job.toml").replace("hidden = [9]", "hidden = [64, 33]"));
    let straight = place.report("job.toml", &["--out", "straight", "--threads", "2"]);
    stop(&place, &["job.toml", "--threads", "1"], "-INT", 5);
    stop(&place, &["--resume", "run", "--threads", "2"], "-TERM", 5);
    let first = place.json("run/report.json")["steps"].as_u64().unwrap();
    let limited = start(&place, &["--resume", "run", "--threads", "3", "--max-seconds", "0.05"]);
    assert_eq!(limited.wait_with_output().unwrap().status.code(), Some(75));
    let report = place.json("run/report.json");
    assert_eq!(report["stop"], "max_seconds");
    assert!(report["steps"].as_u64().unwrap() > first);
    let last =
        start(&place, &["--resume", "run", "--threads", "1", "--max-seconds", "600"]).wait_with_output().unwrap();
    assert!(last.status.success());
    let resumed = place.json("run/report.json");
    for key in ["stop", "steps", "best_step", "losses"] {
        assert_eq!(resumed[key], straight[key], "{key}");
    }
    assert!(straight["steps"].as_u64() > report["steps"].as_u64(), "the run ended before it was resumed");
    for file in ["model.safetensors", "predictions.csv"] {
        assert!(place.read(&format!("run/{file}")) == place.read(&format!("straight/{file}")), "{file} differs");
    }
    assert_eq!(history(&place, "run/metrics.csv"), history(&place, "straight/metrics.csv"));
    let tensors = |run: &str| TensorFile::read(&place.path(run).join("checkpoint.safetensors")).unwrap().tensors;
    assert!(tensors("run") == tensors("straight"));
}

#[test]
fn stopped_and_resumed_in_f32() {
    stopped_three_times("f32");
}

#[test]
fn stopped_and_resumed_in_f64() {
    stopped_three_times("f64");
}

/// Ends by its steps, or by early stopping where `more` asks for it.
#[test]
fn a_run_that_is_done_writes_its_results_again() {
    for more in ["steps = 50", "steps = 20000\nearly_stopping = 3\n[optimizer]\nlearning_rate = 0.1"] {
        let place = Place::new(&format!("[training]\nreport_every = 10\n{more}\n"));
        let done = place.report("job.toml", &[]);
        let [predictions, metrics] = ["run/predictions.csv", "run/metrics.csv"].map(|file| place.read(file));
        std::fs::remove_file(place.path("run/predictions.csv")).unwrap();
        let output = start(&place, &["--resume", "run"]).wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("nothing left to do"), "{text}");
        assert!(place.read("run/predictions.csv") == predictions && place.read("run/metrics.csv") == metrics);
        let again = place.json("run/report.json");
        assert_eq!(again["steps_per_second"], serde_json::Value::Null);
        for key in ["stop", "steps", "best_step", "losses"] {
            assert_eq!(again[key], done[key], "{key}");
        }
    }
}

#[test]
fn more_steps_than_before() {
    let place = Place::new("[training]\nreport_every = 10\nsteps = 30\n[schedule]\nshape = \"constant\"\n");
    place.report("job.toml", &[]);
    place.report("job.toml", &["--out", "long", "--steps", "60"]);
    assert!(start(&place, &["--resume", "run", "--steps", "60"]).wait_with_output().unwrap().status.success());
    assert!(place.read("run/model.safetensors") == place.read("long/model.safetensors"));
}

#[test]
fn what_cannot_be_resumed() {
    let place = Place::new("[training]\nsteps = 20\n");
    place.report("job.toml", &[]);
    let resume = |flags: &[&str], parts: &[&str]| {
        let before = place.files();
        let output = start(&place, &[&["--resume"], flags].concat()).wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert_says(&message, parts);
        assert!(place.files() == before, "files have changed: {message}");
    };
    resume(&["none"], &["none: there is no such directory"]);
    resume(&["."], &["help: "]);
    let job = place.text("run/job.toml");
    for (old, new, part) in [
        ("hidden = [9]", "hidden = [10]", "belongs to another network"),
        ("\"tanh\"", "\"sin\"", "belongs to another network"),
        ("precision = \"f32\"", "precision = \"f64\"", "the run has precision f32, but the job has f64"),
        ("validation_fraction = 0.25", "validation_fraction = 0.5", "data has changed"),
    ] {
        assert!(job.contains(old), "{job}");
        place.write("run/job.toml", job.replace(old, new));
        resume(&["run"], &["checkpoint.safetensors: the run's job.toml has changed", "--edited"]);
        resume(&["run", "--edited"], &["checkpoint.safetensors", part]);
    }
    // Cut off where it is another job, whole as TOML may be.
    for (end, _) in job.match_indices("\n[") {
        place.write("run/job.toml", &job[..end]);
        resume(&["run"], &["help: "]);
    }
    place.write("run/job.toml", &job);
    let data = place.text("data.csv");
    place.write("data.csv", format!("{data}0.5,1000,0.4\n"));
    resume(&["run"], &["data has changed", "restore the data files"]);
    // As many rows, of the same mean and deviation.
    let mut rows: Vec<&str> = data.lines().collect();
    rows[1..].reverse();
    place.write("data.csv", rows.join("\n") + "\n");
    resume(&["run"], &["data has changed", "restore the data files"]);
    place.write("data.csv", &data);
    let checkpoint = place.read("run/checkpoint.safetensors");
    place.write("run/checkpoint.safetensors", &checkpoint[..checkpoint.len() / 2]);
    resume(&["run"], &["checkpoint.safetensors: this file is truncated"]);
    let mut flipped = checkpoint.clone();
    *flipped.last_mut().unwrap() ^= 1;
    place.write("run/checkpoint.safetensors", flipped);
    resume(&["run"], &["checkpoint.safetensors: the file has changed since it was written"]);
    std::fs::remove_file(place.path("run/checkpoint.safetensors")).unwrap();
    resume(&["run"], &["checkpoint.safetensors: there is no such file"]);
}

#[test]
fn an_edited_job_goes_on_where_that_is_asked_for() {
    let place = Place::new("[training]\nsteps = 20\n");
    place.report("job.toml", &[]);
    let job = place.text("run/job.toml");
    place.write("run/job.toml", job.replace("steps = 20", "steps = 30"));
    for (flags, code) in
        [(&["--resume", "run"][..], 2), (&["--resume", "run", "--edited"], 0), (&["--resume", "run"], 0)]
    {
        let output = start(&place, flags).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{flags:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(place.json("run/report.json")["steps"], 30);
}

#[test]
fn a_run_that_was_killed_before_its_first_checkpoint_begins_again() {
    let place = Place::new("[training]\nsteps = 100000000\n");
    let mut child = start(&place, &["job.toml"]);
    let patience = Instant::now() + Duration::from_secs(60);
    while !place.path("run/metrics.csv").exists() {
        assert!(Instant::now() < patience, "no progress");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("run/checkpoint.safetensors").exists());
    let output = start(&place, &["--resume", "run", "--steps", "20"]).wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && message.contains("it starts again from step 0"), "{message}");
    assert_eq!(place.json("run/report.json")["steps"], 20);
}

#[test]
fn checkpoints_come_by_the_clock() {
    let place = Place::new(
        "[training]\nsteps = 100000000\nreport_every = 100000000\ncheckpoint_every = 0.05\n\
         [schedule]\nshape = \"constant\"\n",
    );
    // What trials choose would depend on the steps.
    place.write("job.toml", place.text("job.toml").replace("hidden = [9]", "hidden = [9]\nsteepness = 1.0"));
    let mut child = start(&place, &["job.toml"]);
    let checkpoint = || {
        let bytes = std::fs::read(place.path("run/checkpoint.safetensors")).ok()?;
        let file = TensorFile::parse(&bytes, &place.path("run")).unwrap();
        file.document["step"].as_u64()
    };
    let patience = Instant::now() + Duration::from_secs(60);
    let mut steps = vec![];
    while steps.len() < 3 {
        assert!(Instant::now() < patience, "no progress");
        std::thread::sleep(Duration::from_millis(1));
        steps.extend(checkpoint());
        steps.dedup();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let from = checkpoint().unwrap();
    assert!(steps.is_sorted() && steps[0] > 0 && from >= steps[2], "{steps:?} {from}");
    // To the bits of a run that was never stopped, from a step that no report has seen.
    let steps = (from + 7).to_string();
    for flags in [&["--resume", "run"][..], &["job.toml", "--out", "straight"]] {
        let output = start(&place, &[flags, &["--steps", &steps]].concat()).wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(place.read("run/model.safetensors") == place.read("straight/model.safetensors"));
}
