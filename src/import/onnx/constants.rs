//! The constants of a graph: initializers, raw or typed, in the file or in one beside it.

use std::path::{Component, Path};

use crate::error::{Error, Result};
use crate::files::onnx_file::{TensorProto, data_type};
use crate::files::safetensors_file::Tensor;
use crate::numbers::Precision;

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

/// A constant. Integers, which are shapes and axes, have f32's precision too, so that they say nothing of the network's.
pub fn read(file: &Path, place: &str, tensor: &TensorProto) -> Result<Tensor> {
    let wrong = |problem: String| Error::input(place, problem, "export the network again in float32 or float64");
    let extents = tensor.dims.iter().map(|extent| usize::try_from(*extent).ok());
    let shape = extents.collect::<Option<Vec<usize>>>().ok_or_else(|| wrong("it has a negative extent".to_string()))?;
    let outside;
    let raw = match tensor.data_location == EXTERNAL {
        true => {
            outside = external(file, place, tensor)?;
            outside.as_slice()
        }
        false => tensor.raw_data.as_slice(),
    };
    let values: Vec<f64> = match (tensor.data_type, raw.is_empty()) {
        (data_type::FLOAT, false) => raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
        (data_type::FLOAT, true) => tensor.float_data.iter().map(|x| f64::from(*x)).collect(),
        (data_type::DOUBLE, false) => raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        (data_type::DOUBLE, true) => tensor.double_data.clone(),
        (data_type::INT64, false) => raw.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
        (data_type::INT64, true) => tensor.int64_data.iter().map(|n| *n as f64).collect(),
        (data_type::INT32, false) => raw.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
        (data_type::BOOL, false) => raw.iter().map(|b| f64::from(*b)).collect(),
        (data_type::INT32 | data_type::BOOL, true) => tensor.int32_data.iter().map(|n| f64::from(*n)).collect(),
        (other, _) => return Err(wrong(format!("its numbers have format {other} of TensorProto.DataType"))),
    };
    if shape.iter().try_fold(1usize, |count, extent| count.checked_mul(*extent)) != Some(values.len()) {
        return Err(wrong(format!("it has the shape {shape:?} and {} numbers", values.len())));
    }
    let precision = if tensor.data_type == data_type::DOUBLE { Precision::F64 } else { Precision::F32 };
    Ok(Tensor { shape, precision, values })
}

/// The bytes of a constant in a file beside the graph's.
fn external(file: &Path, place: &str, tensor: &TensorProto) -> Result<Vec<u8>> {
    let entry =
        |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
    let name = Path::new(entry("location").unwrap_or(""));
    let help = "keep the files that were exported together in one folder, or export with external_data=False";
    // A graph names files of its own folder and no others.
    if name.as_os_str().is_empty() || !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::input(place, format!("its numbers lie in {name:?}, outside of the graph's folder"), help));
    }
    let path = file.parent().unwrap_or(Path::new("")).join(name);
    let bytes = std::fs::read(&path).map_err(|error| crate::files::unreadable(&path, error, help))?;
    let number = |key: &str| entry(key).map(|text| text.parse::<usize>().ok());
    let start = number("offset").unwrap_or(Some(0));
    let end = match (start, number("length")) {
        (Some(_), None) => Some(bytes.len()),
        (Some(start), Some(Some(length))) => start.checked_add(length),
        _ => None,
    };
    let part = start.zip(end).and_then(|(start, end)| bytes.get(start..end));
    let missing = || Error::input(place, format!("its numbers are not all in {}", path.display()), help);
    Ok(part.ok_or_else(missing)?.to_vec())
}
