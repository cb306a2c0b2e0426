//! The training loop: stages, batches, schedule, reports, and the reasons to stop.
//!
//! All that decides a step follows from the settings and the step's number, so a run that goes on
//! from a [`State`] reaches the bits of one that was never stopped.

mod outcome;
mod sets;
mod settings;
mod stop;
mod uncertainty;

pub use outcome::Outcome;
pub use settings::{Method, Settings, Stage};
pub use stop::Stop;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use self::sets::Sets;
use crate::backend::{Backend, OptimizerState, Update};
use crate::error::Result;
use crate::optimizer::{Damping, Evidence, GaussNewton, History, InverseHessian, Iteration, Plateau, Prior};
use crate::problem::{Adapted, Now, Problem};

/// Where a run stands: what a checkpoint holds.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Seconds spent on them.
    pub seconds: f64,
    /// The parameter block (P).
    pub parameters: Vec<f64>,
    /// How the stages ended that are over; the next one is under way.
    pub stage_ends: Vec<StageEnd>,
    /// Adam's memory.
    pub optimizer: OptimizerState,
    /// The memory of L-BFGS, as it was when the state was last read.
    pub history: History,
    /// Gauss–Newton's memory.
    pub damping: Option<Damping>,
    /// What training by evidence knows of the noise and of the parameters' sizes.
    pub prior: Option<Prior>,
    /// The on-plateau schedule's memory.
    pub plateau: Plateau,
    /// The best parameters so far, where they are kept.
    pub best: Option<Best>,
    /// What of the loss follows the network.
    pub adapted: Adapted,
}

/// How a stage ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageEnd {
    /// Steps of the run after it.
    pub step: u64,
    /// Seconds of training after it.
    pub seconds: f64,
    /// The weighted loss over all points after it.
    pub loss: f64,
    /// Why.
    pub stop: Stop,
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

/// What a training tells while it goes on.
pub enum Event<'a> {
    /// A report is due.
    Report(&'a Report),
    /// Another step is done, or is on its way through the device.
    Step,
}

/// A run on a backend.
pub struct Trainer<'a> {
    backend: &'a mut dyn Backend,
    settings: &'a Settings,
    problem: &'a Problem,
    sets: Sets<'a>,
    state: State,
    /// What L-BFGS keeps on the device during its stage.
    hessian: Option<InverseHessian>,
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
        let state = state.unwrap_or_default();
        let seconds_before = state.seconds;
        let started = Instant::now();
        let sets = Sets::load(backend, problem, &state.adapted)?;
        Ok(Self { backend, settings, problem, sets, state, hessian: None, started, seconds_before })
    }

    /// Trains stage by stage until there is a reason to stop. `observe` hears of every step and report, and may ask the
    /// trainer for its state, to keep it.
    pub fn run(&mut self, stop: &AtomicBool, mut observe: impl FnMut(Event, &mut Self) -> Result<()>) -> Result<Stop> {
        // A run that had ended, and is resumed, has ended.
        if self.patience_is_over() {
            return self.end(Stop::EarlyStopping);
        }
        let settings = self.settings;
        loop {
            let index = self.state.stage_ends.len();
            let Some(stage) = settings.stages.get(index) else { return self.end(Stop::Steps) };
            let ended = self.stage(index, stage, stop, &mut observe)?;
            if index + 1 == settings.stages.len() || !ended.is_of_a_stage() {
                return Ok(ended);
            }
            let loss = self.problem.total(&self.sets.losses(self.backend)?, &self.state.adapted);
            let (step, seconds) = (self.state.step, self.seconds());
            self.state.stage_ends.push(StageEnd { step, seconds, loss, stop: ended });
            self.forget()?;
        }
    }

    /// No optimizer knows anything when its stage begins.
    fn forget(&mut self) -> Result<()> {
        let zeros = vec![0.0; self.backend.parameters()?.len()];
        self.backend.set_optimizer_state(&OptimizerState { first_moment: zeros.clone(), second_moment: zeros })?;
        self.state.history = History::default();
        if self.hessian.take().is_some() {
            self.backend.allocate_vectors(0)?;
        }
        self.state.damping = None;
        self.state.prior = None;
        self.state.plateau = Plateau::default();
        Ok(())
    }

    fn stage(
        &mut self,
        index: usize,
        stage: &Stage,
        stop: &AtomicBool,
        observe: &mut impl FnMut(Event, &mut Self) -> Result<()>,
    ) -> Result<Stop> {
        let first = self.state.stage_ends.last().map_or(0, |end| end.step);
        let last = first + stage.steps;
        let mut newton = match stage.method {
            Method::GaussNewton { memory, .. } => Some(self.gauss_newton(memory)?),
            _ => None,
        };
        let mut evidence = match stage.method {
            Method::Evidence => Some(self.evidence()?),
            _ => None,
        };
        if let Method::Lbfgs(lbfgs) = &stage.method {
            self.hessian = Some(InverseHessian::new(self.backend, lbfgs.history, &self.state.history)?);
        }
        // The loss at the parameters, where the last iteration of L-BFGS has left it and its gradient.
        let mut known = None;
        let (started, most) = (self.started, self.settings.max_seconds);
        let is_too_late = || most.is_some_and(|most| started.elapsed().as_secs_f64() >= most);
        let is_over = || stop.load(Ordering::Relaxed) || is_too_late();
        while self.state.step < last {
            if stop.load(Ordering::Relaxed) {
                return self.end(Stop::Interrupted);
            }
            if is_too_late() {
                return self.end(Stop::MaxSeconds);
            }
            let step = self.state.step + 1;
            let (size, seed, adapted) = (stage.batch_size, self.settings.seed, &mut self.state.adapted);
            // The curvature that L-BFGS remembers is that of one loss.
            let reweighs = !matches!(stage.method, Method::Lbfgs(_));
            let now = Now { step, first, resampling: stage.resampling, reweighs };
            let (batches, is_changed) = self.sets.batches(self.backend, size, seed, now, adapted)?;
            let balance = self.settings.balance.filter(|balance| (step - 1).is_multiple_of(balance.every));
            if let (Some(balance), Method::Adam { .. }) = (balance, &stage.method) {
                self.sets.balance(self.backend, &batches, balance, adapted)?;
            }
            let is_due = step.is_multiple_of(stage.report_every) || step == last;
            let iteration = match (&stage.method, &mut newton) {
                (Method::Adam { adam, schedule }, _) => {
                    let rate = schedule.rate(step - first, &self.state.plateau);
                    let update = adam.update(step - first, rate);
                    self.backend.step(&batches, &Update { step, ..update })?;
                    self.state.step = step;
                    if is_due {
                        let read = self.backend.report()?;
                        if let Some(step) = read.diverged_at {
                            self.state.step = step - 1;
                            return Ok(Stop::Diverged);
                        }
                        let losses = (read.losses, rate, read.gradient_norm);
                        self.report(index, losses, observe)?;
                    }
                    None
                }
                (Method::Lbfgs(lbfgs), _) => {
                    let (problem, adapted) = (self.problem, &self.state.adapted);
                    let at = |backend: &mut (dyn Backend + 'a)| {
                        Ok(problem.total(&backend.differentiate(&batches)?, adapted))
                    };
                    let hessian = self.hessian.as_mut().expect("made above");
                    known = known.filter(|_| !is_changed);
                    Some(lbfgs.iterate(self.backend, hessian, &mut known, self.settings.rounding, at)?)
                }
                (Method::GaussNewton { damping, .. }, newton) => {
                    let newton = newton.as_mut().expect("made above");
                    let damping = self.state.damping.get_or_insert_with(|| Damping::new(*damping));
                    Some(newton.iterate(self.backend, &batches, damping, &is_over)?)
                }
                (Method::Evidence, _) => {
                    let evidence = evidence.as_mut().expect("made above");
                    Some(evidence.iterate(self.backend, &batches, &mut self.state.prior)?)
                }
            };
            match iteration {
                None => {}
                Some(Iteration::Converged) => return Ok(Stop::Converged),
                Some(Iteration::Stuck) => return Ok(Stop::NoDescent),
                Some(Iteration::Diverged) => return Ok(Stop::Diverged),
                // The reason is found at the top.
                Some(Iteration::Interrupted) => continue,
                Some(Iteration::Moved { gradient_norm, step_length }) => {
                    self.state.step = step;
                    if is_due {
                        let lambda = self.state.damping.as_ref().map(|damping| damping.lambda);
                        let damping = lambda.or(self.state.prior.as_ref().map(|prior| prior.damping));
                        let rate = damping.unwrap_or(step_length);
                        let losses = self.sets.losses(self.backend)?;
                        self.report(index, (losses, rate, gradient_norm), observe)?;
                    }
                }
            }
            observe(Event::Step, self)?;
            if is_due && self.patience_is_over() {
                return self.end(Stop::EarlyStopping);
            }
        }
        self.end(Stop::Steps)
    }

    fn gauss_newton(&mut self, memory: f64) -> Result<GaussNewton> {
        let residuals = self.problem.sets.iter().map(|set| set.loss.terms.len() * set.points.points()).sum();
        GaussNewton::new(residuals, self.backend.parameters()?.len(), memory, self.settings.threads)
    }

    fn evidence(&self) -> Result<Evidence> {
        let rows = self.problem.sets[0].points.points();
        let terms: Vec<_> = self.settings.noise.iter().map(|noise| (rows, *noise)).collect();
        Evidence::new(&self.settings.network, &terms, self.settings.threads)
    }

    /// Tells the observer of the terms' losses, the rate and the norm of the gradient.
    fn report(
        &mut self,
        stage: usize,
        (training, rate, gradient_norm): (Vec<f64>, f64, f64),
        observe: &mut impl FnMut(Event, &mut Self) -> Result<()>,
    ) -> Result<()> {
        let (step, seconds) = (self.state.step, self.seconds());
        let validation = self.sets.validation(self.backend, step)?;
        let is_judged = validation.iter().any(Option::is_some);
        let validation_loss = is_judged.then(|| self.problem.validation_loss(&training, &validation));
        let adapted = &self.state.adapted;
        let loss = self.problem.total(&training, adapted);
        let (weights, causal) = (self.problem.weights(adapted), self.problem.causal(adapted).map(|c| c.1).collect());
        let report = Report {
            step,
            seconds,
            stage,
            rate,
            gradient_norm,
            training,
            loss,
            weights,
            causal,
            validation,
            validation_loss,
        };
        self.judge(&report)?;
        observe(Event::Report(&report), self)
    }

    /// The state as it is now, if none of the steps since the last report has diverged.
    pub fn good_state(&mut self) -> Result<Option<State>> {
        match self.backend.report()?.diverged_at {
            Some(_) => Ok(None),
            None => self.state().map(Some),
        }
    }

    /// The state as it is now, read from the device.
    pub fn state(&mut self) -> Result<State> {
        self.state.parameters = self.backend.parameters()?;
        self.state.optimizer = self.backend.optimizer_state()?;
        if let Some(hessian) = &self.hessian {
            self.state.history = hessian.history(self.backend)?;
        }
        self.state.seconds = self.seconds();
        Ok(self.state.clone())
    }

    /// Each term over all points it is trained on, and where it is judged, at points that no report has seen (T).
    pub fn losses(&mut self) -> Result<(Vec<f64>, Vec<Option<f64>>)> {
        Ok((self.sets.losses(self.backend)?, self.sets.last_validation(self.backend)?))
    }

    /// The coefficients as they are now (K), in the user's units, read from the device where there are any.
    pub fn coefficients(&mut self) -> Result<Vec<f64>> {
        match self.problem.coefficients {
            0 => Ok(vec![]),
            _ => self.backend.parameters().map(|parameters| self.problem.coefficient_values(&parameters)),
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
        let Some(step) = self.backend.report()?.diverged_at else { return Ok(stop) };
        self.state.step = step - 1;
        Ok(Stop::Diverged)
    }

    /// Shows a report to the schedule and to early stopping.
    fn judge(&mut self, report: &Report) -> Result<()> {
        if let Method::Adam { schedule, .. } = &self.settings.stages[report.stage].method {
            schedule.watch(report.validation_loss.unwrap_or(report.loss), &mut self.state.plateau);
        }
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

    fn patience_is_over(&self) -> bool {
        let waited = self.state.best.as_ref().map_or(0, |best| best.waited);
        self.settings.early_stopping.is_some_and(|patience| waited >= patience)
    }
}
