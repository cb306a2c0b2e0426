//! Points with what is known there: what a loss is evaluated on.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// B points in D dimensions with the known columns there, in the user's units.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PointSet {
    /// (D, B): one column after the other.
    pub inputs: Vec<Vec<f64>>,
    /// (T, B): the columns that the loss's terms name by index.
    pub columns: Vec<Vec<f64>>,
    /// (D, B): the components of the outward normal, on a boundary; empty elsewhere.
    pub normals: Vec<Vec<f64>>,
    /// (B), with mean 1; `None` where all points count alike.
    pub weights: Option<Vec<f64>>,
}

impl PointSet {
    /// B, the number of points.
    pub fn points(&self) -> usize {
        self.inputs.first().map_or(0, Vec::len)
    }

    /// The points at these positions, with all that is known there.
    pub fn select(&self, positions: &[usize]) -> Self {
        let at = |column: &Vec<f64>| positions.iter().map(|k| column[*k]).collect();
        let all = |columns: &[Vec<f64>]| columns.iter().map(at).collect();
        Self {
            inputs: all(&self.inputs),
            columns: all(&self.columns),
            normals: all(&self.normals),
            weights: self.weights.as_ref().map(at),
        }
    }

    /// The same number of points, resampled with replacement (Efron 1979). `set` distinguishes the sets of a problem.
    pub fn bootstrap(&self, seed: u64, set: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Far from the streams of the split, the epochs and the features.
        random.set_stream((1 << 63) + set as u64);
        let count = self.points();
        self.select(&(0..count).map(|_| random.random_range(0..count)).collect::<Vec<_>>())
    }
}
