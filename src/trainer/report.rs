//! What a training tells while it goes on.

use super::{Best, Trainer};
use crate::error::Result;
use crate::optimizer::Progress;

/// What a report says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far, those before a resume among them.
    pub seconds: f64,
    /// Which stage (from 0).
    pub stage: usize,
    /// Adam's rate at the last step; the length of the last step of L-BFGS in its direction; Gauss–Newton's λ
    /// for the next.
    pub rate: f64,
    /// The norm of the last gradient, before clipping.
    pub gradient_norm: f64,
    /// Each term over the last batches, before their update (T); over all points after it but for Adam.
    pub training: Vec<f64>,
    /// Their sum with the weights of the terms.
    pub loss: f64,
    /// The weights of the terms (T).
    pub weights: Vec<f64>,
    /// The weight of the last slice of time, for each set with causal weights.
    pub causal: Vec<f64>,
    /// Each term where it is judged, after it (T): on the validation rows, or at fresh points; `None` for those that are
    /// not judged.
    pub validation: Vec<Option<f64>>,
    /// Their sum with the weights of the job, where some are judged; what is not counts as it is trained.
    pub validation_loss: Option<f64>,
}

/// What a training tells.
#[non_exhaustive]
pub enum Event<'a> {
    /// A report is due.
    Report(&'a Report),
    /// Another step is done, or is on its way through the device.
    Step,
}

impl Trainer<'_> {
    /// What is to be said after an iteration.
    pub(super) fn report(&mut self, progress: Progress) -> Result<Report> {
        let Progress { rate, gradient_norm, losses } = progress;
        let training = match losses {
            Some(losses) => losses,
            None => self.sets.losses(self.backend)?,
        };
        let (step, seconds, stage) = (self.state.step, self.seconds(), self.state.stage_ends.len());
        let validation = self.sets.validation(self.backend, step)?;
        let is_judged = validation.iter().any(Option::is_some);
        let adapted = &self.state.adapted;
        Ok(Report {
            step,
            seconds,
            stage,
            rate,
            gradient_norm,
            loss: self.problem.total(&training, adapted),
            weights: self.problem.weights(adapted),
            causal: self.problem.causal(adapted).map(|(_, weight)| weight).collect(),
            validation_loss: is_judged.then(|| self.problem.validation_loss(&training, &validation)),
            training,
            validation,
        })
    }

    /// Shows a report to the optimizer and to early stopping.
    pub(super) fn judge(&mut self, report: &Report) -> Result<()> {
        self.optimizer.watch(report.validation_loss.unwrap_or(report.loss));
        let Some(loss) = report.validation_loss.filter(|_| self.settings.keeps_best) else { return Ok(()) };
        match &mut self.state.best {
            Some(best) if loss >= best.loss || loss.is_nan() => best.waited += 1,
            best => {
                let parameters = self.backend.parameters()?;
                *best = Some(Best { step: report.step, loss, waited: 0, parameters });
            }
        }
        Ok(())
    }

    pub(super) fn patience_is_over(&self) -> bool {
        let waited = self.state.best.as_ref().map_or(0, |best| best.waited);
        self.settings.early_stopping.is_some_and(|patience| waited >= patience)
    }
}
