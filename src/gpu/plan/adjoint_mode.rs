//! The dispatches of mixed mode: what has travelled forward gives the jets by way of adjoints, and the jets'
//! cotangents the gradient. The algebra is that of `crate::cpu::adjoint_mode`.

use crate::gpu::device::dispatch::grid;
use crate::gpu::device::kernel::Access::{self, Read, Write};
use crate::gpu::device::kernel::Source;
use crate::gpu::plan::Planner;
use crate::gpu::plan::layers::Rows;
use crate::gpu::shaders::{self, ADJOINT_POINTS, MixedLayer};

/// Numbers of a channel from which on the rules' threads have a quad of points each. Below it a GPU waits for its memory
/// rather than moves it, and more threads are faster; docs/tuning.md.
const QUADS: u32 = 1 << 18;

impl Planner<'_> {
    /// The output's jets from what has travelled forward: one adjoint for each output back through all layers, of which the
    /// last gives the value, too.
    pub fn adjoints(&mut self) {
        let workspace = self.workspace;
        let outputs = workspace.demand.channels().adjoints;
        let layers = self.spec.layers();
        let (_, hidden) = layers.split_last().expect("a network has a layer");
        let h = Rows { buffer: &workspace.bars[0], row: outputs, start: 0 };
        for (index, layer) in hidden.iter().enumerate().rev() {
            let (z, g) = (workspace.z(index), workspace.g(index));
            let buffers = [(2, Read, z), (3, Read, g), (6, Write, h.buffer), (7, Write, &workspace.jets)];
            let (source, lots) = self.mixed_layer(index).adjoint();
            let grid = [self.network_points().div_ceil(ADJOINT_POINTS), lots, outputs as u32];
            self.mixed((source, "adjoint"), index, self.network_points(), &buffers, grid);
            if index > 0 {
                let before = Rows { buffer: workspace.g(index - 1), ..h };
                self.linear("backward", layer, outputs, h, before);
            }
        }
    }

    /// From the cotangents of the output's jets to the weight gradients of all layers: the adjoints' cotangents
    /// go forward, then those of the value and the tangents back.
    pub fn mixed_backward(&mut self) {
        let workspace = self.workspace;
        let layers = self.spec.layers();
        let x = workspace.x.as_ref().expect("a backward pass has a tape");
        let (forward, outputs) = (workspace.demand.channels().forward.channels(), workspace.demand.channels().adjoints);
        let (row, jets_bar) = (workspace.demand.row(), workspace.jets_bar());
        let source = shaders::mixed_ends(self.layout, workspace.demand.channels(), self.normalizer);
        let points = self.network_points();
        let buffers = [
            (1, Read, jets_bar),
            (2, Read, &workspace.batch),
            (3, Write, x),
            (4, Write, workspace.bar(layers.len() - 1)),
        ];
        self.push((source, "ends", false), &[points], &buffers, grid((self.spec.inputs + outputs) as u32 * points));
        for (index, layer) in layers[..layers.len() - 1].iter().enumerate() {
            let (z, h_bar) = (workspace.z(index), &workspace.h_bar[index]);
            let before = Rows { buffer: workspace.input_of(index), row, start: forward };
            self.linear("forward", layer, outputs, before, Rows { buffer: h_bar, row: outputs, start: 0 });
            let buffers = [(2, Read, z), (4, Read, jets_bar), (5, Read, h_bar), (8, Write, workspace.output_of(index))];
            self.mixed_rule("adjoint_bar", index, &buffers);
        }
        for (index, layer) in layers.iter().enumerate().rev() {
            self.gradients_from(index);
            if index > 0 {
                let next = workspace.bar(index - 1);
                // The rule of the last hidden layer brings what comes from the output.
                if index + 1 < layers.len() {
                    let rows = |buffer| Rows { buffer, row, start: 0 };
                    self.linear("backward", layer, forward, rows(workspace.bar(index)), rows(next));
                }
                let buffers = [
                    (2, Read, workspace.z(index - 1)),
                    (3, Read, workspace.g(index - 1)),
                    (4, Read, jets_bar),
                    (5, Read, &workspace.h_bar[index - 1]),
                    (9, Write, next),
                ];
                self.mixed_rule("backward", index - 1, &buffers);
            }
        }
    }

    /// `mixed_rule.wgsl` on the hidden layer `index`.
    fn mixed_rule(&mut self, entry: &'static str, index: usize, buffers: &[(u32, Access, &wgpu::Buffer)]) {
        let numbers = self.spec.layers()[index].outputs as u32 * self.network_points();
        let of_quads = numbers >= QUADS;
        let (points, threads) = if of_quads { (self.quads(), numbers / 4) } else { (self.network_points(), numbers) };
        let source = self.mixed_layer(index).rule(of_quads);
        self.mixed((source, entry), index, points, buffers, grid(threads));
    }

    fn mixed_layer(&self, index: usize) -> MixedLayer<'_> {
        MixedLayer {
            layout: self.layout,
            channels: self.workspace.demand.channels(),
            normalizer: self.normalizer,
            sigma: self.spec.activation,
            is_first: index == 0,
            is_last: index + 2 == self.spec.layers().len(),
        }
    }

    /// A kernel of mixed mode on the hidden layer `index`.
    fn mixed(
        &mut self,
        (source, entry): (Source, &'static str),
        index: usize,
        points: u32,
        buffers: &[(u32, Access, &wgpu::Buffer)],
        grid: [u32; 3],
    ) {
        let layers = self.spec.layers();
        let output = layers.last().expect("a network has a layer");
        let places = [layers[0].weights().start, output.weights().start, output.biases().start];
        let [first_weights, output_weights, output_biases] = places.map(|place| place as u32);
        let constants = [layers[index].outputs as u32, points, first_weights, output_weights, output_biases];
        let mut bound = vec![(1, Read, &self.state.parameters)];
        bound.extend_from_slice(buffers);
        self.push((source, entry, false), &constants, &bound, grid);
    }
}
