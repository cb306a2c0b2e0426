//! Recipes against the kernels in f64.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::lower;
use super::recipe::{Recipe, Unary};
use super::{c, interpreter, onnx, python};
use crate::expression::Scope;
use crate::jet::{Activation, Derivative, JetLayout, Normalizer, Scaling, Seconds, Smoothness};
use crate::network::{Features, Model, NetworkSpec, Transforms};
use crate::numbers::Precision;
use crate::{cpu, predict};

fn model(inputs: usize, hidden: &[usize], outputs: usize, activation: Activation, features: usize) -> Model {
    let read = if features > 0 { features } else { inputs };
    let spec = NetworkSpec::uniform(read, hidden, activation, outputs);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut uniform = |low: f64, high: f64| rng.random_range(low..high);
    let mut parameters = vec![0.0; spec.parameters()];
    for layer in spec.layers() {
        let bound = (3.0 / layer.inputs as f64).sqrt();
        parameters[layer.weights()].fill_with(|| uniform(-bound, bound));
        parameters[layer.biases()].fill_with(|| uniform(-0.5, 0.5));
    }
    let mut scaling = |columns: usize| Scaling {
        mean: (0..columns).map(|_| uniform(-2.0, 2.0)).collect(),
        scale: (0..columns).map(|_| uniform(0.3, 3.0)).collect(),
    };
    let normalizer = Normalizer { inputs: scaling(inputs), outputs: scaling(outputs), coefficients: vec![] };
    Model {
        inputs: (0..inputs).map(|i| format!("x{i}")).collect(),
        outputs: (0..outputs).map(|i| format!("u{i}")).collect(),
        coefficients: vec![],
        transforms: Transforms::default(),
        spec,
        normalizer,
        precision: Precision::F64,
        parameters,
        ranges: vec![],
    }
}

/// Points (D, B).
fn points(model: &Model, count: usize) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let scaling = &model.normalizer.inputs;
    let mut column =
        |d: usize| (0..count).map(|_| scaling.mean[d] + scaling.scale[d] * rng.random_range(-1.7..1.7)).collect();
    (0..model.inputs.len()).map(&mut column).collect()
}

/// A model of (x0, x1) with features, or a transform, or both.
fn surrounded(features: &[&str], transforms: &[(&str, &str)]) -> Model {
    let mut model = model(2, &[9, 8], 2, Activation::Tanh, features.len());
    let texts = |texts: &[(&str, &str)]| texts.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    model.coefficients = vec!["k".into()];
    model.spec.coefficients = 1;
    model.parameters.push(0.7);
    let scope = Scope {
        coefficients: model.coefficients.clone(),
        definitions: texts(&[("wave", "sin(2*x0 + x1)")]),
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        transforms: texts(transforms),
        ..Scope::default()
    };
    model.transforms = Transforms::read(str::to_string, &scope).unwrap();
    if !features.is_empty() {
        let texts = features.iter().map(|text| text.to_string()).collect();
        let features = Features::fit("features", texts, &scope.of_features(), &points(&model, 50)).unwrap();
        model.transforms = model.transforms.with_features(features, &scope);
    }
    model
}

/// The largest difference of a recipe's results from the kernels', over the size of each entry.
fn apart(model: &Model, recipe: &Recipe, layout: &JetLayout) -> f64 {
    let points = points(model, 13);
    let rows: Vec<f64> = (0..13).flat_map(|b| points.iter().map(move |column| column[b])).collect();
    let results = interpreter::results(recipe, &rows);
    let mut cpu = cpu::open(model, Precision::F64, 1).unwrap();
    let jets = predict::jets(model, cpu.as_mut(), &points, layout).unwrap();
    let (inputs, outputs) = (model.inputs.len(), model.outputs.len());
    let mut worst = 0.0_f64;
    for output in 0..outputs {
        let mut compare = |derivative: Derivative, result: usize, row: usize| {
            let ours = jets.entry(output, derivative).unwrap();
            let size = ours.iter().fold(1e-12_f64, |size, value| size.max(value.abs()));
            for (point, own) in ours.iter().enumerate() {
                let found = results[result][(row * 13 + point) * outputs + output];
                worst = worst.max((found - own).abs() / size);
            }
        };
        for derivative in layout.derivatives() {
            match derivative {
                Derivative::Value => compare(derivative, 0, 0),
                Derivative::First(i) => compare(derivative, 1, i),
                Derivative::Laplacian => compare(derivative, 2, 0),
                Derivative::Second(i, j) if layout.curved().len() > inputs => {
                    compare(derivative, 2, i * inputs + j);
                    compare(derivative, 2, j * inputs + i);
                }
                Derivative::Second(i, _) => compare(derivative, 2, i),
                _ => unreachable!("no file has a third derivative"),
            }
        }
    }
    worst
}

/// In every layout and for every format.
fn check(model: &Model, what: &str) {
    let all: [&'static [Unary]; 5] = [&[], onnx::LACKING_F32, onnx::LACKING_F64, python::NUMPY.lacking, c::LACKING];
    let smooth = model.spec.roughest().smoothness() != Smoothness::C0;
    for order in 0..=if smooth { 2 } else { 1 } {
        for seconds in Seconds::ALL {
            let layout = seconds.layout(order, model.inputs.len());
            for (lacking, fold) in all.into_iter().flat_map(|lacking| [(lacking, true), (lacking, false)]) {
                let recipe = lower::recipe(model, &layout, lacking).finished(fold);
                let error = apart(model, &recipe, &layout);
                // Sums in another order: roundings of numbers of the size of the largest.
                assert!(error < 1e-12, "{what}, order {order}, {seconds}, without {lacking:?}, fold {fold}: {error}");
                let names = recipe.values.iter().map(|value| &value.name);
                let distinct: std::collections::BTreeSet<_> = names.clone().collect();
                let constants = recipe.values.len() - distinct.len();
                assert_eq!(constants, 0, "{what}: names {:?}", names.collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn every_activation_is_that_of_the_kernels() {
    for activation in Activation::ALL {
        check(&model(3, &[7, 9], 2, activation, 0), activation.name());
        check(&model(1, &[7], 1, activation, 0), activation.name());
    }
}

#[test]
fn layers_have_their_own_activations_and_skips() {
    let mut mixed = model(2, &[7, 9, 7, 7], 2, Activation::Tanh, 0);
    let activations = [Activation::Linear, Activation::Gelu, Activation::Sin, Activation::Linear];
    for (layer, activation) in mixed.spec.networks[0].hidden.iter_mut().zip(activations) {
        layer.activation = activation;
    }
    check(&mixed, "mixed");
    mixed.spec.networks[0].hidden[2].skip = Some(0);
    mixed.spec.networks[0].hidden[3].skip = Some(2);
    check(&mixed, "skips");
}

#[test]
fn a_network_without_hidden_layers_has_constant_derivatives() {
    check(&model(2, &[], 2, Activation::Tanh, 0), "linear");
}

#[test]
fn features_and_transforms_are_inside() {
    let fourier =
        ["sin(1.5*x0 - x1 + 0.3)", "cos(1.5*x0 - x1 + 0.3)", "x1", "wave", "exp(-x0^2)*x1", "cos(x0)", "atan(3*x0)"];
    check(&surrounded(&fourier, &[]), "features");
    check(&surrounded(&fourier[..2], &[]), "waves alone");
    check(&surrounded(&["x0", "x1^2"], &[]), "no waves");
    check(&surrounded(&[], &[("u0", "x0*(1 - x0)*net + exp(k)*x1")]), "one transform");
    let functions = "asin(0.1*net) + acos(x0/9) + sinh(x1)*cosh(x0)/8 + if(x0 < x1, net, net^3) + abs(x0)^1.7*net";
    check(&surrounded(&fourier, &[("u0", functions), ("u1", "erf(net)*exp(x0) + sigmoid(net)")]), "both");
}

#[test]
fn transforms_read_the_network_elsewhere() {
    check(&surrounded(&[], &[("u0", "net - net(0, x1) + x0"), ("u1", "net(x0, -x1) + net")]), "places");
}
