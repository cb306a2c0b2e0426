//! An opened device: buffers, pipelines, submission and readback, with every failure an
//! [`Error::device`] instead of wgpu's panic.

pub mod adapter;
pub mod clock;
pub mod dispatch;
pub mod guard;
pub mod kernel;
pub mod matrix_units;
pub mod submission;
pub mod uniforms;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Pod;
use futures_intrusive::channel::shared::oneshot_channel;

use crate::error::{Error, Result};
use crate::gpu::device::guard::Handle;
use crate::gpu::device::kernel::{Access, EntryPoint, Kernel, layout_entry};
use crate::gpu::device::matrix_units::MatrixUnits;
use crate::numbers::Precision;

/// A slot of a uniform buffer that is chosen by a dynamic offset: a multiple of every adapter's
/// alignment.
pub const SLOT: u64 = 256;

/// The first failure that the device reported.
type Failure = Arc<Mutex<Option<String>>>;

fn keep(failure: &Failure, message: String) {
    // The first failure is the cause; what follows from it is noise.
    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
}

/// A device with its queue.
pub struct Device {
    pub name: String,
    pub device: Handle<wgpu::Device>,
    pub queue: Handle<wgpu::Queue>,
    pub limits: wgpu::Limits,
    pub timestamps: bool,
    /// Where products are to be in f16.
    pub matrix_units: Option<MatrixUnits>,
    /// Whether shaders carry bounds checks and workgroup memory starts at zero.
    pub checked: bool,
    failure: Failure,
    /// Group 1 of the kernels that read the step's numbers.
    pub step_layout: wgpu::BindGroupLayout,
    /// By source and entry point.
    pub kernels: HashMap<(String, EntryPoint), Kernel>,
}

/// Buffers that a kernel binds at most: more than any loss has networks for.
const MOST_BINDINGS: u32 = 64;

impl Device {
    /// Opens an adapter with its largest buffers and workgroup memory, and otherwise the limits that all have.
    ///
    /// # Errors
    /// [`Error::Input`] if f16 is requested on an adapter without matrix units for it.
    pub fn open(adapter: &wgpu::Adapter, checked: bool, precision: Precision) -> Result<Self> {
        let info = adapter.get_info();
        let matrix_units = match precision.f16_parts() {
            0 => None,
            parts => Some(MatrixUnits::of(adapter, parts).ok_or_else(|| {
                let problem = format!("{} has no matrix units for f16 products with f32 sums", info.name);
                let help = "use \"f32\", or an adapter that `jetfit devices` lists with f16 matrices";
                Error::input("precision", problem, help)
            })?),
        };
        let fail = |problem: &dyn std::fmt::Display| Error::device(&info.name, problem);
        let available = adapter.limits();
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: available.max_storage_buffer_binding_size,
            max_buffer_size: available.max_buffer_size,
            max_compute_workgroup_storage_size: available.max_compute_workgroup_storage_size,
            // The terms bind the jets of every network.
            max_storage_buffers_per_shader_stage: available.max_storage_buffers_per_shader_stage.min(MOST_BINDINGS),
            ..wgpu::Limits::default().or_worse_values_from(&available)
        };
        let timestamps = adapter.features() & wgpu::Features::TIMESTAMP_QUERY;
        let (features, experimental_features) = match matrix_units {
            None => (timestamps, wgpu::ExperimentalFeatures::disabled()),
            // SAFETY: of what is experimental, our own kernels of products alone are used, within the bounds of their
            // buffers and workgroup memory; the tests compare them with sums in f64.
            Some(_) => (timestamps | MatrixUnits::FEATURES, unsafe { wgpu::ExperimentalFeatures::enabled() }),
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("jetfit"),
            required_features: features,
            required_limits: limits.clone(),
            experimental_features,
            ..Default::default()
        }))
        .map_err(|e| fail(&e))?;
        let failure = Failure::default();
        let of_error = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| keep(&of_error, error.to_string())));
        let of_loss = failure.clone();
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                keep(&of_loss, format!("the device was lost: {message}"));
            }
        });
        let step_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("step"),
            entries: &[layout_entry(0, Access::Uniform, true)],
        });
        Ok(Self {
            name: info.name,
            device: Handle::new(device),
            queue: Handle::new(queue),
            limits,
            timestamps: !timestamps.is_empty(),
            matrix_units,
            checked,
            failure,
            step_layout,
            kernels: HashMap::new(),
        })
    }

    /// An error of this device.
    pub fn error(&self, problem: impl std::fmt::Display) -> Error {
        Error::device(&self.name, problem)
    }

    /// An error after which the device is of no use; where that is only what followed from another failure, that one.
    pub fn failed(&self, problem: impl std::fmt::Display) -> Error {
        keep(&self.failure, problem.to_string());
        self.check().expect_err("it keeps a failure")
    }

    /// The first failure that the device has reported, if any: out of memory, lost, or our mistake.
    pub fn check(&self) -> Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(problem) => Err(self.error(problem)),
            None => Ok(()),
        }
    }

    /// A buffer for kernels to bind, of `bytes` rounded up to whole vec4.
    pub fn storage(&self, label: &str, bytes: u64) -> wgpu::Buffer {
        use wgpu::BufferUsages as Use;
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.next_multiple_of(16).max(16),
            usage: Use::STORAGE | Use::COPY_SRC | Use::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// A small buffer of constants.
    pub fn uniform(&self, constants: &[u8]) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("constants"),
            size: constants.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.write(&buffer, constants);
        buffer
    }

    /// An empty buffer that is filled between submissions.
    pub fn ring(&self, slots: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("steps"),
            size: slots * SLOT,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// A buffer that the host can read.
    pub fn staging(&self, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size: bytes.next_multiple_of(16).max(16),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Group 1: one slot of the ring at a time.
    pub fn bind_ring(&self, ring: &wgpu::Buffer, bytes: u64) -> wgpu::BindGroup {
        let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: ring,
            offset: 0,
            size: wgpu::BufferSize::new(bytes),
        });
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("step"),
            layout: &self.step_layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource }],
        })
    }

    pub fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None })
    }

    /// Waits for a submission, or for all of them.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let wait = wgpu::PollType::Wait { submission_index: submission, timeout: None };
        let polled = self.device.poll(wait);
        self.check()?;
        polled.map(|_| ()).map_err(|problem| self.failed(problem))
    }

    /// Reads the first `bytes` of a staging buffer once `submission` is done.
    pub fn map<R>(
        &self,
        staging: &wgpu::Buffer,
        bytes: u64,
        submission: wgpu::SubmissionIndex,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R> {
        // A buffer that could not be made cannot be mapped either: say why.
        self.check()?;
        let slice = staging.slice(..bytes);
        let (sender, receiver) = oneshot_channel();
        slice.map_async(wgpu::MapMode::Read, move |result| {
            // The receiver waits below; it is gone only if that failed.
            let _ = sender.send(result);
        });
        self.wait(Some(submission))?;
        let mapped = pollster::block_on(receiver.receive());
        mapped.ok_or_else(|| self.failed("a buffer was never mapped"))?.map_err(|problem| self.failed(problem))?;
        let result = read(&slice.get_mapped_range().map_err(|problem| self.failed(problem))?);
        staging.unmap();
        Ok(result)
    }

    /// Reads whole buffers of f32, each `lengths` numbers long, after everything submitted so far.
    pub fn read(&self, buffers: &[(&wgpu::Buffer, usize)]) -> Result<Vec<Vec<f32>>> {
        let bytes = |numbers: usize| numbers as u64 * 4;
        let total = buffers.iter().map(|(_, length)| bytes(*length)).sum();
        let staging = self.staging(total);
        let mut encoder = self.encoder();
        let mut offset = 0;
        for (buffer, length) in buffers {
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, offset, bytes(*length));
            offset += bytes(*length);
        }
        let submission = self.queue.submit([encoder.finish()]);
        self.map(&staging, total, submission, |mapped| {
            let mut rest = mapped;
            let mut take = |(_, length): &(&wgpu::Buffer, usize)| {
                let (numbers, after) = rest.split_at(length * 4);
                rest = after;
                numbers.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            };
            buffers.iter().map(&mut take).collect()
        })
    }

    /// Writes numbers to the start of a buffer, before whatever is submitted next.
    pub fn write<T: Pod>(&self, buffer: &wgpu::Buffer, numbers: &[T]) {
        self.queue.write_buffer(buffer, 0, bytemuck::cast_slice(numbers));
    }
}

#[cfg(test)]
mod tests {
    use crate::gpu::device::adapter::{adapters, choose};

    use super::*;

    #[test]
    fn a_failed_allocation_is_an_error_and_no_panic() {
        let first =
            adapters().unwrap().into_iter().next().expect("install a Vulkan driver (Debian: mesa-vulkan-drivers)");
        let device = Device::open(&choose(&first.name).unwrap(), true, Precision::F32).unwrap();
        assert!(device.check().is_ok());
        let buffer = device.storage("too large", device.limits.max_buffer_size + 16);
        device.write(&buffer, &[1_u32]);
        let error = device.read(&[(&buffer, 1)]).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(error.to_string().contains("too large"), "{error}");
    }
}
