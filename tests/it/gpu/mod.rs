//! The GPU backend against the CPU and the float64 reference values, on the first adapter there is
//! (a software one will do).

mod adjoint_mode;
mod expressions;
mod f16;
mod jets;
mod limits;
mod orders;
mod tiles;
mod training;

use jetfit::backend::{Batch, SetId};
use jetfit::data::PointSet;
use jetfit::gpu::{Gpu, GpuOptions, TileChoice, adapters};
use jetfit::network::Model;
use jetfit::numbers::Precision;

pub const CHECKED: GpuOptions = GpuOptions {
    checked: true,
    max_points: None,
    max_binding_bytes: None,
    tiles: TileChoice::Table,
    precision: Precision::F32,
};

pub fn gpu_with(model: &Model, options: GpuOptions) -> Gpu {
    let adapters = adapters().unwrap();
    let Some(first) = adapters.first() else {
        panic!("there is no GPU adapter: install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    };
    Gpu::with_options(&first.name, model, options).unwrap()
}

pub fn gpu(model: &Model) -> Gpu {
    gpu_with(model, CHECKED)
}

pub fn whole(set: &PointSet, id: SetId) -> Batch {
    Batch { set: id, start: 0, count: set.points() }
}
