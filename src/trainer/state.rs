//! Where a run stands.

use serde::{Deserialize, Serialize};

use super::Stop;
use crate::optimizer::Memory;
use crate::problem::Adapted;

/// Where a run stands: what a checkpoint holds.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Seconds spent on them.
    pub seconds: f64,
    /// The parameter block (P).
    pub parameters: Vec<f64>,
    /// How the stages ended that are over; the next one is under way.
    pub stage_ends: Vec<StageEnd>,
    /// What the optimizer of the stage that is under way remembers, as it was when the state was last read.
    pub memory: Memory,
    /// The best parameters so far, where they are kept.
    pub best: Option<Best>,
    /// What of the loss follows the network.
    pub adapted: Adapted,
}

/// How a stage ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageEnd {
    /// Steps of the run after it.
    pub step: u64,
    /// Seconds of training after it.
    pub seconds: f64,
    /// The weighted loss over all points after it.
    pub loss: f64,
    /// Why.
    pub stop: Stop,
}

/// The state with the lowest validation loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// After how many steps.
    pub step: u64,
    /// Its validation loss.
    pub loss: f64,
    /// Reports since then.
    pub waited: u64,
    /// The parameter block (P).
    pub parameters: Vec<f64>,
}
