//! How a job trains: its stages, and what holds for all of them.

use std::collections::BTreeMap;

use crate::numbers::Precision;
use crate::optimizer::{AdamSettings, LbfgsSettings, Schedule, Shape};
use crate::points::Resampling;

/// A stage of the training: a `[[stage]]`, or for a job of one stage `[optimizer]`, `[schedule]` and the
/// length of `[training]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Adam's learning rate over the steps.
    pub schedule: ScheduleSettings,
    /// Maximum length.
    pub length: Length,
    /// Rows per step; `None` for all of them.
    pub batch_size: Option<usize>,
    /// Steps between two reports.
    pub report_every: u64,
    /// When all sampled points are redrawn; overrides the setting of each term.
    pub resampling: Option<Resampling>,
}

/// `[optimizer]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimizer {
    /// Which optimizer.
    pub kind: OptimizerKind,
    /// The rate at the end of the warm-up.
    pub learning_rate: f64,
    /// The constants of Adam and AdamW.
    pub adam: AdamSettings,
    /// The constants of L-BFGS.
    pub lbfgs: LbfgsSettings,
    /// Gauss–Newton's λ before its first iteration.
    pub damping: f64,
    /// Memory limit for its Jacobian in GiB; above it, no Jacobian is stored.
    pub memory: f64,
}

/// The optimizers by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptimizerKind {
    /// Adam.
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
    /// L-BFGS over all rows.
    Lbfgs,
    /// Gauss–Newton over all residuals, on the CPU.
    GaussNewton,
    /// Gauss–Newton with the prior and the noise that have the highest evidence, on the CPU.
    Evidence,
}

/// `[schedule]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleSettings {
    /// How the rate falls.
    pub shape: Shape,
    /// Steps over which it rises first.
    pub warmup: u64,
}

/// `[balance]`: weights of the terms that follow the norms of their gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// Steps between two updates of the weights.
    pub every: u64,
    /// The fraction of its old weight that a term keeps at an update, from 0 to below 1.
    pub memory: f64,
}

/// `[training]`, except for what belongs to a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// Time limit in seconds; a run that reaches it ends as if it were done.
    pub max_seconds: Option<f64>,
    /// Seconds between checkpoints; the first comes after at most 5.
    pub checkpoint_every: f64,
    /// Stop after this many reports without a lower validation loss.
    pub early_stopping: Option<u64>,
    /// The seed of initial values, validation split and shuffling.
    pub seed: u64,
    /// The number of networks to train, with consecutive seeds.
    pub ensemble: usize,
    /// Whether rows of files are resampled with replacement by the seed (bootstrap, Efron 1979).
    pub bootstrap: bool,
}

/// How long a stage trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Optimizer steps.
    Steps(u64),
    /// Passes through the training rows.
    Epochs(u64),
}

/// `[plots]`
#[derive(Clone, Debug, PartialEq)]
pub struct Plots {
    /// Which pictures are drawn.
    pub what: Vec<Picture>,
    /// What they are written as.
    pub formats: Vec<PictureFormat>,
    /// Their width in pixels, if it is not theirs.
    pub width: Option<u32>,
    /// Where inputs stand that a picture does not show, by name: one place, or those of a row of maps.
    pub at: BTreeMap<String, Vec<f64>>,
    /// Pictures of an animation.
    pub frames: usize,
}

/// A picture of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Values and derivatives along each input.
    Fit,
    /// Values over two inputs.
    Map,
    /// Predicted against measured.
    Parity,
    /// Losses over the steps.
    Loss,
    /// Maps that move along a third input.
    Animation,
}

/// What pictures are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// Outlines and text.
    Svg,
    /// Pixels, two for one of the SVG.
    Png,
    /// Outlines, on a page of the picture's size.
    Pdf,
}

impl Picture {
    /// Every picture by name.
    pub const ALL: [(&str, Picture); 5] = [
        ("fit", Picture::Fit),
        ("map", Picture::Map),
        ("parity", Picture::Parity),
        ("loss", Picture::Loss),
        ("animation", Picture::Animation),
    ];

    /// Its name in jobs.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }
}

impl PictureFormat {
    /// Every format by name.
    pub const ALL: [(&str, PictureFormat); 3] =
        [("svg", PictureFormat::Svg), ("png", PictureFormat::Png), ("pdf", PictureFormat::Pdf)];

    /// Its name in jobs, and what file names end in.
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }
}

fn name_of<T: PartialEq>(all: &[(&'static str, T)], one: T) -> &'static str {
    all.iter().find(|(_, known)| *known == one).map_or("", |(name, _)| name)
}

impl Default for Plots {
    fn default() -> Self {
        use Picture::{Fit, Loss, Map, Parity};
        Self {
            what: vec![Fit, Map, Parity, Loss],
            formats: vec![PictureFormat::Svg, PictureFormat::Png],
            width: None,
            at: BTreeMap::new(),
            frames: 40,
        }
    }
}

/// `[device]`
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// `auto`, `cpu`, `gpu` or part of an adapter's name.
    pub name: String,
    /// The number format; f64 runs only on the CPU.
    pub precision: Precision,
    /// CPU threads; 0 for all.
    pub threads: usize,
    /// Whether a run continues on the CPU if the GPU fails.
    pub fallback: bool,
}

impl Stage {
    /// Its steps over `rows` training rows; the last batch of an epoch may be smaller.
    pub fn steps(&self, rows: usize) -> u64 {
        match self.length {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => {
                let batches = rows.div_ceil(self.batch_size.unwrap_or(rows).max(1)).max(1);
                epochs.saturating_mul(batches as u64)
            }
        }
    }

    /// Its learning rates over `rows` training rows.
    pub fn learning_rates(&self, rows: usize) -> Schedule {
        let ScheduleSettings { shape, warmup } = self.schedule;
        Schedule { learning_rate: self.optimizer.learning_rate, warmup, steps: self.steps(rows), shape }
    }
}

impl OptimizerKind {
    /// Every optimizer.
    pub const ALL: [Self; 5] = [Self::Adam, Self::AdamW, Self::Lbfgs, Self::GaussNewton, Self::Evidence];

    /// Its name in jobs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::Lbfgs => "lbfgs",
            Self::GaussNewton => "gauss-newton",
            Self::Evidence => "evidence",
        }
    }

    /// Whether it needs the Jacobian of all residuals, which only the CPU computes.
    pub fn needs_jacobian(self) -> bool {
        matches!(self, Self::GaussNewton | Self::Evidence)
    }

    /// Whether it is Adam or AdamW, which use a learning rate and mini-batches.
    pub fn is_adam(self) -> bool {
        matches!(self, Self::Adam | Self::AdamW)
    }
}
