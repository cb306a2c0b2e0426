//! What is told of an adapter.

use std::fmt;

/// What an adapter is, for the `devices` command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterInfo {
    /// Its name: `NVIDIA GeForce RTX 4090`, `llvmpipe (LLVM 19.1.7, 256 bits)`.
    pub name: String,
    /// Vulkan, Metal or DX12.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// Discrete, integrated, virtual, software or other.
    pub kind: AdapterKind,
    /// The largest buffer that a kernel can bind, in bytes.
    pub max_binding_bytes: u64,
    /// The largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Workgroups in one dimension of a dispatch.
    pub max_workgroups: u32,
    /// Threads in a workgroup (256 are needed).
    pub max_workgroup_threads: u32,
    /// Memory of a workgroup, in bytes (12 KiB are needed).
    pub workgroup_memory_bytes: u32,
    /// Whether steps can be timed by the device's own clock.
    pub timestamps: bool,
    /// The size of the matrices of f16, with sums in f32, that its matrix units multiply, where it has such.
    pub matrix_units: Option<u32>,
}

impl AdapterInfo {
    /// What `bench --tune` remembers it by: another driver may want other tiles.
    pub fn key(&self) -> String {
        format!("{} ({}, {})", self.name, self.backend, self.driver)
    }

    /// Whether it is what `gpu` and `auto` may take.
    pub fn is_hardware(&self) -> bool {
        self.kind != AdapterKind::Software
    }
}

/// What stands behind an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdapterKind {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares the memory of the CPU.
    Integrated,
    /// A GPU lent to a virtual machine.
    Virtual,
    /// Something that its driver does not say.
    Other,
    /// The CPU: llvmpipe, SwiftShader, WARP. Taken only by name.
    Software,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AdapterKind::Discrete => "discrete GPU",
            AdapterKind::Integrated => "integrated GPU",
            AdapterKind::Virtual => "virtual GPU",
            AdapterKind::Other => "other",
            AdapterKind::Software => "software",
        })
    }
}
