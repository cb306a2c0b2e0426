//! Derivatives from values alone: central differences over a ladder of steps, extrapolated to a
//! step of 0 (Ridders 1982), with the method's own estimate of its error. Nothing here knows the
//! jet rule, which makes it a judge of it.
//!
//! Of values, third and fourth differences would be rounding. Those orders are first and second differences of
//! second derivatives, which a certificate has judged by values before.

use std::ops::Range;

use crate::backend::Backend;
use crate::error::Result;
use crate::jet::{Derivative, Entry, JetLayout, Smoothness};
use crate::network::Model;
use crate::predict;

/// Step k of a ladder is half an input's deviation over 2^k. For a smooth network: down to a
/// thousandth, extrapolated. Wide steps serve calm networks (rounding is divided by h²), narrow ones
/// those that oscillate.
const SMOOTH_STEPS: Range<i32> = 0..10;
/// Where those leave it open, on to a two-millionth: the network is steep there. Beyond, rounding is all that
/// a second derivative would be made of.
const STEEP_STEPS: Range<i32> = 10..21;
/// One narrow step that is taken everywhere: what it contradicts is open, however well the wide ones agree.
const PROBE_STEPS: Range<i32> = 16..17;
/// Across a kink there is no series to extrapolate, and the difference is wrong by about the step:
/// a step of a millionth alone is taken, and the one before it for an estimate.
const KINKED_STEPS: Range<i32> = 19..21;

/// The part of the largest by which the narrowest difference is far from the limit.
const FAR_SHARE: f64 = 0.1;

/// Rounding through many layers is so many times that of one value at most.
const MOST_ROUNDING: f64 = 1e3;

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
    /// What it is a sum of: the value, or a second derivative.
    base: Derivative,
    /// The weight of each shifted point.
    weights: Vec<f64>,
    /// For each shifted point the inputs that move, and by how many steps.
    shifts: Vec<Vec<(usize, f64)>>,
    /// The inputs whose steps divide the sum.
    divisors: Vec<usize>,
}

impl Stencil {
    fn of(derivative: Derivative) -> Self {
        let (base, divisors) = halves(derivative);
        let (weights, shifts) = match divisors[..] {
            [i] => (vec![0.5, -0.5], vec![vec![(i, 1.0)], vec![(i, -1.0)]]),
            [i, j] if i == j => (vec![1.0, -2.0, 1.0], vec![vec![(i, 1.0)], vec![], vec![(i, -1.0)]]),
            [i, j] => {
                let corner = |a: f64, b: f64| vec![(i, a), (j, b)];
                let corners = vec![corner(1.0, 1.0), corner(1.0, -1.0), corner(-1.0, 1.0), corner(-1.0, -1.0)];
                (vec![0.25, -0.25, -0.25, 0.25], corners)
            }
            _ => unreachable!("a derivative has one input at least, and two beyond its base at most"),
        };
        Self { base, weights, shifts, divisors }
    }

    /// What a device evaluates for it.
    fn layout(&self, inputs: usize) -> JetLayout {
        JetLayout::selected(inputs, [self.base])
    }
}

/// What a derivative is a difference of, by one pair of its inputs that are alike if there is one; and by which inputs.
fn halves(derivative: Derivative) -> (Derivative, Vec<usize>) {
    let mut by = derivative.inputs().expect("collapsed derivatives are not certified");
    if by.len() <= 2 {
        return (Derivative::Value, by);
    }
    let pair = by.windows(2).position(|pair| pair[0] == pair[1]).unwrap_or(0);
    let base: Vec<usize> = by.drain(pair..pair + 2).collect();
    (Derivative::Second(base[0], base[1]), by)
}

/// Evaluations of one channel that one derivative costs at one point, at most.
pub(super) fn evaluations(derivative: Derivative, inputs: usize) -> usize {
    let stencil = Stencil::of(derivative);
    SMOOTH_STEPS.len() * stencil.weights.len() * stencil.layout(inputs).channels()
}

/// `derivative` of every output at `points` (D, B), from the values that `values` computes for
/// `model`. `tolerance` is relative to the largest: where the wide steps leave more open, narrow ones follow.
pub(super) fn differences(
    values: &mut dyn Backend,
    model: &Model,
    points: &[Vec<f64>],
    derivative: Derivative,
    tolerance: f64,
) -> Result<Vec<Differences>> {
    let stencil = Stencil::of(derivative);
    let count = points[0].len();
    // (M, B)
    let mut ladders = vec![vec![Ladder::new(); count]; model.outputs.len()];
    if model.spec.roughest().smoothness() != Smoothness::Infinite {
        climb(values, model, points, (&stencil, KINKED_STEPS), &mut ladders)?;
        return Ok(ladders.iter().map(|ladders| Differences::of(ladders, narrowest)).collect());
    }
    climb(values, model, points, (&stencil, SMOOTH_STEPS), &mut ladders)?;
    let limits: Vec<Differences> = ladders.iter().map(|ladders| Differences::of(ladders, extrapolate)).collect();
    let mut probes = vec![vec![Ladder::new(); count]; model.outputs.len()];
    climb(values, model, points, (&stencil, PROBE_STEPS), &mut probes)?;
    let is_open = |output: usize, point: usize| {
        let Differences { values, errors } = &limits[output];
        let largest = values.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let (narrow, rounding) = probes[output][point][0];
        let (last, _) = ladders[output][point][SMOOTH_STEPS.len() - 1];
        errors[point] > tolerance * largest
            || moves_away(narrow, (last - values[point]).abs(), (values[point], errors[point]), rounding)
    };
    let open: Vec<usize> = (0..count).filter(|point| (0..limits.len()).any(|output| is_open(output, *point))).collect();
    if open.is_empty() {
        return Ok(limits);
    }
    let mut narrow: Vec<Vec<Ladder>> =
        ladders.iter().map(|ladders| open.iter().map(|point| ladders[*point].clone()).collect()).collect();
    climb(values, model, &super::at(points, &open), (&stencil, STEEP_STEPS), &mut narrow)?;
    for (ladders, narrow) in ladders.iter_mut().zip(narrow) {
        open.iter().zip(narrow).for_each(|(point, ladder)| ladders[*point] = ladder);
    }
    let of_output = |ladders: &Vec<Ladder>| Differences::of(ladders, extrapolate).settled(ladders, &open);
    Ok(ladders.iter().map(of_output).collect())
}

impl Differences {
    fn of(ladders: &[Ladder], limit: fn(&Ladder) -> (f64, f64)) -> Self {
        let (values, errors) = ladders.iter().map(limit).unzip();
        Self { values, errors }
    }

    /// Where even the narrowest step is far from the limit, the network does more than it between two steps, and
    /// nothing is known.
    fn settled(mut self, ladders: &[Ladder], open: &[usize]) -> Self {
        let largest = self.values.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        for point in open {
            let (narrowest, rounding) = ladders[*point][STEEP_STEPS.end as usize - 1];
            if (narrowest - self.values[*point]).abs() > FAR_SHARE * largest + MOST_ROUNDING * rounding {
                self.errors[*point] = f64::INFINITY;
            }
        }
        self
    }
}

/// Adds the differences over the steps of `levels` to the ladders (M, B).
fn climb(
    values: &mut dyn Backend,
    model: &Model,
    points: &[Vec<f64>],
    (stencil, levels): (&Stencil, Range<i32>),
    ladders: &mut [Vec<Ladder>],
) -> Result<()> {
    let count = points[0].len();
    for level in levels {
        let steps: Vec<f64> = model.normalizer.inputs.scale.iter().map(|scale| step(*scale, level)).collect();
        let shifted = shifted(points, stencil, &steps);
        let jets = predict::jets(model, values, &shifted, &stencil.layout(points.len()))?;
        let divisor: f64 = stencil.divisors.iter().map(|i| steps[*i]).product();
        for (output, ladders) in ladders.iter_mut().enumerate() {
            let value = jets.entry(output, stencil.base).expect("a channel of the layout");
            // A value near 0 is the sum of terms that are as large as its natural scale.
            let least = Entry { output, derivative: stencil.base }.natural_scale(&model.normalizer);
            for (point, ladder) in ladders.iter_mut().enumerate() {
                let terms = || stencil.weights.iter().enumerate().map(|(s, w)| (*w, value[s * count + point]));
                let difference: f64 = terms().map(|(w, v)| w * v).sum();
                let size: f64 = terms().map(|(w, v)| w.abs() * v.abs().max(least)).sum();
                ladder.push((difference / divisor, f64::EPSILON * size / divisor));
            }
        }
    }
    Ok(())
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
///
/// Steps that are wide against a steep network agree with one another and not with what it does between
/// them: where a narrower step moves away from what was found, the tableau begins anew.
fn extrapolate(ladder: &Ladder) -> (f64, f64) {
    let mut best = (ladder[0].0, f64::INFINITY);
    let mut previous: Vec<f64> = vec![];
    let mut before = f64::INFINITY;
    for (difference, rounding) in ladder {
        if moves_away(*difference, before, best, *rounding) {
            (best, previous) = ((*difference, f64::INFINITY), vec![]);
        }
        before = (difference - best.0).abs();
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

/// Whether a narrower difference is farther from a limit, known up to an error, than the one `before` it was.
fn moves_away(difference: f64, before: f64, (limit, error): (f64, f64), rounding: f64) -> bool {
    (difference - limit).abs() > 2.0 * before + 10.0 * error + MOST_ROUNDING * rounding
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
            let ladder = SMOOTH_STEPS.map(|k| step(1.0, k)).map(|h| (second(h), 4e-16 / (h * h))).collect();
            let (value, error) = extrapolate(&ladder);
            assert!((value + x.sin()).abs() < 1e-12, "{:e}", value + x.sin());
            assert!(error < 1e-10 && error > 1e-16, "{error:e}");
        }
    }

    #[test]
    fn wide_steps_that_agree_by_chance_are_not_believed() {
        // The mixed derivative of tanh(1e4 x) tanh(1e4 y): far from both axes all corners are ±1.
        for (x, y) in [(1e-5, 2e-5), (-3e-5, 1e-5), (2e-5, -4e-5)] {
            let value = |x: f64, y: f64| (1e4 * x).tanh() * (1e4 * y).tanh();
            let slope = |x: f64| 1e4 / (1e4 * x).cosh().powi(2);
            let mixed = |h: f64| {
                let [a, b] = [h, -h].map(|i| value(x + i, y + h) - value(x + i, y - h));
                (a - b) / (4.0 * h * h)
            };
            let ladder = |levels: Range<i32>| -> Ladder {
                levels.map(|k| step(1.0, k)).map(|h| (mixed(h), 4e-16 / (h * h))).collect()
            };
            let exact = slope(x) * slope(y);
            let (limit, error) = extrapolate(&ladder(SMOOTH_STEPS.start..STEEP_STEPS.end));
            assert!((limit - exact).abs() < 1e-6 * exact && error < 1e-5 * exact, "{limit:e} {exact:e} {error:e}");
            // The wide steps alone are contradicted by the probe.
            let wide = ladder(SMOOTH_STEPS);
            let limit = extrapolate(&wide);
            let (narrow, rounding) = ladder(PROBE_STEPS)[0];
            let before = (wide[wide.len() - 1].0 - limit.0).abs();
            assert!(limit.1 > 1e-7 * exact || moves_away(narrow, before, limit, rounding));
        }
    }

    #[test]
    fn across_a_kink_the_difference_is_wrong_by_about_the_step() {
        // x² for x > 0, else 0, on both sides of the jump of its second derivative and at it.
        for x in [0.0, 3e-7, -3e-7, 1e-3] {
            let value = |x: f64| if x > 0.0 { x * x } else { 0.0 };
            let first = |h: f64| (value(x + h) - value(x - h)) / (2.0 * h);
            let ladder = KINKED_STEPS.map(|k| step(1.0, k)).map(|h| (first(h), 1e-16 / h)).collect();
            let (difference, error) = narrowest(&ladder);
            assert!((difference - 2.0 * f64::max(x, 0.0)).abs() < 1e-6 && error < 1e-6, "{x}: {error:e}");
        }
    }
}
