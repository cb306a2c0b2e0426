//! The training loop: stages, batches, reports, and the reasons to stop.
//!
//! All that decides a step follows from the settings and the step's number, so a run that goes on
//! from a [`State`] reaches the bits of one that was never stopped.

mod outcome;
mod report;
mod sets;
mod settings;
mod start;
mod state;
mod stop;
mod uncertainty;

pub use outcome::Outcome;
pub use report::{Event, Report};
pub use settings::{Method, Settings, Stage};
pub use state::{Best, StageEnd, State};
pub use stop::Stop;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use self::sets::Sets;
use self::start::optimizer;
use self::stop::Limit;
use crate::backend::{Backend, Batch};
use crate::error::Result;
use crate::optimizer::{Iteration, Memory, Optimizer, Step};
use crate::problem::{Now, Problem};

/// A run on a backend.
pub struct Trainer<'a> {
    backend: &'a mut dyn Backend,
    settings: &'a Settings,
    problem: &'a Problem,
    sets: Sets<'a>,
    state: State,
    /// That of the stage that is under way.
    optimizer: Box<dyn Optimizer>,
    /// Of this call, and the seconds before it.
    started: Instant,
    seconds_before: f64,
}

impl<'a> Trainer<'a> {
    /// Takes the point sets to the backend. A `state` continues a run; without one the backend's own
    /// parameters are the start.
    ///
    /// # Errors
    /// The backend's, and where threads cannot be had.
    pub fn new(
        backend: &'a mut dyn Backend,
        settings: &'a Settings,
        problem: &'a Problem,
        state: Option<State>,
    ) -> Result<Self> {
        if let Some(state) = &state {
            backend.set_parameters(&state.parameters)?;
        }
        let mut state = state.unwrap_or_default();
        let seconds_before = state.seconds;
        let started = Instant::now();
        let sets = Sets::load(backend, problem, &state.adapted)?;
        let last = settings.stages.last().expect("there is a stage");
        let stage = settings.stages.get(state.stage_ends.len()).unwrap_or(last);
        let optimizer = optimizer(backend, settings, problem, stage, std::mem::take(&mut state.memory))?;
        Ok(Self { backend, settings, problem, sets, state, optimizer, started, seconds_before })
    }

    /// Trains stage by stage until there is a reason to stop. `observe` hears of every step and report, and may ask the
    /// trainer for its state, to keep it.
    ///
    /// # Errors
    /// The backend's, and those of `observe`.
    pub fn run(&mut self, stop: &AtomicBool, mut observe: impl FnMut(Event, &mut Self) -> Result<()>) -> Result<Stop> {
        // A run that had ended, and is resumed, has ended.
        if self.patience_is_over() {
            return self.end(Stop::EarlyStopping);
        }
        let settings = self.settings;
        let limit = Limit { signal: stop, started: self.started, max_seconds: settings.max_seconds };
        loop {
            let index = self.state.stage_ends.len();
            let Some(stage) = settings.stages.get(index) else { return self.end(Stop::Steps) };
            let reason = self.stage(stage, &limit, &mut observe)?;
            let stop = self.end(reason)?;
            let Some(next) = settings.stages.get(index + 1).filter(|_| stop.is_of_a_stage()) else { return Ok(stop) };
            let loss = self.problem.total(&self.sets.losses(self.backend)?, &self.state.adapted);
            let (step, seconds) = (self.state.step, self.seconds());
            self.state.stage_ends.push(StageEnd { step, seconds, loss, stop });
            // No optimizer knows anything when its stage begins.
            self.optimizer.finish(self.backend)?;
            self.optimizer = optimizer(self.backend, settings, self.problem, next, Memory::Nothing)?;
        }
    }

    /// The steps of a stage, until there is a reason to stop.
    fn stage(
        &mut self,
        stage: &Stage,
        limit: &Limit,
        observe: &mut impl FnMut(Event, &mut Self) -> Result<()>,
    ) -> Result<Stop> {
        let first = self.state.stage_ends.last().map_or(0, |end| end.step);
        let last = first + stage.steps;
        while self.state.step < last {
            if let Some(stop) = limit.reached() {
                return Ok(stop);
            }
            let number = self.state.step + 1;
            let is_due = number.is_multiple_of(stage.report_every) || number == last;
            let (batches, is_changed) = self.batches(stage, number, first)?;
            let step = Step {
                number,
                of_stage: number - first,
                batches: &batches,
                weights: &self.problem.weights(&self.state.adapted),
                is_changed,
                is_reported: is_due,
                is_over: &|| limit.reached().is_some(),
            };
            let progress = match self.optimizer.iterate(self.backend, &step)? {
                Iteration::Moved(progress) => progress.filter(|_| is_due),
                Iteration::Converged => return Ok(Stop::Converged),
                Iteration::Stuck => return Ok(Stop::NoDescent),
                Iteration::Diverged => return Ok(Stop::Diverged),
                // The reason is found at the top.
                Iteration::Interrupted => continue,
            };
            self.state.step = number;
            if let Some(progress) = progress {
                let report = self.report(progress)?;
                self.judge(&report)?;
                observe(Event::Report(&report), self)?;
            }
            observe(Event::Step, self)?;
            if is_due && self.patience_is_over() {
                return Ok(Stop::EarlyStopping);
            }
        }
        Ok(Stop::Steps)
    }

    /// The batches of a step, and whether they or their weights are others than those before; `first` steps were done
    /// before the stage.
    fn batches(&mut self, stage: &Stage, step: u64, first: u64) -> Result<(Vec<Batch>, bool)> {
        let (settings, adapted) = (self.settings, &mut self.state.adapted);
        let reweighs = self.optimizer.allows_reweighting();
        let now = Now { step, first, resampling: stage.resampling, reweighs };
        let batches = self.sets.batches(self.backend, stage.batch_size, settings.seed, now, adapted)?;
        let balance = settings.balance.filter(|balance| (step - 1).is_multiple_of(balance.every));
        if let Some(balance) = balance.filter(|_| self.optimizer.allows_balancing()) {
            self.sets.balance(self.backend, &batches.0, balance, adapted)?;
        }
        Ok(batches)
    }

    /// Why the training ends: steps that a device still computes may yet turn out to have diverged.
    fn end(&mut self, stop: Stop) -> Result<Stop> {
        let Some(step) = self.backend.report()?.diverged_at else { return Ok(stop) };
        self.state.step = step - 1;
        Ok(Stop::Diverged)
    }

    /// The state as it is now, if none of the steps since the last report has diverged.
    ///
    /// # Errors
    /// The backend's.
    pub fn good_state(&mut self) -> Result<Option<State>> {
        match self.backend.report()?.diverged_at {
            Some(_) => Ok(None),
            None => self.state().map(Some),
        }
    }

    /// The state as it is now, read from the device.
    ///
    /// # Errors
    /// The backend's.
    pub fn state(&mut self) -> Result<State> {
        self.state.parameters = self.backend.parameters()?;
        self.state.memory = self.optimizer.memory(self.backend)?;
        self.state.seconds = self.seconds();
        Ok(self.state.clone())
    }

    /// Each term over all points it is trained on, and where it is judged, at points that no report has seen (T).
    ///
    /// # Errors
    /// The backend's.
    pub fn losses(&mut self) -> Result<(Vec<f64>, Vec<Option<f64>>)> {
        Ok((self.sets.losses(self.backend)?, self.sets.last_validation(self.backend)?))
    }

    /// The coefficients as they are now (K), in the user's units, read from the device where there are any.
    ///
    /// # Errors
    /// The backend's.
    pub fn coefficients(&mut self) -> Result<Vec<f64>> {
        match self.problem.coefficients {
            0 => Ok(vec![]),
            _ => self.backend.parameters().map(|parameters| self.problem.coefficient_values(&parameters)),
        }
    }

    /// Replaces the parameters, for example by the best ones.
    ///
    /// # Errors
    /// The backend's.
    pub fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.backend.set_parameters(parameters)
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }
}
