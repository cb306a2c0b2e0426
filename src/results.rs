//! What a trained job leaves for people: predictions, pictures, the report.

use serde::Serialize;

use crate::backend::Backend;
use crate::data::{Dataset, PointSet};
use crate::entry::Entry;
use crate::error::Result;
use crate::files;
use crate::job::{Data, Job, Truth, TruthSource};
use crate::network::Model;
use crate::plot::{self, Fit, Known, LossHistory, Parity, Series};
use crate::predict::Predictions;
use crate::run::Ended;
use crate::run_dir::RunDir;
use crate::trainer::Stop;

/// What the job asks for once it is trained, read before the training.
pub struct Wanted {
    /// (D, B)
    points: Vec<Vec<f64>>,
    /// The rows of the truth.
    truth: Option<PointSet>,
}

impl Wanted {
    /// # Errors
    /// Those of the files that the job names.
    pub fn read(job: &Job, data: &Dataset) -> Result<Self> {
        Ok(Self {
            points: data.prediction_points(&job.predictions.points)?,
            truth: match job.truth.as_ref().map(|truth| &truth.source) {
                Some(TruthSource::File { file, columns }) => Some(data.truth_points(file, columns)?),
                Some(TruthSource::Expressions(_)) | None => None,
            },
        })
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
    /// Weights and biases.
    pub parameters: usize,
    /// Rows that were fitted.
    pub training_rows: usize,
    /// Rows that judged.
    pub validation_rows: usize,
    /// Why it ended: `steps`, `early_stopping`, `max_seconds`, `interrupted` or `diverged`.
    pub stop: &'static str,
    /// Steps done.
    pub steps: u64,
    /// The step of the parameters that were kept, where early stopping chose them.
    pub best_step: Option<u64>,
    /// Seconds of training, over all calls.
    pub seconds: f64,
    /// Steps a second of this call; none where all were done before it.
    pub steps_per_second: Option<f64>,
    /// The losses of the trained network.
    pub losses: Losses,
    /// ‖ours − truth‖/‖truth‖ over the rows of the truth, by entry.
    pub relative_errors: Vec<Named>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// The loss over all rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Losses {
    /// Weighted, over the training rows.
    pub training: f64,
    /// Weighted, over the validation rows.
    pub validation: Option<f64>,
    /// Each term's mean square over the training rows, unweighted.
    pub training_terms: Vec<Named>,
    /// Each term's mean square over the validation rows, unweighted.
    pub validation_terms: Vec<Named>,
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
    data: &Dataset,
    wanted: &Wanted,
    model: &Model,
    ended: &Ended,
    backend: &mut dyn Backend,
    directory: &RunDir,
) -> Result<Summary> {
    let is_done = !matches!(ended.stop, Stop::Interrupted | Stop::Diverged(_));
    let mut summary = summary(job, data, model, ended, backend.device());
    if is_done {
        if let (Some(truth), Some(known)) = (&job.truth, &wanted.truth) {
            summary.relative_errors = relative_errors(model, truth, known, backend)?;
        }
        predictions(job, wanted, model, backend, directory)?;
        pictures(job, data, wanted, model, backend, directory)?;
    }
    let report = serde_json::to_string_pretty(&summary).expect("a report of numbers and names");
    files::write_text(&directory.report(), &format!("{report}\n"))?;
    Ok(summary)
}

fn summary(job: &Job, data: &Dataset, model: &Model, ended: &Ended, device: String) -> Summary {
    let total = |losses: &Vec<f64>| job.loss(data).total(losses);
    let named = |values: &[f64]| {
        let names = ended.terms.iter().cloned();
        names.zip(values).map(|(name, value)| Named { name, value: *value }).collect()
    };
    Summary {
        name: job.name(),
        directory: job.output.display().to_string(),
        device,
        parameters: model.spec.parameters(),
        training_rows: data.training.points(),
        validation_rows: data.validation.as_ref().map_or(0, PointSet::points),
        stop: ended.stop.name(),
        steps: ended.state.step,
        best_step: ended.state.best.as_ref().map(|best| best.step),
        seconds: ended.state.seconds,
        steps_per_second: (ended.steps_now > 0).then(|| ended.steps_now as f64 / ended.seconds_now),
        losses: Losses {
            training: total(&ended.training),
            validation: ended.validation.as_ref().map(total),
            training_terms: named(&ended.training),
            validation_terms: ended.validation.as_deref().map(named).unwrap_or_default(),
        },
        relative_errors: vec![],
        warnings: job.warnings.clone(),
    }
}

fn relative_errors(model: &Model, truth: &Truth, known: &PointSet, backend: &mut dyn Backend) -> Result<Vec<Named>> {
    let entries: Vec<Entry> = truth.entries().iter().map(|(entry, _)| *entry).collect();
    let known = Known { points: &known.inputs, entries: &entries, columns: &known.columns };
    let mut named = vec![];
    for entry in &entries {
        if let Some(value) = known.relative_error(backend, *entry)? {
            named.push(Named { name: entry.column(&model.inputs, &model.outputs), value });
        }
    }
    Ok(named)
}

fn predictions(job: &Job, wanted: &Wanted, model: &Model, backend: &mut dyn Backend, directory: &RunDir) -> Result<()> {
    let layout = job.predictions.seconds.layout(job.predictions.order, model.spec.inputs);
    let path = directory.predictions();
    files::write_atomically(&path, |writer| {
        let place = path.display().to_string();
        let mut file = Predictions::new(writer, &place, model, &layout, job.device.precision);
        file.points(&wanted.points, backend, |_| Ok(()))
    })
}

fn pictures(
    job: &Job,
    data: &Dataset,
    wanted: &Wanted,
    model: &Model,
    backend: &mut dyn Backend,
    directory: &RunDir,
) -> Result<()> {
    let targets: Vec<Entry> = job.data.iter().flat_map(Data::targets).map(|(entry, _)| entry).collect();
    let measured = Known { points: &data.training.inputs, entries: &targets, columns: &data.training.columns };
    let truths: Vec<Entry> = job.truth.iter().flat_map(Truth::entries).map(|(entry, _)| *entry).collect();
    let truth = wanted.truth.as_ref().map(|set| Known { points: &set.inputs, entries: &truths, columns: &set.columns });
    let fit = Fit {
        title: job.name(),
        rows: plot::fit_rows(model, backend, &measured, truth.as_ref(), job.predictions.order)?,
        warning: job.warnings.first().cloned(),
    };
    plot::write_svg_png(&plot::fit(&fit), &directory.picture("fit"))?;
    if model.spec.inputs > 1 {
        let panels = plot::parity_panels(model, backend, &data.training, data.validation.as_ref())?;
        plot::write_svg_png(&plot::parity(&Parity { title: job.name(), panels }), &directory.picture("parity"))?;
    }
    let terms = job.loss(data).terms;
    let mut names: Vec<String> = ["step", "loss"].map(str::to_string).into();
    names.extend(terms.iter().map(|term| format!("loss_{}", term.name)));
    names.extend(data.validation.is_some().then(|| "validation".to_string()));
    let columns = directory.read_metrics(&names)?;
    let series = |column: usize| Series::new(columns[0].clone(), columns[column].clone());
    let history = LossHistory {
        title: job.name(),
        training: series(1),
        validation: data.validation.is_some().then(|| series(names.len() - 1)),
        terms: terms.into_iter().enumerate().map(|(k, term)| (term.name, series(2 + k))).collect(),
    };
    plot::write_svg_png(&plot::loss(&history), &directory.picture("loss"))
}
