//! One observer of all windows' steps.

use std::sync::Arc;

use crate::run::Observer;
use crate::run::saver::Saver;
use crate::trainer::Report;

/// The observer of one window.
pub struct WindowObserver<'a> {
    /// That of all.
    pub observer: &'a mut dyn Observer,
    /// Its number, from 0.
    pub window: usize,
    /// How many there are, as far as is known.
    pub count: usize,
    /// Steps of a window, once it has started.
    pub steps: u64,
    /// Whether progress has begun.
    pub is_started: &'a mut bool,
}

impl Observer for WindowObserver<'_> {
    fn settling(&mut self, what: &str) {
        self.observer.settling(what);
    }

    fn keeping(&mut self, saver: &Arc<Saver>) {
        self.observer.keeping(saver);
    }

    fn started(&mut self, device: &str, done: u64, steps: u64) {
        self.steps = steps;
        if !std::mem::replace(self.is_started, true) {
            let before = self.window as u64 * steps;
            self.observer.started(device, before + done, self.count as u64 * steps);
        }
    }

    fn report(&mut self, report: &Report) {
        let step = self.window as u64 * self.steps + report.step;
        self.observer.report(&Report { step, ..report.clone() });
    }

    fn warning(&mut self, text: &str) {
        // All windows have the job's warnings.
        if self.window == 0 {
            self.observer.warning(text);
        }
    }
}
