//! Training that begins with a trained network.

use std::path::Path;

use jetfit::jet::Derivative;
use jetfit::job::{Job, Overrides};
use jetfit::network::Model;
use jetfit::problem::Problem;
use jetfit::{Activation, Fit, Points};

use crate::support::{mixed_model, random_model};

fn column(low: f64, high: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| low + (high - low) * i as f64 / (count - 1) as f64).collect()
}

/// The largest difference over the largest value.
fn apart(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let pairs = || a.iter().flatten().zip(b.iter().flatten());
    let size = pairs().map(|(_, b)| b.abs()).fold(0.0, f64::max);
    pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / size
}

#[test]
fn a_fit_goes_on_from_a_network_and_keeps_its_shape() {
    let x = column(300.0, 340.0, 60);
    let y: Vec<f64> = x.iter().map(|x| 1000.0 + 50.0 * ((x - 300.0) / 10.0).sin()).collect();
    let first = Fit::new(&[&x], &[&y]).hidden(&[16]).activation(Activation::Silu).steps(1500).run().unwrap();
    // Other rows, so another scaling; a step so small that nothing moves.
    let (near_x, near_y) = (&x[20..32], &y[20..32]);
    let next = || Fit::new(&[near_x], &[near_y]).start(first.model());
    let still = next().steps(1).learning_rate(1e-12).run().unwrap();
    assert_eq!(still.model().spec, first.model().spec);
    assert_ne!(still.model().normalizer, first.model().normalizer);
    let points = [x.clone()];
    // The weights of the new scaling are rounded to f32 again.
    let error = apart(&still.values(&points).unwrap(), &first.values(&points).unwrap());
    assert!(error < 1e-5, "{error:e}");
    let tuned = next().steps(300).learning_rate(1e-3).run().unwrap();
    assert!(tuned.report().training_loss < still.report().training_loss, "{:?}", (tuned.report(), still.report()));
}

#[test]
fn layers_that_differ_are_trained_on_every_way() {
    let model = Model { inputs: vec!["x0".into(), "x1".into()], ..mixed_model(2, 1) };
    let x = [column(-1.0, 1.0, 40), column(2.0, -1.0, 40)];
    let y: Vec<f64> = x[0].iter().zip(&x[1]).map(|(a, b)| (a * b).sin()).collect();
    for optimizer in ["adam", "lbfgs", "gauss-newton"] {
        let fit = |steps| {
            let fit = Fit::new(&x, &[&y]).inputs(&["x0", "x1"]).outputs(&["u0"]).start(&model).steps(steps);
            fit.with(&format!("optimizer.name = '{optimizer}'\ndevice.precision = 'f64'")).device("cpu").run().unwrap()
        };
        let (one, many) = (fit(1), fit(30));
        assert_eq!(many.model().spec, model.spec, "{optimizer}");
        let (before, after) = (one.report().training_loss, many.report().training_loss);
        assert!(after < 0.5 * before, "{optimizer}: {before:e} {after:e}");
    }
}

#[test]
fn features_transforms_and_their_definitions_come_with_the_network() {
    let first = Fit::equations(&[("x", 0.0, 2.0), ("t", 0.0, 1.0)], &["u"])
        .term("heat", "u_t = 0.1*u_xx", Points::interior(60))
        .with("network.features = ['sin(pi*x)', 'cos(pi*x)', 't']\ndefinitions.ramp = 't'\ntransforms.u = 'sin(pi*x) + ramp*net'")
        .hidden(&[8])
        .steps(20)
        .run()
        .unwrap();
    let again = Fit::equations(&[("x", 0.0, 1.0), ("t", 0.0, 3.0)], &["u"])
        .term("heat", "u_t = 0.2*u_xx", Points::interior(60))
        .start(first.model())
        .steps(1)
        .learning_rate(1e-12)
        .run()
        .unwrap();
    let points = [column(0.0, 2.0, 9), column(0.0, 1.0, 9)];
    let jets = |fitted: &jetfit::Fitted| fitted.jets(&points).unwrap();
    let (ours, theirs) = (jets(&again), jets(&first));
    for derivative in [Derivative::Value, Derivative::First(1), Derivative::Second(0, 0)] {
        let entry = |jets: &jetfit::jet::Jets| vec![jets.entry(0, derivative).unwrap().to_vec()];
        // In f32 the weights are rounded again; the second derivative has pi² of that.
        let error = apart(&entry(&ours), &entry(&theirs));
        assert!(error < 2e-5, "{derivative:?}: {error:e}");
    }
}

#[test]
fn a_job_that_does_not_fit_the_network_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("model.safetensors");
    random_model(1, &[5], 1, Activation::Tanh, 3).write(&file).unwrap();
    let read = |network: &str, more: &str| {
        let text = format!(
            "[variables]\nx0 = [0, 1]\n[network]\noutputs = [\"u0\"]\n{network}\n[[term]]\nname = \"e\"\nresidual = \"u0\"\n\
             points = {{ count = 9 }}\n{more}"
        );
        Job::parse(&text, directory.path().join("job.toml"), &Overrides::default())
    };
    let error = |network: &str, more: &str| {
        let error = read(network, more).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    // A run directory and a file; the job that is written reads back to the same.
    for start in [".", "model.safetensors"] {
        let job = read(&format!("start = \"{start}\""), "").unwrap();
        assert_eq!(job.network_spec().widths(), [5]);
        let again = Job::parse(&job.to_toml(), Path::new("other.toml"), &Overrides::default()).unwrap();
        assert_eq!(again.to_toml(), job.to_toml());
        let model = Problem::read(&job).unwrap().model(&job);
        assert_eq!(model.spec.widths(), [5]);
    }
    let message = error("start = \"model.safetensors\"\nhidden = [3]", "");
    assert!(message.contains("network.hidden") && message.contains("network.start brings its own"), "{message}");
    let message = error("start = \"none.safetensors\"", "");
    assert!(message.contains("none.safetensors"), "{message}");
    let other = random_model(2, &[5], 1, Activation::Tanh, 3);
    other.write(&file).unwrap();
    let message = error("start = \"model.safetensors\"", "");
    assert!(message.contains("network.start: this network's inputs are x0, x1, and the job's x0"), "{message}");
}
