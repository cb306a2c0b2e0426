//! A model on a device.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jetfit::export::Export;
use jetfit::jet::Seconds;
use jetfit::network::model_path;
use jetfit::{Activation, Error, Evaluator, JetLayout, Jets, Model, Precision};
use numpy::{PyArray3, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::json;

use crate::arrays::{array, columns};
use crate::errors::exception;

/// A model and the device that it is evaluated on, which is opened with the first points.
#[pyclass(frozen, module = "jetfit._jetfit")]
pub struct Core {
    model: Model,
    device: String,
    precision: Precision,
    opened: Mutex<Option<Opened>>,
}

/// An evaluator, and the process that opened it: the threads of a parent are not those of its fork.
struct Opened {
    process: u32,
    evaluator: Evaluator,
}

/// The names of all activations.
#[pyfunction]
pub fn activations() -> Vec<&'static str> {
    Activation::ALL.map(Activation::name).into()
}

impl Core {
    /// What is evaluated.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// On the CPU in f64.
    pub fn new(model: Model) -> Self {
        Self { model, device: "cpu".to_string(), precision: Precision::F64, opened: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Evaluator) -> jetfit::error::Result<T>) -> jetfit::error::Result<T> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        // Nothing may wait for threads that are not there.
        opened.take_if(|opened| opened.process != process).into_iter().for_each(std::mem::forget);
        let opened = match &mut *opened {
            Some(opened) => opened,
            none => none.insert(Opened { process, evaluator: self.model.on(&self.device, self.precision)? }),
        };
        work(&mut opened.evaluator)
    }

    fn layout(&self, order: usize, second: &str) -> PyResult<JetLayout> {
        let inputs = self.model.inputs.len();
        let seconds = Seconds::ALL.into_iter().find(|seconds| seconds.name() == second).ok_or_else(|| {
            let known = Seconds::ALL.map(Seconds::name).join(", ");
            exception(Error::input("second", format!("unknown choice {second:?}"), format!("use one of: {known}")))
        })?;
        seconds.affordable(order, inputs, "order").map_err(exception)?;
        Ok(seconds.layout(order, inputs))
    }
}

#[pymethods]
impl Core {
    /// Reads a model file, or that of a run directory.
    #[staticmethod]
    fn read(path: PathBuf) -> PyResult<Self> {
        let model = model_path(&path).and_then(Model::read);
        model.map(Self::new).map_err(exception)
    }

    /// Reads the bytes of a model file.
    #[staticmethod]
    fn of_bytes(bytes: &[u8]) -> PyResult<Self> {
        Model::of_bytes(bytes).map(Self::new).map_err(exception)
    }

    /// The bytes of the model file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.model.to_bytes())
    }

    /// Writes the model file.
    fn write(&self, path: PathBuf) -> PyResult<()> {
        self.model.write(path).map_err(exception)
    }

    /// The same model on another device.
    fn on(&self, py: Python, device: String, precision: &str) -> PyResult<Self> {
        let precision: Precision = precision.parse().map_err(exception)?;
        let core = Self { device, precision, ..Self::new(self.model.clone()) };
        py.detach(|| core.with(|_| Ok(()))).map_err(exception)?;
        Ok(core)
    }

    /// The device, readable.
    #[getter]
    fn device(&self, py: Python) -> PyResult<String> {
        py.detach(|| self.with(|evaluator| Ok(evaluator.device()))).map_err(exception)
    }

    /// What the model is, as JSON.
    fn describe(&self) -> String {
        let Model { inputs, outputs, spec, normalizer, precision, ranges, .. } = &self.model;
        let hidden = || spec.networks.iter().flat_map(|network| &network.hidden);
        let description = json!({
            "inputs": inputs,
            "outputs": outputs,
            "hidden": spec.widths(),
            "activations": hidden().map(|layer| layer.activation.name()).collect::<Vec<_>>(),
            "skips": hidden().map(|layer| layer.skip).collect::<Vec<_>>(),
            "scaling": {"inputs": normalizer.inputs, "outputs": normalizer.outputs},
            "coefficients": self.model.coefficients_with_errors(None),
            "ranges": ranges,
            "precision": precision.name(),
            "parameters": spec.parameters(),
        });
        description.to_string()
    }

    /// The jets (M, C, B) at points (B, D): of each output the channels of the layout up to an order from 0 to 4 and with
    /// the derivatives that `second` chooses, `diagonal`, `laplacian` or `full`.
    fn jets<'py>(
        &self,
        py: Python<'py>,
        points: PyReadonlyArray2<'py, f64>,
        order: usize,
        second: &str,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let (columns, layout) = (columns(&points), self.layout(order, second)?);
        let jets: Jets =
            py.detach(|| self.with(|evaluator| evaluator.layout_of(&columns, &layout))).map_err(exception)?;
        array(py, jets)
    }

    /// A file for another program, as bytes.
    fn export<'py>(
        &self,
        py: Python<'py>,
        format: &str,
        order: usize,
        second: &str,
        precision: &str,
        name: String,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let seconds = Seconds::ALL.into_iter().find(|seconds| seconds.name() == second).filter(|_| order <= 2);
        let seconds = seconds.ok_or_else(|| {
            let known = Seconds::ALL.map(Seconds::name).join(", ");
            exception(Error::input(
                "export",
                format!("no {second:?} of order {order}"),
                format!("order: 0, 1, 2; second: {known}"),
            ))
        })?;
        let written = || {
            let layout = seconds.layout(order, self.model.inputs.len());
            let outputs = self.model.derivatives();
            outputs.supports(&outputs.jets(&layout), layout.laplacian(), "order")?;
            Export { format: format.parse()?, order, seconds, precision: precision.parse()?, name }.bytes(&self.model)
        };
        written().map(|bytes| PyBytes::new(py, &bytes)).map_err(exception)
    }

    /// The columns' names of a layout (M, C).
    fn columns(&self, order: usize, second: &str) -> PyResult<Vec<Vec<String>>> {
        let layout = self.layout(order, second)?;
        let of = |output: &String| layout.derivatives().map(|d| d.column(output, &self.model.inputs)).collect();
        Ok(self.model.outputs.iter().map(of).collect())
    }

    /// W (out, in) row by row and b (out) of each layer, with their shapes, in standardised space.
    fn layers(&self) -> Vec<(usize, usize, Vec<f64>, Vec<f64>)> {
        let part = |range: std::ops::Range<usize>| self.model.parameters[range].to_vec();
        let layers = self.model.spec.layers().into_iter();
        layers.map(|layer| (layer.outputs, layer.inputs, part(layer.weights()), part(layer.biases()))).collect()
    }
}
