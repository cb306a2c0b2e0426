//! A job from its data to its run directory.

pub mod checkpoint;
pub mod directory;
pub mod divergence;
pub mod ensemble;
pub mod memory;
pub mod networks;
#[cfg_attr(not(feature = "plot"), path = "no_pictures.rs")]
mod pictures;
pub mod provenance;
mod record;
pub mod rehearsal;
pub mod results;
pub mod saver;
pub mod scores;
pub mod settle;
pub mod training;
pub mod trial;
pub mod truth;
pub mod warnings;
pub mod windows;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::backend::Backend;
use crate::device;
use crate::error::Result;
use crate::job::Job;
use crate::network::Model;
use crate::numbers::Precision;
use crate::problem::Problem;
use crate::run::checkpoint::Origin;
use crate::run::directory::RunDir;
use crate::run::record::DirectoryRecord;
use crate::run::results::Summary;
use crate::run::saver::Saver;
use crate::run::training::Settled;

#[doc(inline)]
pub use crate::trainer::Report;

/// How the run directory is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A new run in a directory that holds none.
    New,
    /// A new run that replaces the existing one.
    Replace,
    /// The existing run, from its checkpoint.
    Resume,
    /// The same, although its job has been edited.
    ResumeEdited,
}

impl Mode {
    /// Whether a run is resumed.
    pub fn resumes(self) -> bool {
        matches!(self, Mode::Resume | Mode::ResumeEdited)
    }
}

/// Receives the progress of a run.
pub trait Observer {
    /// Short trainings settle what the job leaves open.
    fn settling(&mut self, _what: &str) {}
    /// The run directory exists, and `saver` keeps its state from now on.
    fn keeping(&mut self, _saver: &Arc<Saver>) {}
    /// Training starts after `done` of `steps` steps.
    fn started(&mut self, _device: &str, _done: u64, _steps: u64) {}
    /// A new report.
    fn report(&mut self, _report: &Report) {}
    /// A warning.
    fn warning(&mut self, _text: &str) {}
}

/// Ignores everything.
impl Observer for () {}

/// Trains a job and writes its run directory. `stop`, once true, ends the training after the step
/// that is under way; a checkpoint is then written and the run can be resumed.
///
/// # Errors
/// [`Input`](crate::Error::Input) before anything is written, and [`Interrupted`](crate::Error::Interrupted) if it is
/// stopped before; [`Diverged`](crate::Error::Diverged) after the last good state was written;
/// [`Device`](crate::Error::Device) and [`Io`](crate::Error::Io) with the last checkpoint in place.
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
    let problem = training::pose(job)?;
    // What is asked for at the end is read first: a mistake there should not cost a training.
    let plan = results::PredictionPlan::read(job, &problem)?;
    if !mode.resumes() {
        RunDir::may_hold_new(&job.output, mode == Mode::Replace)?;
    }
    let (mut workplace, settled) = training::settled(job, problem, mode.resumes(), &open, observer, stop)?;
    let Settled { job, problem, model, .. } = &settled;
    let directory = &match mode.resumes() {
        true => RunDir::resume(&job.output)?,
        false => RunDir::create(&job.output, mode == Mode::Replace, &job.to_toml())?,
    };
    let saver = Arc::new(saver(job, problem, model, directory, ensemble)?);
    let state = saver.read(mode == Mode::ResumeEdited)?;
    if mode.resumes() && state.is_none() {
        directory.was_never_saved()?;
        observer.warning("the run was stopped before its first checkpoint: it starts again from step 0");
    }
    if !directory.is_locked() {
        observer.warning("this file system has no locks: make sure that no other run uses this directory");
    }
    observer.keeping(&saver);
    let mut record = DirectoryRecord::new(&settled, directory, &saver);
    let (model, outcome) = settled.train(&mut workplace, state, &mut record, observer, stop)?;
    model.write(directory.model())?;
    let (summary, diverged) = workplace.run(&model, |backend, failure| {
        failure.iter().for_each(|failure| observer.warning(failure));
        let summary = results::write(job, problem, &plan, &model, &outcome, backend, directory)?;
        Ok((summary, divergence::of(job, problem, &outcome, &settled.start, backend)?))
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
