//! Mixed mode: the value and the tangents that curve travel forward, one adjoint for each output back, and the
//! jets follow from both. Where a loss reads P second derivatives of T inputs, a point costs 1 + T + M products
//! with each W instead of 1 + D + P.
//!
//! For given cotangents of the jets all derivatives make one sum, and so one channel for each output goes forward
//! once more on the way back, the cotangents of the adjoints ([`AdjointBar`]): with it and the adjoints a
//! layer's weight gradient is again Σ z_bar ⊗ a over the channels.

use std::marker::PhantomData;

use aligned_vec::avec;

use super::activation::with_rule;
use super::channels::Channels;
use super::linear;
use super::mixed_rule::{Adjoint, AdjointBar, Backward, Mixed};
use super::real::Real;
use super::tile::{Buffer, Pass, Shape, Tile};
use crate::network::NetworkSpec;

/// What a tile holds for mixed mode beside its channels.
pub struct Adjoints<T: Real> {
    /// C of a jet.
    channels: usize,
    /// M
    outputs: usize,
    /// The output's jets (M, C, P).
    pub jets: Buffer<T>,
    /// Their cotangents (M, C, P).
    pub jets_bar: Buffer<T>,
    /// ∂u/∂a of the inputs and of every hidden layer (H, M, P).
    g: Vec<Buffer<T>>,
    /// ∂u/∂z of one layer (H, M, P).
    h: Buffer<T>,
}

impl<T: Real> Adjoints<T> {
    /// As large as the largest tile.
    pub fn new(spec: &NetworkSpec, shape: Shape, channels: &Channels<T>) -> Option<Self> {
        let outputs = channels.mixed.as_ref()?.outputs;
        let jets = spec.outputs * shape.rows(channels.of_jet()).stride;
        let of_adjoints = shape.rows(outputs);
        let rows = |rows: usize| avec![[64]| T::ZERO; rows * of_adjoints.stride];
        Some(Self {
            channels: channels.of_jet(),
            outputs,
            jets: avec![[64]| T::ZERO; jets],
            jets_bar: avec![[64]| T::ZERO; jets],
            g: [spec.inputs].iter().chain(&spec.hidden).map(|width| rows(*width)).collect(),
            h: rows(spec.widest()),
        })
    }

    /// The shape of the jets of a tile.
    pub fn of_jets(&self, shape: Shape) -> Shape {
        shape.rows(self.channels)
    }

    /// The shape of its adjoints.
    fn of_adjoints(&self, shape: Shape) -> Shape {
        shape.rows(self.outputs)
    }

    /// What the rules of a hidden layer read.
    fn mixed<'a>(&self, shape: Shape, units: usize, channels: &'a Channels<T>) -> Mixed<'a, T> {
        Mixed { units, shape, adjoints: self.of_adjoints(shape), jets: self.of_jets(shape), channels }
    }

    pub fn buffers(&self) -> impl Iterator<Item = &Buffer<T>> {
        self.g.iter().chain([&self.jets, &self.jets_bar, &self.h])
    }
}

impl<T: Real> Tile<T> {
    /// The output's jets from what has travelled forward: one adjoint back through all layers.
    pub fn adjoints(&mut self, pass: &Pass<T>) {
        let (Some(adjoints), Some(of)) = (&mut self.mixed, &pass.channels.mixed) else { return };
        let (of_adjoints, of_jets) = (adjoints.of_adjoints(self.shape), adjoints.of_jets(self.shape));
        let points = self.shape.points;
        let (output, hidden) = pass.layers.split_last().expect("a network has a layer");
        adjoints.jets[..of.outputs * of_jets.stride].fill(T::ZERO);
        for (jet, u) in adjoints.jets.chunks_mut(of_jets.stride).zip(self.z[hidden.len()].chunks(self.shape.stride)) {
            jet[..points].copy_from_slice(&u[..points]);
        }
        let weights = &pass.parameters[output.weights()];
        for (unit, g) in adjoints.g[hidden.len()].chunks_mut(of_adjoints.stride).enumerate().take(output.inputs) {
            for (m, g) in g.chunks_exact_mut(points).enumerate().take(of.outputs) {
                g.fill(weights[m * output.inputs + unit]);
            }
        }
        for (l, layer) in hidden.iter().enumerate().rev() {
            let mixed = adjoints.mixed(self.shape, layer.outputs, pass.channels);
            let (before, g) = adjoints.g.split_at_mut(l + 1);
            let (z, a, h, jets) = (&self.z[l], &self.a[l], &mut adjoints.h, &mut adjoints.jets);
            with_rule!(pass.spec.activation, R => {
                let rule = PhantomData::<R>;
                pass.arch.dispatch(Adjoint { rule, mixed, z, a, g: &g[0], h, jets });
            });
            let weights = &pass.parameters[layer.weights()];
            linear::backward(pass.arch, weights, layer.outputs, &adjoints.h, &mut before[l], of_adjoints);
        }
        for (m, jet) in adjoints.jets.chunks_mut(of_jets.stride).enumerate().take(of.outputs) {
            for (du, input) in jet[points..].chunks_exact_mut(points).zip(&of.firsts) {
                du.copy_from_slice(&adjoints.g[0][input * of_adjoints.stride + m * points..][..points]);
            }
        }
    }

    /// The cotangents of the adjoints on their way forward, and those of the output's channels in the first buffer.
    pub fn adjoint_bars(&mut self, pass: &Pass<T>) {
        let (Some(adjoints), Some(of)) = (&mut self.mixed, &pass.channels.mixed) else { return };
        let (shape, of_jets) = (self.shape, adjoints.of_jets(self.shape));
        let (points, first) = (shape.points, pass.channels.forward() * shape.points);
        let of_adjoints = shape.channels(of.outputs);
        let jets_bar = || adjoints.jets_bar.chunks(of_jets.stride).take(of.outputs).enumerate();
        for x in self.x.chunks_mut(shape.stride) {
            x[first..shape.columns].fill(T::ZERO);
        }
        for (m, bar) in jets_bar() {
            for (du_bar, input) in bar[points..].chunks_exact(points).zip(&of.firsts) {
                self.x[input * shape.stride + first + m * points..][..points].copy_from_slice(du_bar);
            }
            let to = &mut self.bar[0][m * shape.stride..][..shape.columns];
            to.fill(T::ZERO);
            to[..points].copy_from_slice(&bar[..points]);
            to[first + m * points..][..points].fill(T::ONE);
        }
        for (l, layer) in pass.layers[..pass.layers.len() - 1].iter().enumerate() {
            let before = if l == 0 { &self.x } else { &self.a[l - 1] };
            let weights = &pass.parameters[layer.weights()];
            let z = &mut self.z[l];
            linear::product(pass.arch, weights, layer.outputs, &before[first..], &mut z[first..], of_adjoints);
            let mixed = adjoints.mixed(self.shape, layer.outputs, pass.channels);
            let (a, g, jets_bar) = (&mut self.a[l], &adjoints.g[l + 1], &adjoints.jets_bar);
            with_rule!(pass.spec.activation, R => {
                let rule = PhantomData::<R>;
                pass.arch.dispatch(AdjointBar { rule, mixed, z, a, g, jets_bar });
            });
        }
    }

    /// The z_bar of hidden layer `l` in the first buffer, from the a_bar there.
    pub fn mixed_rule_back(&mut self, pass: &Pass<T>, l: usize) {
        let adjoints = self.mixed.as_ref().expect("mixed mode has adjoints");
        let mixed = adjoints.mixed(self.shape, pass.layers[l].outputs, pass.channels);
        let (z, a, bar) = (&self.z[l], &self.a[l], &mut self.bar[0]);
        let (g, jets_bar) = (&adjoints.g[l + 1], &adjoints.jets_bar);
        with_rule!(pass.spec.activation, R => {
            let rule = PhantomData::<R>;
            pass.arch.dispatch(Backward { rule, mixed, z, a, g, jets_bar, bar });
        });
    }
}
