//! The CPU backend against float64 reference values, finite differences and itself.

use crate::support::{Reference, jets_apart, mixed_model, normwise, random_loss, random_model, random_points};
use jetfit::backend::Batch;
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::jet::{Activation, Derivative, JetLayout, Smoothness};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;

/// All layouts over `inputs` inputs.
fn layouts(inputs: usize) -> Vec<JetLayout> {
    vec![
        JetLayout::value(inputs),
        JetLayout::gradient(inputs),
        JetLayout::diagonal(inputs),
        JetLayout::full(inputs),
        JetLayout::collapsed(&vec![1.0; inputs]),
        JetLayout::selected(inputs, [Derivative::Second(0, inputs - 1)]),
        JetLayout::pure(inputs, 4),
        JetLayout::all(inputs, 3),
        JetLayout::selected(inputs, [Derivative::Biharmonic]),
        JetLayout::selected(inputs, [Derivative::Fourth([0, 0, 0, inputs - 1]), Derivative::First(inputs - 1)]),
    ]
}

#[test]
fn f64_jets_are_the_reference_values() {
    for case in Reference::all() {
        let model = case.model();
        let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
        for layout in [JetLayout::full(case.inputs), JetLayout::collapsed(&vec![1.0; case.inputs])] {
            let jets = cpu.evaluate(&case.columns(), &layout).unwrap();
            for (output, d) in (0..case.outputs).flat_map(|o| layout.derivatives().map(move |d| (o, d))) {
                // A few hundred f64 roundings, of numbers larger than the result where it cancels.
                let error = normwise(jets.entry(output, d).unwrap(), &case.truth(output, d));
                assert!(error < 1e-13, "{} {d:?} of output {output}: {error:e}", case.name);
            }
        }
    }
}

#[test]
fn f64_loss_and_weight_gradient_are_the_reference_values() {
    for case in Reference::all() {
        let (set, loss) = case.loss();
        let mut cpu = cpu::open(&case.model(), Precision::F64, 1).unwrap();
        let id = cpu.load(&set, &loss).unwrap();
        let result = cpu.gradient(&[Batch { set: id, start: 0, count: set.points() }]).unwrap();
        let total = loss.total(&result.losses);
        assert!((total / case.loss.loss - 1.0).abs() < 1e-13, "{}: {total} {}", case.name, case.loss.loss);
        let error = normwise(&result.gradient, &case.loss_gradient());
        assert!(error < 1e-12, "{}: {error:e}", case.name);
        assert_eq!(cpu.losses(id).unwrap(), result.losses, "{}", case.name);
    }
}

/// Networks of awkward shapes for one activation; with tanh those of several, too.
fn awkward_models(activation: Activation) -> Vec<Model> {
    let shapes: [(usize, &[usize], usize); 5] =
        [(1, &[7], 1), (2, &[33, 1, 7], 2), (3, &[], 2), (10, &[129], 1), (2, &[1], 3)];
    let mixed = [(1, 1), (2, 3)].map(|(inputs, outputs)| mixed_model(inputs, outputs));
    let alike = shapes.iter().map(|(d, hidden, m)| random_model(*d, hidden, *m, activation, 3));
    alike.chain(mixed.into_iter().filter(|_| activation == Activation::Tanh)).collect()
}

#[test]
fn values_of_layers_that_differ_are_those_of_the_formula() {
    let model = mixed_model(2, 3);
    let points = random_points(&model, 5, 5);
    let values = model.values(&points).unwrap();
    for p in 0..5 {
        let mut results: Vec<Vec<f64>> = vec![];
        let mut x: Vec<f64> = (0..2).map(|i| model.normalizer.inputs.standardise(i, points[i][p])).collect();
        for (index, layer) in model.spec.layers().iter().enumerate() {
            let (weights, biases) = (&model.parameters[layer.weights()], &model.parameters[layer.biases()]);
            let rows = weights.chunks(layer.inputs).zip(biases);
            let mut z: Vec<f64> =
                rows.map(|(row, b)| b + row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>()).collect();
            if let Some(hidden) = model.spec.networks[0].hidden.get(index) {
                let erf = |x: f64| libm::erf(x);
                for (unit, z) in z.iter_mut().enumerate() {
                    *z = match hidden.activation {
                        Activation::Tanh => z.tanh(),
                        Activation::Linear => *z,
                        Activation::Sin => z.sin(),
                        Activation::Silu => *z / (1.0 + (-*z).exp()),
                        Activation::Sigmoid => 1.0 / (1.0 + (-*z).exp()),
                        Activation::Gelu => 0.5 * *z * (1.0 + erf(*z / 2f64.sqrt())),
                        other => unreachable!("{other}"),
                    } + hidden.skip.map_or(0.0, |from| results[from][unit]);
                }
                results.push(z.clone());
            }
            x = z;
        }
        for (output, x) in x.iter().enumerate() {
            let scaling = &model.normalizer.outputs;
            let truth = scaling.mean[output] + scaling.scale[output] * x;
            // Some f64 roundings a layer.
            assert!((values[output][p] - truth).abs() < 1e-13 * truth.abs().max(1.0), "{} {truth}", values[output][p]);
        }
    }
}

#[test]
fn f64_jets_are_the_derivatives_of_the_value() {
    // Five-point differences with h = 2e-3 of the scale leave h⁴ times a sixth derivative, about
    // 1e-9. Networks with kinks have no such differences; the reference files check theirs.
    for activation in Activation::ALL {
        if activation.smoothness() != Smoothness::Infinite {
            continue;
        }
        for model in awkward_models(activation) {
            let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
            let points = random_points(&model, 9, 5);
            let layout = JetLayout::full(model.inputs.len());
            let jets = cpu.evaluate(&points, &layout).unwrap();
            for i in 0..model.inputs.len() {
                let h = 2e-3 * model.normalizer.inputs.scale[i];
                let mut at = |steps: f64| {
                    let mut moved = points.clone();
                    moved[i].iter_mut().for_each(|x| *x += steps * h);
                    cpu.evaluate(&moved, &JetLayout::gradient(model.inputs.len())).unwrap()
                };
                let [far_left, left, right, far_right] = [-2.0, -1.0, 1.0, 2.0].map(&mut at);
                let difference = |output: usize, d: Derivative| -> Vec<f64> {
                    let entry = |jets: &jetfit::jet::Jets| jets.entry(output, d).unwrap().to_vec();
                    let (ll, l, r, rr) = (entry(&far_left), entry(&left), entry(&right), entry(&far_right));
                    (0..9).map(|p| (ll[p] - rr[p] + 8.0 * (r[p] - l[p])) / (12.0 * h)).collect()
                };
                for output in 0..model.outputs.len() {
                    let mut pairs = vec![(Derivative::First(i), Derivative::Value)];
                    pairs.extend((0..=i).map(|j| (Derivative::Second(j, i), Derivative::First(j))));
                    for (derivative, of) in pairs {
                        let ours = jets.entry(output, derivative).unwrap();
                        let error = normwise(ours, &difference(output, of));
                        assert!(error < 1e-7, "{activation} {:?} {derivative:?}: {error:e}", model.spec);
                    }
                }
            }
        }
    }
}

#[test]
fn f64_weight_gradients_are_the_differences_of_the_loss() {
    for activation in Activation::ALL {
        for model in awkward_models(activation) {
            for layout in layouts(model.inputs.len()) {
                if activation.smoothness() != Smoothness::Infinite && layout.order() >= 2 {
                    continue;
                }
                let (mut set, loss) = random_loss(&model, &layout, 7, 11);
                set.weights = Some(vec![0.5, 1.5, 1.0, 0.0, 2.0, 1.0, 1.0]);
                let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
                let id = cpu.load(&set, &loss).unwrap();
                let batch = Batch { set: id, start: 0, count: 7 };
                let gradient = cpu.gradient(&[batch]).unwrap().gradient;
                // Along one direction that touches every parameter: central differences leave
                // h² of a third derivative and 1e-16/h.
                let direction: Vec<f64> =
                    (0..gradient.len()).map(|i| ((i * 7 + 3) % 11) as f64 / 11.0 - 0.45).collect();
                let h = 1e-5;
                let mut at = |step: f64| {
                    let moved: Vec<f64> = model.parameters.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
                    cpu.set_parameters(&moved).unwrap();
                    loss.total(&cpu.losses(id).unwrap())
                };
                let difference = (at(h) - at(-h)) / (2.0 * h);
                let ours: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
                let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                assert!(
                    (ours - difference).abs() < 1e-6 * size.max(1.0),
                    "{activation} {layout:?}: {ours} {difference}"
                );
            }
        }
    }
}

#[test]
fn f32_jets_and_gradients_follow_f64() {
    for activation in Activation::ALL {
        for model in awkward_models(activation) {
            for layout in layouts(model.inputs.len()) {
                let (set, loss) = random_loss(&model, &layout, 33, 17);
                let (mut single, mut double) =
                    (cpu::open(&model, Precision::F32, 2).unwrap(), cpu::open(&model, Precision::F64, 2).unwrap());
                let apart = jets_apart(
                    &single.evaluate(&set.inputs, &layout).unwrap(),
                    &double.evaluate(&set.inputs, &layout).unwrap(),
                );
                // The project's bar for jets in f32; measured: 2e-6 at worst.
                assert!(apart < 1e-5, "{activation} {:?} {layout:?}: {apart:e}", model.spec);
                let batch = Batch { set: single.load(&set, &loss).unwrap(), start: 0, count: 33 };
                double.load(&set, &loss).unwrap();
                let error = normwise(
                    &single.gradient(&[batch]).unwrap().gradient,
                    &double.gradient(&[batch]).unwrap().gradient,
                );
                assert!(error < 2e-5, "{activation} {:?} {layout:?}: gradient {error:e}", model.spec);
            }
        }
    }
}

/// Ten Adam steps; the losses before each, and the parameters after them.
fn ten_steps(model: &Model, precision: Precision, threads: usize, points: usize) -> (Vec<f64>, Vec<f64>) {
    let (set, loss) = random_loss(model, &JetLayout::diagonal(model.inputs.len()), points, 23);
    let mut cpu = cpu::open(model, precision, threads).unwrap();
    let id = cpu.load(&set, &loss).unwrap();
    let batch = Batch { set: id, start: 0, count: points };
    let mut losses = vec![];
    for step in 1..=10 {
        cpu.step(&[batch], &AdamSettings::default().update(step, 1e-3)).unwrap();
        losses.push(loss.total(&cpu.report().unwrap().losses));
    }
    (losses, cpu.parameters().unwrap())
}

#[test]
fn thread_counts_give_the_same_bits() {
    let model = random_model(2, &[33, 17], 1, Activation::Silu, 5);
    let one = ten_steps(&model, Precision::F32, 1, 1777);
    for threads in [2, 3, 7] {
        assert_eq!(one, ten_steps(&model, Precision::F32, threads, 1777), "{threads} threads");
    }
    let points = random_points(&model, 1777, 1);
    let layout = JetLayout::full(2);
    let jets = |threads| cpu::open(&model, Precision::F32, threads).unwrap().evaluate(&points, &layout).unwrap();
    assert_eq!(jets(1), jets(5));
}

#[test]
fn ten_step_losses_are_golden() {
    let model = random_model(2, &[33, 17], 1, Activation::Tanh, 5);
    let (double, _) = ten_steps(&model, Precision::F64, 2, 129);
    let (single, _) = ten_steps(&model, Precision::F32, 2, 129);
    // Written down from the f64 backend once its gradients agreed with the reference files.
    let golden = GOLDEN;
    for step in 0..10 {
        assert!((double[step] / golden[step] - 1.0).abs() < 1e-10, "{double:?}");
        // f32 rounding of the loss, and what Adam makes of it in ten steps.
        assert!((single[step] / golden[step] - 1.0).abs() < 1e-5, "{single:?}");
    }
}
const GOLDEN: [f64; 10] = [
    2.869549850961106,
    2.7493492042390946,
    2.6394129611914643,
    2.5397924394743456,
    2.4504345302270485,
    2.3711753776620426,
    2.301739688654193,
    2.2417387789508796,
    2.190674331832502,
    2.147942011045716,
];

#[test]
fn a_batch_is_the_mean_over_its_rows_in_order() {
    let model = random_model(2, &[7], 1, Activation::Gelu, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(2), 40, 29);
    let rows: Vec<u32> = (0..40).map(|i| (i * 7 + 3) % 40).collect();
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    let id = cpu.load(&set, &loss).unwrap();
    cpu.set_order(id, &rows).unwrap();
    let batch = cpu.gradient(&[Batch { set: id, start: 5, count: 19 }]).unwrap();
    let pick = |column: &Vec<f64>| rows[5..24].iter().map(|r| column[*r as usize]).collect();
    let picked = PointSet {
        inputs: set.inputs.iter().map(pick).collect(),
        columns: set.columns.iter().map(pick).collect(),
        ..PointSet::default()
    };
    let alone = cpu.load(&picked, &loss).unwrap();
    assert_eq!(batch, cpu.gradient(&[Batch { set: alone, start: 0, count: 19 }]).unwrap());
}

#[test]
fn the_batches_of_a_step_add_up() {
    let model = random_model(2, &[33, 7], 1, Activation::Tanh, 5);
    let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
    let sets = [(JetLayout::diagonal(2), 40), (JetLayout::value(2), 7)].map(|(layout, points)| {
        let (set, loss) = random_loss(&model, &layout, points, 29);
        Batch { set: cpu.load(&set, &loss).unwrap(), start: 0, count: points }
    });
    let alone = sets.map(|batch| cpu.gradient(&[batch]).unwrap());
    let both = cpu.gradient(&sets).unwrap();
    assert_eq!(both.losses, [alone[0].losses.clone(), alone[1].losses.clone()].concat());
    let sum: Vec<f64> = alone[0].gradient.iter().zip(&alone[1].gradient).map(|(a, b)| a + b).collect();
    // The workers' parts are added in another order.
    assert!(normwise(&both.gradient, &sum) < 1e-14);
}

#[test]
fn a_loss_that_is_not_finite_stops_the_updates_and_names_the_step() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(1), 10, 29);
    let mut cpu = cpu::open(&model, Precision::F32, 1).unwrap();
    let id = cpu.load(&set, &loss).unwrap();
    let batch = Batch { set: id, start: 0, count: 10 };
    cpu.step(&[batch], &AdamSettings::default().update(1, 1e-3)).unwrap();
    let good = cpu.parameters().unwrap();
    let mut broken = good.clone();
    broken[3] = f64::NAN;
    cpu.set_parameters(&broken).unwrap();
    for step in 2..5 {
        cpu.step(&[batch], &AdamSettings::default().update(step, 1e-3)).unwrap();
    }
    assert_eq!(cpu.report().unwrap().diverged_at, Some(2));
    assert_eq!(cpu.parameters().unwrap()[4..], good[4..]);
}

#[test]
fn clipping_shortens_the_gradient_to_the_norm() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(1), 10, 29);
    let first_moment = |clip_norm: f64| {
        let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
        let id = cpu.load(&set, &loss).unwrap();
        let adam = AdamSettings { clip_norm, ..AdamSettings::default() };
        cpu.step(&[Batch { set: id, start: 0, count: 10 }], &adam.update(1, 1e-3)).unwrap();
        let moment = cpu.optimizer_state().unwrap().first_moment;
        10.0 * moment.iter().map(|m| m * m).sum::<f64>().sqrt()
    };
    let norm = first_moment(f64::INFINITY);
    assert!((first_moment(0.5 * norm) - 0.5 * norm).abs() < 1e-12 * norm);
    assert!((first_moment(2.0 * norm) - norm).abs() < 1e-12 * norm);
}
