//! One observer of all members' steps.

use std::sync::{Arc, Mutex};

use crate::run::Observer;
use crate::run::saver::Saver;
use crate::trainer::Report;

/// One observer shared by all members.
pub struct SharedObserver<'a> {
    observer: &'a mut (dyn Observer + Send),
    /// Of each member, so far.
    steps: Vec<u64>,
    is_started: bool,
}

impl<'a> SharedObserver<'a> {
    /// For so many members.
    pub fn new(observer: &'a mut (dyn Observer + Send), members: usize) -> Self {
        Self { observer, steps: vec![0; members], is_started: false }
    }
}

/// The observer of one member.
pub struct MemberObserver<'a, 'b> {
    pub member: usize,
    pub shared: &'a Mutex<SharedObserver<'b>>,
}

impl Observer for MemberObserver<'_, '_> {
    fn keeping(&mut self, saver: &Arc<Saver>) {
        self.shared.lock().expect("no observer panics").observer.keeping(saver);
    }

    fn started(&mut self, device: &str, done: u64, steps: u64) {
        let mut shared = self.shared.lock().expect("no observer panics");
        shared.steps[self.member] = done;
        if !std::mem::replace(&mut shared.is_started, true) {
            let (done, steps) = (shared.steps.iter().sum(), steps * shared.steps.len() as u64);
            shared.observer.started(device, done, steps);
        }
    }

    fn report(&mut self, report: &Report) {
        let mut shared = self.shared.lock().expect("no observer panics");
        shared.steps[self.member] = report.step;
        let step = shared.steps.iter().sum();
        shared.observer.report(&Report { step, ..report.clone() });
    }

    fn warning(&mut self, text: &str) {
        // All members have the job's warnings.
        if self.member == 0 {
            self.shared.lock().expect("no observer panics").observer.warning(text);
        }
    }
}
