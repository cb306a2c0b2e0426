//! Opening a backend by the name that a job or a flag gives, and handing work over to the CPU where it fails.

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::gpu::{self, AdapterInfo, adapters};
use crate::network::Model;
use crate::numbers::Precision;
use crate::{cpu, job};

/// The name of the CPU, also in its errors.
const CPU: &str = "cpu";

/// Opens a device with the model's parameters on it: `auto`, `cpu`, `gpu` (the best hardware), or a
/// part of an adapter's name. `auto` takes a hardware GPU where there is one and the precision is f32, the CPU
/// otherwise; for f16 it takes the best hardware. `threads` counts CPU threads, 0 for all.
///
/// # Errors
/// [`Input`](Error::Input) for a name that matches no device, f64 on a GPU, or f16 on a device without matrix units for
/// them; [`Device`](Error::Device) where the device fails.
pub fn open(name: &str, precision: Precision, threads: usize, model: &Model) -> Result<Box<dyn Backend>> {
    if is_cpu(name, precision)? {
        return cpu::open(model, precision, threads);
    }
    let name = if name == "auto" { "gpu" } else { name };
    gpu::open(name, precision, model)
}

/// Whether this name means the CPU, as far as is known without opening it.
///
/// # Errors
/// Those of [`adapters`], where `auto` asks for them.
pub fn is_cpu(name: &str, precision: Precision) -> Result<bool> {
    Ok(match (name, precision) {
        (CPU, _) | ("auto", Precision::F64) => true,
        ("auto", Precision::F32) => automatic(&adapters()?).is_none(),
        _ => false,
    })
}

/// Which of the adapters `auto` takes in f32; `None` for the CPU.
pub fn automatic(adapters: &[AdapterInfo]) -> Option<&AdapterInfo> {
    adapters.iter().find(|adapter| adapter.is_hardware())
}

/// Opens a device by its name, with a precision, a number of CPU threads and the parameters of a model.
pub type Open<'a> = dyn Fn(&str, Precision, usize, &Model) -> Result<Box<dyn Backend>> + 'a;

/// Runs work on the requested device, and on the CPU after that device has failed, if the job allows it.
pub struct Workplace<'a> {
    open: &'a Open<'a>,
    device: job::Device,
    backend: Option<Box<dyn Backend>>,
    /// The devices that were used, in order.
    devices: Vec<String>,
}

impl<'a> Workplace<'a> {
    /// Nothing is opened yet.
    pub fn new(open: &'a Open<'a>, device: &job::Device) -> Self {
        Self { open, device: device.clone(), backend: None, devices: vec![] }
    }

    /// Runs work that can be restarted, on a device with this model's parameters. The state of the device is kept for
    /// the next work, unless another device had to be opened. If the device fails, the work is restarted on the CPU
    /// and receives a message that says so.
    ///
    /// # Errors
    /// Those of the device's opening and of the work.
    pub fn run<T>(
        &mut self,
        model: &Model,
        mut work: impl FnMut(&mut dyn Backend, Option<String>) -> Result<T>,
    ) -> Result<T> {
        match self.once(model, &mut work, None) {
            Err(Error::Device { device, problem }) if self.device.fallback && device != CPU => {
                self.device.name = CPU.to_string();
                self.device.precision = self.device.precision.stored();
                self.backend = None;
                let failure = format!("device {device} failed ({problem}): continuing on the CPU");
                self.once(model, &mut work, Some(failure))
            }
            done => done,
        }
    }

    /// The same on a freshly opened device.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub fn run_anew<T>(
        &mut self,
        model: &Model,
        work: impl FnMut(&mut dyn Backend, Option<String>) -> Result<T>,
    ) -> Result<T> {
        self.backend = None;
        self.run(model, work)
    }

    fn once<T>(
        &mut self,
        model: &Model,
        work: &mut impl FnMut(&mut dyn Backend, Option<String>) -> Result<T>,
        failure: Option<String>,
    ) -> Result<T> {
        if self.backend.is_none() {
            let job::Device { name, precision, threads, .. } = &self.device;
            let backend = (self.open)(name, *precision, *threads, model)?;
            let name = backend.device();
            if self.devices.last() != Some(&name) {
                self.devices.push(name);
            }
            self.backend = Some(backend);
        }
        work(self.backend.as_mut().expect("opened").as_mut(), failure)
    }

    /// The devices that were used: `llvmpipe (Vulkan, f32), then cpu (2 threads, AVX2)`.
    pub fn devices(&self) -> String {
        self.devices.join(", then ")
    }
}
