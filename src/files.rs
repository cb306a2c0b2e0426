//! Files that are whole or not there: written to a temporary file beside, synced, renamed.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Has `write` write a file and puts it in the place of `path` once it is complete and on disk;
/// when anything fails, `path` stays as it was and nothing is left beside it. What is no file, as a
/// pipe or a terminal, is written to as it is.
///
/// # Errors
/// [`Error::Input`] where the directory takes no file, otherwise what `write` or the disk said.
pub fn write_atomically<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    // A link stays a link: what it points to is replaced.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let fail = |error| Error::io(path, error);
    if path.is_dir() {
        return Err(Error::input(path.display(), "this is a directory", "name a file to write"));
    }
    if path.exists() && !path.is_file() {
        let mut device = File::options().write(true).open(path).map_err(fail)?;
        return write(&mut device);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".jetfit-");
    // What the umask leaves, as for any file; a temporary file is otherwise its owner's alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(directory).map_err(|error| unwritable(directory, &error))?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary);
    let written = write(&mut writer)?;
    let temporary = writer.into_inner().map_err(|error| fail(error.into_error()))?;
    temporary.as_file().sync_all().map_err(fail)?;
    temporary.persist(path).map_err(|error| fail(error.error))?;
    sync_directory(directory).map_err(fail)?;
    Ok(written)
}

/// Writes a text file, whole or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    write_atomically(path, |writer| writer.write_all(text.as_bytes()).map_err(|error| Error::io(path, error)))
}

/// Makes a rename in the directory outlive a power cut.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// An input file that cannot be opened.
pub fn unreadable(path: &Path, error: &io::Error, mend: &str) -> Error {
    let problem = match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_string(),
        ErrorKind::IsADirectory => "this is a directory, not a file".to_string(),
        _ => format!("it cannot be read: {error}"),
    };
    Error::input(path.display(), problem, mend)
}

/// A directory that takes no new file.
pub fn unwritable(directory: &Path, error: &io::Error) -> Error {
    let problem = match error.kind() {
        ErrorKind::NotFound => "there is no such directory".to_string(),
        _ => format!("nothing can be written here: {error}"),
    };
    Error::input(directory.display(), problem, "name a directory that exists and that you may write to")
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
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_links_stay_what_they_are() {
        let hello = |writer: &mut dyn Write| writer.write_all(b"hello").map_err(|error| Error::io("a", error));
        write_atomically(Path::new("/dev/null"), hello).unwrap();
        assert!(!Path::new("/dev/null").is_file());
        let directory = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| directory.path().join(name));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomically(&link, hello).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "hello");
    }

    #[test]
    fn a_missing_directory_is_bad_input() {
        let error = write_atomically(Path::new("no/such/place/a.txt"), |_| Ok(())).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("no/such/place: there is no such directory"), "{error}");
    }
}
