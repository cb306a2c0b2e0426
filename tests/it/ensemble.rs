//! Ensembles: their mean and spread, in tables and pictures, resuming, and predictions at other points.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::runs::Place;
use assert_cmd::Command;
use jetfit::job::{Job, Overrides};
use jetfit::run::{Mode, Observer, ensemble};
use jetfit::trainer::{Report, Stop};

const SHORT: &str = "[training]\nsteps = 60\nreport_every = 20\nseed = 4\n";

#[test]
fn the_mean_and_the_spread_are_the_members() {
    let place = Place::new(SHORT);
    let report = place.report("job.toml", &["--ensemble", "3"]);
    assert_eq!(report["members"].as_array().unwrap().len(), 3);
    let all = place.csv("run/predictions.csv");
    let members: Vec<_> = (1..=3).map(|k| place.csv(&format!("run/member-{k}/predictions.csv"))).collect();
    for entry in ["u", "du_dx", "d2u_dt2"] {
        let mut square = (0.0, 0.0);
        for row in 0..35 {
            let values: Vec<f64> = members.iter().map(|member| member[entry][row]).collect();
            let mean = values.iter().sum::<f64>() / 3.0;
            let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
            // Student's t: with two degrees of freedom 95 % lie within 4.303 deviations.
            let spread = spread * 0.5 * 4.303 * (4f64 / 3.0).sqrt();
            // The files hold every digit.
            let scale = 1e-9 * values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
            assert!((all[entry][row] - mean).abs() <= scale, "{entry} {row}");
            assert!((all[&format!("{entry}_spread")][row] - spread).abs() <= scale && spread > 0.0, "{entry} {row}");
            square = (square.0 + spread * spread, square.1 + mean * mean);
        }
        let spreads = report["relative_spreads"].as_array().unwrap();
        let told = spreads.iter().find(|spread| spread["name"] == entry).unwrap()["value"].as_f64().unwrap();
        assert!((told / (square.0 / square.1).sqrt() - 1.0).abs() < 1e-9, "{entry}: {told}");
    }
    assert!(place.text("run/fit.svg").contains("two standard deviations of the ensemble"));
    // Each member is the run of its own seed.
    place.write("alone.toml", place.text("job.toml") + "bootstrap = true\n");
    place.report("alone.toml", &["--seed", "5", "--out", "alone"]);
    assert!(place.read("alone/model.safetensors") == place.read("run/member-2/model.safetensors"));
}

#[test]
fn noise_is_seen_by_drawing_the_rows_anew() {
    let spread = |more: &str| {
        let place = Place::new(&format!("{}{more}", SHORT.replace("60", "600")));
        let report = place.report("job.toml", &["--ensemble", "4"]);
        report["relative_spreads"][0]["value"].as_f64().unwrap()
    };
    let (with, without) = (spread(""), spread("bootstrap = false\n"));
    assert!(with > without, "{with} {without}");
}

#[test]
fn other_points_have_a_spread_too() {
    let place = Place::new(SHORT);
    place.report("job.toml", &["--ensemble", "2"]);
    place.write("points.csv", "x,t\n0.5,100\n0.25,1500\n");
    let mut command = Command::cargo_bin("jetfit").unwrap();
    command.current_dir(place.path("")).args(["predict", "run", "--points", "points.csv", "--out", "jets.csv", "-q"]);
    command.args(["--device", "cpu", "--order", "1"]).assert().success();
    assert!(place.text("jets.csv").starts_with("x,t,u,u_spread,du_dx,du_dx_spread,du_dt,du_dt_spread\n0.5,100,"));
}

/// Stops everything at the first report at or after so many steps of all members, which begin once.
struct StopAt<'a>(u64, &'a AtomicBool, usize);

impl Observer for StopAt<'_> {
    fn started(&mut self, _: &str, done: u64, steps: u64) {
        self.2 += 1;
        assert!(steps == 180 && done < 180 && self.2 == 1, "{done} {steps} {}", self.2);
    }

    fn report(&mut self, report: &Report) {
        assert!(report.step <= 180);
        self.1.fetch_or(report.step >= self.0, Ordering::Relaxed);
    }
}

#[test]
fn an_ensemble_has_the_same_bits_side_by_side_or_stopped_and_resumed() {
    let trained = |threads: usize, stops: &[u64]| {
        let place = Place::new(&format!("{SHORT}ensemble = 3\n"));
        let (directory, threads) = (Some(place.path("run")), Some(threads));
        let overrides = Overrides { directory, threads, ..Overrides::default() };
        let job = Job::read(place.path("job.toml"), &overrides).unwrap();
        let mut mode = Mode::New;
        for step in stops {
            let stop = AtomicBool::new(false);
            let report = ensemble::train(&job, 3, mode, &mut StopAt(*step, &stop, 0), &stop).unwrap();
            assert_eq!((report.stop, report.relative_spreads.len()), (Stop::Interrupted, 0));
            mode = Mode::Resume;
        }
        let report = ensemble::train(&job, 3, mode, &mut (), &false.into()).unwrap();
        assert_eq!((report.stop, report.members.len()), (Stop::Steps, 3));
        place.read("run/predictions.csv")
    };
    let whole = trained(1, &[]);
    // One thread: in the first member and in the second; more: in the first two, in all.
    for (threads, stops) in [(2, &[][..]), (3, &[]), (1, &[20, 100]), (2, &[20, 100]), (5, &[40])] {
        assert!(whole == trained(threads, stops), "{threads} threads, stopped at {stops:?}");
    }
}

#[test]
fn no_members_are_refused() {
    let place = Place::new(SHORT);
    crate::runs::assert_says(&place.refused("job.toml", &["--ensemble", "0"]), &["--ensemble", "at least 1"]);
    place.write("job.toml", place.text("job.toml") + "ensemble = 0\n");
    crate::runs::assert_says(&place.refused("job.toml", &[]), &["training.ensemble"]);
}
