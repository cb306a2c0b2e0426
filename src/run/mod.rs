//! A job from its data to its run directory.

pub mod checkpoint;
pub mod directory;
pub mod divergence;
pub mod ensemble;
pub mod memory;
#[cfg_attr(not(feature = "plot"), path = "no_pictures.rs")]
mod pictures;
pub mod results;
pub mod saver;
pub mod settle;
pub mod trial;
pub mod truth;
pub mod warnings;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::backend::Backend;
use crate::device::Workplace;
use crate::error::{Error, Result};
use crate::job::{Job, OptimizerKind};
use crate::network::Model;
use crate::numbers::Precision;
use crate::problem::{Adapted, Problem};
use crate::run::checkpoint::Origin;
use crate::run::directory::{Metrics, RunDir, coefficient_column};
use crate::run::results::Summary;
use crate::run::saver::{Keep, Pace, Saver};
use crate::run::settle::settle;
use crate::trainer::{Event, Outcome, Report, Settings, State, Stop, Trainer};
use crate::{device, error, gpu};

/// The last network is kept where its validation loss is at most this many times that of the best: of many reports the
/// lowest is low by chance.
const AS_GOOD: f64 = 1.05;

/// How the run directory is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A new run in a directory that holds none.
    New,
    /// A new run in the place of the one that is there.
    Replace,
    /// The run that is there, from its checkpoint.
    Resume,
    /// The same, though its job is not the one that it began with.
    ResumeEdited,
}

impl Mode {
    /// Whether a run goes on.
    pub fn resumes(self) -> bool {
        matches!(self, Mode::Resume | Mode::ResumeEdited)
    }
}

/// Who hears of a run while it goes on.
pub trait Observer {
    /// What the job leaves open is settled by short trainings first.
    fn settling(&mut self, _what: &str) {}
    /// The run's directory is made, and its state is kept here from now on.
    fn keeping(&mut self, _saver: &Arc<Saver>) {}
    /// Training starts after `done` of `steps` steps.
    fn started(&mut self, _device: &str, _done: u64, _steps: u64) {}
    /// Another report.
    fn report(&mut self, _report: &Report) {}
    /// Something that the user should know though the run goes on.
    fn warning(&mut self, _text: &str) {}
}

/// Hears nothing.
impl Observer for () {}

/// Trains a job and writes its run directory. `stop`, once true, ends the training after the step
/// that is under way; a checkpoint is then written and the run can be resumed.
///
/// # Errors
/// [`Error::Input`] before anything is written, and [`Error::Interrupted`] where it is stopped before; [`Error::Diverged`]
/// after the last good state was written; [`Error::Device`] and [`Error::Io`] with the last checkpoint in place.
///
/// ```no_run
/// use jetfit::job::{Job, Overrides};
/// use jetfit::run::{Mode, run};
/// let job = Job::read("examples/jobs/sine/job.toml", &Overrides::default())?;
/// let summary = run(&job, Mode::New, &mut (), &false.into())?;
/// println!("{} steps in {:.1} s", summary.steps, summary.seconds);
/// # Ok::<(), jetfit::error::Error>(())
/// ```
pub fn run(job: &Job, mode: Mode, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Summary> {
    run_on(job, mode, None, observer, stop, device::open)
}

/// The same on devices that `open` opens: by the job's device name, and `cpu` where that one fails
/// while it trains and the job allows to go on. A member of an ensemble knows the digest of the ensemble's job.
///
/// # Errors
/// Those of [`run`].
pub fn run_on(
    job: &Job,
    mode: Mode,
    ensemble: Option<&str>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
    open: impl Fn(&str, Precision, usize, &Model) -> Result<Box<dyn Backend>>,
) -> Result<Summary> {
    memory::check(job, None)?;
    let problem = Problem::read(job)?;
    memory::check(job, Some(&problem))?;
    job.stages_fit(Some(problem.rows()), "")?;
    if job.training.early_stopping.is_some() && problem.judged_terms().all(|(_, is_judged)| !is_judged) {
        let problem = "nothing judges this run: it has no validation rows, and no term at points that could be others";
        let mend = "give data.validation_fraction, or remove it";
        return Err(Error::input("training.early_stopping", problem, mend));
    }
    // What is asked for at the end is read first: a mistake there should not cost a training.
    let wanted = results::Wanted::read(job, &problem)?;
    if !mode.resumes() {
        RunDir::may_hold_new(&job.output, mode == Mode::Replace)?;
    }
    let began = Instant::now();
    let (job, problem) = settle(job, problem, stop)?;
    let mut workplace = Workplace::new(&open, &job.device);
    let (job, problem) = &match mode.resumes() {
        true => (job, problem),
        false => tried(job, problem, &mut workplace, observer, stop)?,
    };
    let spent = began.elapsed().as_secs_f64();
    let model = problem.model(job);
    let start = workplace.run_anew(&model, |backend, failure| {
        failure.iter().for_each(|failure| observer.warning(failure));
        problem.survey(job, &Adapted::default(), backend)
    })?;
    if let Some(fault) = start.fault.clone().filter(|_| !mode.resumes()) {
        return Err(fault.into_error());
    }
    let directory = &match mode.resumes() {
        true => RunDir::resume(&job.output)?,
        false => RunDir::create(&job.output, mode == Mode::Replace, &job.to_toml())?,
    };
    let saver = Arc::new(saver(job, problem, &model, directory, ensemble)?);
    let state = saver.read(mode == Mode::ResumeEdited)?;
    if mode.resumes() && state.is_none() {
        directory.was_never_saved()?;
        observer.warning("no checkpoint was written before this run was stopped: it starts from its beginning");
    }
    if !directory.is_locked() {
        observer.warning("this file system has no locks: nothing keeps another run out of this one's directory");
    }
    observer.keeping(&saver);
    let unused = gpu::unused_halves(&model.spec, job.device.precision);
    job.warnings.iter().chain(&unused).for_each(|warning| observer.warning(warning));
    let (saver, model) = (saver.as_ref(), &model);
    let mut training = Training { job, problem, directory, model, saver, observer, stop, spent };
    let (outcome, parameters) = workplace.run(model, |backend, failure| {
        let mut state = state.clone();
        if let Some(failure) = failure {
            training.observer.warning(&failure);
            state = saver.take()?;
        }
        Ok((training.on(backend, state)?, backend.parameters()?))
    })?;
    let model = Model { parameters, ..model.clone() };
    model.write(directory.model())?;
    let (summary, diverged) = workplace.run(&model, |backend, failure| {
        failure.iter().for_each(|failure| training.observer.warning(failure));
        let summary = results::write(job, problem, &wanted, &model, &outcome, backend, directory)?;
        Ok((summary, divergence::of(job, problem, &outcome, &start, backend)?))
    })?;
    diverged.map_or(Ok(summary), Err)
}

/// What keeps the run's state, of a job as it stands in its directory.
fn saver(job: &Job, problem: &Problem, model: &Model, directory: &RunDir, ensemble: Option<&str>) -> Result<Saver> {
    let origin = Origin {
        job: directory.job_digest()?,
        ensemble: ensemble.map(str::to_string),
        data: problem.digest(),
        spec: model.spec.clone(),
        precision: job.device.precision.stored(),
        normalizer: model.normalizer.clone(),
    };
    Ok(Saver::new(directory.checkpoint(), origin))
}

/// A job with what trials found best, and what it then poses, where it leaves something to them.
fn tried(
    mut job: Job,
    mut problem: Problem,
    workplace: &mut Workplace,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<(Job, Problem)> {
    if let Some(steepness) = trial::steepness(&job, &problem, workplace, observer, stop)? {
        job.network.steepness = Some(steepness);
    }
    if job.loss.tries_curvature
        && let Some(curvature) = trial::curvature(&job, workplace, observer, stop)?
    {
        (job.loss.curvature, job.loss.tries_curvature) = (curvature, false);
        problem = Problem::read(&job)?;
    }
    // What was settled in a hurry is not what would have been.
    error::if_stopped(stop)?;
    Ok((job, problem))
}

/// What a training needs, whatever the device.
struct Training<'a> {
    job: &'a Job,
    problem: &'a Problem,
    directory: &'a RunDir,
    model: &'a Model,
    saver: &'a Saver,
    observer: &'a mut dyn Observer,
    stop: &'a AtomicBool,
    /// Seconds of the limit that are over before it begins.
    spent: f64,
}

impl Training<'_> {
    /// Trains on one device, from a state or from the start.
    fn on(&mut self, backend: &mut dyn Backend, state: Option<State>) -> Result<Outcome> {
        let mut settings = Settings::new(self.job, self.problem);
        settings.max_seconds = settings.max_seconds.map(|most| (most - self.spent).max(0.0));
        let done = state.as_ref().map_or(0, |state| state.step);
        self.observer.started(&backend.device(), done, settings.steps());
        let columns = self.columns();
        let mut metrics = match state {
            Some(_) => Metrics::resume(self.directory.metrics(), &columns, done)?,
            None => Metrics::create(self.directory.metrics(), &columns)?,
        };
        let started = Instant::now();
        let mut trainer = Trainer::new(backend, &settings, self.problem, state)?;
        let mut pace = Pace::new(self.job.training.checkpoint_every);
        let stop = trainer.run(self.stop, |event, trainer| match event {
            Event::Report(report) => {
                let coefficients = trainer.coefficients()?;
                metrics.row(report.step, &self.row(report, &coefficients))?;
                self.observer.report(report);
                Ok(())
            }
            Event::Step => {
                match pace.after_step() {
                    Keep::Nothing => {}
                    Keep::InMemory => trainer.good_state()?.into_iter().for_each(|state| self.saver.keep(state)),
                    Keep::OnDisk => {
                        if let Some(state) = trainer.good_state()? {
                            metrics.sync()?;
                            self.saver.save(&state)?;
                        }
                    }
                }
                pace.go_on();
                Ok(())
            }
        })?;
        let seconds_now = started.elapsed().as_secs_f64();
        let state = trainer.state()?;
        metrics.sync()?;
        self.saver.save(&state)?;
        let (mut training, mut validation) = trainer.losses()?;
        let last = self.problem.validation_loss(&training, &validation);
        // A loss that is not a number is above every other.
        let best = state.best.as_ref().filter(|best| last.is_nan() || last > AS_GOOD * best.loss);
        let best_step = best.map(|best| best.step);
        if let Some(best) = best {
            trainer.set_parameters(&best.parameters)?;
            (training, validation) = trainer.losses()?;
        }
        let is_over = stop.is_of_a_stage() || stop == Stop::EarlyStopping;
        let standard_errors = if is_over { trainer.standard_errors()? } else { None };
        let terms = self.problem.terms().map(|term| term.name.clone()).collect();
        let steps_now = state.step - done;
        Ok(Outcome { stop, best_step, steps_now, seconds_now, state, terms, training, validation, standard_errors })
    }

    /// The columns of `metrics.csv` behind the step, as [`Self::row`] fills them.
    fn columns(&self) -> Vec<String> {
        let mut columns = vec!["seconds".to_string()];
        columns.extend((self.job.stages.len() > 1).then(|| "stage".to_string()));
        columns.extend(self.rates().into_iter().chain(["gradient_norm", "loss"]).map(str::to_string));
        columns.extend(self.problem.terms().map(|term| format!("loss_{}", term.name)));
        if self.job.balance.is_some() {
            columns.extend(self.problem.terms().map(|term| format!("weight_{}", term.name)));
        }
        columns.extend(self.problem.causal(&Adapted::default()).map(|(name, _)| format!("causal_{name}")));
        columns.extend(self.model.coefficients.iter().map(|name| coefficient_column(name)));
        let judged = self.problem.judged_terms().filter(|(_, is_judged)| *is_judged);
        let judged: Vec<String> = judged.map(|(term, _)| format!("validation_{}", term.name)).collect();
        columns.extend((!judged.is_empty()).then(|| "validation".to_string()));
        columns.extend(judged);
        columns
    }

    /// What the stages' rates are called, each name once.
    fn rates(&self) -> Vec<&'static str> {
        let mut rates: Vec<_> = self.job.stages.iter().map(|stage| rate(stage.optimizer.kind)).collect();
        rates.sort_unstable();
        rates.dedup();
        rates
    }

    /// A row of `metrics.csv`: stages from 1, and no number where a column is another optimizer's.
    fn row(&self, report: &Report, coefficients: &[f64]) -> Vec<Option<f64>> {
        let stages = &self.job.stages;
        let mut row = vec![Some(report.seconds)];
        row.extend((stages.len() > 1).then_some(Some(report.stage as f64 + 1.0)));
        let own = rate(stages[report.stage].optimizer.kind);
        row.extend(self.rates().into_iter().map(|name| (name == own).then_some(report.rate)));
        row.extend([report.gradient_norm, report.loss].map(Some));
        let weights = self.job.balance.map_or(&[][..], |_| &report.weights);
        let rest = [&report.training, weights, &report.causal, coefficients];
        row.extend(rest.into_iter().flatten().copied().map(Some));
        row.extend(report.validation_loss.map(Some));
        row.extend(report.validation.iter().flatten().copied().map(Some));
        row
    }
}

/// What an optimizer's [`Report::rate`] is.
fn rate(kind: OptimizerKind) -> &'static str {
    match kind {
        OptimizerKind::Adam | OptimizerKind::AdamW => "learning_rate",
        OptimizerKind::Lbfgs => "step_length",
        OptimizerKind::GaussNewton | OptimizerKind::Evidence => "damping",
    }
}
