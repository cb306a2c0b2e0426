//! Products on a device's matrix units, of f16 numbers: what the device has of it, the tiles, and the dispatches.

use crate::gpu::device::dispatch::flat;
use crate::gpu::device::kernel::Access::{self, Read, Write};
use crate::gpu::device::matrix_units::Halves;
use crate::gpu::memory::abs_max::Largest;
use crate::gpu::plan::Planner;
use crate::gpu::shaders;
use crate::gpu::tuning::f16_tiles::{LARGEST, is_wide, workgroups_of_a_row};
use crate::network::Layer;

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
    /// What products in f16 go by, where this device is to compute them.
    fn halves(&self) -> Option<(Halves, &'a Largest)> {
        Some((self.device.halves?, self.state.largest.as_ref()?))
    }

    /// The largest number of each W that is a factor of such products.
    pub fn largest_weights(&mut self) {
        let Some((_, largest)) = self.halves() else { return };
        // The first layer's own kernel takes no products in f16; in adjoint mode it has adjoints.
        let first = self.workspace.demand.first_gradient();
        for (layer, to) in self.spec.layers().iter().zip(&largest.matrices).skip(first) {
            if is_wide(layer) {
                let (rows, columns) = (layer.outputs as u32, layer.inputs as u32);
                let (buffer, start) = (self.state.parameters.clone(), layer.weights().start as u32);
                self.measure(&Factor { buffer, rows, columns, row: columns, start }, to);
            }
        }
    }

    /// `largest.wgsl` on a factor.
    fn measure(&mut self, factor: &Factor, to: &wgpu::Buffer) {
        let Factor { ref buffer, rows, columns, row, start } = *factor;
        let constants = [rows, columns, row, start, workgroups_of_a_row(rows)];
        let buffers = [(1, Read, buffer), (2, Write, to)];
        self.push((shaders::largest(), "largest_of", false), &constants, &buffers, [LARGEST, 1, 1]);
    }

    /// Where the largest number of jets or cotangents is: measured now, if it is not known from before.
    fn largest_of(&mut self, largest: &'a Largest, factor: Factor) -> &'a wgpu::Buffer {
        if let Some((_, slot)) = self.measured.iter().find(|(known, _)| known.holds(&factor)) {
            return &largest.factors[*slot];
        }
        let is_free = |slot: &usize| self.measured.iter().all(|(_, taken)| taken != slot);
        let free = (0..largest.factors.len()).find(is_free);
        // The oldest gives way, which is no factor of the same product: there are more than two.
        let slot = free.unwrap_or_else(|| self.measured.remove(0).1);
        self.measure(&factor, &largest.factors[slot]);
        self.measured.push((factor, slot));
        &largest.factors[slot]
    }

    /// `linear_f16.wgsl`, where this is a product for it; `constants` and `buffers` are those of `linear.wgsl`.
    pub fn product_of_halves(
        &mut self,
        entry: &'static str,
        constants: &[u32; 11],
        buffers: &[(u32, Access, &wgpu::Buffer); 3],
    ) -> bool {
        let &[rows, inner, quads, _, start, _, _, input_row, input_start, ..] = constants;
        let Some((halves, largest)) = self.halves().filter(|_| Halves::suit([rows, inner], 4 * quads)) else {
            return false;
        };
        let layer = self.spec.layers().iter().position(|layer| layer.weights().contains(&(start as usize)));
        let of_matrix = &largest.matrices[layer.expect("a matrix is part of a layer's W")];
        let buffer = buffers[1].2.clone();
        let input = Factor { buffer, rows: inner, columns: 4 * quads, row: 4 * input_row, start: 4 * input_start };
        let of_input = self.largest_of(largest, input);
        let tile = halves.tile(rows, 4 * quads);
        let buffers = [&buffers[..], &[(4, Read, of_matrix), (5, Read, of_input)]].concat();
        let grid = [(4 * quads).div_ceil(tile.columns()), rows.div_ceil(tile.rows()), 1];
        self.push((shaders::linear_f16(tile), entry, false), constants, &buffers, grid);
        true
    }

    /// `weight_gradient_f16.wgsl` for a layer, where its gradient is one for it; the partial sums start at `start`.
    pub fn gradient_of_halves(
        &mut self,
        layer: &Layer,
        (start, splits): (u32, u32),
        buffers: &[(u32, Access, &wgpu::Buffer); 3],
    ) -> bool {
        let (outputs, inputs, quads) = (layer.outputs as u32, layer.inputs as u32, self.column_quads());
        let Some((halves, largest)) = self.halves().filter(|_| Halves::suit([outputs, inputs], 4 * quads)) else {
            return false;
        };
        let factors = [(buffers[0].2, outputs), (buffers[1].2, inputs)].map(|(buffer, rows)| {
            let (buffer, columns) = (buffer.clone(), 4 * quads);
            Factor { buffer, rows, columns, row: columns, start: 0 }
        });
        let [of_z_bar, of_a] = factors.map(|factor| self.largest_of(largest, factor));
        let [_, tile, _] = halves.tiles();
        let [along_in, along_out] = [inputs.div_ceil(tile.columns()), outputs.div_ceil(tile.rows())];
        let constants = [0, along_in, outputs, inputs, quads, self.quads(), start, splits, 0, 0, 0, 0];
        let buffers = [&buffers[..], &[(4, Read, of_z_bar), (5, Read, of_a)]].concat();
        let source = shaders::weight_gradient_f16(tile);
        self.push((source, "weight_gradient", false), &constants, &buffers, flat(splits * along_in * along_out));
        true
    }
}
