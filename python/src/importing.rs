//! Files of other programs to networks.

use std::path::PathBuf;

use jetfit::Activation;
use jetfit::import::{Options, import};
use jetfit::jet::Scaling;
use pyo3::prelude::*;

use crate::errors::exception;
use crate::network::Core;

/// Means and scales of some columns.
type MeanAndScale = (Vec<f64>, Vec<f64>);

/// Reads a network of another program.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "one call from Python, whose arguments have names there")]
pub fn import_file(
    py: Python,
    path: PathBuf,
    inputs: Vec<String>,
    outputs: Vec<String>,
    activations: Vec<String>,
    layers: Vec<String>,
    input_scaling: Option<MeanAndScale>,
    output_scaling: Option<MeanAndScale>,
) -> PyResult<Core> {
    let scaling = |given: Option<MeanAndScale>| given.map(|(mean, scale)| Scaling { mean, scale });
    let activations = activations.iter().map(|name| name.parse::<Activation>()).collect::<Result<_, _>>();
    let options = Options {
        inputs,
        outputs,
        activations: activations.map_err(exception)?,
        layers,
        input_scaling: scaling(input_scaling),
        output_scaling: scaling(output_scaling),
    };
    let imported = py.detach(|| import(path, &options)).map_err(exception)?;
    Ok(Core::new(imported.model))
}
