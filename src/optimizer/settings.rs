//! What a user sets of each method. That of the learning rate stands in [`super::Schedule`]; training by evidence has
//! nothing to set.

/// The constants of Adam; with `weight_decay` above 0 it is AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamSettings {
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

impl Default for AdamSettings {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, clip_norm: f64::INFINITY }
    }
}

/// The constants of L-BFGS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbfgsSettings {
    /// How many steps are remembered.
    pub history: usize,
    /// The norm of the gradient below which it is done; 0 for never.
    pub tolerance: f64,
}

impl Default for LbfgsSettings {
    fn default() -> Self {
        Self { history: 50, tolerance: 0.0 }
    }
}

/// The constants of Gauss–Newton.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussNewtonSettings {
    /// λ before the first iteration.
    pub damping: f64,
    /// Bytes that the Jacobian and the matrices of its system may take; beyond, none is stored.
    pub memory: f64,
}
