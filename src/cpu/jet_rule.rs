//! The jet rule of an activation, forward and backward, on a tile (H, C, P); the twin of
//! `shaders/jet_rule.wgsl`.
//!
//! A unit's row holds its channels one after the other, P points each, so that every loop runs over
//! contiguous points and becomes SIMD whatever the widths.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::activation::Rule;
use super::channels::Channels;
use super::real::Real;
use super::tile::{MAX_POINTS, Shape};

/// σ and its derivatives at the points of one unit's row.
struct Row<T> {
    first: [T; MAX_POINTS],
    second: [T; MAX_POINTS],
    third: [T; MAX_POINTS],
}

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
        let Self { z, a, units, shape, channels, .. } = self;
        forward::<T, R>(z, a, units, shape, channels);
    }
}

#[inline(always)]
fn forward<T: Real, R: Rule<T>>(z: &[T], a: &mut [T], units: usize, shape: Shape, channels: &Channels<T>) {
    let points = shape.points;
    let mut row = Row { first: [T::ZERO; MAX_POINTS], second: [T::ZERO; MAX_POINTS], third: [T::ZERO; MAX_POINTS] };
    for unit in 0..units {
        let z = &z[unit * shape.stride..][..channels.count() * points];
        let a = &mut a[unit * shape.stride..][..channels.count() * points];
        let (z_value, z) = z.split_at(points);
        let (a_value, a) = a.split_at_mut(points);
        if channels.tangents.is_empty() {
            for (a, z) in a_value.iter_mut().zip(z_value) {
                *a = R::value(*z);
            }
            continue;
        }
        let (first, second) = (&mut row.first[..points], &mut row.second[..points]);
        for p in 0..points {
            a_value[p] = R::value(z_value[p]);
            let slopes = R::slopes(z_value[p], a_value[p]);
            first[p] = slopes.first;
            second[p] = slopes.second;
        }
        for (a, z) in a.chunks_exact_mut(points).zip(z.chunks_exact(points)) {
            scale(a, first, z);
        }
        let tangent = |k: usize| &z[k * points..(k + 1) * points];
        let seconds = &mut a[channels.tangents.len() * points..];
        for (a, products) in seconds.chunks_exact_mut(points).zip(&channels.seconds) {
            for product in &channels.products[products.clone()] {
                let (dz_k, dz_l) = (tangent(product.k), tangent(product.l));
                for p in 0..points {
                    a[p] += second[p] * (product.coefficient * dz_k[p] * dz_l[p]);
                }
            }
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
        let Self { z, a, bar, units, shape, channels, .. } = self;
        backward::<T, R>(z, a, bar, units, shape, channels);
    }
}

#[inline(always)]
fn backward<T: Real, R: Rule<T>>(z: &[T], a: &[T], bar: &mut [T], units: usize, shape: Shape, channels: &Channels<T>) {
    let points = shape.points;
    let mut row = Row { first: [T::ZERO; MAX_POINTS], second: [T::ZERO; MAX_POINTS], third: [T::ZERO; MAX_POINTS] };
    for unit in 0..units {
        let z = &z[unit * shape.stride..][..channels.count() * points];
        let a_value = &a[unit * shape.stride..][..points];
        let bar = &mut bar[unit * shape.stride..][..channels.count() * points];
        let (z_value, z) = z.split_at(points);
        let (value_bar, bar) = bar.split_at_mut(points);
        let first = &mut row.first[..points];
        let (second, third) = (&mut row.second[..points], &mut row.third[..points]);
        for p in 0..points {
            let slopes = R::slopes(z_value[p], a_value[p]);
            first[p] = slopes.first;
            second[p] = slopes.second;
            third[p] = slopes.third;
            value_bar[p] *= slopes.first;
        }
        let (dz, ddz) = z.split_at(channels.tangents.len() * points);
        let (d_bar, dd_bar) = bar.split_at_mut(channels.tangents.len() * points);
        for (dz, d_bar) in dz.chunks_exact(points).zip(d_bar.chunks_exact_mut(points)) {
            for p in 0..points {
                value_bar[p] += second[p] * dz[p] * d_bar[p];
                d_bar[p] *= first[p];
            }
        }
        let per_second = dd_bar.chunks_exact_mut(points).zip(ddz.chunks_exact(points)).zip(&channels.seconds);
        for ((dd_bar, ddz), products) in per_second {
            for product in &channels.products[products.clone()] {
                let dz_k = &dz[product.k * points..(product.k + 1) * points];
                let dz_l = &dz[product.l * points..(product.l + 1) * points];
                for p in 0..points {
                    value_bar[p] += third[p] * (product.coefficient * dz_k[p] * dz_l[p]) * dd_bar[p];
                }
                for (to, dz) in [(product.k, dz_l), (product.l, dz_k)] {
                    let d_bar = &mut d_bar[to * points..(to + 1) * points];
                    for p in 0..points {
                        d_bar[p] += second[p] * (product.coefficient * dz[p]) * dd_bar[p];
                    }
                }
            }
            for p in 0..points {
                value_bar[p] += second[p] * ddz[p] * dd_bar[p];
                dd_bar[p] *= first[p];
            }
        }
    }
}

/// to = by · from
#[inline(always)]
fn scale<T: Real>(to: &mut [T], by: &[T], from: &[T]) {
    for ((to, by), from) in to.iter_mut().zip(by).zip(from) {
        *to = *by * *from;
    }
}
