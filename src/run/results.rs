//! What a trained job leaves for people: predictions, pictures, the report.

use serde::Serialize;

use crate::backend::Backend;
use crate::certificate::{self, TermFinding};
use crate::data::PointSet;
use crate::error::Result;
use crate::files;
use crate::jet::{Entry, Jets};
use crate::job::{Job, Stage};
use crate::network::definitions::{Definitions, quantities};
use crate::network::{Coefficient, Model};
use crate::predict::{Predictions, Source, Trained};
use crate::problem::Problem;
use crate::run::directory::RunDir;
use crate::run::ensemble::Ensemble;
use crate::run::truth::Truths;
use crate::run::{Ended, pictures, warnings};
use crate::trainer::{Over, Stop};

/// What the job asks for once it is trained, read before the training.
pub struct Wanted {
    /// (D, B)
    pub points: Vec<Vec<f64>>,
    pub truth: Option<Truths>,
    definitions: Definitions,
}

impl Wanted {
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

/// `report.json`: what a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The run directory's name.
    pub name: String,
    /// The run directory.
    pub directory: String,
    /// What it ran on.
    pub device: String,
    /// Weights and biases, and coefficients.
    pub parameters: usize,
    /// The coefficients as they were trained.
    pub coefficients: Vec<Coefficient>,
    /// Rows that were fitted.
    pub training_rows: usize,
    /// Rows that judged.
    pub validation_rows: usize,
    /// Fresh points that judged, over all sampled sets.
    pub fresh_points: usize,
    /// Why it ended: `steps`, `converged`, `no_descent`, `early_stopping`, `max_seconds`, `interrupted` or
    /// `diverged`.
    pub stop: &'static str,
    /// The stages that were begun, in order.
    pub stages: Vec<StageSummary>,
    /// Steps done.
    pub steps: u64,
    /// The step of the parameters that were kept, where they are not the last.
    pub best_step: Option<u64>,
    /// Seconds of training, over all calls.
    pub seconds: f64,
    /// Steps a second of this call; none where all were done before it.
    pub steps_per_second: Option<f64>,
    /// The losses of the trained network.
    pub losses: Losses,
    /// The terms' losses and gradients on the device against f64, where products were of halves.
    pub accuracy: Vec<TermFinding>,
    /// How far the network is from the truth, by entry.
    pub relative_errors: Vec<RelativeError>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What a stage came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageSummary {
    /// Its optimizer.
    pub optimizer: &'static str,
    /// Its steps.
    pub steps: u64,
    /// Seconds of training in it.
    pub seconds: f64,
    /// The weighted loss over all points after it.
    pub loss: f64,
    /// Why it ended, as [`Summary::stop`].
    pub stop: String,
}

/// The loss over all rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Losses {
    /// Weighted, over the training rows.
    pub training: f64,
    /// Weighted, over the validation rows and fresh points; what is not judged counts as it is trained.
    pub validation: Option<f64>,
    /// Each term's mean square over the training rows and points, unweighted.
    pub training_terms: Vec<Named>,
    /// Each term's mean square over the validation rows, or over fresh points of its own region, unweighted; without the
    /// terms that have neither.
    pub validation_terms: Vec<Named>,
    /// What a residual of 1 means in each term, in the units of its equation or column.
    pub scales: Vec<Named>,
}

/// How far an entry is from the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RelativeError {
    /// The entry.
    pub name: String,
    /// ‖ours − truth‖/‖truth‖
    pub value: f64,
    /// The points that count: where the truth is finite and the terms live.
    pub points: usize,
    /// All points of the truth.
    pub of: usize,
}

/// A number with its name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    /// The entry's or the term's name.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// Evaluates the trained network as the job asks, and writes everything but the model. A run that
/// was interrupted or diverged leaves its report alone.
pub fn write(
    job: &Job,
    problem: &Problem,
    wanted: &Wanted,
    model: &Model,
    ended: &Ended,
    backend: &mut dyn Backend,
    directory: &RunDir,
) -> Result<Summary> {
    let is_done = !matches!(ended.stop, Stop::Interrupted | Stop::Diverged(_));
    let mut summary = summary(job, problem, model, ended, backend.device());
    if is_done {
        summary.warnings.extend(warnings::of_run(problem, ended, backend)?);
        let source = &mut Trained { model, backend };
        if let Some(truth) = &wanted.truth {
            summary.relative_errors = relative_errors(job, source, truth)?;
            summary.warnings.extend(truth_warnings(job, truth, &summary.relative_errors));
        }
        summary.warnings.extend(problem.warnings(job, &ended.state.adapted)?);
        summary.warnings.extend(predictions(job, wanted, source, 1, directory)?);
        pictures::of_model(job, problem, wanted, source, directory)?;
        pictures::of_training(job, problem, directory)?;
        if job.device.precision.halves() > 0 {
            let of = (job.device.precision, job.device.threads);
            summary.accuracy = certificate::accuracy(model, &problem.sets, backend, of)?;
        }
    }
    let report = serde_json::to_string_pretty(&summary).expect("a report of numbers and names");
    files::write_text(&directory.report(), &format!("{report}\n"))?;
    Ok(summary)
}

fn summary(job: &Job, problem: &Problem, model: &Model, ended: &Ended, device: String) -> Summary {
    let training = problem.total(&ended.training, &ended.state.adapted);
    let named = |(name, value): (&String, Option<f64>)| value.map(|value| Named { name: name.clone(), value });
    let training_terms = ended.terms.iter().zip(ended.training.iter().copied().map(Some)).filter_map(named).collect();
    let judged: Vec<Named> = ended.terms.iter().zip(ended.validation.iter().copied()).filter_map(named).collect();
    Summary {
        name: job.name(),
        directory: job.output.display().to_string(),
        device,
        parameters: model.spec.parameters(),
        coefficients: model.coefficients_with_errors(ended.standard_errors.as_deref()),
        training_rows: problem.rows(),
        validation_rows: problem.validation().map_or(0, PointSet::points),
        fresh_points: problem.fresh_points(),
        stop: ended.stop.name(),
        stages: stages(job, ended, training),
        steps: ended.state.step,
        best_step: ended.best_step,
        seconds: ended.state.seconds,
        steps_per_second: (ended.steps_now > 0).then(|| ended.steps_now as f64 / ended.seconds_now),
        losses: Losses {
            training,
            validation: (!judged.is_empty()).then(|| problem.judged(&ended.training, &ended.validation)),
            training_terms,
            validation_terms: judged,
            scales: problem.terms().map(|term| Named { name: term.name.clone(), value: term.scale }).collect(),
        },
        accuracy: vec![],
        relative_errors: vec![],
        warnings: job.warnings.clone(),
    }
}

/// Those that are over, and the last.
fn stages(job: &Job, ended: &Ended, loss: f64) -> Vec<StageSummary> {
    let Ended { state, stop, .. } = ended;
    let last = Over { step: state.step, seconds: state.seconds, loss, stop: stop.name().to_string() };
    let all = state.over.iter().chain([&last]);
    let mut before = (0, 0.0);
    let summary = |(stage, over): (&Stage, &Over)| {
        let (step, seconds) = std::mem::replace(&mut before, (over.step, over.seconds));
        StageSummary {
            optimizer: stage.optimizer.kind.name(),
            steps: over.step - step,
            seconds: over.seconds - seconds,
            loss: over.loss,
            stop: over.stop.clone(),
        }
    };
    job.stages.iter().zip(all).map(summary).collect()
}

fn relative_errors(job: &Job, source: &mut dyn Source, truth: &Truths) -> Result<Vec<RelativeError>> {
    let names = quantities(&job.prediction_scope());
    let known = truth.known();
    let mut errors = vec![];
    for entry in known.entries {
        if let Some((value, points)) = known.relative_error(source, *entry)? {
            let name = entry.column(&job.inputs, &names);
            errors.push(RelativeError { name, value, points, of: known.points[0].len() });
        }
    }
    Ok(errors)
}

/// What of the truth was not compared, and why.
fn truth_warnings(job: &Job, truth: &Truths, errors: &[RelativeError]) -> Vec<String> {
    let names = quantities(&job.prediction_scope());
    let known = truth.known();
    let is_unknown = |(_, column): &(&Entry, &Vec<f64>)| column.iter().all(|value| value.is_nan());
    let unknown = known.entries.iter().zip(known.columns).filter(is_unknown);
    let unknown: Vec<String> = unknown.map(|(entry, _)| entry.column(&job.inputs, &names)).collect();
    let mut warnings = vec![];
    if !unknown.is_empty() {
        warnings.push(format!(
            "no error of {}: the truth is finite at none of the points where the terms live",
            unknown.join(", ")
        ));
    }
    if !truth.left_out.is_empty() {
        warnings.push(format!(
            "the truth goes through a jump in {}, whose error is left out; name what is true there under [truth]",
            truth.left_out.join(", ")
        ));
    }
    warnings.extend(errors.iter().filter(|error| !error.value.is_finite()).map(|error| {
        format!("the error of {} is no number: the network is not finite where its truth is", error.name)
    }));
    warnings
}

/// Writes the mean and the spread of an ensemble at the points of the job, with pictures. Gives the relative errors of
/// the mean, the relative spreads, and what is to be said of the predictions.
pub(crate) fn of_ensemble(
    job: &Job,
    problem: &Problem,
    wanted: &Wanted,
    ensemble: &mut Ensemble,
    directory: &RunDir,
) -> Result<(Vec<RelativeError>, Vec<Named>, Vec<String>)> {
    let errors = wanted.truth.as_ref().map_or(Ok(vec![]), |truth| relative_errors(job, ensemble, truth))?;
    let members = ensemble.count();
    let warnings = predictions(job, wanted, ensemble, members, directory)?;
    pictures::of_model(job, problem, wanted, ensemble, directory)?;
    let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
    let (mean, spread) = ensemble.jets_with_spread(&wanted.points, &layout)?;
    let square = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    let mut spreads = vec![];
    for (output, name) in job.outputs.iter().enumerate() {
        for derivative in layout.derivatives() {
            let of = |jets: &Jets| square(jets.entry(output, derivative).expect("a channel of the layout"));
            let value = spread.as_ref().map_or(0.0, |spread| (of(spread) / of(&mean)).sqrt());
            spreads.push(Named { name: derivative.column(name, &job.inputs), value });
        }
    }
    Ok((errors, spreads, warnings))
}

/// Writes the predictions; gives what is to be said of them.
fn predictions(
    job: &Job,
    wanted: &Wanted,
    source: &mut dyn Source,
    members: usize,
    directory: &RunDir,
) -> Result<Vec<String>> {
    let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
    let path = directory.predictions();
    files::write_atomically(&path, |writer| {
        let place = path.display().to_string();
        let what = (&layout, &wanted.definitions);
        let mut file = Predictions::new(writer, &place, source.model(), members, what);
        file.points(&wanted.points, source, |_| Ok(()))?;
        Ok(file.warnings())
    })
}
