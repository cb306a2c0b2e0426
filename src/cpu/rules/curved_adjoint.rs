//! The activation's rules of adjoint mode above the second order, on a tile (C, H, P); the twin of
//! `shaders/rules/curved_adjoint.wgsl`. What [`adjoint`](super::adjoint) and [`adjoint_rule`](super::adjoint_rule) are for
//! seconds, these are for products of any channels; the top order never travels.
//!
//! With g = ∂u/∂a of an output u, every entry e of its jet that curves is ∂ₑu = Σ g Rₑ over the units of all layers, with
//! the products Rₑ of what travels. Their cotangents s̄ make one function Q = Σ s̄ₑ Rₑ of them, by whose slopes the way back
//! goes.

#![expect(clippy::needless_range_loop, reason = "one index runs along many rows, as in the shader")]

use pulp::{Simd, WithSimd};

use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation_block::{self, HigherSlopes};
use crate::cpu::rules::adjoint_layer::AdjointLayer;
use crate::cpu::rules::curved_products::{Here, zeros};
use crate::cpu::rules::curved_rule::{cotangent, linear_back, store};
use crate::numbers::Real;

/// h = σ' g, and ∂ₑu += Σ g Rₑ over the layer's units.
pub struct Adjoint<'a, T> {
    pub layer: AdjointLayer<'a, T>,
    /// (C, H, P)
    pub z: &'a [T],
    /// (C, H, P); its value channel is read.
    pub a: &'a [T],
    /// (M, H, P)
    pub g: &'a [T],
    /// (M, H, P), overwritten.
    pub h: &'a mut [T],
    /// (C, M, P); what curves is added to.
    pub jets: &'a mut [T],
}

impl<T: Real> WithSimd for Adjoint<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, z, a, g, h, jets } = self;
        let (outputs, step) = (layer.channels.adjoints(), layer.step());
        let mut slopes: HigherSlopes<T> = [zeros(); 5];
        for (at, count, places) in layer.blocks() {
            let (z, g, h) = (&z[at..], &g[at..], &mut h[at..]);
            activation_block::higher_slopes(simd, layer.activation, (z, &a[at..]), count, &mut slopes);
            for m in 0..outputs {
                let (g, h) = (&g[m * step..], &mut h[m * step..]);
                for v in 0..count {
                    (slopes[0][v] * Lanes::load(g, v * LANES)).store(h, v * LANES);
                }
            }
            let here = Here { z, step, count, slopes: &slopes };
            for (e, entry) in layer.channels.curved.iter().enumerate() {
                let sum = here.sum(&entry.summands);
                for m in 0..outputs {
                    let (g, jets) = (&g[m * step..], &mut jets[layer.second(m, e)..]);
                    for v in 0..count {
                        let curved = Lanes::load(g, v * LANES) * sum[v];
                        (Lanes::load(jets, places[v]) + curved).store(jets, places[v]);
                    }
                }
            }
        }
    }
}

/// The cotangents of the adjoints: g_bar = σ' h_bar + Q. In the place of the first h_bar stays what they add to z_bar,
/// Σ (∂Q/∂z_0 + σ'' h_bar) g over the outputs.
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
        let mut slopes: HigherSlopes<T> = [zeros(); 5];
        // Q and ∂Q/∂z_0 of each output.
        let mut sums = vec![[zeros(); 2]; outputs];
        for (at, count, places) in layer.blocks() {
            let (z, h_bars, a, g) = (&z[at..], &mut h_bar[at..], &mut a[at..], &g[at..]);
            activation_block::higher_slopes(simd, layer.activation, (z, a), count, &mut slopes);
            let here = Here { z, step, count, slopes: &slopes };
            sums.fill([zeros(); 2]);
            for (e, entry) in layer.channels.curved.iter().enumerate() {
                let (own, by_value) = (here.sum(&entry.summands), here.sum_by_value(&entry.summands));
                for (m, [q, q_by_value]) in sums.iter_mut().enumerate() {
                    let s_bar = &jets_bar[layer.second(m, e)..];
                    for v in 0..count {
                        let s_bar = Lanes::load(s_bar, places[v]);
                        q[v] = q[v] + s_bar * own[v];
                        q_by_value[v] = q_by_value[v] + s_bar * by_value[v];
                    }
                }
            }
            let mut to_z_bar = zeros();
            for (m, [q, q_by_value]) in sums.iter().enumerate() {
                let (h_bar, g_bar, g) = (&h_bars[m * step..], &mut a[first + m * step..], &g[m * step..]);
                for v in 0..count {
                    let h_bar = Lanes::load(h_bar, v * LANES);
                    (slopes[0][v] * h_bar + q[v]).store(g_bar, v * LANES);
                    let curved = q_by_value[v] + slopes[1][v] * h_bar;
                    to_z_bar[v] = to_z_bar[v] + curved * Lanes::load(g, v * LANES);
                }
            }
            for v in 0..count {
                to_z_bar[v].store(h_bars, v * LANES);
            }
        }
    }
}

/// z_bar-jets from a_bar-jets, in place, with h = σ' g in the adjoints' channels:
///
/// ```text
/// z_bar   = σ' a_bar + Σ_c (σ'' z_c + ∂R_c/∂z_0) a_c_bar + Σ (∂Q/∂z_0 + σ'' h_bar) g
/// z_c_bar = σ' a_c_bar + Σ_e ∂R_e/∂z_c (a_e_bar + Σ g s̄_e), a_e_bar where e travels
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
        let mut slopes: HigherSlopes<T> = [zeros(); 5];
        let mut bars = vec![zeros(); layer.channels.forward()];
        for (at, count, places) in layer.blocks() {
            let (z, h_bar, g, bar) = (&z[at..], &h_bar[at..], &g[at..], &mut bar[at..]);
            activation_block::higher_slopes(simd, layer.activation, (z, &a[at..]), count, &mut slopes);
            let here = Here { z, step, count, slopes: &slopes };
            linear_back(here, bar, &mut bars);
            for v in 0..count {
                bars[0][v] = bars[0][v] + Lanes::load(h_bar, v * LANES);
            }
            for (e, entry) in layer.channels.curved.iter().enumerate() {
                let mut all = zeros();
                if let Some(channel) = entry.travels {
                    all = cotangent(here, bar, channel);
                    let by_value = here.sum_by_value(&entry.summands);
                    for v in 0..count {
                        bars[0][v] = bars[0][v] + by_value[v] * all[v];
                    }
                }
                for m in 0..outputs {
                    let (g, s_bar) = (&g[m * step..], &jets_bar[layer.second(m, e)..]);
                    for v in 0..count {
                        all[v] = all[v] + Lanes::load(g, v * LANES) * Lanes::load(s_bar, places[v]);
                    }
                }
                here.back(&entry.summands, &all, &mut bars);
            }
            store(here, &bars, bar);
            for m in 0..outputs {
                let (g, h) = (&g[m * step..], &mut bar[first + m * step..]);
                for v in 0..count {
                    (slopes[0][v] * Lanes::load(g, v * LANES)).store(h, v * LANES);
                }
            }
        }
    }
}
