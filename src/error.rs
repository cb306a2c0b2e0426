//! The one error type, and the exit code that each kind of error ends with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bad usage, job, data or model: fix it and run again.
    #[error("{0}")]
    Input(Box<InputError>),

    /// A file could not be written or read half-way.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The compute device failed, or has too little memory for the job.
    #[error("device {device}: {problem}")]
    Device {
        /// The device's name.
        device: String,
        /// What it reported.
        problem: String,
    },

    /// Training met a loss or gradient that is not a number, or ended far above where it began.
    #[error("training diverged{problem}\n  help: {help}")]
    Diverged {
        /// When, and what was seen there: ` at step 7: …`.
        problem: String,
        /// How to fix it.
        help: String,
    },

    /// A signal ended the work before it was done.
    #[error("interrupted by {}; {left}", if *.signal == SIGTERM { "SIGTERM" } else { "SIGINT" })]
    Interrupted {
        /// Its number.
        signal: i32,
        /// What is left, and how to go on.
        left: String,
    },

    /// The time that a job may take is over.
    #[error("the time limit (training.max_seconds) ended training before its last step; {left}")]
    TimeOver {
        /// What is left, and how to go on.
        left: String,
    },

    /// The work was done, and a stated tolerance was missed.
    #[error("{0}")]
    Tolerance(String),
}

/// What a process ends with whose time is over: `EX_TEMPFAIL` of sysexits.h, "try again later".
pub const TIME_OVER: u8 = 75;

/// The signals that ask a process to end, on every system.
const SIGTERM: i32 = 15;
const SIGINT: i32 = 2;

/// An error that names its place, the problem and a fix.
#[derive(Debug)]
#[non_exhaustive]
pub struct InputError {
    /// The file, line, column, key or flag.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// How to fix it.
    pub help: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  help: {}", self.place, self.problem, self.help)
    }
}

impl Error {
    /// Bad input at `place`, with advice on how to fix it.
    pub fn input(place: impl fmt::Display, problem: impl Into<String>, help: impl Into<String>) -> Self {
        Error::Input(Box::new(InputError { place: place.to_string(), problem: problem.into(), help: help.into() }))
    }

    /// A failure of the operating system on `path`.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// A failure of the compute device.
    pub fn device(device: impl Into<String>, problem: impl fmt::Display) -> Self {
        Error::Device { device: device.into(), problem: problem.to_string() }
    }

    /// The exit code of a process that ends with this error: 1 failed while running, 2 bad usage,
    /// job or data, 3 finished but a stated tolerance was missed, 75 ([`TIME_OVER`]) the time is over, 130 and 143
    /// stopped by SIGINT and SIGTERM.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::TimeOver { .. } => TIME_OVER,
            Error::Interrupted { signal, .. } => 128 + *signal as u8,
            Error::Input(_) => 2,
            Error::Tolerance(_) => 3,
            Error::Io { .. } | Error::Device { .. } | Error::Diverged { .. } => 1,
        }
    }
}

/// The error of work that is stopped before it has written anything.
///
/// # Errors
/// [`Error::Interrupted`] once `stop` is true.
pub(crate) fn if_stopped(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted { signal: SIGINT, left: "nothing was written".to_string() }),
        false => Ok(()),
    }
}

/// Of `known`, the name nearest to `name`, where one is near enough to be what was meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `did you mean "x"? ` where a known name is near, then the list of all of them.
pub fn suggest(name: &str, known: &[&str]) -> String {
    let list = known.join(", ");
    match nearest(name, known.iter().copied()) {
        Some(candidate) => format!("did you mean {candidate:?}? Known: {list}"),
        None => format!("use one of: {list}"),
    }
}

/// A number in a message: 15 digits at most, so that 0.1 + 0.2 reads 0.3 and a time stamp keeps all of its own.
pub fn number(x: f64) -> String {
    let x: f64 = format!("{x:.14e}").parse().unwrap_or(x);
    if x == 0.0 || (1e-4..1e16).contains(&x.abs()) || !x.is_finite() { x.to_string() } else { format!("{x:e}") }
}

/// A point in a message: `x = 0.5, t = 2000`.
pub fn point(names: &[String], inputs: &[f64]) -> String {
    let one = |(name, x): (&String, &f64)| format!("{name} = {}", number(*x));
    names.iter().zip(inputs).map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_whole() {
        let texts = [0.1 + 0.2, 1756200000000.5, -1e-30, 0.0, 2.5e20, f64::NAN].map(number);
        assert_eq!(texts, ["0.3", "1756200000000.5", "-1e-30", "0", "2.5e20", "NaN"]);
    }

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("activaton", ["hidden", "activation"]), Some("activation"));
        assert_eq!(nearest("zzz", ["hidden", "activation"]), None);
    }
}
