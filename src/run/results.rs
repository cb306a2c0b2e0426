//! What a trained job leaves for people: predictions, pictures, the report.

use serde::Serialize;

use crate::backend::Backend;
use crate::certificate::TermFinding;
use crate::data::PointSet;
use crate::error::Result;
use crate::jet::Entry;
use crate::job::{Job, Points, Stage};
use crate::network::definitions::{Definitions, quantities};
use crate::network::{Coefficient, Model};
use crate::predict::{Predictions, Source, Trained};
use crate::problem::Problem;
use crate::run::directory::RunDir;
use crate::run::provenance::Provenance;
use crate::run::scores::{Score, scores};
use crate::run::truth::Truths;
use crate::run::{pictures, warnings};
use crate::trainer::{Outcome, StageEnd, Stop};
use crate::{certificate, files};

/// Points of the data from which on predictions there are only written where the job names them.
const MOST_UNASKED: usize = 100_000;

/// What to predict and compare after training, read before training starts.
pub struct PredictionPlan {
    /// (D, B)
    pub(crate) points: Vec<Vec<f64>>,
    pub(crate) truth: Option<Truths>,
    definitions: Definitions,
}

impl PredictionPlan {
    /// # Errors
    /// Those of the files that the job names, and of the truth's expressions.
    pub fn read(job: &Job, problem: &Problem) -> Result<Self> {
        let points = problem.prediction_points(job)?;
        let truth = job.truth.as_ref().map(|truth| Truths::read(job, truth, &points)).transpose()?;
        let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
        let names = &job.predictions.definitions;
        let definitions = Definitions::read("predictions.definitions", &job.prediction_scope(), names, &layout)?;
        Ok(Self { points, truth, definitions })
    }
}

/// `report.json`: the result of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The run directory's name.
    pub name: String,
    /// The run directory.
    pub directory: String,
    /// The device.
    pub device: String,
    /// Weights and biases, and coefficients.
    pub parameters: usize,
    /// The trained coefficients.
    pub coefficients: Vec<Coefficient>,
    /// The number of training rows.
    pub training_rows: usize,
    /// The number of validation rows.
    pub validation_rows: usize,
    /// Columns of the data with cells in which nothing was measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<Measured>,
    /// The number of fresh validation points, over all sampled sets.
    pub fresh_points: usize,
    /// Why it ended.
    pub stop: Stop,
    /// The stages that were started, in order.
    pub stages: Vec<StageSummary>,
    /// Steps done.
    pub steps: u64,
    /// The step of the parameters that were kept, if they are not the last.
    pub best_step: Option<u64>,
    /// Seconds of training, over all calls.
    pub seconds: f64,
    /// Steps per second of this call; none if all steps were done before.
    pub steps_per_second: Option<f64>,
    /// The losses of the trained network.
    pub losses: Losses,
    /// The misfit of each column of the data, in its units.
    pub scores: Vec<Score>,
    /// The accuracy of losses and gradients against f64, if products were in f16.
    pub accuracy: Vec<TermFinding>,
    /// The relative error against the truth, by entry.
    pub relative_errors: Vec<RelativeError>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Where the result comes from.
    pub provenance: Provenance,
}

/// A column of the data that was not measured in every training row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Measured {
    /// Its entry.
    pub name: String,
    /// Training rows in which it was measured.
    pub rows: usize,
    /// All training rows.
    pub of: usize,
}

/// The result of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StageSummary {
    /// Its optimizer.
    pub optimizer: &'static str,
    /// Its steps.
    pub steps: u64,
    /// Seconds of training in it.
    pub seconds: f64,
    /// The weighted loss over all points after it.
    pub loss: f64,
    /// Why it ended.
    pub stop: Stop,
}

/// The loss over all rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Losses {
    /// Weighted, over the training rows.
    pub training: f64,
    /// Weighted, over the validation rows and fresh points; terms without validation count with their training loss.
    pub validation: Option<f64>,
    /// Each term's mean square over the training rows and points, unweighted.
    pub training_terms: Vec<Named>,
    /// Each term's mean square over the validation rows, or over fresh points of its own region, unweighted; without the
    /// terms that have neither.
    pub validation_terms: Vec<Named>,
    /// What a residual of 1 means in each term, in the units of its equation or column.
    pub scales: Vec<Named>,
}

/// The relative error of an entry against the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RelativeError {
    /// The entry.
    pub name: String,
    /// ‖ours − truth‖/‖truth‖
    pub value: f64,
    /// The points that count: where the truth is finite and the equations hold.
    pub points: usize,
    /// All points of the truth.
    pub of: usize,
}

/// A number with its name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Named {
    /// The entry's or the term's name.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// Evaluates the trained network as the job requests, and writes everything except the model. An interrupted or
/// diverged run writes only its report.
pub fn write(
    job: &Job,
    problem: &Problem,
    plan: &PredictionPlan,
    model: &Model,
    outcome: &Outcome,
    backend: &mut dyn Backend,
    directory: &RunDir,
) -> Result<Summary> {
    let is_done = !matches!(outcome.stop, Stop::Interrupted | Stop::Diverged);
    let mut summary = summary(job, problem, model, outcome, backend.device());
    if is_done {
        summary.warnings.extend(warnings::of_run(problem, outcome, backend)?);
        let source = &mut Trained { model, backend };
        if let (Some(data), Some(rows)) = (&job.data, &problem.data) {
            summary.scores = scores(data, rows, source)?;
        }
        if let Some(truth) = &plan.truth {
            summary.relative_errors = relative_errors(job, source, truth)?;
            summary.warnings.extend(truth_warnings(job, truth, &summary.relative_errors));
        }
        summary.warnings.extend(problem.warnings(job, &outcome.state.adapted, &model.coefficient_values())?);
        summary.warnings.extend(predictions(job, plan, source, 1, directory)?);
        pictures::of_model(job, problem, plan, source, directory)?;
        pictures::of_training(job, problem, directory)?;
        if job.device.precision.f16_parts() > 0 {
            let of = (job.device.precision, job.device.threads);
            summary.accuracy = certificate::accuracy(model, &problem.sets, backend, of)?;
        }
    }
    let report = serde_json::to_string_pretty(&summary).expect("a report of numbers and names");
    files::write_text(&directory.report(), &format!("{report}\n"))?;
    Ok(summary)
}

pub(crate) fn summary(job: &Job, problem: &Problem, model: &Model, outcome: &Outcome, device: String) -> Summary {
    let training = problem.total(&outcome.training, &outcome.state.adapted);
    let named = |(name, value): (&String, Option<f64>)| value.map(|value| Named { name: name.clone(), value });
    let training_terms =
        outcome.terms.iter().zip(outcome.training.iter().copied().map(Some)).filter_map(named).collect();
    let judged: Vec<Named> = outcome.terms.iter().zip(outcome.validation.iter().copied()).filter_map(named).collect();
    Summary {
        name: job.name(),
        directory: job.output.display().to_string(),
        device,
        parameters: model.spec.parameters(),
        coefficients: model.coefficients_with_errors(outcome.standard_errors.as_deref()),
        training_rows: problem.rows(),
        validation_rows: problem.validation().map_or(0, PointSet::points),
        measured: measured(problem),
        fresh_points: problem.fresh_points(),
        stop: outcome.stop,
        stages: stages(job, outcome, training),
        steps: outcome.state.step,
        best_step: outcome.best_step,
        seconds: outcome.state.seconds,
        steps_per_second: (outcome.steps_now > 0).then(|| outcome.steps_now as f64 / outcome.seconds_now),
        losses: Losses {
            training,
            validation: (!judged.is_empty()).then(|| problem.validation_loss(&outcome.training, &outcome.validation)),
            training_terms,
            validation_terms: judged,
            scales: problem.terms().map(|term| Named { name: term.name.clone(), value: term.scale }).collect(),
        },
        scores: vec![],
        accuracy: vec![],
        relative_errors: vec![],
        warnings: job.warnings.clone(),
        provenance: Provenance::now(),
    }
}

/// The columns with gaps.
fn measured(problem: &Problem) -> Vec<Measured> {
    let Some(set) = problem.sets.first().filter(|_| problem.data.is_some()) else { return vec![] };
    let of = set.points.points();
    let terms = set.loss.terms.iter().enumerate();
    let counted = terms.map(|(k, term)| Measured { name: term.name.clone(), rows: set.counted(k), of });
    counted.filter(|column| column.rows < of).collect()
}

/// Those that are over, and the last.
fn stages(job: &Job, outcome: &Outcome, loss: f64) -> Vec<StageSummary> {
    let Outcome { state, stop, .. } = outcome;
    let last = StageEnd { step: state.step, seconds: state.seconds, loss, stop: *stop };
    let all = state.stage_ends.iter().chain([&last]);
    let mut before = (0, 0.0);
    let summary = |(stage, end): (&Stage, &StageEnd)| {
        let (step, seconds) = std::mem::replace(&mut before, (end.step, end.seconds));
        StageSummary {
            optimizer: stage.optimizer.kind.name(),
            steps: end.step - step,
            seconds: end.seconds - seconds,
            loss: end.loss,
            stop: end.stop,
        }
    };
    job.stages.iter().zip(all).map(summary).collect()
}

pub(crate) fn relative_errors(job: &Job, source: &mut dyn Source, truth: &Truths) -> Result<Vec<RelativeError>> {
    let names = quantities(&job.prediction_scope());
    let known = truth.reference();
    let mut errors = vec![];
    for entry in known.entries {
        if let Some((value, points)) = known.relative_error(source, *entry)? {
            let name = entry.column(&job.inputs, &names);
            errors.push(RelativeError { name, value, points, of: known.points[0].len() });
        }
    }
    Ok(errors)
}

/// Warnings about parts of the truth that were not compared.
fn truth_warnings(job: &Job, truth: &Truths, errors: &[RelativeError]) -> Vec<String> {
    let names = quantities(&job.prediction_scope());
    let known = truth.reference();
    let is_unknown = |(_, column): &(&Entry, &Vec<f64>)| column.iter().all(|value| value.is_nan());
    let unknown = known.entries.iter().zip(known.columns).filter(is_unknown);
    let unknown: Vec<String> = unknown.map(|(entry, _)| entry.column(&job.inputs, &names)).collect();
    let mut warnings = vec![];
    if !unknown.is_empty() {
        warnings.push(format!(
            "the error of {} is unknown: the truth is not finite at any point of the terms",
            unknown.join(", ")
        ));
    }
    if !truth.left_out.is_empty() {
        warnings.push(format!(
            "the error of {} is left out: the truth would be differentiated across a jump; give this derivative under \
             [truth]",
            truth.left_out.join(", ")
        ));
    }
    warnings.extend(errors.iter().filter(|error| !error.value.is_finite()).map(|error| {
        format!("the error of {} is not a number: the network is not finite where the truth is", error.name)
    }));
    warnings
}

/// Writes the predictions; returns their warnings.
pub(crate) fn predictions(
    job: &Job,
    plan: &PredictionPlan,
    source: &mut dyn Source,
    members: usize,
    directory: &RunDir,
) -> Result<Vec<String>> {
    let rows = plan.points[0].len();
    if rows > MOST_UNASKED && matches!(job.predictions.points, Points::Data) {
        let table = job.data.as_ref().map(|data| data.table.to_string()).unwrap_or_default();
        return Ok(vec![format!(
            "predictions.csv was not written: nothing asks for predictions at the {rows} training rows; set \
             predictions.points = {table:?} to have them"
        )]);
    }
    let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
    let path = directory.predictions();
    files::write_atomically(&path, |writer| {
        let place = path.display().to_string();
        let what = (&layout, &plan.definitions);
        let mut file = Predictions::new(writer, &place, source.model(), members, what, &[]);
        file.points(&plan.points, source, |_| Ok(()))?;
        Ok(file.warnings())
    })
}
