//! The jet rule of an activation, forward and backward, on a tile (H, C, P); the twin of
//! `shaders/jet_rule.wgsl`.
//!
//! A unit's row holds its channels one after the other, P points each. [`LANES`] points go through all
//! channels at once, so that σ', σ'' and σ''' stay in registers, every row is read once, and the loops
//! over the points become SIMD without loops, however few points a tile has.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::activation::Rule;
use super::channels::Channels;
use super::lanes::{LANES, Lanes};
use super::real::Real;
use super::tile::Shape;

/// a-jets from z-jets: a = σ(z), d_k = σ' dz_k, dd = σ'' q + σ' ddz with q = Σ c dz_k dz_l.
///
/// A struct rather than a closure, here and below: pulp compiles `with_simd` once for each
/// instruction set, and a closure's body would not be inlined into that.
pub struct Forward<'a, T, R> {
    pub rule: PhantomData<R>,
    /// (H, C, P)
    pub z: &'a [T],
    /// (H, C, P)
    pub a: &'a mut [T],
    /// H
    pub units: usize,
    pub shape: Shape,
    pub channels: &'a Channels<T>,
}

impl<T: Real, R: Rule<T>> WithSimd for Forward<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Shape { points, columns, stride, .. } = self.shape;
        for (z, a) in self.z.chunks(stride).zip(self.a.chunks_mut(stride)).take(self.units) {
            for p in (0..points).step_by(LANES) {
                forward::<T, R>(&z[p..columns], &mut a[p..columns], points, self.channels);
            }
        }
    }
}

/// One unit's row from one of its points on.
#[inline(always)]
fn forward<T: Real, R: Rule<T>>(z: &[T], a: &mut [T], points: usize, channels: &Channels<T>) {
    let value = Lanes::load(z, 0);
    let (mut to, mut first, mut second) = (Lanes::ZERO, Lanes::ZERO, Lanes::ZERO);
    for p in 0..LANES {
        to.0[p] = R::value(value.0[p]);
        let slopes = R::slopes(value.0[p], to.0[p]);
        (first.0[p], second.0[p]) = (slopes.first, slopes.second);
    }
    to.store(a, 0);
    let tangents = channels.tangents.len();
    let dz = |k: usize| Lanes::load(z, (1 + k) * points);
    for k in 0..tangents {
        (first * dz(k)).store(a, (1 + k) * points);
    }
    for (s, products) in channels.products[..channels.seconds].iter().enumerate() {
        let mut q = Lanes::ZERO;
        for product in products {
            q = q + dz(product.k) * dz(product.l) * product.coefficient;
        }
        let at = (1 + tangents + s) * points;
        (second * q + first * Lanes::load(z, at)).store(a, at);
    }
}

/// z_bar-jets from a_bar-jets, in place:
///
/// ```text
/// z_bar    = σ' a_bar + Σ_k σ'' dz_k d_k_bar + Σ (σ''' q + σ'' ddz) dd_bar
/// dz_k_bar = σ' d_k_bar + Σ over products with k: σ'' c dz_l dd_bar
/// ddz_bar  = σ' dd_bar
/// ```
pub struct Backward<'a, T, R> {
    pub rule: PhantomData<R>,
    /// (H, C, P)
    pub z: &'a [T],
    /// (H, C, P); its value channel is read.
    pub a: &'a [T],
    /// (H, C, P): a_bar before, z_bar after.
    pub bar: &'a mut [T],
    /// H
    pub units: usize,
    pub shape: Shape,
    pub channels: &'a Channels<T>,
}

impl<T: Real, R: Rule<T>> WithSimd for Backward<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Shape { points, columns, stride, .. } = self.shape;
        let rows = self.z.chunks(stride).zip(self.a.chunks(stride)).zip(self.bar.chunks_mut(stride));
        for ((z, a), bar) in rows.take(self.units) {
            for p in (0..points).step_by(LANES) {
                backward::<T, R>(&z[p..columns], &a[p..columns], &mut bar[p..columns], points, self.channels);
            }
        }
    }
}

/// One unit's row from one of its points on.
#[inline(always)]
fn backward<T: Real, R: Rule<T>>(z: &[T], a: &[T], bar: &mut [T], points: usize, channels: &Channels<T>) {
    let (value, a_value) = (Lanes::load(z, 0), Lanes::load(a, 0));
    let (mut first, mut second, mut third) = (Lanes::ZERO, Lanes::ZERO, Lanes::ZERO);
    for p in 0..LANES {
        let slopes = R::slopes(value.0[p], a_value.0[p]);
        (first.0[p], second.0[p], third.0[p]) = (slopes.first, slopes.second, slopes.third);
    }
    let mut value_bar = first * Lanes::load(bar, 0);
    let tangents = channels.tangents.len();
    let dz = |k: usize| Lanes::load(z, (1 + k) * points);
    // The tangents go first, since they read the seconds' cotangents.
    for (k, partners) in channels.partners.iter().enumerate() {
        let at = (1 + k) * points;
        let d_bar = Lanes::load(bar, at);
        value_bar = value_bar + second * dz(k) * d_bar;
        let mut through = Lanes::ZERO;
        for partner in partners {
            let dd_bar = Lanes::load(bar, (1 + tangents + partner.second) * points);
            through = through + dz(partner.l) * partner.coefficient * dd_bar;
        }
        (first * d_bar + second * through).store(bar, at);
    }
    for (s, products) in channels.products.iter().enumerate() {
        let at = (1 + tangents + s) * points;
        let dd_bar = Lanes::load(bar, at);
        let mut q = Lanes::ZERO;
        for product in products {
            q = q + dz(product.k) * dz(product.l) * product.coefficient;
        }
        value_bar = value_bar + (third * q + second * Lanes::load(z, at)) * dd_bar;
        (first * dd_bar).store(bar, at);
    }
    value_bar.store(bar, 0);
}
