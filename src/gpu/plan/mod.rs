//! The dispatches of one chunk, in order: built once for each shape, then only encoded.

mod adjoint_mode;
pub mod f16;
mod layers;

use crate::gpu::device::Device;
use crate::gpu::device::dispatch::THREADS;
use crate::gpu::device::dispatch::{Dispatch, Plan, flat, grid};
use crate::gpu::device::kernel::{Access, Source};
use crate::gpu::memory::gradient_splits::Part;
use crate::gpu::memory::loaded_set::Set;
use crate::gpu::memory::state::State;
use crate::gpu::memory::workspace::Workspace;
use crate::gpu::plan::f16::Factor;
use crate::gpu::shaders::{self, Groups, SUM_THREADS, term_programs};
use crate::gpu::tuning::tiles::Path;
use crate::jet::{JetLayout, Normalizer};
use crate::network::{Layer, NetworkSpec};

use Access::{Read, Write};

/// What a chunk's dispatches are made from.
pub struct Planner<'a> {
    pub device: &'a mut Device,
    pub spec: &'a NetworkSpec,
    pub normalizer: &'a Normalizer,
    /// Whether the batch begins with features' jets, not inputs.
    pub has_features: bool,
    pub layout: &'a JetLayout,
    pub state: &'a State,
    pub workspace: &'a Workspace,
    /// The chunk's points.
    pub points: usize,
    /// At how many places the network is read for each of them: place k lies behind k·B, for B points
    /// in whole quads.
    pub places: usize,
    /// Factors of products in f16 whose largest numbers are known, and where.
    pub measured: Vec<(Factor, usize)>,
    pub plan: Plan,
}

impl Planner<'_> {
    /// B: the chunk's points in whole quads.
    fn padded(&self) -> u32 {
        self.points.next_multiple_of(4) as u32
    }

    /// Quads of the network's points.
    pub fn quads(&self) -> u32 {
        self.padded() / 4 * self.places as u32
    }

    /// Quads of columns: of the network's points with all channels that travel.
    pub fn column_quads(&self) -> u32 {
        self.quads() * self.workspace.demand.channels().count() as u32
    }

    /// The network's points, in whole quads.
    pub fn network_points(&self) -> u32 {
        4 * self.quads()
    }

    /// How the gradient's sums are split.
    pub fn parts(&self) -> Vec<Part> {
        self.workspace.demand.parts(self.points)
    }

    /// Appends a dispatch.
    pub fn push(
        &mut self,
        kernel: (Source, &'static str, bool),
        constants: &[u32],
        buffers: &[(u32, Access, &wgpu::Buffer)],
        grid: [u32; 3],
    ) {
        let is_written =
            |of: &wgpu::Buffer| buffers.iter().any(|(_, access, buffer)| *access == Write && *buffer == of);
        self.measured.retain(|(factor, _)| !is_written(&factor.buffer));
        self.plan.push(Dispatch::new(self.device, kernel, constants, buffers, grid));
    }

    /// Brings the chunk's rows of a set into the batch.
    pub fn gather(&mut self, set: &Set) {
        let workspace = self.workspace;
        let (points, padded) = (self.points as u32, self.padded());
        for block in &set.blocks {
            let constants = [block.first as u32, block.rows as u32, set.columns as u32, points, padded];
            let buffers = [(1, Read, &set.order), (2, Read, &block.buffer), (3, Write, &workspace.batch)];
            let grid = grid(padded * set.columns as u32);
            self.push((shaders::gather(), "gather", true), &constants, &buffers, grid);
        }
    }

    /// From the batch's inputs to the output's jets.
    pub fn forward(&mut self) {
        let workspace = self.workspace;
        let state = self.state;
        if let Path::Narrow(tile) = workspace.demand.tiles().path {
            return self.narrow_forward(tile);
        }
        self.largest_weights();
        let layers = self.spec.layers();
        if !self.has_features {
            let sigma = (layers.len() > 1).then_some(self.spec.activation);
            let constants = self.input_constants(&layers[0]);
            let buffers = [
                (1, Read, &state.parameters),
                (2, Read, &workspace.batch),
                (3, Write, workspace.z(0)),
                (4, Write, workspace.output_of(0)),
            ];
            let (channels, row) = (workspace.demand.channels(), workspace.demand.row());
            let source = shaders::input_layer(&channels.forward, row, self.normalizer, sigma);
            let tiles = Groups::of(&channels.forward).tiles(self.network_points());
            let grid = [tiles, layers[0].outputs as u32, 1];
            self.push((source, "forward", false), &constants, &buffers, grid);
        }
        let (output, hidden) = layers.split_last().expect("a network has a layer");
        for (index, layer) in hidden.iter().enumerate().skip(self.free_layers()) {
            self.hidden_layer(index, layer);
        }
        if workspace.demand.channels().are_mixed() {
            self.adjoints();
        } else if hidden.len() >= self.free_layers() {
            self.linear_all("forward", output, workspace.input_of(hidden.len()), &workspace.jets);
        }
    }

    /// The layers that are `input_layer.wgsl`'s: the first, unless it reads features.
    pub fn free_layers(&self) -> usize {
        usize::from(!self.has_features)
    }

    fn input_constants(&self, layer: &Layer) -> [u32; 6] {
        let (weights, biases) = (layer.weights().start as u32, layer.biases().start as u32);
        let Part { start, count, splits, .. } = self.parts()[0];
        [self.network_points(), weights, biases, start, count, splits]
    }

    /// Each term's mean square into `means`, from the output's jets.
    pub fn losses(&mut self, set: &Set, means: &wgpu::Buffer) {
        let squares = (3, Write, &self.workspace.squares);
        self.terms(set, "losses", &[squares], grid(self.padded()));
        self.reduce(set, means, false);
    }

    /// The sums over points: the terms' mean squares and, where it is asked for, the gradient.
    fn reduce(&mut self, set: &Set, means: &wgpu::Buffer, gradient: bool) {
        let (workspace, state) = (self.workspace, self.state);
        let parts = self.parts();
        let parameters = if gradient { workspace.demand.parameters() as u32 } else { 0 };
        let mut constants = vec![set.terms.len() as u32, self.padded(), parameters, 0];
        constants.extend(parts.iter().flat_map(|part| [part.first, part.count, part.start, part.splits]));
        let groups = Groups::of_splits(workspace.demand.parameters() as u32);
        let buffers = [
            (1, Read, &workspace.squares),
            // Without a gradient any buffer stands in.
            (2, Read, workspace.partials.as_ref().unwrap_or(&workspace.squares)),
            (3, Write, &state.gradient),
            (4, Write, &state.squares),
            (5, Write, means),
        ];
        let blocks = flat(set.terms.len() as u32 + groups.tiles(parameters));
        self.push((shaders::reduce(parts.len(), groups), "means_and_gradient", true), &constants, &buffers, blocks);
    }

    /// A kernel of `residual.wgsl` over the output's jets.
    fn terms(&mut self, set: &Set, entry: &'static str, to: &[(u32, Access, &wgpu::Buffer)], grid: [u32; 3]) {
        let (workspace, state) = (self.workspace, self.state);
        let Part { start, splits, .. } = *self.parts().last().expect("a network has a layer");
        let constants = [self.padded(), set.columns as u32 - 1, self.spec.weights() as u32, start, splits];
        let buffers = [
            (1, Read, &workspace.jets),
            (2, Read, &workspace.batch),
            (5, Read, &state.parameters),
            (6, Read, &set.weights),
        ];
        let source = shaders::residual(self.layout, self.spec, set.places, set.input_rows, &set.terms);
        self.push((source, entry, entry != "losses"), &constants, &[&buffers, to].concat(), grid);
    }

    /// Each term's mean square into `means` and the gradient of the loss, from the output's jets back through the tape.
    pub fn backward(&mut self, set: &Set, means: &wgpu::Buffer) {
        let workspace = self.workspace;
        let partials = workspace.partials();
        let to = [(3, Write, &workspace.squares), (4, Write, workspace.jets_bar())];
        let groups = term_programs::groups(self.layout, set.places, &set.terms).len() as u32;
        self.terms(set, "cotangent", &to, [self.padded().div_ceil(THREADS), groups, 1]);
        if self.spec.coefficients > 0 {
            let splits = self.parts().last().map_or(0, |part| part.splits);
            self.terms(set, "coefficients", &[(3, Write, partials)], [splits, 1, 1]);
        }
        if workspace.demand.channels().are_mixed() {
            self.mixed_backward();
        } else {
            self.forward_backward(partials);
        }
        self.reduce(set, means, true);
    }

    /// The weight gradients of all layers where a jet's channels have all travelled forward.
    fn forward_backward(&mut self, partials: &wgpu::Buffer) {
        let (workspace, layers) = (self.workspace, self.spec.layers());
        if let Path::Narrow(tile) = workspace.demand.tiles().path {
            self.narrow_backward(tile);
        } else {
            for (index, layer) in layers.iter().enumerate().skip(self.free_layers()).rev() {
                self.gradients_from(index);
                let bar = workspace.bar(index);
                if index > self.free_layers() {
                    self.hidden_layer_backward(index, layer, &layers[index - 1], bar, workspace.bar(index - 1));
                } else if index > 0 {
                    // The first layer's own kernel goes on from the cotangents of its a-jets.
                    self.linear_all("backward", layer, bar, workspace.bar(index - 1));
                }
            }
        }
        if !self.has_features {
            let sigma = (layers.len() > 1).then_some(self.spec.activation);
            let source = shaders::input_layer(self.layout, self.layout.channels(), self.normalizer, sigma);
            let constants = self.input_constants(&layers[0]);
            let buffers = [
                (1, Read, &self.state.parameters),
                (2, Read, &workspace.batch),
                (5, Read, workspace.z(0)),
                (6, Read, workspace.output_of(0)),
                (7, Read, workspace.bar(0)),
                (8, Write, partials),
            ];
            let grid = [layers[0].outputs as u32, self.parts()[0].splits, 1];
            self.push((source, "weight_gradient", false), &constants, &buffers, grid);
        }
    }

    /// Norm, test and update, after the last chunk's gradient.
    pub fn update(&mut self, set: &Set) {
        let state = self.state;
        let parameters = self.workspace.demand.parameters() as u32;
        let constants = [parameters, Groups::of_splits(parameters).tiles(parameters), set.terms.len() as u32];
        let buffers = [
            (1, Write, &state.status),
            (2, Read, &state.gradient),
            (3, Write, &state.first_moment),
            (4, Write, &state.second_moment),
            (5, Write, &state.parameters),
            (6, Read, &state.squares),
            (7, Read, &set.step_means),
        ];
        self.push((shaders::adam(), "adam", true), &constants, &buffers, flat(parameters.div_ceil(SUM_THREADS)));
    }
}
