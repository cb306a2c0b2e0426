//! What a training would be, without it: rows, points, channels, parameters, memory, stages and device.

use serde::Serialize;

use crate::device;
use crate::error::Result;
use crate::jet::JetLayout;
use crate::job::{Job, Length, Stage};
use crate::problem::{Problem, TermSet};
use crate::run::{memory, settle, training};

/// What would be trained.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rehearsal {
    /// The run directory.
    pub directory: String,
    /// The device that was opened for it.
    pub device: String,
    /// The number of training rows.
    pub training_rows: usize,
    /// The number of validation rows.
    pub validation_rows: usize,
    /// The sets of points with their terms.
    pub sets: Vec<Set>,
    /// The widths of the network: what the first layer reads, the hidden layers, the outputs.
    pub widths: Vec<usize>,
    /// Weights, biases and coefficients.
    pub parameters: usize,
    /// The stages, in order.
    pub stages: Vec<Phase>,
    /// Networks that are trained.
    pub ensemble: usize,
    /// Points of the predictions.
    pub prediction_points: usize,
    /// Bytes at the peak, about.
    pub memory: f64,
    /// What short trainings would settle first.
    pub open: Vec<String>,
    /// What the user should be told.
    pub warnings: Vec<String>,
}

/// Points and the terms on them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Set {
    /// Its points.
    pub points: usize,
    /// The network is evaluated at so many places for each point.
    pub places: usize,
    /// The channels that travel through the network, as the derivatives of an output `u`; of several networks as those of
    /// the first output of each that is read.
    pub channels: Vec<String>,
    /// Its terms.
    pub terms: Vec<Posed>,
}

/// A term.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Posed {
    /// Its name.
    pub name: String,
    /// Its weight.
    pub weight: f64,
    /// What a residual of 1 means.
    pub scale: f64,
    /// At how many of the points it counts; the others were not measured.
    pub counted: usize,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Phase {
    /// Its optimizer.
    pub optimizer: &'static str,
    /// Its steps at most.
    pub steps: u64,
    /// Rows in a step; all of them where there is none.
    pub batch_size: Option<usize>,
}

/// Reads and poses a job, and opens its device.
///
/// # Errors
/// Those of a training before its first step.
pub fn rehearse(job: &Job) -> Result<Rehearsal> {
    let problem = training::pose(job)?;
    let (job, problem, open) = settle::foreseen(job, problem)?;
    let model = problem.model(&job);
    let backend = device::open(&job.device.name, job.device.precision, job.device.threads, &model)?;
    let prediction_points = problem.prediction_points(&job)?.first().map_or(0, Vec::len);
    let spec = &model.spec;
    // Of several networks the output of each stands before what the next one reads.
    let widths = spec.layers_of_each().into_iter().flat_map(|layers| {
        let last = layers.last().map(|layer| layer.outputs);
        layers.into_iter().map(|layer| layer.inputs).chain(last).collect::<Vec<_>>()
    });
    Ok(Rehearsal {
        directory: job.output.display().to_string(),
        device: backend.device(),
        training_rows: problem.rows(),
        validation_rows: problem.validation().map_or(0, |rows| rows.points()),
        sets: problem.sets.iter().map(|set| of_set(set, &problem, &job)).collect(),
        widths: widths.collect(),
        parameters: spec.parameters(),
        stages: job.stages.iter().map(|stage| phase(stage, problem.rows())).collect(),
        ensemble: job.training.ensemble,
        prediction_points,
        memory: memory::needed(&job, &problem),
        open,
        warnings: job.warnings.clone(),
    })
}

fn of_set(set: &TermSet, problem: &Problem, job: &Job) -> Set {
    let wirings = job.network_spec().wirings(job.inputs.len());
    let compiled = set.loss.compile(&problem.normalizer, &wirings);
    let networks = job.networks.iter().zip(&compiled.layouts).flat_map(|(network, layout)| {
        let output = if job.networks.len() == 1 { "u" } else { network.outputs[0].as_str() };
        layout.iter().flat_map(|layout| channels(layout, output, &network.inputs)).collect::<Vec<_>>()
    });
    let terms = set.loss.terms.iter().enumerate().map(|(k, term)| Posed {
        name: term.name.clone(),
        weight: term.weight,
        scale: term.scale,
        counted: set.counted(k),
    });
    Set {
        points: set.points.points(),
        places: compiled.places.count(),
        channels: networks.collect(),
        terms: terms.collect(),
    }
}

fn channels(layout: &JetLayout, output: &str, inputs: &[String]) -> Vec<String> {
    layout.derivatives().map(|derivative| derivative.column(output, inputs)).collect()
}

fn phase(stage: &Stage, rows: usize) -> Phase {
    let batch_size = stage.batch_size.filter(|size| *size < rows || matches!(stage.length, Length::Epochs(_)));
    Phase { optimizer: stage.optimizer.kind.name(), steps: stage.steps(rows), batch_size }
}
