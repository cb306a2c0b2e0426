//! The input layer, the jet rule, and kernels of whole layers and networks.

use bytemuck::bytes_of;

use super::{MOST_QUADS, Planner, QUADS};
use crate::gpu::device::dispatch::grid;
use crate::gpu::device::kernel::Access::{Read, Write};
use crate::gpu::device::kernel::EntryPoint;
use crate::gpu::device::uniforms::{CurvedRows, FusedLayer, GradientPart, InputLayer, RulePoints, SkipQuads};
use crate::gpu::shaders::{self, Groups};
use crate::gpu::tuning::tiles::{Fusion, LAYER_THREADS, Tile, thread_rows};
use crate::jet::Activation;
use crate::network::Layer;
use crate::pass::{At, Span};

impl Planner<'_> {
    /// `input_layer.wgsl`, forward.
    pub fn input_layer(&mut self, at: At, points: Span, z: Span, a: Span) {
        let buffers = [
            (1, Read, &self.state.parameters),
            (2, Read, self.of(points)),
            (3, Write, self.of(z)),
            (4, Write, self.of(a)),
        ];
        let forward = &self.channels().forward;
        let source = shaders::input_layer(forward, a.row, self.normalizer(), self.input_activation());
        let tiles = Groups::of(forward).tiles(self.network_points());
        let uniform = self.input_uniform(at);
        self.push((source, EntryPoint::Forward), bytes_of(&uniform), &buffers, [tiles, z.units as u32, 1]);
    }

    /// `input_layer_backward.wgsl`: the first layer's partial sums.
    pub fn input_layer_backward(&mut self, at: At, points: Span, z: Span, a: Span, bar: Span) {
        let buffers = [
            (1, Read, &self.state.parameters),
            (2, Read, self.of(points)),
            (5, Read, self.of(z)),
            (6, Read, self.of(a)),
            (7, Read, self.of(bar)),
            (8, Write, self.workspace.partials()),
        ];
        let (channels, sigma) = (self.layout().channels(), self.input_activation());
        let source = shaders::input_layer(self.layout(), channels, self.normalizer(), sigma);
        let (uniform, outputs) = (self.input_uniform(at), self.layers()[at.layer].outputs as u32);
        let grid = [outputs, uniform.splits, 1];
        self.push((source, EntryPoint::WeightGradient), bytes_of(&uniform), &buffers, grid);
    }

    /// None where the network has no hidden layer.
    fn input_activation(&self) -> Option<Activation> {
        self.hidden().first().map(|layer| layer.activation)
    }

    fn input_uniform(&self, at: At) -> InputLayer {
        let layer = &self.layers()[at.layer];
        let GradientPart { start, count, splits, .. } = self.part(0);
        InputLayer {
            points: self.network_points(),
            weights: layer.weights().start as u32,
            biases: layer.biases().start as u32,
            partials: start,
            parameters: count,
            splits,
        }
    }

    /// `jet_rule.wgsl`, or `curved_rule.wgsl` above order 2: a from z, or in place z_bar from a_bar.
    pub fn jet_rule(&mut self, entry: EntryPoint, at: At, z: Span, a: Span, bar: Option<Span>) {
        let mut buffers = vec![(1, Read, self.of(z))];
        match bar {
            None => buffers.push((2, Write, self.of(a))),
            Some(bar) => buffers.extend([(3, Read, self.of(a)), (4, Write, self.of(bar))]),
        }
        let (forward, sigma) = (&self.channels().forward, self.sigma(at.layer));
        if forward.order() <= 2 {
            let source = shaders::jet_rule(forward, a.row, self.normalizer(), sigma);
            let grid = [Groups::of(forward).tiles(self.quads()), z.units as u32, 1];
            self.push((source, entry), bytes_of(&RulePoints { quads: self.quads() }), &buffers, grid);
            return;
        }
        let units = z.units as u32;
        let of_quads = forward.channels() <= MOST_QUADS && units * self.network_points() >= QUADS;
        let points = if of_quads { self.quads() } else { self.network_points() };
        let source = shaders::curved_rule(forward, a.row, self.normalizer(), sigma, of_quads);
        self.push((source, entry), bytes_of(&CurvedRows { units, points }), &buffers, grid(units * points));
    }

    /// `skip.wgsl`: `to` is what `from` is, or has it added.
    pub fn skip(&mut self, entry: EntryPoint, from: Span, to: Span) {
        let buffers = [(1, Read, self.of(from)), (2, Write, self.of(to))];
        let quads = (to.units * to.row) as u32 * self.quads();
        let uniform = SkipQuads { quads, source_start: 0, start: 0 };
        self.push((shaders::skip(), entry), bytes_of(&uniform), &buffers, grid(quads));
    }

    /// `skip.wgsl`: the value of another network's output becomes an input.
    pub fn feed(&mut self, (from, output): (Span, usize), (points, input): (Span, usize)) {
        let buffers = [(1, Read, self.of(from)), (2, Write, self.of(points))];
        let quads = self.quads();
        let uniform =
            SkipQuads { quads, source_start: (output * from.row) as u32 * quads, start: input as u32 * quads };
        self.push((shaders::skip(), EntryPoint::Copy), bytes_of(&uniform), &buffers, grid(quads));
    }

    /// `fused_layer.wgsl`, forward; without z it is kept in no memory.
    pub fn fused_layer(&mut self, at: At, from: Span, z: Option<Span>, a: Span) {
        let mut buffers = vec![(1, Read, &self.state.parameters), (2, Read, self.of(from))];
        buffers.extend(z.map(|z| (3, Write, self.of(z))));
        buffers.push((4, Write, self.of(a)));
        let layer = &self.layers()[at.layer];
        let entry = if z.is_some() { EntryPoint::Forward } else { EntryPoint::Evaluate };
        let sigma = self.sigma(at.layer);
        self.push_fused_layer((entry, sigma), layer, [layer.outputs, layer.inputs], &buffers);
    }

    /// The product with Wᵀ and the adjoint of the rule before it.
    pub fn fused_layer_backward(&mut self, at: At, bar: Span, z: Span, a: Span, to: Span) {
        let buffers = [
            (1, Read, &self.state.parameters),
            (2, Read, self.of(bar)),
            (5, Read, self.of(z)),
            (6, Read, self.of(a)),
            (7, Write, self.of(to)),
        ];
        let layer = &self.layers()[at.layer];
        let sigma = self.sigma(at.layer - 1);
        self.push_fused_layer((EntryPoint::Backward, sigma), layer, [layer.inputs, layer.outputs], &buffers);
    }

    fn push_fused_layer(
        &mut self,
        (entry, sigma): (EntryPoint, Activation),
        layer: &Layer,
        [rows, inner]: [usize; 2],
        buffers: &[super::Bound],
    ) {
        let Fusion::Layer(tile) = self.tiles().fusion else { unreachable!("layers are fused where the tiles say so") };
        let [rows, inner] = [rows as u32, inner as u32];
        let columns = self.quads().div_ceil(tile.quads);
        let groups = LAYER_THREADS / tile.quads;
        let tile = Tile { rows: thread_rows(rows, groups, columns, tile.rows), ..tile };
        let (weights, biases) = (layer.weights().start as u32, layer.biases().start as u32);
        let uniform = FusedLayer { rows, inner, quads: self.quads(), weights, biases };
        let source = shaders::fused_layer(self.layout(), self.normalizer(), sigma, tile);
        let grid = [columns, rows.div_ceil(groups * tile.rows), 1];
        self.push((source, entry), bytes_of(&uniform), buffers, grid);
    }

    /// `fused_network.wgsl`: from the batch's inputs to the output's jets.
    pub fn fused_network(&mut self, points: Span, z: Span, a: Span, jets: Span) {
        let (tile, units, uniform) = self.network_tile();
        let buffers = [
            (1, Read, &self.state.parameters),
            (2, Read, self.of(points)),
            (3, Write, self.of(z)),
            (4, Write, self.of(a)),
            (5, Write, self.of(jets)),
        ];
        let (sigma, layers) = (self.sigma(0), self.layers().len());
        let has_tape = self.workspace.lowered.pass.has_tape;
        let source = shaders::fused_network(self.layout(), self.normalizer(), sigma, (tile, units), layers, has_tape);
        let grid = [self.quads().div_ceil(tile.quads), 1, 1];
        self.push((source, EntryPoint::Forward), bytemuck::cast_slice(&uniform), &buffers, grid);
    }

    /// `fused_network_backward.wgsl`: from the cotangents of the output's jets to those of all hidden layers.
    pub fn fused_network_backward(&mut self, z: Span, a: Span, jets_bar: Span, bars: Span) {
        let (tile, units, uniform) = self.network_tile();
        let buffers = [
            (1, Read, &self.state.parameters),
            (2, Read, self.of(z)),
            (3, Read, self.of(a)),
            (4, Read, self.of(jets_bar)),
            (5, Write, self.of(bars)),
        ];
        let (sigma, layers) = (self.sigma(0), self.layers().len());
        let source = shaders::fused_network_backward(self.layout(), self.normalizer(), sigma, (tile, units), layers);
        let grid = [self.quads().div_ceil(tile.quads), 1, 1];
        self.push((source, EntryPoint::Backward), bytemuck::cast_slice(&uniform), &buffers, grid);
    }

    /// The tile for this many points, the units of it, and the network: its quads, then the layers' places in the
    /// parameter block.
    fn network_tile(&self) -> (Tile, u32, Vec<[u32; 4]>) {
        let Fusion::Network(tile) = self.tiles().fusion else {
            unreachable!("networks are fused where the tiles say so")
        };
        let units = tile.units(self.hidden().iter().map(|layer| layer.width).max().unwrap_or(0));
        let place = |layer: &Layer| {
            [layer.inputs, layer.outputs, layer.weights().start, layer.biases().start].map(|place| place as u32)
        };
        let network = [[self.quads(), 0, 0, 0]].into_iter().chain(self.layers().iter().map(place)).collect();
        (tile.for_quads(self.quads(), units), units, network)
    }
}
