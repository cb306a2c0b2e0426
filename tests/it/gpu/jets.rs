//! Jets, losses and gradients: every activation and layout at awkward sizes.

use jetfit::backend::Backend;
use jetfit::cpu;
use jetfit::jet::{Activation, Derivative, JetLayout};
use jetfit::network::Model;
use jetfit::numbers::Precision;

use super::{gpu, whole};
use crate::support::{Reference, jets_apart, mixed_model, normwise, random_loss, random_model, random_points};

/// All layouts over `inputs` inputs; the collapsed one with coefficients that differ.
fn layouts(inputs: usize) -> Vec<JetLayout> {
    let coefficients: Vec<_> = (0..inputs).map(|i| 1.0 - 0.75 * i as f64).collect();
    vec![
        JetLayout::value(inputs),
        JetLayout::gradient(inputs),
        JetLayout::diagonal(inputs),
        JetLayout::full(inputs),
        JetLayout::collapsed(&coefficients),
        JetLayout::selected(inputs, [Derivative::Second(0, inputs - 1)]),
    ]
}

/// Networks of awkward shapes, with a number of points to try them at; with tanh one of several activations, too.
fn awkward(activation: Activation) -> Vec<(Model, usize)> {
    let shapes: [(usize, &[usize], usize, usize); 5] =
        [(1, &[7], 1, 7), (2, &[33, 1, 7], 2, 33), (3, &[], 2, 1), (10, &[129], 1, 33), (2, &[1, 129], 2, 1000)];
    let alike = shapes.iter().map(|(d, hidden, m, points)| (random_model(*d, hidden, *m, activation, 3), *points));
    let mixed = (activation == Activation::Tanh).then(|| (mixed_model(2, 3), 33));
    alike.chain(mixed).collect()
}

/// How many of them are tried. The wide ones are the same kernels over more tiles: two activations are enough for them.
fn shapes(activation: Activation) -> usize {
    if matches!(activation, Activation::Tanh | Activation::Gelu) { 6 } else { 3 }
}

#[test]
fn jets_follow_the_cpu_in_f64() {
    let mut worst: f64 = 0.0;
    for activation in Activation::ALL {
        // exp makes a relative error of its argument's absolute one.
        let bar = if activation == Activation::Exp { 5e-5 } else { 1e-5 };
        for (model, points) in awkward(activation).into_iter().take(shapes(activation)) {
            let (mut gpu, mut cpu) = (gpu(&model), cpu::open(&model, Precision::F64, 1).unwrap());
            let points = random_points(&model, points, 5);
            for layout in layouts(model.inputs.len()) {
                let ours = gpu.evaluate(&points, &layout).unwrap();
                let apart = jets_apart(&ours, &cpu.evaluate(&points, &layout).unwrap());
                // The project's bar for jets in f32: some roundings a layer, and the cancellation
                // in second derivatives.
                assert!(apart < bar, "{activation} {:?} {layout:?}: {apart:e}", model.spec);
                worst = worst.max(apart);
            }
        }
    }
    println!("worst: {worst:e}");
}

#[test]
fn jets_losses_and_gradients_are_the_reference_values() {
    for case in Reference::all() {
        let mut gpu = gpu(&case.model());
        let layout = JetLayout::full(case.inputs);
        let jets = gpu.evaluate(&case.columns(), &layout).unwrap();
        for (output, d) in (0..case.outputs).flat_map(|o| layout.derivatives().map(move |d| (o, d))) {
            let error = normwise(jets.entry(output, d).unwrap(), &case.truth(output, d));
            assert!(error < 1e-5, "{} {d:?} of output {output}: {error:e}", case.name);
        }
        let (set, loss) = case.loss();
        let id = gpu.load(&set, &loss).unwrap();
        let result = gpu.gradient(&[whole(&set, id)]).unwrap();
        // The loss squares the jets' errors' relative size; the gradient adds a pass as long.
        let total = loss.total(&result.losses);
        assert!((total / case.loss.loss - 1.0).abs() < 1e-5, "{}: {total} {}", case.name, case.loss.loss);
        let error = normwise(&result.gradient, &case.loss_gradient());
        assert!(error < 2e-5, "{}: {error:e}", case.name);
        assert_eq!(gpu.losses(id).unwrap(), result.losses, "{}", case.name);
    }
}

#[test]
fn gradients_follow_the_cpu_in_f64() {
    let mut worst: f64 = 0.0;
    for activation in Activation::ALL {
        for (model, points) in awkward(activation).into_iter().take(shapes(activation)) {
            let (mut gpu, mut cpu) = (gpu(&model), cpu::open(&model, Precision::F64, 1).unwrap());
            for layout in layouts(model.inputs.len()) {
                let (mut set, loss) = random_loss(&model, &layout, points, 17);
                set.weights = Some((0..points).map(|p| [0.5, 1.5, 1.0, 2.0][p % 4]).collect());
                let id = gpu.load(&set, &loss).unwrap();
                cpu.load(&set, &loss).unwrap();
                let ours = gpu.gradient(&[whole(&set, id)]).unwrap();
                let truth = cpu.gradient(&[whole(&set, id)]).unwrap();
                let error = normwise(&ours.gradient, &truth.gradient);
                // The jets' bar, and a backward pass as long again.
                assert!(error < 2e-5, "{activation} {:?} {layout:?}: {error:e}", model.spec);
                let losses = normwise(&ours.losses, &truth.losses);
                assert!(losses < 1e-5, "{activation} {:?} {layout:?}: losses {losses:e}", model.spec);
                worst = worst.max(error);
            }
        }
    }
    println!("worst: {worst:e}");
}
