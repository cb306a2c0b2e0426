//! Chunks, blocks, streaming, and the errors of what does not fit.

use jetfit::backend::{Backend, Batch};
use jetfit::cpu;
use jetfit::gpu::{Gpu, GpuOptions, adapters};
use jetfit::jet::{Activation, JetLayout};
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;

use super::{CHECKED, gpu, gpu_with, whole};
use crate::support::{jets_apart, normwise, random_loss, random_model, random_points};

#[test]
fn chunks_and_blocks_change_nothing_but_rounding() {
    let model = random_model(2, &[33, 7], 2, Activation::Silu, 5);
    let layout = JetLayout::diagonal(2);
    let (set, loss) = random_loss(&model, &layout, 1000, 23);
    let rows: Vec<u32> = (0..1000).map(|i| (i * 7 + 3) % 1000).collect();
    let run = |options: GpuOptions| {
        let mut gpu = gpu_with(&model, options);
        let id = gpu.load(&set, &loss).unwrap();
        gpu.set_order(id, &rows).unwrap();
        let batch = Batch { set: id, start: 9, count: 777 };
        let gradient = gpu.gradient(&[batch]).unwrap();
        for step in 1..=5 {
            gpu.step(&[batch], &AdamSettings::default().update(step, 1e-3)).unwrap();
        }
        let losses = gpu.losses(id).unwrap();
        (gradient, losses, gpu.evaluate(&set.inputs, &layout).unwrap())
    };
    let whole = run(CHECKED);
    // The chunk bound, and a binding too small for the set (13 numbers a row) and for a chunk.
    for options in [
        GpuOptions { max_points: Some(100), ..CHECKED },
        GpuOptions { max_points: Some(4), ..CHECKED },
        GpuOptions { max_binding_bytes: Some(20_000), ..CHECKED },
    ] {
        let parts = run(options);
        // Sums over the points in another order: a few roundings.
        assert!(normwise(&parts.0.gradient, &whole.0.gradient) < 2e-6, "{options:?}");
        assert!(normwise(&parts.0.losses, &whole.0.losses) < 2e-6, "{options:?}");
        // Five steps of Adam on them.
        assert!(normwise(&parts.1, &whole.1) < 1e-5, "{options:?}");
        assert!(jets_apart(&parts.2, &whole.2) < 1e-5, "{options:?}");
    }
    assert_eq!(run(CHECKED), whole, "the same bits twice");
}

#[test]
fn an_evaluation_streams_in_bounded_memory() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let layout = JetLayout::diagonal(1);
    let mut gpu = gpu_with(&model, GpuOptions { max_binding_bytes: Some(1 << 20), ..CHECKED });
    let points = random_points(&model, 100_003, 5);
    let jets = gpu.evaluate(&points, &layout).unwrap();
    let truth = cpu::open(&model, Precision::F64, 1).unwrap().evaluate(&points, &layout).unwrap();
    assert!(jets_apart(&jets, &truth) < 1e-5);
    // Four buffers of a chunk and two for reading, none above the binding.
    assert!(gpu.working_bytes() < 6 << 20, "{}", gpu.working_bytes());
    assert_eq!(gpu.evaluate(&[vec![]], &layout).unwrap().points(), 0);
}

#[test]
fn what_does_not_fit_is_an_error_of_the_device() {
    let model = random_model(2, &[129], 1, Activation::Tanh, 5);
    // Once a device has failed, it says so for ever.
    let small = || gpu_with(&model, GpuOptions { max_binding_bytes: Some(4096), ..CHECKED });
    let error = small().evaluate(&random_points(&model, 9, 5), &JetLayout::full(2)).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("four points with 6 channels"), "{error}");
    let (set, loss) = random_loss(&model, &JetLayout::value(2), 1025, 29);
    let error = small().load(&set, &loss).unwrap_err();
    assert!(error.to_string().contains("1025 points"), "{error}");
}

#[test]
fn wrong_calls_are_errors_and_not_panics() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::value(1), 10, 29);
    let mut gpu = gpu(&model);
    let id = gpu.load(&set, &loss).unwrap();
    assert!(gpu.set_order(id, &[0; 3]).is_err() && gpu.set_order(id, &[10; 10]).is_err());
    assert!(gpu.gradient(&[Batch { set: id, start: 5, count: 6 }]).is_err());
    assert!(gpu.gradient(&[Batch { set: id, start: 5, count: 0 }]).is_err());
    assert!(gpu.set_parameters(&[0.0; 3]).is_err());
    assert!(gpu.evaluate(&[vec![1.0], vec![1.0]], &JetLayout::value(1)).is_err());
    let message = Gpu::new("no such adapter", &model).err().unwrap().to_string();
    assert!(message.contains(&adapters().unwrap()[0].name), "{message}");
}

#[test]
fn the_device_times_steps_and_evaluations() {
    let model = random_model(2, &[33], 1, Activation::Tanh, 5);
    let layout = JetLayout::diagonal(2);
    let (set, loss) = random_loss(&model, &layout, 200, 29);
    let mut gpu = gpu_with(&model, GpuOptions { max_points: Some(64), ..CHECKED });
    let id = gpu.load(&set, &loss).unwrap();
    let steps = gpu.timed_steps(whole(&set, id), &AdamSettings::default().update(1, 1e-3), 3).unwrap();
    let evaluations = gpu.timed_evaluations(200, &layout, 3).unwrap();
    assert_eq!(steps.is_some(), adapters().unwrap()[0].timestamps);
    for seconds in [steps, evaluations].into_iter().flatten() {
        assert!(seconds.len() == 3 && seconds.iter().all(|s| (0.0..10.0).contains(s)), "{seconds:?}");
    }
}

#[test]
fn a_profile_takes_the_steps_kernel_by_kernel() {
    let model = random_model(2, &[33, 9], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(2), 200, 29);
    let update = AdamSettings::default().update(1, 1e-3);
    let options = GpuOptions { max_points: Some(64), ..CHECKED };
    let (mut profiled, mut stepped) = (gpu_with(&model, options), gpu_with(&model, options));
    let id = profiled.load(&set, &loss).unwrap();
    assert_eq!(stepped.load(&set, &loss).unwrap(), id);
    let Some(kernels) = profiled.profile(whole(&set, id), &update, 2).unwrap() else {
        return assert!(!adapters().unwrap()[0].timestamps);
    };
    let count = |name: &str| kernels.iter().filter(|kernel| kernel.kernel == name).count();
    // Four chunks, one update.
    assert_eq!((count("gather gather"), count("adam adam")), (4, 1), "{kernels:?}");
    assert!(kernels.iter().all(|kernel| (0.0..10.0).contains(&kernel.seconds)), "{kernels:?}");
    for _ in 0..3 {
        stepped.step(&[whole(&set, id)], &update).unwrap();
    }
    assert_eq!(profiled.parameters().unwrap(), stepped.parameters().unwrap());
}
