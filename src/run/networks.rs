//! The trained networks of a run directory: one, an ensemble, or windows.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::expression::Expression;
use crate::jet::{JetLayout, Jets};
use crate::job;
use crate::network::Model;
use crate::numbers::Precision;
use crate::predict::{Source, Spread};
use crate::run::ensemble::{self, Ensemble};
use crate::run::windows::Windows;

/// Trained networks, each on its device.
pub enum Networks {
    /// One, or several that differ in their seeds.
    Ensemble(Ensemble),
    /// Those of windows in time.
    Windows(Box<Windows>),
}

impl Networks {
    /// Those of a run directory or a model file, on `device`; in the precision of the models unless another is given.
    ///
    /// # Errors
    /// [`Input`](crate::Error::Input) where there is no model; those of the devices.
    pub fn open(path: &Path, device: &job::Device, precision: Option<Precision>) -> Result<Self> {
        match Windows::are_in(path) {
            true => Windows::open(path, device, precision).map(|windows| Self::Windows(Box::new(windows))),
            false => ensemble::open(path, device, precision).map(Self::Ensemble),
        }
    }

    /// Their model files.
    ///
    /// # Errors
    /// [`Input`](crate::Error::Input) where there is no model.
    pub fn model_paths(path: &Path) -> Result<Vec<PathBuf>> {
        match Windows::are_in(path) {
            true => Windows::model_paths(path),
            false => ensemble::model_paths(path),
        }
    }

    /// The devices.
    pub fn device(&self) -> String {
        match self {
            Self::Ensemble(ensemble) => ensemble.device(),
            Self::Windows(windows) => windows.device(),
        }
    }

    /// Warnings about the devices.
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Ensemble(ensemble) => ensemble.warnings(),
            Self::Windows(windows) => windows.warnings(),
        }
    }

    /// How many networks give a value at a point.
    pub fn count(&self) -> usize {
        match self {
            Self::Ensemble(ensemble) => ensemble.count(),
            Self::Windows(_) => 1,
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Ensemble(ensemble) => ensemble,
            Self::Windows(windows) => windows.as_mut(),
        }
    }
}

impl Source for Networks {
    fn model(&self) -> &Model {
        match self {
            Self::Ensemble(ensemble) => ensemble.model(),
            Self::Windows(windows) => windows.model(),
        }
    }

    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        self.source().jets(points, layout)
    }

    fn jets_with_spread(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<(Jets, Option<Jets>)> {
        self.source().jets_with_spread(points, layout)
    }

    fn values_with_spread(&mut self, points: &[Vec<f64>], expressions: &[Expression]) -> Result<Spread> {
        self.source().values_with_spread(points, expressions)
    }
}
