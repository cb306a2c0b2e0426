//! Which adapters there are, and which one a name means.

use std::sync::OnceLock;

use crate::error::{Error, Result, suggest};
use crate::gpu::adapter_info::{AdapterInfo, AdapterKind};
use crate::gpu::device::guard::guard;
use crate::gpu::device::matrix_units::MatrixUnits;

/// The adapters, the best hardware first, software last. They are asked for once in a process: drivers take their time.
///
/// # Errors
/// [`Error::Input`] for a `WGPU_BACKEND` that means no backend; [`Error::Device`] where a driver fails.
pub fn adapters() -> Result<Vec<AdapterInfo>> {
    static KNOWN: OnceLock<Vec<AdapterInfo>> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(known.clone());
    }
    let found = guard("gpu", || Ok(enumerate()?.iter().map(describe).collect()))?;
    Ok(KNOWN.get_or_init(|| found).clone())
}

/// All adapters of the backends that `WGPU_BACKEND` leaves, the best hardware first; the driver's order among equals.
fn enumerate() -> Result<Vec<wgpu::Adapter>> {
    let backends = std::env::var(BACKEND).map_or(Ok(wgpu::Backends::all()), |names| backends(&names))?;
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor { backends, ..descriptor });
    let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    adapters.sort_by_key(|adapter| kind(&adapter.get_info()) as u8);
    Ok(adapters)
}

/// The environment variable that narrows the choice to some backends.
const BACKEND: &str = "WGPU_BACKEND";

/// The backends in a list of their names, which wgpu itself takes without a word for none where it knows none of them.
fn backends(names: &str) -> Result<wgpu::Backends> {
    let ours = wgpu::Instance::enabled_backend_features();
    let known = |name: &&str| ours.intersects(wgpu::Backends::from_comma_list(name));
    let known: Vec<_> = ["vulkan", "vk", "metal", "mtl", "dx12", "d3d12"].into_iter().filter(known).collect();
    let mut all = wgpu::Backends::empty();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let named = wgpu::Backends::from_comma_list(name);
        if named.is_empty() {
            let problem = format!("unknown backend {name:?}");
            return Err(Error::input(BACKEND, problem, suggest(name, &known)));
        }
        all |= named;
    }
    match all {
        none if none.is_empty() => Ok(ours),
        others if !others.intersects(ours) => {
            let problem = format!("{names:?} contains no backend that is available on this system");
            Err(Error::input(BACKEND, problem, suggest(names, &known)))
        }
        all => Ok(all),
    }
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
pub fn describe(adapter: &wgpu::Adapter) -> AdapterInfo {
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
        matrix_units: MatrixUnits::of(adapter, 2).map(|units| units.size),
    }
}

/// As its makers write it.
pub fn backend_name(backend: wgpu::Backend) -> String {
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
pub fn choose(choice: &str) -> Result<wgpu::Adapter> {
    let mut adapters = enumerate()?;
    let wanted = choice.to_lowercase();
    let matches = |adapter: &wgpu::Adapter| match wanted.as_str() {
        "gpu" => kind(&adapter.get_info()) != AdapterKind::Software,
        _ => full_name(adapter).to_lowercase().contains(&wanted),
    };
    if let Some(index) = adapters.iter().position(matches) {
        return Ok(adapters.swap_remove(index));
    }
    let problem = match wanted.as_str() {
        "gpu" => "no hardware GPU with a Vulkan, Metal or DX12 driver was found".to_string(),
        _ => format!("no adapter has a name that contains {choice:?}"),
    };
    let names: Vec<_> = adapters.iter().map(full_name).collect();
    let help = if names.is_empty() {
        "use \"cpu\": no adapter was found (on Debian, mesa-vulkan-drivers provides a software adapter)".to_string()
    } else {
        format!("use \"cpu\", or a part of one of these names: {}", names.join(", "))
    };
    Err(Error::input("device", problem, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_what_there_is() {
        let error = choose("no such adapter").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        for adapter in adapters().unwrap() {
            assert!(message.contains(&adapter.name), "{message}");
        }
    }

    #[test]
    fn a_misspelt_backend_is_named() {
        assert_eq!(backends("").unwrap(), wgpu::Instance::enabled_backend_features());
        let other = if cfg!(windows) { "metal" } else { "dx12" };
        for (names, part) in [("vulcan", "vulcan"), ("vk, vulcan", "vulcan"), (other, other), ("gl", "gl")] {
            let message = backends(names).unwrap_err().to_string();
            assert!(message.starts_with("WGPU_BACKEND: ") && message.contains(part), "{message}");
        }
    }

    #[cfg(not(target_vendor = "apple"))]
    #[test]
    fn the_nearest_backend_is_proposed() {
        assert!(backends("vulcan").unwrap_err().to_string().contains("did you mean \"vulkan\"?"));
        assert_eq!(backends(" Vulkan,gl").unwrap() & wgpu::Backends::VULKAN, wgpu::Backends::VULKAN);
        assert_eq!(backends("vk").unwrap(), wgpu::Backends::VULKAN);
    }
}
