//! The damping λD of Gauss–Newton (Nielsen 1999; D as in MINPACK, Moré 1978).

use serde::{Deserialize, Serialize};

/// λ never falls below this.
const LEAST_LAMBDA: f64 = 1e-30;
/// The least λ is multiplied by after a step as good as promised.
const FALL: f64 = 1.0 / 3.0;

/// What the method remembers between iterations; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Damping {
    /// λ
    pub lambda: f64,
    /// What λ is multiplied by when a step fails; doubled with every failure.
    pub growth: f64,
    /// D (P), empty before the first iteration.
    #[serde(skip)]
    pub scales: Vec<f64>,
}

impl Damping {
    /// Before the first iteration.
    pub fn new(lambda: f64) -> Self {
        Self { lambda, growth: 2.0, scales: vec![] }
    }

    /// Takes note of the squared norms of the columns of J (P).
    pub(super) fn scale(&mut self, squares: impl ExactSizeIterator<Item = f64>) {
        self.scales.resize(squares.len(), 0.0);
        for (scale, square) in self.scales.iter_mut().zip(squares) {
            // A parameter that nothing has depended on stays where it is.
            *scale = scale.max(square).max(f64::MIN_POSITIVE);
        }
    }

    /// After a step that did not lower the loss.
    pub(super) fn raise(&mut self) {
        self.lambda *= self.growth;
        self.growth *= 2.0;
    }

    /// After one that did, with this part of what the linear model promised.
    pub(super) fn lower(&mut self, gain: f64) {
        self.lambda = (self.lambda * FALL.max(1.0 - (2.0 * gain - 1.0).powi(3))).max(LEAST_LAMBDA);
        self.growth = 2.0;
    }
}
