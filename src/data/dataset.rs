//! From the `[data]` section of a job to point sets and their scaling.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::gaps::{self, Target};
use crate::data::{Data, PointSet, Table, Validation};
use crate::error::{Error, Result};
use crate::jet::mean_and_deviation;
use crate::jet::{Normalizer, Scaling};

/// The rows of a job's data, split and ready for a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The inputs' names (D).
    pub inputs: Vec<String>,
    /// The outputs' names (M).
    pub outputs: Vec<String>,
    /// The training rows. Their targets are those of [`crate::data::Data::targets`], NaN where nothing was measured.
    pub training: PointSet,
    /// The validation rows, with the same columns.
    pub validation: Option<PointSet>,
    /// Mean and standard deviation of the training rows that are measured. A constant output uses its absolute value as its scale, or 1
    /// if it is 0.
    pub normalizer: Normalizer,
    /// The standard deviation of each target over the training rows that are measured (T).
    pub deviations: Vec<f64>,
    /// (T)
    pub(super) targets: Vec<Target>,
}

/// Rows from which on some judge by default, and which part of them.
const VALIDATION_FROM_ROWS: usize = 50;
const VALIDATION_FRACTION: f64 = 0.1;

impl Dataset {
    /// Reads the rows, splits them with `seed` and standardises them.
    ///
    /// # Errors
    /// [`Error::Input`] for everything that [`crate::data::TableReader`] refuses; fewer than two training rows; an
    /// input that is constant; a target without a measurement; weights that are negative or all 0.
    pub fn read(data: &Data, seed: u64) -> Result<Self> {
        let rows = Rows::read(data, &data.table)?;
        let place = &data.table;
        if rows.count() < 2 {
            let problem = "there is only one row, and the scale of the inputs and outputs needs at least two";
            return Err(Error::input(place, problem, "add rows of training data"));
        }
        let (training, validation) = match &data.validation {
            Validation::None => (rows, None),
            Validation::Default if rows.count() < VALIDATION_FROM_ROWS => (rows, None),
            Validation::Default => {
                let (training, validation) = rows.split(VALIDATION_FRACTION, seed)?;
                (training, Some(validation.point_set()?))
            }
            Validation::Table(table) => (rows, Some(Rows::read(data, table)?.point_set()?)),
            Validation::Fraction(fraction) => {
                let (training, validation) = rows.split(*fraction, seed)?;
                (training, Some(validation.point_set()?))
            }
        };
        let training = training.point_set()?;
        let inputs = data.inputs.iter().zip(&training.inputs).map(|(name, column)| {
            let (mean, deviation) = spread(data, name, column)?;
            if deviation == 0.0 {
                let problem = format!(
                    "input {name:?} is {mean} in every training row, so nothing can be learned about derivatives with \
                     respect to it"
                );
                return Err(Error::input(place, problem, "remove it from data.inputs, or add rows in which it varies"));
            }
            Ok((mean, deviation))
        });
        let (mean, scale) = inputs.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let inputs = Scaling { mean, scale };
        let targets = data
            .targets()
            .enumerate()
            .map(|(target, (_, name))| spread(data, name, &gaps::measured(place, name, &training, target)?));
        let targets = targets.collect::<Result<Vec<_>>>()?;
        let own_size = |mean: f64| if mean == 0.0 { 1.0 } else { mean.abs() };
        let outputs = &targets[..data.outputs.len()];
        let outputs = Scaling {
            mean: outputs.iter().map(|(mean, _)| *mean).collect(),
            scale: outputs.iter().map(|(mean, d)| if *d == 0.0 { own_size(*mean) } else { *d }).collect(),
        };
        let known = targets.iter().enumerate().map(|(target, (mean, _))| {
            let rows = [Some(&training), validation.as_ref()];
            let has_gaps =
                rows.into_iter().flatten().any(|rows| rows.columns[target].iter().any(|value| value.is_nan()));
            Target { mean: *mean, has_gaps }
        });
        Ok(Self {
            inputs: data.inputs.clone(),
            outputs: data.outputs.clone(),
            targets: known.collect(),
            training,
            validation,
            normalizer: Normalizer { inputs, outputs, coefficients: vec![] },
            deviations: targets.iter().map(|(_, deviation)| *deviation).collect(),
        })
    }
}

/// Mean and standard deviation, which is 0 for a constant column alone.
fn spread(data: &Data, name: &str, column: &[f64]) -> Result<(f64, f64)> {
    let (mean, deviation) = mean_and_deviation(column);
    let is_constant = column.iter().all(|x| *x == column[0]);
    if (is_constant || deviation.is_normal()) && mean.is_finite() {
        return Ok((mean, deviation));
    }
    let problem =
        format!("the numbers in column {name:?} are too large or too small: their variance overflows or underflows");
    Err(Error::input(&data.table, problem, "use another unit for this column"))
}

/// Columns as they come from a table.
struct Rows {
    place: String,
    weights_column: String,
    inputs: Vec<Vec<f64>>,
    targets: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
}

impl Rows {
    fn read(data: &Data, table: &Table) -> Result<Self> {
        let inputs = data.inputs.iter().map(|name| data.column(name));
        let whole: Vec<&str> = inputs.chain(data.weights.as_deref()).collect();
        let targets = data.targets().map(|(_, column)| column);
        let mut inputs = table.read(&whole.iter().copied().chain(targets).collect::<Vec<_>>(), whole.len())?;
        let targets = inputs.split_off(whole.len());
        let weights = data.weights.is_some().then(|| inputs.pop()).flatten();
        let weights_column = data.weights.clone().unwrap_or_default();
        Ok(Self { place: table.to_string(), weights_column, inputs, targets, weights })
    }

    fn count(&self) -> usize {
        self.inputs[0].len()
    }

    /// The training and the validation rows, each in the file's order.
    fn split(self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let count = self.count();
        let held_out = ((fraction * count as f64).round() as usize).max(1);
        if held_out + 2 > count {
            let problem =
                format!("{held_out} of {count} rows would be kept for validation, which leaves too few for training");
            let help = "add rows, or lower data.validation_fraction";
            return Err(Error::input(self.place, problem, help));
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let (validation, training) = order.split_at_mut(held_out);
        validation.sort_unstable();
        training.sort_unstable();
        Ok((self.pick(training), self.pick(validation)))
    }

    fn pick(&self, rows: &[usize]) -> Self {
        let pick = |column: &Vec<f64>| rows.iter().map(|row| column[*row]).collect();
        Self {
            place: self.place.clone(),
            weights_column: self.weights_column.clone(),
            inputs: self.inputs.iter().map(pick).collect(),
            targets: self.targets.iter().map(pick).collect(),
            weights: self.weights.as_ref().map(pick),
        }
    }

    /// The rows with weights of mean 1.
    fn point_set(self) -> Result<PointSet> {
        let Self { place, weights_column, inputs, targets, weights } = self;
        let Some(mut weights) = weights else {
            return Ok(PointSet { inputs, columns: targets, ..PointSet::default() });
        };
        let wrong = |problem: String| {
            let place = format!("{place}: column {weights_column:?}");
            Error::input(place, problem, "use weights of at least 0, and at least one above 0")
        };
        if let Some(weight) = weights.iter().find(|weight| **weight < 0.0) {
            return Err(wrong(format!("a row has a negative weight, {weight}")));
        }
        // By the largest first, so that no sum overflows.
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(wrong("every row has weight 0".to_string()));
        }
        weights.iter_mut().for_each(|weight| *weight /= largest);
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        weights.iter_mut().for_each(|weight| *weight /= mean);
        Ok(PointSet { inputs, columns: targets, normals: vec![], weights: Some(weights) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::data::Dialect;
    use crate::jet::{Derivative, Entry};

    fn data(file: PathBuf, validation: Validation, weights: Option<&str>) -> Data {
        let (inputs, outputs) = (vec!["x".to_string()], vec!["y".to_string()]);
        let derivatives = vec![(Entry { output: 0, derivative: Derivative::First(0) }, "s".to_string())];
        Data {
            table: Table::File(file, Dialect::default()),
            columns: BTreeMap::new(),
            inputs,
            outputs,
            derivatives,
            weights: weights.map(str::to_string),
            validation,
        }
    }

    fn read(text: &str, validation: Validation, weights: Option<&str>) -> Result<Dataset> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.csv");
        std::fs::write(&file, text).unwrap();
        Dataset::read(&data(file, validation, weights), 7)
    }

    #[test]
    fn rows_are_standardised_and_weights_have_mean_1() {
        let dataset = read("w,s,y,x\n1,5,2,10\n3,6,2,30\n", Validation::None, Some("w")).unwrap();
        assert_eq!(dataset.normalizer.inputs, Scaling { mean: vec![20.0], scale: vec![10.0] });
        assert_eq!(dataset.normalizer.outputs, Scaling { mean: vec![2.0], scale: vec![2.0] });
        assert_eq!(dataset.training.columns, [[2.0, 2.0], [5.0, 6.0]]);
        assert_eq!(dataset.training.weights, Some(vec![0.5, 1.5]));
        assert_eq!(dataset.deviations, [0.0, 0.5]);
        assert_eq!(dataset.default_points()[0].len(), 1001);
    }

    #[test]
    fn a_split_is_seeded_and_loses_no_row() {
        let text: String = (0..40).map(|row| format!("{row},{row},0\n")).collect();
        let text = format!("x,y,s\n{text}");
        let dataset = read(&text, Validation::Fraction(0.25), None).unwrap();
        assert_eq!(dataset, read(&text, Validation::Fraction(0.25), None).unwrap());
        let validation = dataset.validation.unwrap();
        assert_eq!((dataset.training.points(), validation.points()), (30, 10));
        assert!(dataset.training.inputs[0].is_sorted() && validation.inputs[0].is_sorted());
        let mut all = [dataset.training.inputs[0].clone(), validation.inputs[0].clone()].concat();
        all.sort_by(f64::total_cmp);
        assert!(all.iter().enumerate().all(|(row, x)| *x == row as f64));
    }

    #[test]
    fn rows_that_cannot_be_fitted_are_refused() {
        let cases = [
            ("x,y,s,w\n1,1,1,1\n", Validation::None, "only one row"),
            ("x,y,s,w\n1,1,1,1\n2,1,1,1\n", Validation::Fraction(0.1), "too few for training"),
            ("x,y,s,w\n3,1,1,1\n3,2,1,1\n", Validation::None, "input \"x\" is 3 in every training row"),
            ("x,y,s,w\n1,1,1,1\n2,1,1,-1\n", Validation::None, "column \"w\": a row has a negative weight, -1"),
            ("x,y,s,w\n1,1,1,0\n2,1,1,0\n", Validation::None, "every row has weight 0"),
            ("x,y,s,w\n1,1e300,1,1\n2,-1e300,1,1\n", Validation::None, "another unit"),
        ];
        for (text, validation, part) in cases {
            let error = read(text, validation, Some("w")).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
