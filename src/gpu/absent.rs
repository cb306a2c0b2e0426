//! What stands in the place of the GPU backend in a build without the feature `gpu`: no adapters, nothing tuned, and
//! one error for whoever names a GPU.

mod adapter_info;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

pub use adapter_info::{AdapterInfo, AdapterKind};

use crate::backend::Backend;
use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::loss::Loss;
use crate::network::{Model, NetworkSpec};
use crate::numbers::Precision;

fn missing<T>(choice: &str) -> Result<T> {
    let problem = format!("this jetfit was built without its `gpu` feature; {choice:?} would need it");
    Err(Error::input("device", problem, "use device \"cpu\" or \"auto\", or build it with the default features"))
}

/// There are none.
///
/// # Errors
/// None.
pub fn adapters() -> Result<Vec<AdapterInfo>> {
    Ok(vec![])
}

/// No GPU can be opened.
///
/// # Errors
/// [`Error::Input`] always.
pub fn open(choice: &str, _: Precision, _: &Model) -> Result<Box<dyn Backend>> {
    missing(choice)
}

/// No GPU, no f16.
pub fn unused_f16(_: &NetworkSpec, _: Precision) -> Option<String> {
    None
}

/// Tiles of a GPU, of which there are none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Tiles {}

impl fmt::Display for Tiles {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// The best tiles of an adapter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuned {
    /// [`AdapterInfo::key`]
    pub adapter: String,
    /// The widest hidden layer.
    pub width: usize,
    /// C
    pub channels: usize,
    /// What was fastest.
    pub tiles: Tiles,
}

/// A candidate with its time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Timed {
    /// The candidate.
    pub tiles: Tiles,
    /// The least of the repeats, of one training step.
    pub seconds: f64,
}

/// Nothing is tuned.
///
/// # Errors
/// [`Error::Input`] always.
pub fn tune(
    choice: &str,
    _: &Model,
    _: (&PointSet, &Loss),
    _: usize,
    _: &mut dyn FnMut((u64, u64), &Timed),
) -> Result<(Vec<Timed>, Tuned)> {
    missing(choice)
}

/// Nothing was tuned.
pub fn tuned() -> (Vec<Tuned>, Option<String>) {
    (vec![], None)
}

/// Nothing is remembered.
///
/// # Errors
/// None: there is no [`Tuned`].
pub fn remember(tuned: Tuned) -> Result<PathBuf> {
    match tuned.tiles {}
}
