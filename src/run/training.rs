//! A job from its data to a trained network: posed, settled, tried and trained, wherever its reports and states go.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::backend::Backend;
use crate::device::{Open, Workplace};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::network::Model;
use crate::problem::{Adapted, Problem, Survey};
use crate::run::settle::settle;
use crate::run::{Observer, memory, trial};
use crate::trainer::{Event, Outcome, Report, Settings, State, Stop, Trainer};
use crate::{error, gpu};

/// The last network is kept where its validation loss is at most this many times that of the best: of many reports the
/// lowest is low by chance.
const AS_GOOD: f64 = 1.05;

/// Receives the reports and states of a training.
pub(crate) trait Record {
    /// Training begins, after so many steps if it is resumed; once more where another device takes over.
    fn begin(&mut self, resumed: Option<u64>) -> Result<()>;
    /// A new report.
    fn report(&mut self, report: &Report, coefficients: &[f64]) -> Result<()>;
    /// A step is done.
    fn step(&mut self, trainer: &mut Trainer) -> Result<()>;
    /// Training has ended.
    fn end(&mut self, state: &State) -> Result<()>;
    /// The newest state that was kept, from which another device continues; `None` to start again.
    fn newest(&mut self) -> Result<Option<State>>;
}

/// Keeps nothing.
impl Record for () {
    fn begin(&mut self, _: Option<u64>) -> Result<()> {
        Ok(())
    }

    fn report(&mut self, _: &Report, _: &[f64]) -> Result<()> {
        Ok(())
    }

    fn step(&mut self, _: &mut Trainer) -> Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &State) -> Result<()> {
        Ok(())
    }

    fn newest(&mut self) -> Result<Option<State>> {
        Ok(None)
    }
}

/// What a job poses, with everything checked that needs no device.
///
/// # Errors
/// [`Error::Input`] for what is wrong with the job or its files.
pub(crate) fn pose(job: &Job) -> Result<Problem> {
    memory::check(job, None)?;
    let problem = Problem::read(job)?;
    memory::check(job, Some(&problem))?;
    job.stages_fit(Some(problem.rows()), "")?;
    if job.training.early_stopping.is_some() && problem.judged_terms().all(|(_, is_judged)| !is_judged) {
        let problem = "early stopping needs a validation loss: the run has no validation rows and no term with \
                       sampled points";
        let help = "set data.validation_fraction, or remove this key";
        return Err(Error::input("training.early_stopping", problem, help));
    }
    Ok(problem)
}

/// A job that is ready to train: nothing is left open.
pub(crate) struct Settled {
    /// The job as it is trained.
    pub job: Job,
    /// What it poses.
    pub problem: Problem,
    /// The network before its first step.
    pub model: Model,
    /// The terms before the first step.
    pub start: Survey,
    /// Seconds of the time limit that were spent so far.
    spent: f64,
}

/// Settles what a job leaves open, by its data and by trials, and evaluates all terms once. A job that `resumes` was
/// settled before.
///
/// # Errors
/// Those of the devices, and a term that is not finite.
pub(crate) fn settled<'a>(
    job: &Job,
    problem: Problem,
    resumes: bool,
    open: &'a Open<'a>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<(Workplace<'a>, Settled)> {
    let began = Instant::now();
    let (job, problem) = settle(job, problem, stop)?;
    let mut workplace = Workplace::new(open, &job.device);
    let (job, problem) = match resumes {
        true => (job, problem),
        false => tried(job, problem, &mut workplace, observer, stop)?,
    };
    let spent = began.elapsed().as_secs_f64();
    let model = problem.model(&job);
    let start = workplace.run_anew(&model, |backend, failure| {
        failure.iter().for_each(|failure| observer.warning(failure));
        problem.survey(&job, &Adapted::default(), backend)
    })?;
    match start.fault.clone().filter(|_| !resumes) {
        Some(fault) => Err(fault.into_error()),
        None => Ok((workplace, Settled { job, problem, model, start, spent })),
    }
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
        job.networks[0].steepness = Some(steepness);
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

impl Settled {
    /// Trains from a state or from the start: the trained network, and how training ended.
    ///
    /// # Errors
    /// Those of the devices and of the record.
    pub(crate) fn train(
        &self,
        workplace: &mut Workplace,
        state: Option<State>,
        record: &mut dyn Record,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(Model, Outcome)> {
        let unused = gpu::unused_f16(&self.model.spec, self.job.device.precision);
        self.job.warnings.iter().chain(&unused).for_each(|warning| observer.warning(warning));
        let (outcome, parameters) = workplace.run(&self.model, |backend, failure| {
            let mut state = state.clone();
            if let Some(failure) = failure {
                observer.warning(&failure);
                state = record.newest()?;
            }
            Ok((self.train_on(backend, state, record, observer, stop)?, backend.parameters()?))
        })?;
        Ok((Model { parameters, ..self.model.clone() }, outcome))
    }

    /// Trains on one device.
    fn train_on(
        &self,
        backend: &mut dyn Backend,
        state: Option<State>,
        record: &mut dyn Record,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome> {
        let mut settings = Settings::new(&self.job, &self.problem);
        settings.max_seconds = settings.max_seconds.map(|most| (most - self.spent).max(0.0));
        let done = state.as_ref().map(|state| state.step);
        observer.started(&backend.device(), done.unwrap_or(0), settings.steps());
        record.begin(done)?;
        let started = Instant::now();
        let mut trainer = Trainer::new(backend, &settings, &self.problem, state)?;
        let stop = trainer.run(stop, |event, trainer| match event {
            Event::Report(report) => {
                let coefficients = trainer.coefficients()?;
                record.report(report, &coefficients)?;
                observer.report(report);
                Ok(())
            }
            Event::Step => record.step(trainer),
        })?;
        let seconds_now = started.elapsed().as_secs_f64();
        let state = trainer.state()?;
        record.end(&state)?;
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
        let steps_now = state.step - done.unwrap_or(0);
        Ok(Outcome { stop, best_step, steps_now, seconds_now, state, terms, training, validation, standard_errors })
    }
}
