//! Fields in a model's file: what features, transforms and definitions read of other files, so that a model predicts alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Field, FieldColumns, Interpolation, MOST_AXES};
use crate::error::{Error, Result};
use crate::expression::{FieldCall, Fields};
use crate::files::safetensors_file::{Tensor, TensorFile};
use crate::numbers::Precision;

/// A field as a model's document holds it; its numbers are tensors.
#[derive(Serialize, Deserialize)]
pub struct FieldDocument {
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    arguments: Vec<Option<String>>,
    is_cubic: bool,
    nodes: Vec<usize>,
}

fn axis(field: usize, axis: usize) -> String {
    format!("field.{field}.axis.{axis}")
}

fn values(field: usize) -> String {
    format!("field.{field}.values")
}

/// The documents of fields, and their tensors by name.
pub fn stored(fields: &Fields) -> (Vec<FieldDocument>, BTreeMap<String, Tensor>) {
    let mut tensors = BTreeMap::new();
    let mut tensor = |name: String, shape: Vec<usize>, numbers: &[f64]| {
        tensors.insert(name, Tensor { shape, precision: Precision::F64, values: numbers.to_vec() });
    };
    let document = |(k, (call, field)): (usize, (&FieldCall, &Arc<Field>))| {
        let nodes: Vec<usize> = field.axes().iter().map(Vec::len).collect();
        field.axes().iter().enumerate().for_each(|(d, nodes)| tensor(axis(k, d), vec![nodes.len()], nodes));
        tensor(values(k), nodes.clone(), field.values());
        FieldDocument {
            file: call.file.clone(),
            value: call.columns.value.clone(),
            arguments: call.columns.arguments.clone(),
            is_cubic: call.interpolation == Interpolation::Cubic,
            nodes,
        }
    };
    let documents = fields.iter().enumerate().map(document).collect();
    (documents, tensors)
}

/// The fields of a model's file.
///
/// # Errors
/// [`Error::Input`] for tensors that are missing or no grid.
pub fn restored(documents: &[FieldDocument], file: &TensorFile, path: &Path) -> Result<Fields> {
    let field = |(k, document): (usize, &FieldDocument)| {
        let FieldDocument { file: name, value, arguments, is_cubic, nodes } = document;
        let mut axes = vec![];
        for (d, count) in nodes.iter().enumerate() {
            axes.push(file.tensor(&axis(k, d), &[*count], path)?.values.clone());
        }
        let is_axis = |axis: &Vec<f64>| axis.len() > 1 && axis.windows(2).all(|pair| pair[0] < pair[1]);
        if !(1..=MOST_AXES).contains(&nodes.len()) || !axes.iter().all(is_axis) || arguments.len() != nodes.len() {
            let place = format!("{}: metadata key \"fields\"", path.display());
            let problem = format!("the field of {name:?} is no grid");
            return Err(Error::input(place, problem, "fix the metadata, or save the model again"));
        }
        let numbers = file.tensor(&values(k), nodes, path)?.values.clone();
        let interpolation = if *is_cubic { Interpolation::Cubic } else { Interpolation::Linear };
        let columns = FieldColumns { arguments: arguments.clone(), value: value.clone() };
        let call = FieldCall { file: name.clone(), columns, interpolation };
        Ok((call, Arc::new(Field::new(axes, numbers, interpolation))))
    };
    let fields: Vec<_> = documents.iter().enumerate().map(field).collect::<Result<_>>()?;
    Ok(Fields::new(fields))
}
