//! What short trainings choose, judged by rows that take no part in them: how steep a network should start, and where a
//! job asks for it how much its curvature weighs.
//!
//! What start suits depends on how fast the data bends over one deviation of its inputs, which nobody knows before: for
//! y = sin(w·x) of 1, 2, 10 and 40 inputs the best of four starts differ thirtyfold, and so do the errors between the best
//! and the worst.

use std::sync::atomic::AtomicBool;

use crate::device::Workplace;
use crate::error::{Error, Result};
use crate::jet::Activation;
use crate::job::Job;
use crate::network::natural_steepness;
use crate::problem::Problem;
use crate::run::Observer;
use crate::trainer::{Settings, Stage, Stop, Trainer};

/// The starts that are tried, as parts of the activation's own steepness.
const STEEPNESS_PARTS: [f64; 4] = [0.03, 0.1, 0.3, 1.0];
/// A trial's steps over those of the first stage; and how many they are at least and at most.
const TRIAL_SHARE: u64 = 20;
const LEAST_STEPS: u64 = 200;
const MOST_STEPS: u64 = 1000;
/// A start is as good as the best where its validation loss is at most this many times as large; the smoothest of these
/// has the best derivatives.
const AS_GOOD: f64 = 1.3;

/// Whether a job leaves the start to trials: it names no steepness, has rows that judge, and trains long enough.
fn is_open(job: &Job, problem: &Problem, first: &Stage) -> bool {
    let network = &job.networks[0];
    job.has_one_network()
        && network.steepness.is_none()
        && network.start.is_none()
        && network.activation != Activation::Sin
        && !network.hidden.is_empty()
        && problem.validation().is_some()
        && first.steps >= 4 * LEAST_STEPS
}

/// The steepness with which a job should start, where it leaves that open; `None` where it does not, or the trials were
/// stopped.
///
/// # Errors
/// Those of the device, where no CPU takes over.
pub fn steepness(
    job: &Job,
    problem: &Problem,
    workplace: &mut Workplace,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<f64>> {
    let mut settings = Settings::new(job, problem);
    settings.stages.truncate(1);
    let first = &mut settings.stages[0];
    if !is_open(job, problem, first) {
        return Ok(None);
    }
    first.shorten((first.steps / TRIAL_SHARE).clamp(LEAST_STEPS, MOST_STEPS));
    observer.settling(&format!("trying {} initial steepnesses for {} steps each", STEEPNESS_PARTS.len(), first.steps));
    (settings.keeps_best, settings.early_stopping) = (false, None);
    settings.max_seconds = settings.max_seconds.map(|most| most / (TRIAL_SHARE * STEEPNESS_PARTS.len() as u64) as f64);
    let mut found = vec![];
    for steepness in STEEPNESS_PARTS.map(|part| part * natural_steepness(job.networks[0].activation)) {
        let mut own = job.clone();
        own.networks[0].steepness = Some(steepness);
        match validation_loss(&own, problem, &settings, workplace, observer, stop)? {
            Some(loss) => found.push((steepness, loss)),
            None => return Ok(None),
        }
    }
    Ok(first_as_good(&found, AS_GOOD))
}

/// What trials would choose before a job is trained, in words.
pub fn foreseen(job: &Job, problem: &Problem) -> Vec<String> {
    let first = &Settings::new(job, problem).stages[0];
    let starts = is_open(job, problem, first).then(|| {
        format!("{} initial steepnesses, by the validation loss after a short training", STEEPNESS_PARTS.len())
    });
    let curvatures = job.loss.tries_curvature.then(|| {
        format!("{} weights of the curvature, by the validation loss after the first stage", CURVATURES.len())
    });
    starts.into_iter().chain(curvatures).collect()
}

/// Weights of the penalty on curvature that are tried, the smoothest first.
const CURVATURES: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 0.0];
/// A smoother network is as good as the best where its validation loss is at most this many times as large.
const AS_GOOD_CURVATURE: f64 = 1.05;

/// The weight of the penalty on curvature, found by the whole first stage with each of some; `None` where the trials were
/// stopped.
///
/// # Errors
/// [`Error::Input`] where no rows judge; those of the device, where no CPU takes over.
pub fn curvature(
    job: &Job,
    workplace: &mut Workplace,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<f64>> {
    let mut found = vec![];
    for curvature in CURVATURES {
        let mut own = job.clone();
        own.loss.curvature = curvature;
        let problem = Problem::read(&own)?;
        if problem.validation().is_none() {
            let problem = "choosing the weight needs validation rows: with fewer than 50 rows none are kept by default";
            return Err(Error::input("loss.curvature", problem, "set data.validation_fraction, or give a number here"));
        }
        observer.settling(&format!("trying curvature {curvature:e}"));
        let mut settings = Settings::new(&own, &problem);
        settings.stages.truncate(1);
        settings.max_seconds = settings.max_seconds.map(|most| 0.5 * most / CURVATURES.len() as f64);
        match validation_loss(&own, &problem, &settings, workplace, observer, stop)? {
            Some(loss) => found.push((curvature, loss)),
            None => return Ok(None),
        }
    }
    Ok(first_as_good(&found, AS_GOOD_CURVATURE))
}

/// The loss where a job's terms are judged, after a training; `None` where it was stopped.
fn validation_loss(
    job: &Job,
    problem: &Problem,
    settings: &Settings,
    workplace: &mut Workplace,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Option<f64>> {
    let (stop, losses) = workplace.run_anew(&problem.model(job), |backend, failure| {
        failure.iter().for_each(|failure| observer.warning(failure));
        let mut trainer = Trainer::new(backend, settings, problem, None)?;
        let stop = trainer.run(stop, |_, _| Ok(()))?;
        Ok((stop, trainer.losses()?.1))
    })?;
    let weighted = problem.terms().zip(losses).filter_map(|(term, loss)| Some(term.weight * loss?));
    Ok((stop != Stop::Interrupted).then(|| weighted.sum()))
}

/// The first whose loss is at most `most` times the least.
fn first_as_good(found: &[(f64, f64)], most: f64) -> Option<f64> {
    let best = found.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
    found.iter().find(|(_, loss)| *loss <= most * best).map(|(choice, _)| *choice)
}
