//! A network with its names, its scaling and its weights: everything that a prediction needs.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::{NetworkSpec, Transforms};
use crate::data::Normalizer;
use crate::error::{Error, Result, suggest};

/// The number format of the arithmetic, and of the weights but for the halves, whose weights are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats: every device.
    F32,
    /// 64-bit floats: the CPU.
    F64,
    /// 32-bit floats, but for the products of wide layers, which a GPU's matrix units compute of numbers as sums of two
    /// 16-bit floats: 22 bits where f32 has 24.
    F16x2,
    /// The same of numbers as one 16-bit float: 11 bits.
    F16,
}

impl Precision {
    /// All, by which name they are given.
    pub const ALL: [Precision; 4] = [Precision::F32, Precision::F64, Precision::F16x2, Precision::F16];

    /// How jobs and flags call it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F64 => "f64",
            Precision::F16x2 => "f16x2",
            Precision::F16 => "f16",
        }
    }

    /// The format of the weights.
    pub fn stored(self) -> Precision {
        if self == Precision::F64 { self } else { Precision::F32 }
    }

    /// How many 16-bit floats stand for a number in a product on matrix units; 0 where it goes into products as it is.
    pub fn halves(self) -> u32 {
        match self {
            Precision::F32 | Precision::F64 => 0,
            Precision::F16x2 => 2,
            Precision::F16 => 1,
        }
    }

    /// What 1 is from the next number, in products.
    pub fn epsilon(self) -> f64 {
        match self {
            Precision::F32 => f32::EPSILON.into(),
            Precision::F64 => f64::EPSILON,
            Precision::F16x2 => 2_f64.powi(-21),
            Precision::F16 => 2_f64.powi(-10),
        }
    }

    /// Bytes a stored number.
    pub fn bytes(self) -> usize {
        if self.stored() == Precision::F64 { 8 } else { 4 }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Precision::ALL.into_iter().find(|precision| precision.name() == name);
        let names = Precision::ALL.map(Precision::name);
        found.ok_or_else(|| Error::input("precision", format!("{name:?} is no precision"), suggest(name, &names)))
    }
}

/// A trained number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coefficient {
    /// Its name in the job.
    pub name: String,
    /// In the user's units.
    pub value: f64,
    /// How far the noise of the measurements may have moved it, one deviation, where that is known.
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
    /// What stands before and behind the network.
    pub transforms: Transforms,
    /// The shape.
    pub spec: NetworkSpec,
    /// Between the user's units and the network's.
    pub normalizer: Normalizer,
    /// The format in which it was trained; `parameters` holds its numbers exactly.
    pub precision: Precision,
    /// All weights and biases in standardised space, laid out as [`NetworkSpec::layers`] says, then the
    /// coefficients over their scales.
    pub parameters: Vec<f64>,
    /// The least and the greatest of each input in training (D); empty where that is not known.
    pub ranges: Vec<[f64; 2]>,
}

impl Model {
    /// The coefficients in the user's units (K).
    pub fn coefficient_values(&self) -> Vec<f64> {
        self.normalizer.coefficients_of(&self.parameters[self.spec.weights()..])
    }

    /// The same with their names; `errors` (K) are the standard errors of what is trained, where these are known.
    pub fn coefficients_with_errors(&self, errors: Option<&[f64]>) -> Vec<Coefficient> {
        let errors = errors.map(|errors| self.normalizer.coefficients_of(errors));
        let one = |(k, (name, value)): (usize, (&String, f64))| Coefficient {
            name: name.clone(),
            value,
            standard_error: errors.as_ref().map(|errors| errors[k]),
        };
        self.coefficients.iter().zip(self.coefficient_values()).enumerate().map(one).collect()
    }
}
