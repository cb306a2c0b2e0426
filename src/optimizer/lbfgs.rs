//! L-BFGS (Liu & Nocedal 1989): the inverse Hessian from the last steps and what they changed of the gradient.
//!
//! The arithmetic between two gradients is f64 on the host: it costs 4·history·P multiply-adds, a hundredth of a
//! gradient over a thousand points, and its sums have one order on every machine.

use super::Iteration;
use super::line_search::{Trial, strong_wolfe};
use crate::error::Result;

/// What the user chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lbfgs {
    /// How many steps are remembered.
    pub history: usize,
    /// The norm of the gradient below which it is done; 0 for never.
    pub tolerance: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self { history: 50, tolerance: 0.0 }
    }
}

/// What is remembered between iterations, the oldest first; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct History {
    /// Steps of the parameters (≤ history, P).
    pub steps: Vec<Vec<f64>>,
    /// What they changed of the gradient (as many, P).
    pub changes: Vec<Vec<f64>>,
}

/// The loss at some parameters.
#[derive(Clone, Debug)]
pub struct Point {
    /// As the device holds them (P): in f32 not quite what was asked for.
    pub parameters: Vec<f64>,
    /// Weighted.
    pub loss: f64,
    /// Its gradient (P).
    pub gradient: Vec<f64>,
}

/// A pair whose curvature is below this part of |step|·|change| says nothing but rounding.
const LEAST_CURVATURE: f64 = 1e-12;
/// What a step that does not lower the loss has to leave of the gradient at most.
const SHRINK: f64 = 0.9;

impl Lbfgs {
    /// One iteration from the parameters `start` (P) to better ones: those that `at`, which gives the loss at
    /// parameters, was asked for last. `rounding` is the relative error of a loss.
    ///
    /// # Errors
    /// Those of `at`.
    pub fn iterate(
        &self,
        start: &[f64],
        history: &mut History,
        rounding: f64,
        mut at: impl FnMut(&[f64]) -> Result<Point>,
    ) -> Result<Iteration> {
        let here = at(start)?;
        let gradient_norm = dot(&here.gradient, &here.gradient).sqrt();
        if !(here.loss.is_finite() && gradient_norm.is_finite()) {
            return Ok(Iteration::Diverged);
        }
        if gradient_norm <= self.tolerance {
            return Ok(Iteration::Converged);
        }
        loop {
            let (direction, first) = history.direction(&here.gradient);
            let slope = dot(&direction, &here.gradient);
            let mut there = here.clone();
            let along = |length: f64| {
                let moved: Vec<f64> = start.iter().zip(&direction).map(|(p, d)| p + length * d).collect();
                there = at(&moved)?;
                Ok(Trial { length, loss: there.loss, slope: dot(&direction, &there.gradient) })
            };
            let found = match slope < 0.0 {
                true => strong_wolfe(Trial { length: 0.0, loss: here.loss, slope }, first, rounding, along)?,
                false => None,
            };
            // Where losses can no longer be told apart, a step has to shrink the gradient.
            let is_lower = |there: &Point| {
                there.loss < here.loss || dot(&there.gradient, &there.gradient).sqrt() < SHRINK * gradient_norm
            };
            match found {
                Some(trial) if is_lower(&there) => {
                    let step = difference(&there.parameters, &here.parameters);
                    history.push(step, difference(&there.gradient, &here.gradient), self.history);
                    return Ok(Iteration::Moved { gradient_norm, step_length: trial.length });
                }
                _ if history.steps.is_empty() => {
                    at(start)?;
                    return Ok(Iteration::Stuck);
                }
                // Once more, down the gradient itself.
                _ => *history = History::default(),
            }
        }
    }
}

impl History {
    /// −H g, and the first length to try along it.
    fn direction(&self, gradient: &[f64]) -> (Vec<f64>, f64) {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let Some((step, change)) = self.steps.last().zip(self.changes.last()) else {
            let sum: f64 = gradient.iter().map(|g| g.abs()).sum();
            return (q, (1.0 / sum).min(1.0));
        };
        let pairs = || self.steps.iter().zip(&self.changes);
        let mut along = vec![];
        for (step, change) in pairs().rev() {
            let part = dot(step, &q) / dot(step, change);
            add(&mut q, -part, change);
            along.push(part);
        }
        let scale = dot(step, change) / dot(change, change);
        q.iter_mut().for_each(|q| *q *= scale);
        for ((step, change), part) in pairs().zip(along.into_iter().rev()) {
            let back = dot(change, &q) / dot(step, change);
            add(&mut q, part - back, step);
        }
        (q, 1.0)
    }

    fn push(&mut self, step: Vec<f64>, change: Vec<f64>, most: usize) {
        let lengths = (dot(&step, &step) * dot(&change, &change)).sqrt();
        if dot(&step, &change) <= LEAST_CURVATURE * lengths {
            return;
        }
        if self.steps.len() == most {
            self.steps.remove(0);
            self.changes.remove(0);
        }
        self.steps.push(step);
        self.changes.push(change);
    }
}

/// Over eight interleaved partial sums, so that it runs on SIMD in one order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum()
}

fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minimises a function of `start.len()` numbers: the loss at the end, and how many iterations it took.
    fn minimise(start: &[f64], steps: usize, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (f64, usize, Iteration) {
        let (lbfgs, mut history, mut x) = (Lbfgs::default(), History::default(), start.to_vec());
        for step in 0..steps {
            let mut last = x.clone();
            let at = |parameters: &[f64]| {
                let (loss, gradient) = f(parameters);
                last = parameters.to_vec();
                Ok(Point { parameters: parameters.to_vec(), loss, gradient })
            };
            let iteration = lbfgs.iterate(&x, &mut history, 1e-15, at).unwrap();
            x = last;
            if !matches!(iteration, Iteration::Moved { .. }) {
                return (f(&x).0, step, iteration);
            }
        }
        (f(&x).0, steps, Iteration::Moved { gradient_norm: 0.0, step_length: 0.0 })
    }

    fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
        let (mut loss, mut gradient) = (0.0, vec![0.0; x.len()]);
        for k in 0..x.len() - 1 {
            let (valley, wall) = (1.0 - x[k], x[k + 1] - x[k] * x[k]);
            loss += valley * valley + 100.0 * wall * wall;
            gradient[k] -= 2.0 * valley + 400.0 * wall * x[k];
            gradient[k + 1] += 200.0 * wall;
        }
        (loss, gradient)
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        for start in [vec![-1.2, 1.0], [-1.2, 1.0].repeat(5)] {
            let (loss, steps, _) = minimise(&start, 200, rosenbrock);
            assert!(loss < 1e-20, "{loss:e} after {steps}");
        }
    }

    #[test]
    fn a_quadratic_of_any_condition_ends_at_its_minimum_and_says_so() {
        // As many directions as the history holds: exact but for rounding.
        let f = |x: &[f64]| {
            let scales = (0..x.len()).map(|k| 10f64.powi(k as i32 % 7));
            let gradient: Vec<f64> = x.iter().zip(scales).map(|(x, scale)| scale * (x - 1.0)).collect();
            (0.5 * x.iter().zip(&gradient).map(|(x, g)| (x - 1.0) * g).sum::<f64>(), gradient)
        };
        let (loss, steps, iteration) = minimise(&[0.0; 33], 200, f);
        assert!(loss < 1e-20 && steps < 100, "{loss:e} after {steps}");
        assert!(matches!(iteration, Iteration::Converged | Iteration::Stuck), "{iteration:?}");
    }

    #[test]
    fn what_is_not_finite_is_told() {
        let (_, steps, iteration) = minimise(&[1.0], 9, |_| (f64::NAN, vec![1.0]));
        assert_eq!((steps, iteration), (0, Iteration::Diverged));
    }
}
