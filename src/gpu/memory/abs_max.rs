//! The largest numbers of the factors of f16 products.

use crate::gpu::device::Device;
use crate::gpu::device::matrix_units::ABS_MAX_WORKGROUPS;

/// The largest numbers of factors, as `abs_max.wgsl` leaves them.
pub struct AbsMax {
    /// Of each layer's W.
    pub matrices: Vec<wgpu::Buffer>,
    /// Of jets and cotangents: as many as a layer's gradient finds again of what the layers before it read.
    pub factors: Vec<wgpu::Buffer>,
}

impl AbsMax {
    pub fn new(device: &Device, layers: usize) -> Self {
        let buffer = || device.storage("largest", 4 * u64::from(ABS_MAX_WORKGROUPS));
        let buffers = |count: usize| (0..count).map(|_| buffer()).collect();
        Self { matrices: buffers(layers), factors: buffers(layers + 2) }
    }
}
