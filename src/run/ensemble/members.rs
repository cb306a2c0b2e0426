//! The runs of an ensemble's members, side by side or one after another.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::run::directory::RunDir;
use crate::run::ensemble::member;
use crate::run::ensemble::observer::{MemberObserver, SharedObserver};
use crate::run::results::Summary;
use crate::run::{Mode, Observer, run_on};
use crate::{device, threads};

/// Trains the members, as many at a time as the device bears; those that were begun, in order.
pub fn train(
    job: &Job,
    count: usize,
    (mode, of_job): (Mode, &str),
    observer: &mut (dyn Observer + Send),
    stop: &AtomicBool,
) -> Result<Vec<Summary>> {
    let threads = match job.device.threads {
        0 => threads::available(),
        threads => threads,
    };
    // Gauss–Newton's factorisations use all threads well, and its Jacobians all memory.
    let is_newton = job.stages.iter().any(|stage| stage.optimizer.kind.needs_jacobian());
    let at_once = match device::is_cpu(&job.device.name, job.device.precision)? && !is_newton {
        true => count.min(threads),
        false => 1,
    };
    let shared = Mutex::new(SharedObserver::new(observer, count));
    let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let ends: Vec<Mutex<Option<Result<Summary>>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            if k >= count || ended.load(Ordering::Relaxed) {
                return;
            }
            let mut own = job.clone();
            own.training.ensemble = 1;
            own.training.seed += k as u64;
            own.output = member(&job.output, k);
            own.device.threads = if at_once > 1 { (threads / at_once).max(1) } else { job.device.threads };
            let mode = match mode {
                _ if RunDir::open(&own.output).is_err() => Mode::New,
                // Those of the ensemble that was there before have gone with it.
                Mode::Replace => Mode::New,
                mode => mode,
            };
            let observer = &mut MemberObserver { member: k, shared: &shared };
            let end = run_on(&own, mode, Some(of_job), observer, stop, device::open);
            // No member begins after one that can be resumed.
            if !end.as_ref().is_ok_and(|end| !end.stop.can_be_resumed()) {
                ended.store(true, Ordering::Relaxed);
            }
            if matches!(end, Err(Error::Interrupted { .. })) {
                // It has not begun.
                return;
            }
            *ends[k].lock().expect("no member panics") = Some(end);
        }
    };
    std::thread::scope(|scope| {
        // Where a thread cannot be had, the members that were its own fall to the others.
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).is_ok();
        let _ = (1..at_once).all(spawn);
        work();
    });
    ends.into_iter().map_while(|end| end.into_inner().expect("no member panics")).collect()
}
