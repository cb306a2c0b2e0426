//! What a training came to.

use super::{State, Stop};

/// How the training ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Why.
    pub stop: Stop,
    /// Where the run stands.
    pub state: State,
    /// The step of the parameters that were kept, where they are not the last.
    pub best_step: Option<u64>,
    /// The steps of this call.
    pub steps_now: u64,
    /// The seconds of this call.
    pub seconds_now: f64,
    /// The terms' names (T).
    pub terms: Vec<String>,
    /// Each term over all points (T).
    pub training: Vec<f64>,
    /// Each term where it is judged (T).
    pub validation: Vec<Option<f64>>,
    /// The standard errors of the coefficients' parameters (K), where they are known.
    pub standard_errors: Option<Vec<f64>>,
}
