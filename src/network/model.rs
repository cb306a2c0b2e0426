//! A network with its names, its scaling and its weights: everything that a prediction needs.

use std::fmt;

use serde::Serialize;

use super::{NetworkSpec, Transforms};
use crate::jet::Normalizer;
use crate::numbers::Precision;

/// A trained number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coefficient {
    /// Its name in the job.
    pub name: String,
    /// In the user's units.
    pub value: f64,
    /// Its standard error from the noise of the measurements, if known.
    pub standard_error: Option<f64>,
}

impl fmt::Display for Coefficient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:.6e}", self.name, self.value)?;
        self.standard_error.map_or(Ok(()), |error| write!(f, " ± {error:.1e}"))
    }
}

/// A network that can be evaluated: shape, names, scaling and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The inputs' names (D).
    pub inputs: Vec<String>,
    /// The outputs' names (M).
    pub outputs: Vec<String>,
    /// The names of the coefficients that were trained with it (K).
    pub coefficients: Vec<String>,
    /// The features before the network and the transforms of its outputs.
    pub transforms: Transforms,
    /// The shape.
    pub spec: NetworkSpec,
    /// Between the user's units and the network's.
    pub normalizer: Normalizer,
    /// The number format of training; `parameters` holds its numbers exactly.
    pub precision: Precision,
    /// All weights and biases in standardised space, laid out as [`NetworkSpec::layers`] says, then the
    /// numbers from which the coefficients follow.
    pub parameters: Vec<f64>,
    /// The minimum and maximum of each input in training (D); empty if unknown.
    pub ranges: Vec<[f64; 2]>,
}

impl Model {
    /// The coefficients in the user's units (K).
    pub fn coefficient_values(&self) -> Vec<f64> {
        self.normalizer.coefficients_of(&self.parameters[self.spec.weights()..])
    }

    /// The same with their names; `errors` (K) are their standard errors, if known.
    pub fn coefficients_with_errors(&self, errors: Option<&[f64]>) -> Vec<Coefficient> {
        let trained = &self.parameters[self.spec.weights()..];
        let errors = errors.map(|errors| self.normalizer.coefficient_differences(trained, errors));
        let one = |(k, (name, value)): (usize, (&String, f64))| Coefficient {
            name: name.clone(),
            value,
            standard_error: errors.as_ref().map(|errors| errors[k]),
        };
        self.coefficients.iter().zip(self.coefficient_values()).enumerate().map(one).collect()
    }
}
