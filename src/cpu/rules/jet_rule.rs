//! The jet rule of an activation, forward and backward, on a tile (C, H, P); the twin of
//! `shaders/rules/jet_rule.wgsl`.
//!
//! A block of points goes through all channels at once: few enough that σ', σ'' and σ''' stay in the first cache,
//! many enough that a channel is read in runs that the processor sees coming.

#![expect(clippy::needless_range_loop, reason = "one index runs along many rows, as in the shader")]

use pulp::{Simd, WithSimd};

use crate::cpu::channels::{Channels, Product};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation_block::{self, BLOCK, Block, BlockSlopes, blocks};
use crate::jet::Activation;
use crate::numbers::Real;

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
pub struct Forward<'a, T> {
    pub activation: Activation,
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

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { activation, step, channels, .. } = self;
        let tangents = channels.tangents.len();
        let mut slopes = BlockSlopes::ZERO;
        for (at, count) in blocks(self.size) {
            let (z, a) = (&self.z[at..], &mut self.a[at..]);
            activation_block::values(simd, activation, z, a, count);
            activation_block::slopes(simd, activation, (z, a), count, &mut slopes);
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
pub struct Backward<'a, T> {
    pub activation: Activation,
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

impl<T: Real> WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { activation, step, channels, .. } = self;
        let seconds = (1 + channels.tangents.len()) * step;
        let mut slopes = BlockSlopes::ZERO;
        for (at, count) in blocks(self.size) {
            let (z, bar) = (&self.z[at..], &mut self.bar[at..]);
            activation_block::slopes(simd, activation, (z, &self.a[at..]), count, &mut slopes);
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
