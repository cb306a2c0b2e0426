//! Arrays to a fitted network.

use jetfit::fit::FitReport;
use jetfit::{Derivative, Fit};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::arrays::columns;
use crate::errors::exception;
use crate::network::Core;
use crate::watch::watched;

/// A measured derivative: of which output, by which one to four inputs, and its column (B).
type Measured<'py> = (usize, Vec<usize>, PyReadonlyArray1<'py, f64>);

/// Fits x (B, D) and y (B, M), with more of the job as TOML. Gives the network, the report as JSON, and the warnings.
#[pyfunction]
#[pyo3(signature = (x, y, inputs, outputs, derivatives, row_weights, validation, start, job, listener))]
#[expect(clippy::too_many_arguments, reason = "one call from Python, whose arguments have names there")]
pub fn fit<'py>(
    x: PyReadonlyArray2<'py, f64>,
    y: PyReadonlyArray2<'py, f64>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    derivatives: Vec<Measured<'py>>,
    row_weights: Option<PyReadonlyArray1<'py, f64>>,
    validation: Option<(PyReadonlyArray2<'py, f64>, PyReadonlyArray2<'py, f64>)>,
    start: Option<PyRef<'py, Core>>,
    job: &str,
    listener: &Bound<'py, PyAny>,
) -> PyResult<(Core, String, Vec<String>)> {
    fn names(names: &[String]) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }
    let column = |column: &PyReadonlyArray1<f64>| column.as_array().to_vec();
    let mut fit = Fit::new(&columns(&x), &columns(&y)).inputs(&names(&inputs)).outputs(&names(&outputs)).with(job);
    for (output, by, values) in &derivatives {
        let derivative = Derivative::by(by).expect("the package names one to four inputs");
        fit = fit.derivative(*output, derivative, column(values));
    }
    if let Some(weights) = &row_weights {
        fit = fit.row_weights(column(weights));
    }
    if let Some((x, y)) = &validation {
        fit = fit.validation(&columns(x), &columns(y));
    }
    if let Some(start) = &start {
        fit = fit.start(start.model());
    }
    let (fitted, raised) = watched(listener, move |observer, stop| fit.run_observed(observer, stop))?;
    if let Some(error) = raised {
        return Err(error);
    }
    let fitted = fitted.map_err(exception)?;
    let (report, warnings) = (described(fitted.report()).to_string(), fitted.warnings().to_vec());
    Ok((Core::new(fitted.model().clone()), report, warnings))
}

fn described(report: &FitReport) -> Value {
    let term = |term: &jetfit::fit::TermLoss| json!({"training": term.training, "validation": term.validation});
    let terms = report.terms.iter().map(|one| (one.name.clone(), term(one))).collect::<serde_json::Map<_, _>>();
    json!({
        "device": report.device,
        "steps": report.steps,
        "seconds": report.seconds,
        "stop": report.stop.name(),
        "training_loss": report.training_loss,
        "validation_loss": report.validation_loss,
        "terms": terms,
        "coefficients": report.coefficients,
    })
}
