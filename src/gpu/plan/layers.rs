//! The dispatches of affine layers and their activations, on whichever path the tiles say.

use crate::gpu::device::dispatch::flat;
use crate::gpu::device::kernel::Access::{self, Read, Write};
use crate::gpu::memory::gradient_splits::PAIRS;
use crate::gpu::plan::Planner;
use crate::gpu::shaders::{self, Groups};
use crate::gpu::tuning::matmul_tiles::{GradientTile, ProductTile};
use crate::gpu::tuning::tiles::{LAYER_THREADS, Path, Tile, thread_rows};
use crate::network::Layer;

/// Some of the channels of jets in a buffer.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub buffer: &'a wgpu::Buffer,
    /// Channels from one row to the next.
    pub row: usize,
    /// The channel that they begin with.
    pub start: usize,
}

/// The matrix of a product: W of a layer, or its transpose.
pub struct Matrix {
    pub rows: u32,
    pub inner: u32,
    /// The inputs of W, from one of its rows to the next.
    pub width: u32,
    /// Where W and b start in the parameter block.
    pub start: u32,
    pub biases: u32,
}

impl Matrix {
    /// W, or its transpose where the product goes backward.
    pub fn of(entry: &str, layer: &Layer) -> Self {
        let (rows, inner) = match entry {
            "backward" => (layer.inputs as u32, layer.outputs as u32),
            _ => (layer.outputs as u32, layer.inputs as u32),
        };
        let (start, biases) = (layer.weights().start as u32, layer.biases().start as u32);
        Self { rows, inner, width: layer.inputs as u32, start, biases }
    }
}

impl Planner<'_> {
    /// The a-jets of hidden layer `index` from those before it.
    pub fn hidden_layer(&mut self, index: usize, layer: &Layer) {
        let workspace = self.workspace;
        let (input, z, a) = (workspace.input_of(index), workspace.z(index), workspace.output_of(index));
        match self.workspace.demand.tiles().path {
            Path::Layer(tile) if workspace.demand.tape() => {
                self.layer("forward", layer, tile, &[(2, input), (3, z), (4, a)])
            }
            Path::Layer(tile) => self.layer("evaluate", layer, tile, &[(2, input), (4, a)]),
            _ => {
                let channels = workspace.demand.channels().forward.channels();
                let input = Rows { buffer: input, row: workspace.demand.row(), start: 0 };
                self.linear("forward", layer, channels, input, Rows { buffer: z, row: channels, start: 0 });
                // In adjoint mode the last a is part of the gradient alone.
                let is_last = index + 2 == self.spec.layers().len();
                if workspace.demand.tape() || !workspace.demand.channels().are_mixed() || !is_last {
                    self.jet_rule("forward", layer, &[(1, Read, z), (2, Write, a)]);
                }
            }
        }
    }

    /// From the z_bar of layer `index` to the z_bar of the hidden layer before it.
    pub fn hidden_layer_backward(
        &mut self,
        index: usize,
        layer: &Layer,
        before: &Layer,
        bar: &wgpu::Buffer,
        next: &wgpu::Buffer,
    ) {
        let workspace = self.workspace;
        let (z, a) = (workspace.z(index - 1), workspace.output_of(index - 1));
        match self.workspace.demand.tiles().path {
            Path::Layer(tile) => self.layer("backward", layer, tile, &[(2, bar), (5, z), (6, a), (7, next)]),
            _ => {
                self.linear_all("backward", layer, bar, next);
                self.jet_rule("backward", before, &[(1, Read, z), (3, Read, a), (4, Write, next)]);
            }
        }
    }

    /// All layers of a narrow network: from the batch's inputs to the output's jets.
    pub fn narrow_forward(&mut self, tile: Tile) {
        let workspace = self.workspace;
        let (tile, units, constants) = self.narrow(tile);
        let buffers = [
            (1, Read, &self.state.parameters),
            (2, Read, &workspace.batch),
            (3, Write, workspace.z(0)),
            (4, Write, &workspace.a[0]),
            (5, Write, &workspace.jets),
        ];
        let (sigma, layers) = (self.spec.activation, self.spec.layers().len());
        let source =
            shaders::narrow(self.layout, self.normalizer, sigma, (tile, units), layers, workspace.demand.tape());
        let grid = [self.quads().div_ceil(tile.quads), 1, 1];
        self.push((source, "forward", false), &constants, &buffers, grid);
    }

    /// From the cotangents of the output's jets to the weight gradients of all layers but the first, and to
    /// the cotangents of the first layer's jets.
    pub fn narrow_backward(&mut self, tile: Tile) {
        let workspace = self.workspace;
        let (jets_bar, bars) = (workspace.jets_bar(), workspace.bar(0));
        let (tile, units, constants) = self.narrow(tile);
        let buffers = [
            (1, Read, &self.state.parameters),
            (2, Read, workspace.z(0)),
            (3, Read, &workspace.a[0]),
            (4, Read, jets_bar),
            (5, Write, bars),
        ];
        let layers = self.spec.layers();
        let source =
            shaders::narrow_backward(self.layout, self.normalizer, self.spec.activation, (tile, units), layers.len());
        let grid = [self.quads().div_ceil(tile.quads), 1, 1];
        self.push((source, "backward", false), &constants, &buffers, grid);
        let mut start = 0;
        let mut gradients = vec![];
        for (index, layer) in layers.iter().enumerate().skip(1) {
            let next = start + layer.inputs as u32 * self.column_quads();
            let (pair, z_bar_start) = if index + 1 == layers.len() { (1, 0) } else { (0, next) };
            gradients.push(Gradient { index, pair, z_bar_start, a_start: start });
            start = next;
        }
        self.weight_gradients(&gradients, &[(bars, &workspace.a[0]), (jets_bar, &workspace.a[0])]);
    }

    /// The tile for this many points, the units of it, and the layers' places in the parameter block.
    fn narrow(&self, tile: Tile) -> (Tile, u32, Vec<u32>) {
        let units = tile.units(self.spec.hidden.iter().copied().max().unwrap_or(0));
        let mut constants = vec![self.quads(), 0, 0, 0];
        for layer in self.spec.layers() {
            let places = [layer.inputs, layer.outputs, layer.weights().start, layer.biases().start];
            constants.extend(places.map(|place| place as u32));
        }
        (tile.for_quads(self.quads(), units), units, constants)
    }

    /// `layer.wgsl`: `backward` is the product with Wᵀ and the adjoint of the rule before it.
    fn layer(&mut self, entry: &'static str, layer: &Layer, tile: Tile, buffers: &[(u32, &wgpu::Buffer)]) {
        let Matrix { rows, inner, start, biases, .. } = Matrix::of(entry, layer);
        let columns = self.quads().div_ceil(tile.quads);
        let groups = LAYER_THREADS / tile.quads;
        let tile = Tile { rows: thread_rows(rows, groups, columns, tile.rows), ..tile };
        let constants = [rows, inner, self.quads(), start, biases];
        let access = |binding: u32| if matches!(binding, 3 | 4 | 7) { Write } else { Read };
        let mut bound = vec![(1, Read, &self.state.parameters)];
        bound.extend(buffers.iter().map(|(binding, buffer)| (*binding, access(*binding), *buffer)));
        let source = shaders::layer(self.layout, self.normalizer, self.spec.activation, tile);
        let grid = [columns, rows.div_ceil(groups * tile.rows), 1];
        self.push((source, entry, false), &constants, &bound, grid);
    }

    /// `forward`: z-jets of `layer` from the a-jets before it; `backward`: the reverse of both for
    /// the cotangents.
    pub fn linear_all(&mut self, entry: &'static str, layer: &Layer, input: &wgpu::Buffer, output: &wgpu::Buffer) {
        let channels = self.layout.channels();
        let rows = |buffer| Rows { buffer, row: channels, start: 0 };
        self.linear(entry, layer, channels, rows(input), rows(output));
    }

    /// The same for so many channels: `linear.wgsl`, or the same in f16.
    pub fn linear(&mut self, entry: &'static str, layer: &Layer, channels: usize, input: Rows, output: Rows) {
        let Matrix { rows, inner, width, start, biases } = Matrix::of(entry, layer);
        let of_channels = |channels: usize| channels as u32 * self.quads();
        let quads = of_channels(channels);
        // The value, which the bias goes to, is the first channel.
        let value_quads = if input.start == 0 { self.quads() } else { 0 };
        let [input_row, input_start, output_row, output_start] =
            [input.row, input.start, output.row, output.start].map(of_channels);
        let constants =
            [rows, inner, quads, value_quads, start, biases, width, input_row, input_start, output_row, output_start];
        let buffers = [(1, Read, &self.state.parameters), (2, Read, input.buffer), (3, Write, output.buffer)];
        if self.product_of_halves(entry, &constants, &buffers) {
            return;
        }
        let tile = ProductTile::of(rows, quads, self.workspace.demand.tiles().linear);
        let grid = [quads.div_ceil(tile.quads), rows.div_ceil(tile.rows), 1];
        self.push((shaders::linear(tile), entry, false), &constants, &buffers, grid);
    }

    /// `jet_rule.wgsl` on the jets of `layer`.
    fn jet_rule(&mut self, entry: &'static str, layer: &Layer, buffers: &[(u32, Access, &wgpu::Buffer)]) {
        let demand = &self.workspace.demand;
        let (layout, row) = (&demand.channels().forward, demand.row());
        let source = shaders::jet_rule(layout, row, self.normalizer, self.spec.activation);
        let grid = [Groups::of(layout).tiles(self.quads()), layer.outputs as u32, 1];
        self.push((source, entry, false), &[self.quads()], buffers, grid);
    }

    /// The partial sums of the weight gradients of the group of layers that begins with this one, if one does: their z_bar are
    /// all there when the way back comes to it.
    pub fn gradients_from(&mut self, index: usize) {
        let workspace = self.workspace;
        let groups = workspace.demand.gradient_groups();
        let Some(group) = groups.into_iter().find(|group| group.start == index) else { return };
        let pairs: Vec<_> = group.clone().map(|index| (workspace.bar(index), workspace.input_of(index))).collect();
        if let [(z_bar, a)] = pairs[..] {
            let (layer, part) = (&self.spec.layers()[index], self.parts()[index]);
            let buffers = [(1, Read, z_bar), (2, Read, a), (3, Write, workspace.partials())];
            if self.gradient_of_halves(layer, (part.start, part.splits), &buffers) {
                return;
            }
        }
        let of = |(pair, index)| Gradient { index, pair, z_bar_start: 0, a_start: 0 };
        self.weight_gradients(&group.enumerate().map(of).collect::<Vec<_>>(), &pairs);
    }

    /// Those of layers that have tiles of the same size, in up to [`PAIRS`] pairs of z_bar and a.
    fn weight_gradients(&mut self, gradients: &[Gradient], pairs: &[(&wgpu::Buffer, &wgpu::Buffer)]) {
        let workspace = self.workspace;
        let (layers, parts) = (self.spec.layers(), self.parts());
        let Some(first) = gradients.first() else { return };
        let tile = GradientTile::of(&layers[first.index], workspace.demand.tiles());
        let (mut constants, mut groups) = (vec![], 0);
        for gradient in gradients {
            let (layer, part) = (&layers[gradient.index], parts[gradient.index]);
            let [along_in, along_out] = tile.count(layer);
            let sizes = [groups, along_in, layer.outputs as u32, layer.inputs as u32, self.column_quads()];
            let places = [self.quads(), part.start, part.splits, gradient.z_bar_start, gradient.a_start];
            constants.extend([&sizes[..], &places, &[gradient.pair as u32, 0]].concat());
            groups += part.splits * along_in * along_out;
        }
        // A layer alone has one pair.
        let pairs = if gradients.len() == 1 { &pairs[first.pair..][..1] } else { pairs };
        let mut buffers = vec![(3, Write, workspace.partials())];
        for (pair, bindings) in [(1, 2), (4, 5), (6, 7)].into_iter().enumerate().take(PAIRS) {
            // Any buffers stand in for those that are not read.
            let (z_bar, a) = *pairs.get(pair).unwrap_or(&pairs[0]);
            buffers.extend([(bindings.0, Read, z_bar), (bindings.1, Read, a)]);
        }
        let source = shaders::weight_gradient(tile, gradients.len());
        self.push((source, "weight_gradient", false), &constants, &buffers, flat(groups));
    }
}

/// A layer's weight gradient: in which pair of buffers, and where in them, in quads, its z_bar and the jets before it start.
struct Gradient {
    index: usize,
    pair: usize,
    z_bar_start: u32,
    a_start: u32,
}
