//! What goes back through a hidden layer in adjoint mode on the way to the jets; the twin of
//! `shaders/rules/adjoint.wgsl`.

use pulp::{Simd, WithSimd};

use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation_block::{self, BlockSlopes};
use crate::cpu::rules::adjoint_layer::AdjointLayer;
use crate::numbers::Real;

/// h = σ' g, and ∂ₛu += Σ g σ'' qₛ over the layer's units.
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
    /// (C, M, P); its second-order channels are added to.
    pub jets: &'a mut [T],
}

impl<T: Real> WithSimd for Adjoint<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, z, a, g, h, jets } = self;
        let (outputs, step) = (layer.channels.adjoints(), layer.step());
        let mut slopes = BlockSlopes::ZERO;
        for (at, count, places) in layer.blocks() {
            let (z, g, h) = (&z[at..], &g[at..], &mut h[at..]);
            activation_block::slopes(simd, layer.activation, (z, &a[at..]), count, &mut slopes);
            for m in 0..outputs {
                let (g, h) = (&g[m * step..], &mut h[m * step..]);
                for v in 0..count {
                    (slopes.first[v] * Lanes::load(g, v * LANES)).store(h, v * LANES);
                }
            }
            for second in 0..layer.channels.products.len() {
                let q = layer.q(second, z, count);
                for m in 0..outputs {
                    let (g, jets) = (&g[m * step..], &mut jets[layer.second(m, second)..]);
                    for v in 0..count {
                        let curved = Lanes::load(g, v * LANES) * slopes.second[v] * q[v];
                        (Lanes::load(jets, places[v]) + curved).store(jets, places[v]);
                    }
                }
            }
        }
    }
}
