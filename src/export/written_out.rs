//! Functions in terms of simpler ones, for formats that lack them.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use super::builder::Builder;
use super::recipe::{Binary, Id, Unary};

impl Builder {
    /// A function that the format lacks.
    pub(super) fn written_out(&mut self, unary: Unary, x: Id) -> Id {
        match unary {
            Unary::Expm1 => {
                let exp = self.unary(Unary::Exp, x);
                self.shifted(-1.0, exp)
            }
            Unary::Log1p => {
                let sum = self.shifted(1.0, x);
                self.unary(Unary::Log, sum)
            }
            Unary::Sigmoid => {
                // exp of what is not positive: it cannot overflow.
                let size = self.unary(Unary::Abs, x);
                let exponent = self.unary(Unary::Negate, size);
                let exp = self.unary(Unary::Exp, exponent);
                let (zero, one, sum) = (self.number(0.0), self.number(1.0), self.shifted(1.0, exp));
                let is_below = self.binary(Binary::Less, x, zero);
                let above = self.select(is_below, exp, one);
                self.binary(Binary::Divide, above, sum)
            }
            Unary::Sinh | Unary::Cosh => {
                let negative = self.unary(Unary::Negate, x);
                let (up, down) = (self.unary(Unary::Exp, x), self.unary(Unary::Exp, negative));
                let sum = self.binary(if unary == Unary::Sinh { Binary::Subtract } else { Binary::Add }, up, down);
                self.scaled(0.5, sum)
            }
            Unary::Erf => self.erf(x),
            Unary::Atan => self.atan(x),
            Unary::Asin => {
                let (above, below) = (self.shifted(1.0, x), self.from(1.0, x));
                let square = self.multiply(above, below);
                let root = self.unary(Unary::Sqrt, square);
                let tangent = self.binary(Binary::Divide, x, root);
                self.unary(Unary::Atan, tangent)
            }
            Unary::Acos => {
                let asin = self.unary(Unary::Asin, x);
                self.from(FRAC_PI_2, asin)
            }
            _ => unreachable!("every format has {unary:?}"),
        }
    }

    /// Σ cₖ xᵏ, the coefficients from the highest power.
    fn polynomial(&mut self, coefficients: &[f64], x: Id) -> Id {
        let mut sum = self.number(coefficients[0]);
        for coefficient in &coefficients[1..] {
            let product = self.multiply(sum, x);
            sum = self.shifted(*coefficient, product);
        }
        sum
    }

    /// Cody's rational functions (1969), to 2e-16. Beyond 6 erf is 1, and the one for the middle serves up to there.
    fn erf(&mut self, x: Id) -> Id {
        let size = self.unary(Unary::Abs, x);
        let six = self.number(6.0);
        let y = self.binary(Binary::Min, size, six);
        let square = self.multiply(y, y);
        let (above, below) = (self.polynomial(&ERF_ABOVE, square), self.polynomial(&ERF_BELOW, square));
        let quotient = self.binary(Binary::Divide, above, below);
        let inner = self.multiply(x, quotient);
        let (above, below) = (self.polynomial(&ERFC_ABOVE, y), self.polynomial(&ERFC_BELOW, y));
        let quotient = self.binary(Binary::Divide, above, below);
        let exponent = self.unary(Unary::Negate, square);
        let bell = self.unary(Unary::Exp, exponent);
        let rest = self.multiply(bell, quotient);
        let outer = self.from(1.0, rest);
        let outer = self.signed(x, outer);
        let half = self.number(0.5);
        let is_outer = self.binary(Binary::Less, half, size);
        self.select(is_outer, outer, inner)
    }

    /// `size` with the sign of x.
    fn signed(&mut self, x: Id, size: Id) -> Id {
        let zero = self.number(0.0);
        let is_negative = self.binary(Binary::Less, x, zero);
        let negative = self.unary(Unary::Negate, size);
        self.select(is_negative, negative, size)
    }

    /// To 1/x above 1, then twice to half the angle, then the series, whose next term is below 1e-17.
    fn atan(&mut self, x: Id) -> Id {
        let (one, size) = (self.number(1.0), self.unary(Unary::Abs, x));
        let is_above = self.binary(Binary::Less, one, size);
        let inverse = self.binary(Binary::Divide, one, size);
        let mut y = self.select(is_above, inverse, size);
        for _ in 0..2 {
            let square = self.multiply(y, y);
            let sum = self.shifted(1.0, square);
            let root = self.unary(Unary::Sqrt, sum);
            let below = self.shifted(1.0, root);
            y = self.binary(Binary::Divide, y, below);
        }
        let square = self.multiply(y, y);
        let series: Vec<f64> =
            (0..12).rev().map(|k| if k % 2 == 0 { 4.0 } else { -4.0 } / f64::from(2 * k + 1)).collect();
        let series = self.polynomial(&series, square);
        let angle = self.multiply(y, series);
        // π/2 − angle in two parts: the first is exact.
        let rest = self.from(FRAC_PI_4, angle);
        let rest = self.shifted(FRAC_PI_4, rest);
        let angle = self.select(is_above, rest, angle);
        self.signed(x, angle)
    }
}

const ERF_ABOVE: [f64; 5] = [
    1.857_777_061_846_031_5e-1,
    3.161_123_743_870_565_5e0,
    1.138_641_541_510_501_6e2,
    3.774_852_376_853_02e2,
    3.209_377_589_138_469_4e3,
];
const ERF_BELOW: [f64; 5] =
    [1.0, 2.360_129_095_234_412_2e1, 2.440_246_379_344_441_7e2, 1.282_616_526_077_372_3e3, 2.844_236_833_439_171e3];
const ERFC_ABOVE: [f64; 9] = [
    2.153_115_354_744_038_3e-8,
    5.641_884_969_886_701e-1,
    8.883_149_794_388_377e0,
    6.611_919_063_714_163e1,
    2.986_351_381_974_001e2,
    8.819_522_212_417_69e2,
    1.712_047_612_634_070_7e3,
    2.051_078_377_826_071_6e3,
    1.230_339_354_797_997_2e3,
];
const ERFC_BELOW: [f64; 9] = [
    1.0,
    1.574_492_611_070_983_5e1,
    1.176_939_508_913_125e2,
    5.371_811_018_620_099e2,
    1.621_389_574_566_690_3e3,
    3.290_799_235_733_459_7e3,
    4.362_619_090_143_247e3,
    3.439_367_674_143_721_6e3,
    1.230_339_354_803_749_5e3,
];
