//! Adjoint mode, where separate kernels carry fewer channels: every layout that it is for, against the CPU.

use jetfit::backend::{Backend, Batch};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::expression::{Expression, Scope};
use jetfit::gpu::{Fusion, GpuOptions, TileChoice, Tiles};
use jetfit::jet::{Activation, Derivative, JetLayout};
use jetfit::loss::{Loss, Term};
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;

use super::{CHECKED, gpu, gpu_with, whole};
use crate::support::{jets_apart, normwise, random_loss, random_model, random_points};

const SEPARATE: GpuOptions =
    GpuOptions { tiles: TileChoice::These(Tiles { fusion: Fusion::None, linear: 32, gradient: 128 }), ..CHECKED };

/// Layouts over `inputs` inputs that carry less with one adjoint for each of `outputs` outputs; those at the end
/// have tangents that no second is made of, and gaps between the inputs of the first derivatives.
fn layouts(inputs: usize, outputs: usize) -> Vec<JetLayout> {
    let last = inputs - 1;
    let some = [
        Derivative::Second(0, last),
        Derivative::Second(0, 0),
        Derivative::Second(last, last),
        Derivative::First(last / 2),
    ];
    let firsts = (0..inputs).filter(|i| i % 3 != 1).map(Derivative::First);
    let layouts = [
        JetLayout::gradient(inputs),
        JetLayout::diagonal(inputs),
        // A software GPU compiles the rules of 55 seconds for a long time.
        JetLayout::full(inputs.min(4)),
        JetLayout::selected(inputs, some),
        JetLayout::selected(inputs, firsts.chain([Derivative::Laplacian, Derivative::Second(0, last)])),
        JetLayout::selected(inputs, (0..inputs).filter(|i| i % 3 != 1).map(Derivative::First)),
    ];
    layouts.into_iter().filter(|layout| layout.inputs() == inputs && layout.without_top(outputs).is_some()).collect()
}

#[test]
fn every_layout_follows_the_cpu() {
    let mut worst: (f64, f64) = (0.0, 0.0);
    // Several hidden layers, one alone, layers 1 wide, points that leave quads and tiles half empty,
    // points enough for rules of quads, and layers whose gradients have the largest tile together.
    let shapes: [(usize, &[usize], usize, usize); 8] = [
        (3, &[33, 17, 7], 1, 129),
        (3, &[7, 1, 9, 5], 2, 33),
        (10, &[17, 33], 1, 37),
        (10, &[65], 2, 7),
        (2, &[1, 5], 1, 33),
        // Fewer points than a quad; a single one may have an entry so near 0 that its error has no scale.
        (4, &[6], 1, 3),
        (3, &[1, 129], 1, 2053),
        (3, &[130, 131, 129], 1, 5),
    ];
    // The activations differ in their slopes alone: one shape is enough for the others.
    for (activation, count) in [(Activation::Tanh, 8), (Activation::Gelu, 1), (Activation::Sin, 1)] {
        for (inputs, hidden, outputs, points) in shapes.into_iter().take(count) {
            let model = random_model(inputs, hidden, outputs, activation, 5);
            let (mut gpu, mut cpu) = (gpu_with(&model, SEPARATE), cpu::open(&model, Precision::F64, 1).unwrap());
            let all = layouts(inputs, outputs);
            assert!(!all.is_empty(), "{inputs} inputs, {outputs} outputs");
            for layout in all {
                let (mut set, loss) = random_loss(&model, &layout, points, 23);
                set.weights = Some((0..points).map(|p| [0.5, 1.5, 1.0, 2.0][p % 4]).collect());
                let what = format!("{activation} {hidden:?} {outputs} {layout:?}");
                assert_eq!(gpu.tiles(&layout).fusion, Fusion::None, "{what}");
                let truth = cpu.evaluate(&set.inputs, &layout).unwrap();
                let apart = jets_apart(&gpu.evaluate(&set.inputs, &layout).unwrap(), &truth);
                // The project's bars for jets in f32 and for gradients, a pass as long again.
                assert!(apart < 1e-5, "{what}: jets {apart:e}");
                let id = gpu.load(&set, &loss).unwrap();
                let losses = gpu.losses(id).unwrap();
                let ours = gpu.gradient(&[whole(&set, id)]).unwrap();
                assert_eq!(cpu.load(&set, &loss).unwrap(), id);
                let truth = cpu.gradient(&[whole(&set, id)]).unwrap();
                let error = normwise(&ours.gradient, &truth.gradient);
                assert!(error < 2e-5, "{what}: gradient {error:e}");
                assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{what}");
                assert!(normwise(&losses, &ours.losses) < 1e-6, "{what}: without a tape");
                worst = (worst.0.max(apart), worst.1.max(error));
            }
        }
    }
    println!("worst: {worst:?}");
}

#[test]
fn the_table_takes_it_for_wide_networks_and_many_channels() {
    let path = |inputs, width, layout: &JetLayout| {
        gpu(&random_model(inputs, &[width], 1, Activation::Tanh, 5)).tiles(layout).fusion
    };
    assert_eq!(path(3, 65, &JetLayout::diagonal(3)), Fusion::None);
    assert_eq!(path(7, 65, &JetLayout::gradient(7)), Fusion::None);
    assert_eq!(path(10, 33, &JetLayout::diagonal(10)), Fusion::None);
    assert!(matches!(path(3, 33, &JetLayout::diagonal(3)), Fusion::Network(_)));
    assert!(matches!(path(3, 65, &JetLayout::collapsed(&[1.0; 3])), Fusion::Layer(_)));
}

#[test]
fn chunks_change_nothing_but_rounding() {
    let model = random_model(3, &[33, 1, 7], 1, Activation::Silu, 5);
    let layout = JetLayout::diagonal(3);
    let (set, loss) = random_loss(&model, &layout, 333, 23);
    let run = |options: GpuOptions| {
        let mut gpu = gpu_with(&model, options);
        let id = gpu.load(&set, &loss).unwrap();
        let batch = Batch { set: id, start: 9, count: 277 };
        let gradient = gpu.gradient(&[batch]).unwrap();
        for step in 1..=5 {
            gpu.step(&[batch], &AdamSettings::default().update(step, 1e-3)).unwrap();
        }
        (gradient, gpu.losses(id).unwrap(), gpu.evaluate(&set.inputs, &layout).unwrap())
    };
    let whole = run(SEPARATE);
    for options in [
        GpuOptions { max_points: Some(100), ..SEPARATE },
        GpuOptions { max_points: Some(4), ..SEPARATE },
        GpuOptions { max_binding_bytes: Some(16_000), ..SEPARATE },
    ] {
        let parts = run(options);
        // Sums over the points in another order: a few roundings.
        assert!(normwise(&parts.0.gradient, &whole.0.gradient) < 2e-6, "{options:?}");
        assert!(normwise(&parts.0.losses, &whole.0.losses) < 2e-6, "{options:?}");
        // Five steps of Adam on them.
        assert!(normwise(&parts.1, &whole.1) < 1e-5, "{options:?}");
        assert!(jets_apart(&parts.2, &whole.2) < 1e-5, "{options:?}");
    }
    assert_eq!(run(SEPARATE), whole, "the same bits twice");
}

#[test]
fn a_loss_may_read_several_places_and_coefficients() {
    let mut model = random_model(3, &[17, 7, 5], 1, Activation::Tanh, 7);
    model.spec.coefficients = 1;
    model.coefficients = vec!["nu".into()];
    model.parameters.push(0.3);
    let scope = Scope {
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        coefficients: model.coefficients.clone(),
        ..Scope::default()
    };
    let equations = [
        "d(u0, x2) + u0*d(u0, x0) = nu*(d(u0, x0, x0) + d(u0, x1, x1) + d(u0, x0, x1))",
        "d(u0(0, x1, x2), x0) = d(u0(1, x1, x2), x0) + u0(x0, x0, x2)",
    ];
    let term = |text: &&str| Term {
        name: text.to_string(),
        residual: Expression::residual("test", text, &scope).unwrap(),
        scale: 1.0,
        weight: 0.7,
    };
    let loss = Loss { terms: equations.iter().map(term).collect() };
    // At one place the first equation reads 1 + 3 + 3 channels: 1 + 2 + 1 in adjoint mode.
    assert!(loss.compile(&model.normalizer, &model.wirings()).layouts[0].as_ref().unwrap().without_top(1).is_some());
    let set = PointSet { inputs: random_points(&model, 37, 3), ..PointSet::default() };
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    let id = cpu.load(&set, &loss).unwrap();
    let batch = Batch { set: id, start: 3, count: 33 };
    let truth = cpu.gradient(&[batch]).unwrap();
    for options in [SEPARATE, GpuOptions { max_points: Some(12), ..SEPARATE }] {
        let mut gpu = gpu_with(&model, options);
        assert_eq!(gpu.load(&set, &loss).unwrap(), id);
        let ours = gpu.gradient(&[batch]).unwrap();
        let error = normwise(&ours.gradient, &truth.gradient);
        assert!(error < 2e-5, "{options:?}: {error:e}");
        assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{options:?}");
    }
}
