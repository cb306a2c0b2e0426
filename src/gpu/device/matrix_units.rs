//! What a device has of matrix units for f16.

use crate::gpu::tuning::f16_tiles::HalvesTile;
use crate::gpu::tuning::tiles::MOST_THREADS;

/// Products in f16 on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halves {
    /// Its matrix units multiply matrices of SIZE by SIZE f16 numbers.
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
        let fits = |tile: HalvesTile| tile.threads() <= MOST_THREADS && tile.bytes() <= memory;
        found.tiles().into_iter().all(fits).then_some(found)
    }
}
