//! The constants of a graph: initializers, raw or typed, in the file or in one beside it.

use std::path::{Component, Path};

use super::proto;
use crate::error::{Error, Result};
use crate::files::safetensors_file::Tensor;
use crate::numbers::Precision;

/// `TensorProto.DataType`: what there are numbers of.
const FLOAT: i32 = 1;
const INT32: i32 = 6;
const INT64: i32 = 7;
const BOOL: i32 = 9;
const DOUBLE: i32 = 11;

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

/// A constant. Integers, which are shapes and axes, have f32's precision too, so that they say nothing of the network's.
pub fn read(file: &Path, place: &str, tensor: &proto::Tensor) -> Result<Tensor> {
    let wrong = |problem: String| Error::input(place, problem, "export the network again in float32 or float64");
    let extents = tensor.extents.iter().map(|extent| usize::try_from(*extent).ok());
    let shape = extents.collect::<Option<Vec<usize>>>().ok_or_else(|| wrong("it has a negative extent".to_string()))?;
    let outside;
    let raw = match tensor.location == EXTERNAL {
        true => {
            outside = external(file, place, tensor)?;
            outside.as_slice()
        }
        false => tensor.raw.as_slice(),
    };
    let values: Vec<f64> = match (tensor.format, raw.is_empty()) {
        (FLOAT, false) => raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
        (FLOAT, true) => tensor.floats.iter().map(|x| f64::from(*x)).collect(),
        (DOUBLE, false) => raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        (DOUBLE, true) => tensor.doubles.clone(),
        (INT64, false) => raw.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
        (INT64, true) => tensor.int64s.iter().map(|n| *n as f64).collect(),
        (INT32, false) => raw.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
        (BOOL, false) => raw.iter().map(|b| f64::from(*b)).collect(),
        (INT32 | BOOL, true) => tensor.int32s.iter().map(|n| f64::from(*n)).collect(),
        (other, _) => return Err(wrong(format!("its numbers have format {other} of TensorProto.DataType"))),
    };
    if shape.iter().try_fold(1usize, |count, extent| count.checked_mul(*extent)) != Some(values.len()) {
        return Err(wrong(format!("it has the shape {shape:?} and {} numbers", values.len())));
    }
    let precision = if tensor.format == DOUBLE { Precision::F64 } else { Precision::F32 };
    Ok(Tensor { shape, precision, values })
}

/// The bytes of a constant in a file beside the graph's.
fn external(file: &Path, place: &str, tensor: &proto::Tensor) -> Result<Vec<u8>> {
    let entry = |key: &str| tensor.external.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
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
