//! The CPU's kernels through the seam: what products, the jet rule, its reverse and Adam cost.
//! `jetfit bench` measures whole steps; this one finds which part of a step has changed.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jetfit::backend::{Backend, Batch};
use jetfit::bench::{network, random_problem};
use jetfit::cpu;
use jetfit::jet::{Activation, Seconds};
use jetfit::network::{Model, NetworkSpec};
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;

const POINTS: usize = 1024;

fn model(width: usize, activation: Activation) -> Model {
    network(NetworkSpec::uniform(2, &[width; 4], activation, 1), Precision::F32)
}

/// One thread, so that nothing but the kernels is timed.
fn cpu(model: &Model) -> Box<dyn Backend> {
    cpu::open(model, Precision::F32, 1).expect("a CPU")
}

/// Forward alone: products where the network is wide, the activation and the jet rule where it is narrow.
fn forward(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forward");
    group.throughput(Throughput::Elements(POINTS as u64));
    for width in [16, 128] {
        for order in 0..=2 {
            let model = model(width, Activation::Tanh);
            let layout = Seconds::Diagonal.layout(order, 2);
            let (set, _) = random_problem(&model, &layout, POINTS);
            let mut cpu = cpu(&model);
            group.bench_function(BenchmarkId::new(format!("width {width}"), format!("order {order}")), |bencher| {
                bencher.iter(|| cpu.evaluate(black_box(&set.inputs), &layout));
            });
        }
    }
    group.finish();
}

/// Forward at order 2 for each activation: the price of σ, σ' and σ''.
fn activations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("activation");
    group.throughput(Throughput::Elements(POINTS as u64));
    for activation in Activation::ALL {
        let model = model(16, activation);
        let layout = Seconds::Diagonal.layout(2, 2);
        let (set, _) = random_problem(&model, &layout, POINTS);
        let mut cpu = cpu(&model);
        group.bench_function(activation.name(), |bencher| {
            bencher.iter(|| cpu.evaluate(black_box(&set.inputs), &layout));
        });
    }
    group.finish();
}

/// The loss and its gradient, then the whole step: the difference is Adam.
fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements(POINTS as u64));
    let model = model(64, Activation::Tanh);
    for order in 0..=2 {
        let (set, loss) = random_problem(&model, &Seconds::Diagonal.layout(order, 2), POINTS);
        let mut cpu = cpu(&model);
        let batch = Batch { set: cpu.load(&set, &loss).expect("a loaded set"), start: 0, count: POINTS };
        group.bench_function(BenchmarkId::new("gradient", format!("order {order}")), |bencher| {
            bencher.iter(|| cpu.gradient(&[black_box(batch)]));
        });
        let mut number = 0;
        group.bench_function(BenchmarkId::new("step", format!("order {order}")), |bencher| {
            bencher.iter(|| {
                number += 1;
                cpu.step(&[black_box(batch)], &AdamSettings::default().update(number, 1e-5))
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = kernels;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = forward, activations, step
}
criterion_main!(kernels);
