//! The kernels of products alone, in each of their tiles, against sums in f64.

use std::io::Write as _;

use bytemuck::bytes_of;

use crate::gpu::device::Device;
use crate::gpu::device::adapter::{adapters, choose};
use crate::gpu::device::kernel::Access::{self, Read, Uniform, Write};
use crate::gpu::device::kernel::{EntryPoint, Source};
use crate::gpu::device::matrix_units::MatrixUnits;
use crate::gpu::device::matrix_units::{ABS_MAX_WORKGROUPS, F16Tile};
use crate::gpu::device::uniforms::{GradientLayer, MeasuredFactor, Product};
use crate::gpu::shaders;
use crate::gpu::tuning::f16_tiles::workgroups_of_a_row;
use crate::gpu::tuning::matmul_tiles::{GRADIENT_TILES, PRODUCT_TILES};
use crate::numbers::Precision;

/// Numbers in -1..1 without a pattern that a tile could share.
fn numbers(count: usize, seed: f32) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.7548 + seed).sin()).collect()
}

fn filled(device: &Device, numbers: &[f32]) -> wgpu::Buffer {
    let buffer = device.storage("numbers", 4 * numbers.len() as u64);
    device.write(&buffer, numbers);
    buffer
}

/// Runs a kernel by itself.
fn run(
    device: &mut Device,
    (source, entry): (Source, EntryPoint),
    uniform: &[u8],
    buffers: &[(Access, &wgpu::Buffer)],
    grid: [u32; 3],
) {
    let bound = || buffers.iter().zip(1..).map(|((access, buffer), binding)| (binding, *access, *buffer));
    let bindings: Vec<_> = [(0, Uniform)].into_iter().chain(bound().map(|b| (b.0, b.1))).collect();
    let kernel = device.kernel(source, entry, &bindings);
    let uniform = device.uniform(uniform);
    let resources: Vec<_> = [(0, &uniform)].into_iter().chain(bound().map(|b| (b.0, b.2))).collect();
    let group = device.bind(&kernel, &resources);
    let mut encoder = device.encoder();
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    pass.set_pipeline(&kernel.pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.dispatch_workgroups(grid[0], grid[1], grid[2]);
    drop(pass);
    device.queue.submit([encoder.finish()]);
}

/// W (outputs, inputs) with its biases, and jets of some channels: of sizes that fill no tile.
struct Problem {
    outputs: usize,
    inputs: usize,
    value_quads: usize,
    channels: usize,
    parameters: Vec<f32>,
    /// (inputs, columns) and (outputs, columns)
    a: Vec<f32>,
    z_bar: Vec<f32>,
}

impl Problem {
    /// Jets of about this size.
    fn new(size: f32) -> Self {
        let (outputs, inputs, value_quads, channels) = (129, 33, 8, 5);
        let columns = 4 * value_quads * channels;
        let scaled = |count, seed| -> Vec<f32> { numbers(count, seed).into_iter().map(|x| x * size).collect() };
        Self {
            outputs,
            inputs,
            value_quads,
            channels,
            parameters: [numbers(outputs * inputs, 0.1), scaled(outputs, 0.4)].concat(),
            a: scaled(inputs * columns, 0.2),
            z_bar: scaled(outputs * columns, 0.3),
        }
    }

    fn columns(&self) -> usize {
        4 * self.value_quads * self.channels
    }

    /// The rows of a product's output, and along its sums: how many, and the steps of W; its input.
    fn of(&self, entry: &str) -> ([usize; 2], [usize; 2], &[f32]) {
        let (outputs, inputs) = (self.outputs, self.inputs);
        match entry {
            "forward" => ([outputs, inputs], [inputs, 1], &self.a),
            _ => ([inputs, outputs], [1, inputs], &self.z_bar),
        }
    }

    /// The output of a product for each row and column.
    fn product(&self, entry: &str) -> Vec<f64> {
        let ([rows, inner], steps, jets) = self.of(entry);
        let columns = self.columns();
        let at = |index: usize| {
            let (row, column) = (index / columns, index % columns);
            let factor = |k: usize| {
                f64::from(self.parameters[row * steps[0] + k * steps[1]]) * f64::from(jets[k * columns + column])
            };
            let is_biased = entry == "forward" && column < 4 * self.value_quads;
            let bias = if is_biased { self.parameters[self.outputs * self.inputs + row] } else { 0.0 };
            f64::from(bias) + (0..inner).map(factor).sum::<f64>()
        };
        (0..rows * columns).map(at).collect()
    }

    /// W_bar, then b_bar.
    fn gradient(&self) -> Vec<f64> {
        let columns = self.columns();
        let row = |numbers: &[f32], row: usize| -> Vec<f64> {
            numbers[row * columns..][..columns].iter().map(|x| f64::from(*x)).collect()
        };
        let dot = |o: usize, i: usize| row(&self.z_bar, o).iter().zip(row(&self.a, i)).map(|(z, a)| z * a).sum();
        let weights = (0..self.outputs * self.inputs).map(|n| dot(n / self.inputs, n % self.inputs));
        let biases = (0..self.outputs).map(|o| row(&self.z_bar, o)[..4 * self.value_quads].iter().sum());
        weights.chain(biases).collect()
    }

    /// The uniform of a product, and of a weight gradient in so many splits.
    fn constants(&self, entry: &str) -> Product {
        let [rows, inner] = self.of(entry).0.map(|n| n as u32);
        let quads = self.columns() as u32 / 4;
        Product {
            rows,
            inner,
            quads,
            value_quads: self.value_quads as u32,
            weights: 0,
            biases: (self.outputs * self.inputs) as u32,
            width: self.inputs as u32,
            input_row: quads,
            input_start: 0,
            output_row: quads,
            output_start: 0,
        }
    }

    fn gradient_constants(&self, [outputs, inputs]: [u32; 2], splits: usize) -> (GradientLayer, [u32; 3]) {
        let [along_in, along_out] = [(self.inputs as u32).div_ceil(inputs), (self.outputs as u32).div_ceil(outputs)];
        let layer = GradientLayer {
            tiles_in: along_in,
            outputs: self.outputs as u32,
            inputs: self.inputs as u32,
            quads: self.columns() as u32 / 4,
            value_quads: self.value_quads as u32,
            splits: splits as u32,
            ..GradientLayer::default()
        };
        (layer, [splits as u32 * along_in * along_out, 1, 1])
    }
}

/// The entry point of a product.
fn point(entry: &str) -> EntryPoint {
    if entry == "forward" { EntryPoint::Forward } else { EntryPoint::Backward }
}

/// The largest difference; NaN is one.
fn difference(found: &[f32], truth: &[f64]) -> f64 {
    assert_eq!(found.len(), truth.len());
    let apart = |(found, truth): (&f32, &f64)| (f64::from(*found) - truth).abs();
    found.iter().zip(truth).map(apart).fold(0.0, |most, next| if next <= most { most } else { next })
}

/// Sums over the splits of a gradient.
fn over_splits(partials: &[f32], splits: usize) -> Vec<f32> {
    let count = partials.len() / splits;
    (0..count).map(|n| (0..splits).map(|split| partials[split * count + n]).sum()).collect()
}

#[test]
fn every_tile_gives_the_product_and_the_gradient() {
    let first = adapters().unwrap().into_iter().next().expect("install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    let mut device = Device::open(&choose(&first.name).unwrap(), true, Precision::F32).unwrap();
    let problem = Problem::new(1.0);
    let [p, a, z_bar] = [&problem.parameters, &problem.a, &problem.z_bar].map(|of| filled(&device, of));
    for tile in PRODUCT_TILES {
        for (entry, input) in [("forward", &a), ("backward", &z_bar)] {
            let truth = problem.product(entry);
            let output = device.storage("output", 4 * truth.len() as u64);
            let constants = problem.constants(entry);
            let grid = [constants.quads.div_ceil(tile.quads), constants.rows.div_ceil(tile.rows), 1];
            let buffers = [(Read, &p), (Read, input), (Write, &output)];
            run(&mut device, (shaders::linear(tile), point(entry)), bytes_of(&constants), &buffers, grid);
            let found = device.read(&[(&output, truth.len())]).unwrap().remove(0);
            // The sums stay below 32, whose last place is 2e-6: 129 roundings of at most half of it, at random.
            let most = difference(&found, &truth);
            assert!(most < 2e-5, "{entry}, {tile:?}: {most}");
        }
    }
    let truth = problem.gradient();
    for tile in GRADIENT_TILES {
        let splits = 3;
        let partials = device.storage("partials", 4 * (splits * truth.len()) as u64);
        let (constants, grid) = problem.gradient_constants([tile.outputs, tile.inputs], splits);
        let (z_bar, a) = ((Read, &z_bar), (Read, &a));
        let buffers = [z_bar, a, (Write, &partials), z_bar, a, z_bar, a];
        run(
            &mut device,
            (shaders::weight_gradient(tile, 1), EntryPoint::WeightGradient),
            bytes_of(&constants),
            &buffers,
            grid,
        );
        let found = device.read(&[(&partials, splits * truth.len())]).unwrap().remove(0);
        let most = difference(&over_splits(&found, splits), &truth);
        assert!(most < 3e-5, "{tile:?}: {most}");
    }
}

/// The bits of the largest of (rows, columns) from `abs_max.wgsl`.
fn largest(device: &mut Device, numbers: &wgpu::Buffer, [rows, columns]: [usize; 2]) -> wgpu::Buffer {
    let largest = device.storage("largest", 4 * u64::from(ABS_MAX_WORKGROUPS));
    let [rows, columns] = [rows, columns].map(|n| n as u32);
    let constants = MeasuredFactor { rows, columns, row: columns, start: 0, across: workgroups_of_a_row(rows) };
    let buffers = [(Read, numbers), (Write, &largest)];
    run(device, (shaders::abs_max(), EntryPoint::AbsMax), bytes_of(&constants), &buffers, [ABS_MAX_WORKGROUPS, 1, 1]);
    largest
}

#[test]
fn f16_is_as_near_as_its_bits() {
    let with_units = adapters().unwrap().into_iter().find(|adapter| adapter.matrix_units.is_some());
    let Some(adapter) = with_units else {
        // Past the harness, which would keep it to itself.
        let _ =
            writeln!(std::io::stderr(), "note: no adapter here has matrix units; their kernels were only translated");
        return;
    };
    let mut device = Device::open(&choose(&adapter.name).unwrap(), true, Precision::F16).unwrap();
    let units = device.matrix_units.unwrap();
    // Two are as near as f32, with which the test above has the same bounds; that one is used shows.
    let check = |what: &str, tile: F16Tile, most: f64| {
        let bounds = if tile.of.parts == 2 { 0.0..3e-5 } else { 3e-5..2e-2 };
        assert!(bounds.contains(&most), "{what}, {tile:?}: {most}");
    };
    // Jets that f16 could not hold.
    for size in [1.0, 1e-12, 1e9] {
        let problem = Problem::new(size);
        let (outputs, inputs, columns) = (problem.outputs, problem.inputs, problem.columns());
        let [p, a, z_bar] = [&problem.parameters, &problem.a, &problem.z_bar].map(|of| filled(&device, of));
        let of_w = largest(&mut device, &p, [outputs, inputs]);
        let of_a = largest(&mut device, &a, [inputs, columns]);
        let of_z_bar = largest(&mut device, &z_bar, [outputs, columns]);
        for tile in [1, 2].into_iter().flat_map(|parts| MatrixUnits { parts, ..units }.tiles()) {
            for (entry, input, of_input) in [("forward", &a, &of_a), ("backward", &z_bar, &of_z_bar)] {
                let truth = problem.product(entry);
                let output = device.storage("output", 4 * truth.len() as u64);
                let constants = problem.constants(entry);
                let grid = [(4 * constants.quads).div_ceil(tile.columns()), constants.rows.div_ceil(tile.rows()), 1];
                let buffers = [(Read, &p), (Read, input), (Write, &output), (Read, &of_w), (Read, of_input)];
                run(&mut device, (shaders::linear_f16(tile), point(entry)), bytes_of(&constants), &buffers, grid);
                let found = device.read(&[(&output, truth.len())]).unwrap().remove(0);
                let most = difference(&found, &truth) / f64::from(size);
                check(entry, tile, most);
            }
            let (truth, splits) = (problem.gradient(), 3);
            let partials = device.storage("partials", 4 * (splits * truth.len()) as u64);
            let (constants, grid) = problem.gradient_constants([tile.rows(), tile.columns()], splits);
            let buffers = [(Read, &z_bar), (Read, &a), (Write, &partials), (Read, &of_z_bar), (Read, &of_a)];
            run(
                &mut device,
                (shaders::weight_gradient_f16(tile), EntryPoint::WeightGradient),
                bytes_of(&constants),
                &buffers,
                grid,
            );
            let found = device.read(&[(&partials, splits * truth.len())]).unwrap().remove(0);
            // The biases' gradient is of the size of z_bar, the weights' of its product with a's.
            let weights = outputs * inputs;
            let found = over_splits(&found, splits);
            let most = (difference(&found[..weights], &truth[..weights]) / f64::from(size).powi(2))
                .max(difference(&found[weights..], &truth[weights..]) / f64::from(size));
            check("gradient", tile, most);
        }
    }
}
