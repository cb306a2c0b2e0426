//! Cells where nothing was measured.
//!
//! A target's column holds NaN there. What is trained on has a finite number in its place, and another column, the
//! *mask*: 0 where nothing was measured, elsewhere the number by which the residual is multiplied so that the mean of its
//! square over all rows is that over the measured ones.

use std::borrow::Cow;

use super::{Dataset, PointSet, Table};
use crate::error::{Error, Result};

/// What is known of one target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Target {
    /// The mean over the measured training rows.
    pub mean: f64,
    /// Whether some row, of those that judge too, has no measurement.
    pub has_gaps: bool,
}

impl Dataset {
    /// Where the mask of a target stands among the columns of [`Dataset::posed`]; `None` where every row is measured.
    pub fn mask(&self, target: usize) -> Option<usize> {
        let before = self.targets[..target].iter().filter(|target| target.has_gaps).count();
        self.targets[target].has_gaps.then_some(self.targets.len() + before)
    }

    /// Rows as a loss reads them: targets without NaN (T), and behind them the masks of those that have gaps.
    pub fn posed(&self, rows: &PointSet) -> PointSet {
        let mut posed = rows.clone();
        for (target, known) in self.targets.iter().enumerate().filter(|(_, target)| target.has_gaps) {
            posed.columns.push(mask(&rows.columns[target], rows.weights.as_deref()));
            posed.columns[target].iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = known.mean);
        }
        posed
    }

    /// Those of some posed rows in which a target was measured.
    pub fn measured_rows<'a>(&self, posed: &'a PointSet, target: usize) -> Cow<'a, PointSet> {
        let Some(mask) = self.mask(target) else { return Cow::Borrowed(posed) };
        let is_measured = |row: &usize| posed.columns[mask][*row] != 0.0;
        Cow::Owned(posed.select(&(0..posed.points()).filter(is_measured).collect::<Vec<_>>()))
    }

    /// Whether some validation row tells of a target.
    pub fn judges(&self, target: usize) -> bool {
        self.validation.as_ref().is_some_and(|rows| {
            let counts = |row: usize| rows.weights.as_ref().is_none_or(|weights| weights[row] > 0.0);
            rows.columns[target].iter().enumerate().any(|(row, value)| !value.is_nan() && counts(row))
        })
    }
}

/// √(Σ w / Σ w over the measured rows) at these, 0 at the others; 0 everywhere where none is measured.
fn mask(column: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let sum = |is_counted: &dyn Fn(f64) -> bool| -> f64 {
        (0..column.len()).filter(|row| is_counted(column[*row])).map(weight).sum()
    };
    let (all, measured) = (sum(&|_| true), sum(&|value| !value.is_nan()));
    let factor = if measured > 0.0 { (all / measured).sqrt() } else { 0.0 };
    column.iter().map(|value| if value.is_nan() { 0.0 } else { factor }).collect()
}

/// What was measured of a target.
///
/// # Errors
/// [`Error::Input`] where nothing was, in the training rows that have a weight.
pub(super) fn measured(table: &Table, name: &str, rows: &PointSet, target: usize) -> Result<Vec<f64>> {
    let column = &rows.columns[target];
    let counts = |row: usize| rows.weights.as_ref().is_none_or(|weights| weights[row] > 0.0);
    if !column.iter().enumerate().any(|(row, value)| !value.is_nan() && counts(row)) {
        let problem = format!("column {name:?} has no measurement in any training row");
        return Err(Error::input(table, problem, "remove it from the job, or add rows in which it was measured"));
    }
    Ok(column.iter().copied().filter(|value| !value.is_nan()).collect())
}
