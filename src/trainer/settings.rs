//! What does not change during a run.

use crate::job;
use crate::job::{Balance, Job, OptimizerKind};
use crate::network::NetworkSpec;
use crate::optimizer::{AdamSettings, GaussNewtonSettings, LbfgsSettings, Schedule};
use crate::points::Resampling;
use crate::problem::Problem;

/// What does not change during a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// One after the other, at least one.
    pub stages: Vec<Stage>,
    /// How the terms' weights follow their gradients while Adam trains.
    pub balance: Option<Balance>,
    /// CPU threads for factorisations; 0 for all.
    pub threads: usize,
    /// The relative error of a loss in the device's arithmetic.
    pub rounding: f64,
    /// Whether the parameters with the lowest validation loss are kept: where there are validation rows, or the run may
    /// end early.
    pub keeps_best: bool,
    /// Reports without a lower validation loss after which the run ends.
    pub early_stopping: Option<u64>,
    /// Seconds after which this call ends.
    pub max_seconds: Option<f64>,
    /// Shuffles follow from it.
    pub seed: u64,
    /// The network's shape, whose layers have priors of their own in training by evidence.
    pub network: NetworkSpec,
    /// The standard deviation that noise gives the residuals of each of the data's terms, where rows tell it.
    pub noise: Vec<Option<f64>>,
}

/// A stage of the training.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// What moves the parameters.
    pub method: Method,
    /// Steps at most.
    pub steps: u64,
    /// Rows of the data a step; all of them for full batches, in their own order.
    pub batch_size: usize,
    /// Steps between two reports.
    pub report_every: u64,
    /// When sampled points are drawn anew, in place of what their sets say.
    pub resampling: Option<Resampling>,
}

/// An optimizer with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Adam or AdamW.
    Adam {
        /// Its constants.
        adam: AdamSettings,
        /// Its rate; `steps` are those of the stage.
        schedule: Schedule,
    },
    /// L-BFGS.
    Lbfgs(LbfgsSettings),
    /// Gauss–Newton.
    GaussNewton(GaussNewtonSettings),
    /// Gauss–Newton by evidence.
    Evidence,
}

impl Stage {
    /// Ends it after fewer steps, to which its learning rates keep, with one report.
    pub fn shorten(&mut self, steps: u64) {
        (self.steps, self.report_every) = (steps, steps);
        if let Method::Adam { schedule, .. } = &mut self.method {
            schedule.warmup = schedule.warmup * steps / schedule.steps.max(1);
            schedule.steps = steps;
        }
    }
}

impl Settings {
    /// Those of a job.
    pub fn new(job: &Job, problem: &Problem) -> Self {
        let stage = |stage: &job::Stage| {
            let optimizer = stage.optimizer;
            Stage {
                method: match optimizer.kind {
                    OptimizerKind::Adam | OptimizerKind::AdamW => {
                        Method::Adam { adam: optimizer.adam, schedule: stage.learning_rates(problem.rows()) }
                    }
                    OptimizerKind::Lbfgs => Method::Lbfgs(optimizer.lbfgs),
                    OptimizerKind::GaussNewton => {
                        let memory = optimizer.memory * f64::from(1 << 30);
                        Method::GaussNewton(GaussNewtonSettings { damping: optimizer.damping, memory })
                    }
                    OptimizerKind::Evidence => Method::Evidence,
                },
                steps: stage.steps(problem.rows()),
                batch_size: stage.batch_size.unwrap_or(usize::MAX),
                report_every: stage.report_every,
                resampling: stage.resampling,
            }
        };
        Self {
            stages: job.stages.iter().map(stage).collect(),
            balance: job.balance,
            threads: job.device.threads,
            // A few roundings: losses are sums in f64 of squares that were rounded one by one.
            rounding: 4.0 * job.device.precision.epsilon(),
            keeps_best: problem.validation().is_some() || job.training.early_stopping.is_some(),
            early_stopping: job.training.early_stopping,
            max_seconds: job.training.max_seconds,
            seed: job.training.seed,
            network: job.network_spec(),
            noise: match &problem.data {
                Some(data) if job.trains_by_evidence() => job.residual_noise(data, &problem.sets[0].points),
                _ => vec![],
            },
        }
    }

    /// Steps at most, over all stages.
    pub fn steps(&self) -> u64 {
        self.stages.iter().map(|stage| stage.steps).sum()
    }
}
