//! Threads: every pool of the crate is made here.
//!
//! A machine may refuse one, where the number of processes is limited for example. A pool is then of those that could be
//! made, and numbers have the same bits whatever their count; without any there is an error.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use faer::Par;
use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// More than the processors of all but the largest machines, on which four for each processor count.
const MOST_THREADS: usize = 256;

/// Whether some pool has fewer threads than requested.
static IS_SHORT: AtomicBool = AtomicBool::new(false);

/// As many threads as the machine has processors.
pub fn available() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// `count`, if this machine can use that many threads; `place` is the key or flag.
///
/// # Errors
/// [`Error::Input`] where it has not.
pub fn checked(place: impl std::fmt::Display, count: usize) -> Result<usize> {
    let most = MOST_THREADS.max(4 * available());
    if count <= most {
        return Ok(count);
    }
    let problem =
        format!("{count} threads are too many: the limit is {most}, and this machine has {} processors", available());
    Err(Error::input(place, problem, "use 0, which means one thread per processor"))
}

/// A pool of `count` threads, or one per processor for 0.
///
/// # Errors
/// [`Error::Input`] for a number that is out of range, [`Error::Device`] where no thread can be had.
pub fn pool(count: usize) -> Result<ThreadPool> {
    // Factorisations with threads of their own would sum in an order that depends on their number.
    faer::set_global_parallelism(Par::Seq);
    let mut waiting = waiting(count)?;
    let builder = ThreadPoolBuilder::new().num_threads(waiting.len());
    builder.spawn_handler(move |thread| hand(&mut waiting, thread)).build().map_err(refused)
}

/// Makes the pool that reading and formatting run on, once for a process and before either.
///
/// # Errors
/// As [`pool`]; and where there is one already.
pub fn start(count: usize) -> Result<()> {
    let mut waiting = waiting(count)?;
    let builder = ThreadPoolBuilder::new().num_threads(waiting.len());
    builder.spawn_handler(move |thread| hand(&mut waiting, thread)).build_global().map_err(refused)
}

/// Whether some pool has fewer threads than requested because the system allowed no more.
pub fn are_short() -> bool {
    IS_SHORT.load(Ordering::Relaxed)
}

/// Threads that wait to become those of a pool: rayon's own would be the end of a pool that lacks one of them.
fn waiting(count: usize) -> Result<Vec<Sender<ThreadBuilder>>> {
    let count = if count == 0 { available() } else { checked("threads", count)? };
    let mut waiting = vec![];
    for _ in 0..count {
        let (sender, receiver) = channel::<ThreadBuilder>();
        let work = move || receiver.recv().into_iter().for_each(ThreadBuilder::run);
        match thread::Builder::new().spawn(work) {
            Ok(_) => waiting.push(sender),
            Err(error) if waiting.is_empty() => return Err(refused(error)),
            Err(_) => {
                IS_SHORT.store(true, Ordering::Relaxed);
                break;
            }
        }
    }
    Ok(waiting)
}

fn hand(waiting: &mut Vec<Sender<ThreadBuilder>>, thread: ThreadBuilder) -> std::io::Result<()> {
    let gone = || std::io::Error::other("a thread is gone");
    waiting.pop().ok_or_else(gone)?.send(thread).map_err(|_| gone())
}

fn refused(error: impl std::fmt::Display) -> Error {
    let problem = format!("the system refused to start a thread ({error}); raise the limit on processes or memory");
    Error::device("cpu", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_the_threads_that_were_asked_for() {
        assert_eq!(pool(3).unwrap().current_num_threads(), 3);
        assert_eq!(pool(0).unwrap().current_num_threads(), available());
        assert_eq!(pool(100_000).unwrap_err().exit_code(), 2);
    }
}
