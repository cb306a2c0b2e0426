//! Optimizers: what moves the parameters, one iteration after another.
//!
//! [`Optimizer`] is all that the training loop knows of a method. Each method has a file or a room of its own, which
//! says in this order what it computes, what it requires, whose it is, and how. The arithmetic of Adam stands in the
//! backends' `adam` kernels and that of L-BFGS in their `vectors`; that of Gauss–Newton and of training by evidence
//! stands here, over the backend's Jacobian.
//!
//! | method | reads of the backend | remembers |
//! |---|---|---|
//! | [`Adam`] | nothing; whole steps stay on the device | two moments of P numbers, on the device |
//! | [`Lbfgs`] | losses and scalar products | pairs of P numbers, on the device |
//! | [`GaussNewton`] | the Jacobian (R, P), or products with JᵀJ | a damping and P scales |
//! | [`Evidence`] | the Jacobian (R, P) | the prior of each layer, the noise of each term |

mod adam;
mod evidence;
mod gauss_newton;
mod lbfgs;
mod least_squares;
mod schedule;
mod settings;

pub use adam::Adam;
pub use evidence::{Evidence, Prior, TermNoise};
pub use gauss_newton::{Damping, GaussNewton, TermRows, standard_error_bytes, standard_errors};
pub use lbfgs::{History, Lbfgs};
pub use schedule::{Plateau, Schedule, Shape};
pub use settings::{AdamSettings, GaussNewtonSettings, LbfgsSettings};

use crate::backend::{Backend, Batch, OptimizerState};
use crate::error::Result;

/// A method on its way through a stage of the training.
///
/// What decides an iteration is the method's settings, its [`Memory`], the backend's parameters and the step: an
/// optimizer that is made anew from its memory goes on with the same bits.
pub trait Optimizer {
    /// One iteration over the batches of a step, from the backend's parameters to better ones.
    ///
    /// # Errors
    /// The backend's; most of them have no Jacobian.
    fn iterate(&mut self, backend: &mut dyn Backend, step: &Step) -> Result<Iteration>;

    /// What it remembers, for a checkpoint.
    ///
    /// # Errors
    /// The backend's.
    fn memory(&self, backend: &mut dyn Backend) -> Result<Memory>;

    /// Leaves the backend as it was found, but for the parameters: its stage is over.
    ///
    /// # Errors
    /// The backend's.
    fn finish(&mut self, _backend: &mut dyn Backend) -> Result<()> {
        Ok(())
    }

    /// Hears the loss of a report: the validation loss, where there is one.
    fn watch(&mut self, _loss: f64) {}

    /// Whether the weights of points may follow the network while it trains (causal weights).
    fn allows_reweighting(&self) -> bool {
        true
    }

    /// Whether the weights of terms may follow their gradients while it trains.
    fn allows_balancing(&self) -> bool {
        false
    }
}

/// What an iteration sees of the training.
pub struct Step<'a> {
    /// Its number in the run, from 1.
    pub number: u64,
    /// Its number in the stage, from 1.
    pub of_stage: u64,
    /// Its points, of different sets.
    pub batches: &'a [Batch],
    /// The weight of each term of those sets (T): the loss is Σ weight · mean square.
    pub weights: &'a [f64],
    /// Whether points, their order or weights are others than those of the step before it.
    pub is_changed: bool,
    /// Whether a report follows it.
    pub is_reported: bool,
    /// Whether the training is to end now, so that an iteration is given up.
    pub is_over: &'a dyn Fn() -> bool,
}

impl Step<'_> {
    /// The loss at the backend's parameters; its gradient is then [`crate::backend::Vector::Gradient`].
    ///
    /// # Errors
    /// The backend's.
    pub fn loss(&self, backend: &mut dyn Backend) -> Result<f64> {
        let losses = backend.differentiate(self.batches)?;
        Ok(self.weights.iter().zip(losses).map(|(weight, loss)| weight * loss).sum())
    }
}

/// What an iteration did.
#[derive(Clone, Debug, PartialEq)]
pub enum Iteration {
    /// It moved the parameters; what a report says of it may be left out where none follows.
    Moved(Option<Progress>),
    /// The gradient is as small as was asked for, or the evidence stands still.
    Converged,
    /// No step lowers the loss: the limit of the arithmetic.
    Stuck,
    /// The loss is not finite, now or, where the backend's report says so, before.
    Diverged,
    /// It was given up half-way, and nothing has changed.
    Interrupted,
}

/// What a report says of an iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Adam's rate; the part of its direction that L-BFGS went; Gauss–Newton's damping for the next.
    pub rate: f64,
    /// ‖∇ loss‖ where it began.
    pub gradient_norm: f64,
    /// Each term's mean square over the batches where it began (T), from a method that has it for nothing.
    pub losses: Option<Vec<f64>>,
}

/// What an optimizer remembers between iterations; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Memory {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Adam's.
    Adam {
        /// The running means of the gradient and of its square.
        moments: OptimizerState,
        /// Where the on-plateau schedule is.
        plateau: Plateau,
    },
    /// That of L-BFGS.
    Lbfgs(History),
    /// Gauss–Newton's.
    GaussNewton(Damping),
    /// What training by evidence knows of the noise and of the parameters' sizes.
    Evidence(Prior),
}
