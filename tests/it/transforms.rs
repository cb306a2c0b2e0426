//! What stands before and behind the network: features of the inputs, and outputs that are an
//! expression of the network's own, on the CPU against differences and on a GPU adapter against the CPU.

use std::f64::consts::TAU;

use crate::support::{jets_apart, normwise, random_loss, random_model, random_points};
use jetfit::backend::{Backend, Batch, Jacobian};
use jetfit::data::PointSet;
use jetfit::expression::{Expression, Scope};
use jetfit::gpu::{Gpu, adapters};
use jetfit::jet::{Activation, Derivative, JetLayout};
use jetfit::loss::{Loss, Term};
use jetfit::network::{Features, Model, Transforms};
use jetfit::numbers::Precision;
use jetfit::optimizer::AdamSettings;
use jetfit::{cpu, predict};

const FEATURES: [&str; 5] = ["sin(x0)", "cos(x0)", "x1", "wave", "exp(-x0^2)*x1"];

/// The names that the transforms of a model of (x0, x1) may use.
fn scope(model: &Model, transforms: &[(&str, &str)]) -> Scope {
    let texts = |texts: &[(&str, &str)]| texts.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    Scope {
        coefficients: model.coefficients.clone(),
        definitions: texts(&[("wave", "sin(2*x0 + x1)"), ("bubble", "x0*(1 - x0)*x1")]),
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        transforms: texts(transforms),
        ..Scope::default()
    }
}

/// A network of (x0, x1) with outputs u0 and u1, whose first layer reads features of them.
fn featured(hidden: &[usize], features: &[&str]) -> Model {
    let plain = random_model(2, hidden, 2, Activation::Tanh, 3);
    let mut model = random_model(features.len(), hidden, 2, Activation::Tanh, 3);
    (model.inputs, model.normalizer) = (plain.inputs, plain.normalizer);
    let scope = scope(&model, &[]);
    let points = random_points(&model, 50, 1);
    let texts = features.iter().map(|text| text.to_string()).collect();
    let features = Features::fit("features", texts, &scope.of_features(), &points).unwrap();
    model.transforms = Transforms::default().with_features(features, &scope);
    model
}

/// The same with transforms of both outputs and two coefficients, of which a transform reads one.
fn transformed(hidden: &[usize], features: &[&str]) -> Model {
    let mut model =
        if features.is_empty() { random_model(2, hidden, 2, Activation::Tanh, 3) } else { featured(hidden, features) };
    model.spec.coefficients = 2;
    model.coefficients = vec!["k".into(), "nu".into()];
    model.parameters.extend([0.7, -0.4]);
    let scope = scope(&model, &[("u0", "bubble*net + k*x1"), ("u1", "exp(net/3)*cos(x0)")]);
    model.normalizer.outputs = jetfit::jet::Scaling::identity(2);
    let transforms = Transforms::read(str::to_string, &scope).unwrap();
    model.transforms = match model.transforms.features.pop().flatten() {
        Some(features) => transforms.with_features(features, &scope),
        None => transforms,
    };
    model
}

fn models() -> Vec<Model> {
    vec![
        featured(&[17, 7], &FEATURES),
        featured(&[], &FEATURES),
        featured(&[33], &FEATURES[..1]),
        transformed(&[7, 7], &[]),
        transformed(&[9], &FEATURES),
    ]
}

/// Equations that read every kind of entry of the outputs; their Laplacians alone where asked for.
fn equations(model: &Model, laplacian: bool, points: usize) -> (PointSet, Loss) {
    let transforms: Vec<(&str, &str)> = model.transforms.texts.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let scope = scope(model, &transforms);
    let texts: &[&str] = match laplacian {
        true => &["d(u0, x0, x0) + d(u0, x1, x1) = u0^2 - d(u1, x0)", "d(u1, x0, x0) + d(u1, x1, x1) = sin(x0)"],
        false => &["d(u0, x0, x1)*u1 + d(u0, x0, x0) = x1", "d(u1, x1, x1) - u0*d(u1, x0)", "u0 = u1"],
    };
    let term = |(k, text): (usize, &&str)| Term {
        name: format!("{k}"),
        residual: Expression::residual("test", text, &scope).unwrap(),
        scale: 1.0,
        weight: 0.5 + k as f64,
    };
    let set = PointSet { inputs: random_points(model, points, 4), ..PointSet::default() };
    (set, Loss { terms: texts.iter().enumerate().map(term).collect() })
}

#[test]
fn jets_are_differences_of_values() {
    for model in models() {
        let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
        let points = random_points(&model, 9, 2);
        let mut laplacian = 0.0;
        let collapsed = predict::jets(&model, &mut *cpu, &points, &JetLayout::collapsed(&[1.0, 2.5])).unwrap();
        let full = predict::jets(&model, &mut *cpu, &points, &JetLayout::full(2)).unwrap();
        for i in 0..2 {
            let h = 1e-4;
            let mut moved = |step: f64| {
                let mut points = points.clone();
                points[i].iter_mut().for_each(|x| *x += step * h);
                predict::jets(&model, &mut *cpu, &points, &JetLayout::gradient(2)).unwrap()
            };
            let at = [-2.0, -1.0, 1.0, 2.0].map(&mut moved);
            for output in 0..2 {
                let pairs = [
                    (Derivative::First(i), Derivative::Value),
                    (Derivative::Second(i.min(1), i.max(1)), Derivative::First(1)),
                    (Derivative::Second(i, i), Derivative::First(i)),
                ];
                for (derivative, of) in pairs {
                    let [ll, l, r, rr] = at.each_ref().map(|jets| jets.entry(output, of).unwrap());
                    let difference: Vec<f64> =
                        (0..9).map(|p| (ll[p] - rr[p] + 8.0 * (r[p] - l[p])) / (12.0 * h)).collect();
                    let error = normwise(full.entry(output, derivative).unwrap(), &difference);
                    // h⁴ of a fifth derivative, and 1e-16/h.
                    assert!(error < 1e-9, "{derivative:?} of {output}: {error:e}");
                }
            }
            laplacian += [1.0, 2.5][i] * full.entry(1, Derivative::Second(i, i)).unwrap()[4];
        }
        let ours = collapsed.entry(1, Derivative::Laplacian).unwrap()[4];
        assert!((ours - laplacian).abs() < 1e-12 * laplacian.abs().max(1.0), "{ours} {laplacian}");
    }
}

#[test]
fn weight_gradients_are_differences_of_the_loss() {
    for (model, laplacian) in models().into_iter().flat_map(|model| [(model.clone(), false), (model, true)]) {
        let (set, loss) = equations(&model, laplacian, 33);
        let layout = loss.compile(&model.normalizer, &model.wirings()).layouts.remove(0).unwrap();
        assert_eq!(layout.laplacian().is_empty(), !laplacian);
        let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
        let batch = Batch { set: cpu.load(&set, &loss).unwrap(), start: 0, count: 33 };
        let gradient = cpu.gradient(&[batch]).unwrap().gradient;
        let direction: Vec<f64> = (0..gradient.len()).map(|i| ((i * 7 + 3) % 11) as f64 / 11.0 - 0.45).collect();
        let h = 1e-5;
        let mut at = |step: f64| {
            let moved: Vec<f64> = model.parameters.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
            cpu.set_parameters(&moved).unwrap();
            loss.total(&cpu.losses(batch.set).unwrap())
        };
        let difference = (at(h) - at(-h)) / (2.0 * h);
        let ours: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        // h² of a third derivative, and 1e-16/h.
        assert!((ours - difference).abs() < 1e-6 * difference.abs().max(1.0), "{ours} {difference}");
        let mut jacobian = Jacobian::default();
        cpu.set_parameters(&model.parameters).unwrap();
        cpu.jacobian(&[batch], &mut jacobian).unwrap();
        let columns = jacobian.matrix().chunks_exact(jacobian.rows);
        let product: Vec<f64> = columns
            .map(|column| 2.0 * column.iter().zip(jacobian.residuals()).map(|(j, r)| j * r).sum::<f64>())
            .collect();
        // Sums of a hundred numbers in another order.
        assert!(normwise(&product, &gradient) < 1e-12);
    }
}

#[test]
fn conditions_hold_to_the_bit_and_periods_to_rounding() {
    let mut model = featured(&[17, 7], &["sin(x0)", "cos(x0)", "x1"]);
    let scope = scope(&model, &[("u0", "x1*(2 - x1)*net")]);
    model.normalizer.outputs = jetfit::jet::Scaling::identity(2);
    let features = model.transforms.features.remove(0).unwrap();
    model.transforms = Transforms::read(str::to_string, &scope).unwrap().with_features(features, &scope);
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    let mut jets =
        |x0: Vec<f64>, x1: Vec<f64>| predict::jets(&model, &mut *cpu, &[x0, x1], &JetLayout::full(2)).unwrap();
    let ends = jets(vec![0.3, 0.9, -5.0, 7.0], vec![0.0, 2.0, 2.0, 0.0]);
    assert_eq!(ends.entry(0, Derivative::Value).unwrap(), [0.0; 4]);
    assert_eq!(ends.entry(0, Derivative::First(0)).unwrap(), [0.0; 4]);
    let (left, right) = (jets(vec![0.4, 1.9], vec![0.5, 1.5]), jets(vec![0.4 + TAU, 1.9 - TAU], vec![0.5, 1.5]));
    // sin and cos of arguments that are 2π apart but for one rounding.
    assert!(jets_apart(&left, &right) < 1e-13);
}

#[test]
fn a_gpu_follows_the_cpu() {
    let adapters = adapters().unwrap();
    let Some(adapter) = adapters.first() else {
        panic!("there is no GPU adapter: install a Vulkan driver (Debian: mesa-vulkan-drivers)");
    };
    for (model, laplacian) in models().into_iter().flat_map(|model| [(model.clone(), false), (model, true)]) {
        let mut gpu = Gpu::new(&adapter.name, &model).unwrap();
        let mut cpu = cpu::open(&model, Precision::F64, 2).unwrap();
        let points = random_points(&model, 129, 8);
        for layout in [JetLayout::value(2), JetLayout::full(2), JetLayout::collapsed(&[1.0, -0.5])] {
            let [ours, truth] = [&mut gpu as &mut dyn Backend, &mut *cpu]
                .map(|backend| predict::jets(&model, backend, &points, &layout).unwrap());
            // Roundings of f32.
            assert!(jets_apart(&ours, &truth) < 1e-5, "{layout:?}: {:e}", jets_apart(&ours, &truth));
        }
        for (set, loss) in [equations(&model, laplacian, 33), random_loss(&model, &JetLayout::diagonal(2), 130, 5)] {
            let batch = Batch { set: gpu.load(&set, &loss).unwrap(), start: 0, count: set.points() };
            cpu.load(&set, &loss).unwrap();
            let (ours, truth) = (gpu.gradient(&[batch]).unwrap(), cpu.gradient(&[batch]).unwrap());
            assert!(normwise(&ours.losses, &truth.losses) < 1e-5, "{:?} {:?}", ours.losses, truth.losses);
            assert!(normwise(&ours.gradient, &truth.gradient) < 2e-5);
            gpu.step(&[batch], &AdamSettings::default().update(1, 1e-3)).unwrap();
            cpu.step(&[batch], &AdamSettings::default().update(1, 1e-3)).unwrap();
        }
    }
}

#[test]
fn a_model_file_keeps_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    for model in models() {
        model.write(&path).unwrap();
        assert_eq!(Model::read(&path).unwrap(), model);
    }
}

#[test]
fn mistakes_in_transforms_have_their_place() {
    let mut model = random_model(2, &[3], 2, Activation::Tanh, 3);
    model.coefficients = vec!["k".into()];
    let message = |output: &str, text: &str| {
        let scope = scope(&model, &[(output, text)]);
        Transforms::read(|output| format!("job.toml: transforms.{output}"), &scope).unwrap_err().to_string()
    };
    for (text, part) in [
        ("x0*(1 - x0)*nett", "did you mean \"net\"?"),
        ("x0*u1", "unknown name \"u1\""),
        ("x0", "the transform does not use net"),
        ("d(net, x0)", "the transform uses a derivative of net"),
    ] {
        let message = message("u0", text);
        assert!(message.starts_with("job.toml: transforms.u0") && message.contains(part), "{message}\nlacks {part}");
    }
    let constant = Features::fit(
        "features",
        vec!["cos(0*x0)".into()],
        &scope(&model, &[]).of_features(),
        &[vec![1.0, 2.0], vec![0.0, 1.0]],
    );
    assert!(constant.unwrap_err().to_string().contains("is 1 at every point"));
    let infinite = Features::fit(
        "features",
        vec!["log(x0)".into()],
        &scope(&model, &[]).of_features(),
        &[vec![1.0, -2.0], vec![0.0, 1.0]],
    );
    assert!(infinite.unwrap_err().to_string().contains("is NaN at"));
}
