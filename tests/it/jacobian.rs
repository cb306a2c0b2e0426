//! The Jacobian of all residuals on the CPU, against finite differences, the gradient, and itself.

use crate::support::{normwise, random_loss, random_model, random_points};
use jetfit::backend::{Backend, Batch, Jacobian};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::expression::{Expression, Scope};
use jetfit::jet::{Activation, JetLayout};
use jetfit::loss::{Loss, Term};
use jetfit::network::Model;
use jetfit::numbers::Precision;

/// An equation with two coefficients and another place on one set, and all entries of a jet with weighted points on another.
fn losses(model: &Model, points: usize) -> Vec<(PointSet, Loss)> {
    let scope = Scope {
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        coefficients: model.coefficients.clone(),
        ..Scope::default()
    };
    let text = "d(u0, x1) + u0*d(u0, x0) - c1*d(u0, x0, x0) - c1^2*c0*x0 + u0(x1, 0.5)*d(u0, x1)";
    let equation = Expression::residual("test", text, &scope).unwrap();
    let value = Expression::residual("test", "u0*u0 - 1", &scope).unwrap();
    let terms = [("equation", equation, 0.7), ("value", value, 3.0)];
    let terms = terms.map(|(name, residual, weight)| Term { name: name.into(), residual, scale: 1.0, weight }).into();
    let equations = PointSet { inputs: random_points(model, points, 3), ..PointSet::default() };
    let (mut data, entries) = random_loss(model, &JetLayout::full(2), 7, 11);
    data.weights = Some(vec![0.5, 1.5, 1.0, 0.0, 2.0, 1.0, 1.0]);
    let higher = random_loss(model, &JetLayout::all(2, 4), 9, 13);
    vec![(equations, Loss { terms }), (data, entries), higher]
}

fn model(hidden: &[usize], outputs: usize, activation: Activation) -> Model {
    let mut model = random_model(2, hidden, outputs, activation, 3);
    model.coefficients = vec!["c0".into(), "c1".into()];
    model.spec.coefficients = 2;
    model.parameters.extend([0.75, -1.25]);
    model
}

/// A backend with the losses above, their batches, and the total of the losses.
fn load(
    model: &Model,
    precision: Precision,
    points: usize,
    threads: usize,
) -> (Box<dyn Backend>, Vec<Batch>, Vec<Loss>) {
    let mut cpu = cpu::open(model, precision, threads).unwrap();
    let (mut batches, mut all) = (vec![], vec![]);
    for (set, loss) in losses(model, points) {
        batches.push(Batch { set: cpu.load(&set, &loss).unwrap(), start: 0, count: set.points() });
        all.push(loss);
    }
    (cpu, batches, all)
}

fn jacobian(cpu: &mut dyn Backend, batches: &[Batch]) -> Jacobian {
    let mut jacobian = Jacobian::default();
    cpu.jacobian(batches, &mut jacobian).unwrap();
    jacobian
}

const SHAPES: [(&[usize], usize); 4] = [(&[7], 1), (&[33, 1, 7], 2), (&[], 1), (&[129], 1)];

#[test]
fn its_columns_are_the_differences_of_the_residuals() {
    for activation in [Activation::Tanh, Activation::Sin, Activation::Gelu] {
        for (hidden, outputs) in SHAPES {
            let model = model(hidden, outputs, activation);
            let (mut cpu, batches, _) = load(&model, Precision::F64, 33, 2);
            let ours = jacobian(&mut *cpu, &batches);
            let columns = model.parameters.len();
            let rows = 2 * 33 + (6 * 7 + 15 * 9) * outputs;
            assert_eq!((ours.rows, ours.values.len()), (rows, (columns + 1) * rows));
            for parameter in (0..columns).step_by(1 + columns / 60).chain(columns - 2..columns) {
                let h = 1e-5;
                let mut at = |step: f64| {
                    let mut moved = model.parameters.clone();
                    moved[parameter] += step;
                    cpu.set_parameters(&moved).unwrap();
                    jacobian(&mut *cpu, &batches).residuals().to_vec()
                };
                let (right, left) = (at(h), at(-h));
                let difference: Vec<f64> = right.iter().zip(&left).map(|(r, l)| (r - l) / (2.0 * h)).collect();
                let column = &ours.matrix()[parameter * ours.rows..][..ours.rows];
                let apart = column.iter().zip(&difference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                let size = difference.iter().fold(1.0, |size: f64, x| size.max(x.abs()));
                // Central differences leave h² times a third derivative, and 1e-16/h times the residual.
                assert!(apart < 1e-6 * size, "{activation} {hidden:?} parameter {parameter}: {apart:e} of {size:e}");
            }
        }
    }
}

#[test]
fn it_agrees_with_loss_and_gradient() {
    for (hidden, outputs) in SHAPES {
        for points in [1, 7, 33, 129, 1000] {
            let model = model(hidden, outputs, Activation::Tanh);
            let (mut cpu, batches, losses) = load(&model, Precision::F64, points, 2);
            let jacobian = jacobian(&mut *cpu, &batches);
            let r = jacobian.residuals();
            let gradient = cpu.gradient(&batches).unwrap();
            let mut found = gradient.losses.as_slice();
            let total: f64 = losses
                .iter()
                .map(|loss| loss.total(found.split_off(..loss.terms.len()).expect("a loss for each term")))
                .sum();
            let square: f64 = r.iter().map(|r| r * r).sum();
            // Sums of at most a few thousand numbers in another order.
            assert!((square / total - 1.0).abs() < 1e-13, "{hidden:?} {points}: {square} {total}");
            let product: Vec<f64> = jacobian
                .matrix()
                .chunks_exact(jacobian.rows)
                .map(|column| 2.0 * column.iter().zip(r).map(|(j, r)| j * r).sum::<f64>())
                .collect();
            let apart = normwise(&product, &gradient.gradient);
            assert!(apart < 1e-12, "{hidden:?} {points}: {apart:e}");
        }
    }
}

#[test]
fn thread_counts_give_the_same_bits_and_f32_follows_f64() {
    let model = model(&[33, 17], 1, Activation::Tanh);
    let run = |threads| {
        let (mut cpu, batches, _) = load(&model, Precision::F64, 1777, threads);
        jacobian(&mut *cpu, &batches)
    };
    let one = run(1);
    for threads in [2, 3, 7] {
        assert!(one == run(threads), "{threads} threads");
    }
    let (mut single, batches, _) = load(&model, Precision::F32, 1777, 2);
    // The bar of the gradients in f32; measured: 3e-7.
    let apart = normwise(&jacobian(&mut *single, &batches).values, &one.values);
    assert!(apart < 2e-5, "{apart:e}");
}

#[test]
fn products_with_it_need_no_store() {
    for (hidden, outputs) in SHAPES {
        for points in [1, 7, 33, 1000] {
            let model = model(hidden, outputs, Activation::Tanh);
            let (mut cpu, batches, _) = load(&model, Precision::F64, points, 2);
            let jacobian = jacobian(&mut *cpu, &batches);
            let columns: Vec<&[f64]> = jacobian.matrix().chunks_exact(jacobian.rows).collect();
            let direction: Vec<f64> = (0..columns.len()).map(|k| f64::sin(k as f64 + 0.5)).collect();
            let mut along = vec![0.0; jacobian.rows];
            for (column, v) in columns.iter().zip(&direction) {
                along.iter_mut().zip(*column).for_each(|(sum, j)| *sum += v * j);
            }
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let expected: Vec<f64> = columns.iter().map(|column| dot(column, &along)).collect();
            // Sums of at most a few thousand numbers in another order.
            let apart = normwise(&cpu.normal_product(&batches, &direction).unwrap(), &expected);
            assert!(apart < 1e-12, "{hidden:?} {points}: {apart:e}");
            let squares: Vec<f64> = columns.iter().map(|column| dot(column, column)).collect();
            let apart = normwise(&cpu.column_squares(&batches).unwrap(), &squares);
            assert!(apart < 1e-13, "{hidden:?} {points}: {apart:e}");
        }
    }
}
