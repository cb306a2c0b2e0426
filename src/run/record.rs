//! What a run directory keeps of a training: `metrics.csv` and checkpoints.

use crate::error::Result;
use crate::job::{Job, OptimizerKind};
use crate::network::Model;
use crate::problem::{Adapted, Problem};
use crate::run::directory::{Metrics, RunDir, coefficient_column};
use crate::run::saver::{Keep, Pace, Saver};
use crate::run::training::{Record, Settled};
use crate::trainer::{Report, State, Trainer};

/// Writes the reports and states of a training to its run directory.
pub(super) struct DirectoryRecord<'a> {
    job: &'a Job,
    problem: &'a Problem,
    model: &'a Model,
    directory: &'a RunDir,
    saver: &'a Saver,
    /// Once training has begun.
    open: Option<(Metrics, Pace)>,
}

impl<'a> DirectoryRecord<'a> {
    pub(super) fn new(settled: &'a Settled, directory: &'a RunDir, saver: &'a Saver) -> Self {
        let Settled { job, problem, model, .. } = settled;
        Self { job, problem, model, directory, saver, open: None }
    }

    fn open(&mut self) -> &mut (Metrics, Pace) {
        self.open.as_mut().expect("training has begun")
    }
}

impl Record for DirectoryRecord<'_> {
    fn begin(&mut self, resumed: Option<u64>) -> Result<()> {
        let columns = self.columns();
        let metrics = match resumed {
            Some(done) => Metrics::resume(self.directory.metrics(), &columns, done)?,
            None => Metrics::create(self.directory.metrics(), &columns)?,
        };
        let metrics = match self.job.tensorboard {
            true => metrics.with_events(self.directory, &columns)?,
            false => metrics,
        };
        self.open = Some((metrics, Pace::new(self.job.training.checkpoint_every)));
        Ok(())
    }

    fn report(&mut self, report: &Report, coefficients: &[f64]) -> Result<()> {
        let row = self.row(report, coefficients);
        self.open().0.row(report.step, &row)
    }

    fn step(&mut self, trainer: &mut Trainer) -> Result<()> {
        let saver = self.saver;
        let (metrics, pace) = self.open();
        match pace.after_step() {
            Keep::Nothing => {}
            Keep::InMemory => trainer.good_state()?.into_iter().for_each(|state| saver.keep(state)),
            Keep::OnDisk => {
                if let Some(state) = trainer.good_state()? {
                    metrics.sync()?;
                    saver.save(&state)?;
                }
            }
        }
        pace.go_on();
        Ok(())
    }

    fn end(&mut self, state: &State) -> Result<()> {
        self.open().0.sync()?;
        self.saver.save(state)
    }

    fn newest(&mut self) -> Result<Option<State>> {
        self.saver.take()
    }
}

impl DirectoryRecord<'_> {
    /// The columns of `metrics.csv` behind the step, as [`Self::row`] fills them.
    fn columns(&self) -> Vec<String> {
        let mut columns = vec!["seconds".to_string()];
        columns.extend((self.job.stages.len() > 1).then(|| "stage".to_string()));
        columns.extend(self.rates().into_iter().chain(["gradient_norm", "loss"]).map(str::to_string));
        columns.extend(self.problem.terms().map(|term| format!("loss_{}", term.name)));
        if self.job.balance.is_some() {
            columns.extend(self.problem.terms().map(|term| format!("weight_{}", term.name)));
        }
        columns.extend(self.problem.causal(&Adapted::default()).map(|(name, _)| format!("causal_{name}")));
        columns.extend(self.model.coefficients.iter().map(|name| coefficient_column(name)));
        let judged = self.problem.judged_terms().filter(|(_, is_judged)| *is_judged);
        let judged: Vec<String> = judged.map(|(term, _)| format!("validation_{}", term.name)).collect();
        columns.extend((!judged.is_empty()).then(|| "validation".to_string()));
        columns.extend(judged);
        columns
    }

    /// What the stages' rates are called, each name once.
    fn rates(&self) -> Vec<&'static str> {
        let mut rates: Vec<_> = self.job.stages.iter().map(|stage| rate(stage.optimizer.kind)).collect();
        rates.sort_unstable();
        rates.dedup();
        rates
    }

    /// A row of `metrics.csv`: stages from 1, and no number where a column is another optimizer's.
    fn row(&self, report: &Report, coefficients: &[f64]) -> Vec<Option<f64>> {
        let stages = &self.job.stages;
        let mut row = vec![Some(report.seconds)];
        row.extend((stages.len() > 1).then_some(Some(report.stage as f64 + 1.0)));
        let own = rate(stages[report.stage].optimizer.kind);
        row.extend(self.rates().into_iter().map(|name| (name == own).then_some(report.rate)));
        row.extend([report.gradient_norm, report.loss].map(Some));
        let weights = self.job.balance.map_or(&[][..], |_| &report.weights);
        let rest = [&report.training, weights, &report.causal, coefficients];
        row.extend(rest.into_iter().flatten().copied().map(Some));
        row.extend(report.validation_loss.map(Some));
        row.extend(report.validation.iter().flatten().copied().map(Some));
        row
    }
}

/// What an optimizer's [`Report::rate`] is.
fn rate(kind: OptimizerKind) -> &'static str {
    match kind {
        OptimizerKind::Adam | OptimizerKind::AdamW => "learning_rate",
        OptimizerKind::Lbfgs => "step_length",
        OptimizerKind::GaussNewton | OptimizerKind::Evidence => "damping",
    }
}
