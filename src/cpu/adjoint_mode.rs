//! Mixed mode: the value and the tangents that curve travel forward, one adjoint for each output back, and the
//! jets follow from both. Where a loss reads P second derivatives of T inputs, a point costs 1 + T + M products
//! with each W instead of 1 + D + P.
//!
//! For given cotangents of the jets all derivatives make one sum, and so one channel for each output goes forward
//! once more on the way back, the cotangents of the adjoints ([`AdjointBar`]): with it and the adjoints a
//! layer's weight gradient is again Σ z_bar ⊗ a over the channels.

use aligned_vec::avec;

use crate::cpu::channels::{Channels, Mixed};
use crate::cpu::products::linear;
use crate::cpu::rules::adjoint::Adjoint;
use crate::cpu::rules::adjoint_layer::AdjointLayer;
use crate::cpu::rules::adjoint_rule::{AdjointBar, Backward};
use crate::cpu::shape::Shape;
use crate::cpu::tile::{Buffer, Pass, Tile};
use crate::network::{Layer, NetworkSpec};
use crate::numbers::Real;

/// What a tile holds for mixed mode beside its channels, as large as the largest tile.
pub struct Adjoints<T: Real> {
    /// The output's jets (C, M, P).
    pub jets: Buffer<T>,
    /// Their cotangents (C, M, P).
    pub jets_bar: Buffer<T>,
    /// ∂u/∂a of the inputs and of every hidden layer (M, H, P).
    g: Vec<Buffer<T>>,
    /// ∂u/∂z of one layer (M, H, P).
    h: Buffer<T>,
}

impl<T: Real> Adjoints<T> {
    pub fn new(spec: &NetworkSpec, shape: Shape, channels: &Channels<T>) -> Option<Self> {
        let outputs = channels.mixed.as_ref()?.outputs;
        let block = |channels: usize, units: usize| avec![[64]| T::ZERO; shape.channels(channels).size(units)];
        Some(Self {
            jets: block(channels.of_jet(), outputs),
            jets_bar: block(channels.of_jet(), outputs),
            g: [spec.inputs].iter().chain(&spec.hidden).map(|width| block(outputs, *width)).collect(),
            h: block(outputs, spec.widest()),
        })
    }

    pub fn buffers(&self) -> impl Iterator<Item = &Buffer<T>> {
        self.g.iter().chain([&self.jets, &self.jets_bar, &self.h])
    }
}

impl<'a, T> Pass<'a, T> {
    fn adjoint_layer(&self, layer: &Layer, shape: Shape) -> AdjointLayer<'a, T> {
        let Self { spec, channels, .. } = self;
        AdjointLayer { activation: spec.activation, units: layer.outputs, shape, channels }
    }
}

impl<T: Real> Tile<T> {
    /// The output's jets from what has travelled forward: one adjoint back through all layers.
    pub fn adjoints(&mut self, pass: &Pass<T>) {
        let (Some(adjoints), Some(Mixed { outputs, firsts })) = (&mut self.mixed, &pass.channels.mixed) else {
            return;
        };
        let (outputs, points) = (*outputs, self.shape.points);
        let of_adjoints = self.shape.channels(outputs);
        let (output, hidden) = pass.layers.split_last().expect("a network has a layer");
        let of_jets = self.shape.step(outputs);
        let jets = &mut adjoints.jets[..pass.channels.of_jet() * of_jets];
        jets[of_jets..].fill(T::ZERO);
        jets[..of_jets].copy_from_slice(&self.z[hidden.len()][..of_jets]);
        let weights = pass.parameters[output.weights()].chunks_exact(output.inputs);
        for (g, weights) in adjoints.g[hidden.len()].chunks_exact_mut(self.shape.step(output.inputs)).zip(weights) {
            g.chunks_exact_mut(points).zip(weights).for_each(|(g, weight)| g.fill(*weight));
        }
        for (l, layer) in hidden.iter().enumerate().rev() {
            let (before, g) = adjoints.g.split_at_mut(l + 1);
            let (z, a, g, h) = (&self.z[l], &self.a[l], &g[0], &mut adjoints.h);
            pass.arch.dispatch(Adjoint { layer: pass.adjoint_layer(layer, self.shape), z, a, g, h, jets });
            let weights = &pass.transposed[layer.weights()];
            linear::backward(pass.arch, weights, layer.outputs, h, &mut before[l], of_adjoints);
        }
        let of_inputs = self.shape.step(pass.spec.inputs);
        for (du, input) in jets[of_jets..].chunks_exact_mut(of_jets).zip(firsts) {
            for (m, du) in du.chunks_exact_mut(points).enumerate().take(outputs) {
                du.copy_from_slice(&adjoints.g[0][m * of_inputs + input * points..][..points]);
            }
        }
    }

    /// The cotangents of the adjoints on their way forward, and those of the output's channels in the first buffer.
    pub fn adjoint_bars(&mut self, pass: &Pass<T>) {
        let (Some(adjoints), Some(Mixed { outputs, firsts })) = (&self.mixed, &pass.channels.mixed) else { return };
        let (outputs, points, forward) = (*outputs, self.shape.points, pass.channels.forward());
        let of_adjoints = self.shape.channels(outputs);
        let jets_bar = &adjoints.jets_bar;
        // ∂loss/∂(output's channels): of the value its own, of the tangents none, of each adjoint 1.
        let of_jets = self.shape.step(outputs);
        let (value, rest) = self.bar[0][..pass.channels.count() * of_jets].split_at_mut(of_jets);
        value.copy_from_slice(&jets_bar[..of_jets]);
        rest.fill(T::ZERO);
        for (m, adjoint) in rest[(forward - 1) * of_jets..].chunks_exact_mut(of_jets).enumerate() {
            adjoint[m * points..][..points].fill(T::ONE);
        }
        // What reads the first derivatives reads the inputs' adjoints.
        let of_inputs = self.shape.step(pass.spec.inputs);
        let x = &mut self.x[forward * of_inputs..][..outputs * of_inputs];
        x.fill(T::ZERO);
        for (du_bar, input) in jets_bar[of_jets..].chunks_exact(of_jets).zip(firsts) {
            for (m, du_bar) in du_bar.chunks_exact(points).enumerate().take(outputs) {
                x[m * of_inputs + input * points..][..points].copy_from_slice(du_bar);
            }
        }
        for (l, layer) in pass.layers[..pass.layers.len() - 1].iter().enumerate() {
            let before = if l == 0 { &self.x } else { &self.a[l - 1] };
            let before = &before[forward * self.shape.step(layer.inputs)..];
            let weights = &pass.parameters[layer.weights()];
            let h_bar = &mut self.z[l][forward * self.shape.step(layer.outputs)..];
            linear::product(pass.arch, weights, layer.outputs, before, h_bar, of_adjoints);
            let (z, a, g) = (&mut self.z[l], &mut self.a[l], &adjoints.g[l + 1]);
            pass.arch.dispatch(AdjointBar { layer: pass.adjoint_layer(layer, self.shape), z, a, g, jets_bar });
        }
    }

    /// The z_bar of hidden layer `l` in the first buffer, from the a_bar there.
    pub fn mixed_rule_back(&mut self, pass: &Pass<T>, l: usize) {
        let adjoints = self.mixed.as_ref().expect("mixed mode has adjoints");
        let layer = pass.adjoint_layer(&pass.layers[l], self.shape);
        let (z, a, bar) = (&self.z[l], &self.a[l], &mut self.bar[0]);
        let (g, jets_bar) = (&adjoints.g[l + 1], &adjoints.jets_bar);
        pass.arch.dispatch(Backward { layer, z, a, g, jets_bar, bar });
    }
}
