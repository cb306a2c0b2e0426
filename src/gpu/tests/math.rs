//! The elementary functions of `shaders/numbers/` on the device, against f64.

use crate::cpu;
use crate::gpu::device::Device;
use crate::gpu::device::adapter::{adapters, choose};
use crate::gpu::device::kernel::{Access, EntryPoint, Source};
use crate::gpu::shaders;
use crate::jet::{Activation, JetLayout, Normalizer, Smoothness};
use crate::network::{Model, NetworkSpec, Transforms};
use crate::numbers::Precision;

/// Each function over one buffer of arguments.
const KERNEL: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
fn at(id: vec3<u32>) -> u32 { return min(id.x, arrayLength(&y) - 1u); }
@compute @workgroup_size(64) fn exp_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = exp_f32(x[at(id)]); }
@compute @workgroup_size(64) fn expm1_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = expm1_negative(x[at(id)]); }
@compute @workgroup_size(64) fn tanh_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = tanh_f32(x[at(id)]); }
@compute @workgroup_size(64) fn sigmoid_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = sigmoid(x[at(id)]); }
@compute @workgroup_size(64) fn sin_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = sin_cos(x[at(id)]).x; }
@compute @workgroup_size(64) fn cos_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = sin_cos(x[at(id)]).y; }
@compute @workgroup_size(64) fn log1p_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = log1p_unit(x[at(id)]); }
@compute @workgroup_size(64) fn erf_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = erf(x[at(id)]); }
@compute @workgroup_size(64) fn log_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = log_f32(x[at(id)]); }
@compute @workgroup_size(64) fn asin_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = asin_f32(x[at(id)]); }
@compute @workgroup_size(64) fn acos_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = acos_f32(x[at(id)]); }
@compute @workgroup_size(64) fn atan_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = atan_f32(x[at(id)]); }
@compute @workgroup_size(64) fn sinh_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = sinh_f32(x[at(id)]); }
@compute @workgroup_size(64) fn cosh_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = cosh_f32(x[at(id)]); }
@compute @workgroup_size(64) fn pow_at(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = pow_f32(x[at(id)], 0.25); }
";

/// Arguments a function is measured at.
const COUNT: usize = 400_000;

fn device() -> Device {
    let first = adapters().unwrap().into_iter().next().expect("install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    Device::open(&choose(&first.name).unwrap(), true, Precision::F32).unwrap()
}

/// `COUNT` arguments in a range, and what the device makes of them.
fn run(device: &mut Device, entry: &'static str, range: (f64, f64)) -> Vec<(f32, f32)> {
    run_kernel(device, shaders::math(KERNEL), entry, range)
}

fn run_kernel(device: &mut Device, source: Source, entry: &'static str, range: (f64, f64)) -> Vec<(f32, f32)> {
    let at = |i: usize| (range.0 + (range.1 - range.0) * i as f64 / (COUNT - 1) as f64) as f32;
    let arguments: Vec<f32> = (0..COUNT).map(at).collect();
    let (x, y) = (device.storage("x", 4 * COUNT as u64), device.storage("y", 4 * COUNT as u64));
    device.write(&x, &arguments);
    let kernel = device.kernel(source, EntryPoint::Test(entry), &[(0, Access::Read), (1, Access::Write)]);
    let group = device.bind(&kernel, &[(0, &x), (1, &y)]);
    let mut encoder = device.encoder();
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    pass.set_pipeline(&kernel.pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.dispatch_workgroups(COUNT.div_ceil(64) as u32, 1, 1);
    drop(pass);
    device.queue.submit([encoder.finish()]);
    let results = device.read(&[(&y, COUNT)]).unwrap().remove(0);
    arguments.into_iter().zip(results).collect()
}

/// The largest error in units of the last place of the true value's f32.
fn worst_ulp(pairs: &[(f32, f32)], truth: impl Fn(f64) -> f64) -> f64 {
    let error = |(x, y): &(f32, f32)| {
        let truth = truth(f64::from(*x));
        let near = truth.abs() as f32;
        let ulp = f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near);
        (f64::from(*y) - truth).abs() / ulp
    };
    pairs.iter().map(error).fold(0.0, f64::max)
}

#[test]
fn at_most_four_ulp() {
    let mut device = device();
    type Case = (&'static str, (f64, f64), fn(f64) -> f64);
    // Within the normal numbers: a device may read and write subnormal ones as 0.
    let cases: [Case; 15] = [
        ("exp_at", (-87.0, 88.0), f64::exp),
        ("expm1_at", (-20.0, -1e-6), f64::exp_m1),
        ("tanh_at", (-12.0, 12.0), f64::tanh),
        ("sigmoid_at", (-80.0, 80.0), |x| 1.0 / (1.0 + (-x).exp())),
        ("log1p_at", (0.0, 1.0), f64::ln_1p),
        ("erf_at", (-5.0, 5.0), libm::erf),
        ("sin_at", (-3.0, 3.0), f64::sin),
        ("cos_at", (-1.5, 1.5), f64::cos),
        ("log_at", (1e-3, 100.0), f64::ln),
        ("asin_at", (-1.0, 1.0), f64::asin),
        ("acos_at", (-1.0, 1.0), f64::acos),
        ("atan_at", (-20.0, 20.0), f64::atan),
        ("sinh_at", (-20.0, 20.0), f64::sinh),
        ("cosh_at", (-20.0, 20.0), f64::cosh),
        ("pow_at", (0.1, 30.0), |x| x.powf(0.25)),
    ];
    for (entry, range, truth) in cases {
        let ulp = worst_ulp(&run(&mut device, entry, range), truth);
        println!("{entry}: {ulp:.2} ULP");
        assert!(ulp <= 4.0, "{entry} on {}: {ulp} ULP", device.name);
    }
}

#[test]
fn sin_and_cos_keep_their_absolute_error_far_out() {
    // Beyond a period the relative error near a zero is not bounded by the reduction; the absolute
    // one is: two roundings of a number near 1.
    let mut device = device();
    for (entry, truth) in [("sin_at", f64::sin as fn(f64) -> f64), ("cos_at", f64::cos)] {
        let error = |(x, y): &(f32, f32)| (f64::from(*y) - truth(f64::from(*x))).abs();
        let worst = run(&mut device, entry, (-8191.0, 8191.0)).iter().map(error).fold(0.0, f64::max);
        println!("{entry}: {worst:e}");
        assert!(worst < 1.5e-7, "{entry} on {}: {worst:e}", device.name);
    }
}

/// Each derivative of an activation over one buffer of arguments.
const SLOPES: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
fn at(id: vec3<u32>) -> u32 { return min(id.x, arrayLength(&y) - 1u); }
fn low(x: f32) -> vec3<f32> { return slopes(x, activation(x)); }
fn high(x: f32) -> vec2<f32> { return higher_slopes(x, activation(x)); }
@compute @workgroup_size(64) fn value(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = activation(x[at(id)]); }
@compute @workgroup_size(64) fn first(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = low(x[at(id)]).x; }
@compute @workgroup_size(64) fn second(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = low(x[at(id)]).y; }
@compute @workgroup_size(64) fn third(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = low(x[at(id)]).z; }
@compute @workgroup_size(64) fn fourth(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = high(x[at(id)]).x; }
@compute @workgroup_size(64) fn fifth(@builtin(global_invocation_id) id: vec3<u32>) { y[at(id)] = high(x[at(id)]).y; }
";

/// The derivatives of an activation up to the fourth at points (B), in f64: those of a network of one unit.
fn derivatives(sigma: Activation, x: Vec<f64>) -> Vec<Vec<f64>> {
    let model = Model {
        inputs: vec!["x".into()],
        outputs: vec!["u".into()],
        coefficients: vec![],
        transforms: Transforms::default(),
        spec: NetworkSpec::uniform(1, &[1], sigma, 1),
        normalizer: Normalizer::identity(1, 1),
        precision: Precision::F64,
        parameters: vec![1.0, 0.0, 1.0, 0.0],
        ranges: vec![],
    };
    let count = x.len();
    let jets = cpu::open(&model, Precision::F64, 1).unwrap().evaluate(&[x], &JetLayout::pure(1, 4)).unwrap();
    jets.values.chunks(count).map(<[f64]>::to_vec).collect()
}

#[test]
fn activations_and_their_derivatives_follow_f64() {
    let mut device = device();
    for sigma in Activation::ALL {
        let entries = ["value", "first", "second", "third", "fourth", "fifth"];
        let found = entries.map(|entry| run_kernel(&mut device, shaders::slopes(sigma, SLOPES), entry, (-20.0, 20.0)));
        // Some of them are enough, and none at a kink.
        let some: Vec<usize> = (0..COUNT).step_by(997).filter(|i| found[0][*i].0.abs() > 1e-3).collect();
        let at = |h: f64| derivatives(sigma, some.iter().map(|i| f64::from(found[0][*i].0) + h).collect());
        let mut truth = at(0.0);
        // The fifth is a difference of the fourth, with an error of h² + 1e-16/h.
        let h = 1e-5;
        let (before, behind) = (at(-h).remove(4), at(h).remove(4));
        truth.push(before.iter().zip(&behind).map(|(before, behind)| (behind - before) / (2.0 * h)).collect());
        let orders = if sigma.smoothness() == Smoothness::C0 { 2 } else { 6 };
        for (order, (found, truth)) in found.iter().zip(&truth).enumerate().take(orders) {
            let error = |(i, truth): (&usize, &f64)| (f64::from(found[*i].1) - truth).abs() / (1.0 + truth.abs());
            let worst = some.iter().zip(truth).map(error).fold(0.0, f64::max);
            println!("{sigma}, {}: {worst:.1e}", entries[order]);
            // A few roundings of numbers of order 1; the CPU's test says what is larger in the higher ones.
            let bar = if order < 4 { 2e-6 } else { 2e-5 };
            assert!(worst < bar, "{sigma} on {}, {}: {worst:e}", device.name, entries[order]);
        }
    }
}
