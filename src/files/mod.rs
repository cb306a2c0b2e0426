//! Files that are whole or not there: written to a temporary file beside, synced, renamed.

pub(crate) mod digest;
pub(crate) mod event_file;
pub(crate) mod lock;
pub mod onnx_file;
pub mod safetensors_file;

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::files::lock::{Lock, Locked};

/// How temporary files begin. One is locked for as long as the process that writes it lives.
const TEMPORARY_PREFIX: &str = ".jetfit-tmp-";

/// The temporary files of this process.
static TEMPORARY_FILES: Mutex<Vec<PathBuf>> = Mutex::new(vec![]);

/// Has `write` write a file and puts it in the place of `path` once it is complete and on disk;
/// when anything fails, `path` stays as it was and nothing is left beside it. What is no file, as a
/// pipe or a terminal, is written to as it is.
///
/// # Errors
/// What `write` or the disk said. What a user named is first shown to [`check_place`].
pub fn write_atomically<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    // A link stays a link: what it points to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let fail = |error| Error::io(path, error);
    if path.exists() && !path.is_file() {
        let mut device = File::options().write(true).open(path).map_err(fail)?;
        return write(&mut device);
    }
    let directory = parent(path);
    let temporary = Temporary::new(directory).map_err(fail)?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.file());
    let written = write(&mut writer)?;
    writer.into_inner().map_err(|error| fail(error.into_error()))?;
    temporary.file().sync_all().map_err(fail)?;
    fs::rename(&temporary.path, path).map_err(fail)?;
    sync_directory(directory).map_err(fail)?;
    Ok(written)
}

/// Whether a user means stdin or stdout: `-`.
pub fn is_stdio(path: &Path) -> bool {
    path == Path::new("-")
}

/// Writes a text file, whole or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |writer| writer.write_all(text.as_bytes()).map_err(|error| Error::io(path, error)))
}

/// Checks that a file named by the user can be written, before any work is done for it. Removes temporary files of
/// killed processes beside it.
///
/// # Errors
/// [`Error::Input`] where the directory is not there or takes no file.
pub fn check_place(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::input(path.display(), "this is a directory", "give the name of a file"));
    }
    if path.exists() && !path.is_file() {
        return Ok(());
    }
    let directory = parent(path);
    tempfile::tempfile_in(directory).map_err(|error| unwritable(directory, error))?;
    remove_leftovers(directory);
    Ok(())
}

/// Creates a directory and its parents, and syncs them to disk.
///
/// # Errors
/// [`Error::Input`] where nothing can be written.
pub fn create_directory(path: &Path) -> Result<()> {
    let made: Vec<_> =
        path.ancestors().take_while(|new| !new.as_os_str().is_empty() && !new.exists()).map(parent).collect();
    fs::create_dir_all(path).map_err(|error| unwritable(path, error))?;
    // From the outermost, which exists already.
    made.into_iter().rev().try_for_each(|above| sync_directory(above).map_err(|error| Error::io(above, error)))
}

/// Syncs the entries of a directory to disk.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Removes temporary files of processes that no longer exist.
pub fn remove_leftovers(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_dead = || matches!(Lock::of(&entry.path()), Ok(Locked::Ours(_)));
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) && is_dead() {
            // Somebody else may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes the temporary files of this process before it exits in the middle of writing.
pub fn remove_temporaries() {
    for path in TEMPORARY_FILES.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // It may be where it belongs by now.
        let _ = fs::remove_file(path);
    }
}

/// The directory of a file.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that is removed unless it is renamed.
struct Temporary {
    lock: Lock,
    path: TempPath,
}

impl Temporary {
    fn new(directory: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        // What the umask leaves, as for any file; a temporary file is otherwise its owner's alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        loop {
            let (file, path) = builder.tempfile_in(directory)?.into_parts();
            let lock = Lock::waiting(file);
            // Before it was locked, it may have been taken for a leftover.
            if path.exists() {
                TEMPORARY_FILES.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_path_buf());
                return Ok(Self { lock, path });
            }
        }
    }

    fn file(&self) -> &File {
        self.lock.file()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        TEMPORARY_FILES.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != *self.path);
    }
}

/// An input file that cannot be opened.
pub fn unreadable(path: &Path, error: io::Error, help: &str) -> Error {
    let problem = match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_string(),
        ErrorKind::IsADirectory => "this is a directory, not a file".to_string(),
        kind if is_of_the_user(kind) => format!("the file cannot be read: {error}"),
        _ => return Error::io(path, error),
    };
    Error::input(path.display(), problem, help)
}

/// A directory that takes no new file.
pub fn unwritable(directory: &Path, error: io::Error) -> Error {
    let problem = match error.kind() {
        ErrorKind::NotFound => "there is no such directory".to_string(),
        kind if is_of_the_user(kind) => format!("cannot write here: {error}"),
        _ => return Error::io(directory, error),
    };
    Error::input(directory.display(), problem, "use a directory that exists and is writable")
}

/// Whether the user can fix it by naming another path; otherwise the machine fails, as with a full disk.
fn is_of_the_user(kind: ErrorKind) -> bool {
    use ErrorKind as Kind;
    let kinds = [Kind::NotFound, Kind::NotADirectory, Kind::IsADirectory, Kind::AlreadyExists, Kind::InvalidFilename];
    let rights = [Kind::PermissionDenied, Kind::ReadOnlyFilesystem, Kind::InvalidInput, Kind::InvalidData];
    kinds.contains(&kind) || rights.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.txt");
        write_atomically(&path, |writer| writer.write_all(b"old").map_err(|e| Error::io("a", e))).unwrap();
        let failed: Result<()> = write_atomically(&path, |writer| {
            writer.write_all(b"new").map_err(|e| Error::io("a", e))?;
            Err(Error::device("test", "it broke"))
        });
        assert_eq!(failed.unwrap_err().exit_code(), 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_links_stay_what_they_are() {
        let hello = |writer: &mut dyn Write| writer.write_all(b"hello").map_err(|error| Error::io("a", error));
        write_atomically(Path::new("/dev/null"), hello).unwrap();
        assert!(!Path::new("/dev/null").is_file());
        let directory = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| directory.path().join(name));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomically(&link, hello).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "hello");
    }

    #[test]
    fn a_missing_directory_is_bad_input_before_the_work_and_a_failure_after_it() {
        let path = Path::new("no/such/place/a.txt");
        let error = check_place(path).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("no/such/place: there is no such directory"), "{error}");
        assert_eq!(write_atomically(path, |_| Ok(())).unwrap_err().exit_code(), 1);
    }

    #[test]
    fn what_a_dead_process_left_goes_and_what_is_being_written_stays() {
        let directory = tempfile::tempdir().unwrap();
        let names = || {
            let entries = fs::read_dir(directory.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        for name in [".jetfit-tmp-abcdef", ".jetfit-other", "a.csv"] {
            fs::write(directory.path().join(name), "half").unwrap();
        }
        write_atomically(&directory.path().join("b.csv"), |writer| {
            check_place(&directory.path().join("c.csv"))?;
            let mut left = names();
            left.sort();
            assert!(left.len() == 3 && left[0].starts_with(".jetfit-") && left[1].starts_with(".jetfit-"), "{left:?}");
            assert!(!left.contains(&".jetfit-tmp-abcdef".to_string()), "{left:?}");
            writer.write_all(b"1").map_err(|error| Error::io("b", error))
        })
        .unwrap();
        assert_eq!(names().len(), 3);
        assert!(TEMPORARY_FILES.lock().unwrap().iter().all(|path| !path.starts_with(directory.path())));
    }

    #[test]
    fn a_directory_is_made_with_those_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/c");
        create_directory(&path).unwrap();
        create_directory(&path).unwrap();
        assert!(path.is_dir());
        fs::write(path.join("file"), "").unwrap();
        assert_eq!(create_directory(&path.join("file/d")).unwrap_err().exit_code(), 2);
    }
}
