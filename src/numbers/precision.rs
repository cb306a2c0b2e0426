//! The number formats that a network is trained and evaluated in.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result, suggest};

/// The number format of the arithmetic, and of the weights except for the f16 formats, whose weights are f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

    /// Its name in jobs and flags.
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
    pub fn f16_parts(self) -> u32 {
        match self {
            Precision::F32 | Precision::F64 => 0,
            Precision::F16x2 => 2,
            Precision::F16 => 1,
        }
    }

    /// The distance from 1 to the next number, in products.
    pub fn epsilon(self) -> f64 {
        match self {
            Precision::F32 => f32::EPSILON.into(),
            Precision::F64 => f64::EPSILON,
            Precision::F16x2 => 2_f64.powi(-21),
            Precision::F16 => 2_f64.powi(-10),
        }
    }

    /// Bytes per stored number.
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
        found.ok_or_else(|| Error::input("precision", format!("unknown precision {name:?}"), suggest(name, &names)))
    }
}
