//! The dispatches of one chunk, in order: built once for each shape, then only encoded.

use super::device::Device;
use super::kernel::{Access, Kernel};
use super::set::Set;
use super::shader::{self, SUM_THREADS, THREADS};
use super::state::State;
use super::tiles::Path;
use super::workspace::Workspace;
use crate::data::Normalizer;
use crate::jet::JetLayout;
use crate::network::{Layer, NetworkSpec};

use Access::{Read, Uniform, Write};

/// One kernel over one grid.
pub struct Dispatch {
    kernel: Kernel,
    group: wgpu::BindGroup,
    grid: [u32; 3],
}

impl Dispatch {
    /// A kernel with its constants at binding 0 and the buffers at theirs.
    pub fn new(
        device: &mut Device,
        (source, entry, reads_step): (String, &'static str, bool),
        constants: &[u32],
        buffers: &[(u32, Access, &wgpu::Buffer)],
        grid: [u32; 3],
    ) -> Self {
        let bindings: Vec<_> = [(0, Uniform)].into_iter().chain(buffers.iter().map(|b| (b.0, b.1))).collect();
        let kernel = device.kernel(source, entry, &bindings, reads_step);
        let uniform = device.uniform(constants);
        let buffers: Vec<_> = [(0, &uniform)].into_iter().chain(buffers.iter().map(|b| (b.0, b.2))).collect();
        let group = device.bind(&kernel, &buffers);
        Self { kernel, group, grid }
    }
}

/// Some dispatches in order.
pub type Plan = Vec<Dispatch>;

/// Encodes a plan; `step` is the ring with the slot of this chunk's numbers.
pub fn encode(plan: &[Dispatch], pass: &mut wgpu::ComputePass<'_>, step: (&wgpu::BindGroup, u32)) {
    for dispatch in plan {
        pass.set_pipeline(&dispatch.kernel.pipeline);
        pass.set_bind_group(0, &dispatch.group, &[]);
        if dispatch.kernel.reads_step {
            pass.set_bind_group(1, step.0, &[step.1]);
        }
        pass.dispatch_workgroups(dispatch.grid[0], dispatch.grid[1], dispatch.grid[2]);
    }
}

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

    pub fn splits(&self) -> u32 {
        self.workspace.demand.splits(self.points) as u32
    }

    /// Appends a dispatch.
    pub fn push(
        &mut self,
        kernel: (String, &'static str, bool),
        constants: &[u32],
        buffers: &[(u32, Access, &wgpu::Buffer)],
        grid: [u32; 3],
    ) {
        self.plan.push(Dispatch::new(self.device, kernel, constants, buffers, grid));
    }

    /// Brings the chunk's rows of a set into the batch.
    pub fn gather(&mut self, set: &Set) {
        let workspace = self.workspace;
        let (points, padded) = (self.points as u32, self.padded());
        for block in &set.blocks {
            let constants = [block.first as u32, block.rows as u32, set.columns as u32, points, padded];
            let buffers = [(1, Read, &set.order), (2, Read, &block.buffer), (3, Write, &workspace.batch)];
            self.push((shader::gather(), "gather", true), &constants, &buffers, grid(padded));
        }
    }

    /// From the batch's inputs to the output's jets.
    pub fn forward(&mut self) {
        let workspace = self.workspace;
        let state = self.state;
        if let Path::Narrow(tile) = workspace.demand.tiles().path {
            return self.narrow_forward(tile);
        }
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
            let source = shader::input_layer(&channels.forward, row, self.normalizer, sigma);
            let grid = grid(layers[0].outputs as u32 * self.quads());
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
    fn free_layers(&self) -> usize {
        usize::from(!self.has_features)
    }

    fn input_constants(&self, layer: &Layer) -> [u32; 6] {
        let (weights, biases) = (layer.weights().start as u32, layer.biases().start as u32);
        let parameters = self.workspace.demand.parameters() as u32;
        [layer.outputs as u32, self.quads(), weights, biases, parameters, self.splits()]
    }

    /// Each term's mean square into `means`, from the output's jets.
    pub fn losses(&mut self, set: &Set, means: &wgpu::Buffer) {
        let workspace = self.workspace;
        let groups = self.padded().div_ceil(THREADS);
        self.terms(set, "losses", (3, Write, &workspace.loss_partials), [groups, 1, 1]);
        let terms = set.terms.len() as u32;
        let buffers = [(1, Read, &workspace.loss_partials), (4, Write, means)];
        self.push((shader::reduce(), "losses", true), &[0, 0, groups, terms], &buffers, [terms, 1, 1]);
    }

    /// A kernel of `residual.wgsl` over the output's jets.
    fn terms(&mut self, set: &Set, entry: &'static str, to: (u32, Access, &wgpu::Buffer), grid: [u32; 3]) {
        let (workspace, state) = (self.workspace, self.state);
        let (parameters, offset) = (self.spec.parameters() as u32, self.spec.weights() as u32);
        let constants = [self.padded(), set.columns as u32 - 1, parameters, offset, self.splits()];
        let buffers = [
            (1, Read, &workspace.jets),
            (2, Read, &workspace.batch),
            to,
            (5, Read, &state.parameters),
            (6, Read, &set.weights),
        ];
        let source = shader::residual(self.layout, self.spec, set.places, set.input_rows, &set.terms);
        self.push((source, entry, entry != "losses"), &constants, &buffers, grid);
    }

    /// The gradient of the loss, from the output's jets back through the tape.
    pub fn backward(&mut self, set: &Set) {
        let workspace = self.workspace;
        let state = self.state;
        let partials = workspace.partials.as_ref().expect("a backward pass has a tape");
        self.terms(set, "cotangent", (4, Write, workspace.jets_bar()), grid(self.padded()));
        if self.spec.coefficients > 0 {
            self.terms(set, "coefficients", (3, Write, partials), [self.splits(), 1, 1]);
        }
        if workspace.demand.channels().are_mixed() {
            self.mixed_backward();
        } else {
            self.forward_backward(partials);
        }
        let parameters = workspace.demand.parameters() as u32;
        let constants = [parameters, self.splits(), 0, 0];
        let buffers = [(1, Read, partials), (2, Write, &state.gradient), (3, Write, &state.squares)];
        let blocks = flat(parameters.div_ceil(SUM_THREADS));
        self.push((shader::reduce(), "gradient", true), &constants, &buffers, blocks);
    }

    /// The weight gradients of all layers where a jet's channels have all travelled forward.
    fn forward_backward(&mut self, partials: &wgpu::Buffer) {
        let (workspace, layers) = (self.workspace, self.spec.layers());
        let [ping, pong] = &workspace.bars[..] else { unreachable!("a backward pass has a tape") };
        let (mut bar, mut next) = (ping, pong);
        if let Path::Narrow(tile) = workspace.demand.tiles().path {
            self.narrow_backward(tile, ping, pong);
            bar = pong;
        } else {
            for (index, layer) in layers.iter().enumerate().skip(self.free_layers()).rev() {
                self.weight_gradient(layer, (bar, 0), (workspace.input_of(index), 0));
                if index > self.free_layers() {
                    self.hidden_layer_backward(index, layer, &layers[index - 1], bar, next);
                } else if index > 0 {
                    // The first layer's own kernel goes on from the cotangents of its a-jets.
                    self.linear_all("backward", layer, bar, next);
                }
                std::mem::swap(&mut bar, &mut next);
            }
        }
        if !self.has_features {
            let sigma = (layers.len() > 1).then_some(self.spec.activation);
            let source = shader::input_layer(self.layout, self.layout.channels(), self.normalizer, sigma);
            let constants = self.input_constants(&layers[0]);
            let buffers = [
                (1, Read, &self.state.parameters),
                (2, Read, &workspace.batch),
                (5, Read, workspace.z(0)),
                (6, Read, workspace.output_of(0)),
                (7, Read, bar),
                (8, Write, partials),
            ];
            let grid_of_units = [layers[0].outputs as u32, self.splits(), 1];
            self.push((source, "weight_gradient", false), &constants, &buffers, grid_of_units);
        }
    }

    /// Norm, test and update, after the last chunk's gradient.
    pub fn update(&mut self, set: &Set) {
        let state = self.state;
        let parameters = self.workspace.demand.parameters() as u32;
        let terms = set.terms.len() as u32;
        // The squares are read here; the binding is the one that they are written by.
        let buffers = [(3, Write, &state.squares), (4, Write, &set.step_means), (5, Write, &state.status)];
        self.push((shader::reduce(), "status", true), &[parameters, 0, 0, terms], &buffers, [1, 1, 1]);
        let buffers = [
            (1, Read, &state.status),
            (2, Read, &state.gradient),
            (3, Write, &state.first_moment),
            (4, Write, &state.second_moment),
            (5, Write, &state.parameters),
        ];
        self.push((shader::adam(), "adam", true), &[parameters], &buffers, grid(parameters));
    }
}

/// Workgroups of [`THREADS`] for `threads` threads.
pub fn grid(threads: u32) -> [u32; 3] {
    flat(threads.div_ceil(THREADS))
}

/// `groups` workgroups, in two dimensions where one does not hold them; kernels leave the excess.
fn flat(groups: u32) -> [u32; 3] {
    let x = groups.clamp(1, 65_535);
    [x, groups.div_ceil(x).max(1), 1]
}
