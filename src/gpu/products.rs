//! `shaders/linear.wgsl` alone, in each of its tiles, against sums in f64.

use super::adapter::{adapters, choose};
use super::device::Device;
use super::kernel::Access::{Read, Uniform, Write};
use super::product::PRODUCT_TILES;
use super::shader;

/// Numbers in -1..1 without a pattern that a tile could share.
fn numbers(count: usize, seed: f32) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.7548 + seed).sin()).collect()
}

#[test]
fn every_tile_gives_the_product() {
    let first = adapters().into_iter().next().expect("install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    let mut device = Device::open(&choose(&first.name).unwrap(), true).unwrap();
    // W (129, 33) on 5 channels of 8 quads, 40 quads of columns: no tile is full.
    let (outputs, inputs, value_quads, channels) = (129, 33, 8, 5);
    let columns = 4 * value_quads * channels;
    let parameters = numbers(outputs * inputs + outputs, 0.1);
    for tile in PRODUCT_TILES {
        for (entry, rows, inner, steps) in
            [("forward", outputs, inputs, (inputs, 1)), ("backward", inputs, outputs, (1, inputs))]
        {
            let jets = numbers(inner * columns, 0.2);
            let bindings = [(0, Uniform), (1, Read), (2, Read), (3, Write)];
            let kernel = device.kernel(shader::linear(tile), entry, &bindings, false);
            let quads = columns / 4;
            let constants =
                [rows, inner, quads, value_quads, 0, outputs * inputs, inputs, quads, 0, quads, 0].map(|n| n as u32);
            let uniform = device.uniform(&constants);
            let filled = |numbers: &[f32]| {
                let buffer = device.storage("numbers", 4 * numbers.len() as u64);
                device.write(&buffer, numbers);
                buffer
            };
            let (p, a) = (filled(&parameters), filled(&jets));
            let z = device.storage("z", 4 * (rows * columns) as u64);
            let group = device.bind(&kernel, &[(0, &uniform), (1, &p), (2, &a), (3, &z)]);
            let mut encoder = device.encoder();
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&kernel.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups((quads as u32).div_ceil(tile.quads), (rows as u32).div_ceil(tile.rows), 1);
            drop(pass);
            device.queue.submit([encoder.finish()]);
            let found = device.read(&[(&z, rows * columns)]).unwrap().remove(0);
            for (index, found) in found.into_iter().enumerate() {
                let (row, column) = (index / columns, index % columns);
                let product = |k: usize| {
                    f64::from(parameters[row * steps.0 + k * steps.1]) * f64::from(jets[k * columns + column])
                };
                let is_biased = entry == "forward" && column < 4 * value_quads;
                let bias = if is_biased { parameters[outputs * inputs + row] } else { 0.0 };
                let truth = f64::from(bias) + (0..inner).map(product).sum::<f64>();
                // The sums stay below 32, whose last place is 2e-6: 129 roundings of at most half of it, at random.
                assert!((f64::from(found) - truth).abs() < 2e-5, "{entry}, {tile:?}: {found} not {truth} at {index}");
            }
        }
    }
}
