//! The training of an ensemble, from its job to its run directory.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;

use crate::error::Result;
use crate::jet::Jets;
use crate::job::Job;
use crate::network::Coefficient;
use crate::predict::Source;
use crate::problem::Problem;
use crate::run::directory::RunDir;
use crate::run::ensemble::{Ensemble, members};
use crate::run::results::{Named, PredictionPlan, RelativeError, Summary};
use crate::run::settle::settle;
use crate::run::{Mode, Observer, pictures, results};
use crate::trainer::Stop;
use crate::{error, files};

/// `report.json` of an ensemble.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The run directory's name.
    pub name: String,
    /// The run directory.
    pub directory: String,
    /// Why the last member's run ended, or the first that was stopped.
    pub stop: Stop,
    /// Seconds of this call's training.
    pub seconds: f64,
    /// The means of the coefficients over the members, each with its deviation over them.
    pub coefficients: Vec<Coefficient>,
    /// ‖mean − truth‖/‖truth‖ over the rows of the truth, by entry.
    pub relative_errors: Vec<RelativeError>,
    /// ‖spread over the members‖/‖mean‖ over the predicted points, by entry.
    pub relative_spreads: Vec<Named>,
    /// Warnings about the ensemble; each member has its own.
    pub warnings: Vec<String>,
    /// The members' own reports.
    pub members: Vec<Summary>,
}

/// Trains `count` members of a job and writes their mean and spread. [`Mode::Resume`] continues a stopped run, and
/// starts members that had not begun. `observer` receives the steps of all members together.
///
/// # Errors
/// Those of [`crate::run::run_on`], of the first member that has them.
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
    let members = members::train(job, count, (mode, of_job), observer, stop)?;
    let stopped = members.iter().map(|member| member.stop).find(|stop| stop.can_be_resumed());
    let is_done = members.len() == count && members.iter().all(|member| member.stop != Stop::Interrupted);
    let mut report = Report {
        name: job.name(),
        directory: job.output.display().to_string(),
        stop: match members.last() {
            Some(last) if members.len() == count => stopped.unwrap_or(last.stop),
            // Some have not begun.
            _ => stopped.unwrap_or(Stop::Interrupted),
        },
        seconds: started.elapsed().as_secs_f64(),
        coefficients: coefficients(&members),
        relative_errors: vec![],
        relative_spreads: vec![],
        warnings: vec![],
        members,
    };
    if is_done {
        let mut ensemble = super::open(&job.output, &job.device, Some(job.device.precision))?;
        let problem = Problem::read(job)?;
        let plan = PredictionPlan::read(job, &problem)?;
        (report.relative_errors, report.relative_spreads, report.warnings) =
            write(job, &problem, &plan, &mut ensemble, &directory)?;
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

/// Writes the mean and spread of an ensemble at the points of the job, with plots. Returns the relative errors of the
/// mean, the relative spreads and the warnings of the predictions.
fn write(
    job: &Job,
    problem: &Problem,
    plan: &PredictionPlan,
    ensemble: &mut Ensemble,
    directory: &RunDir,
) -> Result<(Vec<RelativeError>, Vec<Named>, Vec<String>)> {
    let errors = plan.truth.as_ref().map_or(Ok(vec![]), |truth| results::relative_errors(job, ensemble, truth))?;
    let members = ensemble.count();
    let warnings = results::predictions(job, plan, ensemble, members, directory)?;
    pictures::of_model(job, problem, plan, ensemble, directory)?;
    let layout = job.predictions.seconds.layout(job.predictions.order, job.inputs.len());
    let (mean, spread) = ensemble.jets_with_spread(&plan.points, &layout)?;
    let square = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    let mut spreads = vec![];
    for (output, name) in job.outputs.iter().enumerate() {
        for derivative in layout.derivatives() {
            let of = |jets: &Jets| square(jets.entry(output, derivative).expect("a channel of the layout"));
            // By an input that a network does not read the derivative is 0, and so is its spread.
            if of(&mean) == 0.0 {
                continue;
            }
            let value = spread.as_ref().map_or(0.0, |spread| (of(spread) / of(&mean)).sqrt());
            spreads.push(Named { name: derivative.column(name, &job.inputs), value });
        }
    }
    Ok((errors, spreads, warnings))
}
