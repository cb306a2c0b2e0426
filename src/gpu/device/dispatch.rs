//! Kernels over grids, bound to their buffers.

use super::Device;
use super::kernel::Access::{self, Uniform};
use super::kernel::{EntryPoint, Kernel, Source};

/// The most threads of a workgroup that every adapter has.
pub const MOST_THREADS: u32 = 256;
/// Threads a workgroup of the kernels with one thread an element: two wavefronts or one, enough to
/// hide a load behind another.
pub const THREADS: u32 = 64;

/// One kernel over one grid.
pub struct Dispatch {
    pub kernel: Kernel,
    pub group: wgpu::BindGroup,
    pub grid: [u32; 3],
}

impl Dispatch {
    /// A kernel with its uniform at binding 0 and the buffers at theirs.
    pub fn new(
        device: &mut Device,
        (source, entry): (Source, EntryPoint),
        uniform: &[u8],
        buffers: &[(u32, Access, &wgpu::Buffer)],
        grid: [u32; 3],
    ) -> Self {
        let bindings: Vec<_> = [(0, Uniform)].into_iter().chain(buffers.iter().map(|b| (b.0, b.1))).collect();
        let kernel = device.kernel(source, entry, &bindings);
        let uniform = device.uniform(uniform);
        let buffers: Vec<_> = [(0, &uniform)].into_iter().chain(buffers.iter().map(|b| (b.0, b.2))).collect();
        let group = device.bind(&kernel, &buffers);
        Self { kernel, group, grid }
    }
}

/// Some dispatches in order.
pub type Plan = Vec<Dispatch>;

/// Encodes a plan; `step` is the ring with the slot of this chunk's numbers.
pub fn encode<'a>(
    plan: impl IntoIterator<Item = &'a Dispatch>,
    pass: &mut wgpu::ComputePass<'_>,
    step: (&wgpu::BindGroup, u32),
) {
    for dispatch in plan {
        pass.set_pipeline(&dispatch.kernel.pipeline);
        pass.set_bind_group(0, &dispatch.group, &[]);
        if dispatch.kernel.reads_step {
            pass.set_bind_group(1, step.0, &[step.1]);
        }
        pass.dispatch_workgroups(dispatch.grid[0], dispatch.grid[1], dispatch.grid[2]);
    }
}

/// Workgroups of [`THREADS`] for `threads` threads.
pub fn grid(threads: u32) -> [u32; 3] {
    flat(threads.div_ceil(THREADS))
}

/// `groups` workgroups, in two dimensions where one does not hold them; kernels leave the excess.
pub fn flat(groups: u32) -> [u32; 3] {
    let x = groups.clamp(1, 65_535);
    [x, groups.div_ceil(x).max(1), 1]
}
