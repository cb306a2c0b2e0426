//! `jetfit train`: a job from its file and the flags.
#![expect(dead_code, reason = "the subcommand is declared together with the trainer")]

use std::path::PathBuf;

use clap::Args;
use jetfit::job::Overrides;
use jetfit::network::Precision;

use super::Display;
use super::predict::precision;

/// Fit a network to data as a job file says
///
/// The run directory then holds the resolved job, the model, a checkpoint, the losses, predictions
/// with derivatives, plots and a report. SIGINT and SIGTERM write a checkpoint and end the run;
/// --resume goes on from it to the very bits of a run that was never stopped.
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit train examples/sine/job.toml
  jetfit train job.toml --out runs/second --seed 2 --device cpu --threads 4
  jetfit train job.toml --max-seconds 3500 --quiet --format json
  jetfit train --resume runs/second")]
pub struct Arguments {
    /// The job file
    #[arg(value_name = "JOB.toml", required_unless_present = "resume", conflicts_with = "resume")]
    pub job: Option<PathBuf>,

    /// Go on with the run in this directory
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["out", "precision", "seed", "steps", "force"])]
    pub resume: Option<PathBuf>,

    /// The run directory, in place of output.directory
    #[arg(long, value_name = "RUN_DIR")]
    pub out: Option<PathBuf>,

    /// auto, cpu, gpu, or a part of an adapter's name, in place of device.name
    #[arg(long)]
    pub device: Option<String>,

    /// The format of the arithmetic, in place of device.precision; f64 runs on the CPU
    #[arg(long, value_parser = precision())]
    pub precision: Option<Precision>,

    /// CPU threads, in place of device.threads; 0 takes all
    #[arg(long)]
    pub threads: Option<usize>,

    /// In place of training.seed
    #[arg(long)]
    pub seed: Option<u64>,

    /// Seconds after which the run ends as if it were done, in place of training.max_seconds
    #[arg(long, value_name = "SECONDS")]
    pub max_seconds: Option<f64>,

    /// Optimizer steps, in place of training.steps and training.epochs
    #[arg(long)]
    pub steps: Option<u64>,

    /// Replace the run that the run directory holds
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub display: Display,
}

impl Arguments {
    /// What the flags put in the place of the job's keys.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            directory: self.out.clone(),
            device: self.device.clone(),
            precision: self.precision,
            threads: self.threads,
            seed: self.seed,
            max_seconds: self.max_seconds,
            steps: self.steps,
        }
    }
}
