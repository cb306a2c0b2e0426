//! L-BFGS: the inverse Hessian from the last steps and what they changed of the gradient.
//!
//! # Formula
//!
//! A step goes along −H ∇loss by a length that meets the strong Wolfe conditions, where H follows from the last steps
//! s and changes of the gradient y, the oldest first, from a multiple of 1:
//!
//! ```text
//! H ← (1 − s yᵀ / sᵀy) H (1 − y sᵀ / sᵀy) + s sᵀ / sᵀy
//! ```
//!
//! # Requirements
//!
//! One loss in all iterations: all points, whose weights stay. Where points have changed, the memory is kept, and the
//! gradient is found anew.
//!
//! # Reference
//!
//! Liu & Nocedal 1989; [`inverse_hessian`] and [`line_search`] name theirs. Parameters, gradients, steps and
//! directions stay on the device; the host sees losses and scalar products.

mod inverse_hessian;
mod line_search;
#[cfg(test)]
mod tests;

pub use inverse_hessian::History;

use self::inverse_hessian::{DIRECTION, GRADIENT, InverseHessian, START};
use self::line_search::{Trial, strong_wolfe};
use super::{Iteration, LbfgsSettings, Memory, Optimizer, Progress, Step};
use crate::backend::{Backend, Vector, Vectors};
use crate::error::Result;

/// What a step that does not lower the loss has to leave of the gradient at most.
const SHRINK: f64 = 0.9;

/// The method with its vectors on a backend.
pub struct Lbfgs {
    settings: LbfgsSettings,
    /// The relative error of a loss in the device's arithmetic.
    rounding: f64,
    hessian: InverseHessian,
    /// The loss at the parameters, where the last iteration has left it and its gradient.
    known: Option<f64>,
}

impl Lbfgs {
    /// Goes on from its memory, in a backend's vectors. `rounding` is the relative error of a loss in its arithmetic.
    ///
    /// # Errors
    /// The backend's.
    pub fn new<V: Vectors + ?Sized>(
        settings: LbfgsSettings,
        rounding: f64,
        vectors: &mut V,
        memory: Memory,
    ) -> Result<Self> {
        let history = match memory {
            Memory::Lbfgs(history) => history,
            _ => History::default(),
        };
        let hessian = InverseHessian::new(vectors, settings.history, &history)?;
        Ok(Self { settings, rounding, hessian, known: None })
    }

    /// One iteration from the parameters to better ones. `at` gives the loss at the parameters and leaves its gradient.
    fn descend<V: Vectors + ?Sized>(
        &mut self,
        vectors: &mut V,
        mut at: impl FnMut(&mut V) -> Result<f64>,
    ) -> Result<Iteration> {
        let hessian = &mut self.hessian;
        let loss = match self.known.take() {
            Some(loss) => loss,
            None => at(vectors)?,
        };
        let gradient_norm = hessian.begin(vectors)?;
        if !(loss.is_finite() && gradient_norm.is_finite()) {
            return Ok(Iteration::Diverged);
        }
        if gradient_norm <= self.settings.tolerance {
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
                true => strong_wolfe(start, hessian.first_length(), self.rounding, along)?,
                false => None,
            };
            // Where losses can no longer be told apart, a step has to shrink the gradient.
            match found {
                Some(trial) if there.0 < loss || there.1 < SHRINK * gradient_norm => {
                    hessian.push(vectors)?;
                    self.known = Some(there.0);
                    return Ok(Iteration::Moved(Some(Progress { rate: trial.length, gradient_norm, losses: None })));
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

impl Optimizer for Lbfgs {
    fn iterate(&mut self, backend: &mut dyn Backend, step: &Step) -> Result<Iteration> {
        if step.is_changed {
            self.known = None;
        }
        self.descend(backend, |backend| step.loss(backend))
    }

    fn memory(&self, backend: &mut dyn Backend) -> Result<Memory> {
        Ok(Memory::Lbfgs(self.hessian.history(backend)?))
    }

    fn finish(&mut self, backend: &mut dyn Backend) -> Result<()> {
        backend.allocate_vectors(0)
    }

    fn allows_reweighting(&self) -> bool {
        // The curvature that it remembers is that of one loss.
        false
    }
}
