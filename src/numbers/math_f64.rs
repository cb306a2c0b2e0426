//! Elementary functions of the activations in f64, branch-free so that a loop over them becomes SIMD.
//!
//! Measured against the library's over their ranges by the tests below: at most 3 ULP each.

// The constants are the published ones, digit for digit.
#![allow(clippy::excessive_precision, reason = "published coefficients, as they stand")]

/// 1.5 · 2⁵²: adding it rounds a number to an integer, which stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts: products of the first with whole numbers below 2²⁰ are exact (fdlibm).
const LN2: [f64; 2] = [6.931_471_803_691_238_164_90e-1, 1.908_214_929_270_587_700_02e-10];
/// π/2 in three parts, each the nearest to what is left.
const HALF_PI: [f64; 3] = [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766_036e-17, -1.497_384_904_859_169_777e-33];

/// 1/2!, 1/3!, … 1/13!: the last term that counts for |r| ≤ ½ ln 2.
const INVERSE_FACTORIALS: [f64; 12] = {
    let mut inverse = [0.5; 12];
    let mut k = 1;
    while k < 12 {
        inverse[k] = inverse[k - 1] / (k + 2) as f64;
        k += 1;
    }
    inverse
};

/// Σ c_k zᵏ.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: [f64; N], z: f64) -> f64 {
    let mut sum = coefficients[N - 1];
    for k in (0..N - 1).rev() {
        sum = sum.mul_add(z, coefficients[k]);
    }
    sum
}

/// x = n ln 2 + r; gives exp r − 1, and 2ⁿ in two factors, so that results below the smallest normal number are
/// reached.
#[inline(always)]
fn exp_parts(x: f64) -> (f64, f64, f64) {
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let shifted = x.mul_add(std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2[0], x);
    let r = n.mul_add(-LN2[1], r);
    let q = polynomial(INVERSE_FACTORIALS, r).mul_add(r * r, r);
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i64;
    let half = n >> 1;
    let power = |n: i64| f64::from_bits(((n + 1023) as u64) << 52);
    (q, power(half), power(n - half))
}

/// exp x; 0 below −746, +∞ above 709.8.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let (q, a, b) = exp_parts(x);
    q.mul_add(a, a) * b
}

/// exp x − 1 for x ≤ 0, without cancellation.
#[inline(always)]
pub fn expm1_negative(x: f64) -> f64 {
    let (q, a, b) = exp_parts(x);
    let power = a * b;
    q.mul_add(power, power - 1.0)
}

/// tanh x = −e/(2 + e) with e = exp(−2|x|) − 1.
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let e = expm1_negative(-2.0 * x.abs());
    (-e / (2.0 + e)).copysign(x)
}

/// 1 / (1 + exp(−x)).
#[inline(always)]
pub fn sigmoid(x: f64) -> f64 {
    let e = exp(-x.abs());
    let numerator = if x >= 0.0 { 1.0 } else { e };
    numerator / (1.0 + e)
}

/// (sin x, cos x) for |x| < 10⁹: Cody–Waite reduction by π/2 in three parts, whose products are rounded once with
/// their sums; then the polynomials of fdlibm.
#[inline(always)]
pub fn sin_cos(x: f64) -> (f64, f64) {
    const SIN: [f64; 6] = [
        -1.666_666_666_666_663_243_48e-1,
        8.333_333_333_322_489_461_24e-3,
        -1.984_126_982_985_794_931_34e-4,
        2.755_731_370_707_006_767_89e-6,
        -2.505_076_025_340_686_341_95e-8,
        1.589_690_995_211_550_102_21e-10,
    ];
    const COS: [f64; 6] = [
        4.166_666_666_666_660_190_37e-2,
        -1.388_888_888_887_410_957_49e-3,
        2.480_158_728_947_672_941_78e-5,
        -2.755_731_435_139_066_330_35e-7,
        2.087_572_321_298_174_827_90e-9,
        -1.135_964_755_778_819_482_65e-11,
    ];
    let shifted = x.mul_add(std::f64::consts::FRAC_2_PI, ROUND);
    let quadrant = shifted.to_bits();
    let n = shifted - ROUND;
    let r = n.mul_add(-HALF_PI[0], x);
    let r = n.mul_add(-HALF_PI[1], r);
    let r = n.mul_add(-HALF_PI[2], r);
    let z = r * r;
    let s = (polynomial(SIN, z) * z).mul_add(r, r);
    let half = 0.5 * z;
    let near = 1.0 - half;
    // What the subtraction from 1 has lost comes back.
    let c = near + (polynomial(COS, z) * z).mul_add(z, (1.0 - near) - half);
    let swap = quadrant & 1 != 0;
    let (sin, cos) = if swap { (c, s) } else { (s, c) };
    let flip = |value: f64, bits: u64| f64::from_bits(value.to_bits() ^ ((bits & 2) << 62));
    (flip(sin, quadrant), flip(cos, quadrant.wrapping_add(1)))
}

/// log(1 + t) for 0 ≤ t ≤ 1, as 2 atanh(t/(2 + t)): its series ends below 2⁻⁵⁵ after s³⁵.
#[inline(always)]
pub fn log1p_unit(t: f64) -> f64 {
    const ODD: [f64; 17] = {
        let mut inverse = [0.0; 17];
        let mut k = 0;
        while k < 17 {
            inverse[k] = 1.0 / (2 * k + 3) as f64;
            k += 1;
        }
        inverse
    };
    let s = t / (2.0 + t);
    let z = s * s;
    2.0 * (polynomial(ODD, z) * z).mul_add(s, s)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest distance in units of the last place of the library's value.
    fn worst_ulp(range: (f64, f64), ours: impl Fn(f64) -> f64, truth: impl Fn(f64) -> f64) -> f64 {
        let count = 400_000;
        let error = |i: i32| {
            let x = range.0 + (range.1 - range.0) * f64::from(i) / f64::from(count);
            let truth = truth(x);
            let ulp = f64::from_bits(truth.abs().to_bits() + 1) - truth.abs();
            (ours(x) - truth).abs() / ulp
        };
        (0..=count).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn at_most_three_ulp() {
        let figures = [
            ("exp", worst_ulp((-708.0, 709.0), exp, f64::exp)),
            ("expm1", worst_ulp((-40.0, -1e-9), expm1_negative, f64::exp_m1)),
            ("expm1 near 0", worst_ulp((-0.5, -1e-9), expm1_negative, f64::exp_m1)),
            ("tanh", worst_ulp((-25.0, 25.0), tanh, f64::tanh)),
            ("tanh near 0", worst_ulp((-0.7, 0.7), tanh, f64::tanh)),
            ("sigmoid", worst_ulp((-700.0, 700.0), sigmoid, |x| 1.0 / (1.0 + (-x).exp()))),
            ("log1p", worst_ulp((0.0, 1.0), log1p_unit, f64::ln_1p)),
            ("sin", worst_ulp((-3.0, 3.0), |x| sin_cos(x).0, f64::sin)),
            ("cos", worst_ulp((-1.5, 1.5), |x| sin_cos(x).1, f64::cos)),
            ("sin far out", worst_ulp((-1e9, 1e9), |x| sin_cos(x).0, f64::sin)),
            ("cos far out", worst_ulp((-1e9, 1e9), |x| sin_cos(x).1, f64::cos)),
        ];
        for (name, ulp) in figures {
            println!("{name}: {ulp:.2} ULP");
            assert!(ulp <= 3.0, "{name}: {ulp} ULP");
        }
    }

    #[test]
    fn the_ends_are_right() {
        assert_eq!((exp(-800.0), exp(800.0)), (0.0, f64::INFINITY));
        assert!((exp(-740.0) / f64::exp(-740.0) - 1.0).abs() < 0.2, "below the smallest normal number");
        assert_eq!((tanh(50.0), tanh(-50.0), tanh(0.0)), (1.0, -1.0, 0.0));
        assert_eq!((sigmoid(800.0), sigmoid(-800.0)), (1.0, 0.0));
        assert!(exp(f64::NAN).is_nan() && tanh(f64::NAN).is_nan() && sin_cos(f64::NAN).0.is_nan());
    }
}
