//! Which adapters there are, and which one a name means.

use std::fmt;

use super::halves::Halves;
use crate::error::{Error, Result};

/// What an adapter is, for the `devices` command.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The adapters, the best hardware first, software last.
pub fn adapters() -> Vec<AdapterInfo> {
    enumerate().iter().map(describe).collect()
}

/// All adapters of the enabled backends, the best hardware first; the driver's order among equals.
fn enumerate() -> Vec<wgpu::Adapter> {
    // WGPU_BACKEND and its like may narrow the choice.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    adapters.sort_by_key(|adapter| kind(&adapter.get_info()) as u8);
    adapters
}

fn kind(info: &wgpu::AdapterInfo) -> AdapterKind {
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Cpu => AdapterKind::Software,
        wgpu::DeviceType::Other => AdapterKind::Other,
    }
}

/// What [`adapters`] tells of one adapter.
pub(super) fn describe(adapter: &wgpu::Adapter) -> AdapterInfo {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    AdapterInfo {
        kind: kind(&info),
        backend: backend_name(info.backend),
        driver: [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_string(),
        name: info.name,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        max_workgroups: limits.max_compute_workgroups_per_dimension,
        max_workgroup_threads: limits.max_compute_invocations_per_workgroup,
        workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
        timestamps: adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY),
        matrix_units: Halves::of(adapter, 2).map(|halves| halves.size),
    }
}

/// As its makers write it.
pub(super) fn backend_name(backend: wgpu::Backend) -> String {
    match backend {
        wgpu::Backend::Dx12 => "DX12".to_string(),
        other => format!("{other:?}"),
    }
}

/// An adapter's name with its backend, as messages list it and choices may name it.
fn full_name(adapter: &wgpu::Adapter) -> String {
    let info = adapter.get_info();
    format!("{} ({})", info.name, backend_name(info.backend))
}

/// The adapter that `choice` means: `gpu` is the best hardware, anything else a part of a full name
/// in any case of letters.
pub(super) fn choose(choice: &str) -> Result<wgpu::Adapter> {
    let mut adapters = enumerate();
    let wanted = choice.to_lowercase();
    let matches = |adapter: &wgpu::Adapter| match wanted.as_str() {
        "gpu" => kind(&adapter.get_info()) != AdapterKind::Software,
        _ => full_name(adapter).to_lowercase().contains(&wanted),
    };
    if let Some(index) = adapters.iter().position(matches) {
        return Ok(adapters.swap_remove(index));
    }
    let problem = match wanted.as_str() {
        "gpu" => "this machine has no hardware GPU with a Vulkan, Metal or DX12 driver".to_string(),
        _ => format!("no adapter's name contains {choice:?}"),
    };
    let names: Vec<_> = adapters.iter().map(full_name).collect();
    let mend = if names.is_empty() {
        "use \"cpu\": there is no adapter at all (on Debian, mesa-vulkan-drivers brings a software one)".to_string()
    } else {
        format!("use \"cpu\", or a part of one of these names: {}", names.join(", "))
    };
    Err(Error::input("device", problem, mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_what_there_is() {
        let error = choose("no such adapter").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        for adapter in adapters() {
            assert!(message.contains(&adapter.name), "{message}");
        }
    }
}
