//! The way back through a hidden layer in adjoint mode, from the jets' cotangents to the gradient; the twin of
//! `shaders/rules/adjoint_rule.wgsl`.

#![expect(clippy::needless_range_loop, reason = "one index runs along many rows, as in the shader")]

use pulp::{Simd, WithSimd};

use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation_block::{self, BLOCK, BlockSlopes};
use crate::cpu::rules::adjoint_layer::AdjointLayer;
use crate::numbers::Real;

/// The cotangents of the adjoints, one collapsed channel for each output: g_bar = σ' h_bar + σ'' q with
/// q = Σ s̄ qₛ. In the place of the first h_bar stays what they add to z_bar, Σ (σ''' q + σ'' h_bar) g over the
/// outputs.
pub struct AdjointBar<'a, T> {
    pub layer: AdjointLayer<'a, T>,
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

impl<T: Real> WithSimd for AdjointBar<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, z, h_bar, a, g, jets_bar } = self;
        let (outputs, step, first) = (layer.channels.adjoints(), layer.step(), layer.adjoints());
        let mut slopes = BlockSlopes::ZERO;
        for (at, count, places) in layer.blocks() {
            let (z, h_bars, a, g) = (&z[at..], &mut h_bar[at..], &mut a[at..], &g[at..]);
            activation_block::slopes(simd, layer.activation, (z, a), count, &mut slopes);
            let mut to_z_bar = [Lanes::ZERO; BLOCK];
            for m in 0..outputs {
                let mut q = [Lanes::ZERO; BLOCK];
                for second in 0..layer.channels.products.len() {
                    let (of_second, s_bar) = (layer.q(second, z, count), &jets_bar[layer.second(m, second)..]);
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
pub struct Backward<'a, T> {
    pub layer: AdjointLayer<'a, T>,
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

impl<T: Real> WithSimd for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, z, h_bar, a, g, jets_bar, bar } = self;
        let (outputs, step, first) = (layer.channels.adjoints(), layer.step(), layer.adjoints());
        let mut slopes = BlockSlopes::ZERO;
        for (at, count, places) in layer.blocks() {
            let (z, h_bar, g, bar) = (&z[at..], &h_bar[at..], &g[at..], &mut bar[at..]);
            activation_block::slopes(simd, layer.activation, (z, &a[at..]), count, &mut slopes);
            let mut z_bar = [Lanes::ZERO; BLOCK];
            for v in 0..count {
                z_bar[v] = slopes.first[v] * Lanes::load(bar, v * LANES) + Lanes::load(h_bar, v * LANES);
            }
            for (k, partners) in layer.channels.partners.iter().enumerate() {
                let mut through = [Lanes::ZERO; BLOCK];
                for partner in partners {
                    let dz = &z[(1 + partner.l) * step..];
                    for m in 0..outputs {
                        let (g, s_bar) = (&g[m * step..], &jets_bar[layer.second(m, partner.second)..]);
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
