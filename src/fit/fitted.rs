//! A fitted network.

use std::path::Path;

use crate::error::Result;
use crate::jet::{Activation, Jets};
use crate::network::{Coefficient, Model};
use crate::run::results::Summary;
use crate::run::scores::Score;
use crate::trainer::Stop;

/// A fitted network with its report. It evaluates in f64 on the CPU; see [`Model::on`] for other devices.
#[derive(Clone, Debug)]
pub struct Fitted {
    model: Model,
    report: FitReport,
    warnings: Vec<String>,
}

/// How a training went.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FitReport {
    /// The device.
    pub device: String,
    /// Steps done.
    pub steps: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Why training ended.
    pub stop: Stop,
    /// The weighted training loss of the network that was kept.
    pub training_loss: f64,
    /// Its weighted validation loss, if anything is validated.
    pub validation_loss: Option<f64>,
    /// The loss of each term.
    pub terms: Vec<TermLoss>,
    /// The misfit of each column, in its units.
    pub scores: Vec<Score>,
    /// The widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// The activation.
    pub activation: Activation,
    /// The trained coefficients.
    pub coefficients: Vec<Coefficient>,
}

/// The mean square of a term's residuals, each divided by the term's scale.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TermLoss {
    /// The term, or the column of the data.
    pub name: String,
    /// At the training points.
    pub training: f64,
    /// At validation points, if there are any.
    pub validation: Option<f64>,
}

impl Fitted {
    pub(super) fn new(model: Model, summary: Summary, device: String, warnings: Vec<String>) -> Self {
        let losses = summary.losses;
        let validation =
            |name: &str| losses.validation_terms.iter().find(|term| term.name == name).map(|term| term.value);
        let term = |term: &crate::run::results::Named| TermLoss {
            name: term.name.clone(),
            training: term.value,
            validation: validation(&term.name),
        };
        let report = FitReport {
            device,
            steps: summary.steps,
            seconds: summary.seconds,
            stop: summary.stop,
            training_loss: losses.training,
            validation_loss: losses.validation,
            terms: losses.training_terms.iter().map(term).collect(),
            scores: summary.scores,
            hidden: model.spec.widths(),
            activation: model.spec.roughest(),
            coefficients: summary.coefficients,
        };
        Self { model, report, warnings }
    }

    /// The values at points (D, B): a column for each output (M, B), in your units.
    ///
    /// # Errors
    /// Those of [`Model::values`].
    pub fn values<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Vec<Vec<f64>>> {
        self.model.values(points)
    }

    /// The values and all first and second derivatives at points (D, B), in your units.
    ///
    /// # Errors
    /// Those of [`Model::jets`].
    pub fn jets<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Jets> {
        self.model.jets(points)
    }

    /// The Laplacian Σ ∂²u/∂xᵢ² of each output at points (D, B): (M, B).
    ///
    /// # Errors
    /// Those of [`Model::laplacian`].
    pub fn laplacian<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Vec<Vec<f64>>> {
        self.model.laplacian(points)
    }

    /// The Hessian matrix of each output at each point: `hessian[output][point]` has D·D numbers, row by row.
    ///
    /// # Errors
    /// Those of [`Model::hessian`].
    pub fn hessian<X: AsRef<[f64]>>(&self, points: &[X]) -> Result<Vec<Vec<Vec<f64>>>> {
        self.model.hessian(points)
    }

    /// The network with its names and scaling.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Writes the model, which `jetfit predict`, [`Model::read`] and safetensors readers understand.
    ///
    /// # Errors
    /// [`crate::Error::Io`] and [`crate::Error::Input`] for a path that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.model.write(path)
    }

    /// Where the result may be wrong, and what to do about it.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Losses, steps and why training ended.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// A trained coefficient, by name.
    pub fn coefficient(&self, name: &str) -> Option<f64> {
        self.report
            .coefficients
            .iter()
            .find(|coefficient| coefficient.name == name)
            .map(|coefficient| coefficient.value)
    }
}
