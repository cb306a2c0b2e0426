//! Points with what is known there: what a loss is evaluated on.

/// B points in D dimensions with T target columns and a weight each, in the user's units.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PointSet {
    /// (D, B): one column after the other.
    pub inputs: Vec<Vec<f64>>,
    /// (T, B): the columns that the loss's terms name by index.
    pub targets: Vec<Vec<f64>>,
    /// (B), with mean 1; `None` where all points count alike.
    pub weights: Option<Vec<f64>>,
}

impl PointSet {
    /// B, the number of points.
    pub fn points(&self) -> usize {
        self.inputs.first().map_or(0, Vec::len)
    }
}
