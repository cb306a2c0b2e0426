//! σ and its first five derivatives, one rule an activation; the twins stand in
//! `shaders/rules/activations/`.

use crate::numbers::Real;

/// σ', σ'', σ''', σ⁗ and σ⁽⁵⁾ at one point; orders up to 2 read three of them, and the others cost them nothing.
#[derive(Clone, Copy)]
pub struct Slopes<T> {
    pub first: T,
    pub second: T,
    pub third: T,
    pub fourth: T,
    pub fifth: T,
}

/// One activation's numerics.
pub trait Rule<T: Real> {
    /// σ(z)
    fn value(z: T) -> T;
    /// The derivatives at `z`, where `a` = σ(z) may save work.
    fn slopes(z: T, a: T) -> Slopes<T>;
}

#[inline(always)]
fn slopes<T>(first: T, second: T, third: T, fourth: T, fifth: T) -> Slopes<T> {
    Slopes { first, second, third, fourth, fifth }
}

/// Those of a function whose second derivative is 0.
#[inline(always)]
fn straight<T: Real>(first: T) -> Slopes<T> {
    slopes(first, T::ZERO, T::ZERO, T::ZERO, T::ZERO)
}

#[inline(always)]
fn number<T: Real>(x: f64) -> T {
    T::of(x)
}

/// tanh z: everything follows from a.
pub struct Tanh;
impl<T: Real> Rule<T> for Tanh {
    #[inline(always)]
    fn value(z: T) -> T {
        z.tanh()
    }
    #[inline(always)]
    fn slopes(_: T, a: T) -> Slopes<T> {
        of_tanh(a, (T::ONE - a) * (T::ONE + a))
    }
}

/// Derivatives of a = tanh z, from a and 1 − a².
#[inline(always)]
fn of_tanh<T: Real>(a: T, first: T) -> Slopes<T> {
    let square = a * a;
    slopes(
        first,
        number::<T>(-2.0) * a * first,
        first * (number::<T>(6.0) * a * a - number(2.0)),
        first * a * (number::<T>(16.0) - number::<T>(24.0) * square),
        first * (number::<T>(16.0) + number::<T>(120.0) * square * (square - T::ONE)),
    )
}

/// Derivatives of the logistic function p, from p.
#[inline(always)]
fn logistic<T: Real>(p: T) -> Slopes<T> {
    of_logistic(p * (T::ONE - p), T::ONE - number::<T>(2.0) * p)
}

/// The same, from p (1 − p) and 1 − 2 p.
#[inline(always)]
fn of_logistic<T: Real>(first: T, difference: T) -> Slopes<T> {
    let second = first * difference;
    slopes(
        first,
        second,
        first * (T::ONE - number::<T>(6.0) * first),
        second * (T::ONE - number::<T>(12.0) * first),
        first * (T::ONE - number::<T>(30.0) * first * (T::ONE - number::<T>(4.0) * first)),
    )
}

/// 1/(1 + exp(−z))
pub struct Sigmoid;
impl<T: Real> Rule<T> for Sigmoid {
    #[inline(always)]
    fn value(z: T) -> T {
        z.sigmoid()
    }
    #[inline(always)]
    fn slopes(_: T, a: T) -> Slopes<T> {
        logistic(a)
    }
}

/// sin z
pub struct Sin;
impl<T: Real> Rule<T> for Sin {
    #[inline(always)]
    fn value(z: T) -> T {
        z.sin_cos().0
    }
    #[inline(always)]
    fn slopes(z: T, a: T) -> Slopes<T> {
        let cos = z.sin_cos().1;
        slopes(cos, -a, -cos, a, cos)
    }
}

/// log(1 + exp z) = max(z, 0) + log(1 + exp(−|z|))
pub struct Softplus;
impl<T: Real> Rule<T> for Softplus {
    #[inline(always)]
    fn value(z: T) -> T {
        let positive = if z > T::ZERO { z } else { T::ZERO };
        positive + (-z.abs()).exp().log1p_unit()
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        let p = z.sigmoid();
        let below = logistic(p);
        slopes(p, below.first, below.second, below.third, below.fourth)
    }
}

/// z p with p = sigmoid z
pub struct Silu;
impl<T: Real> Rule<T> for Silu {
    #[inline(always)]
    fn value(z: T) -> T {
        z * z.sigmoid()
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        let p = z.sigmoid();
        times_z(z, p, logistic(p))
    }
}

/// z Φ(z)
pub struct Gelu;
impl<T: Real> Rule<T> for Gelu {
    #[inline(always)]
    fn value(z: T) -> T {
        z * normal_cdf(z)
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        let square = z * z;
        let density = number::<T>(0.398_942_280_401_432_7) * (number::<T>(-0.5) * square).exp();
        slopes(
            normal_cdf(z) + z * density,
            density * (number::<T>(2.0) - square),
            density * z * (square - number(4.0)),
            density * (square * (number::<T>(7.0) - square) - number(4.0)),
            density * z * (square * (square - number(11.0)) + number(18.0)),
        )
    }
}

/// Φ(z)
#[inline(always)]
fn normal_cdf<T: Real>(z: T) -> T {
    number::<T>(0.5) * (T::ONE + (z * number(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

/// z, or exp z − 1 below 0
pub struct Elu;
impl<T: Real> Rule<T> for Elu {
    #[inline(always)]
    fn value(z: T) -> T {
        let below = (if z < T::ZERO { z } else { T::ZERO }).expm1_negative();
        if z > T::ZERO { z } else { below }
    }
    #[inline(always)]
    fn slopes(z: T, a: T) -> Slopes<T> {
        let below = a + T::ONE;
        if z > T::ZERO { straight(T::ONE) } else { slopes(below, below, below, below, below) }
    }
}

/// max(z, 0)
pub struct Relu;
impl<T: Real> Rule<T> for Relu {
    #[inline(always)]
    fn value(z: T) -> T {
        if z > T::ZERO { z } else { T::ZERO }
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        straight(if z > T::ZERO { T::ONE } else { T::ZERO })
    }
}

/// z, or 0.01 z below 0
pub struct LeakyRelu;
impl<T: Real> Rule<T> for LeakyRelu {
    #[inline(always)]
    fn value(z: T) -> T {
        if z > T::ZERO { z } else { number::<T>(0.01) * z }
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        straight(if z > T::ZERO { T::ONE } else { number(0.01) })
    }
}

/// The derivatives of f(u) from those of f at u and of u: the chain rule.
#[inline(always)]
fn through<T: Real>(f: Slopes<T>, u: Slopes<T>) -> Slopes<T> {
    let square = u.first * u.first;
    let mixed = number::<T>(3.0) * f.second * u.first * u.second;
    slopes(
        f.first * u.first,
        f.second * square + f.first * u.second,
        f.third * square * u.first + mixed + f.first * u.third,
        f.fourth * square * square
            + number::<T>(6.0) * f.third * square * u.second
            + f.second * (number::<T>(3.0) * u.second * u.second + number::<T>(4.0) * u.first * u.third)
            + f.first * u.fourth,
        f.fifth * square * square * u.first
            + number::<T>(10.0) * f.fourth * square * u.first * u.second
            + number::<T>(5.0)
                * f.third
                * u.first
                * (number::<T>(3.0) * u.second * u.second + number::<T>(2.0) * u.first * u.third)
            + number::<T>(5.0) * f.second * (number::<T>(2.0) * u.second * u.third + u.first * u.fourth)
            + f.first * u.fifth,
    )
}

/// The derivatives of z g from those of g, by Leibniz' rule.
#[inline(always)]
fn times_z<T: Real>(z: T, value: T, g: Slopes<T>) -> Slopes<T> {
    let (two, three) = (number::<T>(2.0), number::<T>(3.0));
    slopes(
        value + z * g.first,
        two * g.first + z * g.second,
        three * g.second + z * g.third,
        number::<T>(4.0) * g.third + z * g.fourth,
        number::<T>(5.0) * g.fourth + z * g.fifth,
    )
}

/// z p with p = sigmoid v and v = k (z + c z³), which is z/2 (1 + tanh v/2)
pub struct GeluTanh;
/// k = 2 √(2/π)
const GELU_K: f64 = 1.595_769_121_605_730_8;
/// 3 k c with c = 0.044715
const GELU_C: f64 = 0.214_064_448_817_800_73;
/// v
#[inline(always)]
fn gelu_argument<T: Real>(z: T) -> T {
    number::<T>(GELU_K) * z + number::<T>(GELU_C / 3.0) * z * z * z
}
impl<T: Real> Rule<T> for GeluTanh {
    #[inline(always)]
    fn value(z: T) -> T {
        z * gelu_argument(z).sigmoid()
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        let (v, c) = (gelu_argument(z), number::<T>(GELU_C));
        // 1 − p would cancel, and the powers of v' are large.
        let (p, q) = (v.sigmoid(), (-v).sigmoid());
        let first = p * q;
        let (first_v, second_v) = (number::<T>(GELU_K) + c * z * z, number::<T>(2.0) * c * z);
        let v = slopes(first_v, second_v, number::<T>(2.0) * c, T::ZERO, T::ZERO);
        times_z(z, p, through(of_logistic(first, q - p), v))
    }
}

/// λ z, or λ α (exp z − 1) below 0
pub struct Selu;
/// λ
const SELU: f64 = 1.050_700_987_355_480_5;
/// λ α
const SELU_BELOW: f64 = 1.758_099_340_847_376_6;
impl<T: Real> Rule<T> for Selu {
    #[inline(always)]
    fn value(z: T) -> T {
        let below = number::<T>(SELU_BELOW) * (if z < T::ZERO { z } else { T::ZERO }).expm1_negative();
        if z > T::ZERO { number::<T>(SELU) * z } else { below }
    }
    #[inline(always)]
    fn slopes(z: T, a: T) -> Slopes<T> {
        let below = a + number(SELU_BELOW);
        if z > T::ZERO { straight(number(SELU)) } else { slopes(below, below, below, below, below) }
    }
}

/// z w with w = tanh(softplus z), which is (2e + e²) / (2 + 2e + e²) of e = exp z
pub struct Mish;
/// w and 1 − w², neither of which cancels.
#[inline(always)]
fn mish_gate<T: Real>(z: T) -> (T, T) {
    let (two, e) = (number::<T>(2.0), (-z.abs()).exp());
    let (over, rest) = if z > T::ZERO { (T::ONE + two * e, two * e * e) } else { (e * (two + e), two) };
    let w = over / (over + rest);
    (w, rest / (over + rest) * (T::ONE + w))
}
impl<T: Real> Rule<T> for Mish {
    #[inline(always)]
    fn value(z: T) -> T {
        z * mish_gate(z).0
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        let p = z.sigmoid();
        let below = logistic(p);
        let (w, s) = mish_gate(z);
        let softplus = slopes(p, below.first, below.second, below.third, below.fourth);
        times_z(z, w, through(of_tanh(w, s), softplus))
    }
}

/// z / (1 + |z|)
pub struct Softsign;
impl<T: Real> Rule<T> for Softsign {
    #[inline(always)]
    fn value(z: T) -> T {
        z / (T::ONE + z.abs())
    }
    #[inline(always)]
    fn slopes(z: T, _: T) -> Slopes<T> {
        let d = T::ONE / (T::ONE + z.abs());
        let (square, sign) = (d * d, number::<T>(if z > T::ZERO { -2.0 } else { 2.0 }));
        let fourth = number::<T>(12.0) * sign * d * square * square;
        let fifth = number::<T>(120.0) * square * square * square;
        slopes(square, sign * d * square, number::<T>(6.0) * square * square, fourth, fifth)
    }
}

/// exp z: every derivative is a.
pub struct Exp;
impl<T: Real> Rule<T> for Exp {
    #[inline(always)]
    fn value(z: T) -> T {
        z.exp()
    }
    #[inline(always)]
    fn slopes(_: T, a: T) -> Slopes<T> {
        slopes(a, a, a, a, a)
    }
}

/// z
pub struct Linear;
impl<T: Real> Rule<T> for Linear {
    #[inline(always)]
    fn value(z: T) -> T {
        z
    }
    #[inline(always)]
    fn slopes(_: T, _: T) -> Slopes<T> {
        straight(T::ONE)
    }
}

/// Runs an expression with `$rule` bound to the rule of an [`crate::jet::Activation`].
macro_rules! with_rule {
    ($activation:expr, $rule:ident => $body:expr) => {{
        use $crate::cpu::rules::activation as rules;
        use $crate::jet::Activation;
        macro_rules! run {
            ($name:ident) => {{
                type $rule = rules::$name;
                $body
            }};
        }
        match $activation {
            Activation::Tanh => run!(Tanh),
            Activation::Sigmoid => run!(Sigmoid),
            Activation::Sin => run!(Sin),
            Activation::Softplus => run!(Softplus),
            Activation::Silu => run!(Silu),
            Activation::Gelu => run!(Gelu),
            Activation::Elu => run!(Elu),
            Activation::Relu => run!(Relu),
            Activation::LeakyRelu => run!(LeakyRelu),
            Activation::GeluTanh => run!(GeluTanh),
            Activation::Selu => run!(Selu),
            Activation::Mish => run!(Mish),
            Activation::Softsign => run!(Softsign),
            Activation::Exp => run!(Exp),
            Activation::Linear => run!(Linear),
        }
    }};
}
pub(crate) use with_rule;

#[cfg(test)]
mod tests {
    use crate::jet::{Activation, Smoothness};

    use super::*;

    #[test]
    fn each_derivative_is_that_of_the_one_before() {
        // Central differences with h = 1e-5 leave an error of about h² + 1e-16/h = 1e-10.
        let h = 1e-5;
        for activation in Activation::ALL {
            with_rule!(activation, R => {
                let all = |z: f64| {
                    let a = <R as Rule<f64>>::value(z);
                    let s = <R as Rule<f64>>::slopes(z, a);
                    [a, s.first, s.second, s.third, s.fourth, s.fifth]
                };
                let orders = if activation.smoothness() == Smoothness::C0 { 1 } else { 5 };
                for i in -70..70 {
                    let z = 0.1 * f64::from(i) + 0.03;
                    for order in 0..orders {
                        let difference = (all(z + h)[order] - all(z - h)[order]) / (2.0 * h);
                        let truth = all(z)[order + 1];
                        let error = (difference - truth).abs() / truth.abs().max(1.0);
                        assert!(error < 1e-8, "{activation} order {} at {z}: {error}", order + 1);
                    }
                }
            });
        }
    }

    #[test]
    fn f32_follows_f64() {
        for activation in Activation::ALL {
            with_rule!(activation, R => {
                for i in -400..400 {
                    let z = 0.05 * i as f32;
                    let a = <R as Rule<f32>>::value(z);
                    let s = <R as Rule<f32>>::slopes(z, a);
                    let a64 = <R as Rule<f64>>::value(z.into());
                    let s64 = <R as Rule<f64>>::slopes(z.into(), a64);
                    let pairs = [(a, a64), (s.first, s64.first), (s.second, s64.second), (s.third, s64.third)];
                    // A few roundings of numbers of order 1 (up to |z| for the unbounded ones), and of those of order 10
                    // that cancel in gelu_tanh's third derivative; in the higher ones they are of order 100.
                    let higher = [(s.fourth, s64.fourth), (s.fifth, s64.fifth)];
                    for (pair, bound) in pairs.map(|pair| (pair, 2e-6)).into_iter().chain(higher.map(|pair| (pair, 2e-5))) {
                        let (ours, truth) = pair;
                        let error = (f64::from(ours) - truth).abs();
                        assert!(error <= bound * (1.0 + truth.abs()), "{activation} at {z}: {ours} {truth}");
                    }
                }
            });
        }
    }
}
