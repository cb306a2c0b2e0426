//! Gauss–Newton with Levenberg and Marquardt's damping (for equations: energy natural gradient), for all terms
//! together.
//!
//! # Formula
//!
//! The loss is ‖r‖² over all residuals r (R), each with the root of its weight, and J = ∂r/∂p (R, P). A step δ solves
//!
//! ```text
//! (JᵀJ + λD) δ = −Jᵀr
//! ```
//!
//! with D the largest squared norm that each column of J has had; λ follows the gain, the reduction over what the linear
//! model promised. Where J fits into memory, the system is factorised, and what J leaves out of the bend of r along δ is
//! mended by geodesic acceleration. Beyond, conjugate gradients take products with JᵀJ.
//!
//! # Requirements
//!
//! A backend with a Jacobian, and all points in every step. Their number and weights may change.
//!
//! # Reference
//!
//! Levenberg 1944, Marquardt 1963; Nielsen 1999 (λ); Transtrum & Sethna 2012 (geodesic acceleration); Müller & Zeinhofer
//! 2023 (equations).

mod conjugate_gradients;
mod damping;
mod dense;
mod matrix_free;
mod normal_equations;
mod uncertainty;

pub use damping::Damping;
pub(super) use normal_equations::System;
pub use uncertainty::{TermRows, bytes as standard_error_bytes, standard_errors};

use self::dense::Dense;
use super::{GaussNewtonSettings, Iteration, Memory, Optimizer, Progress, Step};
use crate::backend::Backend;
use crate::error::Result;
use crate::threads;

/// Dampings that are tried before an iteration gives up: growth upon growth, λ rises by 2⁴⁶⁵ at most.
const ATTEMPTS: usize = 30;

/// The method with its working memory.
pub struct GaussNewton {
    form: Form,
    damping: Damping,
    /// Residuals elsewhere (R).
    there: Vec<f64>,
}

/// How the steps are found.
enum Form {
    /// From J.
    Dense(Dense),
    /// From products with JᵀJ.
    MatrixFree,
}

impl GaussNewton {
    /// Bytes that an iteration takes beside the backend's: the dense form's where `memory` holds them, else those of a
    /// few vectors and of the rows that the threads have in hand.
    pub fn bytes(residuals: usize, parameters: usize, memory: f64) -> f64 {
        let dense = System::bytes(residuals, parameters);
        if dense > memory { 8.0 * (48.0 * parameters as f64 + residuals as f64) } else { dense }
    }

    /// For `residuals` residuals of `parameters` parameters, on so many threads (0: all); goes on from its memory.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] where threads cannot be had.
    pub fn new(
        settings: GaussNewtonSettings,
        (residuals, parameters): (usize, usize),
        threads: usize,
        memory: Memory,
    ) -> Result<Self> {
        let form = match System::bytes(residuals, parameters) > settings.memory {
            true => Form::MatrixFree,
            false => Form::Dense(Dense::new(threads::pool(threads)?)),
        };
        let damping = match memory {
            Memory::GaussNewton(damping) => damping,
            _ => Damping::new(settings.damping),
        };
        Ok(Self { form, damping, there: vec![] })
    }
}

impl Optimizer for GaussNewton {
    fn iterate(&mut self, backend: &mut dyn Backend, step: &Step) -> Result<Iteration> {
        let start = backend.parameters()?;
        let before = self.damping.clone();
        let (damping, there) = (&mut self.damping, &mut self.there);
        let iteration = match &mut self.form {
            Form::Dense(dense) => dense.iterate(backend, &start, damping, there, step),
            Form::MatrixFree => matrix_free::iterate(backend, &start, damping, there, step),
        }?;
        if iteration == Iteration::Interrupted {
            self.damping = before;
        }
        if matches!(iteration, Iteration::Interrupted | Iteration::Stuck) {
            backend.set_parameters(&start)?;
        }
        Ok(iteration)
    }

    fn memory(&self, _backend: &mut dyn Backend) -> Result<Memory> {
        // Before the first iteration there is none.
        Ok(if self.damping.scales.is_empty() { Memory::Nothing } else { Memory::GaussNewton(self.damping.clone()) })
    }
}

/// An iteration that lowered the loss, after which λ is what it is now.
fn moved(damping: &Damping, gradient_norm: f64) -> Iteration {
    Iteration::Moved(Some(Progress { rate: damping.lambda, gradient_norm, losses: None }))
}
