//! Derivatives from values alone: central differences over a ladder of steps, extrapolated to a
//! step of 0 (Ridders 1982), with the method's own estimate of its error. Nothing here knows the
//! jet rule, which makes it a judge of it.

use std::ops::Range;

use crate::backend::Backend;
use crate::error::Result;
use crate::jet::{Derivative, JetLayout};
use crate::network::{Model, Smoothness};
use crate::predict;

/// Step k of a ladder is half an input's deviation over 2^k. For a smooth network: down to a
/// thousandth, extrapolated. Wide steps serve calm networks (rounding is divided by h²), narrow ones
/// those that oscillate.
const SMOOTH: Range<i32> = 0..10;
/// Across a kink there is no series to extrapolate, and the difference is wrong by about the step:
/// a step of a millionth alone is taken, and the one before it for an estimate.
const KINKED: Range<i32> = 19..21;

/// One derivative of one output at every point.
#[derive(Clone, Debug, Default)]
pub(super) struct Differences {
    /// In the user's units (B).
    pub values: Vec<f64>,
    /// What the extrapolation leaves open, truncation and rounding alike (B).
    pub errors: Vec<f64>,
}

/// The differences over narrower and narrower steps, and the part of each that may be rounding.
type Ladder = Vec<(f64, f64)>;

/// A weighted sum of values at shifted points, over h to the order.
struct Stencil {
    /// The weight of each shifted point.
    weights: Vec<f64>,
    /// For each shifted point the inputs that move, and by how many steps.
    shifts: Vec<Vec<(usize, f64)>>,
    /// The inputs whose steps divide the sum.
    divisors: Vec<usize>,
}

impl Stencil {
    fn of(derivative: Derivative) -> Self {
        match derivative {
            Derivative::First(i) => {
                Self { weights: vec![0.5, -0.5], shifts: vec![vec![(i, 1.0)], vec![(i, -1.0)]], divisors: vec![i] }
            }
            Derivative::Second(i, j) if i == j => Self {
                weights: vec![1.0, -2.0, 1.0],
                shifts: vec![vec![(i, 1.0)], vec![], vec![(i, -1.0)]],
                divisors: vec![i, i],
            },
            Derivative::Second(i, j) => {
                let corner = |a: f64, b: f64| vec![(i, a), (j, b)];
                Self {
                    weights: vec![0.25, -0.25, -0.25, 0.25],
                    shifts: vec![corner(1.0, 1.0), corner(1.0, -1.0), corner(-1.0, 1.0), corner(-1.0, -1.0)],
                    divisors: vec![i, j],
                }
            }
            Derivative::Value | Derivative::Laplacian => unreachable!("only single derivatives are differenced"),
        }
    }
}

/// Evaluations of the value that one derivative costs at one point, at most.
pub(super) fn evaluations(derivative: Derivative) -> usize {
    SMOOTH.len() * Stencil::of(derivative).weights.len()
}

/// `derivative` of every output at `points` (D, B), from the values that `values` computes for
/// `model`.
pub(super) fn differences(
    values: &mut dyn Backend,
    model: &Model,
    points: &[Vec<f64>],
    derivative: Derivative,
) -> Result<Vec<Differences>> {
    let stencil = Stencil::of(derivative);
    let count = points[0].len();
    // (M, B)
    let mut ladders = vec![vec![Ladder::new(); count]; model.spec.outputs];
    let is_smooth = model.spec.activation.smoothness() == Smoothness::Infinite;
    for level in if is_smooth { SMOOTH } else { KINKED } {
        let steps: Vec<f64> = model.normalizer.inputs.scale.iter().map(|scale| step(*scale, level)).collect();
        let shifted = shifted(points, &stencil, &steps);
        let jets = predict::jets(model, values, &shifted, &JetLayout::value(points.len()))?;
        let divisor: f64 = stencil.divisors.iter().map(|i| steps[*i]).product();
        for (output, ladders) in ladders.iter_mut().enumerate() {
            let value = jets.entry(output, Derivative::Value).expect("every layout has the value");
            // A value near 0 is the sum of terms that are as large as the output's deviation.
            let least = model.normalizer.outputs.scale[output];
            for (point, ladder) in ladders.iter_mut().enumerate() {
                let terms = || stencil.weights.iter().enumerate().map(|(s, w)| (*w, value[s * count + point]));
                let difference: f64 = terms().map(|(w, v)| w * v).sum();
                let size: f64 = terms().map(|(w, v)| w.abs() * v.abs().max(least)).sum();
                ladder.push((difference / divisor, f64::EPSILON * size / divisor));
            }
        }
    }
    let limit = if is_smooth { extrapolate } else { narrowest };
    let of_output = |ladders: Vec<Ladder>| {
        let (values, errors) = ladders.iter().map(limit).unzip();
        Differences { values, errors }
    };
    Ok(ladders.into_iter().map(of_output).collect())
}

/// A power of two, so that x ± h and 2h are exact, near half the input's deviation over 2^level.
fn step(scale: f64, level: i32) -> f64 {
    2f64.powi((0.5 * scale).log2().round() as i32 - level)
}

/// All points of the stencil, shift by shift (D, S·B).
fn shifted(points: &[Vec<f64>], stencil: &Stencil, steps: &[f64]) -> Vec<Vec<f64>> {
    let column = |(d, column): (usize, &Vec<f64>)| {
        let shift = |moves: &Vec<(usize, f64)>| -> f64 {
            moves.iter().filter(|(input, _)| *input == d).map(|(_, by)| by * steps[d]).sum()
        };
        stencil.shifts.iter().flat_map(|moves| column.iter().map(move |x| x + shift(moves))).collect()
    };
    points.iter().enumerate().map(column).collect()
}

/// The entry of the Richardson tableau that agrees best with its neighbours, rounding considered,
/// and how well it does. The error of a central difference is a series in h², hence the powers of 4.
fn extrapolate(ladder: &Ladder) -> (f64, f64) {
    let mut best = (ladder[0].0, f64::INFINITY);
    let mut previous: Vec<f64> = vec![];
    for (difference, rounding) in ladder {
        let mut row = vec![*difference];
        let mut power = 1.0;
        for (column, above) in previous.iter().enumerate() {
            power *= 4.0;
            let better = row[column] + (row[column] - above) / (power - 1.0);
            let error = (better - row[column]).abs().max((better - above).abs()).max(*rounding);
            if error < best.1 {
                best = (better, error);
            }
            row.push(better);
        }
        previous = row;
    }
    best
}

/// The difference over the narrowest step, and how far it is from the one before.
fn narrowest(ladder: &Ladder) -> (f64, f64) {
    let [.., (before, _), (last, rounding)] = ladder[..] else { unreachable!("a ladder has two steps") };
    (last, (last - before).abs().max(rounding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extrapolation_reaches_rounding_and_knows_it() {
        for x in [0.3, 1.1, -2.5] {
            let second = |h: f64| ((x + h).sin() - 2.0 * x.sin() + (x - h).sin()) / (h * h);
            let ladder = SMOOTH.map(|k| step(1.0, k)).map(|h| (second(h), 4e-16 / (h * h))).collect();
            let (value, error) = extrapolate(&ladder);
            assert!((value + x.sin()).abs() < 1e-12, "{:e}", value + x.sin());
            assert!(error < 1e-10 && error > 1e-16, "{error:e}");
        }
    }

    #[test]
    fn across_a_kink_the_difference_is_wrong_by_about_the_step() {
        // x² for x > 0, else 0, on both sides of the jump of its second derivative and at it.
        for x in [0.0, 3e-7, -3e-7, 1e-3] {
            let value = |x: f64| if x > 0.0 { x * x } else { 0.0 };
            let first = |h: f64| (value(x + h) - value(x - h)) / (2.0 * h);
            let ladder = KINKED.map(|k| step(1.0, k)).map(|h| (first(h), 1e-16 / h)).collect();
            let (difference, error) = narrowest(&ladder);
            assert!((difference - 2.0 * f64::max(x, 0.0)).abs() < 1e-6 && error < 1e-6, "{x}: {error:e}");
        }
    }
}
