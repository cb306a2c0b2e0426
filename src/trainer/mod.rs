//! The training loop: batches, schedule, reports, and the reasons to stop.
//!
//! All that decides a step follows from the settings and the step's number, so a run that goes on
//! from a [`State`] reaches the bits of one that was never stopped.

mod sets;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use self::sets::Sets;
use crate::backend::Backend;
use crate::error::Result;
use crate::job::Job;
use crate::optimizer::{Adam, Damping, GaussNewton, Iteration, OptimizerState, Plateau, Schedule};
use crate::problem::{Problem, Refined};

/// What does not change during a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The constants of Adam.
    pub adam: Adam,
    /// Gauss–Newton's first λ, where it takes Adam's place.
    pub damping: Option<f64>,
    /// CPU threads for its factorisations; 0 for all.
    pub threads: usize,
    /// The learning rate; its `steps` are those of the run.
    pub schedule: Schedule,
    /// Rows of the data a step; all of them for full batches, in their own order.
    pub batch_size: usize,
    /// Steps between two reports.
    pub report_every: u64,
    /// Reports without a lower validation loss after which the run ends; the best state is kept.
    pub early_stopping: Option<u64>,
    /// Seconds after which this call ends.
    pub max_seconds: Option<f64>,
    /// Shuffles follow from it.
    pub seed: u64,
}

impl Settings {
    /// Those of a job.
    pub fn new(job: &Job, problem: &Problem) -> Self {
        let rows = problem.rows();
        Self {
            adam: job.optimizer.adam,
            damping: job.is_gauss_newton().then_some(job.optimizer.damping),
            threads: job.device.threads,
            schedule: job.schedule(job.training.steps(rows)),
            batch_size: job.training.batch_size.unwrap_or(usize::MAX),
            report_every: job.training.report_every,
            early_stopping: job.training.early_stopping,
            max_seconds: job.training.max_seconds,
            seed: job.training.seed,
        }
    }
}

/// Where a run stands: what a checkpoint holds.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Seconds spent on them.
    pub seconds: f64,
    /// The parameter block (P).
    pub parameters: Vec<f64>,
    /// Adam's memory.
    pub optimizer: OptimizerState,
    /// Gauss–Newton's memory.
    pub damping: Option<Damping>,
    /// The on-plateau schedule's memory.
    pub plateau: Plateau,
    /// The best parameters so far, where early stopping keeps them.
    pub best: Option<Best>,
    /// The points that refinement has chosen.
    pub refined: Refined,
}

/// The state with the lowest validation loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// After how many steps.
    pub step: u64,
    /// Its validation loss.
    pub loss: f64,
    /// Reports since then.
    pub waited: u64,
    /// The parameter block (P).
    pub parameters: Vec<f64>,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far, those before a resume among them.
    pub seconds: f64,
    /// The rate of the last step; Gauss–Newton's λ for the next.
    pub rate: f64,
    /// The norm of the last gradient, before clipping.
    pub gradient_norm: f64,
    /// Each term over the last batches, before their update (T); after it for Gauss–Newton.
    pub training: Vec<f64>,
    /// Each of the data's terms over the validation rows, after it.
    pub validation: Option<Vec<f64>>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All steps are done.
    Steps,
    /// The validation loss stopped falling.
    EarlyStopping,
    /// The time is over.
    MaxSeconds,
    /// No step lowers the loss: the limit of the arithmetic.
    Stuck,
    /// A signal.
    Interrupted,
    /// This step's loss or gradient was not finite.
    Diverged(u64),
}

impl Stop {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Stop::Steps => "steps",
            Stop::EarlyStopping => "early_stopping",
            Stop::MaxSeconds => "max_seconds",
            Stop::Stuck => "no_descent",
            Stop::Interrupted => "interrupted",
            Stop::Diverged(_) => "diverged",
        }
    }
}

/// A run on a backend.
pub struct Trainer<'a> {
    backend: &'a mut dyn Backend,
    settings: &'a Settings,
    problem: &'a Problem,
    sets: Sets<'a>,
    newton: Option<GaussNewton>,
    state: State,
    /// Of this call, and the seconds before it.
    started: Instant,
    seconds_before: f64,
}

impl<'a> Trainer<'a> {
    /// Takes the point sets to the backend. A `state` continues a run; without one the backend's own
    /// parameters are the start.
    pub fn new(
        backend: &'a mut dyn Backend,
        settings: &'a Settings,
        problem: &'a Problem,
        state: Option<State>,
    ) -> Result<Self> {
        if let Some(state) = &state {
            backend.set_parameters(&state.parameters)?;
            backend.set_optimizer_state(&state.optimizer)?;
        }
        let mut state = state.unwrap_or_default();
        let newton = match settings.damping {
            None => None,
            Some(lambda) => {
                state.damping.get_or_insert_with(|| Damping::new(lambda));
                let residuals = problem.sets.iter().map(|set| set.loss.terms.len() * set.points.points()).sum();
                Some(GaussNewton::new(residuals, backend.parameters()?.len(), settings.threads)?)
            }
        };
        let seconds_before = state.seconds;
        let started = Instant::now();
        let sets = Sets::load(backend, problem, state.step, &state.refined)?;
        Ok(Self { backend, settings, problem, sets, newton, state, started, seconds_before })
    }

    /// Trains until there is a reason to stop. `observe` hears every report, and may ask the trainer
    /// for its state, to keep it.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        mut observe: impl FnMut(&Report, &mut Self) -> Result<()>,
    ) -> Result<Stop> {
        // A run that had ended, and is resumed, has ended.
        if self.patience_is_over() {
            return self.end(Stop::EarlyStopping);
        }
        while self.state.step < self.settings.schedule.steps {
            if stop.load(Ordering::Relaxed) {
                return self.end(Stop::Interrupted);
            }
            if self.settings.max_seconds.is_some_and(|most| self.started.elapsed().as_secs_f64() >= most) {
                return self.end(Stop::MaxSeconds);
            }
            let step = self.state.step + 1;
            let batches = self.sets.batches(self.backend, self.settings, step, &mut self.state.refined)?;
            let is_due = step.is_multiple_of(self.settings.report_every) || step == self.settings.schedule.steps;
            let (rate, gradient_norm, training) = match &mut self.newton {
                Some(newton) => {
                    let damping = self.state.damping.as_mut().expect("made with the method");
                    let gradient_norm = match newton.iterate(self.backend, &batches, damping)? {
                        Iteration::Moved { gradient_norm } => gradient_norm,
                        Iteration::Stuck => return Ok(Stop::Stuck),
                        Iteration::Diverged => return Ok(Stop::Diverged(step)),
                    };
                    self.state.step = step;
                    if !is_due {
                        continue;
                    }
                    (damping.lambda, gradient_norm, self.sets.losses(self.backend)?.0)
                }
                None => {
                    let rate = self.settings.schedule.rate(step, &self.state.plateau);
                    self.backend.step(&batches, &self.settings.adam.update(step, rate))?;
                    self.state.step = step;
                    if !is_due {
                        continue;
                    }
                    let read = self.backend.report()?;
                    if let Some(step) = read.diverged_at {
                        return self.end(Stop::Diverged(step));
                    }
                    (rate, read.gradient_norm, read.losses)
                }
            };
            let validation = self.sets.validation(self.backend)?;
            let report = Report { step, seconds: self.seconds(), rate, gradient_norm, training, validation };
            self.judge(&report)?;
            observe(&report, self)?;
            if self.patience_is_over() {
                return self.end(Stop::EarlyStopping);
            }
        }
        self.end(Stop::Steps)
    }

    /// The state as it is now, read from the device.
    pub fn state(&mut self) -> Result<State> {
        self.state.parameters = self.backend.parameters()?;
        self.state.optimizer = self.backend.optimizer_state()?;
        self.state.seconds = self.seconds();
        Ok(self.state.clone())
    }

    /// Each term over all points, and the data's terms over the validation rows.
    pub fn losses(&mut self) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
        self.sets.losses(self.backend)
    }

    /// The coefficients as they are now (K), read from the device where there are any.
    pub fn coefficients(&mut self) -> Result<Vec<f64>> {
        match self.problem.coefficients {
            0 => Ok(vec![]),
            count => self.backend.parameters().map(|parameters| parameters[parameters.len() - count..].to_vec()),
        }
    }

    /// Replaces the parameters, for example by the best ones.
    pub fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.backend.set_parameters(parameters)
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Steps that a device still computes may yet turn out to have diverged.
    fn end(&mut self, stop: Stop) -> Result<Stop> {
        let stop = self.backend.report()?.diverged_at.map_or(stop, Stop::Diverged);
        if let Stop::Diverged(step) = stop {
            self.state.step = step - 1;
        }
        Ok(stop)
    }

    /// Shows a report to the schedule and to early stopping.
    fn judge(&mut self, report: &Report) -> Result<()> {
        let training = self.problem.total(&report.training);
        let validation = report.validation.as_ref().map(|losses| self.problem.total(losses));
        self.settings.schedule.watch(validation.unwrap_or(training), &mut self.state.plateau);
        let (Some(_), Some(loss)) = (self.settings.early_stopping, validation) else { return Ok(()) };
        match &mut self.state.best {
            Some(best) if loss >= best.loss || loss.is_nan() => best.waited += 1,
            best => {
                let parameters = self.backend.parameters()?;
                *best = Some(Best { step: report.step, loss, waited: 0, parameters });
            }
        }
        Ok(())
    }

    fn patience_is_over(&self) -> bool {
        let waited = self.state.best.as_ref().map_or(0, |best| best.waited);
        self.settings.early_stopping.is_some_and(|patience| waited >= patience)
    }
}
