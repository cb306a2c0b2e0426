//! The timed problem as a file, so that other programs can solve the same one and be checked against us.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::problem::random_problem;
use crate::backend::Batch;
use crate::cpu;
use crate::error::Result;
use crate::files::safetensors_file::{Tensor, TensorFile};
use crate::jet::JetLayout;
use crate::network::Model;
use crate::numbers::Precision;

/// Writes the problem of one layout and batch, and its result in f64, as a safetensors file:
///
/// | tensor | shape | |
/// |---|---|---|
/// | `weights.L`, `biases.L` | (out, in), (out) | of every layer |
/// | `inputs` | (B, D) | |
/// | `targets`, `jets` | (M, C, B) | C channels: value, tangents, seconds |
/// | `loss` | (1) | Σ over outputs and channels of mean (jet − target)² |
/// | `weights_bar.L`, `biases_bar.L` | as the weights | the loss's gradient |
///
/// Weights, inputs and targets are rounded to the model's precision first: all programs read the same ones.
///
/// # Errors
/// The file cannot be written.
pub fn export(model: &Model, layout: &JetLayout, batch: usize, path: &Path) -> Result<()> {
    let mut model = Model { precision: model.precision.stored(), ..model.clone() };
    let precision = model.precision;
    let round = |values: &mut Vec<f64>| {
        if precision == Precision::F32 {
            values.iter_mut().for_each(|value| *value = f64::from(*value as f32));
        }
    };
    let (mut set, loss) = random_problem(&model, layout, batch);
    round(&mut model.parameters);
    set.inputs.iter_mut().chain(&mut set.columns).for_each(round);
    let mut cpu = cpu::open(&model, Precision::F64, 0)?;
    let id = cpu.load(&set, &loss)?;
    let answer = cpu.gradient(&[Batch { set: id, start: 0, count: batch }])?;
    let jets = cpu.evaluate(&set.inputs, layout)?;

    let mut tensors = BTreeMap::new();
    let mut put = |name: String, precision: Precision, shape: &[usize], values: Vec<f64>| {
        tensors.insert(name, Tensor { shape: shape.to_vec(), precision, values });
    };
    for (l, layer) in model.spec.layers().iter().enumerate() {
        for (suffix, precision, from) in
            [("", model.precision, &model.parameters), ("_bar", Precision::F64, &answer.gradient)]
        {
            let (weights, biases) = (from[layer.weights()].to_vec(), from[layer.biases()].to_vec());
            put(format!("weights{suffix}.{l}"), precision, &[layer.outputs, layer.inputs], weights);
            put(format!("biases{suffix}.{l}"), precision, &[layer.outputs], biases);
        }
    }
    let (outputs, channels) = (model.outputs.len(), layout.channels());
    let inputs = (0..batch).flat_map(|point| set.inputs.iter().map(move |column| column[point])).collect();
    put("inputs".into(), model.precision, &[batch, model.inputs.len()], inputs);
    put("targets".into(), model.precision, &[outputs, channels, batch], set.columns.concat());
    put("jets".into(), Precision::F64, &[outputs, channels, batch], jets.values);
    put("loss".into(), Precision::F64, &[1], vec![answer.losses.iter().sum()]);
    let document = json!({ "channels": channels, "activation": model.spec.networks[0].single_activation().map(|activation| activation.name()) });
    TensorFile::new(document, tensors).write(path)
}
