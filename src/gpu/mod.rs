//! The GPU backend: the kernels of `shaders/` on any Vulkan, Metal or DX12 adapter. The only place
//! that names wgpu.
//!
//! A chunk of points is one list of dispatches (a plan), built once for each shape and then only
//! encoded: no allocation, no compilation and no readback inside the training loop. Jets lie in
//! memory as (H, C, B), so neighbouring threads work on neighbouring points.

mod adapter_info;
mod backend;
mod device;
mod evaluate;
mod guarded;
mod lowered;
mod memory;
mod options;
mod plan;
mod shaders;
#[cfg(test)]
mod tests;
mod train;
mod tune;
mod tuning;
mod vectors;

pub use adapter_info::{AdapterInfo, AdapterKind};
pub use device::adapter::adapters;
pub use guarded::Gpu;
pub use options::GpuOptions;
pub use tune::{Timed, tune};
pub use tuning::f16_tiles::unused as unused_f16;
pub use tuning::remembered::{Tuned, remember, tuned};
pub use tuning::tiles::{Fusion, Tile, TileChoice, Tiles};

use self::device::Device;
use self::device::adapter;
use self::device::submission::Submissions;
use self::evaluate::Evaluator;
use self::lowered::{Bounds, Extents, Lowered, budget};
use self::memory::loaded_set::LoadedSet;
use self::memory::state::State;
use self::tuning::tiles::NetworkShape;
use self::tuning::{f16_tiles, remembered};
use self::vectors::Chunk;
use crate::backend::{Backend, SetId};
use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::jet::{JetLayout, Normalizer, Wiring};
use crate::loss::Loss;
use crate::network::{Model, NetworkSpec, Subnetwork};
use crate::numbers::Precision;
use crate::pass::{Channels, Modes, Network};

/// A network on the adapter that a name means, as [`Gpu::new`] has it, in this precision.
///
/// # Errors
/// Those of [`Gpu::new`].
pub fn open(choice: &str, precision: Precision, model: &Model) -> Result<Box<dyn Backend>> {
    Ok(Box::new(Gpu::with_options(choice, model, GpuOptions { precision, ..GpuOptions::default() })?))
}

/// What stands behind the guard of a [`Gpu`].
struct Unguarded {
    device: Device,
    description: String,
    key: String,
    tiles: TileChoice,
    tuned: Vec<Tuned>,
    bounds: Bounds,
    spec: NetworkSpec,
    networks: Vec<Subnetwork>,
    wirings: Vec<Wiring>,
    normalizer: Normalizer,
    state: State,
    /// What an optimizer keeps.
    kept: Vec<Chunk>,
    steps: Submissions,
    sets: Vec<LoadedSet>,
    evaluator: Option<Evaluator>,
    /// The sets of the last step: where a report finds the losses.
    last: Vec<SetId>,
}

impl Unguarded {
    fn open(choice: &str, model: &Model, options: GpuOptions) -> Result<Self> {
        if options.precision == Precision::F64 {
            let problem = format!("f64 runs only on the CPU, not on device {choice:?}");
            return Err(Error::input("precision", problem, "use device \"cpu\", or precision \"f32\""));
        }
        let adapter = adapter::choose(choice)?;
        let device = Device::open(&adapter, options.checked, options.precision)?;
        let info = adapter.get_info();
        let limits = &device.limits;
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let bounds = Bounds {
            binding: options.max_binding_bytes.map_or(binding, |asked| asked.min(binding)),
            workgroups: limits.max_compute_workgroups_per_dimension.into(),
            points: options.max_points.unwrap_or(usize::MAX),
            budget: budget(info.device_type),
        };
        let count = model.spec.parameters();
        if 4 * count as u64 > binding {
            return Err(device.error(format!("{count} parameters do not fit into one binding of {binding} bytes")));
        }
        let state = State::new(&device, &model.spec);
        let steps = Submissions::new(&device);
        Ok(Self {
            description: format!("{} ({}, {})", info.name, adapter::backend_name(info.backend), options.precision),
            key: adapter::describe(&adapter).key(),
            tiles: options.tiles,
            tuned: if options.tiles == TileChoice::Remembered { tuned().0 } else { vec![] },
            bounds,
            spec: model.spec.clone(),
            networks: model.networks(),
            wirings: model.wirings(),
            normalizer: model.normalizer.clone(),
            state,
            kept: Chunk::all(&device, bounds.binding, count, 0)?,
            steps,
            sets: vec![],
            evaluator: None,
            last: vec![],
            device,
        })
    }

    fn shape(&self, network: &Subnetwork, layout: &JetLayout) -> NetworkShape {
        let memory = self.device.limits.max_compute_workgroup_storage_size;
        let adjoint = Channels::new(layout, &network.normalizer, modes(network, Fusion::None));
        let adjoint = adjoint.is_adjoint().then(|| adjoint.count());
        let (channels, has_features) = ((layout.channels(), adjoint), network.features.is_some());
        let shape = NetworkShape::new(&network.shape, channels, has_features, memory);
        let in_f16 = self.device.matrix_units.is_some() && f16_tiles::is_useful(&network.layers);
        NetworkShape { in_f16, ..shape }
    }

    /// The pass of the networks' layouts here, for batches and a loss of these extents.
    fn lowered(&self, layouts: &[Option<JetLayout>], extents: Extents, has_tape: bool) -> Lowered {
        let of = |(network, layout): (&Subnetwork, &Option<JetLayout>)| {
            let value = JetLayout::value(network.wiring.reads.len());
            let tiles = self.tiles(network, layout.as_ref().unwrap_or(&value));
            let modes = modes(network, tiles.fusion);
            (Network::of(network, &self.wirings, layout.as_ref(), modes), tiles)
        };
        let networks = self.networks.iter().zip(layouts).map(of).collect();
        Lowered::new(&self.spec, networks, has_tape, extents, self.device.matrix_units.is_some())
    }

    /// How the layers of a network's own layout are computed here.
    fn tiles(&self, network: &Subnetwork, layout: &JetLayout) -> Tiles {
        remembered::choose(self.tiles, &self.tuned, &self.key, &self.shape(network, layout))
    }

    fn set(&self, points: &PointSet, loss: &Loss) -> Result<LoadedSet> {
        let networks = (&self.networks[..], &self.normalizer, &self.wirings[..]);
        let set = LoadedSet::new(&self.device, &self.bounds, points, loss, networks)?;
        // Jets and cotangents of each; squares, batch, parameters and weights.
        let (read, most) =
            (set.layouts.iter().flatten().count(), self.device.limits.max_storage_buffers_per_shader_stage);
        if 2 * read + 4 > most as usize {
            let problem = format!("a loss over {read} networks binds {} buffers, but the device {most}", 2 * read + 4);
            return Err(Error::input("device.name", problem, "use device \"cpu\", or give terms fewer networks"));
        }
        Ok(set)
    }

    /// Points (D, B) as the kernels take it for granted that they are.
    fn check_points(&self, points: &[Vec<f64>]) -> Result<()> {
        let (columns, inputs) = (points.len(), self.normalizer.inputs.mean.len());
        if columns != inputs {
            let problem = format!("got {columns} columns for a network with {inputs} inputs");
            return Err(Error::input("points", problem, "pass one column per input"));
        }
        if points.iter().any(|column| column.len() != points[0].len()) {
            return Err(Error::input("points", "the columns have different lengths", "pass columns of equal length"));
        }
        Ok(())
    }

    /// One of the blocks of P numbers.
    fn block(&mut self, choose: impl Fn(&State) -> &wgpu::Buffer) -> Result<Vec<f64>> {
        self.steps.flush(&self.device)?;
        let numbers = self.device.read(&[(choose(&self.state), self.spec.parameters())])?;
        Ok(to_f64(&numbers[0]))
    }

    /// Replaces one of the blocks of P numbers, or fills it with zeros from an empty one.
    fn set_block(&mut self, what: &str, numbers: &[f64], choose: impl Fn(&State) -> &wgpu::Buffer) -> Result<()> {
        let count = self.spec.parameters();
        if !numbers.is_empty() && numbers.len() != count {
            let problem = format!("it has {} numbers, but the network has {count} parameters", numbers.len());
            return Err(Error::input(what, problem, "use the optimizer state of this network"));
        }
        self.steps.flush(&self.device)?;
        let mut numbers: Vec<f32> = numbers.iter().map(|x| *x as f32).collect();
        numbers.resize(count, 0.0);
        self.device.write(choose(&self.state), &numbers);
        self.device.check()
    }
}

/// Fused kernels have forward mode alone.
fn modes(network: &Subnetwork, fusion: Fusion) -> Modes {
    match fusion {
        Fusion::None => Modes::of(&network.shape, network.features.as_ref()),
        _ => Modes::Forward,
    }
}

fn to_f64(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|x| f64::from(*x)).collect()
}
