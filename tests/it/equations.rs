//! Losses that are equations: on the CPU against differences, on a GPU adapter against the CPU.

use crate::support::{normwise, random_model, random_points};
use jetfit::backend::{Backend, Batch};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::expression::{Expression, Scope};
use jetfit::gpu::{Gpu, adapters};
use jetfit::jet::Activation;
use jetfit::loss::{Loss, Term};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;

/// A network of (x0, x1) with outputs u0, u1 and two trained coefficients.
fn model() -> Model {
    let mut model = random_model(2, &[17, 7], 2, Activation::Tanh, 7);
    model.spec.coefficients = 2;
    model.coefficients = vec!["nu".into(), "k".into()];
    model.parameters.extend([0.3, -1.25]);
    model
}

/// Equations that read every kind of thing, on points with a column and normals.
fn problem(model: &Model, points: usize) -> (PointSet, Loss) {
    let scope = Scope {
        columns: vec!["measured".into()],
        coefficients: model.coefficients.clone(),
        definitions: [("flux".to_string(), "u0*d(u0, x0)".to_string())].into(),
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        normals: true,
        ..Scope::default()
    };
    let equations = [
        ("burgers", "d(u0, x1) + flux = nu*d(u0, x0, x0)", 0.7),
        ("mixed", "d(u1, x0, x1)*exp(-x0^2) + k*sin(u0) = tanh(u1) + nu*k", 1.3),
        ("measured", "u1 - measured", 2.0),
        ("flux", "n_x0*d(u0, x0) + n_x1*d(u0, x1) = if(x0 < 0, 1, sqrt(abs(u1) + 1))", 0.5),
    ];
    let term = |(name, text, weight): (&str, &str, f64)| Term {
        name: name.into(),
        residual: Expression::residual(name, text, &scope).unwrap(),
        scale: 1.0,
        weight,
    };
    let angle = |i: usize| i as f64 * 0.7;
    let set = PointSet {
        inputs: random_points(model, points, 3),
        columns: vec![(0..points).map(|i| (i as f64 * 0.37).sin()).collect()],
        normals: vec![(0..points).map(|i| angle(i).cos()).collect(), (0..points).map(|i| angle(i).sin()).collect()],
        weights: Some((0..points).map(|i| 2.0 * (i % 2) as f64).collect()),
    };
    (set, Loss { terms: equations.map(term).into() })
}

#[test]
fn gradients_of_weights_and_coefficients_are_differences_of_the_loss() {
    let model = model();
    let (set, loss) = problem(&model, 34);
    let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
    let batch = Batch { set: cpu.load(&set, &loss).unwrap(), start: 0, count: 34 };
    let gradient = cpu.gradient(&[batch]).unwrap().gradient;
    let weights = model.spec.weights();
    // Both coefficients, and some weights of each layer. Central differences leave h² of a third
    // derivative and 1e-16/h.
    for index in [0, 5, 40, 60, weights - 1, weights, weights + 1] {
        let h = 1e-5;
        let mut at = |step: f64| {
            let mut moved = model.parameters.clone();
            moved[index] += step;
            cpu.set_parameters(&moved).unwrap();
            loss.total(&cpu.losses(batch.set).unwrap())
        };
        let difference = (at(h) - at(-h)) / (2.0 * h);
        let error = (gradient[index] - difference).abs();
        assert!(error < 1e-6 * difference.abs().max(1.0), "parameter {index}: {} {difference}", gradient[index]);
    }
}

#[test]
fn the_gpu_follows_the_cpu() {
    let adapters = adapters().unwrap();
    let Some(adapter) = adapters.first() else {
        panic!("there is no GPU adapter: install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    };
    let model = model();
    let (set, loss) = problem(&model, 130);
    let mut gpu = Gpu::new(&adapter.name, &model).unwrap();
    let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
    let batch = Batch { set: gpu.load(&set, &loss).unwrap(), start: 0, count: 130 };
    cpu.load(&set, &loss).unwrap();
    let (ours, truth) = (gpu.gradient(&[batch]).unwrap(), cpu.gradient(&[batch]).unwrap());
    // Roundings in f32 of sums of products of numbers near 1.
    assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{:?} {:?}", ours.losses, truth.losses);
    assert!(normwise(&ours.gradient, &truth.gradient) < 2e-5);
    let weights = model.spec.weights();
    assert!(normwise(&ours.gradient[weights..], &truth.gradient[weights..]) < 2e-5);
    for step in 1..=10 {
        let update = AdamSettings::default().update(step, 1e-3);
        gpu.step(&[batch], &update).unwrap();
        cpu.step(&[batch], &update).unwrap();
    }
    let (ours, truth) = (gpu.parameters().unwrap(), cpu.parameters().unwrap());
    assert!(normwise(&ours, &truth) < 1e-5);
    // New points with the same terms.
    let (other, _) = problem(&model, 64);
    gpu.refill(batch.set, &other, &loss).unwrap();
    cpu.refill(batch.set, &other, &loss).unwrap();
    let (ours, truth) = (gpu.losses(batch.set).unwrap(), cpu.losses(batch.set).unwrap());
    assert!(normwise(&ours, &truth) < 1e-5, "{ours:?} {truth:?}");
}
