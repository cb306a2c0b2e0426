//! What a job leaves open, settled by its data: where values over one input are noisy, a network and an optimizer that
//! tell the curve from the noise; else the defaults.

use std::sync::atomic::AtomicBool;

use crate::data::{Dataset, Validation};
use crate::device;
use crate::error::Result;
use crate::jet::Activation;
use crate::job::{Job, Length, OptimizerKind};
use crate::network::DEFAULT_FREQUENCY;
use crate::numbers::Precision;
use crate::optimizer::Memory;
use crate::problem::Problem;
use crate::run::trial;
use crate::trainer::{Settings, Trainer};

/// Data is noisy where its noise is more than this part of an output's deviation. Below, the defaults are as good.
const NOISY_SHARE: f64 = 1e-3;
/// Rows beyond which training by evidence takes too long to be a default.
const MOST_ROWS: usize = 20_000;
/// One layer of so many units. 64 did as well on the signals of `benches/noise` that both were tried on, in more time; two
/// layers of 32 did worse.
const HIDDEN_UNITS: usize = 32;
/// Whose networks are tried: a rise or a bend is one unit of the first, a wave one of the second.
const TRIED_ACTIVATIONS: [Activation; 2] = [Activation::Tanh, Activation::Sin];
/// Iterations, which most often end earlier.
const MOST_STEPS: u64 = 200;

/// The job with nothing left open, and what it then poses. On noisy data networks of several activations are trained,
/// and the one with the highest evidence is the job's.
///
/// # Errors
/// Those of the files and of the training.
pub fn settle(job: &Job, problem: Problem, stop: &AtomicBool) -> Result<(Job, Problem)> {
    let defaults = Job { is_open: false, ..job.clone() };
    if !job.is_open || !problem.data.as_ref().is_some_and(is_noisy) {
        return Ok((defaults, problem));
    }
    let candidates = TRIED_ACTIVATIONS.map(|activation| by_evidence(&defaults, activation));
    let problem = Problem::read(&candidates[0])?;
    let mut best: Option<(f64, Job)> = None;
    for candidate in candidates {
        let evidence = evidence(&candidate, &problem, stop)?;
        if best.as_ref().is_none_or(|(most, _)| evidence > *most) {
            best = Some((evidence, candidate));
        }
    }
    let (_, job) = best.expect("there are candidates");
    Ok((job, problem))
}

/// The job as it would be trained, what it then poses, and what short trainings would settle first.
///
/// # Errors
/// Those of the files.
pub fn foreseen(job: &Job, problem: Problem) -> Result<(Job, Problem, Vec<String>)> {
    let defaults = Job { is_open: false, ..job.clone() };
    if job.is_open && problem.data.as_ref().is_some_and(is_noisy) {
        let job = by_evidence(&defaults, TRIED_ACTIVATIONS[0]);
        let problem = Problem::read(&job)?;
        let names = TRIED_ACTIVATIONS.map(Activation::name).join(" or ");
        return Ok((job, problem, vec![format!("the activation, {names}, by their evidence: the data is noisy")]));
    }
    let open = trial::foreseen(&defaults, &problem);
    Ok((defaults, problem, open))
}

fn is_noisy(data: &Dataset) -> bool {
    let rows = data.training.points();
    let is_noisy = |(column, deviation): (usize, &f64)| {
        data.training.noise(column).is_some_and(|noise| *deviation > 0.0 && noise > NOISY_SHARE * deviation)
    };
    rows <= MOST_ROWS && data.deviations.iter().enumerate().any(is_noisy)
}

/// The job with a network of this activation, trained by evidence.
fn by_evidence(job: &Job, activation: Activation) -> Job {
    let mut job = job.clone();
    job.networks[0].hidden = vec![HIDDEN_UNITS];
    job.networks[0].activation = activation;
    job.networks[0].frequency = (activation == Activation::Sin).then_some(DEFAULT_FREQUENCY);
    for stage in &mut job.stages {
        stage.optimizer.kind = OptimizerKind::Evidence;
        (stage.length, stage.report_every) = (Length::Steps(MOST_STEPS), 10);
    }
    // Nothing is chosen by rows that judge, and every row helps.
    let is_judged = job.training.early_stopping.is_some();
    if let Some(data) = job.data.as_mut().filter(|data| data.validation == Validation::Default && !is_judged) {
        data.validation = Validation::None;
    }
    (job.loss.curvature, job.loss.tries_curvature) = (0.0, false);
    job.device.name = "cpu".to_string();
    job.device.precision = Precision::F64;
    job
}

/// The logarithm of the evidence that a job reaches.
fn evidence(job: &Job, problem: &Problem, stop: &AtomicBool) -> Result<f64> {
    let mut backend = device::open(&job.device.name, job.device.precision, job.device.threads, &problem.model(job))?;
    let settings = Settings::new(job, problem);
    let mut trainer = Trainer::new(backend.as_mut(), &settings, problem, None)?;
    trainer.run(stop, |_, _| Ok(()))?;
    let evidence = match trainer.state()?.memory {
        Memory::Evidence(prior) => prior.evidence,
        _ => None,
    };
    Ok(evidence.unwrap_or(f64::NEG_INFINITY))
}
