//! How steep a network should start: a few starts are trained for a short while, and rows that take no part in it judge
//! them.
//!
//! What suits depends on how fast the data bends over one deviation of its inputs, which nobody knows before: for
//! y = sin(w·x) of 1, 2, 10 and 40 inputs the best of four starts differ thirtyfold, and so do the errors between the best
//! and the worst.

use std::sync::atomic::AtomicBool;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::network::{Activation, Model, natural_steepness};
use crate::problem::Problem;
use crate::trainer::{Settings, Stage, Stop, Trainer};

/// The starts that are tried, as parts of the activation's own steepness.
const PARTS: [f64; 4] = [0.03, 0.1, 0.3, 1.0];
/// A trial's steps over those of the first stage; and how many they are at least and at most.
const SHARE: u64 = 20;
const LEAST_STEPS: u64 = 200;
const MOST_STEPS: u64 = 1000;
/// A start is as good as the best where its validation loss is at most this many times as large; the smoothest of these
/// has the best derivatives.
const AS_GOOD: f64 = 1.3;

/// Whether a job leaves the start to trials: it names no steepness, has rows that judge, and trains long enough.
fn is_open(job: &Job, problem: &Problem, first: &Stage) -> bool {
    let network = &job.network;
    network.steepness.is_none()
        && network.activation != Activation::Sin
        && !network.hidden.is_empty()
        && problem.validation().is_some()
        && first.steps >= 4 * LEAST_STEPS
}

/// The steepness with which a job should start, where it leaves that open; `None` where it does not, or the trials were
/// stopped.
///
/// # Errors
/// Those of the device but for its failure, which is for the training to meet.
pub fn steepness(
    job: &Job,
    problem: &Problem,
    mut say: impl FnMut(&str),
    open: impl Fn(&Model) -> Result<Box<dyn Backend>>,
    stop: &AtomicBool,
) -> Result<Option<f64>> {
    let mut settings = Settings::new(job, problem);
    settings.stages.truncate(1);
    let first = &mut settings.stages[0];
    if !is_open(job, problem, first) {
        return Ok(None);
    }
    first.shorten((first.steps / SHARE).clamp(LEAST_STEPS, MOST_STEPS));
    say(&format!("{} starts are tried for {} steps each", PARTS.len(), first.steps));
    (settings.keeps_best, settings.early_stopping) = (false, None);
    settings.max_seconds = settings.max_seconds.map(|most| most / (SHARE * PARTS.len() as u64) as f64);
    let mut found: Vec<(f64, f64)> = vec![];
    for part in PARTS {
        let mut own = job.clone();
        let steepness = part * natural_steepness(job.network.activation);
        own.network.steepness = Some(steepness);
        let trained = || {
            let mut backend = open(&problem.model(&own))?;
            let mut trainer = Trainer::new(backend.as_mut(), &settings, problem, None)?;
            let ended = trainer.run(stop, |_, _| Ok(()))?;
            let (training, validation) = trainer.losses()?;
            Ok((ended, problem.judged(&training, &validation)))
        };
        match trained() {
            Ok((Stop::Interrupted, _)) | Err(Error::Device { .. }) => return Ok(None),
            Ok((_, loss)) => found.push((steepness, loss)),
            Err(error) => return Err(error),
        }
    }
    let best = found.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
    Ok(found.into_iter().find(|(_, loss)| *loss <= AS_GOOD * best).map(|(steepness, _)| steepness))
}
