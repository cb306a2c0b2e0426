//! Stages one after the other, L-BFGS among them: what they reach, what they leave, resuming, and what is refused.

use crate::runs::{Place, train_with_stops};
use jetfit::job::{Job, Length, Overrides, TermPoints};
use jetfit::run::{Mode, run};
use serde_json::Value;

const STAGES: &str = "
[[stage]]
optimizer = \"adam\"
batch_size = 64
steps = 40
report_every = 8
[[stage]]
optimizer = \"lbfgs\"
history = 7
steps = 30
report_every = 6
[[stage]]
optimizer = \"gauss-newton\"
steps = 20
report_every = 4
";

const RESAMPLED: &str = "
[variables]
x = [0, 1]
[network]
outputs = [\"u\"]
hidden = [7]
[[term]]
name = \"slope\"
residual = \"u_x = cos(3*x)\"
points = { sampler = \"uniform\", count = 33, resample_every = 5 }
[[stage]]
optimizer = \"lbfgs\"
steps = 14
report_every = 1
";

#[test]
fn stages_follow_one_another_and_each_says_how_it_ended() {
    let place = Place::new(STAGES);
    let report = place.report("job.toml", &[]);
    let stages = report["stages"].as_array().unwrap();
    let text = |stage: &Value, key: &str| stage[key].as_str().unwrap().to_string();
    let told = |stage: &Value| (text(stage, "optimizer"), stage["steps"].as_u64().unwrap(), text(stage, "stop"));
    let expected = [("adam", 40), ("lbfgs", 30), ("gauss-newton", 20)];
    let expected = expected.map(|(name, steps)| (name.to_string(), steps, "steps".to_string()));
    assert_eq!(stages.iter().map(told).collect::<Vec<_>>(), expected);
    let losses: Vec<f64> = stages.iter().map(|stage| stage["loss"].as_f64().unwrap()).collect();
    assert!(losses.is_sorted_by(|a, b| a > b), "{losses:?}");
    let metrics = place.text("run/metrics.csv");
    let mut lines = metrics.lines();
    assert!(
        lines.next().unwrap().starts_with("step,seconds,stage,damping,learning_rate,step_length,gradient_norm,loss")
    );
    // The rate of the stage alone is there.
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let own = match fields[2] {
            "1" => 4,
            "2" => 5,
            _ => 3,
        };
        assert!((3..6).all(|field| fields[field].is_empty() == (field != own)), "{line}");
    }
    assert!(place.path("run/loss.png").exists());
}

#[test]
fn a_run_that_was_stopped_in_any_stage_resumes_to_the_same_bits() {
    let trained = |threads: usize, stops: &[u64]| {
        let place = Place::new(STAGES);
        let directory = Some(place.path("run"));
        let overrides = Overrides { directory, threads: Some(threads), ..Overrides::default() };
        let job = Job::read(place.path("job.toml"), &overrides).unwrap();
        assert_eq!(train_with_stops(&job, stops).steps, 90);
        let rows = place.text("run/metrics.csv").lines().count();
        (place.read("run/model.safetensors"), rows)
    };
    let whole = trained(1, &[]);
    // In Adam, at its end, in L-BFGS twice, in Gauss–Newton.
    assert!(whole == trained(2, &[]), "threads");
    for stops in [&[16][..], &[40], &[48, 60], &[80]] {
        assert!(whole == trained(2, stops), "{stops:?}");
    }
}

#[test]
fn lbfgs_finds_its_loss_anew_where_its_points_change() {
    let trained = |stops: &[u64]| {
        let place = Place::new("");
        place.write("job.toml", RESAMPLED);
        let overrides = Overrides { directory: Some(place.path("run")), ..Overrides::default() };
        let job = Job::read(place.path("job.toml"), &overrides).unwrap();
        assert_eq!(train_with_stops(&job, stops).steps, 14);
        place.read("run/model.safetensors")
    };
    // A run that is resumed knows no loss. Before new points come, after them, and in between.
    let whole = trained(&[]);
    for stops in [&[5][..], &[6], &[8, 10]] {
        assert!(whole == trained(stops), "{stops:?}");
    }
}

#[test]
fn lbfgs_goes_on_where_adam_stops() {
    let loss = |optimizer: &str, precision: &str| {
        let place = Place::new(&format!("[optimizer]\nname = \"{optimizer}\"\n[training]\nsteps = 400\n"));
        let report = place.report("job.toml", &["--precision", precision]);
        report["losses"]["training"].as_f64().unwrap()
    };
    // The data has noise, so that no loss falls far: 300 rows through 37 parameters.
    let adam = loss("adam", "f64");
    for precision in ["f32", "f64"] {
        let lbfgs = loss("lbfgs", precision);
        assert!(lbfgs < 0.5 * adam, "{precision}: {lbfgs:e}, Adam {adam:e}");
    }
}

#[test]
fn lbfgs_says_why_it_ended() {
    let ended = |keys: &str| {
        let place = Place::new(&format!("[optimizer]\nname = \"lbfgs\"\n{keys}[training]\nsteps = 2000\n"));
        // A linear fit, whose minimum is soon reached.
        place.write("job.toml", place.text("job.toml").replace("hidden = [9]", "hidden = []"));
        let report = place.report("job.toml", &["--precision", "f64"]);
        (report["stop"].as_str().unwrap().to_string(), report["steps"].as_u64().unwrap())
    };
    let (stop, steps) = ended("tolerance = 1e-6\n");
    assert!(stop == "converged" && steps < 50, "{stop} {steps}");
    let (stop, steps) = ended("");
    assert!(stop == "no_descent" && steps < 100, "{stop} {steps}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let lbfgs = "[optimizer]\nname = \"lbfgs\"\n";
    for (more, parts) in [
        (
            format!("{STAGES}[optimizer]\nname = \"adam\"\n"),
            &["[optimizer] has no effect when the job has [[stage]]"][..],
        ),
        (format!("{STAGES}[schedule]\nwarmup = 3\n"), &["[schedule] has no effect when the job has [[stage]]"]),
        (format!("{STAGES}[training]\nsteps = 3\n"), &["training.steps: this key has no effect here", "each stage"]),
        ("[[stage]]\nname = \"adam\"\n".into(), &["stage 1: name: unknown key"]),
        ("[[stage]]\noptimizer = \"bfgs\"\n".into(), &["stage 1: optimizer", "lbfgs"]),
        ("[[stage]]\n[[stage]]\nhistory = 3\n".into(), &["stage 2: history", "optimizer = \"lbfgs\""]),
        ("[[stage]]\n[[stage]]\nsteps = 9\nwarmup = 9\n".into(), &["stage 2: warmup", "the stage (9 steps)"]),
        ("[stage]\nsteps = 9\n".into(), &["[[stage]]"]),
        (format!("{lbfgs}history = 0\n"), &["optimizer.history"]),
        (format!("{lbfgs}tolerance = -1\n"), &["optimizer.tolerance"]),
        (format!("{lbfgs}[training]\nepochs = 3\n"), &["training.epochs", "uses all rows"]),
        (format!("{lbfgs}damping = 1\n"), &["optimizer.damping", "gauss-newton"]),
    ] {
        let place = Place::new(&more);
        let error = Job::read(place.path("job.toml"), &Overrides::default()).unwrap_err();
        let text = error.to_string();
        assert!(error.exit_code() == 2 && parts.iter().all(|part| text.contains(part)), "{text}\nlacks {parts:?}");
    }
}

#[test]
fn values_alone_give_derivatives_to_many_digits() {
    // Measured: 3.6e-8, 1.5e-6 and 7.1e-5; after 120 of the last 300 steps 4.9e-7, 1.5e-5 and 4.6e-4.
    let place = Place::new("");
    let overrides = Overrides { directory: Some(place.path("run")), ..Overrides::default() };
    let mut job = Job::read(crate::runs::example("sine/precise.toml"), &overrides).unwrap();
    job.stages[1].length = Length::Steps(120);
    let summary = run(&job, Mode::New, &mut (), &false.into()).unwrap();
    for (name, bar) in [("y", 1e-5), ("dy_dx", 1e-4), ("d2y_dx2", 1e-3)] {
        let error = summary.relative_errors.iter().find(|error| error.name == name).unwrap().value;
        assert!(error < bar, "{name}: {error:e}");
    }
}

#[test]
fn derivatives_are_fitted_to_three_digits() {
    // Measured: 4.9e-3; with all units and steps 5.6e-4.
    let place = Place::new("");
    let overrides = Overrides { directory: Some(place.path("run")), ..Overrides::default() };
    let mut job = Job::read(crate::runs::example("styblinski_tang/precise.toml"), &overrides).unwrap();
    job.networks[0].hidden = vec![128, 128];
    (job.stages[0].length, job.stages[1].length) = (Length::Steps(300), Length::Steps(200));
    let summary = run(&job, Mode::New, &mut (), &false.into()).unwrap();
    let error = summary.relative_errors.iter().find(|error| error.name == "u").unwrap().value;
    assert!(error < 2e-2, "{error:e}");
}

#[test]
fn a_coefficient_is_found_with_the_solution() {
    let place = Place::new("");
    let overrides = Overrides { directory: Some(place.path("run")), ..Overrides::default() };
    let mut job = Job::read(crate::runs::example("burgers_inverse/precise.toml"), &overrides).unwrap();
    (job.stages[0].length, job.stages[1].length) = (Length::Steps(300), Length::Steps(40));
    let TermPoints::Sampled(points) = &mut job.terms[0].points else { panic!("{:?}", job.terms[0]) };
    (points.count, points.resample_every) = (600, 300);
    let summary = run(&job, Mode::New, &mut (), &false.into()).unwrap();
    // Measured: -5.7555, where the truth is -5.7499.
    let log_nu = summary.coefficients[0].value;
    assert!((log_nu + 5.75).abs() < 0.05, "{log_nu}");
}
