//! A job whose time is cut into windows, which are trained one after another: long times that one network does not learn
//! at once.
//!
//! Each window is a run of its own, in `window-1`, `window-2`, … of the run directory, with a job that runs by itself:
//! its part of the time, the last window's network to begin with, and that network's values at its end, in a table beside
//! it, as what it starts from. All together are one function, each in its window.

mod march;
mod observer;
mod own_job;
mod train;

pub use train::{Report, Window, train};

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

/// The trained networks of windows, each on its device.
pub struct Windows {
    /// The input that is cut.
    input: usize,
    /// Where each window ends (K).
    ends: Vec<f64>,
    members: Vec<(Model, Workplace<'static>)>,
    /// The first one's, trained over all of the time.
    model: Model,
    warnings: Vec<String>,
}

impl Windows {
    /// Where window `k` (from 0) runs.
    pub(super) fn directory(directory: &Path, k: usize) -> PathBuf {
        directory.join(directory::window(k + 1))
    }

    /// Whether this is the directory of windows.
    pub fn are_in(path: &Path) -> bool {
        Self::directory(path, 0).is_dir()
    }

    /// The model files of the windows.
    ///
    /// # Errors
    /// [`Error::Input`] where one has none.
    pub fn model_paths(path: &Path) -> Result<Vec<PathBuf>> {
        let directories = (0..).map(|k| Self::directory(path, k)).take_while(|window| window.is_dir());
        directories.map(|window| model_path(&window)).collect()
    }

    /// The windows of a run directory, on `device`; in the precision of the models unless another is given.
    ///
    /// # Errors
    /// [`Error::Input`] where a window has no model or they do not follow each other; those of the devices.
    pub fn open(path: &Path, device: &job::Device, precision: Option<Precision>) -> Result<Self> {
        let open = |path: &PathBuf| {
            let model = Model::read(path)?;
            let device = job::Device { precision: precision.unwrap_or(model.precision), ..device.clone() };
            Ok((model, Workplace::new(&device::open, &device)))
        };
        let paths = Self::model_paths(path)?;
        let members = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
        let first = &members[0].0;
        let follows = |input: usize| {
            let range = |(model, _): &(Model, Workplace)| model.ranges.get(input).copied();
            members.windows(2).all(|pair| match (range(&pair[0]), range(&pair[1])) {
                (Some([_, end]), Some([start, _])) => end == start,
                _ => false,
            })
        };
        // One window alone covers all of the time.
        let Some(input) = (0..first.inputs.len()).find(|input| follows(*input)) else {
            let problem = "the windows in this directory do not follow each other";
            return Err(Error::input(path.display(), problem, "train the job anew with --force"));
        };
        let end = |(model, _): &(Model, Workplace)| model.ranges.get(input).map_or(f64::INFINITY, |range| range[1]);
        let ends: Vec<f64> = members.iter().map(end).collect();
        let mut model = first.clone();
        if let (Some(range), Some(end)) = (model.ranges.get_mut(input), ends.last()) {
            range[1] = *end;
        }
        Ok(Self { input, ends, members, model, warnings: vec![] })
    }

    /// The devices of the windows.
    pub fn device(&self) -> String {
        let mut devices: Vec<_> = self.members.iter().map(|(_, workplace)| workplace.devices()).collect();
        devices.dedup();
        devices.join("; ")
    }

    /// Warnings about the devices.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The window of a time: up to its end, the last beyond that of all.
    fn of(&self, time: f64) -> usize {
        self.ends.partition_point(|end| *end < time).min(self.ends.len() - 1)
    }

    /// Rows of numbers at points (D, B), each of its window's network.
    fn rows(
        &mut self,
        points: &[Vec<f64>],
        each: impl Fn(&Model, &mut dyn Backend, &[Vec<f64>]) -> Result<Vec<Vec<f64>>>,
    ) -> Result<Vec<Vec<f64>>> {
        let count = points[0].len();
        let windows: Vec<usize> = points[self.input].iter().map(|time| self.of(*time)).collect();
        let mut rows: Vec<Vec<f64>> = vec![];
        for (window, (model, workplace)) in self.members.iter_mut().enumerate() {
            let own: Vec<usize> = (0..count).filter(|point| windows[*point] == window).collect();
            if own.is_empty() && !(count == 0 && window == 0) {
                continue;
            }
            let points: Vec<Vec<f64>> =
                points.iter().map(|column| own.iter().map(|point| column[*point]).collect()).collect();
            let found = workplace.run(model, |backend, failure| {
                self.warnings.extend(failure);
                each(model, backend, &points)
            })?;
            rows.resize_with(found.len(), || vec![f64::NAN; count]);
            for (row, found) in rows.iter_mut().zip(found) {
                own.iter().zip(found).for_each(|(point, value)| row[*point] = value);
            }
        }
        Ok(rows)
    }
}

impl Source for Windows {
    fn model(&self) -> &Model {
        &self.model
    }

    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        let rows = self.rows(points, |model, backend, points| {
            let jets = predict::jets(model, backend, points, layout)?;
            Ok(jets.values.chunks_exact(points[0].len().max(1)).map(<[f64]>::to_vec).collect())
        })?;
        Ok(Jets { layout: layout.clone(), outputs: self.model.spec.outputs(), values: rows.concat() })
    }

    fn values_with_spread(&mut self, points: &[Vec<f64>], expressions: &[Expression]) -> Result<Spread> {
        let rows = self.rows(points, |model, backend, points| predict::values(model, backend, points, expressions))?;
        Ok((rows, None))
    }
}
