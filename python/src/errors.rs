//! jetfit's errors as Python's exceptions, whose classes are in `package/jetfit/errors.py`.

use jetfit::Error;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

/// The exception of an error: `jetfit.InputError` with its place, problem and help; `KeyboardInterrupt`;
/// `jetfit.RunError` for all others.
pub fn exception(error: Error) -> PyErr {
    Python::attach(|py| of(py, &error).unwrap_or_else(|failed| failed))
}

fn of(py: Python, error: &Error) -> PyResult<PyErr> {
    let text = error.to_string();
    if matches!(error, Error::Interrupted { .. }) {
        return Ok(PyKeyboardInterrupt::new_err(text));
    }
    let classes = py.import("jetfit.errors")?;
    let exception = match error {
        Error::Input(input) => {
            classes.getattr("InputError")?.call1((text, &input.place, &input.problem, &input.help))?
        }
        _ => classes.getattr("RunError")?.call1((text,))?,
    };
    Ok(PyErr::from_value(exception))
}
