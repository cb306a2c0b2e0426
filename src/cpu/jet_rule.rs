//! The jet rule of an activation, forward and backward, on a tile (C, H, P); the twin of
//! `shaders/jet_rule.wgsl`.
//!
//! [`LANES`] points of a unit go through all channels at once, so that σ', σ'' and σ''' stay in registers,
//! every number is read once, and the loops over the points become SIMD without loops, however few points a
//! tile has.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::activation::Rule;
use super::channels::Channels;
use super::lanes::{LANES, Lanes};
use super::real::Real;

/// a-jets from z-jets: a = σ(z), d_k = σ' dz_k, dd = σ'' q + σ' ddz with q = Σ c dz_k dz_l.
///
/// A struct rather than a closure, here and below: pulp compiles `with_simd` once for each
/// instruction set, and a closure's body would not be inlined into that.
pub struct Forward<'a, T, R> {
    pub rule: PhantomData<R>,
    /// (C, H, P)
    pub z: &'a [T],
    /// (C, H, P)
    pub a: &'a mut [T],
    /// H · P
    pub size: usize,
    /// From channel to channel.
    pub step: usize,
    pub channels: &'a Channels<T>,
}

impl<T: Real, R: Rule<T>> WithSimd for Forward<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for at in (0..self.size).step_by(LANES) {
            forward::<T, R>(&self.z[at..], &mut self.a[at..], self.step, self.channels);
        }
    }
}

/// [`LANES`] points of a unit; `step` is from channel to channel.
#[inline(always)]
fn forward<T: Real, R: Rule<T>>(z: &[T], a: &mut [T], step: usize, channels: &Channels<T>) {
    let value = Lanes::load(z, 0);
    let (mut to, mut first, mut second) = (Lanes::ZERO, Lanes::ZERO, Lanes::ZERO);
    for p in 0..LANES {
        to.0[p] = R::value(value.0[p]);
        let slopes = R::slopes(value.0[p], to.0[p]);
        (first.0[p], second.0[p]) = (slopes.first, slopes.second);
    }
    to.store(a, 0);
    let tangents = channels.tangents.len();
    let dz = |k: usize| Lanes::load(z, (1 + k) * step);
    for k in 0..tangents {
        (first * dz(k)).store(a, (1 + k) * step);
    }
    for (s, products) in channels.products[..channels.seconds].iter().enumerate() {
        let mut q = Lanes::ZERO;
        for product in products {
            q = q + dz(product.k) * dz(product.l) * product.coefficient;
        }
        let at = (1 + tangents + s) * step;
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
    /// (C, H, P)
    pub z: &'a [T],
    /// (C, H, P); its value channel is read.
    pub a: &'a [T],
    /// (C, H, P): a_bar before, z_bar after.
    pub bar: &'a mut [T],
    /// H · P
    pub size: usize,
    /// From channel to channel.
    pub step: usize,
    pub channels: &'a Channels<T>,
}

impl<T: Real, R: Rule<T>> WithSimd for Backward<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for at in (0..self.size).step_by(LANES) {
            backward::<T, R>(&self.z[at..], &self.a[at..], &mut self.bar[at..], self.step, self.channels);
        }
    }
}

/// [`LANES`] points of a unit; `step` is from channel to channel.
#[inline(always)]
fn backward<T: Real, R: Rule<T>>(z: &[T], a: &[T], bar: &mut [T], step: usize, channels: &Channels<T>) {
    let (value, a_value) = (Lanes::load(z, 0), Lanes::load(a, 0));
    let (mut first, mut second, mut third) = (Lanes::ZERO, Lanes::ZERO, Lanes::ZERO);
    for p in 0..LANES {
        let slopes = R::slopes(value.0[p], a_value.0[p]);
        (first.0[p], second.0[p], third.0[p]) = (slopes.first, slopes.second, slopes.third);
    }
    let mut value_bar = first * Lanes::load(bar, 0);
    let tangents = channels.tangents.len();
    let dz = |k: usize| Lanes::load(z, (1 + k) * step);
    // The tangents go first, since they read the seconds' cotangents.
    for (k, partners) in channels.partners.iter().enumerate() {
        let at = (1 + k) * step;
        let d_bar = Lanes::load(bar, at);
        value_bar = value_bar + second * dz(k) * d_bar;
        let mut through = Lanes::ZERO;
        for partner in partners {
            let dd_bar = Lanes::load(bar, (1 + tangents + partner.second) * step);
            through = through + dz(partner.l) * partner.coefficient * dd_bar;
        }
        (first * d_bar + second * through).store(bar, at);
    }
    for (s, products) in channels.products.iter().enumerate() {
        let at = (1 + tangents + s) * step;
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
