//! Between NumPy's rows and the library's columns.

use jetfit::Jets;
use numpy::{PyArray1, PyArray3, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;

/// The columns (D, B) of an array (B, D): the one copy of points on their way in.
pub fn columns(array: &PyReadonlyArray2<f64>) -> Vec<Vec<f64>> {
    array.as_array().columns().into_iter().map(|column| column.to_vec()).collect()
}

/// Jets as an array (M, C, B), which takes over their memory.
pub fn array(py: Python<'_>, jets: Jets) -> PyResult<Bound<'_, PyArray3<f64>>> {
    let shape = [jets.outputs, jets.layout.channels(), jets.points()];
    PyArray1::from_vec(py, jets.values).reshape(shape)
}
