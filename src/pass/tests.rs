//! The list against the algebra that it stands for.

use super::*;
use crate::cpu;
use crate::jet::{Activation, Derivative, JetLayout, Normalizer, Scaling};
use crate::network::{Model, NetworkSpec, Perceptron, Transforms, initialize};
use crate::numbers::Precision;

fn spec(inputs: usize, hidden: &[usize], outputs: usize) -> Perceptron {
    Perceptron::uniform(inputs, hidden, Activation::Tanh, outputs)
}

fn pass(layout: &JetLayout, hidden: &[usize], modes: Modes, has_tape: bool) -> Pass {
    let spec = spec(layout.inputs(), hidden, 1);
    let channels = Channels::new(layout, &Normalizer::identity(layout.inputs(), 1), modes);
    Pass::new(vec![Network::new(&spec, false, channels)], has_tape)
}

fn slopes(z: f64) -> [f64; 5] {
    let a = z.tanh();
    let first = 1.0 - a * a;
    [a, first, -2.0 * a * first, first * (6.0 * a * a - 2.0), first * a * (16.0 - 24.0 * a * a)]
}

#[test]
fn the_general_rule_is_that_of_the_kernels() {
    let seconds = [Derivative::Second(0, 0), Derivative::Second(0, 2), Derivative::Second(1, 2), Derivative::First(1)];
    let fourths = [Derivative::Fourth([0, 0, 1, 2]), Derivative::Third([2, 2, 2])];
    let biharmonic = JetLayout::weighted(&[1.0, 0.5, -2.0], [Derivative::Biharmonic, Derivative::Second(0, 2)]);
    for layout in [JetLayout::selected(3, seconds), JetLayout::selected(3, fourths), biharmonic] {
        follows_the_rule(&layout);
    }
}

/// Compares a network's jets with those that its rule gives, channel by channel and summand by summand.
fn follows_the_rule(layout: &JetLayout) {
    let spec = NetworkSpec::of_one(spec(3, &[7, 5], 1));
    let scaling = |scale: &[f64]| Scaling { mean: vec![0.1; scale.len()], scale: scale.to_vec() };
    let model = Model {
        inputs: ["x", "y", "t"].map(String::from).to_vec(),
        outputs: vec!["u".into()],
        coefficients: vec![],
        transforms: Transforms::default(),
        normalizer: Normalizer { inputs: scaling(&[2.0, 0.5, 3.0]), outputs: scaling(&[4.0]), coefficients: vec![] },
        precision: Precision::F64,
        parameters: initialize(&spec, None, 3),
        ranges: vec![],
        spec: spec.clone(),
    };
    let points: Vec<Vec<f64>> = [0.3, -1.2, 0.7].map(|x| vec![x]).to_vec();
    let rule = Rule::new(layout, layout, &model.normalizer);
    let x: Vec<f64> = (0..3).map(|i| model.normalizer.inputs.standardise(i, points[i][0])).collect();
    let mut jets: Vec<Vec<f64>> = (0..3)
        .map(|i| {
            let tangent = layout.tangents().iter().map(|of| f64::from(u8::from(*of == i)));
            [x[i]].into_iter().chain(tangent).chain(vec![0.0; layout.curved().len()]).collect()
        })
        .collect();
    for (index, layer) in spec.layers().iter().enumerate() {
        let weights = &model.parameters[layer.weights()];
        let z = |unit: usize, channel: usize| {
            let bias = if channel == 0 { model.parameters[layer.biases()][unit] } else { 0.0 };
            bias + (0..layer.inputs).map(|i| weights[unit * layer.inputs + i] * jets[i][channel]).sum::<f64>()
        };
        let through = |unit: usize| {
            let z: Vec<f64> = (0..layout.channels()).map(|channel| z(unit, channel)).collect();
            if index == spec.networks[0].hidden.len() {
                return z;
            }
            let sigma = slopes(z[0]);
            let summand =
                |s: &Summand| s.coefficient * sigma[s.factors.len()] * s.factors.iter().map(|k| z[*k]).product::<f64>();
            let firsts = z[1..1 + rule.tangents()].iter().map(|dz| sigma[1] * dz);
            let curved = rule.curved.iter().zip(&z[1 + rule.tangents()..]);
            let curved = curved.map(|(summands, z)| sigma[1] * z + summands.iter().map(summand).sum::<f64>());
            [sigma[0]].into_iter().chain(firsts).chain(curved).collect()
        };
        jets = (0..layer.outputs).map(through).collect();
    }
    let expected = crate::jet::Jets::from_standardised(layout, &model.normalizer, jets.remove(0));
    let found = cpu::open(&model, Precision::F64, 1).unwrap().evaluate(&points, layout).unwrap();
    for (found, expected) in found.values.iter().zip(&expected.values) {
        assert!((found - expected).abs() < 1e-13 * (1.0 + expected.abs()), "{found} {expected}");
    }
}

/// Every list that a device may have.
fn lists() -> Vec<(String, Pass)> {
    let mut all = vec![];
    for layout in [JetLayout::value(2), JetLayout::diagonal(2), JetLayout::full(3), JetLayout::diagonal(10)] {
        for hidden in [&[][..], &[5], &[5, 7, 3]] {
            for (modes, has_tape) in
                [(Modes::Forward, false), (Modes::Forward, true), (Modes::Both, false), (Modes::Both, true)]
            {
                let modes = if hidden.is_empty() { Modes::Forward } else { modes };
                let plain = pass(&layout, hidden, modes, has_tape);
                let mut fused = vec![plain.clone()];
                let mut inputs = plain.clone();
                inputs.fuse_inputs();
                if inputs.networks[0].channels.is_adjoint() {
                    inputs.fuse_adjoints();
                } else {
                    let mut layers = inputs.clone();
                    layers.fuse_layers();
                    fused.push(layers);
                    if !hidden.is_empty() {
                        let mut network = inputs.clone();
                        network.fuse_networks();
                        fused.push(network);
                    }
                }
                let mut grouped = inputs.clone();
                grouped.group_gradients(&[0..1, 1..3]);
                fused.extend([inputs, grouped]);
                let name = format!("{layout:?}, {hidden:?}, {modes:?}, {has_tape}");
                all.extend(fused.into_iter().map(|pass| (name.clone(), pass)));
            }
        }
    }
    all
}

#[test]
fn nothing_is_read_before_it_is_written_nor_after_its_memory_is_given_away() {
    let mut count = 0;
    for (name, pass) in lists() {
        let elsewhere = |slot| matches!(slot, Slot::Points(_));
        let buffers = Buffers::new(&pass, false);
        // What lies in each buffer.
        let mut holds: Vec<Option<Slot>> = vec![None; buffers.numbers().len()];
        for (index, op) in pass.ops().enumerate() {
            let operands = op.operands();
            if index == pass.forward.len() {
                // The terms have read the jets and written their cotangents.
                let bar = pass.jets_bar(0).slot;
                holds[buffers.of(bar).unwrap()] = Some(bar);
            }
            for (use_of, span) in operands.iter().filter(|(_, span)| !elsewhere(span.slot)) {
                let buffer = buffers.of(span.slot).unwrap();
                assert!(span.numbers() <= buffers.numbers()[buffer], "{name}: {op:?}");
                assert!(span.start + span.count <= span.row, "{name}: {op:?}");
                match use_of {
                    Use::Read => assert_eq!(holds[buffer], Some(span.slot), "{name}: {op:?}"),
                    Use::Write => holds[buffer] = Some(span.slot),
                }
            }
            // No kernel reads what it writes.
            for (_, read) in operands.iter().filter(|(use_of, span)| *use_of == Use::Read && !elsewhere(span.slot)) {
                let is_written = |(use_of, span): &(Use, Span)| {
                    *use_of == Use::Write && buffers.of(span.slot) == buffers.of(read.slot)
                };
                assert!(!operands.iter().any(is_written), "{name}: {op:?}");
            }
            count += 1;
        }
    }
    assert!(count > 1000);
}

#[test]
fn every_layer_has_one_gradient() {
    for (name, pass) in lists().into_iter().filter(|(_, pass)| pass.has_tape) {
        let layers = pass.backward.iter().flat_map(|op| match op {
            Op::WeightGradient { layers } => layers.iter().map(|layer| layer.at.layer).collect(),
            Op::InputGradient { at, .. } | Op::FusedInputBackward { at, .. } => vec![at.layer],
            _ => vec![],
        });
        let mut layers: Vec<usize> = layers.collect();
        layers.sort_unstable();
        assert_eq!(layers, (0..pass.networks[0].layers.len()).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn without_a_way_back_two_buffers_take_turns() {
    let pass = pass(&JetLayout::diagonal(2), &[64; 9], Modes::Forward, false);
    let buffers = Buffers::new(&pass, false);
    // z and a, and the jets, which are kept.
    assert_eq!(buffers.numbers().iter().filter(|numbers| **numbers == 5 * 64).count(), 2);
    assert!(buffers.numbers().len() <= 3);
}
