//! Values and derivatives of a model at arrays of points.

use crate::backend::Backend;
use crate::device;
use crate::error::{Error, Result};
use crate::jet::{Derivative, JetLayout, Jets};
use crate::network::Model;
use crate::numbers::Precision;
use crate::predict;

/// A model on a device, for many evaluations.
pub struct Evaluator {
    model: Model,
    backend: Box<dyn Backend>,
}

/// Evaluation in f64 on the CPU. Points are given as columns, one for each input (D, B), in your units.
impl Model {
    /// Loads the model on a device: `auto`, `cpu`, `gpu`, or part of a GPU's name; f64 runs only on the CPU.
    ///
    /// # Errors
    /// [`Error::Input`] for an unknown device, [`Error::Device`] if it cannot be opened.
    pub fn on(&self, device: &str, precision: Precision) -> Result<Evaluator> {
        Ok(Evaluator { backend: device::open(device, precision, 0, self)?, model: self.clone() })
    }

    /// The values: a column for each output (M, B).
    ///
    /// # Errors
    /// [`Error::Input`] for a number of columns other than D, and columns of different lengths.
    pub fn values<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Vec<Vec<f64>>> {
        self.on("cpu", Precision::F64)?.values(points)
    }

    /// The values and all first and second derivatives.
    ///
    /// # Errors
    /// Those of [`Model::values`], and a network without second derivatives, such as one of ReLU.
    pub fn jets<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Jets> {
        self.on("cpu", Precision::F64)?.jets(points)
    }

    /// The Laplacian Σ ∂²u/∂xᵢ² of each output (M, B).
    ///
    /// # Errors
    /// Those of [`Model::jets`].
    pub fn laplacian<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Vec<Vec<f64>>> {
        self.on("cpu", Precision::F64)?.laplacian(points)
    }

    /// The Hessian matrix of each output at each point: `hessian[output][point]` has D·D numbers, row by row.
    ///
    /// # Errors
    /// Those of [`Model::jets`].
    pub fn hessian<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Vec<Vec<Vec<f64>>>> {
        self.on("cpu", Precision::F64)?.hessian(points)
    }
}

/// As the methods of [`Model`], on this device.
impl Evaluator {
    /// The device, readable: `cpu (2 threads, AVX-512)`.
    pub fn device(&self) -> String {
        self.backend.device()
    }

    /// The values: a column for each output (M, B).
    ///
    /// # Errors
    /// [`Error::Input`] for a number of columns other than D, and columns of different lengths.
    pub fn values<X: AsRef<[f64]>>(&mut self, points: &[X]) -> Result<Vec<Vec<f64>>> {
        let jets = self.layout(points, &JetLayout::value(self.model.inputs.len()))?;
        Ok(self.columns(&jets, Derivative::Value))
    }

    /// The values and all first and second derivatives.
    ///
    /// # Errors
    /// Those of [`Evaluator::values`], and a network without second derivatives.
    pub fn jets<X: AsRef<[f64]>>(&mut self, points: &[X]) -> Result<Jets> {
        self.layout(points, &JetLayout::full(self.model.inputs.len()))
    }

    /// The Laplacian of each output (M, B).
    ///
    /// # Errors
    /// Those of [`Evaluator::jets`].
    pub fn laplacian<X: AsRef<[f64]>>(&mut self, points: &[X]) -> Result<Vec<Vec<f64>>> {
        let jets = self.layout(points, &JetLayout::collapsed(&vec![1.0; self.model.inputs.len()]))?;
        Ok(self.columns(&jets, Derivative::Laplacian))
    }

    /// The Hessian matrix of each output at each point, row by row.
    ///
    /// # Errors
    /// Those of [`Evaluator::jets`].
    pub fn hessian<X: AsRef<[f64]>>(&mut self, points: &[X]) -> Result<Vec<Vec<Vec<f64>>>> {
        let jets = self.jets(points)?;
        let inputs = self.model.inputs.len();
        let of_output = |output| {
            let mut matrices = vec![vec![0.0; inputs * inputs]; jets.points()];
            for i in 0..inputs {
                for j in i..inputs {
                    let column = jets.entry(output, Derivative::Second(i, j)).expect("a full layout");
                    for (matrix, value) in matrices.iter_mut().zip(column) {
                        (matrix[i * inputs + j], matrix[j * inputs + i]) = (*value, *value);
                    }
                }
            }
            matrices
        };
        Ok((0..self.model.outputs.len()).map(of_output).collect())
    }

    /// The derivatives of a layout: fewer of them cost less.
    ///
    /// # Errors
    /// Those of [`Evaluator::jets`], for the derivatives of the layout.
    pub fn layout<X: AsRef<[f64]>>(&mut self, points: &[X], layout: &JetLayout) -> Result<Jets> {
        let points: Vec<Vec<f64>> = points.iter().map(|column| column.as_ref().to_vec()).collect();
        self.layout_of(&points, layout)
    }

    /// The same for columns as devices read them, which are not copied.
    ///
    /// # Errors
    /// Those of [`Evaluator::layout`].
    pub fn layout_of(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        let inputs = self.model.inputs.len();
        if points.len() != inputs {
            let problem = format!("got {} columns for a network with {inputs} inputs", points.len());
            let help = format!("pass one column per input: {}", self.model.inputs.join(", "));
            return Err(Error::input("points", problem, help));
        }
        if points.iter().any(|column| column.len() != points[0].len()) {
            return Err(Error::input("points", "the columns have different lengths", "pass columns of equal length"));
        }
        let outputs = self.model.derivatives();
        outputs.supports(&outputs.jets(layout), layout.laplacian(), "derivatives")?;
        if points[0].is_empty() {
            return Ok(Jets { layout: layout.clone(), outputs: self.model.outputs.len(), values: vec![] });
        }
        predict::jets(&self.model, self.backend.as_mut(), points, layout)
    }

    fn columns(&self, jets: &Jets, derivative: Derivative) -> Vec<Vec<f64>> {
        let column = |output| jets.entry(output, derivative).expect("a channel of the layout").to_vec();
        (0..self.model.outputs.len()).map(column).collect()
    }
}
