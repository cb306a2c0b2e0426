//! σ, σ' and σ'' of every activation in elementary operations: what `cpu/rules/activation.rs` computes.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::builder::Builder;
use super::recipe::{Binary, Id, Unary};
use crate::jet::Activation;

/// σ(z) and its slopes; the operations of those that nobody reads are left out later.
pub struct Slopes {
    /// σ(z)
    pub value: Id,
    /// σ'(z)
    pub first: Id,
    /// σ''(z); `None` where it is 0 everywhere.
    pub second: Option<Id>,
}

/// 1/√(2π)
const DENSITY: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

impl Builder {
    /// An activation of each number.
    pub fn activation(&mut self, activation: Activation, z: Id) -> Slopes {
        match activation {
            Activation::Tanh => {
                let value = self.unary(Unary::Tanh, z);
                let first = self.one_minus_square(value);
                let product = self.multiply(value, first);
                Slopes { value, first, second: Some(self.scaled(-2.0, product)) }
            }
            Activation::Sigmoid => {
                let value = self.unary(Unary::Sigmoid, z);
                let (first, second) = self.logistic(value);
                Slopes { value, first, second: Some(second) }
            }
            Activation::Sin => {
                let value = self.unary(Unary::Sin, z);
                Slopes { value, first: self.unary(Unary::Cos, z), second: Some(self.unary(Unary::Negate, value)) }
            }
            Activation::Softplus => {
                let value = self.softplus(z);
                let first = self.unary(Unary::Sigmoid, z);
                Slopes { value, first, second: Some(self.logistic(first).0) }
            }
            Activation::Silu => {
                let p = self.unary(Unary::Sigmoid, z);
                let (d1, d2) = self.logistic(p);
                let (zd1, zd2, twice) = (self.multiply(z, d1), self.multiply(z, d2), self.scaled(2.0, d1));
                let (first, second) = (self.add(p, zd1), self.add(twice, zd2));
                Slopes { value: self.multiply(z, p), first, second: Some(second) }
            }
            Activation::Gelu => {
                let scaled = self.scaled(FRAC_1_SQRT_2, z);
                let erf = self.unary(Unary::Erf, scaled);
                let sum = self.shifted(1.0, erf);
                let cdf = self.scaled(0.5, sum);
                let square = self.multiply(z, z);
                let exponent = self.scaled(-0.5, square);
                let bell = self.unary(Unary::Exp, exponent);
                let density = self.scaled(DENSITY, bell);
                let (slope, rest) = (self.multiply(z, density), self.from(2.0, square));
                let (value, first) = (self.multiply(z, cdf), self.add(cdf, slope));
                Slopes { value, first, second: Some(self.multiply(density, rest)) }
            }
            Activation::Elu => self.elu(z, 1.0, 1.0),
            Activation::Relu => {
                let zero = self.number(0.0);
                let first = self.binary(Binary::Less, zero, z);
                Slopes { value: self.binary(Binary::Max, z, zero), first, second: None }
            }
            Activation::LeakyRelu => {
                let (is_above, below) = (self.is_above(z), self.scaled(0.01, z));
                let (one, slope) = (self.number(1.0), self.number(0.01));
                let value = self.select(is_above, z, below);
                Slopes { value, first: self.select(is_above, one, slope), second: None }
            }
        }
    }

    /// (1 − a)(1 + a), which loses no digits near 1.
    fn one_minus_square(&mut self, a: Id) -> Id {
        let (below, above) = (self.from(1.0, a), self.shifted(1.0, a));
        self.multiply(below, above)
    }

    /// Slopes of the logistic function p, from p: p (1 − p), and that times (1 − 2 p).
    fn logistic(&mut self, p: Id) -> (Id, Id) {
        let rest = self.from(1.0, p);
        let first = self.multiply(p, rest);
        let difference = self.subtract(rest, p);
        (first, self.multiply(first, difference))
    }

    /// max(z, 0) + log(1 + exp(−|z|))
    fn softplus(&mut self, z: Id) -> Id {
        let (zero, size) = (self.number(0.0), self.unary(Unary::Abs, z));
        let exponent = self.unary(Unary::Negate, size);
        let exp = self.unary(Unary::Exp, exponent);
        let (positive, rest) = (self.binary(Binary::Max, z, zero), self.unary(Unary::Log1p, exp));
        self.add(positive, rest)
    }

    /// 1 where z > 0, 0 elsewhere
    fn is_above(&mut self, z: Id) -> Id {
        let zero = self.number(0.0);
        self.binary(Binary::Less, zero, z)
    }

    /// scale · z above 0, scale · alpha (exp z − 1) below
    fn elu(&mut self, z: Id, scale: f64, alpha: f64) -> Slopes {
        let (zero, scale_above, is_above) = (self.number(0.0), self.number(scale), self.is_above(z));
        // exp of what is not positive: it cannot overflow.
        let negative = self.binary(Binary::Min, z, zero);
        let below = self.unary(Unary::Expm1, negative);
        let (above, below) = (self.scaled(scale, z), self.scaled(scale * alpha, below));
        let slope = self.shifted(scale * alpha, below);
        let value = self.select(is_above, above, below);
        let first = self.select(is_above, scale_above, slope);
        Slopes { value, first, second: Some(self.select(is_above, zero, slope)) }
    }
}
