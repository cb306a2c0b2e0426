//! The derivative certificate: sound devices pass, unsound ones do not.

use crate::support::{Tampered, random_model, random_points};
use jetfit::backend::Backend;
use jetfit::certificate::{Certificate, Comparison, Strictness, certify};
use jetfit::cpu;
use jetfit::expression::Scope;
use jetfit::jet::{Activation, Derivative, JetLayout, Scaling, Seconds, Smoothness};
use jetfit::network::{Model, Transforms};
use jetfit::numbers::Precision;

fn strictness(seconds: Seconds, precision: Precision) -> Strictness {
    Strictness { order: 2, seconds, precision, tolerance: None, threads: 1 }
}

fn certificate(model: &Model, device: &mut dyn Backend, strictness: &Strictness) -> Certificate {
    certify(model, &random_points(model, 33, 5), &[], device, strictness).unwrap()
}

#[test]
fn the_cpu_passes_for_every_activation() {
    for activation in Activation::ALL {
        for (inputs, hidden, outputs) in [(1, vec![33], 1), (3, vec![7, 16], 2)] {
            let model = random_model(inputs, &hidden, outputs, activation, 3);
            let mut device = cpu::open(&model, Precision::F32, 1).unwrap();
            let certificate = certificate(&model, &mut *device, &strictness(Seconds::Full, Precision::F32));
            certificate.verdict().unwrap_or_else(|error| panic!("{activation}: {error}"));
            let orders = certificate.findings.iter().map(|finding| finding.order).max().unwrap();
            let expected = match activation {
                Activation::Relu | Activation::LeakyRelu | Activation::Selu => 0,
                Activation::Elu | Activation::Softsign => 1,
                _ => 2,
            };
            assert_eq!(orders, expected, "{activation}");
            assert_eq!(certificate.skipped.is_some(), expected < 2, "{activation}");
            if expected == 2 {
                // The value once, every derivative in three comparisons.
                let derivatives = JetLayout::full(inputs).channels() - 1;
                assert_eq!(certificate.findings.len(), outputs * (1 + 3 * derivatives));
            }
        }
    }
}

#[test]
fn f64_on_the_device_is_the_reference_itself() {
    let model = random_model(2, &[16, 16], 1, Activation::Silu, 4);
    let mut device = cpu::open(&model, Precision::F64, 2).unwrap();
    let certificate = certificate(&model, &mut *device, &strictness(Seconds::Diagonal, Precision::F64));
    let same = certificate.findings.iter().filter(|f| f.comparison == Comparison::DeviceWithReference);
    assert!(same.clone().count() == 5 && same.clone().all(|f| f.normwise == 0.0));
    assert!(certificate.passed);
}

#[test]
fn a_device_with_one_wrong_derivative_fails_with_exit_code_3() {
    let model = random_model(2, &[16, 16], 1, Activation::Tanh, 4);
    for wrong in [Derivative::Value, Derivative::First(1), Derivative::Second(0, 0), Derivative::Second(0, 1)] {
        let mut device = Tampered::new(&model);
        device.tamper = Box::new(move |entry, values| {
            if entry == wrong {
                values.iter_mut().for_each(|value| *value *= 1.0 + 1e-4);
            }
        });
        let certificate = certificate(&model, &mut device, &strictness(Seconds::Full, Precision::F32));
        let error = certificate.verdict().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let name = wrong.column("u0", &model.inputs);
        assert!(error.to_string().contains(&name), "{error}");
        let missed: Vec<_> = certificate.findings.iter().filter(|f| !f.passed).collect();
        assert!(missed.iter().all(|f| f.entry == name && f.comparison != Comparison::ReferenceWithDifferences));
        assert_eq!(missed.len(), if wrong == Derivative::Value { 1 } else { 2 });
    }
}

#[test]
fn third_and_fourth_derivatives_pass_where_they_are_asked_for() {
    for activation in Activation::ALL {
        for (inputs, hidden, outputs) in [(1, vec![33], 1), (3, vec![7, 16], 2)] {
            let model = random_model(inputs, &hidden, outputs, activation, 3);
            let mut device = cpu::open(&model, Precision::F32, 1).unwrap();
            let strictness = Strictness { order: 4, ..strictness(Seconds::Full, Precision::F32) };
            let certificate = certificate(&model, &mut *device, &strictness);
            certificate.verdict().unwrap_or_else(|error| panic!("{activation}: {error}"));
            if activation.smoothness() == Smoothness::Infinite {
                let derivatives = JetLayout::all(inputs, 4).channels() - 1;
                assert_eq!(certificate.findings.len(), outputs * (1 + 3 * derivatives));
                assert!(certificate.unresolved.is_empty(), "{activation} {:?}", certificate.unresolved);
            }
        }
    }
}

#[test]
fn a_wrong_third_or_fourth_derivative_is_found() {
    let model = random_model(2, &[16, 16], 1, Activation::Tanh, 4);
    for wrong in [vec![0, 0, 0], vec![0, 0, 1], vec![1, 1, 1, 1], vec![0, 1, 1, 1], vec![0, 0, 1, 1]] {
        let wrong = Derivative::by(&wrong).unwrap();
        let mut device = Tampered::new(&model);
        device.tamper = Box::new(move |entry, values| {
            if entry == wrong {
                values.iter_mut().for_each(|value| *value *= 1.0 + 1e-3);
            }
        });
        let strictness = Strictness { order: 4, ..strictness(Seconds::Full, Precision::F32) };
        let certificate = certificate(&model, &mut device, &strictness);
        assert_eq!(certificate.verdict().unwrap_err().exit_code(), 3);
        let name = wrong.column("u0", &model.inputs);
        let missed: Vec<_> = certificate.findings.iter().filter(|f| !f.passed).collect();
        assert!(missed.iter().all(|f| f.entry == name && f.comparison != Comparison::ReferenceWithDifferences));
        assert_eq!(missed.len(), 2, "{name}");
    }
}

#[test]
fn one_wrong_point_and_not_a_number_are_found() {
    let model = random_model(2, &[16], 1, Activation::Tanh, 4);
    let points = random_points(&model, 33, 5);
    for by in [1e-2, f64::NAN] {
        let mut device = Tampered::new(&model);
        device.tamper = Box::new(move |entry, values| {
            if entry == Derivative::First(0) {
                values[17] *= 1.0 + by;
            }
        });
        let certificate =
            certify(&model, &points, &[], &mut device, &strictness(Seconds::Diagonal, Precision::F32)).unwrap();
        assert_eq!(certificate.verdict().unwrap_err().exit_code(), 3);
        let missed = certificate.findings.iter().find(|f| !f.passed).unwrap();
        assert_eq!(missed.worst_at, [points[0][17], points[1][17]]);
    }
}

#[test]
fn awkward_scales_change_no_verdict() {
    let mut model = random_model(2, &[16, 16], 2, Activation::Gelu, 4);
    model.normalizer.inputs.mean = vec![5e3, 2e-3];
    model.normalizer.inputs.scale = vec![1.3e3, 4e-4];
    model.normalizer.outputs.mean = vec![1e6, 0.0];
    model.normalizer.outputs.scale = vec![3.0, 1e-8];
    let mut device = cpu::open(&model, Precision::F32, 1).unwrap();
    certificate(&model, &mut *device, &strictness(Seconds::Full, Precision::F32)).verdict().unwrap();
}

#[test]
fn entries_that_are_0_pass() {
    let linear = random_model(2, &[], 1, Activation::Tanh, 4);
    let mut device = cpu::open(&linear, Precision::F32, 1).unwrap();
    certificate(&linear, &mut *device, &strictness(Seconds::Full, Precision::F32)).verdict().unwrap();
}

#[test]
fn bad_points_are_bad_input() {
    let model = random_model(2, &[4], 1, Activation::Tanh, 4);
    let mut device = cpu::open(&model, Precision::F32, 1).unwrap();
    for points in [vec![], vec![vec![1.0]], vec![vec![], vec![]]] {
        let error =
            certify(&model, &points, &[], &mut *device, &strictness(Seconds::Full, Precision::F32)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}

/// A network whose first layer is steep: its weights are multiplied.
fn steep(activation: Activation, by: f64) -> Model {
    let mut model = random_model(2, &[24, 24], 1, activation, 4);
    model.parameters[..2 * 24].iter_mut().for_each(|weight| *weight *= by);
    model
}

#[test]
fn steep_networks_are_resolved_or_left_open() {
    for (activation, by) in [
        (Activation::Sin, 20.0),
        (Activation::Sin, 200.0),
        (Activation::Sin, 2e3),
        (Activation::Tanh, 1e3),
        (Activation::Tanh, 1e4),
        (Activation::Tanh, 1e5),
        (Activation::Tanh, 1e7),
        (Activation::Gelu, 1e3),
        (Activation::Softplus, 1e4),
        (Activation::Sin, 1e6),
        (Activation::Sin, 1e7),
    ] {
        let model = steep(activation, by);
        let mut device = cpu::open(&model, Precision::F64, 1).unwrap();
        let points = random_points(&model, 500, 5);
        let certificate =
            certify(&model, &points, &[], &mut *device, &strictness(Seconds::Full, Precision::F64)).unwrap();
        certificate.verdict().unwrap_or_else(|error| panic!("{activation} {by:e}: {error}"));
        assert!(certificate.passed);
        match by < 1e5 {
            true => assert_eq!(certificate.unresolved, [""; 0], "{activation} {by:e}"),
            // These oscillate within the narrowest step.
            false if activation == Activation::Sin => {
                let why = &certificate.unresolved[0];
                assert!(why.contains("too inaccurate to check du0_dx0 (cpu f64 - differences)"), "{why}");
            }
            false => {}
        }
    }
}

#[test]
fn a_device_that_lies_about_a_steep_network_fails() {
    for (activation, by) in [(Activation::Sin, 200.0), (Activation::Tanh, 1e3), (Activation::Sin, 1e6)] {
        let model = steep(activation, by);
        for wrong in [Derivative::First(1), Derivative::Second(0, 1)] {
            let mut device = Tampered::new(&model);
            device.tamper = Box::new(move |entry, values| {
                if entry == wrong {
                    values.iter_mut().for_each(|value| *value *= 1.5);
                }
            });
            let strictness = Strictness { tolerance: Some(0.1), ..strictness(Seconds::Full, Precision::F32) };
            let certificate = certify(&model, &random_points(&model, 200, 5), &[], &mut device, &strictness).unwrap();
            assert_eq!(certificate.verdict().unwrap_err().exit_code(), 3);
            let name = wrong.column("u0", &model.inputs);
            let failed: Vec<_> = certificate.findings.iter().filter(|f| !f.passed && !f.unresolved).collect();
            assert!(failed.iter().any(|f| f.entry == name && f.comparison == Comparison::DeviceWithReference));
            if by < 1e5 {
                assert!(failed.iter().all(|f| f.entry == name && f.comparison != Comparison::ReferenceWithDifferences));
                assert!(
                    failed.iter().any(|f| f.comparison == Comparison::DeviceWithDifferences),
                    "{activation} {by:e}"
                );
            }
        }
    }
}

#[test]
fn orders_that_a_transform_makes_jump_are_left_out() {
    for (transform, order, why) in [
        ("sin(net)*x0", 4, None),
        ("if(x0 > 0, x0^3*net, 0)", 2, Some("makes d3u0_dx03 jump: only derivatives up to the second are certified")),
        ("if(x0 > 0, x0^2*net, 0)", 1, Some("makes d2u0_dx02 jump: only values and first derivatives are certified")),
        ("abs(net)", 0, Some("the transform of u0 makes du0_dx0 jump: only values are certified")),
        ("net + heaviside(x1)*x0", 0, Some("the transform of u0 makes du0_dx0 jump")),
    ] {
        let mut model = random_model(2, &[16, 16], 1, Activation::Tanh, 4);
        let scope = Scope {
            inputs: model.inputs.clone(),
            outputs: model.outputs.clone(),
            transforms: [("u0".to_string(), transform.to_string())].into(),
            ..Scope::default()
        };
        model.transforms = Transforms::read(str::to_string, &scope).unwrap();
        model.normalizer.outputs = Scaling::identity(1);
        let mut device = cpu::open(&model, Precision::F64, 1).unwrap();
        let strictness = Strictness { order: 4, ..strictness(Seconds::Full, Precision::F64) };
        let certificate = certificate(&model, &mut *device, &strictness);
        certificate.verdict().unwrap_or_else(|error| panic!("{transform}: {error}"));
        assert_eq!(certificate.findings.iter().map(|finding| finding.order).max(), Some(order), "{transform}");
        let skipped = certificate.skipped.unwrap_or_default();
        assert!(skipped.contains(why.unwrap_or("")) && skipped.is_empty() == why.is_none(), "{transform}: {skipped}");
        assert_eq!(certificate.judges.len(), 1);
    }
}
