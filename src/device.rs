//! Opening a backend by the name that a job or a flag gives.

use crate::backend::Backend;
use crate::cpu;
use crate::error::Result;
use crate::gpu::{AdapterInfo, Gpu, GpuOptions, adapters};
use crate::network::{Model, Precision};

/// Opens a device with the model's parameters on it: `auto`, `cpu`, `gpu` (the best hardware), or a
/// part of an adapter's name. `auto` takes a hardware GPU where there is one that opens and the
/// precision is f32, the CPU otherwise; for halves it takes the best hardware. `threads` counts CPU threads, 0 for all.
///
/// # Errors
/// [`Input`](crate::error::Error::Input) for a name that matches no device, f64 on a GPU, or halves on a device without matrix units for
/// them; [`Device`](crate::error::Error::Device) where the device fails.
pub fn open(name: &str, precision: Precision, threads: usize, model: &Model) -> Result<Box<dyn Backend>> {
    match (name, precision) {
        ("auto", Precision::F32) => match Gpu::new("gpu", model) {
            Ok(gpu) => Ok(Box::new(gpu)),
            Err(_) => open("cpu", precision, threads, model),
        },
        ("cpu", _) | ("auto", Precision::F64) => cpu::open(model, precision, threads),
        _ => {
            let name = if name == "auto" { "gpu" } else { name };
            Ok(Box::new(Gpu::with_options(name, model, GpuOptions { precision, ..GpuOptions::default() })?))
        }
    }
}

/// Whether this name means the CPU, as far as can be told without opening it.
pub fn is_cpu(name: &str, precision: Precision) -> bool {
    name == "cpu"
        || precision == Precision::F64
        || name == "auto" && precision == Precision::F32 && automatic(&adapters()).is_none()
}

/// Which of the adapters `auto` takes in f32; `None` for the CPU.
pub fn automatic(adapters: &[AdapterInfo]) -> Option<&AdapterInfo> {
    adapters.iter().find(|adapter| adapter.is_hardware())
}
