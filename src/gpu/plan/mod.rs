//! The dispatches of one chunk, in order: the operations of a pass lowered to kernels, built once for each shape and
//! then only encoded.
//!
//! | file | the operations that it lowers |
//! |---|---|
//! | `products` | affine layers and weight gradients, in f32 or on matrix units |
//! | `layers` | the input layer, the jet rule, fused layers, fused networks |
//! | `adjoints` | those of adjoint mode |
//! | `terms` | the batch's rows, the terms, the sums, the update |

mod adjoints;
mod layers;
mod products;
mod terms;

use crate::gpu::device::Device;
use crate::gpu::device::dispatch::{Dispatch, Plan};
use crate::gpu::device::kernel::{Access, EntryPoint, Source};
use crate::gpu::device::uniforms::GradientPart;
use crate::gpu::memory::loaded_set::{LoadedSet, Task};
use crate::gpu::memory::state::State;
use crate::gpu::memory::workspace::Workspace;
use crate::gpu::tuning::tiles::Tiles;
use crate::jet::Activation;
use crate::jet::{JetLayout, Normalizer};
use crate::network::{Hidden, Layer, NetworkSpec, Subnetwork};
use crate::pass::{Channels, Op, Slot, Span};

use self::products::Factor;

/// A kernel's buffers at their bindings.
type Bound<'a> = (u32, Access, &'a wgpu::Buffer);

/// Numbers of a channel from which on the rules' threads have a quad of points each: below it a GPU waits for its memory rather
/// than moves it, and more threads are faster; docs/tuning.md.
const QUADS: u32 = 1 << 18;

/// The most channels of which a thread has quads in registers: with both jets of the way back 128 of the 255 that a thread of
/// a GPU has at most.
const MOST_QUADS: usize = 16;

/// What a chunk's dispatches are made from.
pub struct Planner<'a> {
    pub device: &'a mut Device,
    networks: &'a [Subnetwork],
    /// The jets that a loss or a caller reads of each network.
    layouts: &'a [Option<JetLayout>],
    /// The network whose operations are lowered now.
    network: usize,
    pub state: &'a State,
    pub workspace: &'a Workspace,
    /// The chunk's points.
    pub points: usize,
    /// Factors of f16 products whose largest numbers are known, and where.
    measured: Vec<(Factor, usize)>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    /// For a chunk of so many points.
    pub fn new(
        device: &'a mut Device,
        (networks, layouts): (&'a [Subnetwork], &'a [Option<JetLayout>]),
        state: &'a State,
        workspace: &'a Workspace,
        points: usize,
    ) -> Self {
        Self { device, networks, layouts, network: 0, state, workspace, points, measured: vec![], plan: vec![] }
    }

    /// From the points in the batch to the output's jets.
    pub fn evaluation(mut self) -> Plan {
        self.lower_forward();
        self.plan
    }

    /// What a task does with a chunk of a set.
    pub fn task(mut self, set: &LoadedSet, task: Task) -> Plan {
        self.gather(set);
        self.lower_forward();
        match task {
            Task::Losses => self.losses(set, &set.means),
            Task::Gradient => self.gradient(set, &set.means),
            Task::Step => self.gradient(set, &set.step_means),
        }
        self.plan
    }

    /// Norm, test and update, after the last chunk's gradient.
    pub fn update(mut self, set: &LoadedSet) -> Plan {
        self.lower_update(set);
        self.plan
    }

    fn lower_forward(&mut self) {
        let workspace = self.workspace;
        for network in workspace.lowered.pass.read() {
            self.network = network;
            self.measure_weights();
        }
        workspace.lowered.pass.forward.iter().for_each(|op| self.lower(op));
    }

    /// Each term's mean square into `means` and the gradient of the loss, from the output's jets back through the tape.
    fn gradient(&mut self, set: &LoadedSet, means: &wgpu::Buffer) {
        let workspace = self.workspace;
        self.cotangents(set);
        workspace.lowered.pass.backward.iter().for_each(|op| self.lower(op));
        self.reduce(set, means, true);
    }

    /// One operation as one dispatch, but for largest numbers that an f16 product needs before it.
    fn lower(&mut self, op: &Op) {
        self.network = op.network();
        match *op {
            Op::Feed { from, output, points, input } => self.feed((from, output), (points, input)),
            Op::Linear { at, direction, is_biased, from, to } => self.linear(at, direction, is_biased, from, to),
            Op::WeightGradient { ref layers } => self.weight_gradients(layers),
            Op::Rule { at, z, a } => self.jet_rule(EntryPoint::Forward, at, z, a, None),
            Op::RuleBackward { at, z, a, bar } => self.jet_rule(EntryPoint::Backward, at, z, a, Some(bar)),
            Op::Copy { from, to } => self.skip(EntryPoint::Copy, from, to),
            Op::Add { from, to } => self.skip(EntryPoint::Add, from, to),
            Op::FusedInput { at, points, z, a } => self.input_layer(at, points, z, a),
            Op::FusedInputBackward { at, points, z, a, bar } => self.input_layer_backward(at, points, z, a, bar),
            Op::FusedLayer { at, from, z, a } => self.fused_layer(at, from, z, a),
            Op::FusedLayerBackward { at, bar, z, a, to } => self.fused_layer_backward(at, bar, z, a, to),
            Op::FusedNetwork { points, z, a, jets, .. } => self.fused_network(points, z, a, jets),
            Op::FusedNetworkBackward { z, a, jets_bar, bars, .. } => {
                self.fused_network_backward(z, a, jets_bar, bars);
            }
            Op::FusedAdjoint { at, z, g, h, jets } => self.adjoint(at, z, g, h, jets),
            Op::AdjointSeeds { jets_bar, points, firsts_bar, bar, .. } => {
                self.adjoint_seeds(jets_bar, points, firsts_bar, bar);
            }
            Op::AdjointBar { at, z, a, h_bar, jets_bar, .. } => self.adjoint_bar(at, z, a, h_bar, jets_bar),
            Op::AdjointRuleBackward { at, z, g, h_bar, jets_bar, bar, .. } => {
                self.adjoint_rule_backward(at, z, g, h_bar, jets_bar, bar);
            }
            Op::Input { .. }
            | Op::InputGradient { .. }
            | Op::AdjointStart { .. }
            | Op::Adjoint { .. }
            | Op::AdjointEnd { .. } => unreachable!("the list of a device has these fused"),
        }
    }

    fn spec(&self) -> &'a NetworkSpec {
        &self.workspace.lowered.spec
    }

    /// The own jets of the network.
    fn layout(&self) -> &'a JetLayout {
        self.layouts[self.network].as_ref().expect("what is lowered is read")
    }

    fn normalizer(&self) -> &'a Normalizer {
        &self.networks[self.network].normalizer
    }

    fn channels(&self) -> &'a Channels {
        self.workspace.lowered.channels(self.network)
    }

    fn tiles(&self) -> Tiles {
        self.workspace.lowered.tiles[self.network]
    }

    /// σ of a hidden layer.
    fn sigma(&self, layer: usize) -> Activation {
        self.hidden()[layer].activation
    }

    fn hidden(&self) -> &'a [Hidden] {
        &self.workspace.lowered.pass.networks[self.network].hidden
    }

    fn layers(&self) -> &'a [Layer] {
        &self.workspace.lowered.pass.networks[self.network].layers
    }

    fn buffer(&self, slot: Slot) -> &'a wgpu::Buffer {
        self.workspace.buffer(slot)
    }

    fn of(&self, span: Span) -> &'a wgpu::Buffer {
        self.buffer(span.slot)
    }

    /// B: the chunk's points in whole quads.
    fn padded(&self) -> u32 {
        self.points.next_multiple_of(4) as u32
    }

    /// Quads of the network's points.
    fn quads(&self) -> u32 {
        self.padded() / 4 * self.workspace.lowered.extents.places as u32
    }

    /// Quads of columns: of the network's points with all channels that travel.
    fn column_quads(&self) -> u32 {
        self.quads() * self.channels().count() as u32
    }

    /// The network's points, in whole quads.
    fn network_points(&self) -> u32 {
        4 * self.quads()
    }

    /// How the gradient's sums are split.
    fn parts(&self) -> Vec<GradientPart> {
        self.workspace.lowered.parts(self.points)
    }

    /// That of a layer's gradient.
    fn part(&self, layer: usize) -> GradientPart {
        self.parts()[self.workspace.lowered.first_layer(self.network) + layer]
    }

    /// Appends a dispatch.
    fn push(&mut self, kernel: (Source, EntryPoint), uniform: &[u8], buffers: &[Bound], grid: [u32; 3]) {
        let is_written =
            |of: &wgpu::Buffer| buffers.iter().any(|(_, access, buffer)| *access == Access::Write && *buffer == of);
        self.measured.retain(|(factor, _)| !is_written(&factor.buffer));
        self.plan.push(Dispatch::new(self.device, kernel, uniform, buffers, grid));
    }
}
