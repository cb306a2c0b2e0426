//! SIGINT and SIGTERM: the first asks the work to end in order and ends the process a few seconds later wherever the work
//! is, the second ends it at once.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// How long the work may take to end in order. A factorisation, a driver or a file system may not hear at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it is looked whether a signal came.
const LOOK: Duration = Duration::from_millis(100);

/// Hears signals from now on.
pub struct Signals {
    /// True once the work should end.
    pub stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Signals {
    /// `rescue` saves what can be saved of work that does not end in order, beside it on a thread of its own; it gives what
    /// is left, and how to go on.
    pub fn listen(rescue: impl Fn() -> String + Send + 'static) -> Result<Self> {
        let signals = Self { stop: Arc::default(), signal: Arc::default() };
        let fail = |error| Error::io("signals", error);
        for signal in [SIGINT, SIGTERM] {
            // In this order, so that the flag is not there yet when the first comes.
            flag::register_conditional_shutdown(signal, 128 + signal, signals.stop.clone()).map_err(fail)?;
            flag::register_usize(signal, signals.signal.clone(), signal as usize).map_err(fail)?;
            flag::register(signal, signals.stop.clone()).map_err(fail)?;
        }
        let (stop, signal) = (signals.stop.clone(), signals.signal.clone());
        let watch = move || {
            // Flags alone: on Windows nothing waits for a signal.
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
            }
            thread::sleep(PATIENCE);
            let error = interrupted(&signal, rescue());
            files::remove_temporaries();
            // Nobody can be told if stderr is closed.
            let _ = writeln!(std::io::stderr(), "\njetfit: {error}");
            // Without what others want to do at the end: they may wait for the thread that does not end.
            low_level::exit(error.exit_code().into());
        };
        // Without a thread for it the work is still asked to end.
        let _ = thread::Builder::new().name("signals".to_string()).spawn(watch);
        Ok(signals)
    }

    pub fn is_set(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What a process that heard a signal ends with; `left` says what it leaves, and how to go on.
    pub fn error(&self, left: impl Into<String>) -> Error {
        interrupted(&self.signal, left.into())
    }
}

fn interrupted(signal: &AtomicUsize, left: String) -> Error {
    let is_term = signal.load(Ordering::Relaxed) == SIGTERM as usize;
    Error::Interrupted { signal: if is_term { SIGTERM } else { SIGINT }, left }
}
