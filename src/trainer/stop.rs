//! The reasons why training ends.

/// Why a run, or a stage of it, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All steps are done.
    Steps,
    /// The gradient is as small as was asked for.
    Converged,
    /// No step lowers the loss: the limit of the arithmetic.
    Stuck,
    /// The validation loss stopped falling.
    EarlyStopping,
    /// The time is over.
    MaxSeconds,
    /// A signal.
    Interrupted,
    /// This step's loss or gradient was not finite.
    Diverged(u64),
}

impl Stop {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Stop::Steps => "steps",
            Stop::Converged => "converged",
            Stop::Stuck => "no_descent",
            Stop::EarlyStopping => "early_stopping",
            Stop::MaxSeconds => "max_seconds",
            Stop::Interrupted => "interrupted",
            Stop::Diverged(_) => "diverged",
        }
    }

    /// Whether the next stage follows.
    pub fn is_of_a_stage(self) -> bool {
        matches!(self, Stop::Steps | Stop::Converged | Stop::Stuck)
    }
}
