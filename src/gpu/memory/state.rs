//! What a model and its optimizer keep on the device.

use crate::gpu::device::Device;
use crate::gpu::device::uniforms::Status;
use crate::gpu::memory::abs_max::AbsMax;
use crate::gpu::shaders::Groups;
use crate::network::NetworkSpec;

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
    pub abs_max: Option<AbsMax>,
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
            abs_max: device.matrix_units.map(|_| AbsMax::new(device, spec.layers().len())),
            count,
        }
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        4 * (4 * self.count + blocks(self.count)) as u64 + size_of::<Status>() as u64
    }
}
