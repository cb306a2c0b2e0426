//! A network with its names, its scaling and its weights: everything that a prediction needs.

use std::fmt;
use std::str::FromStr;

use super::{NetworkSpec, Transforms};
use crate::data::Normalizer;
use crate::error::{Error, Result, suggest};

/// The number format of the weights and of the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats: every device.
    F32,
    /// 64-bit floats: the CPU.
    F64,
}

impl Precision {
    /// Bytes a number.
    pub fn bytes(self) -> usize {
        match self {
            Precision::F32 => 4,
            Precision::F64 => 8,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::F64 => "f64",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f32" => Ok(Precision::F32),
            "f64" => Ok(Precision::F64),
            _ => Err(Error::input("precision", format!("{name:?} is no precision"), suggest(name, &["f32", "f64"]))),
        }
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
    /// coefficients in the user's units.
    pub parameters: Vec<f64>,
}
