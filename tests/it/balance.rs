//! Weights that follow the training: balanced terms and causal slices of time. What they do, what they leave,
//! resuming, and what is refused.

use crate::runs::{Place, assert_says, relative_error, train_with_stops};
use jetfit::backend::Batch;
use jetfit::cpu;
use jetfit::job::{Job, Overrides};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use jetfit::problem::{Adapted, Now, Problem};

/// Exponential decay on a string whose ends are held: three terms of different sizes.
const DECAY: &str = r#"
[variables]
x = [0, 1]
t = [0, 4]
[network]
outputs = ["u"]
hidden = [9]
[[term]]
name = "decay"
residual = "10*u_t + 10*u = u_xx"
points = { count = 129, resample_every = 15, causal = { input = "t", slices = 5, tolerance = 0.3, every = 10 } }
[[term]]
name = "start"
residual = "u = sin(pi*x)"
points = { on = "t = 0", count = 33 }
[[term]]
name = "ends"
residual = "u = 0"
points = { on = "boundary", count = 33 }
[predictions]
grid = { x = [0, 1, 3], t = [0, 4, 3] }
[output]
directory = "run"
"#;

fn place(more: &str) -> Place {
    let place = Place::new("");
    place.write("job.toml", format!("{DECAY}{more}"));
    place
}

fn job(place: &Place, threads: usize) -> Job {
    let overrides = Overrides { directory: Some(place.path("run")), threads: Some(threads), ..Overrides::default() };
    Job::read(place.path("job.toml"), &overrides).unwrap()
}

#[test]
fn balanced_terms_pull_alike() {
    let more = "[balance]\nevery = 10\nmemory = 0
[optimizer]\nlearning_rate = 1e-9\n[schedule]\nshape = \"constant\"\n[training]\nsteps = 31\nreport_every = 1\n
[device]\nprecision = \"f64\"\n";
    let place = place(&more.replace("resample_every = 15, ", ""));
    place.write("job.toml", place.text("job.toml").replace("resample_every = 15, ", ""));
    place.report("job.toml", &[]);
    let metrics = place.csv("run/metrics.csv");
    let names = ["decay", "start", "ends"];
    let weights: Vec<&Vec<f64>> = names.iter().map(|name| &metrics[&format!("weight_{name}")]).collect();
    for step in 2..=31 {
        let has_changed = weights.iter().any(|weight| weight[step - 1] != weight[step - 2]);
        assert_eq!(has_changed, (step - 1) % 10 == 0, "{step}");
    }
    // The loss is the sum by these weights.
    let sum: f64 =
        names.iter().zip(&weights).map(|(name, weight)| weight[30] * metrics[&format!("loss_{name}")][30]).sum();
    assert!((sum / metrics["loss"][30] - 1.0).abs() < 1e-12);
    // The last update was before the last step, which is a billionth long: its gradients are those of the end.
    let (job, model) = (job(&place, 1), Model::read(place.path("run/model.safetensors")).unwrap());
    let problem = Problem::read(&job).unwrap();
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    // Causal weights follow the residuals as they were weighed before that update.
    let balance = weights.iter().map(|weight| weight[29]).collect();
    let mut adapted = Adapted { balance, ..Adapted::default() };
    problem.adapt(0, Now { step: 1, first: 0, resampling: None, reweighs: true }, &mut *cpu, &mut adapted).unwrap();
    let pull = |(set, weight): (usize, &&Vec<f64>)| {
        let points = problem.points_at(set, &adapted);
        let id = cpu.load(&points, &problem.sets[set].loss).unwrap();
        let gradient = cpu.gradient(&[Batch { set: id, start: 0, count: points.points() }]).unwrap().gradient;
        weight[30] * gradient.iter().map(|g| g * g).sum::<f64>().sqrt()
    };
    let pulls: Vec<f64> = weights.iter().enumerate().map(pull).collect();
    assert!(pulls.iter().all(|pull| (pull / pulls[0] - 1.0).abs() < 1e-5), "{pulls:?}");
    assert!(weights.iter().all(|weight| weight[30] > 1.0), "a term has a part of the sum of all: {weights:?}");
}

#[test]
fn slices_of_time_open_one_after_another() {
    let place = place("[training]\nsteps = 2000\nreport_every = 10\n");
    let report = place.report("job.toml", &[]);
    assert_eq!(report["stop"], "steps");
    let last = &place.csv("run/metrics.csv")["causal_decay"];
    let least = last.iter().copied().fold(1.0, f64::min);
    assert!(last.iter().all(|weight| (0.0..=1.0).contains(weight)), "{last:?}");
    // What comes last waits at first, and counts almost fully at the end.
    assert!(least < 0.5 && last[last.len() - 1] > 0.8, "{least} {:?}", last.last());
}

const STAGES: &str = "
[balance]
every = 7
[[stage]]
optimizer = \"adam\"
steps = 40
report_every = 4
[[stage]]
optimizer = \"lbfgs\"
steps = 20
report_every = 4
[[stage]]
optimizer = \"gauss-newton\"
steps = 20
report_every = 4
";

#[test]
fn a_run_whose_weights_move_resumes_to_the_same_bits() {
    let trained = |threads: usize, stops: &[u64]| {
        let place = place(STAGES);
        let job = job(&place, threads);
        assert_eq!(train_with_stops(&job, stops).steps, 80);
        let metrics = place.csv("run/metrics.csv");
        (place.read("run/model.safetensors"), metrics["weight_ends"].clone(), metrics["causal_decay"].clone())
    };
    let whole = trained(1, &[]);
    assert!(whole == trained(2, &[]), "threads");
    // Between updates of either kind, and in each of the stages.
    for stops in [&[12][..], &[24, 48], &[68]] {
        assert!(whole == trained(2, stops), "{stops:?}");
    }
}

#[test]
fn balance_serves_equations_that_need_no_weights_too() {
    // Measured, after 2000 steps: 2.9e-3 by the terms' own scales alone, 2.5e-3 balanced; before terms had scales 0.1 and
    // more without weights that were found by trial.
    let error = |more: &str| {
        let place = Place::new("");
        let job = std::fs::read_to_string(crate::runs::example("poisson_2d/job.toml")).unwrap();
        let job: String =
            job.lines().filter(|line| !line.starts_with("weight")).map(|line| format!("{line}\n")).collect();
        place.write("job.toml", format!("{job}{more}"));
        relative_error(&place.report("job.toml", &["--steps", "2000", "--out", "run"]), "u")
    };
    let (alone, balanced) = (error(""), error("[balance]\n"));
    assert!(balanced < 1e-2 && alone < 1e-2, "{balanced:e}, without {alone:e}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let lbfgs = "[optimizer]\nname = \"lbfgs\"\n";
    for (more, parts) in [
        ("[balance]\nevery = 0\n".to_string(), &["balance.every", "0 is out of range"][..]),
        ("[balance]\nmemory = 1\n".to_string(), &["balance.memory", "below 1"]),
        ("[balance]\nmomentum = 0.9\n".to_string(), &["unknown key \"momentum\""]),
        (format!("[balance]\n{lbfgs}"), &["balance: this section has no effect", "adam"]),
    ] {
        assert_says(&place(&more).refused("job.toml", &[]), parts);
    }
    for (from, to, parts) in [
        ("input = \"t\"", "input = \"s\"", &["points.causal.input", "unknown variable \"s\"", "t"][..]),
        ("input = \"t\", ", "", &["points.causal.input: this key is missing"]),
        ("slices = 5", "slices = 0", &["points.causal.slices"]),
        ("tolerance = 0.3", "tolerance = 0", &["points.causal.tolerance"]),
        ("tolerance = 0.3", "epsilon = 3", &["unknown key \"epsilon\""]),
        (
            "count = 33 }\n[[term]]\nname = \"ends\"",
            "count = 33, causal = { input = \"t\" } }\n[[term]]\nname = \"ends\"",
            &["points.causal", "all these points have the same t"],
        ),
    ] {
        let place = place("");
        place.write("job.toml", DECAY.replacen(from, to, 1));
        assert_says(&place.refused("job.toml", &[]), parts);
    }
    let single = Place::new("[balance]\n");
    assert_says(&single.refused("job.toml", &[]), &["there is only one term"]);
}
