//! The GPU backend against the CPU and the float64 reference values, on the first adapter there is
//! (a software one will do).

mod support;

use jetfit::backend::{Backend, Batch};
use jetfit::cpu::Cpu;
use jetfit::data::PointSet;
use jetfit::gpu::{Gpu, GpuOptions, adapters};
use jetfit::jet::{Derivative, JetLayout};
use jetfit::loss::Loss;
use jetfit::network::{Activation, Model};
use jetfit::optimizer::{Adam, OptimizerState};
use support::{Reference, jets_apart, normwise, random_loss, random_model, random_points};

const CHECKED: GpuOptions = GpuOptions { checked: true, max_points: None, max_binding_bytes: None };

fn gpu_with(model: &Model, options: GpuOptions) -> Gpu {
    let adapters = adapters();
    let Some(first) = adapters.first() else {
        panic!("there is no GPU adapter: install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    };
    Gpu::with_options(&first.name, model, options).unwrap()
}

fn gpu(model: &Model) -> Gpu {
    gpu_with(model, CHECKED)
}

/// All layouts over `inputs` inputs; the collapsed one with coefficients that differ.
fn layouts(inputs: usize) -> Vec<JetLayout> {
    let coefficients: Vec<_> = (0..inputs).map(|i| 1.0 - 0.75 * i as f64).collect();
    vec![
        JetLayout::value(inputs),
        JetLayout::gradient(inputs),
        JetLayout::diagonal(inputs),
        JetLayout::full(inputs),
        JetLayout::collapsed(&coefficients),
        JetLayout::selected(inputs, [Derivative::Second(0, inputs - 1)]),
    ]
}

/// Networks of awkward shapes, with a number of points to try them at.
fn awkward(activation: Activation) -> Vec<(Model, usize)> {
    let shapes: [(usize, &[usize], usize, usize); 5] =
        [(1, &[7], 1, 7), (2, &[33, 1, 7], 2, 33), (3, &[], 2, 1), (10, &[129], 1, 33), (2, &[1, 129], 2, 1000)];
    shapes.iter().map(|(d, hidden, m, points)| (random_model(*d, hidden, *m, activation, 3), *points)).collect()
}

fn whole(set: &PointSet, id: jetfit::backend::SetId) -> Batch {
    Batch { set: id, start: 0, count: set.points() }
}

#[test]
fn jets_follow_the_cpu_in_f64() {
    let mut worst: f64 = 0.0;
    for activation in Activation::ALL {
        for (model, points) in awkward(activation) {
            let (mut gpu, mut cpu) = (gpu(&model), Cpu::<f64>::new(&model, 1).unwrap());
            let points = random_points(&model, points, 5);
            for layout in layouts(model.spec.inputs) {
                let ours = gpu.evaluate(&points, &layout).unwrap();
                let apart = jets_apart(&ours, &cpu.evaluate(&points, &layout).unwrap());
                // The project's bar for jets in f32: some roundings a layer, and the cancellation
                // in second derivatives.
                assert!(apart < 1e-5, "{activation} {:?} {layout:?}: {apart:e}", model.spec);
                worst = worst.max(apart);
            }
        }
    }
    println!("worst: {worst:e}");
}

#[test]
fn jets_losses_and_gradients_are_the_reference_values() {
    for case in Reference::all() {
        let mut gpu = gpu(&case.model());
        let layout = JetLayout::full(case.inputs);
        let jets = gpu.evaluate(&case.columns(), &layout).unwrap();
        for (output, d) in (0..case.outputs).flat_map(|o| layout.derivatives().map(move |d| (o, d))) {
            let error = normwise(jets.entry(output, d).unwrap(), &case.truth(output, d));
            assert!(error < 1e-5, "{} {d:?} of output {output}: {error:e}", case.name);
        }
        let (set, loss) = case.loss();
        let id = gpu.load(&set, &loss).unwrap();
        let result = gpu.gradient(whole(&set, id)).unwrap();
        // The loss squares the jets' errors' relative size; the gradient adds a pass as long.
        let total = loss.total(&result.losses);
        assert!((total / case.loss.loss - 1.0).abs() < 1e-5, "{}: {total} {}", case.name, case.loss.loss);
        let error = normwise(&result.gradient, &case.loss_gradient());
        assert!(error < 2e-5, "{}: {error:e}", case.name);
        assert_eq!(gpu.losses(id).unwrap(), result.losses, "{}", case.name);
    }
}

#[test]
fn gradients_follow_the_cpu_in_f64() {
    let mut worst: f64 = 0.0;
    for activation in Activation::ALL {
        for (model, points) in awkward(activation) {
            let (mut gpu, mut cpu) = (gpu(&model), Cpu::<f64>::new(&model, 1).unwrap());
            for layout in layouts(model.spec.inputs) {
                let (mut set, loss) = random_loss(&model, &layout, points, 17);
                set.weights = Some((0..points).map(|p| [0.5, 1.5, 1.0, 2.0][p % 4]).collect());
                let id = gpu.load(&set, &loss).unwrap();
                cpu.load(&set, &loss).unwrap();
                let ours = gpu.gradient(whole(&set, id)).unwrap();
                let truth = cpu.gradient(whole(&set, id)).unwrap();
                let error = normwise(&ours.gradient, &truth.gradient);
                // The jets' bar, and a backward pass as long again.
                assert!(error < 2e-5, "{activation} {:?} {layout:?}: {error:e}", model.spec);
                let losses = normwise(&ours.losses, &truth.losses);
                assert!(losses < 1e-5, "{activation} {:?} {layout:?}: losses {losses:e}", model.spec);
                worst = worst.max(error);
            }
        }
    }
    println!("worst: {worst:e}");
}

/// Ten Adam steps on the whole set; the total loss before each.
fn ten_steps(backend: &mut dyn Backend, set: &PointSet, loss: &Loss) -> Vec<f64> {
    let id = backend.load(set, loss).unwrap();
    let adam = Adam { weight_decay: 0.01, ..Adam::default() };
    let step = |step| {
        backend.step(whole(set, id), &adam.update(step, 1e-3)).unwrap();
        loss.total(&backend.report().unwrap().losses)
    };
    (1..=10).map(step).collect()
}

#[test]
fn ten_adam_steps_follow_the_cpu() {
    for activation in [Activation::Tanh, Activation::Sin, Activation::Softplus, Activation::Gelu] {
        let model = random_model(2, &[33, 17], 1, activation, 5);
        let layout = JetLayout::diagonal(2);
        let (set, loss) = random_loss(&model, &layout, 129, 23);
        let (mut gpu, mut cpu) = (gpu(&model), Cpu::<f64>::new(&model, 1).unwrap());
        let (ours, truth) = (ten_steps(&mut gpu, &set, &loss), ten_steps(&mut cpu, &set, &loss));
        // Adam's first steps are lr · sign of the gradient, so an entry near 0 may go the other way.
        // The project's bar is on the jets.
        assert!(normwise(&ours, &truth) < 1e-5, "{activation}: {ours:?} {truth:?}");
        let points = random_points(&model, 100, 9);
        let apart = jets_apart(&gpu.evaluate(&points, &layout).unwrap(), &cpu.evaluate(&points, &layout).unwrap());
        assert!(apart < 1e-5, "{activation}: {apart:e}");
    }
}

#[test]
fn ten_step_losses_are_golden() {
    // The problem and the losses of the CPU's golden test, from its f64 backend.
    const GOLDEN: [f64; 3] = [2.869549850961106, 2.4504345302270485, 2.147942011045716];
    let model = random_model(2, &[33, 17], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(2), 129, 23);
    let mut gpu = gpu(&model);
    let id = gpu.load(&set, &loss).unwrap();
    for step in 1..=10 {
        gpu.step(whole(&set, id), &Adam::default().update(step, 1e-3)).unwrap();
        if let Some(golden) = [1, 5, 10].iter().position(|s| *s == step) {
            let total = loss.total(&gpu.report().unwrap().losses);
            // f32 rounding of the loss, and what Adam makes of it in ten steps.
            assert!((total / GOLDEN[golden] - 1.0).abs() < 1e-5, "step {step}: {total}");
        }
    }
}

#[test]
fn chunks_and_blocks_change_nothing_but_rounding() {
    let model = random_model(2, &[33, 7], 2, Activation::Silu, 5);
    let layout = JetLayout::diagonal(2);
    let (set, loss) = random_loss(&model, &layout, 1000, 23);
    let rows: Vec<u32> = (0..1000).map(|i| (i * 7 + 3) % 1000).collect();
    let run = |options: GpuOptions| {
        let mut gpu = gpu_with(&model, options);
        let id = gpu.load(&set, &loss).unwrap();
        gpu.order(id, &rows).unwrap();
        let batch = Batch { set: id, start: 9, count: 777 };
        let gradient = gpu.gradient(batch).unwrap();
        for step in 1..=5 {
            gpu.step(batch, &Adam::default().update(step, 1e-3)).unwrap();
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
fn mini_batches_take_the_rows_in_their_order() {
    let model = random_model(2, &[7], 1, Activation::Gelu, 5);
    let (mut set, loss) = random_loss(&model, &JetLayout::diagonal(2), 40, 29);
    set.weights = Some((0..40).map(|i| f64::from(i % 3)).collect());
    let (mut gpu, mut cpu) = (gpu(&model), Cpu::<f64>::new(&model, 1).unwrap());
    let id = gpu.load(&set, &loss).unwrap();
    cpu.load(&set, &loss).unwrap();
    // Two orders, with steps of the first still under way when the second comes.
    for (round, stride) in [7_u32, 11].into_iter().enumerate() {
        let rows: Vec<u32> = (0..40).map(|i| (i * stride + 3) % 40).collect();
        gpu.order(id, &rows).unwrap();
        cpu.order(id, &rows).unwrap();
        for (index, (start, count)) in [(0, 19), (19, 19), (38, 2)].into_iter().enumerate() {
            let update = Adam::default().update((3 * round + index + 1) as u64, 1e-3);
            let batch = Batch { set: id, start, count };
            gpu.step(batch, &update).unwrap();
            cpu.step(batch, &update).unwrap();
        }
    }
    let (ours, truth) = (gpu.report().unwrap(), cpu.report().unwrap());
    assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{ours:?} {truth:?}");
    // The norm of a gradient that f32 leaves 2e-5 apart at most.
    assert!((ours.gradient_norm / truth.gradient_norm - 1.0).abs() < 2e-5, "{ours:?} {truth:?}");
}

#[test]
fn clipping_shortens_the_gradient_to_the_norm() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(1), 10, 29);
    let mut gpu = gpu(&model);
    let id = gpu.load(&set, &loss).unwrap();
    let mut first_moment = |clip_norm: f64| {
        gpu.set_optimizer_state(&OptimizerState::default()).unwrap();
        gpu.set_parameters(&model.parameters).unwrap();
        let adam = Adam { clip_norm, ..Adam::default() };
        gpu.step(whole(&set, id), &adam.update(1, 1e-3)).unwrap();
        (gpu.report().unwrap().gradient_norm, gpu.optimizer_state().unwrap().first_moment)
    };
    let (norm, free) = first_moment(f64::INFINITY);
    let (reported, clipped) = first_moment(0.25 * norm);
    assert_eq!(reported, norm, "the norm before clipping");
    let quarter: Vec<_> = free.iter().map(|m| 0.25 * m).collect();
    // One more product in f32.
    assert!(normwise(&clipped, &quarter) < 1e-6);
}

#[test]
fn a_loss_that_is_not_finite_stops_the_updates_and_names_the_step() {
    let model = random_model(1, &[7, 7], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(1), 10, 29);
    let mut gpu = gpu(&model);
    let id = gpu.load(&set, &loss).unwrap();
    // Above 32 bits: the number travels in two halves.
    let first = (1 << 33) + 5;
    let step = |gpu: &mut Gpu, number| gpu.step(whole(&set, id), &Adam::default().update(number, 1e-3)).unwrap();
    step(&mut gpu, first);
    assert_eq!(gpu.report().unwrap().diverged_at, None);
    for bad in [f64::NAN, f64::INFINITY, 1e38] {
        let mut broken = gpu.parameters().unwrap();
        let good = broken.clone();
        let last = broken.len() - 2;
        broken[last] = bad;
        gpu.set_parameters(&broken).unwrap();
        let before = gpu.optimizer_state().unwrap();
        for number in first + 1..first + 4 {
            step(&mut gpu, number);
        }
        assert_eq!(gpu.report().unwrap().diverged_at, Some(first + 1), "{bad}");
        assert_eq!(gpu.parameters().unwrap()[..last], good[..last], "{bad}");
        assert_eq!(gpu.optimizer_state().unwrap(), before, "{bad}");
        gpu.set_parameters(&good).unwrap();
        step(&mut gpu, first + 4);
        assert_eq!(gpu.report().unwrap().diverged_at, None, "a new state starts anew");
    }
}

#[test]
fn state_goes_out_and_comes_back_to_the_same_bits() {
    let model = random_model(2, &[33], 1, Activation::Sigmoid, 5);
    let (set, loss) = random_loss(&model, &JetLayout::gradient(2), 50, 29);
    let mut first = gpu(&model);
    let id = first.load(&set, &loss).unwrap();
    let mut second = gpu_with(&model, GpuOptions { checked: false, ..CHECKED });
    second.load(&set, &loss).unwrap();
    let steps = |gpu: &mut Gpu, range: std::ops::Range<u64>| {
        for step in range {
            gpu.step(whole(&set, id), &Adam::default().update(step, 1e-3)).unwrap();
        }
    };
    steps(&mut first, 1..100);
    second.set_parameters(&first.parameters().unwrap()).unwrap();
    second.set_optimizer_state(&first.optimizer_state().unwrap()).unwrap();
    steps(&mut first, 100..200);
    steps(&mut second, 100..200);
    // Checked and unchecked shaders do the same arithmetic.
    assert_eq!(first.parameters().unwrap(), second.parameters().unwrap());
    assert_eq!(first.report().unwrap(), second.report().unwrap());
}

#[test]
fn an_evaluation_streams_in_bounded_memory() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let layout = JetLayout::diagonal(1);
    let mut gpu = gpu_with(&model, GpuOptions { max_binding_bytes: Some(1 << 20), ..CHECKED });
    let points = random_points(&model, 100_003, 5);
    let jets = gpu.evaluate(&points, &layout).unwrap();
    let truth = Cpu::<f64>::new(&model, 1).unwrap().evaluate(&points, &layout).unwrap();
    assert!(jets_apart(&jets, &truth) < 1e-5);
    // Four buffers of a chunk and two for reading, none above the binding.
    assert!(gpu.working_bytes() < 6 << 20, "{}", gpu.working_bytes());
    assert_eq!(gpu.evaluate(&[vec![]], &layout).unwrap().points(), 0);
}

#[test]
fn what_does_not_fit_is_an_error_of_the_device() {
    let model = random_model(2, &[129], 1, Activation::Tanh, 5);
    let mut gpu = gpu_with(&model, GpuOptions { max_binding_bytes: Some(4096), ..CHECKED });
    let error = gpu.evaluate(&random_points(&model, 9, 5), &JetLayout::full(2)).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("four points with 6 channels"), "{error}");
    let (set, loss) = random_loss(&model, &JetLayout::value(2), 1025, 29);
    let error = gpu.load(&set, &loss).unwrap_err();
    assert!(error.to_string().contains("1025 points"), "{error}");
}

#[test]
fn wrong_calls_are_errors_and_not_panics() {
    let model = random_model(1, &[7], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::value(1), 10, 29);
    let mut gpu = gpu(&model);
    let id = gpu.load(&set, &loss).unwrap();
    assert!(gpu.order(id, &[0; 3]).is_err() && gpu.order(id, &[10; 10]).is_err());
    assert!(gpu.gradient(Batch { set: id, start: 5, count: 6 }).is_err());
    assert!(gpu.gradient(Batch { set: id, start: 5, count: 0 }).is_err());
    assert!(gpu.set_parameters(&[0.0; 3]).is_err());
    let message = Gpu::new("no such adapter", &model).err().unwrap().to_string();
    assert!(message.contains(&adapters()[0].name), "{message}");
}

#[test]
fn the_device_times_steps_and_evaluations() {
    let model = random_model(2, &[33], 1, Activation::Tanh, 5);
    let layout = JetLayout::diagonal(2);
    let (set, loss) = random_loss(&model, &layout, 200, 29);
    let mut gpu = gpu_with(&model, GpuOptions { max_points: Some(64), ..CHECKED });
    let id = gpu.load(&set, &loss).unwrap();
    let steps = gpu.timed_steps(whole(&set, id), &Adam::default().update(1, 1e-3), 3).unwrap();
    let evaluations = gpu.timed_evaluations(200, &layout, 3).unwrap();
    assert_eq!(steps.is_some(), adapters()[0].timestamps);
    for seconds in [steps, evaluations].into_iter().flatten() {
        assert!(seconds.len() == 3 && seconds.iter().all(|s| (0.0..10.0).contains(s)), "{seconds:?}");
    }
}
