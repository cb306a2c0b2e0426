//! Steps: what they leave, what stops them, and what goes in and out.

use jetfit::backend::{Backend, Batch, OptimizerState};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::gpu::{Gpu, GpuOptions};
use jetfit::jet::{Activation, JetLayout};
use jetfit::loss::Loss;
use jetfit::numbers::Precision;
use jetfit::optimizer::{AdamSettings, Iteration, Lbfgs, LbfgsSettings, Memory, Optimizer, Step};

use super::{CHECKED, gpu, gpu_with, whole};
use crate::support::{jets_apart, normwise, random_loss, random_model, random_points};

/// Ten Adam steps on the whole set; the total loss before each.
fn ten_steps(backend: &mut dyn Backend, set: &PointSet, loss: &Loss) -> Vec<f64> {
    let id = backend.load(set, loss).unwrap();
    let adam = AdamSettings { weight_decay: 0.01, ..AdamSettings::default() };
    let step = |step| {
        backend.step(&[whole(set, id)], &adam.update(step, 1e-3)).unwrap();
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
        let (mut gpu, mut cpu) = (gpu(&model), cpu::open(&model, Precision::F64, 1).unwrap());
        let (ours, truth) = (ten_steps(&mut gpu, &set, &loss), ten_steps(&mut *cpu, &set, &loss));
        // Adam's first steps are lr · sign of the gradient, so an entry near 0 may go the other way.
        // The project's bar is on the jets.
        assert!(normwise(&ours, &truth) < 1e-5, "{activation}: {ours:?} {truth:?}");
        let points = random_points(&model, 100, 9);
        let apart = jets_apart(&gpu.evaluate(&points, &layout).unwrap(), &cpu.evaluate(&points, &layout).unwrap());
        assert!(apart < 1e-5, "{activation}: {apart:e}");
    }
}

/// Iterations of L-BFGS on the whole set, until none lowers the loss; the total loss after each.
fn lbfgs_losses(backend: &mut dyn Backend, set: &PointSet, loss: &Loss, iterations: usize) -> Vec<f64> {
    let id = backend.load(set, loss).unwrap();
    let weights: Vec<f64> = loss.terms.iter().map(|term| term.weight).collect();
    let mut lbfgs = Lbfgs::new(LbfgsSettings::default(), 1e-6, backend, Memory::Nothing).unwrap();
    let mut losses = vec![];
    for number in 1..=iterations as u64 {
        let step = Step {
            number,
            of_stage: number,
            batches: &[whole(set, id)],
            weights: &weights,
            is_changed: false,
            is_reported: true,
            is_over: &|| false,
        };
        if lbfgs.iterate(backend, &step).unwrap() == Iteration::Stuck {
            break;
        }
        losses.push(loss.total(&backend.losses(id).unwrap()));
    }
    losses
}

#[test]
fn lbfgs_follows_the_cpu() {
    let model = random_model(2, &[17, 9], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(2), 65, 23);
    let ours = lbfgs_losses(&mut gpu(&model), &set, &loss, 20);
    let truth = lbfgs_losses(&mut *cpu::open(&model, Precision::F64, 1).unwrap(), &set, &loss, 20);
    // Rounding moves a step, and steps build upon one another: by then they differ, but not in what they reach.
    assert!(normwise(&ours[..5], &truth[..5]) < 1e-4, "{ours:?} {truth:?}");
    assert!((ours[19] / truth[19] - 1.0).abs() < 0.1 && ours[19] < 0.9 * ours[0], "{ours:?} {truth:?}");
}

#[test]
fn lbfgs_goes_as_low_as_the_cpu_in_f32() {
    // The jets of another network, which the larger one can learn.
    let (model, teacher) =
        (random_model(1, &[9], 1, Activation::Tanh, 5), random_model(1, &[3], 1, Activation::Tanh, 6));
    let (layout, mut ends) = (JetLayout::diagonal(1), vec![]);
    let (mut set, loss) = random_loss(&model, &layout, 33, 23);
    let jets = cpu::open(&teacher, Precision::F64, 1).unwrap().evaluate(&set.inputs, &layout).unwrap();
    set.columns = layout.derivatives().map(|derivative| jets.entry(0, derivative).unwrap().to_vec()).collect();
    for backend in [&mut gpu(&model) as &mut dyn Backend, &mut *cpu::open(&model, Precision::F32, 1).unwrap()] {
        let losses = lbfgs_losses(backend, &set, &loss, 1000);
        ends.push(losses.last().unwrap() / losses[0]);
    }
    // Measured: 1.2e-8 and 9.3e-9. Where f32 ends the descent is chance within a small factor.
    assert!(ends[1] < 1e-6 && ends[0] < 10.0 * ends[1], "{ends:?}");
}

#[test]
fn terms_are_weighed_anew() {
    let model = random_model(2, &[17, 9], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(2), 65, 23);
    let mut another = loss.clone();
    another.terms.iter_mut().enumerate().for_each(|(k, term)| term.weight *= [0.0, 3.0, 0.5][k % 3]);
    let weights: Vec<f64> = another.terms.iter().map(|term| term.weight).collect();
    let gradient = |backend: &mut dyn Backend, loss: &Loss, weights: Option<&[f64]>| {
        let id = backend.load(&set, loss).unwrap();
        // Compiled and run with the old weights first.
        let before = backend.gradient(&[whole(&set, id)]).unwrap();
        weights.into_iter().for_each(|weights| backend.set_term_weights(id, weights).unwrap());
        let after = backend.gradient(&[whole(&set, id)]).unwrap();
        assert_eq!(before.losses, after.losses);
        after.gradient
    };
    let truth = gradient(&mut *cpu::open(&model, Precision::F64, 1).unwrap(), &another, None);
    for backend in [&mut gpu(&model) as &mut dyn Backend, &mut *cpu::open(&model, Precision::F64, 1).unwrap()] {
        // f32 rounding through two layers.
        let apart = normwise(&gradient(backend, &loss, Some(&weights)), &truth);
        assert!(apart < 1e-5, "{}: {apart:e}", backend.device());
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
        gpu.step(&[whole(&set, id)], &AdamSettings::default().update(step, 1e-3)).unwrap();
        if let Some(golden) = [1, 5, 10].iter().position(|s| *s == step) {
            let total = loss.total(&gpu.report().unwrap().losses);
            // f32 rounding of the loss, and what Adam makes of it in ten steps.
            assert!((total / GOLDEN[golden] - 1.0).abs() < 1e-5, "step {step}: {total}");
        }
    }
}

#[test]
fn mini_batches_take_the_rows_in_their_order() {
    let model = random_model(2, &[7], 1, Activation::Gelu, 5);
    let (mut set, loss) = random_loss(&model, &JetLayout::diagonal(2), 40, 29);
    set.weights = Some((0..40).map(|i| f64::from(i % 3)).collect());
    let (mut gpu, mut cpu) = (gpu(&model), cpu::open(&model, Precision::F64, 1).unwrap());
    let id = gpu.load(&set, &loss).unwrap();
    cpu.load(&set, &loss).unwrap();
    // Two orders, with steps of the first still under way when the second comes.
    for (round, stride) in [7_u32, 11].into_iter().enumerate() {
        let rows: Vec<u32> = (0..40).map(|i| (i * stride + 3) % 40).collect();
        gpu.set_order(id, &rows).unwrap();
        cpu.set_order(id, &rows).unwrap();
        for (index, (start, count)) in [(0, 19), (19, 19), (38, 2)].into_iter().enumerate() {
            let update = AdamSettings::default().update((3 * round + index + 1) as u64, 1e-3);
            let batch = Batch { set: id, start, count };
            gpu.step(&[batch], &update).unwrap();
            cpu.step(&[batch], &update).unwrap();
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
        let adam = AdamSettings { clip_norm, ..AdamSettings::default() };
        gpu.step(&[whole(&set, id)], &adam.update(1, 1e-3)).unwrap();
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
    let step =
        |gpu: &mut Gpu, number| gpu.step(&[whole(&set, id)], &AdamSettings::default().update(number, 1e-3)).unwrap();
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
    let (mut second, mut unchecked) = (gpu(&model), gpu_with(&model, GpuOptions { checked: false, ..CHECKED }));
    second.load(&set, &loss).unwrap();
    unchecked.load(&set, &loss).unwrap();
    let steps = |gpu: &mut Gpu, range: std::ops::Range<u64>| {
        for step in range {
            gpu.step(&[whole(&set, id)], &AdamSettings::default().update(step, 1e-3)).unwrap();
        }
    };
    steps(&mut first, 1..100);
    for other in [&mut second, &mut unchecked] {
        other.set_parameters(&first.parameters().unwrap()).unwrap();
        other.set_optimizer_state(&first.optimizer_state().unwrap()).unwrap();
    }
    steps(&mut first, 100..200);
    steps(&mut second, 100..200);
    assert_eq!(first.parameters().unwrap(), second.parameters().unwrap());
    assert_eq!(first.report().unwrap(), second.report().unwrap());
    // A driver may fuse other products and sums in shaders with checks than without, and 100 steps carry that on.
    steps(&mut unchecked, 100..200);
    assert!(normwise(&unchecked.parameters().unwrap(), &first.parameters().unwrap()) < 1e-5);
}

#[test]
fn the_batches_of_a_step_add_up() {
    let model = random_model(2, &[33, 7], 1, Activation::Tanh, 5);
    let (mut gpu, mut cpu) = (
        gpu_with(&model, GpuOptions { max_points: Some(16), ..CHECKED }),
        cpu::open(&model, Precision::F32, 2).unwrap(),
    );
    let mut batches = vec![];
    for (layout, points) in [(JetLayout::diagonal(2), 40), (JetLayout::value(2), 7)] {
        let (set, loss) = random_loss(&model, &layout, points, 29);
        let id = gpu.load(&set, &loss).unwrap();
        assert_eq!(cpu.load(&set, &loss).unwrap(), id);
        batches.push(whole(&set, id));
    }
    let (ours, truth) = (gpu.gradient(&batches).unwrap(), cpu.gradient(&batches).unwrap());
    // Both round in f32 and add up in another order.
    assert!(normwise(&ours.losses, &truth.losses) < 1e-5);
    assert!(normwise(&ours.gradient, &truth.gradient) < 1e-5);
    let update = AdamSettings::default().update(1, 1e-3);
    gpu.step(&batches, &update).unwrap();
    cpu.step(&batches, &update).unwrap();
    let (ours, truth) = (gpu.report().unwrap(), cpu.report().unwrap());
    assert!(normwise(&ours.losses, &truth.losses) < 1e-5);
    assert!((ours.gradient_norm / truth.gradient_norm - 1.0).abs() < 1e-5);
}

#[test]
fn rows_that_lie_there_still_are_those_of_their_order() {
    let model = random_model(2, &[9], 1, Activation::Tanh, 5);
    let (set, loss) = random_loss(&model, &JetLayout::diagonal(2), 40, 29);
    let (mut gpu, mut cpu) = (gpu(&model), cpu::open(&model, Precision::F64, 1).unwrap());
    let id = gpu.load(&set, &loss).unwrap();
    assert_eq!(cpu.load(&set, &loss).unwrap(), id);
    let reversed: Vec<u32> = (0..40).rev().collect();
    // The same positions again and again, then another order, other positions, more of them, and other rows.
    let same = Batch { set: id, start: 3, count: 14 };
    let mut agree = |batch: Batch, change: &dyn Fn(&mut dyn Backend)| {
        change(&mut gpu);
        change(&mut *cpu);
        let (ours, truth) = (gpu.gradient(&[batch]).unwrap(), cpu.gradient(&[batch]).unwrap());
        assert!(normwise(&ours.gradient, &truth.gradient) < 1e-5, "{batch:?}");
    };
    agree(same, &|_| ());
    agree(same, &|_| ());
    agree(same, &|backend| backend.set_order(id, &reversed).unwrap());
    agree(Batch { start: 20, ..same }, &|_| ());
    agree(Batch { count: 31, ..same }, &|_| ());
    agree(same, &|_| ());
    let (other, _) = random_loss(&model, &JetLayout::diagonal(2), 40, 31);
    agree(same, &|backend| backend.refill(id, &other, &loss).unwrap());
}
