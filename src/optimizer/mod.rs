//! Optimizers: what the host decides before each step. Adam's arithmetic stands in the backends' `adam`
//! kernels, that of L-BFGS in their `vectors`, and that of Gauss–Newton and of
//! training by evidence here, over the backend's Jacobian.

mod adam;
mod conjugate_gradients;
mod evidence;
mod gauss_newton;
mod inverse_hessian;
mod lbfgs;
mod line_search;
mod normal_equations;
mod schedule;
mod uncertainty;
mod whitened;

pub use adam::Adam;
pub use evidence::{Evidence, Prior};
pub use gauss_newton::{Damping, GaussNewton};
pub use inverse_hessian::{History, InverseHessian};
pub use lbfgs::Lbfgs;
pub use schedule::{Plateau, Schedule, Shape};
pub use uncertainty::{TermRows, bytes as standard_error_bytes, standard_errors};

/// What an iteration of L-BFGS, Gauss–Newton or by evidence did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Iteration {
    /// It lowered the loss.
    Moved {
        /// ‖∇ loss‖ where it began.
        gradient_norm: f64,
        /// The part of the step that was taken.
        step_length: f64,
    },
    /// The gradient is as small as was asked for, or the evidence stands still.
    Converged,
    /// No step lowers the loss: the limit of the arithmetic.
    Stuck,
    /// The loss is not finite.
    Diverged,
    /// It was given up half-way, and nothing has changed.
    Interrupted,
}

/// What Adam remembers between steps (all of P numbers).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct OptimizerState {
    /// The running mean of the gradient.
    pub first_moment: Vec<f64>,
    /// The running mean of its square.
    pub second_moment: Vec<f64>,
}

/// One update of Adam or AdamW with everything that depends on the step folded in, so that a
/// kernel computes, with g the clipped gradient:
///
/// ```text
/// m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
/// p ← p − decay · p − step_size · m / (√(v · second_correction) + ε)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// The step's number, from 1: what [`crate::backend::StepReport::diverged_at`] names.
    pub step: u64,
    /// learning rate / (1 − β₁ᵗ)
    pub step_size: f64,
    /// β₁
    pub beta1: f64,
    /// β₂
    pub beta2: f64,
    /// 1 / (1 − β₂ᵗ)
    pub second_correction: f64,
    /// ε
    pub epsilon: f64,
    /// learning rate · weight decay (AdamW), or 0.
    pub decay: f64,
    /// The norm to which a longer gradient is shortened; infinite for none.
    pub clip_norm: f64,
}
