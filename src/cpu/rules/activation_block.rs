//! The activation on a block of points, which the rules go through a layer by.
//!
//! A rule is compiled once for each precision and instruction set, and an activation on a block as often. What a rule
//! pays for that is one call a block.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation::{Rule, with_rule};
use crate::jet::Activation;
use crate::numbers::Real;

/// Vectors that go through all channels at once: with more the compiler no longer makes vectors of the loops;
/// docs/tuning.md.
pub const BLOCK: usize = 8;

/// A channel of so many vectors.
pub type Block<T> = [Lanes<T>; BLOCK];

/// σ', σ'' and σ''' at the points of a block.
pub struct BlockSlopes<T> {
    pub first: Block<T>,
    pub second: Block<T>,
    pub third: Block<T>,
}

impl<T: Real> BlockSlopes<T> {
    pub const ZERO: Self =
        Self { first: [Lanes::ZERO; BLOCK], second: [Lanes::ZERO; BLOCK], third: [Lanes::ZERO; BLOCK] };
}

/// σ' to σ⁽⁵⁾ at the points of a block: [m − 1] is the mth.
pub type HigherSlopes<T> = [Block<T>; 5];

/// Where each block of `size` points begins, and how many vectors it has.
#[inline(always)]
pub fn blocks(size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size).step_by(BLOCK * LANES).map(move |at| (at, BLOCK.min((size - at) / LANES)))
}

/// a = σ(z) at the first `count` vectors.
#[inline(always)]
pub fn values<S: Simd, T: Real>(simd: S, activation: Activation, z: &[T], a: &mut [T], count: usize) {
    with_rule!(activation, R => simd.vectorize(Values { rule: PhantomData::<R>, z, a, count }));
}

/// The slopes at the first `count` vectors, from the values of z and a.
#[inline(always)]
pub fn slopes<S: Simd, T: Real>(
    simd: S,
    activation: Activation,
    (z, a): (&[T], &[T]),
    count: usize,
    slopes: &mut BlockSlopes<T>,
) {
    with_rule!(activation, R => simd.vectorize(Slopes { rule: PhantomData::<R>, z, a, count, slopes }));
}

/// All five slopes at the first `count` vectors, from the values of z and a.
#[inline(always)]
pub fn higher_slopes<S: Simd, T: Real>(
    simd: S,
    activation: Activation,
    (z, a): (&[T], &[T]),
    count: usize,
    slopes: &mut HigherSlopes<T>,
) {
    with_rule!(activation, R => simd.vectorize(Higher { rule: PhantomData::<R>, z, a, count, slopes }));
}

/// [`values`] by one rule.
///
/// A struct rather than a closure, as everything that pulp compiles once for each instruction set: a closure's body
/// would not be inlined into that.
struct Values<'a, T, R> {
    rule: PhantomData<R>,
    z: &'a [T],
    a: &'a mut [T],
    count: usize,
}

impl<T: Real, R: Rule<T>> WithSimd for Values<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for v in 0..self.count {
            let (z, mut a) = (Lanes::load(self.z, v * LANES), Lanes::ZERO);
            for p in 0..LANES {
                a.0[p] = R::value(z.0[p]);
            }
            a.store(self.a, v * LANES);
        }
    }
}

/// [`slopes`] by one rule.
struct Slopes<'a, T, R> {
    rule: PhantomData<R>,
    z: &'a [T],
    a: &'a [T],
    count: usize,
    slopes: &'a mut BlockSlopes<T>,
}

impl<T: Real, R: Rule<T>> WithSimd for Slopes<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let BlockSlopes { first, second, third } = self.slopes;
        for v in 0..self.count.min(BLOCK) {
            let (z, a) = (Lanes::load(self.z, v * LANES), Lanes::load(self.a, v * LANES));
            for p in 0..LANES {
                let slopes = R::slopes(z.0[p], a.0[p]);
                (first[v].0[p], second[v].0[p], third[v].0[p]) = (slopes.first, slopes.second, slopes.third);
            }
        }
    }
}

/// [`higher_slopes`] by one rule.
struct Higher<'a, T, R> {
    rule: PhantomData<R>,
    z: &'a [T],
    a: &'a [T],
    count: usize,
    slopes: &'a mut HigherSlopes<T>,
}

impl<T: Real, R: Rule<T>> WithSimd for Higher<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let [first, second, third, fourth, fifth] = self.slopes;
        for v in 0..self.count.min(BLOCK) {
            let (z, a) = (Lanes::load(self.z, v * LANES), Lanes::load(self.a, v * LANES));
            for p in 0..LANES {
                let slopes = R::slopes(z.0[p], a.0[p]);
                (first[v].0[p], second[v].0[p], third[v].0[p]) = (slopes.first, slopes.second, slopes.third);
                (fourth[v].0[p], fifth[v].0[p]) = (slopes.fourth, slopes.fifth);
            }
        }
    }
}
