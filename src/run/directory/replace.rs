//! A new run in the place of an old one: as a whole or not at all, wherever a process is killed on the way.
//!
//! The old run's files are put aside, `job.toml` first; the new `job.toml` is what makes the new run; then the old files go.
//! Whoever next has the lock sets right what was cut off: without a new `job.toml` the old files come back, `job.toml`
//! last.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where the old files are for the while.
const ASIDE_DIRECTORY: &str = ".jetfit-replaced";
const JOB_FILE: &str = "job.toml";

/// Whether a replacement was cut off.
pub fn was_cut_off(directory: &Path) -> bool {
    directory.join(ASIDE_DIRECTORY).is_dir()
}

/// Puts the old run's files aside, or leaves all where they are.
pub fn set_aside(directory: &Path, held: &[PathBuf]) -> Result<()> {
    if held.is_empty() {
        return Ok(());
    }
    let aside = directory.join(ASIDE_DIRECTORY);
    fs::create_dir(&aside).map_err(|error| Error::io(&aside, error))?;
    let is_job = |path: &&PathBuf| path.ends_with(JOB_FILE);
    for path in held.iter().filter(is_job).chain(held.iter().filter(|path| !is_job(path))) {
        let name = path.file_name().expect("it is in the directory");
        if let Err(error) = fs::rename(path, aside.join(name)) {
            // What cannot be put back now is put back by whoever next has the lock.
            let _ = restore(directory);
            return Err(Error::io(path, error));
        }
    }
    Ok(())
}

/// Puts the old run's files back.
fn restore(directory: &Path) -> Result<()> {
    let aside = directory.join(ASIDE_DIRECTORY);
    let fail = |error| Error::io(&aside, error);
    let names = fs::read_dir(&aside).map_err(fail)?.map(|entry| Ok(entry.map_err(fail)?.file_name()));
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort_by_key(|name| name == JOB_FILE);
    names.iter().try_for_each(|name| fs::rename(aside.join(name), directory.join(name)).map_err(fail))?;
    fs::remove_dir(&aside).map_err(fail)
}

/// Removes the old run, in whose place there is another.
pub fn forget(directory: &Path) {
    // What cannot be removed now is tried again by whoever next has the lock.
    let _ = fs::remove_dir_all(directory.join(ASIDE_DIRECTORY));
}

/// Sets right what was cut off.
pub fn recover(directory: &Path) -> Result<()> {
    if !was_cut_off(directory) {
        return Ok(());
    }
    match directory.join(JOB_FILE).exists() {
        true => forget(directory),
        false => restore(directory)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::directory::RunDir;

    /// A run that was put aside, and what of it a killed process had moved.
    fn cut_off_after(moved: usize) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDir::create(directory.path(), false, "old").unwrap();
        let names = ["job.toml", "metrics.csv", "model.safetensors"];
        names[1..].iter().for_each(|name| fs::write(run.path().join(name), "old").unwrap());
        let aside = run.path().join(ASIDE_DIRECTORY);
        fs::create_dir(&aside).unwrap();
        names[..moved].iter().for_each(|name| fs::rename(run.path().join(name), aside.join(name)).unwrap());
        directory
    }

    #[test]
    fn a_run_that_was_not_replaced_comes_back() {
        for moved in 1..=3 {
            let directory = cut_off_after(moved);
            let run = RunDir::open(directory.path()).unwrap();
            for path in [run.job(), run.metrics(), run.model()] {
                assert_eq!(fs::read_to_string(path).unwrap(), "old");
            }
            assert!(!was_cut_off(directory.path()));
        }
    }

    #[test]
    fn one_that_was_replaced_goes() {
        let directory = cut_off_after(3);
        fs::write(directory.path().join(JOB_FILE), "new").unwrap();
        let run = RunDir::resume(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(run.job()).unwrap(), "new");
        assert!(!run.model().exists() && !was_cut_off(directory.path()));
    }
}
