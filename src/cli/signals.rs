//! SIGINT and SIGTERM: the first asks the work to end in order, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jetfit::error::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Hears signals from now on.
pub struct Signals {
    /// True once the work should end.
    pub stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Signals {
    pub fn listen() -> Result<Self> {
        let signals = Self { stop: Arc::default(), signal: Arc::default() };
        let fail = |error| Error::io("signals", error);
        for signal in [SIGINT, SIGTERM] {
            // In this order, so that the flag is not there yet when the first comes.
            flag::register_conditional_shutdown(signal, 128 + signal, signals.stop.clone()).map_err(fail)?;
            flag::register_usize(signal, signals.signal.clone(), signal as usize).map_err(fail)?;
            flag::register(signal, signals.stop.clone()).map_err(fail)?;
        }
        Ok(signals)
    }

    pub fn is_set(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What a process that heard a signal ends with; `left` says what it leaves, and how to go on.
    pub fn error(&self, left: impl Into<String>) -> Error {
        let is_term = self.signal.load(Ordering::Relaxed) == SIGTERM as usize;
        Error::Interrupted { signal: if is_term { SIGTERM } else { SIGINT }, left: left.into() }
    }
}
