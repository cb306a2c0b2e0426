//! Networks of one job that differ in their seeds: their mean, and how far they are apart, which is an error bar
//! for every derivative.
//!
//! Each member is a run of its own, in `member-1`, `member-2`, … of the run directory, with the seeds that follow
//! the job's. On the CPU members train side by side, a thread for each before any has two: small steps gain more by
//! that than by sharing a step's points. Their bits are the same either way.

mod members;
mod observer;
mod train;

pub use train::{Report, train};

use std::path::{Path, PathBuf};

use crate::backend::Backend;
use crate::device::Workplace;
use crate::error::{Error, Result};
use crate::expression::Expression;
use crate::jet::{JetLayout, Jets};
use crate::network::{Model, model_path};
use crate::numbers::Precision;
use crate::predict::{Source, Spread};
use crate::run::directory;
use crate::{device, job, predict};

/// Trained networks of the same inputs and outputs, each on its device.
pub struct Ensemble {
    members: Vec<(Model, Workplace<'static>)>,
    /// Warnings about devices that failed and were replaced by the CPU.
    warnings: Vec<String>,
}

impl Ensemble {
    /// An ensemble of at least one network, each with its workplace.
    ///
    /// # Errors
    /// Those of the devices.
    pub fn new(members: Vec<(Model, Workplace<'static>)>) -> Result<Self> {
        assert!(!members.is_empty(), "an ensemble has a member");
        let mut ensemble = Self { members, warnings: vec![] };
        // A device that cannot be opened is known before there are points.
        ensemble.mean_and_spread(|_, _| Ok(vec![]))?;
        Ok(ensemble)
    }

    /// The devices of the members.
    pub fn device(&self) -> String {
        let mut devices: Vec<_> = self.members.iter().map(|(_, workplace)| workplace.devices()).collect();
        devices.dedup();
        devices.join("; ")
    }

    /// Warnings about the devices.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The count.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// The mean of what `each` member gives, and the deviation where there are several members.
    fn mean_and_spread(
        &mut self,
        each: impl Fn(&Model, &mut dyn Backend) -> Result<Vec<f64>>,
    ) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
        // Welford's recurrences: one member's numbers at a time.
        let mut members = self.members.iter_mut().map(|(model, workplace)| {
            workplace.run(model, |backend, failure| {
                self.warnings.extend(failure);
                each(model, backend)
            })
        });
        let mut mean = members.next().expect("an ensemble has a member")?;
        let mut squares = vec![0.0; mean.len()];
        let mut count = 1.0;
        for values in members {
            count += 1.0;
            for ((mean, square), value) in mean.iter_mut().zip(&mut squares).zip(values?) {
                let apart = value - *mean;
                *mean += apart / count;
                *square += apart * (value - *mean);
            }
        }
        let factor = interval(count);
        let spread = || squares.iter().map(|square| factor * (square / (count - 1.0)).sqrt()).collect();
        Ok((mean, (count > 1.0).then(spread)))
    }
}

impl Source for Ensemble {
    fn model(&self) -> &Model {
        &self.members[0].0
    }

    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        Ok(self.jets_with_spread(points, layout)?.0)
    }

    fn jets_with_spread(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<(Jets, Option<Jets>)> {
        let outputs = self.model().outputs.len();
        let jets = |values| Jets { layout: layout.clone(), outputs, values };
        let each = |model: &Model, backend: &mut dyn Backend| Ok(predict::jets(model, backend, points, layout)?.values);
        let (mean, spread) = self.mean_and_spread(each)?;
        Ok((jets(mean), spread.map(jets)))
    }

    fn values_with_spread(&mut self, points: &[Vec<f64>], expressions: &[Expression]) -> Result<Spread> {
        let count = points[0].len();
        let split = |values: Vec<f64>| values.chunks_exact(count).map(<[f64]>::to_vec).collect();
        let each = |model: &Model, backend: &mut dyn Backend| {
            Ok(predict::values(model, backend, points, expressions)?.concat())
        };
        let (mean, spread) = self.mean_and_spread(each)?;
        Ok((split(mean), spread.map(split)))
    }
}

/// Half of the 95 % interval of one more number, the truth, over the deviation of `count` others: of few members the
/// deviation is known badly, and their mean, too, has an error (Student's t). Twice the spread then covers what it should
/// with three members as with thirty.
fn interval(count: f64) -> f64 {
    const QUANTILES: [f64; 9] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
    let free = count - 1.0;
    // Cornish and Fisher's series, exact to a thousandth from ten on.
    let series = 1.960 + 2.372 / free + 2.823 / (free * free);
    let quantile = QUANTILES.get((free as usize).saturating_sub(1)).copied().unwrap_or(series);
    0.5 * quantile * (1.0 + 1.0 / count).sqrt()
}

/// Where member `k` (from 0) of an ensemble runs.
fn member(directory: &Path, k: usize) -> PathBuf {
    directory.join(directory::member(k + 1))
}

/// Whether this is the directory of an ensemble.
pub fn is_ensemble(path: &Path) -> bool {
    member(path, 0).is_dir()
}

/// The model files of an ensemble's directory, or the one of a run directory, or a model file itself.
///
/// # Errors
/// [`Error::Input`] where there is no model.
pub fn model_paths(path: &Path) -> Result<Vec<PathBuf>> {
    match is_ensemble(path) {
        true => (0..).map(|k| member(path, k)).take_while(|k| k.is_dir()).map(|k| model_path(&k)).collect(),
        false => Ok(vec![model_path(path)?]),
    }
}

/// The trained networks of an ensemble's directory, or the one network of a run directory or a model file, on
/// `device`; in the precision of the model unless another is given.
///
/// # Errors
/// [`Error::Input`] where there is no model; those of the devices.
pub fn open(path: &Path, device: &job::Device, precision: Option<Precision>) -> Result<Ensemble> {
    let paths = model_paths(path)?;
    let open = |path: &PathBuf| {
        let model = Model::read(path)?;
        let device = job::Device { precision: precision.unwrap_or(model.precision), ..device.clone() };
        Ok((model, Workplace::new(&device::open, &device)))
    };
    let members = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
    let names = |model: &Model| (model.inputs.clone(), model.outputs.clone());
    if let Some(k) = members.iter().position(|(model, _)| names(model) != names(&members[0].0)) {
        let problem = "this network's inputs or outputs differ from those of the first member";
        let help = "keep only the members of one ensemble in the directory";
        return Err(Error::input(paths[k].display(), problem, help));
    }
    Ensemble::new(members)
}
