//! Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019).

use crate::backend::Update;

/// The constants of Adam; with `weight_decay` above 0 it is AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// β₁, the memory of the gradient.
    pub beta1: f64,
    /// β₂, the memory of its square.
    pub beta2: f64,
    /// ε, what keeps the division finite.
    pub epsilon: f64,
    /// The decoupled decay of the parameters.
    pub weight_decay: f64,
    /// The norm to which a longer gradient is shortened; infinite for none.
    pub clip_norm: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, clip_norm: f64::INFINITY }
    }
}

impl Adam {
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
        let update = Adam::default().update(1, 1e-3);
        assert!((update.step_size - 1e-2).abs() < 1e-15);
        assert!((update.second_correction - 1000.0).abs() < 1e-9);
    }
}
