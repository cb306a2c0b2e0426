//! The seam between the training loop and a device: whole steps, not buffers.
//!
//! A backend keeps parameters, optimizer state and point sets on its device. Losses come back only
//! when [`Backend::report`] asks for them.

use serde::Serialize;

use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::jet::{JetLayout, Jets};
use crate::loss::Loss;

/// A point set that a backend holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId(pub usize);

/// Consecutive points of a loaded set: positions `start..start + count` of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The set.
    pub set: SetId,
    /// The first position.
    pub start: usize,
    /// How many points, at least 1.
    pub count: usize,
}

/// The loss and its gradient over the batches of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// Each term's mean square, unweighted (T); those of the first batch's set first.
    pub losses: Vec<f64>,
    /// ∂loss/∂parameters in the order of the parameter block (P).
    pub gradient: Vec<f64>,
}

/// All residuals over the batches of a step, and how they depend on the parameters.
///
/// Each is multiplied by √(weight · w_p / B), so that the loss is the sum of their squares. They stand batch
/// by batch, term by term, in the order of the points.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Jacobian {
    /// R, the number of residuals.
    pub rows: usize,
    /// (P + 1, R): ∂r/∂parameter for each parameter, the residuals contiguous, and r itself behind them.
    pub values: Vec<f64>,
}

impl Jacobian {
    /// J (P, R)
    pub fn matrix(&self) -> &[f64] {
        &self.values[..self.values.len() - self.rows]
    }

    /// r (R)
    pub fn residuals(&self) -> &[f64] {
        &self.values[self.values.len() - self.rows..]
    }
}

/// The results of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Each term's mean square over the last step's batches, before its update (T); those of the first
    /// batch's set first.
    pub losses: Vec<f64>,
    /// The norm of the last step's gradient, before clipping.
    pub gradient_norm: f64,
    /// The first step whose loss or gradient was not finite. From that step on the device leaves
    /// parameters and optimizer state as they were.
    pub diverged_at: Option<u64>,
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
    /// The step's number, from 1: what [`StepReport::diverged_at`] names.
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

/// One of the vectors of P numbers that stay on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vector {
    /// The parameter block.
    Parameters,
    /// What [`Backend::differentiate`] left.
    Gradient,
    /// A vector that an optimizer keeps, by its number.
    Kept(usize),
}

/// Vectors of P numbers on the device, for optimizers that read only scalars. Sums have a fixed order: the same
/// vectors give the same bits.
pub trait Vectors {
    /// Makes room for `count` vectors, all 0; those that were there are gone.
    fn allocate_vectors(&mut self, count: usize) -> Result<()>;

    /// A vector's numbers (P).
    fn vector(&mut self, vector: Vector) -> Result<Vec<f64>>;

    /// Replaces a kept vector's numbers (P), as exactly as the device can hold them.
    fn set_kept(&mut self, kept: usize, numbers: &[f64]) -> Result<()>;

    /// The scalar products of all vectors on the left with all on the right (left, right), row by row.
    fn dots(&mut self, left: &[Vector], right: &[Vector]) -> Result<Vec<f64>>;

    /// `into` = Σ factor · vector over the parts in their order; `into` may be one of them.
    fn combine(&mut self, into: Vector, parts: &[(f64, Vector)]) -> Result<()>;
}

/// The time of one kernel of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KernelTime {
    /// The stem of its file in `shaders/`, and its entry point.
    pub kernel: String,
    /// Workgroups along x, y and z.
    pub workgroups: [u32; 3],
    /// Seconds by the device's clock.
    pub seconds: f64,
}

/// A device that evaluates jets and trains.
pub trait Backend: Vectors + Send {
    /// The device, readable: `cpu (2 threads, AVX-512)`.
    fn device(&self) -> String;

    /// Jets of the network at points given as columns (D, B) in the user's units; any B, in bounded memory.
    /// Transforms of outputs are applied by [`crate::predict::jets`].
    fn evaluate(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets>;

    /// Loads a point set and the loss on it to the device.
    fn load(&mut self, set: &PointSet, loss: &Loss) -> Result<SetId>;

    /// Replaces the points of a set, and its terms.
    fn refill(&mut self, set: SetId, points: &PointSet, loss: &Loss) -> Result<()>;

    /// Replaces the weights of a set's terms (T).
    fn set_term_weights(&mut self, set: SetId, weights: &[f64]) -> Result<()>;

    /// Puts the set's points into a new order (a permutation of 0..B) for the batches to come.
    fn set_order(&mut self, set: SetId, rows: &[u32]) -> Result<()>;

    /// Each term's mean square over the whole set, unweighted (T).
    fn losses(&mut self, set: SetId) -> Result<Vec<f64>>;

    /// Each term's mean square over batches of different sets, unweighted (T); the loss's gradient is then
    /// [`Vector::Gradient`]. Apart from [`Backend::step`] so that something may stand between (an all-reduce, L-BFGS).
    fn differentiate(&mut self, batches: &[Batch]) -> Result<Vec<f64>>;

    /// The same with the gradient's numbers.
    fn gradient(&mut self, batches: &[Batch]) -> Result<Gradient> {
        Ok(Gradient { losses: self.differentiate(batches)?, gradient: self.vector(Vector::Gradient)? })
    }

    /// All residuals over batches of different sets, one by one, with their Jacobian. What `into` holds is
    /// overwritten; its memory is used again.
    fn jacobian(&mut self, _batches: &[Batch], _into: &mut Jacobian) -> Result<()> {
        Err(no_jacobian(&self.device()))
    }

    /// The residuals of [`Backend::jacobian`] alone (R).
    fn residuals(&mut self, _batches: &[Batch], _into: &mut Vec<f64>) -> Result<()> {
        Err(no_jacobian(&self.device()))
    }

    /// JᵀJ v (P) for v (P), with the J of [`Backend::jacobian`], which is not stored.
    fn normal_product(&mut self, _batches: &[Batch], _direction: &[f64]) -> Result<Vec<f64>> {
        Err(no_jacobian(&self.device()))
    }

    /// The diagonal of JᵀJ (P).
    fn column_squares(&mut self, _batches: &[Batch]) -> Result<Vec<f64>> {
        Err(no_jacobian(&self.device()))
    }

    /// Gradient and update, all on the device; returns before the device is done.
    fn step(&mut self, batches: &[Batch], update: &Update) -> Result<()>;

    /// Waits for the steps so far and reads what the last one left.
    fn report(&mut self) -> Result<StepReport>;

    /// The parameter block (P).
    fn parameters(&mut self) -> Result<Vec<f64>>;

    /// Replaces the parameter block.
    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()>;

    /// The state of the optimizer.
    fn optimizer_state(&mut self) -> Result<OptimizerState>;

    /// Replaces the state of the optimizer.
    fn set_optimizer_state(&mut self, state: &OptimizerState) -> Result<()>;

    /// Seconds of each of `repeats` steps on one batch by the device's own clock, after one that is
    /// not counted; `None` where it has none. The steps update the parameters like any others.
    fn timed_steps(&mut self, _batch: Batch, _update: &Update, _repeats: usize) -> Result<Option<Vec<f64>>> {
        Ok(None)
    }

    /// Seconds of each of `repeats` evaluations at some `points` points that are on the device
    /// already, by the device's own clock; `None` where it has none.
    fn timed_evaluations(&mut self, _points: usize, _layout: &JetLayout, _repeats: usize) -> Result<Option<Vec<f64>>> {
        Ok(None)
    }

    /// The kernels of a step on one batch in order, each with its least time in `repeats` steps by the device's
    /// own clock; `None` where it has none. Each runs alone, so that their sum is more than a step takes.
    fn profile(&mut self, _batch: Batch, _update: &Update, _repeats: usize) -> Result<Option<Vec<KernelTime>>> {
        Ok(None)
    }

    /// Bytes of working memory on the device: tapes, gradients, optimizer state; not the point sets.
    fn working_bytes(&self) -> usize;
}

/// The error of a device that cannot compute the Jacobian of the residuals.
fn no_jacobian(device: &str) -> Error {
    let problem = format!("{device} cannot compute the Jacobian of the residuals, which this optimizer needs");
    Error::input("device.name", problem, "use the CPU: device.name = \"cpu\"")
}
