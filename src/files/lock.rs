//! Locks that a process holds until it ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A locked file; dropping it releases the lock.
#[derive(Debug)]
pub struct Lock(File);

/// The result of an attempt.
pub enum Locked {
    /// It is locked now.
    Ours(Lock),
    /// Another process holds it.
    Taken,
    /// This file system has no locks.
    Unsupported,
}

impl Lock {
    /// Tries to lock a file that is there.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn of(path: &Path) -> io::Result<Locked> {
        Self::attempt(File::options().read(true).write(true).open(path)?)
    }

    /// Tries to lock an open file.
    ///
    /// # Errors
    /// What the system said, if it is not that there are no locks.
    pub fn attempt(file: File) -> io::Result<Locked> {
        match file.try_lock() {
            Ok(()) => Ok(Locked::Ours(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(Locked::Taken),
            Err(TryLockError::Error(error)) if is_unsupported(&error) => Ok(Locked::Unsupported),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Waits until nobody else holds it. Where there are no locks, nobody does.
    pub fn waiting(file: File) -> Self {
        // Of a file without a lock nobody can tell that its process is gone: it is then left where it is.
        let _ = file.lock();
        Self(file)
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.0
    }
}

/// As network file systems answer.
fn is_unsupported(error: &io::Error) -> bool {
    /// ENOLCK: the system has no locks left, or none there.
    const NO_LOCKS: i32 = 37;
    error.kind() == io::ErrorKind::Unsupported || cfg!(target_os = "linux") && error.raw_os_error() == Some(NO_LOCKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let Locked::Ours(first) = Lock::of(file.path()).unwrap() else { panic!("nobody else holds it") };
        assert!(matches!(Lock::of(file.path()).unwrap(), Locked::Taken));
        drop(first);
        assert!(matches!(Lock::of(file.path()).unwrap(), Locked::Ours(_)));
    }
}
