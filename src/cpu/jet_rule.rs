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
use super::real::Real;
use super::tile::{LANES, Shape};

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
    let value = lanes(z, 0);
    let to = lanes_mut(a, 0);
    let (mut first, mut second) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for p in 0..LANES {
        to[p] = R::value(value[p]);
        let slopes = R::slopes(value[p], to[p]);
        (first[p], second[p]) = (slopes.first, slopes.second);
    }
    let tangents = channels.tangents.len();
    for k in 1..=tangents {
        let (dz, to) = (lanes(z, k * points), lanes_mut(a, k * points));
        for p in 0..LANES {
            to[p] = first[p] * dz[p];
        }
    }
    for (s, products) in channels.seconds.iter().enumerate() {
        let mut q = [T::ZERO; LANES];
        for product in &channels.products[products.clone()] {
            let (dz_k, dz_l) = (lanes(z, (1 + product.k) * points), lanes(z, (1 + product.l) * points));
            for p in 0..LANES {
                q[p] += product.coefficient * dz_k[p] * dz_l[p];
            }
        }
        let at = (1 + tangents + s) * points;
        let (ddz, to) = (lanes(z, at), lanes_mut(a, at));
        for p in 0..LANES {
            to[p] = second[p] * q[p] + first[p] * ddz[p];
        }
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
    let (value, a_value) = (lanes(z, 0), lanes(a, 0));
    let mut value_bar = *lanes(bar, 0);
    let (mut first, mut second, mut third) = ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
    for p in 0..LANES {
        let slopes = R::slopes(value[p], a_value[p]);
        (first[p], second[p], third[p]) = (slopes.first, slopes.second, slopes.third);
        value_bar[p] *= first[p];
    }
    let tangents = channels.tangents.len();
    for k in 1..=tangents {
        let (dz, d_bar) = (lanes(z, k * points), lanes_mut(bar, k * points));
        for p in 0..LANES {
            value_bar[p] += second[p] * dz[p] * d_bar[p];
            d_bar[p] *= first[p];
        }
    }
    for (s, products) in channels.seconds.iter().enumerate() {
        let at = (1 + tangents + s) * points;
        let (ddz, dd_bar) = (lanes(z, at), lanes_mut(bar, at));
        let (mut own, mut of_tangents) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        for p in 0..LANES {
            own[p] = second[p] * ddz[p];
            of_tangents[p] = second[p] * dd_bar[p];
        }
        let dd = *dd_bar;
        for p in 0..LANES {
            dd_bar[p] *= first[p];
        }
        for product in &channels.products[products.clone()] {
            let (dz_k, dz_l) = (lanes(z, (1 + product.k) * points), lanes(z, (1 + product.l) * points));
            for p in 0..LANES {
                own[p] += third[p] * (product.coefficient * dz_k[p] * dz_l[p]);
            }
            for (to, dz) in [(product.k, dz_l), (product.l, dz_k)] {
                let d_bar = lanes_mut(bar, (1 + to) * points);
                for p in 0..LANES {
                    d_bar[p] += product.coefficient * dz[p] * of_tangents[p];
                }
            }
        }
        for p in 0..LANES {
            value_bar[p] += own[p] * dd[p];
        }
    }
    *lanes_mut(bar, 0) = value_bar;
}

/// The points from `at` on.
#[inline(always)]
fn lanes<T>(row: &[T], at: usize) -> &[T; LANES] {
    row[at..].first_chunk().expect("rows hold whole vectors")
}

/// The points from `at` on.
#[inline(always)]
fn lanes_mut<T>(row: &mut [T], at: usize) -> &mut [T; LANES] {
    row[at..].first_chunk_mut().expect("rows hold whole vectors")
}
