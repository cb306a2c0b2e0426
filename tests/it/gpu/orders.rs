//! Layouts above order 2: every way to compute them, against the CPU.

use jetfit::backend::{Backend, Batch};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::expression::{Expression, Scope};
use jetfit::gpu::{Fusion, GpuOptions, Tile, TileChoice, Tiles, adapters};
use jetfit::jet::{Activation, Derivative, JetLayout};
use jetfit::loss::{Loss, Term};
use jetfit::network::{Features, Model};
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;

use super::{CHECKED, gpu_with, whole};
use crate::runs::Place;
use crate::support::{jets_apart, mixed_model, normwise, random_loss, random_model, random_points};

const SEPARATE: GpuOptions =
    GpuOptions { tiles: TileChoice::These(Tiles { fusion: Fusion::None, linear: 32, gradient: 128 }), ..CHECKED };

/// The project's bars for jets in f32 and for gradients. Measured: 7e-7 and 9e-7.
const JETS: f64 = 1e-5;
const GRADIENT: f64 = 2e-5;

fn by(inputs: &[usize]) -> Derivative {
    Derivative::by(inputs).unwrap()
}

/// Layouts over `inputs` inputs; collapsed ones with scales that differ, one of them negative.
fn layouts(inputs: usize) -> Vec<JetLayout> {
    let last = inputs - 1;
    let coefficients: Vec<f64> = (0..inputs).map(|i| 1.0 - 0.75 * i as f64).collect();
    let mut all = vec![
        JetLayout::pure(inputs, 3),
        JetLayout::pure(inputs, 4),
        // Korteweg-de Vries and Kuramoto-Sivashinsky, the last input being time.
        JetLayout::selected(inputs, [by(&[last]), by(&[0, 0, 0])]),
        JetLayout::selected(inputs, [by(&[last]), by(&[0, 0, 0, 0])]),
        // Of different orders in each input.
        JetLayout::selected(inputs, [by(&[0, 0, last, last]), by(&[last, last, last]), by(&[last / 2])]),
        JetLayout::weighted(&coefficients, [Derivative::Biharmonic]),
        JetLayout::weighted(&coefficients, [Derivative::LaplacianFirst(last), by(&[0, last])]),
    ];
    if inputs <= 2 {
        all.extend([JetLayout::all(inputs, 3), JetLayout::all(inputs, 4)]);
    }
    all
}

/// What is apart, relative to the CPU in f64: jets, and the gradient of a loss that reads all of them.
fn apart(model: &Model, points: usize, layout: &JetLayout, options: GpuOptions) -> (f64, f64) {
    let (mut gpu, mut cpu) = (gpu_with(model, options), cpu::open(model, Precision::F64, 1).unwrap());
    let (mut set, loss) = random_loss(model, layout, points, 23);
    set.weights = Some((0..points).map(|p| [0.5, 1.5, 1.0, 2.0][p % 4]).collect());
    let truth = cpu.evaluate(&set.inputs, layout).unwrap();
    let jets = jets_apart(&gpu.evaluate(&set.inputs, layout).unwrap(), &truth);
    let id = gpu.load(&set, &loss).unwrap();
    assert_eq!(cpu.load(&set, &loss).unwrap(), id);
    let (ours, truth) = (gpu.gradient(&[whole(&set, id)]).unwrap(), cpu.gradient(&[whole(&set, id)]).unwrap());
    let losses = normwise(&ours.losses, &truth.losses);
    assert!(losses < JETS, "{layout:?}: losses {losses:e}");
    let without = normwise(&gpu.losses(id).unwrap(), &ours.losses);
    assert!(without < 1e-6, "{layout:?}: without a tape {without:e}");
    (jets, normwise(&ours.gradient, &truth.gradient))
}

/// Tries layouts of a network in the kernels that the table takes, and in those of one operation each where these are others.
fn follow(model: &Model, points: usize, layouts: &[JetLayout], (jets_bar, gradient_bar): (f64, f64)) {
    let table = gpu_with(model, CHECKED);
    for layout in layouts {
        let are_separate = table.tiles(layout).fusion == Fusion::None;
        for options in [CHECKED, SEPARATE].into_iter().skip(usize::from(are_separate)) {
            let (jets, gradient) = apart(model, points, layout, options);
            let what = format!("{:?} {:?} {layout:?}", model.spec.networks[0].hidden, options.tiles);
            println!("{jets:.1e} {gradient:.1e} {} channels, {what}", layout.channels());
            assert!(jets < jets_bar, "{what}: jets {jets:e}");
            assert!(gradient < gradient_bar, "{what}: gradient {gradient:e}");
        }
    }
}

#[test]
fn every_layout_follows_the_cpu() {
    // Of layers 1 wide and several outputs each layout, of other shapes some: a software GPU compiles for most of the time.
    let model = random_model(2, &[33, 1, 7], 2, Activation::Tanh, 5);
    follow(&model, 33, &layouts(2), (JETS, GRADIENT));
    // One input; all fourths of three; fewer points than a quad; no hidden layer.
    let one = random_model(1, &[7, 5], 1, Activation::Tanh, 5);
    follow(&one, 7, &layouts(1)[..2], (JETS, GRADIENT));
    let three = random_model(3, &[5, 9], 1, Activation::Tanh, 5);
    follow(&three, 37, &[JetLayout::all(3, 4)], (JETS, GRADIENT));
    let four = random_model(4, &[6], 1, Activation::Tanh, 5);
    follow(&four, 3, &layouts(4)[4..], (JETS, GRADIENT));
    follow(&random_model(2, &[], 2, Activation::Tanh, 5), 5, &layouts(2)[1..2], (JETS, GRADIENT));
    // Layers of several activations with skips: forward mode.
    follow(&mixed_model(2, 1), 33, &layouts(2)[3..4], (JETS, GRADIENT));
}

#[test]
fn every_activation_follows_the_cpu() {
    let layout = JetLayout::selected(2, [by(&[1]), by(&[0, 0, 0, 0])]);
    for activation in Activation::ALL {
        // exp makes a relative error of its argument's absolute one.
        let wider = if activation == Activation::Exp { 5.0 } else { 1.0 };
        let (jets, gradient) = apart(&random_model(2, &[9, 7], 1, activation, 3), 33, &layout, SEPARATE);
        assert!(jets < wider * JETS && gradient < wider * GRADIENT, "{activation}: {jets:e} {gradient:e}");
    }
}

/// A network of (x0, x1) whose first layer reads the jets of three functions of them.
fn behind_features() -> Model {
    let (mut model, plain) =
        (random_model(3, &[9, 7], 1, Activation::Tanh, 5), random_model(2, &[1], 1, Activation::Tanh, 5));
    (model.inputs, model.normalizer) = (plain.inputs, plain.normalizer);
    let scope = Scope { inputs: model.inputs.clone(), outputs: model.outputs.clone(), ..Scope::default() };
    let texts = ["sin(x0)", "cos(x0) + x1", "x1"].map(str::to_string).into();
    let features = Features::fit("features", texts, &scope.of_features(), &random_points(&model, 50, 1)).unwrap();
    model.transforms = model.transforms.with_features(features, &scope);
    model
}

#[test]
fn the_first_layer_may_read_features() {
    follow(&behind_features(), 33, &layouts(2)[4..6], (JETS, GRADIENT));
}

#[test]
fn fused_layers_have_the_rule_in_registers() {
    // At most eight channels, which the table gives to whole networks where it can.
    let tile = Tile { quads: 8, rows: 2, slice: 8 };
    let tiles = Tiles { fusion: Fusion::Layer(tile), linear: 128, gradient: 128 };
    let options = GpuOptions { tiles: TileChoice::These(tiles), ..CHECKED };
    for model in [random_model(2, &[33, 7], 1, Activation::Tanh, 5), mixed_model(2, 1)] {
        for layout in &layouts(2)[2..4] {
            let (jets, gradient) = apart(&model, 33, layout, options);
            assert_eq!(gpu_with(&model, options).tiles(layout), tiles);
            assert!(jets < JETS && gradient < GRADIENT, "{layout:?}: {jets:e} {gradient:e}");
        }
    }
}

#[test]
fn threads_may_have_quads_of_points() {
    // From 2^18 numbers of a channel on.
    let model = random_model(2, &[1, 129], 1, Activation::Tanh, 5);
    let layouts = [JetLayout::selected(2, [by(&[1]), by(&[0, 0, 0, 0])]), JetLayout::pure(2, 3)];
    for layout in &layouts {
        let (jets, gradient) = apart(&model, 2053, layout, SEPARATE);
        assert!(jets < JETS && gradient < GRADIENT, "{layout:?}: {jets:e} {gradient:e}");
    }
}

#[test]
fn chunks_change_nothing_but_rounding() {
    let model = random_model(2, &[17, 9], 1, Activation::Silu, 5);
    let layout = JetLayout::selected(2, [by(&[1]), by(&[0, 0, 0, 0])]);
    let (set, loss) = random_loss(&model, &layout, 133, 23);
    let run = |options: GpuOptions| {
        let mut gpu = gpu_with(&model, options);
        let id = gpu.load(&set, &loss).unwrap();
        let batch = Batch { set: id, start: 9, count: 117 };
        let gradient = gpu.gradient(&[batch]).unwrap();
        for step in 1..=5 {
            gpu.step(&[batch], &AdamSettings::default().update(step, 1e-3)).unwrap();
        }
        (gradient, gpu.losses(id).unwrap(), gpu.evaluate(&set.inputs, &layout).unwrap())
    };
    for of_kind in [SEPARATE, CHECKED] {
        let whole = run(of_kind);
        let parts = run(GpuOptions { max_points: Some(20), ..of_kind });
        // Sums over the points in another order: a few roundings; then five steps of Adam on them.
        assert!(normwise(&parts.0.gradient, &whole.0.gradient) < 2e-6, "{:?}", of_kind.tiles);
        assert!(normwise(&parts.1, &whole.1) < 1e-5 && jets_apart(&parts.2, &whole.2) < JETS, "{:?}", of_kind.tiles);
        assert_eq!(run(of_kind), whole, "the same bits twice");
    }
}

#[test]
fn ten_steps_on_an_equation_follow_the_cpu() {
    let mut model = random_model(2, &[17, 9], 1, Activation::Tanh, 7);
    model.spec.coefficients = 1;
    model.coefficients = vec!["nu".into()];
    model.parameters.push(0.3);
    let scope = Scope {
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        coefficients: model.coefficients.clone(),
        definitions: [("bend".to_string(), "d(u0, x0, x0, x0)".to_string())].into(),
        ..Scope::default()
    };
    // Kuramoto-Sivashinsky, and a plate with its edge, which is another place.
    let equations = [
        "d(u0, x1) + u0*d(u0, x0) + d(u0, x0, x0) + nu*d(u0, x0, x0, x0, x0) = 0",
        "d(u0, x0, x0, x1, x1) = bend(0, x1)",
    ];
    let term = |text: &&str| Term {
        name: text.to_string(),
        residual: Expression::residual("test", text, &scope).unwrap(),
        scale: 1.0,
        weight: 0.7,
    };
    let loss = Loss { terms: equations.iter().map(term).collect() };
    let set = PointSet { inputs: random_points(&model, 37, 3), ..PointSet::default() };
    let ten_steps = |backend: &mut dyn Backend| -> Vec<f64> {
        let id = backend.load(&set, &loss).unwrap();
        let step = |step| {
            backend.step(&[whole(&set, id)], &AdamSettings::default().update(step, 1e-3)).unwrap();
            loss.total(&backend.report().unwrap().losses)
        };
        (1..=10).map(step).collect()
    };
    let truth = ten_steps(&mut *cpu::open(&model, Precision::F64, 1).unwrap());
    assert!(truth[9] < truth[0]);
    for options in [CHECKED, SEPARATE, GpuOptions { max_points: Some(12), ..SEPARATE }] {
        let ours = ten_steps(&mut gpu_with(&model, options));
        let error = normwise(&ours, &truth);
        // A loss has twice the relative error of its residuals.
        assert!(error < 2.0 * JETS, "{:?}: {error:e}", options.tiles);
    }
}

#[test]
fn a_job_goes_the_same_way_on_both_devices() {
    let place = Place::new("");
    place.write("job.toml", SIVASHINSKY);
    let predictions = |device: &str, directory: &str| {
        place.report("job.toml", &["--device", device, "--set", &format!("output.directory={directory}")]);
        place.csv(&format!("{directory}/predictions.csv"))
    };
    let (ours, truth) = (predictions(&adapters().unwrap()[0].name, "gpu"), predictions("cpu", "cpu"));
    assert!(truth.contains_key("d4u_dx4"), "{:?}", truth.keys());
    for (name, truth) in &truth {
        // Both in f32; ten steps of Adam carry their roundings on.
        let error = normwise(&ours[name], truth);
        assert!(error < 2.0 * JETS, "{name}: {error:e}");
    }
}

const SIVASHINSKY: &str = r#"
[variables]
x = [0, 1]
t = [0, 1]
[network]
outputs = ["u"]
hidden = [9, 7]
[transforms]
u = "sin(2*pi*x) + t*net"
[definitions]
bend = "u_xxx"
[[term]]
name = "equation"
residual = "u_t + u*u_x + u_xx + 0.01*u_xxxx = 0"
points = { count = 40 }
[[term]]
name = "around"
residual = "bend(0, t) = bend(1, t)"
points = { on = "x = 0", count = 10 }
[training]
steps = 10
[device]
fallback = false
[optimizer]
name = "adam"
[predictions]
grid = { x = [0, 1, 5], t = [0, 1, 3] }
order = 4
"#;
