//! What a model and its optimizer keep on the device.

use bytemuck::{Pod, Zeroable};

use crate::gpu::device::Device;
use crate::gpu::memory::abs_max::Largest;
use crate::gpu::shaders::Groups;
use crate::network::NetworkSpec;

/// The status that kernels leave: the twin of `Status` in `shaders/shared/status.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub struct Status {
    pub diverged: [u32; 2],
    pub norm: f32,
    pub padding: u32,
}

/// Blocks of P numbers each, and the status.
pub struct State {
    pub parameters: wgpu::Buffer,
    pub gradient: wgpu::Buffer,
    pub first_moment: wgpu::Buffer,
    pub second_moment: wgpu::Buffer,
    /// Sums of squares of blocks of the gradient.
    pub squares: wgpu::Buffer,
    pub status: wgpu::Buffer,
    /// Where products are in f16.
    pub largest: Option<Largest>,
    count: usize,
}

/// Numbers of the sums of squares.
fn blocks(count: usize) -> usize {
    Groups::of_splits(count as u32).tiles(count as u32) as usize
}

impl State {
    /// For a network's parameters, all 0.
    pub fn new(device: &Device, spec: &NetworkSpec) -> Self {
        let count = spec.parameters();
        let numbers = |label: &str, count: usize| device.storage(label, 4 * count as u64);
        Self {
            parameters: numbers("parameters", count),
            gradient: numbers("gradient", count),
            first_moment: numbers("first moment", count),
            second_moment: numbers("second moment", count),
            squares: numbers("squares", blocks(count)),
            status: device.storage("status", size_of::<Status>() as u64),
            largest: device.halves.map(|_| Largest::new(device, spec.layers().len())),
            count,
        }
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        4 * (4 * self.count + blocks(self.count)) as u64 + size_of::<Status>() as u64
    }
}
