//! Trainings that lead nowhere: a loss that is no number, and one that only grew.

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::job::{Job, OptimizerKind};
use crate::problem::{Adapted, Problem, Survey};
use crate::trainer::{Outcome, Stop};

/// A loss that ends this many times above its start has diverged. Both are taken at the points of the first step with the
/// weights of the job, whatever batches, new points, balance and causal weights have done since.
const RISEN_RATIO: f64 = 5.0;

/// The error that a training which has ended deserves, if any; `start` was seen before its first step,
/// and `backend` the network that it came to.
///
/// # Errors
/// The backend's.
pub fn of(
    job: &Job,
    problem: &Problem,
    outcome: &Outcome,
    start: &Survey,
    backend: &mut dyn Backend,
) -> Result<Option<Error>> {
    let stage = &job.stages[outcome.state.stage_ends.len().min(job.stages.len() - 1)];
    let key = if job.stages.len() > 1 { "the stage's " } else { "optimizer." };
    let advice = match stage.optimizer.kind {
        OptimizerKind::Adam | OptimizerKind::AdamW => {
            format!("lower {key}learning_rate, or set {key}clip_norm")
        }
        OptimizerKind::Lbfgs => "add a stage with adam before L-BFGS".to_string(),
        OptimizerKind::Evidence => "use other rows, or use adam".to_string(),
        OptimizerKind::GaussNewton => format!("raise {key}damping, or add a stage with adam before it"),
    };
    let problem = match outcome.stop {
        Stop::Diverged => {
            let step = outcome.state.step + 1;
            let survey = problem.survey(job, &outcome.state.adapted, backend)?;
            let kept = "the state before that step was kept";
            match survey.fault {
                Some(fault) => {
                    let problem = format!(" at step {step}: term {:?}: {}; {kept}", fault.term, fault.problem);
                    // What was finite at the start has grown, or left where a function has values.
                    let help = if fault.is_too_large { advice } else { format!("{advice}; {}", fault.help) };
                    return Ok(Some(Error::Diverged { problem, help }));
                }
                None => format!(
                    " at step {step}: the loss or its gradient is not finite; {kept}, and its largest residual is \
                     {:.1e}, in {}",
                    survey.largest.0, survey.largest.1
                ),
            }
        }
        Stop::MaxSeconds | Stop::Interrupted => return Ok(None),
        Stop::Steps | Stop::Converged | Stop::NoDescent | Stop::EarlyStopping => {
            if start.fault.is_some() {
                return Ok(None);
            }
            let end = problem.survey(job, &Adapted::default(), backend)?;
            let [start, end] = [start, &end].map(|survey| problem.total(&survey.losses, &Adapted::default()));
            if end <= RISEN_RATIO * start {
                return Ok(None);
            }
            format!(
                ": at the same points, the loss rose from {start:.3e} before the first step to {end:.3e} at the end"
            )
        }
    };
    Ok(Some(Error::Diverged { problem, help: advice }))
}
