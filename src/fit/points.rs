//! Where an equation should hold.

use std::path::Path;

use toml::{Table as Toml, Value};

/// The points of a term.
#[derive(Clone, Debug)]
pub struct Points {
    keys: Toml,
}

impl Points {
    /// `count` points inside the box of the variables.
    pub fn interior(count: usize) -> Self {
        Self { keys: Toml::from_iter([("count".to_string(), Value::Integer(count as i64))]) }
    }

    /// `count` points on the boundary in space: all ends of intervals, except those of `t` and `time`.
    pub fn boundary(count: usize) -> Self {
        Self::on("boundary", count)
    }

    /// `count` points where some inputs are fixed: `t = 0`, or `x = low, y = high`.
    pub fn on(part: &str, count: usize) -> Self {
        Self::interior(count).key("on", vec![part])
    }

    /// The rows of a CSV file with a column for each input; the residual may use its other columns.
    pub fn file(path: impl AsRef<Path>) -> Self {
        let path = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_path_buf());
        Self { keys: Toml::new() }.key("file", path.to_string_lossy().into_owned())
    }

    /// Draws new points after every so many steps.
    pub fn resample_every(self, steps: u64) -> Self {
        self.key("resample_every", Value::Integer(steps as i64))
    }

    /// How the points are spread: `sobol`, `halton`, `latin_hypercube`, `uniform` or `grid`.
    pub fn sampler(self, name: &str) -> Self {
        self.key("sampler", name)
    }

    fn key(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(key.to_string(), value.into());
        self
    }

    pub(super) fn toml(&self) -> Toml {
        self.keys.clone()
    }
}
