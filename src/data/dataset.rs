//! From the `[data]` section of a job to point sets and their scaling.

use super::{Normalizer, PointSet};

/// The rows of a job's data, split and ready for a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The inputs' names (D).
    pub inputs: Vec<String>,
    /// The outputs' names (M).
    pub outputs: Vec<String>,
    /// The rows that are fitted. Their targets are those of [`crate::job::Data::targets`].
    pub training: PointSet,
    /// The rows that judge, with the same columns.
    pub validation: Option<PointSet>,
    /// From the training rows.
    pub normalizer: Normalizer,
    /// The standard deviation of each target over the training rows (T).
    pub deviations: Vec<f64>,
}
