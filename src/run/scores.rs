//! How far the network is from what was measured, in the units of the columns.

use serde::Serialize;

use crate::data::{Data, Dataset, PointSet};
use crate::error::Result;
use crate::jet::JetLayout;
use crate::predict::Source;

/// Rows that are evaluated at once.
const BLOCK_ROWS: usize = 1 << 16;

/// The misfit of one column over the rows in which it was measured, each row counting alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Score {
    /// The entry.
    pub name: String,
    /// The rows that judge: `validation`, or `training` where none were kept.
    pub rows: &'static str,
    /// How many of them have a measurement.
    pub count: usize,
    /// The root of the mean square of the misfits, in the column's units.
    pub rmse: f64,
    /// The mean of their absolute values, in the column's units.
    pub mae: f64,
    /// R² = 1 − Σ misfit² / Σ (column − its mean)²; none for a constant column.
    pub r2: Option<f64>,
}

/// The scores of all columns of the data.
///
/// # Errors
/// Those of the device.
pub fn scores(data: &Data, rows: &Dataset, source: &mut dyn Source) -> Result<Vec<Score>> {
    let (kind, set) = match &rows.validation {
        Some(validation) => ("validation", validation),
        None => ("training", &rows.training),
    };
    let entries: Vec<_> = data.targets().map(|(entry, _)| entry).collect();
    let layout = JetLayout::selected(data.inputs.len(), entries.iter().map(|entry| entry.derivative));
    let mut misfits = vec![vec![]; entries.len()];
    for start in (0..set.points()).step_by(BLOCK_ROWS) {
        let block = start..(start + BLOCK_ROWS).min(set.points());
        let points: Vec<Vec<f64>> = set.inputs.iter().map(|column| column[block.clone()].to_vec()).collect();
        let jets = source.jets(&points, &layout)?;
        for ((entry, misfits), column) in entries.iter().zip(&mut misfits).zip(&set.columns) {
            let predicted = jets.entry(entry.output, entry.derivative).expect("an entry of the layout");
            misfits.extend(predicted.iter().zip(&column[block.clone()]).map(|(ours, measured)| ours - measured));
        }
    }
    let of_column = |target: usize| score(set, target, &misfits[target]);
    let named = |(target, entry): (usize, &crate::jet::Entry)| {
        let (count, rmse, mae, r2) = of_column(target)?;
        Some(Score { name: entry.column(&data.inputs, &data.outputs), rows: kind, count, rmse, mae, r2 })
    };
    Ok(entries.iter().enumerate().filter_map(named).collect())
}

/// Count, RMSE, MAE and R²; none where nothing was measured.
fn score(set: &PointSet, target: usize, misfits: &[f64]) -> Option<(usize, f64, f64, Option<f64>)> {
    let measured: Vec<(f64, f64)> =
        set.columns[target].iter().zip(misfits).filter(|(y, _)| !y.is_nan()).map(|(y, misfit)| (*y, *misfit)).collect();
    let count = measured.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| measured.iter().map(of).sum::<f64>() / count;
    let centre = mean(&|(y, _)| *y);
    let (square, variance) = (mean(&|(_, misfit)| misfit * misfit), mean(&|(y, _)| (y - centre).powi(2)));
    let r2 = (variance > 0.0).then(|| 1.0 - square / variance);
    (!measured.is_empty()).then(|| (measured.len(), square.sqrt(), mean(&|(_, misfit)| misfit.abs()), r2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_counts_what_was_measured() {
        let set = PointSet { columns: vec![vec![1.0, f64::NAN, 3.0, 5.0]], ..PointSet::default() };
        let (count, rmse, mae, r2) = score(&set, 0, &[1.0, f64::NAN, -2.0, 0.0]).unwrap();
        assert_eq!((count, mae), (3, 1.0));
        assert!((rmse - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((r2.unwrap() - (1.0 - 5.0 / 8.0)).abs() < 1e-15);
        let constant = PointSet { columns: vec![vec![2.0, 2.0]], ..PointSet::default() };
        assert_eq!(score(&constant, 0, &[0.5, -0.5]), Some((2, 0.5, 0.5, None)));
        assert_eq!(score(&PointSet { columns: vec![vec![f64::NAN]], ..PointSet::default() }, 0, &[0.0]), None);
    }
}
