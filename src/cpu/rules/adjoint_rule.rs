//! The activation's rules of adjoint mode on a tile (C, H, P), whose channels are the value, the tangents and one
//! adjoint for each output; the twin of `shaders/rules/adjoint.wgsl` and `adjoint_rule.wgsl`.
//!
//! With g = ∂u/∂a and h = ∂u/∂z = σ' g of an output u, what curves it is ∂ₛu = Σ g σ'' qₛ over all units, with
//! qₛ = Σ c dz_k dz_l. Its cotangents s̄ make the tile's second derivatives one function of the parameters, and
//! so the way back is that of a single collapsed channel with q = Σ s̄ qₛ, whose cotangents g and h are known.

#![expect(clippy::needless_range_loop, reason = "one index runs along many rows, as in the shader")]

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use crate::cpu::channels::Channels;
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation::Rule;
use crate::cpu::rules::jet_rule::{BLOCK, Block, BlockSlopes, blocks, product_sum};
use crate::cpu::shape::Shape;
use crate::numbers::Real;

/// What all rules read.
#[derive(Clone, Copy)]
pub struct Mixed<'a, T> {
    /// H
    pub units: usize,
    /// Of the tile: P.
    pub shape: Shape,
    pub channels: &'a Channels<T>,
}

impl<T: Real> Mixed<'_, T> {
    /// From channel to channel.
    #[inline(always)]
    fn step(&self) -> usize {
        self.shape.step(self.units)
    }

    /// Where the first adjoint's channel begins.
    #[inline(always)]
    fn adjoints(&self) -> usize {
        self.channels.forward() * self.step()
    }

    /// Where in the jets (C, M, P) a second-order entry of an output begins.
    #[inline(always)]
    fn second(&self, output: usize, second: usize) -> usize {
        let first = self.channels.of_jet() - self.channels.products.len();
        (first + second) * self.shape.step(self.channels.adjoints()) + output * self.shape.points
    }

    /// Where each block of the units' points begins, how many vectors it has, and at which points these begin.
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = (usize, usize, [usize; BLOCK])> + use<T> {
        let points = self.shape.points;
        blocks(self.units * points).map(move |(at, count)| {
            let mut places = [0; BLOCK];
            for (v, place) in places.iter_mut().enumerate() {
                *place = (at + v * LANES) % points;
            }
            (at, count, places)
        })
    }

    /// q of a second-order entry at the points of a block.
    #[inline(always)]
    fn q(&self, second: usize, z: &[T], count: usize) -> Block<T> {
        product_sum(&self.channels.products[second], z, self.step(), count)
    }
}

/// h = σ' g, and ∂ₛu += Σ g σ'' qₛ over the layer's units.
pub struct Adjoint<'a, T, R> {
    pub rule: PhantomData<R>,
    pub mixed: Mixed<'a, T>,
    /// (C, H, P)
    pub z: &'a [T],
    /// (C, H, P); its value channel is read.
    pub a: &'a [T],
    /// (M, H, P)
    pub g: &'a [T],
    /// (M, H, P), overwritten.
    pub h: &'a mut [T],
    /// (C, M, P); its second-order channels are added to.
    pub jets: &'a mut [T],
}

impl<T: Real, R: Rule<T>> WithSimd for Adjoint<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { mixed, z, a, g, h, jets, .. } = self;
        let (outputs, step) = (mixed.channels.adjoints(), mixed.step());
        for (at, count, places) in mixed.blocks() {
            let (z, g, h) = (&z[at..], &g[at..], &mut h[at..]);
            let slopes = BlockSlopes::of::<R>(z, &a[at..], count);
            for m in 0..outputs {
                let (g, h) = (&g[m * step..], &mut h[m * step..]);
                for v in 0..count {
                    (slopes.first[v] * Lanes::load(g, v * LANES)).store(h, v * LANES);
                }
            }
            for second in 0..mixed.channels.products.len() {
                let q = mixed.q(second, z, count);
                for m in 0..outputs {
                    let (g, jets) = (&g[m * step..], &mut jets[mixed.second(m, second)..]);
                    for v in 0..count {
                        let curved = Lanes::load(g, v * LANES) * slopes.second[v] * q[v];
                        (Lanes::load(jets, places[v]) + curved).store(jets, places[v]);
                    }
                }
            }
        }
    }
}

/// The cotangents of the adjoints, one collapsed channel for each output: g_bar = σ' h_bar + σ'' q with
/// q = Σ s̄ qₛ. In the place of the first h_bar stays what they add to z_bar, Σ (σ''' q + σ'' h_bar) g over the
/// outputs.
pub struct AdjointBar<'a, T, R> {
    pub rule: PhantomData<R>,
    pub mixed: Mixed<'a, T>,
    /// (C, H, P)
    pub z: &'a [T],
    /// (M, H, P); the first becomes what they add to z_bar.
    pub h_bar: &'a mut [T],
    /// (C, H, P): g_bar goes into the adjoints' channels.
    pub a: &'a mut [T],
    /// (M, H, P)
    pub g: &'a [T],
    /// s̄: the cotangents of the jets (C, M, P).
    pub jets_bar: &'a [T],
}

impl<T: Real, R: Rule<T>> WithSimd for AdjointBar<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { mixed, z, h_bar, a, g, jets_bar, .. } = self;
        let (outputs, step, first) = (mixed.channels.adjoints(), mixed.step(), mixed.adjoints());
        for (at, count, places) in mixed.blocks() {
            let (z, h_bars, a, g) = (&z[at..], &mut h_bar[at..], &mut a[at..], &g[at..]);
            let slopes = BlockSlopes::of::<R>(z, a, count);
            let mut to_z_bar = [Lanes::ZERO; BLOCK];
            for m in 0..outputs {
                let mut q = [Lanes::ZERO; BLOCK];
                for second in 0..mixed.channels.products.len() {
                    let (of_second, s_bar) = (mixed.q(second, z, count), &jets_bar[mixed.second(m, second)..]);
                    for v in 0..count {
                        q[v] = q[v] + Lanes::load(s_bar, places[v]) * of_second[v];
                    }
                }
                let (h_bar, g_bar, g) = (&h_bars[m * step..], &mut a[first + m * step..], &g[m * step..]);
                for v in 0..count {
                    let h_bar = Lanes::load(h_bar, v * LANES);
                    (slopes.first[v] * h_bar + slopes.second[v] * q[v]).store(g_bar, v * LANES);
                    let curved = slopes.third[v] * q[v] + slopes.second[v] * h_bar;
                    to_z_bar[v] = to_z_bar[v] + curved * Lanes::load(g, v * LANES);
                }
            }
            for v in 0..count {
                to_z_bar[v].store(h_bars, v * LANES);
            }
        }
    }
}

/// z_bar-jets from a_bar-jets, in place, with h in the adjoints' channels:
///
/// ```text
/// z_bar    = σ' a_bar + Σ_k σ'' dz_k d_k_bar + Σ (σ''' q + σ'' h_bar) g
/// dz_k_bar = σ' d_k_bar + Σ over products with k: σ'' g s̄ c dz_l
/// h        = σ' g
/// ```
pub struct Backward<'a, T, R> {
    pub rule: PhantomData<R>,
    pub mixed: Mixed<'a, T>,
    /// (C, H, P)
    pub z: &'a [T],
    /// (M, H, P): in the first what [`AdjointBar`] left.
    pub h_bar: &'a [T],
    /// (C, H, P); its value channel is read.
    pub a: &'a [T],
    /// (M, H, P)
    pub g: &'a [T],
    /// s̄: the cotangents of the jets (C, M, P).
    pub jets_bar: &'a [T],
    /// (C, H, P): a_bar before, z_bar after.
    pub bar: &'a mut [T],
}

impl<T: Real, R: Rule<T>> WithSimd for Backward<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { mixed, z, h_bar, a, g, jets_bar, bar, .. } = self;
        let (outputs, step, first) = (mixed.channels.adjoints(), mixed.step(), mixed.adjoints());
        for (at, count, places) in mixed.blocks() {
            let (z, h_bar, g, bar) = (&z[at..], &h_bar[at..], &g[at..], &mut bar[at..]);
            let slopes = BlockSlopes::of::<R>(z, &a[at..], count);
            let mut z_bar = [Lanes::ZERO; BLOCK];
            for v in 0..count {
                z_bar[v] = slopes.first[v] * Lanes::load(bar, v * LANES) + Lanes::load(h_bar, v * LANES);
            }
            for (k, partners) in mixed.channels.partners.iter().enumerate() {
                let mut through = [Lanes::ZERO; BLOCK];
                for partner in partners {
                    let dz = &z[(1 + partner.l) * step..];
                    for m in 0..outputs {
                        let (g, s_bar) = (&g[m * step..], &jets_bar[mixed.second(m, partner.second)..]);
                        for v in 0..count {
                            let dz = Lanes::load(dz, v * LANES) * partner.coefficient;
                            let s_bar = Lanes::load(s_bar, places[v]);
                            through[v] = through[v] + Lanes::load(g, v * LANES) * s_bar * dz;
                        }
                    }
                }
                let (dz, d_bar) = (&z[(1 + k) * step..], &mut bar[(1 + k) * step..]);
                for v in 0..count {
                    let cotangent = Lanes::load(d_bar, v * LANES);
                    z_bar[v] = z_bar[v] + slopes.second[v] * Lanes::load(dz, v * LANES) * cotangent;
                    (slopes.first[v] * cotangent + slopes.second[v] * through[v]).store(d_bar, v * LANES);
                }
            }
            for v in 0..count {
                z_bar[v].store(bar, v * LANES);
            }
            for m in 0..outputs {
                let (g, h) = (&g[m * step..], &mut bar[first + m * step..]);
                for v in 0..count {
                    (slopes.first[v] * Lanes::load(g, v * LANES)).store(h, v * LANES);
                }
            }
        }
    }
}
