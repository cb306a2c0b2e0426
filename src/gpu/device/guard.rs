//! The one place where wgpu's failures become ours. wgpu reports most of them to a device's `failure` slot, but panics
//! where it has nowhere to report to, as where a device is lost while the host waits for it.

use std::any::Any;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::error::{Error, Result};

thread_local! {
    /// Whether this thread works behind a guard, whose caller hears of a panic as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does work that may call wgpu on a device of this name. A panic in it is an [`Error::Device`].
pub fn guard<T>(device: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work).unwrap_or_else(|panic| Err(Error::device(device, panic)))
}

/// What work gives, or what a panic in it says, which then is not told on stderr.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.try_with(Cell::get).unwrap_or(false) {
                before(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    // Whoever calls never uses again what a panic may have left half done.
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    done.map_err(|panic| message(panic.as_ref()))
}

/// What a panic says, in one line.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("it panicked").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One of wgpu's handles whose end waits for the device, and panics where that fails. While the thread panics already it
/// is never given back: a second panic would be an abort.
pub struct Handle<T>(ManuallyDrop<T>);

impl<T> Handle<T> {
    pub fn new(handle: T) -> Self {
        Self(ManuallyDrop::new(handle))
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: it is used nowhere after this.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_the_device() {
        let error = guard::<()>("a", || panic!("it\n  {} fire", "caught")).unwrap_err();
        assert_eq!((error.exit_code(), error.to_string()), (1, "device a: it caught fire".to_string()));
        assert_eq!(guard("a", || Ok(7)).unwrap(), 7);
    }
}
