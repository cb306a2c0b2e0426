//! The standardisation x̂ = (x − mean)/scale of inputs and outputs: part of the model, so that
//! nobody divides a derivative by 10 and 100 by hand.

use serde::{Deserialize, Serialize};

use super::CoefficientMap;

/// Means and scales of some columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// One per column, in the user's units.
    pub mean: Vec<f64>,
    /// One per column, positive, in the user's units.
    pub scale: Vec<f64>,
}

impl Scaling {
    /// No scaling of `columns` columns.
    pub fn identity(columns: usize) -> Self {
        Self { mean: vec![0.0; columns], scale: vec![1.0; columns] }
    }

    /// What is wrong with this scaling for `columns` columns, if anything.
    pub fn problem(&self, columns: usize) -> Option<String> {
        let Self { mean, scale } = self;
        if mean.len() != columns || scale.len() != columns {
            return Some(format!("it has {} means and {} scales for {columns} names", mean.len(), scale.len()));
        }
        if let Some(mean) = mean.iter().find(|mean| !mean.is_finite()) {
            return Some(format!("a mean is {mean}"));
        }
        let scale = scale.iter().find(|scale| !(**scale > 0.0 && scale.is_finite()))?;
        Some(format!("a scale is {scale}; scales are above 0"))
    }

    /// Mean and standard deviation of each column; 0 deviation is left for the caller to judge.
    pub fn of_columns<'a>(columns: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let (mean, scale) = columns.into_iter().map(mean_and_deviation).unzip();
        Self { mean, scale }
    }

    /// x̂ of column `column`.
    pub fn standardise(&self, column: usize, x: f64) -> f64 {
        (x - self.mean[column]) / self.scale[column]
    }
}

/// The mean and the (population) standard deviation, in two passes so that a large mean does not
/// eat a small deviation. A constant column gives exactly 0.
pub fn mean_and_deviation(column: &[f64]) -> (f64, f64) {
    let count = column.len().max(1) as f64;
    if column.windows(2).all(|pair| pair[0] == pair[1]) {
        return (column.first().copied().unwrap_or(0.0), 0.0);
    }
    let mean = column.iter().sum::<f64>() / count;
    let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// The scaling of a model's inputs, outputs and coefficients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalizer {
    /// Of the D inputs.
    pub inputs: Scaling,
    /// Of the M outputs.
    pub outputs: Scaling,
    /// How the K coefficients follow from the numbers that are trained; those that are missing are trained as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coefficients: Vec<CoefficientMap>,
}

impl Normalizer {
    /// No scaling.
    pub fn identity(inputs: usize, outputs: usize) -> Self {
        Self { inputs: Scaling::identity(inputs), outputs: Scaling::identity(outputs), coefficients: vec![] }
    }

    /// How coefficient `index` follows from the number that is trained.
    pub fn coefficient(&self, index: usize) -> CoefficientMap {
        self.coefficients.get(index).copied().unwrap_or(CoefficientMap::Scaled(1.0))
    }

    /// Coefficients in the user's units (K) from those that are trained.
    pub fn coefficients_of(&self, trained: &[f64]) -> Vec<f64> {
        trained.iter().enumerate().map(|(index, value)| self.coefficient(index).value(*value)).collect()
    }

    /// Small differences of the coefficients, in the user's units (K), from those of the numbers that are trained.
    pub fn coefficient_differences(&self, trained: &[f64], differences: &[f64]) -> Vec<f64> {
        let slope = |(index, value): (usize, &f64)| self.coefficient(index).slope(*value).abs();
        trained.iter().enumerate().map(slope).zip(differences).map(|(slope, difference)| slope * difference).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_mean_does_not_eat_the_deviation() {
        let (mean, deviation) = mean_and_deviation(&[1e9 + 1.0, 1e9 - 1.0]);
        assert_eq!((mean, deviation), (1e9, 1.0));
        assert_eq!(mean_and_deviation(&[0.1; 1000]).1, 0.0);
    }
}
