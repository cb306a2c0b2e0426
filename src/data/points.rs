//! Where a trained network is evaluated, and what is known to be true there.

use std::path::Path;

use super::{Dataset, PointSet, TableReader};
use crate::entry::Entry;
use crate::error::Result;
use crate::job::{Axis, Points};

impl Axis {
    /// Its numbers; the last is `to` itself.
    fn values(&self) -> Vec<f64> {
        let Axis { from, to, count } = *self;
        let step = |i: usize| i as f64 / (count - 1).max(1) as f64;
        (0..count).map(|i| if i > 0 && i + 1 == count { to } else { from + (to - from) * step(i) }).collect()
    }
}

/// The product of the axes, the last running fastest (D, B).
pub fn grid(axes: &[Axis]) -> Vec<Vec<f64>> {
    let points: usize = axes.iter().map(|axis| axis.count).product();
    let mut run = points;
    let column = |axis: &Axis| {
        run /= axis.count;
        let values = axis.values();
        (0..points).map(|point| values[point / run % axis.count]).collect()
    };
    axes.iter().map(column).collect()
}

impl Dataset {
    /// The points of `[predictions]` (D, B).
    ///
    /// # Errors
    /// Those of the file, where they come from one.
    pub fn prediction_points(&self, points: &Points) -> Result<Vec<Vec<f64>>> {
        match points {
            Points::Grid(axes) => Ok(grid(axes)),
            Points::Data => Ok(self.default_points()),
            Points::File(file) => {
                let mut reader = TableReader::open(file)?;
                reader.select(&self.inputs)?;
                reader.read_rows()
            }
        }
    }

    /// A grid over the data's range: 1001 points for one input, 101 by 101 for two; for more, where
    /// a grid says little, the training rows.
    pub fn default_points(&self) -> Vec<Vec<f64>> {
        let count = match self.inputs.len() {
            1 => 1001,
            2 => 101,
            _ => return self.training.inputs.clone(),
        };
        let axis = |input: usize| {
            let sets = [Some(&self.training), self.validation.as_ref()];
            let all = || sets.into_iter().flatten().flat_map(|set| set.inputs[input].iter().copied());
            Axis { from: all().fold(f64::INFINITY, f64::min), to: all().fold(f64::NEG_INFINITY, f64::max), count }
        };
        grid(&(0..self.inputs.len()).map(axis).collect::<Vec<_>>())
    }

    /// The rows of the file of `[truth]`; their targets are its columns, in its order.
    ///
    /// # Errors
    /// Those of the file.
    pub fn truth_points(&self, file: &Path, columns: &[(Entry, String)]) -> Result<PointSet> {
        let mut reader = TableReader::open(file)?;
        let columns = columns.iter().map(|(_, column)| column);
        reader.select(&self.inputs.iter().chain(columns).collect::<Vec<_>>())?;
        let mut inputs = reader.read_rows()?;
        let targets = inputs.split_off(self.inputs.len());
        Ok(PointSet { inputs, columns: targets, ..PointSet::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_input_runs_fastest_and_ends_are_exact() {
        let axes = [Axis { from: 0.0, to: 1.0, count: 2 }, Axis { from: -1.0, to: 0.3, count: 3 }];
        let points = grid(&axes);
        assert_eq!(points[0], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!((points[1][0], points[1][2], points[1][5]), (-1.0, 0.3, 0.3));
        assert_eq!(grid(&[Axis { from: 2.0, to: 3.0, count: 1 }]), [[2.0]]);
    }
}
