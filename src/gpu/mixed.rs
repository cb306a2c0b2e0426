//! The dispatches of mixed mode: what has travelled forward gives the jets by way of adjoints, and the jets'
//! cotangents the gradient. The algebra is that of `crate::cpu::mixed`.

use super::kernel::Access::{self, Read, Write};
use super::layers::{Matrix, Rows};
use super::plan::{Planner, grid};
use super::shader::{self, ADJOINT_POINTS, Mixed};

/// Numbers of a channel below which a GPU waits for its memory rather than moves it, so that more threads are faster than quads of
/// points: with 131,072 an H100 took 47 µs in place of 56 for the rules back of C, with 2 million (E, diagonal) 1.3 ms in place of 1.1.
const SINGLE: u32 = 1 << 19;

impl Planner<'_> {
    /// The output's jets from what has travelled forward: one adjoint for each output back through all layers, of which the
    /// last gives the value, too.
    pub fn adjoints(&mut self) {
        let workspace = self.workspace;
        let outputs = workspace.demand.channels().adjoints;
        let layers = self.spec.layers();
        let (_, hidden) = layers.split_last().expect("a network has a layer");
        let h = Rows { buffer: &workspace.bars[0], row: outputs, start: 0 };
        let blocks = self.layout.seconds().div_ceil(shader::adjoint_sums(self.layout)).max(1);
        let adjoint_grid = [self.network_points().div_ceil(ADJOINT_POINTS), 1 + blocks as u32, outputs as u32];
        for (index, layer) in hidden.iter().enumerate().rev() {
            // The first layer has none before it: any buffer that is not read stands in.
            let before = if index > 0 { workspace.g(index - 1) } else { h.buffer };
            let together = self.is_together(index);
            let (kernel, next) = if together { (Mixed::Layer, before) } else { (Mixed::Adjoint, h.buffer) };
            let (z, g) = (workspace.z(index), workspace.g(index));
            let buffers = [(2, Read, z), (3, Read, g), (6, Write, next), (7, Write, &workspace.jets)];
            self.mixed((kernel, "adjoint"), index, &buffers, adjoint_grid);
            if index > 0 && !together {
                self.linear("backward", layer, outputs, h, Rows { buffer: before, ..h });
            }
        }
        if !self.is_together(0) {
            self.first_derivatives(h);
        }
    }

    /// The output's first derivatives, W^T h of the first layer.
    fn first_derivatives(&mut self, h: Rows) {
        let (workspace, of_jet) = (self.workspace, self.layout.channels());
        let jets = |row, start| Rows { buffer: &workspace.jets, row, start };
        // As many rows of it at once as there are neighbouring inputs.
        let first = &self.spec.layers()[0];
        for m in 0..workspace.demand.channels().adjoints {
            let mut channel = m * of_jet + 1;
            for inputs in self.layout.tangents().chunk_by(|input, next| input + 1 == *next) {
                let matrix = Matrix {
                    rows: inputs.len() as u32,
                    start: (first.weights().start + inputs[0]) as u32,
                    ..Matrix::of("backward", first)
                };
                self.product("backward", matrix, 1, Rows { start: m, ..h }, jets(1, channel));
                channel += inputs.len();
            }
        }
    }

    /// From the cotangents of the output's jets to the weight gradients of all layers: the adjoints' cotangents
    /// go forward, then those of the value and the tangents back.
    pub fn mixed_backward(&mut self) {
        let workspace = self.workspace;
        let (Some(x), [ping, pong]) = (&workspace.x, &workspace.bars[..]) else {
            unreachable!("a backward pass has a tape");
        };
        let (forward, outputs) = (workspace.demand.channels().forward.channels(), workspace.demand.channels().adjoints);
        let (row, jets_bar) = (workspace.demand.row(), workspace.jets_bar());
        let source = shader::mixed_ends(self.layout, workspace.demand.channels(), self.normalizer);
        let points = self.network_points();
        let buffers = [(1, Read, jets_bar), (2, Read, &workspace.batch), (3, Write, x), (4, Write, ping)];
        self.push((source, "ends", false), &[points], &buffers, grid((self.spec.inputs + outputs) as u32 * points));
        let layers = self.spec.layers();
        for (index, layer) in layers[..layers.len() - 1].iter().enumerate() {
            let (z, h_bar) = (workspace.z(index), &workspace.h_bar[index]);
            let (before, to) = (workspace.input_of(index), workspace.output_of(index));
            let mut buffers = vec![(2, Read, z), (4, Read, jets_bar), (8, Write, to)];
            if self.is_together(index) {
                buffers.extend([(10, Read, before), (11, Write, h_bar)]);
                let blocks = [points.div_ceil(ADJOINT_POINTS), 1, outputs as u32];
                self.mixed((Mixed::Layer, "adjoint_bar"), index, &buffers, blocks);
            } else {
                let before = Rows { buffer: before, row, start: forward };
                self.linear("forward", layer, outputs, before, Rows { buffer: h_bar, row: outputs, start: 0 });
                buffers.push((5, Read, h_bar));
                self.mixed_rule("adjoint_bar", index, &buffers);
            }
        }
        let (mut bar, mut next) = (ping, pong);
        for (index, layer) in layers.iter().enumerate().rev() {
            self.weight_gradient(index, bar, workspace.input_of(index));
            if index > 0 {
                // The rule of the last hidden layer brings what comes from the output.
                if index + 1 < layers.len() {
                    let rows = |buffer| Rows { buffer, row, start: 0 };
                    self.linear("backward", layer, forward, rows(bar), rows(next));
                }
                let buffers = [
                    (2, Read, workspace.z(index - 1)),
                    (3, Read, workspace.g(index - 1)),
                    (4, Read, jets_bar),
                    (5, Read, &workspace.h_bar[index - 1]),
                    (9, Write, next),
                ];
                self.mixed_rule("backward", index - 1, &buffers);
                std::mem::swap(&mut bar, &mut next);
            }
        }
    }

    /// Whether the adjoints pass the hidden layer `index` together with its product.
    fn is_together(&self, index: usize) -> bool {
        let memory = self.device.limits.max_compute_workgroup_storage_size;
        shader::are_together(&self.spec.layers()[index], self.layout, memory)
    }

    /// `mixed_rule.wgsl` on the hidden layer `index`.
    fn mixed_rule(&mut self, entry: &'static str, index: usize, buffers: &[(u32, Access, &wgpu::Buffer)]) {
        let numbers = self.spec.layers()[index].outputs as u32 * self.network_points();
        let of_thread = if numbers < SINGLE { 1 } else { 4 };
        self.mixed((Mixed::Rule(of_thread), entry), index, buffers, grid(numbers / of_thread));
    }

    /// A kernel of mixed mode on the hidden layer `index`.
    fn mixed(
        &mut self,
        (kernel, entry): (Mixed, &'static str),
        index: usize,
        buffers: &[(u32, Access, &wgpu::Buffer)],
        grid: [u32; 3],
    ) {
        let layers = self.spec.layers();
        let last = layers.len() - 1;
        let places = [layers[0].weights().start, layers[last].weights().start, layers[last].biases().start];
        let [first_weights, output_weights, output_biases] = places.map(|place| place as u32);
        let layer = &layers[index];
        let [units, inputs, weights] = [layer.outputs, layer.inputs, layer.weights().start].map(|n| n as u32);
        let of_thread = if let Mixed::Rule(points) = kernel { points } else { 1 };
        let points = self.network_points() / of_thread;
        let constants = [units, inputs, points, weights, first_weights, output_weights, output_biases];
        let ends = (index == 0, index + 1 == last);
        let channels = self.workspace.demand.channels();
        let source = shader::mixed(kernel, self.layout, channels, self.normalizer, self.spec.activation, ends);
        let mut bound = vec![(1, Read, &self.state.parameters)];
        bound.extend_from_slice(buffers);
        self.push((source, entry, false), &constants, &bound, grid);
    }
}
