//! Networks of one job that differ in their seeds: their mean, and how far they are apart, which is an error bar
//! for every derivative.
//!
//! Each member is a run of its own, in `member-1`, `member-2`, … of the run directory, with the seeds that follow
//! the job's. On the CPU members train side by side, a thread for each before any has two: small steps gain more by
//! that than by sharing a step's points. Their bits are the same either way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::Serialize;

use crate::backend::Backend;
use crate::device::{self, Workplace};
use crate::error::{self, Error, Result};
use crate::expression::Expression;
use crate::jet::{JetLayout, Jets};
use crate::job::{self, Job};
use crate::network::{Coefficient, Model};
use crate::numbers::Precision;
use crate::predict::{self, Source, Spread};
use crate::problem::Problem;
use crate::run::directory::{self, RunDir, model_path};
use crate::run::results::{self, Named, PredictionPlan, RelativeError, Summary};
use crate::run::saver::Saver;
use crate::run::settle::settle;
use crate::run::{Mode, Observer, run_on};
use crate::{files, threads, trainer};

/// Trained networks of the same inputs and outputs, each on its device.
pub struct Ensemble {
    members: Vec<(Model, Workplace<'static>)>,
    /// Of devices that failed, whose work the CPU took over.
    warnings: Vec<String>,
}

impl Ensemble {
    /// At least one network, and where it is to be evaluated.
    ///
    /// # Errors
    /// Those of the devices.
    pub fn new(members: Vec<(Model, Workplace<'static>)>) -> Result<Self> {
        assert!(!members.is_empty(), "an ensemble has a member");
        let mut ensemble = Self { members, warnings: vec![] };
        // A device that cannot be opened is known before there are points.
        ensemble.mean_and_spread(|_, _| Ok(vec![]))?;
        Ok(ensemble)
    }

    /// What the members run on.
    pub fn device(&self) -> String {
        let mut devices: Vec<_> = self.members.iter().map(|(_, workplace)| workplace.devices()).collect();
        devices.dedup();
        devices.join("; ")
    }

    /// What the user should know of the devices.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// The mean of what `each` member gives, and the deviation where there are several members.
    fn mean_and_spread(
        &mut self,
        each: impl Fn(&Model, &mut dyn Backend) -> Result<Vec<f64>>,
    ) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
        // Welford's recurrences: one member's numbers at a time.
        let mut members = self.members.iter_mut().map(|(model, workplace)| {
            workplace.run(model, |backend, failure| {
                self.warnings.extend(failure);
                each(model, backend)
            })
        });
        let mut mean = members.next().expect("an ensemble has a member")?;
        let mut squares = vec![0.0; mean.len()];
        let mut count = 1.0;
        for values in members {
            count += 1.0;
            for ((mean, square), value) in mean.iter_mut().zip(&mut squares).zip(values?) {
                let apart = value - *mean;
                *mean += apart / count;
                *square += apart * (value - *mean);
            }
        }
        let factor = interval(count);
        let spread = || squares.iter().map(|square| factor * (square / (count - 1.0)).sqrt()).collect();
        Ok((mean, (count > 1.0).then(spread)))
    }
}

impl Source for Ensemble {
    fn model(&self) -> &Model {
        &self.members[0].0
    }

    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        Ok(self.jets_with_spread(points, layout)?.0)
    }

    fn jets_with_spread(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<(Jets, Option<Jets>)> {
        let outputs = self.model().spec.outputs;
        let jets = |values| Jets { layout: layout.clone(), outputs, values };
        let each = |model: &Model, backend: &mut dyn Backend| Ok(predict::jets(model, backend, points, layout)?.values);
        let (mean, spread) = self.mean_and_spread(each)?;
        Ok((jets(mean), spread.map(jets)))
    }

    fn values_with_spread(&mut self, points: &[Vec<f64>], expressions: &[Expression]) -> Result<Spread> {
        let count = points[0].len();
        let split = |values: Vec<f64>| values.chunks_exact(count).map(<[f64]>::to_vec).collect();
        let each = |model: &Model, backend: &mut dyn Backend| {
            Ok(predict::values(model, backend, points, expressions)?.concat())
        };
        let (mean, spread) = self.mean_and_spread(each)?;
        Ok((split(mean), spread.map(split)))
    }
}

/// Half of the 95 % interval of one more number, the truth, over the deviation of `count` others: of few members the
/// deviation is known badly, and their mean, too, has an error (Student's t). Twice the spread then covers what it should
/// with three members as with thirty.
fn interval(count: f64) -> f64 {
    const QUANTILES: [f64; 9] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
    let free = count - 1.0;
    // Cornish and Fisher's series, exact to a thousandth from ten on.
    let series = 1.960 + 2.372 / free + 2.823 / (free * free);
    let quantile = QUANTILES.get((free as usize).saturating_sub(1)).copied().unwrap_or(series);
    0.5 * quantile * (1.0 + 1.0 / count).sqrt()
}

/// `report.json` of an ensemble.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The run directory's name.
    pub name: String,
    /// The run directory.
    pub directory: String,
    /// Why the last member's run ended, or that of the first that was stopped.
    pub stop: &'static str,
    /// Seconds of this call's training.
    pub seconds: f64,
    /// The means of the coefficients over the members, each with its deviation over them.
    pub coefficients: Vec<Coefficient>,
    /// ‖mean − truth‖/‖truth‖ over the rows of the truth, by entry.
    pub relative_errors: Vec<RelativeError>,
    /// ‖spread over the members‖/‖mean‖ over the predicted points, by entry.
    pub relative_spreads: Vec<Named>,
    /// What the user should know; each member has its own.
    pub warnings: Vec<String>,
    /// The members' own reports.
    pub members: Vec<Summary>,
}

/// Trains `count` members of a job and writes their mean and spread. A run that was stopped goes on with
/// [`Mode::Resume`] where it was; a member that has not begun then begins. `observer` hears of all members' steps
/// together.
///
/// # Errors
/// Those of [`run_on`], of the first member that has them.
pub fn train(
    job: &Job,
    count: usize,
    mode: Mode,
    observer: &mut (dyn Observer + Send),
    stop: &AtomicBool,
) -> Result<Report> {
    let job = &settled(job, stop)?;
    let directory = match mode.resumes() {
        true => RunDir::resume(&job.output)?,
        false => {
            let problem = Problem::read(job)?;
            PredictionPlan::read(job, &problem)?;
            error::if_stopped(stop)?;
            RunDir::create(&job.output, mode == Mode::Replace, &job.to_toml())?
        }
    };
    let of_job = &directory.job_digest()?;
    let started = Instant::now();
    let members = members(job, count, (mode, of_job), observer, stop)?;
    let stopped = members.iter().map(|member| member.stop).find(|stop| STOPPED.contains(stop));
    let is_done = members.len() == count && members.iter().all(|member| member.stop != "interrupted");
    let mut report = Report {
        name: job.name(),
        directory: job.output.display().to_string(),
        stop: match members.last() {
            Some(last) if members.len() == count => stopped.unwrap_or(last.stop),
            // Some have not begun.
            _ => stopped.unwrap_or("interrupted"),
        },
        seconds: started.elapsed().as_secs_f64(),
        coefficients: coefficients(&members),
        relative_errors: vec![],
        relative_spreads: vec![],
        warnings: vec![],
        members,
    };
    if is_done {
        let mut ensemble = open(&job.output, &job.device, Some(job.device.precision))?;
        let problem = Problem::read(job)?;
        let wanted = PredictionPlan::read(job, &problem)?;
        (report.relative_errors, report.relative_spreads, report.warnings) =
            results::of_ensemble(job, &problem, &wanted, &mut ensemble, &directory)?;
        report.warnings.extend_from_slice(ensemble.warnings());
    }
    let text = serde_json::to_string_pretty(&report).expect("a report of numbers and names");
    files::write_text(&directory.report(), &format!("{text}\n"))?;
    Ok(report)
}

fn coefficients(members: &[Summary]) -> Vec<Coefficient> {
    let count = members.len() as f64;
    let of = |k: usize| {
        let values = || members.iter().map(move |member| member.coefficients[k].value);
        let mean = values().sum::<f64>() / count;
        let square = values().map(|value| (value - mean).powi(2)).sum::<f64>();
        let standard_error = (members.len() > 1).then(|| (square / (count - 1.0)).sqrt());
        Coefficient { name: members[0].coefficients[k].name.clone(), value: mean, standard_error }
    };
    (0..members.first().map_or(0, |member| member.coefficients.len())).map(of).collect()
}

/// The job with nothing left open: one choice for all members, by the rows as they are.
fn settled(job: &Job, stop: &AtomicBool) -> Result<Job> {
    let mut as_they_are = job.clone();
    as_they_are.training.bootstrap = false;
    let (mut settled, _) = settle(&as_they_are, Problem::read(&as_they_are)?, stop)?;
    settled.training.bootstrap = job.training.bootstrap;
    Ok(settled)
}

/// Why a member's run ended that can be resumed; no member begins after it.
const STOPPED: [&str; 2] = ["interrupted", "max_seconds"];

/// Trains the members, as many at a time as the device bears; those that were begun, in order.
fn members(
    job: &Job,
    count: usize,
    (mode, of_job): (Mode, &str),
    observer: &mut (dyn Observer + Send),
    stop: &AtomicBool,
) -> Result<Vec<Summary>> {
    let threads = match job.device.threads {
        0 => threads::available(),
        threads => threads,
    };
    // Gauss–Newton's factorisations use all threads well, and its Jacobians all memory.
    let is_newton = job.stages.iter().any(|stage| stage.optimizer.kind.needs_jacobian());
    let at_once = match device::is_cpu(&job.device.name, job.device.precision)? && !is_newton {
        true => count.min(threads),
        false => 1,
    };
    let together = Mutex::new(Together { observer, steps: vec![0; count], is_started: false });
    let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let ends: Vec<Mutex<Option<Result<Summary>>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            if k >= count || ended.load(Ordering::Relaxed) {
                return;
            }
            let mut own = job.clone();
            own.training.ensemble = 1;
            own.training.seed += k as u64;
            own.output = member(&job.output, k);
            own.device.threads = if at_once > 1 { (threads / at_once).max(1) } else { job.device.threads };
            let mode = match mode {
                _ if RunDir::open(&own.output).is_err() => Mode::New,
                // Those of the ensemble that was there before have gone with it.
                Mode::Replace => Mode::New,
                mode => mode,
            };
            let observer = &mut Of { member: k, together: &together };
            let end = run_on(&own, mode, Some(of_job), observer, stop, device::open);
            if !end.as_ref().is_ok_and(|end| !STOPPED.contains(&end.stop)) {
                ended.store(true, Ordering::Relaxed);
            }
            if matches!(end, Err(Error::Interrupted { .. })) {
                // It has not begun.
                return;
            }
            *ends[k].lock().expect("no member panics") = Some(end);
        }
    };
    std::thread::scope(|scope| {
        // Where a thread cannot be had, the members that were its own fall to the others.
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).is_ok();
        let _ = (1..at_once).all(spawn);
        work();
    });
    ends.into_iter().map_while(|end| end.into_inner().expect("no member panics")).collect()
}

/// What the members tell, for one observer.
struct Together<'a> {
    observer: &'a mut (dyn Observer + Send),
    /// Of each member, so far.
    steps: Vec<u64>,
    is_started: bool,
}

/// The observer of one member.
struct Of<'a, 'b> {
    member: usize,
    together: &'a Mutex<Together<'b>>,
}

impl Observer for Of<'_, '_> {
    fn keeping(&mut self, saver: &Arc<Saver>) {
        self.together.lock().expect("no observer panics").observer.keeping(saver);
    }

    fn started(&mut self, device: &str, done: u64, steps: u64) {
        let mut together = self.together.lock().expect("no observer panics");
        together.steps[self.member] = done;
        if !std::mem::replace(&mut together.is_started, true) {
            let (done, steps) = (together.steps.iter().sum(), steps * together.steps.len() as u64);
            together.observer.started(device, done, steps);
        }
    }

    fn report(&mut self, report: &trainer::Report) {
        let mut together = self.together.lock().expect("no observer panics");
        together.steps[self.member] = report.step;
        let step = together.steps.iter().sum();
        together.observer.report(&trainer::Report { step, ..report.clone() });
    }

    fn warning(&mut self, text: &str) {
        // All members have the job's warnings.
        if self.member == 0 {
            self.together.lock().expect("no observer panics").observer.warning(text);
        }
    }
}

/// Where member `k` (from 0) of an ensemble runs.
fn member(directory: &Path, k: usize) -> PathBuf {
    directory.join(directory::member(k + 1))
}

/// Whether this is the directory of an ensemble.
pub fn is_ensemble(path: &Path) -> bool {
    member(path, 0).is_dir()
}

/// The model files of an ensemble's directory, or the one of a run directory, or a model file itself.
///
/// # Errors
/// [`Error::Input`] where there is no model.
pub fn model_paths(path: &Path) -> Result<Vec<PathBuf>> {
    match is_ensemble(path) {
        true => (0..).map(|k| member(path, k)).take_while(|k| k.is_dir()).map(|k| model_path(&k)).collect(),
        false => Ok(vec![model_path(path)?]),
    }
}

/// The trained networks of an ensemble's directory, or the one network of a run directory or a model file, on
/// devices as `device` says; in another precision than that of the model where one is given.
///
/// # Errors
/// [`Error::Input`] where there is no model; those of the devices.
pub fn open(path: &Path, device: &job::Device, precision: Option<Precision>) -> Result<Ensemble> {
    let paths = model_paths(path)?;
    let open = |path: &PathBuf| {
        let model = Model::read(path)?;
        let device = job::Device { precision: precision.unwrap_or(model.precision), ..device.clone() };
        Ok((model, Workplace::new(&device::open, &device)))
    };
    let members = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
    let names = |model: &Model| (model.inputs.clone(), model.outputs.clone());
    if let Some(k) = members.iter().position(|(model, _)| names(model) != names(&members[0].0)) {
        let problem = "this network's inputs or outputs differ from those of the first member";
        let help = "keep only the members of one ensemble in the directory";
        return Err(Error::input(paths[k].display(), problem, help));
    }
    Ensemble::new(members)
}
