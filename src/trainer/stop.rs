//! The reasons why training ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Why a run, or a stage of it, ended. Reports and checkpoints have it by its [name](Stop::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// All steps are done.
    Steps,
    /// The gradient is as small as was asked for, or the evidence stands still.
    Converged,
    /// No step lowers the loss: the limit of the arithmetic.
    NoDescent,
    /// The validation loss stopped falling.
    EarlyStopping,
    /// The time is over.
    MaxSeconds,
    /// A signal.
    Interrupted,
    /// The loss or gradient of the step after the last was not finite.
    Diverged,
}

impl Stop {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Stop::Steps => "steps",
            Stop::Converged => "converged",
            Stop::NoDescent => "no_descent",
            Stop::EarlyStopping => "early_stopping",
            Stop::MaxSeconds => "max_seconds",
            Stop::Interrupted => "interrupted",
            Stop::Diverged => "diverged",
        }
    }

    /// Whether the next stage follows.
    pub fn is_of_a_stage(self) -> bool {
        matches!(self, Stop::Steps | Stop::Converged | Stop::NoDescent)
    }

    /// Whether the run was stopped from outside, and can be resumed.
    pub fn can_be_resumed(self) -> bool {
        matches!(self, Stop::MaxSeconds | Stop::Interrupted)
    }
}

/// What ends a training from outside.
pub struct Limit<'a> {
    /// Set by a signal.
    pub signal: &'a AtomicBool,
    /// When this call began.
    pub started: Instant,
    /// Seconds after which it ends.
    pub max_seconds: Option<f64>,
}

impl Limit<'_> {
    /// Why the training is to end now, if it is.
    pub fn reached(&self) -> Option<Stop> {
        if self.signal.load(Ordering::Relaxed) {
            return Some(Stop::Interrupted);
        }
        let is_too_late = |most: &f64| self.started.elapsed().as_secs_f64() >= *most;
        self.max_seconds.filter(is_too_late).map(|_| Stop::MaxSeconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_names() {
        for stop in [
            Stop::Steps,
            Stop::Converged,
            Stop::NoDescent,
            Stop::EarlyStopping,
            Stop::MaxSeconds,
            Stop::Interrupted,
            Stop::Diverged,
        ] {
            assert_eq!(serde_json::to_value(stop).unwrap(), stop.name());
        }
    }
}
