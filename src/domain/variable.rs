//! An input and its interval.

use crate::error::{Error, Result, suggest};

/// An input and its interval, in the user's units.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where it starts.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// Whether points lie evenly over its decades; it then starts above 0.
    pub is_logarithmic: bool,
}

impl Variable {
    /// An input with its interval.
    ///
    /// # Errors
    /// An interval that has no length, or none that f64 can hold.
    pub fn new(name: &str, low: f64, high: f64) -> Result<Self> {
        if low < high && (high - low).is_finite() {
            return Ok(Variable { name: name.into(), low, high, is_logarithmic: false });
        }
        let place = format!("variables.{name}");
        Err(Error::input(
            place,
            format!("[{low}, {high}] is not a valid interval"),
            "write it as [low, high] with low below high",
        ))
    }

    /// The same with points that lie evenly over its decades.
    ///
    /// # Errors
    /// An interval that does not start above 0.
    pub fn over_decades(self) -> Result<Self> {
        if self.low > 0.0 {
            return Ok(Variable { is_logarithmic: true, ..self });
        }
        let problem = format!("an interval from {} has no decades", self.low);
        Err(Error::input(format_args!("variables.{}", self.name), problem, "start it above 0, or remove \"log\""))
    }

    /// True for `t` and `time`: the ends of these are no part of the boundary in space.
    pub fn is_time(&self) -> bool {
        Self::is_time_name(&self.name)
    }

    /// Whether an input of this name is a time.
    pub fn is_time_name(name: &str) -> bool {
        crate::expression::is_time(name)
    }

    /// Its length.
    pub(super) fn width(&self) -> f64 {
        self.high - self.low
    }
}

/// The index of a named input.
///
/// # Errors
/// A name that no input has.
pub fn index(place: &str, name: &str, variables: &[Variable]) -> Result<usize> {
    let names: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
    let index = names.iter().position(|known| *known == name);
    index.ok_or_else(|| Error::input(place, format!("unknown variable {name:?}"), suggest(name, &names)))
}
