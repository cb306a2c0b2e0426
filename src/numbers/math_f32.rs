//! Elementary functions in f32, branch-free so that a loop over them becomes SIMD: the polynomials
//! of `shaders/numbers/math_f32.wgsl`, in the same order.
//!
//! Measured against f64 over their ranges by the tests below: at most 4 ULP each.

// The constants are the published ones, digit for digit.
#![allow(clippy::excessive_precision, reason = "published coefficients, as they stand")]

/// 1.5 · 2²³: adding it rounds a small number to an integer, which stands in the low bits.
const ROUND: f32 = 12_582_912.0;

/// q = exp r − 1 and n of x = n ln 2 + r (Cephes expf).
#[inline(always)]
fn reduced(x: f32) -> (f32, i32) {
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-0.693_359_375, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_15e-4_f32;
    let p = p.mul_add(r, 1.398_199_950_7e-3);
    let p = p.mul_add(r, 8.333_451_907_3e-3);
    let p = p.mul_add(r, 4.166_579_589_4e-2);
    let p = p.mul_add(r, 1.666_666_545_9e-1);
    let p = p.mul_add(r, 5.000_000_120_1e-1);
    (p.mul_add(r * r, r), shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32)
}

/// 2ⁿ
#[inline(always)]
fn power(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// exp x = (1 + q) a b with a b = 2ⁿ in two factors, so that results below the smallest normal number are reached.
#[inline(always)]
fn exp_parts(x: f32) -> (f32, f32, f32) {
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let (q, n) = reduced(x);
    let half = n >> 1;
    (q, power(half), power(n - half))
}

/// exp x; 0 below −104, +∞ above 88.7.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let (q, a, b) = exp_parts(x);
    (q * a + a) * b
}

/// exp x − 1 for x ≤ 0, without cancellation.
#[inline(always)]
pub fn expm1_negative(x: f32) -> f32 {
    let (q, a, b) = exp_parts(x);
    let power = a * b;
    q.mul_add(power, power - 1.0)
}

/// tanh x (Cephes tanhf).
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let z = x * x;
    let p = -5.704_988_727_45e-3_f32;
    let p = p.mul_add(z, 2.063_908_879_54e-2);
    let p = p.mul_add(z, -5.373_971_555_31e-2);
    let p = p.mul_add(z, 1.333_144_220_36e-1);
    let p = p.mul_add(z, -3.333_328_194_22e-1);
    let small = (p * z).mul_add(x, x);
    // Beyond 10 it is 1: one factor is enough.
    let twice = 2.0 * x.abs();
    let (q, n) = reduced(if twice > 20.0 { 20.0 } else { twice });
    let large = 1.0 - 2.0 / (q.mul_add(power(n), power(n)) + 1.0);
    if x.abs() < 0.625 { small } else { large.copysign(x) }
}

/// 1 / (1 + exp(−x)).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let numerator = if x >= 0.0 { 1.0 } else { e };
    numerator / (1.0 + e)
}

/// (sin x, cos x) for |x| < 8192: Cody–Waite reduction by π/2 in three parts whose products with
/// the quotient are exact (Cephes sinf, cosf).
#[inline(always)]
pub fn sin_cos(x: f32) -> (f32, f32) {
    let shifted = x.mul_add(std::f32::consts::FRAC_2_PI, ROUND);
    let quadrant = shifted.to_bits();
    let n = shifted - ROUND;
    let r = n.mul_add(-1.570_312_5, x);
    let r = n.mul_add(-4.837_512_969_970_703_125e-4, r);
    let r = n.mul_add(-7.549_789_954_891_882_16e-8, r);
    let z = r * r;
    let s = -1.951_529_589_1e-4_f32;
    let s = s.mul_add(z, 8.332_160_873_6e-3);
    let s = s.mul_add(z, -1.666_665_461_1e-1);
    let s = (s * z).mul_add(r, r);
    let c = 2.443_315_711_809_948e-5_f32;
    let c = c.mul_add(z, -1.388_731_625_493_765e-3);
    let c = c.mul_add(z, 4.166_664_568_298_827e-2);
    let c = (c * z).mul_add(z, 1.0 - 0.5 * z);
    let swap = quadrant & 1 != 0;
    let (sin, cos) = if swap { (c, s) } else { (s, c) };
    let flip = |value: f32, bits: u32| f32::from_bits(value.to_bits() ^ ((bits & 2) << 30));
    (flip(sin, quadrant), flip(cos, quadrant.wrapping_add(1)))
}

/// log(1 + t) for 0 ≤ t ≤ 1, as 2 atanh(t/(2 + t)): its series ends below 2⁻²⁵ after s¹².
#[inline(always)]
pub fn log1p_unit(t: f32) -> f32 {
    let s = t / (2.0 + t);
    let z = s * s;
    let p = 1.0_f32 / 13.0;
    let p = p.mul_add(z, 1.0 / 11.0);
    let p = p.mul_add(z, 1.0 / 9.0);
    let p = p.mul_add(z, 1.0 / 7.0);
    let p = p.mul_add(z, 1.0 / 5.0);
    let p = p.mul_add(z, 1.0 / 3.0);
    2.0 * (p * z).mul_add(s, s)
}

/// erf x (N. Juffa's two polynomials).
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let t = x.abs();
    let s = x * x;
    let p = (-1.728_534_7e-5_f32).mul_add(t, 3.831_971_26e-4);
    let q = (-3.883_964_38e-3_f32).mul_add(t, 2.425_462_19e-2);
    let p = p.mul_add(s, q);
    let p = p.mul_add(t, -1.067_778_77e-1);
    let p = p.mul_add(t, -6.348_466_87e-1);
    let p = p.mul_add(t, -1.287_175_12e-1);
    let p = p.mul_add(t, -t);
    let large = (1.0 - exp(p)).copysign(x);
    let p = -5.967_617_03e-4_f32;
    let p = p.mul_add(s, 4.991_194_23e-3);
    let p = p.mul_add(s, -2.676_813_49e-2);
    let p = p.mul_add(s, 1.128_199_25e-1);
    let p = p.mul_add(s, -3.761_253_36e-1);
    let p = p.mul_add(s, 1.283_791_66e-1);
    let small = p.mul_add(x, x);
    if t > 0.927_734_375 { large } else { small }
}

#[cfg(test)]
/// The errors of every function, for the tests of others too.
pub mod tests {
    use super::*;

    /// The largest error in units of the last place of the true value's f32.
    pub fn worst_ulp(range: (f64, f64), ours: impl Fn(f32) -> f32, truth: impl Fn(f64) -> f64) -> f64 {
        let count = 400_000;
        let error = |i: i32| {
            let x = (range.0 + (range.1 - range.0) * f64::from(i) / f64::from(count)) as f32;
            let truth = truth(f64::from(x));
            let above = f32::from_bits((truth.abs() as f32).to_bits() + 1);
            let ulp = f64::from(above) - f64::from(truth.abs() as f32);
            (f64::from(ours(x)) - truth).abs() / ulp
        };
        (0..=count).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn at_most_four_ulp() {
        let figures = [
            ("exp", worst_ulp((-87.0, 88.0), exp, f64::exp)),
            ("expm1", worst_ulp((-20.0, -1e-6), expm1_negative, f64::exp_m1)),
            ("tanh", worst_ulp((-12.0, 12.0), tanh, f64::tanh)),
            ("sigmoid", worst_ulp((-80.0, 80.0), sigmoid, |x| 1.0 / (1.0 + (-x).exp()))),
            ("log1p", worst_ulp((0.0, 1.0), log1p_unit, f64::ln_1p)),
            ("erf", worst_ulp((-5.0, 5.0), erf, libm::erf)),
            ("sin", worst_ulp((-3.0, 3.0), |x| sin_cos(x).0, f64::sin)),
            ("cos", worst_ulp((-1.5, 1.5), |x| sin_cos(x).1, f64::cos)),
        ];
        for (name, ulp) in figures {
            println!("{name}: {ulp:.2} ULP");
            assert!(ulp <= 4.0, "{name}: {ulp} ULP");
        }
    }

    #[test]
    fn sin_and_cos_keep_their_absolute_error_far_out() {
        // Beyond a period the relative error near a zero is not bounded by the reduction; the
        // absolute one is: two roundings of a number near 1.
        for i in -80_000..80_000_i32 {
            let x = i as f32 * 0.1;
            let (s, c) = sin_cos(x);
            let (s64, c64) = f64::from(x).sin_cos();
            assert!((f64::from(s) - s64).abs() < 1.5e-7, "sin {x}");
            assert!((f64::from(c) - c64).abs() < 1.5e-7, "cos {x}");
        }
    }

    #[test]
    fn the_ends_are_right() {
        assert_eq!(exp(-200.0), 0.0);
        assert_eq!(exp(200.0), f32::INFINITY);
        assert_eq!((tanh(50.0), tanh(-50.0), tanh(0.0)), (1.0, -1.0, 0.0));
        assert_eq!((erf(9.0), erf(-9.0)), (1.0, -1.0));
        assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan() && sin_cos(f32::NAN).0.is_nan());
    }
}
