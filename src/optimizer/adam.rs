//! Adam and AdamW.
//!
//! # Formula
//!
//! With g the gradient, shortened to the norm `clip_norm` where it is longer, and η the rate of the schedule at step t:
//!
//! ```text
//! m ← β₁ m + (1 − β₁) g             m̂ = m / (1 − β₁ᵗ)
//! v ← β₂ v + (1 − β₂) g²            v̂ = v / (1 − β₂ᵗ)
//! p ← p − η weight_decay p − η m̂ / (√v̂ + ε)
//! ```
//!
//! # Requirements
//!
//! Any batches. The loss may be another in every step: points, weights and balance may change.
//!
//! # Reference
//!
//! Kingma & Ba 2015 (Adam); Loshchilov & Hutter 2019 (AdamW). The arithmetic stands in the backends' `adam` kernels.

use super::{AdamSettings, Iteration, Memory, Optimizer, Plateau, Progress, Schedule, Step};
use crate::backend::{Backend, OptimizerState, StepReport, Update};
use crate::error::Result;

/// The method over the steps of a stage.
pub struct Adam {
    settings: AdamSettings,
    schedule: Schedule,
    plateau: Plateau,
}

impl Adam {
    /// Goes on from its memory; without one, from moments that the backend holds as 0.
    ///
    /// # Errors
    /// The backend's.
    pub fn new(settings: AdamSettings, schedule: Schedule, backend: &mut dyn Backend, memory: Memory) -> Result<Self> {
        let plateau = match memory {
            Memory::Adam { moments, plateau } => {
                backend.set_optimizer_state(&moments)?;
                plateau
            }
            _ => Plateau::default(),
        };
        Ok(Self { settings, schedule, plateau })
    }
}

impl Optimizer for Adam {
    fn iterate(&mut self, backend: &mut dyn Backend, step: &Step) -> Result<Iteration> {
        let rate = self.schedule.rate(step.of_stage, &self.plateau);
        let update = Update { step: step.number, ..self.settings.update(step.of_stage, rate) };
        backend.step(step.batches, &update)?;
        // Reading waits for the device, which many steps may be on their way to.
        if !step.is_reported {
            return Ok(Iteration::Moved(None));
        }
        let StepReport { losses, gradient_norm, diverged_at } = backend.report()?;
        Ok(match diverged_at {
            Some(_) => Iteration::Diverged,
            None => Iteration::Moved(Some(Progress { rate, gradient_norm, losses: Some(losses) })),
        })
    }

    fn memory(&self, backend: &mut dyn Backend) -> Result<Memory> {
        Ok(Memory::Adam { moments: backend.optimizer_state()?, plateau: self.plateau })
    }

    fn finish(&mut self, backend: &mut dyn Backend) -> Result<()> {
        let zeros = vec![0.0; backend.parameters()?.len()];
        backend.set_optimizer_state(&OptimizerState { first_moment: zeros.clone(), second_moment: zeros })
    }

    fn watch(&mut self, loss: f64) {
        self.schedule.watch(loss, &mut self.plateau);
    }

    fn allows_balancing(&self) -> bool {
        true
    }
}

impl AdamSettings {
    /// The update of step `step` (from 1) at this learning rate.
    pub fn update(&self, step: u64, learning_rate: f64) -> Update {
        // powf rather than powi: the step may exceed an i32.
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        Update {
            step,
            step_size: learning_rate / correction(self.beta1),
            beta1: self.beta1,
            beta2: self.beta2,
            second_correction: 1.0 / correction(self.beta2),
            epsilon: self.epsilon,
            decay: learning_rate * self.weight_decay,
            clip_norm: self.clip_norm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_undoes_the_bias_of_both_moments() {
        let update = AdamSettings::default().update(1, 1e-3);
        assert!((update.step_size - 1e-2).abs() < 1e-15);
        assert!((update.second_correction - 1000.0).abs() < 1e-9);
    }
}
