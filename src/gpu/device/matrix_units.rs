//! What a device has of matrix units for f16, and the tiles of products on them.

use super::dispatch::MOST_THREADS;

/// Workgroups of `abs_max.wgsl`, of which each leaves a number.
pub const ABS_MAX_WORKGROUPS: u32 = 256;
/// Quads of f16 numbers behind each row of a slice, so that eight rows begin in different banks.
pub const PAD: u32 = 2;

/// Products in f16 on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixUnits {
    /// Its matrix units multiply matrices of SIZE by SIZE f16 numbers.
    pub size: u32,
    /// The most threads of a subgroup.
    pub lanes: u32,
    /// f16 parts of a number.
    pub parts: u32,
}

impl MatrixUnits {
    /// What `wgpu` must be asked for.
    pub const FEATURES: wgpu::Features = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX
        .union(wgpu::Features::SHADER_F16)
        .union(wgpu::Features::SUBGROUP);

    /// With so many f16 parts for each number; the largest matrices of an adapter, if it has any with sums in f32.
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
        let fits = |tile: F16Tile| tile.threads() <= MOST_THREADS && tile.bytes() <= memory;
        found.tiles().into_iter().all(fits).then_some(found)
    }

    /// The large tile of a product, that of a weight gradient, and the small one of a product.
    ///
    /// With two f16 numbers there is more to multiply with each fragment that a product brings, so its subgroups take more
    /// fragments; docs/tuning.md.
    pub fn tiles(self) -> [F16Tile; 3] {
        // Larger subgroups are fewer, and have more fragments.
        let least = if self.lanes > 32 { 4 } else { 2 };
        let large =
            |columns: u32| F16Tile { of: self, block_rows: 4, block_columns: columns, down: 2, across: 8 / columns };
        let small = F16Tile { of: self, block_rows: 2, block_columns: 2, down: 2, across: 2 };
        [large(if self.parts > 1 { 4 } else { least }), large(least), small]
    }
}

/// A tile of `linear_f16.wgsl` and of `weight_gradient_f16.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct F16Tile {
    pub of: MatrixUnits,
    /// Fragments of a subgroup.
    pub block_rows: u32,
    pub block_columns: u32,
    /// Subgroups.
    pub down: u32,
    pub across: u32,
}

impl F16Tile {
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
        let rows_in_f16 = 2 * self.of.parts * self.rows() * (self.slice() / 4 + PAD) * 8;
        let sums = 4 * self.subgroups() * self.of.size * self.of.size;
        rows_in_f16 + sums + self.rows() * self.slice()
    }

    pub fn subgroups(self) -> u32 {
        self.down * self.across
    }

    pub fn threads(self) -> u32 {
        self.subgroups() * self.of.lanes
    }
}
