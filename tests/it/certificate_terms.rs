//! The certificate of a loss, term by term: sound devices pass, unsound ones do not.

use crate::support::{Tampered, random_model, random_points};
use jetfit::backend::Backend;
use jetfit::certificate::{Certificate, Strictness, certify};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::expression::{Expression, Scope};
use jetfit::jet::{Activation, Derivative, Entry, JetLayout, Seconds};
use jetfit::loss::{Loss, Term};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use jetfit::problem::TermSet;

/// A network x0, x1 → u0 with a coefficient nu.
fn model(activation: Activation) -> Model {
    let mut model = random_model(2, &[16, 16], 1, activation, 4);
    model.coefficients = vec!["nu".into()];
    model.spec.coefficients = 1;
    model.parameters.push(0.75);
    model
}

/// These equations, by their texts, on random points with weights and a column `known`.
fn set(model: &Model, residuals: &[&str], known: Vec<f64>, seed: u64) -> TermSet {
    let scope = Scope {
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        coefficients: model.coefficients.clone(),
        columns: vec!["known".into()],
        ..Scope::default()
    };
    let term = |text: &&str| {
        let residual = Expression::residual("test", text, &scope).unwrap();
        Term { name: text.to_string(), residual, scale: 1.0, weight: 3.0 }
    };
    let weights = Some((0..known.len()).map(|k| 0.5 + (k % 3) as f64 / 2.0).collect());
    let points =
        PointSet { inputs: random_points(model, known.len(), seed), columns: vec![known], weights, normals: vec![] };
    TermSet { points, loss: Loss { terms: residuals.iter().map(term).collect() }, source: None, masks: vec![] }
}

fn check(model: &Model, sets: &[TermSet], precision: Precision, device: &mut dyn Backend) -> Certificate {
    let strictness = Strictness { order: 2, seconds: Seconds::Diagonal, precision, tolerance: None, threads: 1 };
    certify(model, &random_points(model, 7, 5), sets, device, &strictness).unwrap()
}

/// A Laplacian that travels collapsed, and a set whose terms read coefficients, columns and other points.
fn sets(model: &Model) -> Vec<TermSet> {
    let known = |count: usize| (0..count).map(|k| (k as f64).sin()).collect();
    vec![
        set(model, &["nu*d(u0, x0, x0) + nu*d(u0, x1, x1) = sin(x0)"], known(129), 1),
        set(
            model,
            &["u0*d(u0, x0) - nu*d(u0, x0, x1) = known", "u0(x0, 0) = u0(-x0, 1)", "nu = 0.1", "exp(u0/4) + x1"],
            known(33),
            2,
        ),
        set(model, &["d(u0, x1)^2 = 1"], known(1), 3),
    ]
}

#[test]
fn sound_devices_pass() {
    // Of exp over exp f32 has no numbers.
    let has_numbers = |activation: &Activation| activation.supports(2, "").is_ok() && *activation != Activation::Exp;
    for activation in Activation::ALL.into_iter().filter(has_numbers) {
        let model = model(activation);
        let certificate =
            check(&model, &sets(&model), Precision::F32, &mut *cpu::open(&model, Precision::F32, 1).unwrap());
        certificate.verdict().unwrap_or_else(|error| panic!("{activation}: {error}"));
        assert_eq!(certificate.terms.len(), 6);
        assert!(certificate.terms.iter().all(|term| term.gradient.is_some() && term.parts >= term.residual));
        // f32 rounds.
        assert!(certificate.terms.iter().any(|term| term.value > 0.0));
    }
}

#[test]
fn f64_on_the_device_is_the_reference_itself() {
    let model = model(Activation::Tanh);
    let certificate = check(&model, &sets(&model), Precision::F64, &mut *cpu::open(&model, Precision::F64, 2).unwrap());
    assert!(certificate.passed && certificate.terms.iter().all(|term| term.value == 0.0));
    assert!(certificate.terms.iter().all(|term| term.gradient == Some(0.0)));
}

#[test]
fn the_parts_are_those_that_cancel() {
    let model = model(Activation::Tanh);
    let mut set = set(&model, &["u0 = known", "nu*d(u0, x0) - 0.75*d(u0, x0)"], vec![0.0; 33], 2);
    let jets =
        cpu::open(&model, Precision::F64, 1).unwrap().evaluate(&set.points.inputs, &JetLayout::gradient(2)).unwrap();
    let entry = |derivative| jets.entry(0, derivative).unwrap();
    // As at the end of a perfect training: what is left of the residuals is rounding.
    set.points.columns[0] = entry(Derivative::Value).to_vec();
    let certificate =
        check(&model, &[set.clone()], Precision::F32, &mut *cpu::open(&model, Precision::F32, 1).unwrap());
    certificate.verdict().unwrap();
    let mean = |size: &dyn Fn(usize) -> f64| {
        let weights = set.points.weights.as_ref().unwrap();
        ((0..33).map(|k| weights[k] * size(k).powi(2)).sum::<f64>() / 33.0).sqrt()
    };
    // u0 and the column, both without their mean; an entry counts as a tenth of its scale at least.
    let (scale, shift) = (model.normalizer.outputs.scale[0], model.normalizer.outputs.mean[0]);
    let value = mean(&|k| {
        let part = (entry(Derivative::Value)[k] - shift).abs();
        part + part.max(0.1 * scale)
    });
    // By nu, by the derivative (whose slope cancels), and what is left of r = nu·z − 0.75 z: −nu·z.
    let product = mean(&|k| 2.0 * 0.75 * entry(Derivative::First(0))[k].abs());
    for (term, parts) in certificate.terms.iter().zip([value, product]) {
        // Rounding of sums in f64.
        assert!(term.residual < 1e-12 && (term.parts / parts - 1.0).abs() < 1e-12, "{term:?} {parts}");
    }
}

/// The terms that do not pass on a device, and what is said of the first.
fn missed(model: &Model, device: &mut Tampered) -> (Vec<String>, String) {
    let certificate = check(model, &sets(model), Precision::F32, device);
    assert!(certificate.findings.iter().all(|finding| finding.passed));
    let missed = certificate.terms.iter().filter(|term| !term.passed).map(|term| term.term.clone()).collect();
    let error = certificate.verdict().unwrap_err();
    assert_eq!(error.exit_code(), 3);
    (missed, error.to_string())
}

#[test]
fn a_device_with_one_wrong_term_fails_with_exit_code_3() {
    let model = model(Activation::Tanh);
    for wrong in ["nu*d(u0, x0, x0) + nu*d(u0, x1, x1) = sin(x0)", "u0(x0, 0) = u0(-x0, 1)", "nu = 0.1"] {
        let mut device = Tampered::new(&model);
        device.tamper_loss = Box::new(move |loss| {
            for term in loss.terms.iter_mut().filter(|term| term.name == wrong) {
                term.residual = term.residual.clone().misfit(None, 1.0 + 1e-3);
            }
        });
        let (terms, said) = missed(&model, &mut device);
        assert_eq!(terms, [wrong]);
        assert!(said.contains(&format!("term {wrong:?}: value ")), "{said}");
    }
}

#[test]
fn a_wrong_gradient_and_not_a_number_are_found() {
    let model = model(Activation::Gelu);
    let last = model.parameters.len() - 1;
    for by in [1e-2, f64::NAN] {
        let mut device = Tampered::new(&model);
        // That by the coefficient alone, which five of the terms do not read or hardly.
        device.tamper_gradient = Box::new(move |gradient| gradient[last] *= 1.0 + by);
        let (terms, said) = missed(&model, &mut device);
        assert!(terms.contains(&"nu = 0.1".to_string()) && said.contains("gradient"), "{terms:?} {said}");
    }
    let mut device = Tampered::new(&model);
    device.tamper_loss = Box::new(|loss| {
        let infinite = Expression::entry(Entry::value(0)).misfit(None, 1e-40);
        loss.terms.iter_mut().filter(|term| term.name == "nu = 0.1").for_each(|term| term.residual = infinite.clone());
    });
    assert!(missed(&model, &mut device).0.contains(&"nu = 0.1".to_string()));
}

#[test]
fn derivatives_that_jump_are_left_out() {
    for (activation, values, derivatives) in [(Activation::Relu, None, false), (Activation::Elu, Some(true), true)] {
        let model = model(activation);
        let terms = set(&model, &["u0 = x0", "d(u0, x0) = 1"], vec![0.0; 33], 1);
        let certificate = check(&model, &[terms], Precision::F32, &mut *cpu::open(&model, Precision::F32, 1).unwrap());
        certificate.verdict().unwrap();
        assert_eq!(certificate.terms[0].gradient.map(|gradient| gradient < 1e-5), values);
        assert_eq!(certificate.terms.len(), 1 + usize::from(derivatives), "{activation}");
        assert!(certificate.terms.iter().skip(1).all(|term| term.gradient.is_none()));
    }
}
