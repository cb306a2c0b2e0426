//! Training windows one after another, and writing what they are together.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Windows;
use super::march::March;
use super::observer::WindowObserver;
use super::own_job::{Begin, own_job};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::network::{Model, model_path};
use crate::problem::Problem;
use crate::run::directory::RunDir;
use crate::run::results::{self, PredictionPlan, RelativeError};
use crate::run::{Mode, Observer, pictures, run};
use crate::trainer::Stop;
use crate::{error, files};

/// `report.json` of windows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The run directory's name.
    pub name: String,
    /// The run directory.
    pub directory: String,
    /// Why the last window's run ended.
    pub stop: Stop,
    /// Seconds of this call.
    pub seconds: f64,
    /// The input that is cut.
    pub input: String,
    /// ‖ours − truth‖/‖truth‖ over the rows of the truth, by entry.
    pub relative_errors: Vec<RelativeError>,
    /// Warnings about the whole; each window has its own.
    pub warnings: Vec<String>,
    /// The windows that are over, in order; each has a report of its own.
    pub windows: Vec<Window>,
}

/// A window that is over.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Window {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Steps of its training.
    pub steps: u64,
    /// Seconds of its training.
    pub seconds: f64,
    /// Its weighted loss over all training points.
    pub loss: f64,
    /// The largest validation loss of its terms, in which 1 is a residual as large as its parts.
    pub worst: f64,
}

/// Trains the windows of a job and writes what they are together. [`Mode::Resume`] goes on in the window that was
/// stopped. `observer` receives the steps of all windows one after another.
///
/// # Errors
/// Those of [`run`], of the first window that has them.
pub fn train(job: &Job, mode: Mode, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Report> {
    let began = Instant::now();
    let windows = job.windows.as_ref().expect("a job with windows");
    let problem = Problem::read(job)?;
    let plan = PredictionPlan::read(job, &problem)?;
    error::if_stopped(stop)?;
    let directory = match mode.resumes() {
        true => RunDir::resume(&job.output)?,
        false => RunDir::create(&job.output, mode == Mode::Replace, &job.to_toml())?,
    };
    let time = &job.variables[windows.input];
    let mut march = March::new(&windows.cut, [time.low, time.high]);
    let mut report = Report {
        name: job.name(),
        directory: job.output.display().to_string(),
        stop: Stop::Steps,
        seconds: 0.0,
        input: time.name.clone(),
        relative_errors: vec![],
        warnings: vec![],
        windows: vec![],
    };
    let mut training = Training { job, input: windows.input, mode, began, observer, is_started: false };
    while let Some(next) = march.next() {
        let (window, stopped_by) = match training.window(&march, next, stop)? {
            Ended::Stopped(stopped_by) => {
                report.stop = stopped_by;
                break;
            }
            Ended::Over(window, stopped_by) => (window, stopped_by),
        };
        report.stop = stopped_by;
        let Window { from, to, worst, .. } = window;
        if !march.accepts(to, worst) {
            training.observer.warning(&format!(
                "the window from {from} to {to} ended with a validation loss of {worst:.1e}: it is tried again, half as \
                 long"
            ));
            continue;
        }
        if march.is_poor(worst) {
            report.warnings.push(format!(
                "the window from {from} to {to}, the narrowest that is tried, has a validation loss of {worst:.1e}: what \
                 follows is not to be trusted"
            ));
        }
        report.windows.push(window);
    }
    if march.next().is_none() {
        let source = &mut Windows::open(&job.output, &job.device, Some(job.device.precision))?;
        if let Some(truth) = &plan.truth {
            report.relative_errors = results::relative_errors(job, source, truth)?;
        }
        report.warnings.extend(results::predictions(job, &plan, source, 1, &directory)?);
        pictures::of_model(job, &problem, &plan, source, &directory)?;
        report.warnings.extend_from_slice(source.warnings());
    }
    report.seconds = began.elapsed().as_secs_f64();
    let text = serde_json::to_string_pretty(&report).expect("a report of numbers and names");
    files::write_text(&directory.report(), &format!("{text}\n"))?;
    Ok(report)
}

/// What training a window came to.
enum Ended {
    /// It is over, and why.
    Over(Window, Stop),
    /// It was stopped from outside.
    Stopped(Stop),
}

/// What the training of every window needs.
struct Training<'a> {
    job: &'a Job,
    /// The input that is cut.
    input: usize,
    mode: Mode,
    began: Instant,
    observer: &'a mut dyn Observer,
    /// Whether progress has begun.
    is_started: bool,
}

impl Training<'_> {
    /// Trains the window that is next, or goes on with what an earlier call left of it.
    fn window(&mut self, march: &March, next: [f64; 2], stop: &AtomicBool) -> Result<Ended> {
        let Self { job, input, .. } = *self;
        let window = march.window;
        let path = Windows::directory(&job.output, window);
        let found = match self.mode.resumes() {
            true => Found::at(&path, next[0], input, &job.inputs[input]),
            false => Found::Nothing,
        };
        let (interval, mode) = match found {
            Found::Over(over) => return Ok(Ended::Over(over, Stop::Steps)),
            Found::Begun(to) => ([next[0], to], self.mode),
            Found::Nothing if path.is_dir() => (next, Mode::Replace),
            Found::Nothing => (next, Mode::New),
        };
        let before = (window > 0).then(|| Windows::directory(&job.output, window - 1));
        let model = before.as_deref().map(|path| Model::read(model_path(path)?)).transpose()?;
        let before = before.as_deref().zip(model.as_ref());
        let mut own = own_job(job, input, &Begin { window, interval, before })?;
        let spent = self.began.elapsed().as_secs_f64();
        own.training.max_seconds = own.training.max_seconds.map(|most| (most - spent).max(1e-3));
        let (count, is_started) = (march.count(), &mut self.is_started);
        let shown = &mut WindowObserver { observer: &mut *self.observer, window, count, steps: 0, is_started };
        match run(&own, mode, shown, stop) {
            Ok(summary) if summary.stop.can_be_resumed() => Ok(Ended::Stopped(summary.stop)),
            Ok(summary) => Ok(Ended::Over(Window::read(&path, input)?, summary.stop)),
            // A window that is too long may have no solution near.
            Err(Error::Diverged { .. }) if march.is_poor(f64::NAN) => {
                let [from, to] = interval;
                let window = Window { from, to, steps: 0, seconds: 0.0, loss: f64::NAN, worst: f64::NAN };
                Ok(Ended::Over(window, Stop::Diverged))
            }
            Err(error) => Err(error),
        }
    }
}

/// What an earlier call left of a window.
enum Found {
    /// It is over.
    Over(Window),
    /// It was stopped; where it ends.
    Begun(f64),
    /// Nothing that goes on from here.
    Nothing,
}

impl Found {
    fn at(path: &Path, from: f64, input: usize, name: &str) -> Self {
        let Some([begin, end]) = interval(path, name).filter(|[begin, _]| *begin == from) else { return Self::Nothing };
        match Window::read(path, input) {
            Ok(window) => Self::Over(window),
            Err(_) if begin == from => Self::Begun(end),
            Err(_) => Self::Nothing,
        }
    }
}

/// The time of a window, from its job.
fn interval(path: &Path, name: &str) -> Option<[f64; 2]> {
    let text = std::fs::read_to_string(RunDir::open(path).ok()?.job()).ok()?;
    let job: toml::Table = text.parse().ok()?;
    let ends = job.get("variables")?.get(name)?.as_array()?;
    let end = |k: usize| ends.get(k).and_then(toml::Value::as_float);
    Some([end(0)?, end(1)?])
}

/// Of a window's own report.
#[derive(Deserialize)]
struct OwnReport {
    stop: String,
    steps: u64,
    seconds: f64,
    losses: OwnLosses,
}

#[derive(Deserialize)]
struct OwnLosses {
    training: f64,
    validation_terms: Vec<OwnTerm>,
}

#[derive(Deserialize)]
struct OwnTerm {
    value: Option<f64>,
}

impl Window {
    /// The window that is over in a directory.
    fn read(path: &Path, input: usize) -> Result<Self> {
        let file = RunDir::open(path)?.report();
        let bad = |problem: String| Error::input(file.display(), problem, "train the job anew with --force");
        let text = std::fs::read_to_string(&file).map_err(|error| bad(error.to_string()))?;
        let report: OwnReport = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if [Stop::Interrupted, Stop::MaxSeconds, Stop::Diverged].map(Stop::name).contains(&report.stop.as_str()) {
            return Err(bad(format!("this window ended by {}", report.stop)));
        }
        let model = Model::read(model_path(path)?)?;
        let [from, to] = *model.ranges.get(input).ok_or_else(|| bad("its model has no ranges".to_string()))?;
        // JSON has no number for what is none.
        let worst = |worst: f64, term: &OwnTerm| term.value.map_or(f64::INFINITY, |value| worst.max(value));
        let OwnReport { steps, seconds, losses, .. } = report;
        Ok(Self {
            from,
            to,
            steps,
            seconds,
            loss: losses.training,
            worst: losses.validation_terms.iter().fold(0.0, worst),
        })
    }
}
