//! The dispatches of affine layers and their activations, on whichever path the tiles say.

use super::kernel::Access::{Read, Write};
use super::plan::{Planner, grid};
use super::shader;
use super::tiles::{LAYER_THREADS, Path, Tile, thread_rows};
use crate::network::Layer;

/// Threads of a workgroup of `linear.wgsl` one below the other.
const LINEAR_GROUPS: u32 = 8;

impl Planner<'_> {
    /// The a-jets of hidden layer `index` from those before it.
    pub fn hidden_layer(&mut self, index: usize, layer: &Layer) {
        let workspace = self.workspace;
        let (input, z, a) = (workspace.input_of(index), workspace.z(index), workspace.output_of(index));
        match self.workspace.demand.path() {
            Path::Layer(tile) if workspace.demand.tape() => {
                self.layer("forward", layer, tile, &[(2, input), (3, z), (4, a)])
            }
            Path::Layer(tile) => self.layer("evaluate", layer, tile, &[(2, input), (4, a)]),
            Path::Separate => {
                self.linear("forward", layer, input, z);
                self.jet_rule("forward", layer, &[(1, Read, z), (2, Write, a)]);
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
        match self.workspace.demand.path() {
            Path::Layer(tile) => self.layer("backward", layer, tile, &[(2, bar), (5, z), (6, a), (7, next)]),
            Path::Separate => {
                self.linear("backward", layer, bar, next);
                self.jet_rule("backward", before, &[(1, Read, z), (3, Read, a), (4, Write, next)]);
            }
        }
    }

    /// `layer.wgsl`: `backward` is the product with Wᵀ and the adjoint of the rule before it.
    fn layer(&mut self, entry: &'static str, layer: &Layer, tile: Tile, buffers: &[(u32, &wgpu::Buffer)]) {
        let (rows, inner) = rows_and_inner(entry, layer);
        let columns = self.quads().div_ceil(tile.quads);
        let groups = LAYER_THREADS / tile.quads;
        let tile = Tile { rows: thread_rows(rows, groups, columns, tile.rows), ..tile };
        let constants = [rows, inner, self.quads(), layer.weights().start as u32, layer.biases().start as u32];
        let access = |binding: u32| if matches!(binding, 3 | 4 | 7) { Write } else { Read };
        let mut bound = vec![(1, Read, &self.state.parameters)];
        bound.extend(buffers.iter().map(|(binding, buffer)| (*binding, access(*binding), *buffer)));
        let source = shader::layer(self.layout, self.normalizer, self.spec.activation, tile);
        let grid = [columns, rows.div_ceil(groups * tile.rows), 1];
        self.push((source, entry, false), &constants, &bound, grid);
    }

    /// `forward`: z-jets of `layer` from the a-jets before it; `backward`: the reverse of both for
    /// the cotangents.
    pub fn linear(&mut self, entry: &'static str, layer: &Layer, input: &wgpu::Buffer, output: &wgpu::Buffer) {
        let (rows, inner) = rows_and_inner(entry, layer);
        let quads = self.quads() * self.layout.channels() as u32;
        let (weights, biases) = (layer.weights().start as u32, layer.biases().start as u32);
        let constants = [rows, inner, quads, self.quads(), weights, biases];
        let columns = quads.div_ceil(32);
        let thread_rows = thread_rows(rows, LINEAR_GROUPS, columns, 8);
        let buffers = [(1, Read, &self.state.parameters), (2, Read, input), (3, Write, output)];
        let grid = [columns, rows.div_ceil(LINEAR_GROUPS * thread_rows), 1];
        self.push((shader::linear(thread_rows), entry, false), &constants, &buffers, grid);
    }

    /// `jet_rule.wgsl` on the jets of `layer`.
    fn jet_rule(
        &mut self,
        entry: &'static str,
        layer: &Layer,
        buffers: &[(u32, super::kernel::Access, &wgpu::Buffer)],
    ) {
        let constants = [layer.outputs as u32, self.quads()];
        let source = shader::jet_rule(self.layout, self.normalizer, self.spec.activation);
        let grid = grid(layer.outputs as u32 * self.quads());
        self.push((source, entry, false), &constants, buffers, grid);
    }

    /// The partial sums of a layer's weight gradient from its z_bar and the jets before it.
    pub fn weight_gradient(&mut self, layer: &Layer, bar: &wgpu::Buffer, a: &wgpu::Buffer, partials: &wgpu::Buffer) {
        // The least padding, and of equals the largest tile, which reads the least.
        let rows = |width: usize| {
            [4, 2, 1].into_iter().min_by_key(|r| width.div_ceil(16 * r) * r).expect("three choices") as u32
        };
        let (out_rows, in_rows) = (rows(layer.outputs), rows(layer.inputs));
        let constants = [
            layer.outputs as u32,
            layer.inputs as u32,
            self.quads() * self.layout.channels() as u32,
            self.quads(),
            layer.weights().start as u32,
            layer.biases().start as u32,
            self.workspace.demand.parameters() as u32,
            self.splits(),
        ];
        let buffers = [(1, Read, bar), (2, Read, a), (3, Write, partials)];
        let (inputs, outputs) = (layer.inputs as u32, layer.outputs as u32);
        let grid = [self.splits(), inputs.div_ceil(16 * in_rows), outputs.div_ceil(16 * out_rows)];
        let source = shader::weight_gradient(out_rows, in_rows);
        self.push((source, "weight_gradient", false), &constants, &buffers, grid);
    }
}

/// Of the product with W, or with its transpose where it goes backward.
fn rows_and_inner(entry: &str, layer: &Layer) -> (u32, u32) {
    match entry {
        "backward" => (layer.inputs as u32, layer.outputs as u32),
        _ => (layer.outputs as u32, layer.inputs as u32),
    }
}
