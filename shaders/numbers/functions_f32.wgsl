// The elementary functions that residuals use beyond those of the activations (Cephes), each at
// most 4 ULP from the true value, and the power 4 + 2 |y log x|. They follow math.wgsl and its
// rules; the same polynomials in the same order stand in src/cpu/functions.rs.
//
// What has no value is built from the argument's bits, as WGSL has no way to write it, and since a
// compiler may assume that it does not occur, nobody may rely on it.

const FRAC_PI_2: f32 = 1.57079637;
const FRAC_PI_4: f32 = 0.785398185;
const PI: f32 = 3.14159274;

// `value` with the sign of x.
fn signed(value: f32, x: f32) -> f32 {
    return bitcast<f32>((bitcast<u32>(value) & 0x7fffffffu) | (bitcast<u32>(x) & 0x80000000u));
}

// log x; -infinity at 0, NaN below.
fn log_f32(x: f32) -> f32 {
    // Below the normal numbers, by a factor of 2^23.
    let tiny = x < 1.17549435e-38;
    let scaled = select(x, x * 8388608.0, tiny);
    // x = 2^n m with sqrt(1/2) <= m < sqrt(2): counted from the bits of sqrt(1/2), n stands above
    // the mantissa.
    let offset = bitcast<u32>(scaled) - 0x3f3504f3u;
    let n = f32(bitcast<i32>(offset) >> 23u) - select(0.0, 23.0, tiny);
    let f = bitcast<f32>((offset & 0x007fffffu) + 0x3f3504f3u) - 1.0;
    let z = f * f;
    var p = 7.0376836292e-2;
    p = fma(p, f, -1.1514610310e-1);
    p = fma(p, f, 1.1676998740e-1);
    p = fma(p, f, -1.2420140846e-1);
    p = fma(p, f, 1.4249322787e-1);
    p = fma(p, f, -1.6668057665e-1);
    p = fma(p, f, 2.0000714765e-1);
    p = fma(p, f, -2.4999993993e-1);
    p = fma(p, f, 3.3333331174e-1);
    p = p * f * z;
    p = fma(n, -2.12194440e-4, p);
    p = fma(z, -0.5, p);
    let value = fma(n, 0.693359375, f + p);
    let bits = bitcast<u32>(x);
    let negative = (bits & 0x80000000u) != 0u && (bits & 0x7fffffffu) != 0u;
    let at_zero = bitcast<f32>(bits | 0xff800000u);
    let without_value = bitcast<f32>(bits | 0x7fc00000u);
    // +infinity and NaN are their own logarithms.
    let finite = select(x, value, (bits & 0x7f800000u) != 0x7f800000u);
    return select(select(finite, at_zero, x == 0.0), without_value, negative);
}

// x^y as exp(y log x): NaN for x < 0, 1 for y = 0.
fn pow_f32(x: f32, y: f32) -> f32 {
    return select(exp_f32(y * log_f32(x)), 1.0, y == 0.0);
}

// asin s for 0 <= s <= 1/2, with z = s^2.
fn asin_small(s: f32, z: f32) -> f32 {
    var p = 4.2163199048e-2;
    p = fma(p, z, 2.4181311049e-2);
    p = fma(p, z, 4.5470025998e-2);
    p = fma(p, z, 7.4953002686e-2);
    p = fma(p, z, 1.6666752422e-1);
    return fma(p * z, s, s);
}

// asin x; NaN for |x| > 1.
fn asin_f32(x: f32) -> f32 {
    let t = abs(x);
    let z = 0.5 * (1.0 - t);
    let small = asin_small(t, t * t);
    let large = FRAC_PI_2 - 2.0 * asin_small(sqrt(z), z);
    return signed(select(small, large, t > 0.5), x);
}

// acos x; NaN for |x| > 1.
fn acos_f32(x: f32) -> f32 {
    let t = abs(x);
    let z = 0.5 * (1.0 - t);
    let small = FRAC_PI_2 - signed(asin_small(t, t * t), x);
    let half = 2.0 * asin_small(sqrt(z), z);
    return select(small, select(half, PI - half, x < 0.0), t > 0.5);
}

// atan x: around 0, pi/4 or pi/2, divided at tan(pi/8) and tan(3 pi/8).
fn atan_f32(x: f32) -> f32 {
    let t = abs(x);
    let middle = t > 0.414213562;
    let far = t > 2.414213562;
    let numerator = select(select(t, t - 1.0, middle), -1.0, far);
    let denominator = select(select(1.0, t + 1.0, middle), t, far);
    let base = select(select(0.0, FRAC_PI_4, middle), FRAC_PI_2, far);
    let s = numerator / denominator;
    let z = s * s;
    var p = 8.05374449538e-2;
    p = fma(p, z, -1.38776856032e-1);
    p = fma(p, z, 1.99777106478e-1);
    p = fma(p, z, -3.33329491539e-1);
    return signed(base + fma(p * z, s, s), x);
}

// sinh x; infinite above 88.7.
fn sinh_f32(x: f32) -> f32 {
    let t = abs(x);
    let z = x * x;
    var p = 2.03721912945e-4;
    p = fma(p, z, 8.33028376239e-3);
    p = fma(p, z, 1.66667160211e-1);
    let small = fma(p * z, x, x);
    let e = exp_f32(t);
    return select(small, signed(0.5 * e - 0.5 / e, x), t > 1.0);
}

// cosh x; infinite above 88.7.
fn cosh_f32(x: f32) -> f32 {
    let e = exp_f32(abs(x));
    return 0.5 * e + 0.5 / e;
}
