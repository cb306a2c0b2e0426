//! The jet rule of an activation above the second order, forward and backward, on a tile (C, H, P); the twin of
//! `shaders/rules/curved_rule.wgsl`. What [`jet_rule`](super::jet_rule) is for seconds, this is for products of any
//! channels.

#![expect(clippy::needless_range_loop, reason = "one index runs along many rows, as in the shader")]

use pulp::{Simd, WithSimd};

use crate::cpu::channels::Channels;
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation_block::{self, HigherSlopes, blocks};
use crate::cpu::rules::curved_products::{Here, zeros};
use crate::jet::Activation;
use crate::numbers::Real;

/// a-jets from z-jets: a = σ(z), and a_c = σ' z_c + R_c with the products R_c of what curves.
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
        let mut slopes: HigherSlopes<T> = [zeros(); 5];
        for (at, count) in blocks(self.size) {
            let (z, a) = (&self.z[at..], &mut self.a[at..]);
            activation_block::values(simd, activation, z, a, count);
            activation_block::higher_slopes(simd, activation, (z, a), count, &mut slopes);
            for channel in 1..channels.forward() {
                let (z, a) = (&z[channel * step..], &mut a[channel * step..]);
                for v in 0..count {
                    (slopes[0][v] * Lanes::load(z, v * LANES)).store(a, v * LANES);
                }
            }
            let here = Here { z, step, count, slopes: &slopes };
            for entry in &channels.curved {
                let Some(channel) = entry.travels else { continue };
                let (sum, a) = (here.sum(&entry.summands), &mut a[channel * step..]);
                for v in 0..count {
                    (sum[v] + Lanes::load(a, v * LANES)).store(a, v * LANES);
                }
            }
        }
    }
}

/// z_bar-jets from a_bar-jets, in place:
///
/// ```text
/// z_bar   = σ' a_bar + Σ_c (σ'' z_c + ∂R_c/∂z_0) a_c_bar
/// z_c_bar = σ' a_c_bar + Σ_e ∂R_e/∂z_c a_e_bar
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
        let mut slopes: HigherSlopes<T> = [zeros(); 5];
        // In place would not do: an entry's cotangent is read after those of higher ones were added to its channel.
        let mut bars = vec![zeros(); channels.forward()];
        for (at, count) in blocks(self.size) {
            let (z, bar) = (&self.z[at..], &mut self.bar[at..]);
            activation_block::higher_slopes(simd, activation, (z, &self.a[at..]), count, &mut slopes);
            let here = Here { z, step, count, slopes: &slopes };
            linear_back(here, bar, &mut bars);
            for entry in &channels.curved {
                let Some(channel) = entry.travels else { continue };
                let own = cotangent(here, bar, channel);
                let by_value = here.sum_by_value(&entry.summands);
                for v in 0..count {
                    bars[0][v] = bars[0][v] + by_value[v] * own[v];
                }
                here.back(&entry.summands, &own, &mut bars);
            }
            store(here, &bars, bar);
        }
    }
}

/// The cotangents of one channel in a block.
#[inline(always)]
pub fn cotangent<T: Real>(here: Here<'_, T>, bar: &[T], channel: usize) -> [Lanes<T>; activation_block::BLOCK] {
    let (mut own, bar) = (zeros(), &bar[channel * here.step..]);
    for v in 0..here.count {
        own[v] = Lanes::load(bar, v * LANES);
    }
    own
}

/// What the linear parts σ' z_c give: σ' a_c_bar to every channel, and Σ σ'' z_c a_c_bar to the value.
#[inline(always)]
pub fn linear_back<T: Real>(here: Here<'_, T>, bar: &[T], bars: &mut [activation_block::Block<T>]) {
    let [first, second, ..] = here.slopes;
    for channel in 0..bars.len() {
        let own = cotangent(here, bar, channel);
        let z = &here.z[channel * here.step..];
        for v in 0..here.count {
            bars[channel][v] = first[v] * own[v];
            if channel > 0 {
                bars[0][v] = bars[0][v] + second[v] * Lanes::load(z, v * LANES) * own[v];
            }
        }
    }
}

/// Writes the cotangents of all channels.
#[inline(always)]
pub fn store<T: Real>(here: Here<'_, T>, bars: &[activation_block::Block<T>], bar: &mut [T]) {
    for (channel, own) in bars.iter().enumerate() {
        for v in 0..here.count {
            own[v].store(&mut bar[channel * here.step..], v * LANES);
        }
    }
}
