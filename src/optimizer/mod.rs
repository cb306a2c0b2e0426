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
