//! Noisy values: curvature penalties, and training by evidence, which is the default for them.

use crate::runs::{Place, assert_errors, assert_says, example};
use jetfit::job::{Job, OptimizerKind, Overrides};
use jetfit::problem::Problem;
use jetfit::run::settle::settle;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

/// Values at random places of [-4, 4] with normal noise of a standard deviation.
fn rows(count: usize, deviation: f64, curve: impl Fn(f64) -> f64) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut row = |_| {
        let x: f64 = random.random_range(-4.0..4.0);
        let normal: f64 = StandardNormal.sample(&mut random);
        format!("{x},{}\n", curve(x) + deviation * normal)
    };
    format!("x,y\n{}", (0..count).map(&mut row).collect::<String>())
}

/// A place with values of sin x and a job that names their columns and the truth, and nothing else.
fn sine(deviation: f64, more: &str) -> Place {
    let place = Place::new("");
    place.write("data.csv", rows(200, deviation, f64::sin));
    let job = "[data]\nfile = \"data.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n[truth]\nexpressions = { y = \"sin(x)\", \
               dy_dx = \"cos(x)\", d2y_dx2 = \"-sin(x)\" }\n[output]\ndirectory = \"run\"\n";
    place.write("job.toml", format!("{job}{more}"));
    place
}

fn optimizer(report: &Value) -> &str {
    report["stages"][0]["optimizer"].as_str().unwrap()
}

/// The first starter's data, 200 rows: kinks between rows once let the second derivative's error grow from 0.18 to 2.8
/// with the weight.
#[test]
fn curvature_falls_with_its_weight_between_the_rows_too() {
    let place = Place::new("");
    place.write("data.csv", std::fs::read(example("starters/curve.csv")).unwrap());
    let mut last = f64::INFINITY;
    // Measured: roughness 0.218, 0.206, 0.184, 0.156, 0.082, and errors 0.30, 0.19, 0.26, 0.36, 0.54.
    for (weight, bar) in [(0.0, 0.6), (1e-5, 0.25), (1e-4, 0.35), (1e-3, 0.5), (1e-2, 0.7)] {
        let job = format!(
            "[data]\nfile = \"data.csv\"\ninputs = [\"t\"]\noutputs = [\"s\"]\n[loss]\ncurvature = {weight}\n\
             [network]\nhidden = [32, 32]\n[training]\nsteps = 4000\n[output]\ndirectory = \"run{weight}\"\n\
             [truth]\nexpressions = {{ d2s_dt2 = \"-0.64*sin(0.8*t)\" }}\n"
        );
        place.write("job.toml", job);
        let report = place.report("job.toml", &[]);
        assert_errors(&report, &[("d2s_dt2", bar)]);
        let second = &place.csv(&format!("run{weight}/predictions.csv"))["d2s_dt2"];
        let roughness = second.iter().map(|s| s * s).sum::<f64>() / second.len() as f64;
        assert!(roughness < last, "{weight}: {roughness} after {last}");
        last = roughness;
    }
}

#[test]
fn noisy_values_are_fitted_by_evidence_without_a_key() {
    let place = sine(0.1, "");
    let report = place.report("job.toml", &[]);
    assert_eq!(optimizer(&report), "evidence");
    // Measured: y'' 0.22 with all rows, and with nine of ten less than 0.2. A tenth of noise is much for 200 rows.
    assert_errors(&report, &[("y", 0.06), ("dy_dx", 0.15), ("d2y_dx2", 0.3)]);
    // The resolved job names what was chosen, and runs again to the same bits.
    let settled = place.text("run/job.toml");
    assert!(settled.contains("name = \"evidence\"") && settled.contains("hidden = [32]"), "{settled}");
    place.write("again.toml", settled.replace("/run\"", "/again\""));
    place.report("again.toml", &["--threads", "1"]);
    assert!(place.read("run/model.safetensors") == place.read("again/model.safetensors"));
}

#[test]
fn clean_values_and_jobs_that_choose_keep_what_they_had() {
    let settled = |deviation: f64, more: &str| {
        let place = sine(deviation, more);
        let job = Job::read(place.path("job.toml"), &Overrides::default()).unwrap();
        let problem = Problem::read(&job).unwrap();
        settle(&job, problem, &false.into()).unwrap().0
    };
    let noisy = settled(0.1, "");
    assert_eq!((noisy.stages[0].optimizer.kind, &noisy.networks[0].hidden[..]), (OptimizerKind::Evidence, &[32][..]));
    for (deviation, more) in [
        (0.0, ""),
        (0.1, "[training]\nsteps = 20\n"),
        (0.1, "[network]\nhidden = [64, 64]\n"),
        (0.1, "[loss]\ncurvature = 1e-5\n"),
    ] {
        let job = settled(deviation, more);
        assert_eq!(job.stages[0].optimizer.kind, OptimizerKind::Adam, "{deviation} {more}");
        assert_eq!((&job.networks[0].hidden[..], job.is_open), (&[64, 64][..], false));
    }
}

#[test]
fn a_stopped_run_resumes_to_the_same_bits() {
    let more = "[optimizer]\nname = \"evidence\"\n[network]\nhidden = [12]\n[training]\nreport_every = 1\nsteps = 12\n";
    let trained = |stops: &[u64]| {
        let place = sine(0.1, more);
        let mut job = Job::read(place.path("job.toml"), &Overrides::default()).unwrap();
        job.output = place.path("run");
        crate::runs::train_with_stops(&job, stops);
        place.read("run/model.safetensors")
    };
    assert!(trained(&[]) == trained(&[3, 7]));
}

#[test]
fn the_band_of_an_ensemble_covers_the_truth() {
    let place = sine(0.1, "");
    place.report("job.toml", &["--ensemble", "5"]);
    let columns = place.csv("run/predictions.csv");
    let x = &columns["x"];
    type Curve = fn(f64) -> f64;
    let curves: [(&str, Curve); 3] = [("y", f64::sin), ("dy_dx", f64::cos), ("d2y_dx2", |x| -x.sin())];
    for (name, curve) in curves {
        let (mean, spread) = (&columns[name], &columns[&format!("{name}_spread")]);
        let inside = x.iter().zip(mean).zip(spread).filter(|((x, y), s)| (*y - curve(**x)).abs() <= 2.0 * *s).count();
        let covered = inside as f64 / x.len() as f64;
        assert!(covered > 0.7, "{name}: {covered}");
    }
}

#[test]
fn evidence_is_refused_where_it_has_no_meaning() {
    let evidence = "[optimizer]\nname = \"evidence\"\n";
    for (more, part) in [
        (format!("{evidence}learning_rate = 1e-3\n"), "optimizer.learning_rate: this key has no effect here"),
        (format!("{evidence}[loss]\ncurvature = 1e-3\n"), "trains on the rows of [data] only"),
        (format!("{evidence}memory = 0\n"), "residuals and its linear system need"),
    ] {
        assert_says(&sine(0.1, &more).refused("job.toml", &[]), &[part]);
    }
    let message = sine(0.1, evidence).refused("job.toml", &["--device", "gpu"]);
    assert_says(&message, &["evidence runs only on the CPU"]);
}
