//! Several networks in a model: jets and gradients against differences, f32 against f64, a GPU against the CPU; files;
//! and whole jobs.

use crate::runs::{Place, assert_errors, assert_says, train_with_stops};
use crate::support::{jets_apart, normwise, random_points};
use jetfit::backend::{Backend, Batch, Jacobian};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::expression::{Expression, Scope};
use jetfit::gpu::{Fusion, Gpu, GpuOptions, TileChoice, Tiles, adapters};
use jetfit::jet::{Activation, Derivative, JetLayout, Normalizer, Scaling, Source, Wiring};
use jetfit::job::{Job, Overrides};
use jetfit::loss::{Loss, Term};
use jetfit::network::{Features, Model, NetworkSpec, Perceptron, Transforms, initialize};
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;

fn network(hidden: &[usize], activation: Activation, reads: &[Source], gives: &[usize]) -> Perceptron {
    let wiring = Wiring { reads: reads.to_vec(), gives: gives.to_vec() };
    Perceptron { wiring: Some(wiring), ..Perceptron::uniform(reads.len(), hidden, activation, gives.len()) }
}

/// Over x and t: (u, v) of both, by a sine network whose inputs are in another order; k(t); with features m(x); and
/// c(t, u, k), which is fed by two of them. The outputs stand in an order of their own, and there are two coefficients.
fn model() -> Model {
    use Source::{Input, Output};
    let [k, u, m, c, v] = [0, 1, 2, 3, 4];
    let mut networks = vec![
        network(&[7, 5], Activation::Tanh, &[Input(1), Input(0)], &[u, v]),
        network(&[6], Activation::Sin, &[Input(1)], &[k]),
        network(&[3, 3], Activation::Softplus, &[Input(0)], &[m]),
        network(&[5, 4], Activation::Gelu, &[Input(1), Output(u), Output(k)], &[c]),
    ];
    networks[2].inputs = 2;
    let spec = NetworkSpec { networks, coefficients: 2 };
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let scope = Scope { inputs: names(&["x"]), ..Scope::default() };
    let points = [(0..20).map(|i| f64::from(i) / 7.0 - 1.0).collect()];
    let features = Features::fit("features", names(&["sin(2*x)", "x^2"]), &scope, &points).unwrap();
    let mut parameters = initialize(&spec, None, 3);
    parameters.truncate(spec.weights());
    parameters.extend([0.75, -1.25]);
    Model {
        inputs: names(&["x", "t"]),
        outputs: names(&["k", "u", "m", "c", "v"]),
        coefficients: names(&["a", "b"]),
        transforms: Transforms::default().with_features_of_each(vec![None, None, Some(features), None], &scope),
        normalizer: Normalizer {
            inputs: Scaling { mean: vec![0.3, -0.2], scale: vec![0.8, 1.7] },
            outputs: Scaling { mean: vec![1.0, 0.2, 0.0, -0.5, 0.1], scale: vec![0.5, 1.3, 2.0, 0.7, 1.1] },
            coefficients: vec![],
        },
        precision: Precision::F64,
        parameters,
        ranges: vec![],
        spec,
    }
}

/// Terms of two sets with their weights: on the second one v and m are not read.
const EQUATIONS: [(&str, f64); 6] = [
    ("d(u, x, x) + d(u, t, t) = k*v + a*m", 0.7),
    ("d(k*d(u, t), t) + d(m, x, x) = b*sin(v)", 0.9),
    ("d(c*d(u, x), x) + c*d(c, t) = measured", 0.4),
    ("u(0, t) + c(t, x) = k(x, 0.5) + m(t, 0)", 1.1),
    ("c^2 - k", 0.6),
    ("d(k, t) + a*d(k, x)", 1.0),
];

/// The same of orders 3 and 4: a biharmonic, which one channel carries, and what a network needs whose derivatives are fed.
const HIGHER: [(&str, f64); 4] = [
    ("d(u, x, x, x, x) + 2*d(u, x, x, t, t) + d(u, t, t, t, t) = a*k", 0.01),
    ("d(k, t, t, t) + d(m, x, x, x, x) = b*d(v, x)", 0.02),
    ("d(c, x, t, t) + d(c, x, x)*d(k, t) = measured", 0.03),
    ("d(c*d(c, t), t, x) + d(m, t, x, x)", 0.05),
];

fn sets(model: &Model, points: usize) -> Vec<(PointSet, Loss)> {
    sets_of(model, points, &[&EQUATIONS[..4], &EQUATIONS[4..]])
}

fn sets_of(model: &Model, points: usize, equations: &[&[(&str, f64)]]) -> Vec<(PointSet, Loss)> {
    let scope = Scope {
        columns: vec!["measured".into()],
        coefficients: model.coefficients.clone(),
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        ..Scope::default()
    };
    let term = |(text, weight): &(&str, f64)| Term {
        name: text.to_string(),
        residual: Expression::residual("test", text, &scope).unwrap(),
        scale: 1.0,
        weight: *weight,
    };
    let set = |seed: u64, equations: &[(&str, f64)]| {
        let set = PointSet {
            inputs: random_points(model, points, seed),
            columns: vec![(0..points).map(|i| (i as f64 * 0.37).sin()).collect()],
            weights: Some((0..points).map(|i| [0.5, 1.5, 0.0][i % 3]).collect()),
            ..PointSet::default()
        };
        (set, Loss { terms: equations.iter().map(term).collect() })
    };
    equations.iter().enumerate().map(|(index, equations)| set(3 + 2 * index as u64, equations)).collect()
}

fn load(backend: &mut dyn Backend, model: &Model, points: usize) -> Vec<Batch> {
    load_all(backend, sets(model, points))
}

fn load_all(backend: &mut dyn Backend, sets: Vec<(PointSet, Loss)>) -> Vec<Batch> {
    let load = |(set, loss): (PointSet, Loss)| Batch {
        set: backend.load(&set, &loss).unwrap(),
        start: 0,
        count: set.inputs[0].len(),
    };
    sets.into_iter().map(load).collect()
}

fn layouts() -> Vec<JetLayout> {
    let mixed = [Derivative::Second(0, 1), Derivative::First(1)];
    vec![
        JetLayout::value(2),
        JetLayout::diagonal(2),
        JetLayout::full(2),
        JetLayout::collapsed(&[1.0, -0.5]),
        JetLayout::selected(2, mixed),
        JetLayout::selected(2, [Derivative::Fourth([0, 0, 0, 1]), Derivative::Third([1, 1, 1])]),
        JetLayout::weighted(&[1.0, -0.5], [Derivative::Biharmonic, Derivative::LaplacianFirst(0)]),
    ]
}

/// Every derivative up to the fourth by two inputs.
fn every() -> JetLayout {
    let by = |order: usize| (0..=order).map(move |t| [vec![0; order - t], vec![1; t]].concat());
    JetLayout::selected(2, (1..=4).flat_map(by).map(|by| Derivative::by(&by).unwrap()))
}

#[test]
fn jets_are_the_differences_of_the_values() {
    let model = model();
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    let points = random_points(&model, 33, 1);
    let h = 1e-5;
    let mut moved = |input: usize, step: f64, layout: &JetLayout| {
        let mut points = points.clone();
        points[input].iter_mut().for_each(|x| *x += step);
        cpu.evaluate(&points, layout).unwrap()
    };
    let all = moved(0, 0.0, &every());
    for input in 0..2 {
        let [low, high] = [-h, h].map(|step| moved(input, step, &every()));
        for output in 0..model.outputs.len() {
            for (derivative, next) in every().derivatives().filter_map(|of| Some((of, of.next(input)?))) {
                let values = [&low, &high].map(|jets| jets.entry(output, derivative).unwrap());
                let differences: Vec<f64> =
                    values[0].iter().zip(values[1]).map(|(low, high)| (high - low) / (2.0 * h)).collect();
                let ours = all.entry(output, next).unwrap();
                let scale = ours.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
                // The formula leaves h² of a third derivative, of which a sine of steep arguments has much.
                let apart = ours.iter().zip(&differences).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(apart < 3e-7 * scale, "{output} {next:?}: {apart:e} of {scale}");
            }
        }
    }
    // What another network reads does not enter.
    assert!(all.entry(0, Derivative::First(0)).unwrap().iter().all(|slope| *slope == 0.0));
    assert!(all.entry(3, Derivative::First(0)).unwrap().iter().any(|slope| slope.abs() > 1e-3));
    // Every layout has the same entries.
    for layout in layouts() {
        let jets = moved(0, 0.0, &layout);
        for output in 0..model.outputs.len() {
            for derivative in layout.derivatives() {
                let ours = jets.entry(output, derivative).unwrap();
                let by = |inputs: &[usize]| all.entry(output, Derivative::by(inputs).unwrap()).unwrap();
                let sum = |parts: &[(f64, &[usize])]| -> Vec<f64> {
                    let at = |point| parts.iter().map(|(weight, inputs)| weight * by(inputs)[point]).sum();
                    (0..ours.len()).map(at).collect()
                };
                let other = match derivative {
                    Derivative::Laplacian => sum(&[(1.0, &[0, 0]), (-0.5, &[1, 1])]),
                    Derivative::LaplacianFirst(i) => sum(&[(1.0, &[0, 0, i]), (-0.5, &[i, 1, 1])]),
                    Derivative::Biharmonic => {
                        sum(&[(1.0, &[0, 0, 0, 0]), (-1.0, &[0, 0, 1, 1]), (0.25, &[1, 1, 1, 1])])
                    }
                    derivative => all.entry(output, derivative).unwrap().to_vec(),
                };
                assert!(normwise(ours, &other) < 1e-12, "{output} {derivative:?} in {layout:?}");
            }
        }
    }
}

#[test]
fn gradients_and_jacobians_are_differences() {
    are_differences(&[&EQUATIONS[..4], &EQUATIONS[4..]], 1e-7);
}

#[test]
fn gradients_and_jacobians_of_higher_orders_are_differences() {
    let model = model();
    let layouts = sets_of(&model, 2, &[&HIGHER])[0].1.compile(&model.normalizer, &model.wirings()).layouts;
    let orders = layouts.iter().map(|layout| layout.as_ref().unwrap().order()).collect::<Vec<_>>();
    // Of k the third is the highest that is read; c is fed: its third derivatives are read, and the next travel.
    assert_eq!(orders, [4, 3, 4, 4]);
    are_differences(&[&HIGHER], 1e-6);
}

/// Compares what a loss says of each parameter with differences of losses and residuals.
fn are_differences(equations: &[&[(&str, f64)]], tolerance: f64) {
    let model = model();
    let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
    let batches = load_all(&mut *cpu, sets_of(&model, 34, equations));
    let gradient = cpu.gradient(&batches).unwrap().gradient;
    // The columns of what no set reads are overwritten, too.
    let mut jacobian = Jacobian { rows: 0, values: vec![f64::NAN; 1 << 20] };
    cpu.jacobian(&batches, &mut jacobian).unwrap();
    let rows = jacobian.rows;
    let weights: Vec<f64> = equations.iter().copied().flatten().map(|(_, weight)| *weight).collect();
    assert_eq!(rows, 34 * weights.len());
    assert_eq!(jacobian.values.len(), (model.parameters.len() + 1) * rows);
    for parameter in 0..model.parameters.len() {
        let h = 1e-5;
        let mut at = |step: f64| {
            let mut moved = model.parameters.clone();
            moved[parameter] += step;
            cpu.set_parameters(&moved).unwrap();
            let losses: Vec<f64> = batches.iter().flat_map(|batch| cpu.losses(batch.set).unwrap()).collect();
            let total: f64 = losses.iter().zip(&weights).map(|(loss, weight)| loss * weight).sum();
            let mut residuals = vec![];
            cpu.residuals(&batches, &mut residuals).unwrap();
            (total, residuals)
        };
        let ((low, lows), (high, highs)) = (at(-h), at(h));
        let difference = (high - low) / (2.0 * h);
        let error = (gradient[parameter] - difference).abs();
        // The sums of a large loss round at some 1e-16 of it, which the division by h makes 1e-11.
        let rounding = 1e-10 * low.abs();
        assert!(
            error < 10.0 * tolerance * difference.abs().max(1.0) + rounding,
            "parameter {parameter}: {} {difference} of {low}",
            gradient[parameter]
        );
        let column = &jacobian.values[parameter * rows..][..rows];
        for (row, (ours, (low, high))) in column.iter().zip(lows.iter().zip(&highs)).enumerate() {
            let difference = (high - low) / (2.0 * h);
            assert!(
                (ours - difference).abs() < tolerance * difference.abs().max(1.0),
                "{parameter}, {row}: {ours} {difference}"
            );
        }
    }
    // Jᵀr and Jᵀ(J v), whatever goes through the tape.
    cpu.set_parameters(&model.parameters).unwrap();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let columns: Vec<&[f64]> = jacobian.matrix().chunks_exact(rows).collect();
    let of_rows: Vec<f64> = columns.iter().map(|column| 2.0 * dot(column, jacobian.residuals())).collect();
    assert!(normwise(&of_rows, &gradient) < 1e-12);
    let direction: Vec<f64> = (0..columns.len()).map(|i| (i as f64 * 0.7).sin()).collect();
    let mut image = vec![0.0; rows];
    for (column, v) in columns.iter().zip(&direction) {
        image.iter_mut().zip(*column).for_each(|(sum, j)| *sum += v * j);
    }
    let expected: Vec<f64> = columns.iter().map(|column| dot(column, &image)).collect();
    assert!(normwise(&cpu.normal_product(&batches, &direction).unwrap(), &expected) < 1e-12);
    let squares: Vec<f64> = columns.iter().map(|column| dot(column, column)).collect();
    assert!(normwise(&cpu.column_squares(&batches).unwrap(), &squares) < 1e-12);
}

#[test]
fn f32_follows_f64_and_threads_change_no_bit() {
    let model = model();
    let open = |precision, threads| {
        let mut cpu = cpu::open(&model, precision, threads).unwrap();
        let batches = load(&mut *cpu, &model, 301);
        let gradient = cpu.gradient(&batches).unwrap();
        (cpu, gradient)
    };
    let (mut single, ours) = open(Precision::F32, 1);
    let (mut double, truth) = open(Precision::F64, 2);
    // Roundings in f32 of sums of products of numbers near 1.
    assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{:?} {:?}", ours.losses, truth.losses);
    assert!(normwise(&ours.gradient, &truth.gradient) < 2e-5);
    assert_eq!(open(Precision::F32, 2).1, ours);
    assert_eq!(open(Precision::F64, 1).1, truth);
    let points = random_points(&model, 77, 9);
    for layout in layouts() {
        let [ours, truth] = [&mut single, &mut double].map(|cpu| cpu.evaluate(&points, &layout).unwrap());
        assert!(jets_apart(&ours, &truth) < 1e-5, "{layout:?}");
    }
}

#[test]
fn the_gpu_follows_the_cpu() {
    let adapters = adapters().unwrap();
    let Some(adapter) = adapters.first() else {
        panic!("there is no GPU adapter: install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    };
    let model = model();
    let separate = Tiles { fusion: Fusion::None, linear: 32, gradient: 128 };
    for (tiles, max_points) in
        [(TileChoice::Table, None), (TileChoice::These(separate), None), (TileChoice::Table, Some(64))]
    {
        let options = GpuOptions { checked: true, tiles, max_points, ..GpuOptions::default() };
        let mut gpu = Gpu::with_options(&adapter.name, &model, options).unwrap();
        let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
        gpu.set_parameters(&model.parameters).unwrap();
        let points = random_points(&model, 131, 9);
        for layout in layouts() {
            let (ours, truth) = (gpu.evaluate(&points, &layout).unwrap(), cpu.evaluate(&points, &layout).unwrap());
            let apart = jets_apart(&ours, &truth);
            assert!(apart < 1e-5, "{tiles:?} {layout:?}: {apart:e}");
        }
        let batches = load(&mut gpu, &model, 131);
        load(&mut *cpu, &model, 131);
        let (ours, truth) = (gpu.gradient(&batches).unwrap(), cpu.gradient(&batches).unwrap());
        assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{tiles:?}: {:?} {:?}", ours.losses, truth.losses);
        let apart = normwise(&ours.gradient, &truth.gradient);
        assert!(apart < 2e-5, "{tiles:?}: {apart:e}");
        let higher = sets_of(&model, 131, &[&HIGHER]);
        let (own, other) = (load_all(&mut gpu, higher.clone()), load_all(&mut *cpu, higher));
        let (ours, truth) = (gpu.gradient(&own).unwrap(), cpu.gradient(&other).unwrap());
        assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{tiles:?}: {:?} {:?}", ours.losses, truth.losses);
        let apart = normwise(&ours.gradient, &truth.gradient);
        assert!(apart < 5e-5, "{tiles:?}: {apart:e}");
        // The second set alone: what nothing reads has no gradient.
        let (ours, truth) = (gpu.gradient(&batches[1..]).unwrap(), cpu.gradient(&batches[1..]).unwrap());
        assert!(normwise(&ours.gradient, &truth.gradient) < 2e-5, "{tiles:?}");
        let unread = model.spec.layers_of_each()[2][0].weights();
        assert!(ours.gradient[unread].iter().all(|slope| *slope == 0.0), "{tiles:?}");
        for step in 1..=10 {
            let update = AdamSettings::default().update(step, 1e-3);
            gpu.step(&batches, &update).unwrap();
            cpu.step(&batches, &update).unwrap();
        }
        let (ours, truth) = (gpu.parameters().unwrap(), cpu.parameters().unwrap());
        assert!(normwise(&ours, &truth) < 1e-5, "{tiles:?}");
        assert!((gpu.report().unwrap().gradient_norm / cpu.report().unwrap().gradient_norm - 1.0).abs() < 1e-4);
    }
}

#[test]
fn models_survive_the_file_and_their_networks_stand_alone() {
    let model = model();
    let read = Model::of_bytes(&model.to_bytes()).unwrap();
    assert_eq!(read, model);
    let points = random_points(&model, 9, 2);
    let all = model.jets(&points).unwrap();
    let alone = model.alone(1);
    assert_eq!((&alone.inputs[..], &alone.outputs[..]), (&["t".to_string()][..], &["k".to_string()][..]));
    let own = alone.jets(&points[1..]).unwrap();
    let entry = |jets: &jetfit::jet::Jets, derivative| jets.entry(0, derivative).unwrap().to_vec();
    assert_eq!(entry(&own, Derivative::Value), entry(&all, Derivative::Value));
    assert_eq!(entry(&own, Derivative::First(0)), entry(&all, Derivative::First(1)));
    // What feeds a network is an input of it.
    let fed = model.alone(3);
    assert_eq!(fed.inputs, ["t", "u", "k"]);
    let values = |output: usize| all.entry(output, Derivative::Value).unwrap().to_vec();
    let own = fed.values(&[points[1].clone(), values(1), values(0)]).unwrap();
    assert!(normwise(&own[0], &values(3)) < 1e-14);

    // A document that does not fit names what is wrong.
    for (edit, part) in [
        (("inputs", 3, "y"), "\"y\" is no input and no output"),
        (("inputs", 0, "c"), "an output that no network before it gives"),
        (("outputs", 2, "u"), "each output needs one network"),
    ] {
        let mut file = model.to_tensors();
        let (key, network, name) = edit;
        file.document["networks"][network][key][0] = name.into();
        let message = Model::of_tensors(&file, "m.safetensors".as_ref()).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

const COEFFICIENT: &str = r#"
[variables]
x = [0, 1]
t = [0, 1]

[[network]]
name = "field"
outputs = ["u"]
hidden = [10]
steepness = 1.5

[[network]]
outputs = ["k"]
inputs = ["x"]
hidden = [6]
steepness = 1

[definitions]
exact = "exp(-t)*sin(pi*x)"
source = "d(exact, t) - d((1 + x/2)*d(exact, x), x)"

[[term]]
name = "heat"
residual = "u_t = d(k*u_x, x) + source"
points = { count = 400 }

[[term]]
name = "measured"
residual = "u = exact"
points = { count = 200 }

[[term]]
name = "end"
residual = "k = 1.5"
points = { on = "x = 1", count = 1 }

[truth]
expressions = { u = "exact", k = "1 + x/2" }

[optimizer]
name = "gauss-newton"

[training]
steps = 60

[device]
name = "cpu"
precision = "f64"
threads = 1

[output]
directory = "run"
"#;

/// The report of a job, whatever it warns of.
fn report(place: &Place, flags: &[&str]) -> serde_json::Value {
    let output = place.train("job.toml", &[flags, &["--format", "json", "--quiet"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_unknown_coefficient_beside_a_field_is_found() {
    let place = Place::new("");
    place.write("job.toml", COEFFICIENT);
    let report = report(&place, &["--set", "network.field.hidden=[12]"]);
    // Measured: 4.4e-4, 1.5e-3, 2.2e-2.
    assert_errors(&report, &[("u", 2e-3), ("k", 1e-2), ("d2u_dx2", 1e-1)]);
    let job = Job::read(place.path("job.toml"), &Overrides::default()).unwrap();
    let text = job.to_toml();
    let again = Job::parse(&text, place.path("job.toml"), &Overrides::default()).unwrap();
    assert_eq!(again, job, "{text}");
    let table = place.csv("run/predictions.csv");
    assert!(table["dk_dt"].iter().all(|slope| *slope == 0.0));
}

#[test]
fn it_resumes_to_the_same_bits() {
    let place = Place::new("");
    place.write("job.toml", COEFFICIENT);
    for optimizer in ["gauss-newton", "adam", "lbfgs"] {
        let set = vec![format!("optimizer.name={optimizer}"), "training.report_every=1".to_string()];
        let job = |directory: &str| {
            let directory = Some(place.path(directory));
            let overrides = Overrides { set: set.clone(), steps: Some(14), directory, ..Overrides::default() };
            Job::read(place.path("job.toml"), &overrides).unwrap()
        };
        train_with_stops(&job("whole"), &[]);
        train_with_stops(&job("cut"), &[5, 9]);
        assert_eq!(place.read("whole/model.safetensors"), place.read("cut/model.safetensors"), "{optimizer}");
        for run in ["whole", "cut"] {
            std::fs::remove_dir_all(place.path(run)).unwrap();
        }
    }
}

#[test]
fn a_coefficient_of_the_solution_is_found() {
    let place = Place::new("");
    place.write(
        "job.toml",
        r#"
[variables]
x = [0, 1]

[[network]]
outputs = ["u"]
hidden = [16, 16]

[[network]]
outputs = ["b"]
inputs = ["u"]
hidden = [12]

[definitions]
w = "sin(pi*x)"
f = "w - d((1 + w^2)/(1 + 2*w^2)*d(w, x), x)"

[[term]]
name = "balance"
residual = "u - d(b(u)*u_x, x) = f"
points = { sampler = "grid", count = 101 }

[[term]]
name = "data"
residual = "u = w"
points = { sampler = "grid", count = 101 }

[truth]
expressions = { u = "w", b = "(1 + w^2)/(1 + 2*w^2)" }

[optimizer]
name = "gauss-newton"

[training]
steps = 100

[device]
name = "cpu"
precision = "f64"
threads = 1
"#,
    );
    let report = report(&place, &[]);
    // At x = 0.5 u has no slope, so that b is known by its own smoothness alone there.
    assert_errors(&report, &[("u", 1e-4), ("b", 1e-2), ("du_dx", 1e-2)]);
}

#[test]
fn networks_that_do_not_fit_are_refused() {
    let place = Place::new("");
    let refused = |from: &str, to: &str| {
        assert!(COEFFICIENT.contains(from), "{from}");
        place.write("job.toml", COEFFICIENT.replacen(from, to, 1));
        place.refused("job.toml", &[])
    };
    assert_says(&refused("inputs = [\"x\"]", "inputs = [\"y\"]"), &["network 2: inputs", "\"y\" is no input"]);
    assert_says(&refused("inputs = [\"x\"]", "inputs = [\"x\", \"x\"]"), &["\"x\" is named twice"]);
    assert_says(&refused("inputs = [\"x\"]", "inputs = [\"k\"]"), &["cannot read \"k\", which it gives"]);
    assert_says(&refused("outputs = [\"k\"]", "outputs = [\"u\"]"), &["another network gives \"u\" already"]);
    assert_says(&refused("outputs = [\"k\"]\n", ""), &["network 2: outputs: this key is missing"]);
    assert_says(&refused("hidden = [6]", "widht = [6]"), &["network 2: ", "unknown key"]);
    let fed = "inputs = [\"u\"]\nfeatures = [\"u^2\"]";
    assert_says(&refused("inputs = [\"x\"]", fed), &["features", "no effect here"]);
    // A fifth derivative would travel for training.
    let fourth = COEFFICIENT.replace("inputs = [\"x\"]", "inputs = [\"u\"]").replace("d(k*u_x, x)", "d(k, x, x, x, x)");
    place.write("job.toml", fourth);
    assert_says(&place.refused("job.toml", &[]), &["fourth derivative", "reads other outputs"]);
    place.write(
        "job.toml",
        COEFFICIENT.replace("inputs = [\"x\"]", "inputs = [\"u\"]") + "[transforms]\nu = \"x*net\"\n",
    );
    assert_says(&place.refused("job.toml", &[]), &["network 2 reads \"u\"", "transformed output"]);
}
