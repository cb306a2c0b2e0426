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
/// 2 √(2/π)
const GELU_K: f64 = 2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
/// 3 · 0.044715 of it
const GELU_C: f64 = 3.0 * 0.044_715 * GELU_K;
/// λ and λ α of SELU
const SELU: f64 = 1.050_700_987_355_480_5;
const SELU_BELOW: f64 = 1.758_099_340_847_376_6;

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
                let slopes = self.logistic(p);
                self.times_z(z, p, slopes)
            }
            Activation::GeluTanh => {
                let square = self.multiply(z, z);
                let (cubic, curved) = (self.scaled(GELU_C / 3.0, square), self.scaled(GELU_C, square));
                let (stretch, first) = (self.shifted(GELU_K, cubic), self.shifted(GELU_K, curved));
                let v = self.multiply(z, stretch);
                let (p, second) = (self.unary(Unary::Sigmoid, v), self.scaled(2.0 * GELU_C, z));
                let logistic = self.logistic(p);
                let slopes = self.through(logistic, (first, second));
                self.times_z(z, p, slopes)
            }
            Activation::Mish => {
                let (w, rest) = self.mish_gate(z);
                let (product, p) = (self.multiply(w, rest), self.unary(Unary::Sigmoid, z));
                let (tanh, softplus) = ((rest, self.scaled(-2.0, product)), (p, self.logistic(p).0));
                let slopes = self.through(tanh, softplus);
                self.times_z(z, w, slopes)
            }
            Activation::Softsign => {
                let (size, is_above) = (self.unary(Unary::Abs, z), self.is_above(z));
                let below = self.shifted(1.0, size);
                let (one, up, down) = (self.number(1.0), self.number(2.0), self.number(-2.0));
                let d = self.binary(Binary::Divide, one, below);
                let square = self.multiply(d, d);
                let (cube, sign) = (self.multiply(d, square), self.select(is_above, down, up));
                let second = self.multiply(sign, cube);
                Slopes { value: self.multiply(z, d), first: square, second: Some(second) }
            }
            Activation::Exp => {
                let value = self.unary(Unary::Exp, z);
                Slopes { value, first: value, second: Some(value) }
            }
            Activation::Linear => Slopes { value: z, first: self.number(1.0), second: None },
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
            Activation::Selu => self.elu(z, SELU, SELU_BELOW),
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

    /// The slopes of f(u) from those of f at u and of u: the chain rule.
    fn through(&mut self, f: (Id, Id), u: (Id, Id)) -> (Id, Id) {
        let square = self.multiply(u.0, u.0);
        let (bent, straight) = (self.multiply(f.1, square), self.multiply(f.0, u.1));
        (self.multiply(f.0, u.0), self.add(bent, straight))
    }

    /// z g and its slopes from g and those of g: Leibniz' rule.
    fn times_z(&mut self, z: Id, g: Id, (first, second): (Id, Id)) -> Slopes {
        let (left, right, twice) = (self.multiply(z, first), self.multiply(z, second), self.scaled(2.0, first));
        let (first, second) = (self.add(g, left), self.add(twice, right));
        Slopes { value: self.multiply(z, g), first, second: Some(second) }
    }

    /// w = tanh(softplus z), and 1 − w², of e = exp(−|z|): neither cancels.
    fn mish_gate(&mut self, z: Id) -> (Id, Id) {
        let (size, is_above, two) = (self.unary(Unary::Abs, z), self.is_above(z), self.number(2.0));
        let exponent = self.unary(Unary::Negate, size);
        let e = self.unary(Unary::Exp, exponent);
        let (twice, square, sum) = (self.scaled(2.0, e), self.multiply(e, e), self.shifted(2.0, e));
        let (over_above, rest_above) = (self.shifted(1.0, twice), self.scaled(2.0, square));
        let over_below = self.multiply(e, sum);
        let over = self.select(is_above, over_above, over_below);
        let rest = self.select(is_above, rest_above, two);
        let all = self.add(over, rest);
        let (w, share) = (self.binary(Binary::Divide, over, all), self.binary(Binary::Divide, rest, all));
        let above = self.shifted(1.0, w);
        (w, self.multiply(share, above))
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

    /// above · z for z > 0, below · (exp z − 1) elsewhere
    fn elu(&mut self, z: Id, above: f64, below: f64) -> Slopes {
        let (zero, slope_above, is_above) = (self.number(0.0), self.number(above), self.is_above(z));
        // exp of what is not positive: it cannot overflow.
        let negative = self.binary(Binary::Min, z, zero);
        let exponential = self.unary(Unary::Expm1, negative);
        let (value_above, value_below) = (self.scaled(above, z), self.scaled(below, exponential));
        let slope = self.shifted(below, value_below);
        let value = self.select(is_above, value_above, value_below);
        let first = self.select(is_above, slope_above, slope);
        Slopes { value, first, second: Some(self.select(is_above, zero, slope)) }
    }
}
