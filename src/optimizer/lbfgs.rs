//! L-BFGS (Liu & Nocedal 1989): the inverse Hessian from the last steps and what they changed of the gradient.
//!
//! Parameters, gradients, steps and directions stay on the device. The host sees losses and scalar products.

use super::Iteration;
use super::inverse_hessian::{DIRECTION, GRADIENT, InverseHessian, START};
use super::line_search::{Trial, strong_wolfe};
use crate::backend::{Vector, Vectors};
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

/// What a step that does not lower the loss has to leave of the gradient at most.
const SHRINK: f64 = 0.9;

impl Lbfgs {
    /// One iteration from the parameters to better ones. `at` gives the loss at the parameters and leaves its gradient;
    /// `known` is that loss where the gradient is there already, as it is after an iteration of the same loss that moved.
    /// `rounding` is the relative error of a loss.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn iterate<V: Vectors + ?Sized>(
        &self,
        vectors: &mut V,
        hessian: &mut InverseHessian,
        known: &mut Option<f64>,
        rounding: f64,
        mut at: impl FnMut(&mut V) -> Result<f64>,
    ) -> Result<Iteration> {
        let loss = match known.take() {
            Some(loss) => loss,
            None => at(vectors)?,
        };
        let gradient_norm = hessian.begin(vectors)?;
        if !(loss.is_finite() && gradient_norm.is_finite()) {
            return Ok(Iteration::Diverged);
        }
        if gradient_norm <= self.tolerance {
            return Ok(Iteration::Converged);
        }
        loop {
            hessian.direct(vectors)?;
            let slope = vectors.dots(&[DIRECTION], &[GRADIENT])?[0];
            // The loss and the norm of the gradient at the last trial.
            let mut there = (loss, gradient_norm);
            let along = |length: f64| {
                vectors.combine(Vector::Parameters, &[(1.0, START), (length, DIRECTION)])?;
                let loss = at(vectors)?;
                let dots = vectors.dots(&[Vector::Gradient], &[DIRECTION, Vector::Gradient])?;
                there = (loss, dots[1].sqrt());
                Ok(Trial { length, loss, slope: dots[0] })
            };
            let start = Trial { length: 0.0, loss, slope };
            let found = match slope < 0.0 {
                true => strong_wolfe(start, hessian.first_length(), rounding, along)?,
                false => None,
            };
            // Where losses can no longer be told apart, a step has to shrink the gradient.
            match found {
                Some(trial) if there.0 < loss || there.1 < SHRINK * gradient_norm => {
                    hessian.push(vectors)?;
                    *known = Some(there.0);
                    return Ok(Iteration::Moved { gradient_norm, step_length: trial.length });
                }
                _ if hessian.is_empty() => {
                    vectors.combine(Vector::Parameters, &[(1.0, START)])?;
                    return Ok(Iteration::Stuck);
                }
                // Once more, down the gradient itself.
                _ => hessian.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inverse_hessian::{History, tests::Host};
    use super::*;

    /// Minimises a function of `start.len()` numbers: the loss at the end, and how many iterations it took.
    fn minimise(start: &[f64], steps: usize, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (f64, usize, Iteration) {
        let (lbfgs, mut host) = (Lbfgs::default(), Host(vec![start.to_vec(), start.to_vec()]));
        let mut hessian = InverseHessian::new(&mut host, lbfgs.history, &History::default()).unwrap();
        let at = |host: &mut Host| {
            let (loss, gradient) = f(&host.0[0]);
            host.0[1] = gradient;
            Ok(loss)
        };
        let mut known = None;
        for step in 0..steps {
            let iteration = lbfgs.iterate(&mut host, &mut hessian, &mut known, 1e-15, at).unwrap();
            if !matches!(iteration, Iteration::Moved { .. }) {
                return (f(&host.0[0]).0, step, iteration);
            }
        }
        (f(&host.0[0]).0, steps, Iteration::Moved { gradient_norm: 0.0, step_length: 0.0 })
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
