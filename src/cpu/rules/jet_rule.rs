//! The jet rule of an activation, forward and backward, on a tile (C, H, P); the twin of
//! `shaders/rules/jet_rule.wgsl`.
//!
//! Some units' points go through all channels at once, [`BLOCK`] vectors of them: few enough that σ', σ'' and σ'''
//! stay in the first cache, many enough that a channel is read in runs that the processor sees coming.

#![expect(clippy::needless_range_loop, reason = "one index runs along many rows, as in the shader")]

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use crate::cpu::channels::{Channels, Product};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation::Rule;
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
    /// Of the first `count` vectors, from the values of z and a.
    #[inline(always)]
    pub fn of<R: Rule<T>>(z: &[T], a: &[T], count: usize) -> Self {
        let none = [Lanes::ZERO; BLOCK];
        let mut all = Self { first: none, second: none, third: none };
        for v in 0..count {
            let (z, a) = (Lanes::load(z, v * LANES), Lanes::load(a, v * LANES));
            for p in 0..LANES {
                let slopes = R::slopes(z.0[p], a.0[p]);
                (all.first[v].0[p], all.second[v].0[p], all.third[v].0[p]) =
                    (slopes.first, slopes.second, slopes.third);
            }
        }
        all
    }
}

/// Where each block of `size` points begins, and how many vectors it has.
#[inline(always)]
pub fn blocks(size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size).step_by(BLOCK * LANES).map(move |at| (at, BLOCK.min((size - at) / LANES)))
}

/// q = Σ c dz_k dz_l of a second-order channel, at the first `count` vectors.
#[inline(always)]
pub fn product_sum<T: Real>(products: &[Product<T>], z: &[T], step: usize, count: usize) -> Block<T> {
    let mut q = [Lanes::ZERO; BLOCK];
    for product in products {
        let (dz_k, dz_l) = (&z[(1 + product.k) * step..], &z[(1 + product.l) * step..]);
        for v in 0..count {
            let (dz_k, dz_l) = (Lanes::load(dz_k, v * LANES), Lanes::load(dz_l, v * LANES));
            q[v] = q[v] + dz_k * dz_l * product.coefficient;
        }
    }
    q
}

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
        let Self { step, channels, .. } = self;
        let tangents = channels.tangents.len();
        for (at, count) in blocks(self.size) {
            let (z, a) = (&self.z[at..], &mut self.a[at..]);
            for v in 0..count {
                let (value, mut to) = (Lanes::load(z, v * LANES), Lanes::ZERO);
                for p in 0..LANES {
                    to.0[p] = R::value(value.0[p]);
                }
                to.store(a, v * LANES);
            }
            let slopes = BlockSlopes::of::<R>(z, a, count);
            for k in 0..tangents {
                let (dz, d) = (&z[(1 + k) * step..], &mut a[(1 + k) * step..]);
                for v in 0..count {
                    (slopes.first[v] * Lanes::load(dz, v * LANES)).store(d, v * LANES);
                }
            }
            for (s, products) in channels.products[..channels.seconds].iter().enumerate() {
                let q = product_sum(products, z, step, count);
                let second = (1 + tangents + s) * step;
                let (ddz, dd) = (&z[second..], &mut a[second..]);
                for v in 0..count {
                    let through = slopes.first[v] * Lanes::load(ddz, v * LANES);
                    (slopes.second[v] * q[v] + through).store(dd, v * LANES);
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
        let Self { step, channels, .. } = self;
        let seconds = (1 + channels.tangents.len()) * step;
        for (at, count) in blocks(self.size) {
            let (z, bar) = (&self.z[at..], &mut self.bar[at..]);
            let slopes = BlockSlopes::of::<R>(z, &self.a[at..], count);
            let mut z_bar = [Lanes::ZERO; BLOCK];
            for v in 0..count {
                z_bar[v] = slopes.first[v] * Lanes::load(bar, v * LANES);
            }
            // The tangents go first, since they read the seconds' cotangents.
            for (k, partners) in channels.partners.iter().enumerate() {
                let mut through = [Lanes::ZERO; BLOCK];
                for partner in partners {
                    let (dz, dd_bar) = (&z[(1 + partner.l) * step..], &bar[seconds + partner.second * step..]);
                    for v in 0..count {
                        let dz = Lanes::load(dz, v * LANES) * partner.coefficient;
                        through[v] = through[v] + dz * Lanes::load(dd_bar, v * LANES);
                    }
                }
                let (dz, d_bar) = (&z[(1 + k) * step..], &mut bar[(1 + k) * step..]);
                for v in 0..count {
                    let cotangent = Lanes::load(d_bar, v * LANES);
                    z_bar[v] = z_bar[v] + slopes.second[v] * Lanes::load(dz, v * LANES) * cotangent;
                    (slopes.first[v] * cotangent + slopes.second[v] * through[v]).store(d_bar, v * LANES);
                }
            }
            for (s, products) in channels.products.iter().enumerate() {
                let q = product_sum(products, z, step, count);
                let (ddz, dd_bar) = (&z[seconds + s * step..], &mut bar[seconds + s * step..]);
                for v in 0..count {
                    let cotangent = Lanes::load(dd_bar, v * LANES);
                    let curved = slopes.third[v] * q[v] + slopes.second[v] * Lanes::load(ddz, v * LANES);
                    z_bar[v] = z_bar[v] + curved * cotangent;
                    (slopes.first[v] * cotangent).store(dd_bar, v * LANES);
                }
            }
            for v in 0..count {
                z_bar[v].store(bar, v * LANES);
            }
        }
    }
}
