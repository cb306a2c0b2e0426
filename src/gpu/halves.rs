//! Products on a device's matrix units, of numbers as halves (f16): what the device has of it, the tiles, and the dispatches.

use super::device::Device;
use super::kernel::Access::{self, Read, Write};
use super::plan::{Planner, flat};
use super::shader;
use super::tiles::{AT_ONCE, MOST_THREADS};
use crate::network::{Layer, NetworkSpec, Precision};

/// Workgroups of `largest.wgsl`, of which each leaves a number.
pub const LARGEST: u32 = 256;
/// Inputs and outputs of a layer from which on its products are for matrix units. With 128 an H100's step takes 0.45 ms with
/// two halves and 0.41 in f32 (10 inputs, 1024 points): what halves save goes to finding scales. With 256 it is 1.02 and 1.10.
const LEAST_WIDTH: u32 = 192;
/// The columns: with fewer, half of the small tile would be empty.
const LEAST_COLUMNS: u32 = 32;
/// Quads of halves behind each row of a slice, so that eight rows begin in different banks.
pub const PAD: u32 = 2;

/// Products of halves on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halves {
    /// Its matrix units multiply matrices of SIZE by SIZE halves.
    pub size: u32,
    /// The most threads of a subgroup.
    pub lanes: u32,
    /// Halves of a number.
    pub parts: u32,
}

impl Halves {
    /// What `wgpu` must be asked for.
    pub const FEATURES: wgpu::Features = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX
        .union(wgpu::Features::SHADER_F16)
        .union(wgpu::Features::SUBGROUP);

    /// Of so many halves a number; the largest matrices of an adapter, if it has any with sums in f32.
    pub fn of(adapter: &wgpu::Adapter, parts: u32) -> Option<Self> {
        use wgpu::CooperativeScalarType::{F16, F32};
        if !adapter.features().contains(Self::FEATURES) {
            return None;
        }
        let sizes = adapter.cooperative_matrix_properties().into_iter().filter_map(|p| {
            let is_square = p.m_size == p.n_size && p.n_size == p.k_size;
            (is_square && p.ab_type == F16 && p.cr_type == F32).then_some(p.m_size)
        });
        let found = Self { size: sizes.max()?, lanes: adapter.get_info().subgroup_max_size, parts };
        let memory = adapter.limits().max_compute_workgroup_storage_size;
        let fits = |tile: HalvesTile| tile.threads() <= MOST_THREADS && tile.bytes() <= memory;
        found.tiles().into_iter().all(fits).then_some(found)
    }

    /// Whether a product with W of these two widths, or its gradient, over so many columns is one for matrix units.
    pub fn suit(widths: [u32; 2], columns: u32) -> bool {
        are_wide(widths) && columns >= LEAST_COLUMNS
    }

    /// The large tile of a product, that of a weight gradient, and the small one of a product.
    ///
    /// Of two halves there is more to multiply with each fragment that a product brings, so that an H100 does E's products in
    /// 8.6 ms with 4 by 4 fragments a subgroup and in 12.2 with 4 by 2; its weight gradients take 5.6 and 4.3. Of one half
    /// its products forward take 3.0 and 2.7.
    pub fn tiles(self) -> [HalvesTile; 3] {
        // Larger subgroups are fewer, and have more fragments.
        let least = if self.lanes > 32 { 4 } else { 2 };
        let large =
            |columns: u32| HalvesTile { of: self, block_rows: 4, block_columns: columns, down: 2, across: 8 / columns };
        let small = HalvesTile { of: self, block_rows: 2, block_columns: 2, down: 2, across: 2 };
        [large(if self.parts > 1 { 4 } else { least }), large(least), small]
    }

    /// The tile for a product: the large one where it keeps a GPU busy.
    fn tile(self, rows: u32, columns: u32) -> HalvesTile {
        let [large, _, small] = self.tiles();
        let groups = rows.div_ceil(large.rows()) * columns.div_ceil(large.columns());
        if groups >= AT_ONCE { large } else { small }
    }
}

/// Whether these are the widths of a W for matrix units.
fn are_wide(widths: [u32; 2]) -> bool {
    widths.into_iter().all(|width| width >= LEAST_WIDTH)
}

/// The same of a layer.
pub fn is_wide(layer: &Layer) -> bool {
    are_wide([layer.inputs as u32, layer.outputs as u32])
}

/// Whether a network has a layer for matrix units.
pub fn have_use(spec: &NetworkSpec) -> bool {
    spec.layers().iter().any(is_wide)
}

/// A warning where products are to be of halves and the network has no layer for them.
pub fn unused(spec: &NetworkSpec, precision: Precision) -> Option<String> {
    (precision.halves() > 0 && !have_use(spec)).then(|| {
        format!("{precision}: no layer has {LEAST_WIDTH} inputs and outputs or more, so that all products are f32's")
    })
}

/// A tile of `linear_f16.wgsl` and of `weight_gradient_f16.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalvesTile {
    pub of: Halves,
    /// Fragments of a subgroup.
    pub block_rows: u32,
    pub block_columns: u32,
    /// Subgroups.
    pub down: u32,
    pub across: u32,
}

impl HalvesTile {
    pub fn rows(self) -> u32 {
        self.of.size * self.block_rows * self.down
    }

    pub fn columns(self) -> u32 {
        self.of.size * self.block_columns * self.across
    }

    /// How deep a slice of both factors is: each thread brings at least four numbers of it.
    pub fn slice(self) -> u32 {
        self.of.size.max(4 * self.threads() / self.rows())
    }

    /// Of workgroup memory, for a weight gradient, which takes more of it than a product.
    pub fn bytes(self) -> u32 {
        let rows_of_halves = 2 * self.of.parts * self.rows() * (self.slice() / 4 + PAD) * 8;
        let sums = 4 * self.subgroups() * self.of.size * self.of.size;
        rows_of_halves + sums + self.rows() * self.slice()
    }

    pub fn subgroups(self) -> u32 {
        self.down * self.across
    }

    pub fn threads(self) -> u32 {
        self.subgroups() * self.of.lanes
    }
}

/// The largest numbers of factors, as `largest.wgsl` leaves them.
pub struct Largest {
    /// Of each layer's W.
    matrices: Vec<wgpu::Buffer>,
    /// Of jets and cotangents: as many as a layer's gradient finds again of what the layers before it read.
    factors: Vec<wgpu::Buffer>,
}

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

impl Largest {
    pub fn new(device: &Device, layers: usize) -> Self {
        let buffer = || device.storage("largest", 4 * u64::from(LARGEST));
        let buffers = |count: usize| (0..count).map(|_| buffer()).collect();
        Self { matrices: buffers(layers), factors: buffers(layers + 2) }
    }
}

impl<'a> Planner<'a> {
    /// What products of halves go by, where this device is to compute them.
    fn halves(&self) -> Option<(Halves, &'a Largest)> {
        Some((self.device.halves?, self.state.largest.as_ref()?))
    }

    /// The largest number of each W that is a factor of such products.
    pub fn largest_weights(&mut self) {
        let Some((_, largest)) = self.halves() else { return };
        // The first layer's own kernel takes no products of halves; in mixed mode it has adjoints.
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
        self.push((shader::largest(), "largest_of", false), &constants, &buffers, [LARGEST, 1, 1]);
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
        self.push((shader::linear_f16(tile), entry, false), constants, &buffers, grid);
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
        let source = shader::weight_gradient_f16(tile);
        self.push((source, "weight_gradient", false), &constants, &buffers, flat(splits * along_in * along_out));
        true
    }
}

/// Workgroups of `largest.wgsl` that share each of so many rows: a power of two.
pub fn workgroups_of_a_row(rows: u32) -> u32 {
    (LARGEST / rows.max(1)).next_power_of_two().clamp(1, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Activation;

    #[test]
    fn narrow_networks_have_no_use_for_halves() {
        let found = |hidden: &[usize], precision| {
            let (hidden, activation) = (hidden.to_vec(), Activation::Tanh);
            unused(&NetworkSpec { inputs: 2, hidden, outputs: 1, activation, coefficients: 0 }, precision)
        };
        assert!(found(&[64, 64], Precision::F16).unwrap().starts_with("f16: no layer has 192"));
        assert!(found(&[256, 191, 256], Precision::F16x2).is_some());
        assert_eq!(found(&[64, 192, 192], Precision::F16x2), None);
        assert_eq!(found(&[64, 64], Precision::F32), None);
    }
}
