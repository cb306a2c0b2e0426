//! The elementary functions that residuals use beyond those of the activations, in f32: the
//! polynomials of `shaders/numbers/functions_f32.wgsl`, in the same order (Cephes).
//!
//! At most 4 ULP each, and 4 + 2 |y log x| for the power.

// The constants are the published ones, digit for digit.
#![allow(clippy::excessive_precision, reason = "published coefficients, as they stand")]

use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use crate::numbers::math_f32::exp;

/// log x; −∞ at 0, NaN below.
#[inline(always)]
pub fn log(x: f32) -> f32 {
    // Below the normal numbers, by a factor of 2²³.
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    // x = 2ⁿ m with √½ ≤ m < √2: counted from the bits of √½, n stands above the mantissa.
    let offset = scaled.to_bits().wrapping_sub(0x3f35_04f3);
    let n = (offset as i32 >> 23) as f32 - if tiny { 23.0 } else { 0.0 };
    let f = f32::from_bits((offset & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let z = f * f;
    let p = 7.037_683_629_2e-2_f32;
    let p = p.mul_add(f, -1.151_461_031_0e-1);
    let p = p.mul_add(f, 1.167_699_874_0e-1);
    let p = p.mul_add(f, -1.242_014_084_6e-1);
    let p = p.mul_add(f, 1.424_932_278_7e-1);
    let p = p.mul_add(f, -1.666_805_766_5e-1);
    let p = p.mul_add(f, 2.000_071_476_5e-1);
    let p = p.mul_add(f, -2.499_999_399_3e-1);
    let p = p.mul_add(f, 3.333_333_117_4e-1);
    let p = p * f * z;
    let p = n.mul_add(-2.121_944_40e-4, p);
    let p = z.mul_add(-0.5, p);
    let value = n.mul_add(0.693_359_375, f + p);
    let value = if x < f32::INFINITY { value } else { x };
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    if x < 0.0 { f32::NAN } else { value }
}

/// x^y as exp(y log x): NaN for x < 0, 1 for y = 0.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    let value = exp(y * log(x));
    if y == 0.0 { 1.0 } else { value }
}

/// asin s for 0 ≤ s ≤ ½, with z = s².
#[inline(always)]
fn asin_small(s: f32, z: f32) -> f32 {
    let p = 4.216_319_904_8e-2_f32;
    let p = p.mul_add(z, 2.418_131_104_9e-2);
    let p = p.mul_add(z, 4.547_002_599_8e-2);
    let p = p.mul_add(z, 7.495_300_268_6e-2);
    let p = p.mul_add(z, 1.666_675_242_2e-1);
    (p * z).mul_add(s, s)
}

/// asin x; NaN for |x| > 1.
#[inline(always)]
pub fn asin(x: f32) -> f32 {
    let t = x.abs();
    let z = 0.5 * (1.0 - t);
    let small = asin_small(t, t * t);
    let large = FRAC_PI_2 - 2.0 * asin_small(z.sqrt(), z);
    (if t > 0.5 { large } else { small }).copysign(x)
}

/// acos x; NaN for |x| > 1.
#[inline(always)]
pub fn acos(x: f32) -> f32 {
    let t = x.abs();
    let z = 0.5 * (1.0 - t);
    let small = FRAC_PI_2 - asin_small(t, t * t).copysign(x);
    let half = 2.0 * asin_small(z.sqrt(), z);
    let large = if x < 0.0 { PI - half } else { half };
    if t > 0.5 { large } else { small }
}

/// atan x.
#[inline(always)]
pub fn atan(x: f32) -> f32 {
    let t = x.abs();
    // Around 0, π/4 or π/2, divided at tan π/8 and tan 3π/8.
    let (middle, far) = (t > 0.414_213_562, t > 2.414_213_562);
    let numerator = if middle { t - 1.0 } else { t };
    let numerator = if far { -1.0 } else { numerator };
    let denominator = if middle { t + 1.0 } else { 1.0 };
    let denominator = if far { t } else { denominator };
    let base = if middle { FRAC_PI_4 } else { 0.0 };
    let base = if far { FRAC_PI_2 } else { base };
    let s = numerator / denominator;
    let z = s * s;
    let p = 8.053_744_495_38e-2_f32;
    let p = p.mul_add(z, -1.387_768_560_32e-1);
    let p = p.mul_add(z, 1.997_771_064_78e-1);
    let p = p.mul_add(z, -3.333_294_915_39e-1);
    (base + (p * z).mul_add(s, s)).copysign(x)
}

/// sinh x; infinite above 88.7.
#[inline(always)]
pub fn sinh(x: f32) -> f32 {
    let t = x.abs();
    let z = x * x;
    let p = 2.037_219_129_45e-4_f32;
    let p = p.mul_add(z, 8.330_283_762_39e-3);
    let p = p.mul_add(z, 1.666_671_602_11e-1);
    let small = (p * z).mul_add(x, x);
    let e = exp(t);
    let large = (0.5 * e - 0.5 / e).copysign(x);
    if t > 1.0 { large } else { small }
}

/// cosh x; infinite above 88.7.
#[inline(always)]
pub fn cosh(x: f32) -> f32 {
    let e = exp(x.abs());
    0.5 * e + 0.5 / e
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::math_f32::tests::worst_ulp;

    #[test]
    fn at_most_four_ulp() {
        let figures = [
            ("log", worst_ulp((1e-3, 0.98), log, f64::ln)),
            ("log", worst_ulp((1.02, 1e6), log, f64::ln)),
            ("log near 1", worst_ulp((0.98, 1.02), log, f64::ln)),
            ("asin", worst_ulp((-1.0, 1.0), asin, f64::asin)),
            ("acos", worst_ulp((-1.0, 1.0), acos, f64::acos)),
            ("atan", worst_ulp((-20.0, 20.0), atan, f64::atan)),
            ("sinh", worst_ulp((-20.0, 20.0), sinh, f64::sinh)),
            ("cosh", worst_ulp((-20.0, 20.0), cosh, f64::cosh)),
        ];
        for (name, ulp) in figures {
            println!("{name}: {ulp:.2} ULP");
            assert!(ulp <= 4.0, "{name}: {ulp} ULP");
        }
    }

    #[test]
    fn a_power_is_as_good_as_its_logarithm() {
        for y in [-3.7, -0.3, 0.25, 1.4, 5.1_f32] {
            // The rounding of y log x, half a unit of up to |y log x|, is a relative error of the result.
            let largest = 4.0 + 2.0 * (f64::from(y) * 30.0_f64.ln()).abs();
            let ulp = worst_ulp((0.1, 30.0), |x| pow(x, y), |x| x.powf(f64::from(y)));
            println!("x^{y}: {ulp:.2} of {largest:.1} ULP");
            assert!(ulp <= largest, "x^{y}: {ulp} ULP");
        }
    }

    #[test]
    fn the_ends_are_right() {
        assert_eq!((log(0.0), log(f32::INFINITY), log(1.0)), (f32::NEG_INFINITY, f32::INFINITY, 0.0));
        assert!((log(1e-42) - (1e-42_f32 as f64).ln() as f32).abs() < 1e-5);
        assert_eq!((pow(0.0, 2.5), pow(0.0, -1.5), pow(0.0, 0.0)), (0.0, f32::INFINITY, 1.0));
        assert_eq!((sinh(-200.0), cosh(200.0)), (f32::NEG_INFINITY, f32::INFINITY));
        assert_eq!((asin(1.0), acos(-1.0), acos(1.0), atan(f32::INFINITY)), (FRAC_PI_2, PI, 0.0, FRAC_PI_2));
        assert!([log(-1.0), pow(-1.0, 0.3), asin(1.1), acos(-1.1)].iter().all(|x| x.is_nan()));
        assert!([log, asin, acos, atan, sinh, cosh].iter().all(|f| f(f32::NAN).is_nan()));
    }
}
