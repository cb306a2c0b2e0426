//! Affine layers and weight gradients: matrix products in f32, or in f16 on a device's matrix units.

use bytemuck::bytes_of;

use super::{Bound, Planner};
use crate::gpu::device::dispatch::flat;
use crate::gpu::device::kernel::Access::{Read, Write};
use crate::gpu::device::kernel::EntryPoint;
use crate::gpu::device::matrix_units::{ABS_MAX_WORKGROUPS, F16Tile};
use crate::gpu::device::uniforms::{GradientLayer, MeasuredFactor, Product};
use crate::gpu::memory::abs_max::AbsMax;
use crate::gpu::shaders;
use crate::gpu::tuning::f16_tiles::{is_wide, workgroups_of_a_row};
use crate::gpu::tuning::gradient_splits::PAIRS;
use crate::gpu::tuning::matmul_tiles::{GradientMatmul, GradientTile, Matmul};
use crate::pass::{At, Direction, LayerGradient, Span};

/// A factor whose largest number is known: rows of numbers, which lie `row` apart from `start` on.
#[derive(Clone, PartialEq)]
pub struct Factor {
    pub buffer: wgpu::Buffer,
    rows: u32,
    columns: u32,
    row: u32,
    start: u32,
}

impl Factor {
    /// Whether the largest number of this one is a scale for the other, too.
    fn holds(&self, other: &Factor) -> bool {
        let Factor { ref buffer, rows, columns, row, start } = *other;
        (&self.buffer, self.rows, self.row, self.start) == (buffer, rows, row, start) && columns <= self.columns
    }
}

impl<'a> Planner<'a> {
    /// `linear.wgsl`, or the same in f16: z-jets from the a-jets before them, or the reverse for their cotangents.
    pub fn linear(&mut self, at: At, direction: Direction, is_biased: bool, from: Span, to: Span) {
        let layer = &self.layers()[at.layer];
        let (entry, rows, inner) = match direction {
            Direction::Forward => (EntryPoint::Forward, layer.outputs as u32, layer.inputs as u32),
            Direction::Backward => (EntryPoint::Backward, layer.inputs as u32, layer.outputs as u32),
        };
        let quads_of = |channels: usize| channels as u32 * self.quads();
        let quads = quads_of(from.count);
        let uniform = Product {
            rows,
            inner,
            quads,
            value_quads: if is_biased { self.quads() } else { 0 },
            weights: layer.weights().start as u32,
            biases: layer.biases().start as u32,
            width: layer.inputs as u32,
            input_row: quads_of(from.row),
            input_start: quads_of(from.start),
            output_row: quads_of(to.row),
            output_start: quads_of(to.start),
        };
        let (input, output) = (self.of(from), self.of(to));
        let buffers = [(1, Read, &self.state.parameters), (2, Read, input), (3, Write, output)];
        let units = self.device.matrix_units;
        match Matmul::of(units, [rows, inner], quads, self.tiles().linear) {
            Matmul::F32(tile) => {
                let grid = [quads.div_ceil(tile.quads), rows.div_ceil(tile.rows), 1];
                self.push((shaders::linear(tile), entry), bytes_of(&uniform), &buffers, grid);
            }
            Matmul::F16(tile) => {
                let (abs_max, first_layer) = (self.abs_max(), self.workspace.lowered.first_layer(at.network));
                let factor = Factor {
                    buffer: input.clone(),
                    rows: inner,
                    columns: 4 * quads,
                    row: 4 * uniform.input_row,
                    start: 4 * uniform.input_start,
                };
                let of_input = self.largest_of(abs_max, factor);
                let buffers =
                    [&buffers[..], &[(4, Read, &abs_max.matrices[first_layer + at.layer]), (5, Read, of_input)]]
                        .concat();
                let grid = [(4 * quads).div_ceil(tile.columns()), rows.div_ceil(tile.rows()), 1];
                self.push((shaders::linear_f16(tile), entry), bytes_of(&uniform), &buffers, grid);
            }
        }
    }

    /// The partial sums of the weight gradients of some layers.
    pub fn weight_gradients(&mut self, layers: &[LayerGradient]) {
        let (column_quads, tiles) = (self.column_quads(), self.tiles());
        let first = &self.layers()[layers[0].at.layer];
        let units = self.device.matrix_units.filter(|_| layers.len() == 1);
        match GradientMatmul::of(units, first, column_quads, tiles) {
            GradientMatmul::F32(tile) => self.weight_gradients_f32(layers, tile),
            GradientMatmul::F16(tile) => self.weight_gradient_f16(layers[0], tile),
        }
    }

    /// Those of layers that have tiles of the same size, in up to [`PAIRS`] pairs of z_bar and a.
    fn weight_gradients_f32(&mut self, layers: &[LayerGradient], tile: GradientTile) {
        let quads = self.quads();
        let (mut uniform, mut first, mut pairs) = (vec![], 0, vec![]);
        for gradient in layers {
            let pair = (self.of(gradient.bar), self.of(gradient.input));
            let known = pairs.iter().position(|known| *known == pair);
            let pair = known.unwrap_or_else(|| {
                pairs.push(pair);
                pairs.len() - 1
            });
            let counts = tile.count(&self.layers()[gradient.at.layer]);
            let start = |span: Span| span.offset as u32 * quads;
            let starts = (start(gradient.bar), start(gradient.input));
            let layer = self.gradient_layer(gradient.at, first, counts, starts, pair as u32);
            first += layer.splits * counts[0] * counts[1];
            uniform.push(layer);
        }
        let mut buffers = vec![(3, Write, self.workspace.partials())];
        for (pair, bindings) in [(1, 2), (4, 5), (6, 7)].into_iter().enumerate().take(PAIRS) {
            // Any buffers stand in for those that are not read.
            let (z_bar, a) = *pairs.get(pair).unwrap_or(&pairs[0]);
            buffers.extend([(bindings.0, Read, z_bar), (bindings.1, Read, a)]);
        }
        let kernel = (shaders::weight_gradient(tile, layers.len()), EntryPoint::WeightGradient);
        self.push(kernel, bytemuck::cast_slice(&uniform), &buffers, flat(first));
    }

    /// `weight_gradient_f16.wgsl` for a layer.
    fn weight_gradient_f16(&mut self, gradient: LayerGradient, tile: F16Tile) {
        let layer = &self.layers()[gradient.at.layer];
        let (outputs, inputs, columns) = (layer.outputs as u32, layer.inputs as u32, 4 * self.column_quads());
        let abs_max = self.abs_max();
        let (z_bar, a) = (self.of(gradient.bar), self.of(gradient.input));
        let factors = [(z_bar, outputs), (a, inputs)].map(|(buffer, rows)| Factor {
            buffer: buffer.clone(),
            rows,
            columns,
            row: columns,
            start: 0,
        });
        let [of_z_bar, of_a] = factors.map(|factor| self.largest_of(abs_max, factor));
        let counts = [inputs.div_ceil(tile.columns()), outputs.div_ceil(tile.rows())];
        let uniform = self.gradient_layer(gradient.at, 0, counts, (0, 0), 0);
        let buffers = [
            (1, Read, z_bar),
            (2, Read, a),
            (3, Write, self.workspace.partials()),
            (4, Read, of_z_bar),
            (5, Read, of_a),
        ];
        let kernel = (shaders::weight_gradient_f16(tile), EntryPoint::WeightGradient);
        let groups = uniform.splits * counts[0] * counts[1];
        self.push(kernel, bytes_of(&uniform), &buffers, flat(groups));
    }

    /// A layer of a weight gradient whose workgroups begin with `first`, with so many tiles along its inputs and outputs.
    fn gradient_layer(
        &self,
        at: At,
        first: u32,
        [tiles_in, _]: [u32; 2],
        (z_bar_start, a_start): (u32, u32),
        pair: u32,
    ) -> GradientLayer {
        let (layer, part) = (&self.layers()[at.layer], self.part(at.layer));
        GradientLayer {
            first,
            tiles_in,
            outputs: layer.outputs as u32,
            inputs: layer.inputs as u32,
            quads: self.column_quads(),
            value_quads: self.quads(),
            partials: part.start,
            splits: part.splits,
            z_bar_start,
            a_start,
            pair,
            padding: 0,
        }
    }

    /// The largest numbers of factors; a device with matrix units for f16 has them.
    fn abs_max(&self) -> &'a AbsMax {
        self.state.abs_max.as_ref().expect("a device with matrix units")
    }

    /// The largest number of each W that is a factor of an f16 product.
    pub fn measure_weights(&mut self) {
        let Some(abs_max) = self.state.abs_max.as_ref() else { return };
        // The first layer's own kernel takes no f16 products; in adjoint mode it is as any other.
        let first = self.workspace.lowered.first_gradient(self.network);
        let matrices = &abs_max.matrices[self.workspace.lowered.first_layer(self.network)..];
        for (layer, to) in self.layers().iter().zip(matrices).skip(first) {
            if is_wide(layer) {
                let (rows, columns) = (layer.outputs as u32, layer.inputs as u32);
                let (buffer, start) = (self.state.parameters.clone(), layer.weights().start as u32);
                self.measure(&Factor { buffer, rows, columns, row: columns, start }, to);
            }
        }
    }

    /// `abs_max.wgsl` on a factor.
    fn measure(&mut self, factor: &Factor, to: &wgpu::Buffer) {
        let Factor { ref buffer, rows, columns, row, start } = *factor;
        let uniform = MeasuredFactor { rows, columns, row, start, across: workgroups_of_a_row(rows) };
        let buffers: [Bound; 2] = [(1, Read, buffer), (2, Write, to)];
        let kernel = (shaders::abs_max(), EntryPoint::AbsMax);
        self.push(kernel, bytes_of(&uniform), &buffers, [ABS_MAX_WORKGROUPS, 1, 1]);
    }

    /// Where the largest number of jets or cotangents is: measured now, if it is not known from before.
    fn largest_of(&mut self, abs_max: &'a AbsMax, factor: Factor) -> &'a wgpu::Buffer {
        if let Some((_, slot)) = self.measured.iter().find(|(known, _)| known.holds(&factor)) {
            return &abs_max.factors[*slot];
        }
        let is_free = |slot: &usize| self.measured.iter().all(|(_, taken)| taken != slot);
        let free = (0..abs_max.factors.len()).find(is_free);
        // The oldest gives way, which is no factor of the same product: there are more than two.
        let slot = free.unwrap_or_else(|| self.measured.remove(0).1);
        self.measure(&factor, &abs_max.factors[slot]);
        self.measured.push((factor, slot));
        &abs_max.factors[slot]
    }
}
