// Elementary functions in f32, each at most 4 ULP from the true value (measured by the tests of
// src/gpu/math.rs). The built-in ones are too coarse for second derivatives: WGSL allows sin an
// absolute error of 2^-11 and tanh 1e-5. The same polynomials in the same order stand in
// src/numbers/math_f32.rs.
//
// Portability: `fma` may or may not be fused, so no step relies on it. Rounding is the built-in
// `round` and no `(x + c) - c`, which a compiler with fast arithmetic folds to x. Where the order
// of two steps carries the accuracy, the first result is pinned: Mesa, for one, turns
// n a + (n b + x) into n (a + b) + x, which would undo the reduction.

// `value` itself, as `zero` is 0; but compilers cannot know that, nor move arithmetic across it.
fn pin(value: f32, zero: u32) -> f32 {
    return bitcast<f32>(bitcast<u32>(value) ^ zero);
}

// 0 for every number of at most 16 significant bits, such as a small integer.
fn low_bits(value: f32) -> u32 {
    return bitcast<u32>(value) & 0xffu;
}

// (q, n): q = exp r - 1 of x = n ln 2 + r (Cephes expf). ln 2 comes in two parts of which the first,
// 0.693359375, has 10 bits: n times it is exact.
fn reduced(x: f32) -> vec2<f32> {
    let n = round(x * 1.44269504);
    var r = pin(fma(n, -0.693359375, x), low_bits(n));
    r = fma(n, 2.12194440e-4, r);
    var p = 1.9875691500e-4;
    p = fma(p, r, 1.3981999507e-3);
    p = fma(p, r, 8.3334519073e-3);
    p = fma(p, r, 4.1665795894e-2);
    p = fma(p, r, 1.6666665459e-1);
    p = fma(p, r, 5.0000001201e-1);
    return vec2<f32>(fma(p, r * r, r), n);
}

// 2^n
fn power(n: i32) -> f32 {
    return bitcast<f32>(u32(n + 127) << 23u);
}

// exp x = (1 + q) a b with a b = 2^n in two factors, so that neither overflows where the product does not.
fn exp_parts(x: f32) -> vec3<f32> {
    let bounded = select(x, 89.0, x > 89.0);
    let e = reduced(select(bounded, -104.0, bounded < -104.0));
    let n = i32(e.y);
    return vec3<f32>(e.x, power(n >> 1u), power(n - (n >> 1u)));
}

// exp x; 0 below -104, infinite above 88.7.
fn exp_f32(x: f32) -> f32 {
    let e = exp_parts(x);
    return (e.x * e.y + e.y) * e.z;
}

// exp x - 1 for x <= 0, without cancellation.
fn expm1_negative(x: f32) -> f32 {
    let e = exp_parts(x);
    let power = e.y * e.z;
    return fma(e.x, power, pin(power - 1.0, low_bits(power)));
}

// tanh x (Cephes tanhf): an odd polynomial below 0.625, the exponential above. Beyond 10 it is 1: one factor of the
// exponential is enough, and the divisor stays within 2^126, up to which devices divide accurately.
fn tanh_f32(x: f32) -> f32 {
    let z = x * x;
    var p = -5.70498872745e-3;
    p = fma(p, z, 2.06390887954e-2);
    p = fma(p, z, -5.37397155531e-2);
    p = fma(p, z, 1.33314422036e-1);
    p = fma(p, z, -3.33332819422e-1);
    let small = fma(p * z, x, x);
    let twice = 2.0 * abs(x);
    let e = reduced(select(twice, 20.0, twice > 20.0));
    let scale = power(i32(e.y));
    let large = 1.0 - 2.0 / (fma(e.x, scale, scale) + 1.0);
    return select(select(large, -large, x < 0.0), small, abs(x) < 0.625);
}

// 1 / (1 + exp(-x)); the exponential's argument is never positive, so nothing overflows.
fn sigmoid(x: f32) -> f32 {
    let e = exp_f32(-abs(x));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// (sin x, cos x) for |x| < 8192: Cody-Waite reduction by pi/2 in three parts (Cephes sinf, cosf).
// The first two have 8 and 11 bits, so that their products with a quotient of 13 bits are exact.
fn sin_cos(x: f32) -> vec2<f32> {
    let n = round(x * 0.636619772);
    let quadrant = i32(n);
    var r = pin(fma(n, -1.5703125, x), low_bits(n));
    r = pin(fma(n, -4.837512969970703125e-4, r), low_bits(n));
    r = fma(n, -7.54978995489188216e-8, r);
    let z = r * r;
    var s = -1.9515295891e-4;
    s = fma(s, z, 8.3321608736e-3);
    s = fma(s, z, -1.6666654611e-1);
    s = fma(s * z, r, r);
    var c = 2.443315711809948e-5;
    c = fma(c, z, -1.388731625493765e-3);
    c = fma(c, z, 4.166664568298827e-2);
    c = fma(c * z, z, 1.0 - 0.5 * z);
    let pair = select(vec2<f32>(s, c), vec2<f32>(c, s), (quadrant & 1) != 0);
    let negative = vec2<bool>((quadrant & 2) != 0, ((quadrant + 1) & 2) != 0);
    return select(pair, -pair, negative);
}

// log(1 + t) for 0 <= t <= 1, as 2 atanh(t / (2 + t)): its series ends below 2^-25 after s^12.
fn log1p_unit(t: f32) -> f32 {
    let s = t / (2.0 + t);
    let z = s * s;
    var p = 7.69230769e-2;
    p = fma(p, z, 9.09090909e-2);
    p = fma(p, z, 1.11111111e-1);
    p = fma(p, z, 1.42857143e-1);
    p = fma(p, z, 2.0e-1);
    p = fma(p, z, 3.33333333e-1);
    return 2.0 * fma(p * z, s, s);
}

// erf x (N. Juffa's two polynomials).
fn erf(x: f32) -> f32 {
    let t = abs(x);
    let s = x * x;
    var p = fma(-1.72853470e-5, t, 3.83197126e-4);
    let q = fma(-3.88396438e-3, t, 2.42546219e-2);
    p = fma(p, s, q);
    p = fma(p, t, -1.06777877e-1);
    p = fma(p, t, -6.34846687e-1);
    p = fma(p, t, -1.28717512e-1);
    p = fma(p, t, -t);
    let large = 1.0 - exp_f32(p);
    p = -5.96761703e-4;
    p = fma(p, s, 4.99119423e-3);
    p = fma(p, s, -2.67681349e-2);
    p = fma(p, s, 1.12819925e-1);
    p = fma(p, s, -3.76125336e-1);
    p = fma(p, s, 1.28379166e-1);
    let small = fma(p, x, x);
    return select(small, select(large, -large, x < 0.0), t > 0.927734375);
}
