//! What a run leaves behind: the files of a run directory, which one process at a time may write.

mod metrics;
mod replace;

pub use metrics::{Metrics, coefficient_column};

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;
use crate::files::digest::Digest;
use crate::files::lock::{Lock, Locked};
use crate::network::MODEL_FILE;

/// The directory of one run.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Held while the run is written; none for readers, and where the file system has no locks.
    lock: Option<Lock>,
}

/// Says that a run made the directory, and holds the lock and the process that has it.
const MARK_FILE: &str = ".jetfit-run";

/// Every file of a run but its pictures.
const RUN_FILES: [&str; 6] =
    ["job.toml", "metrics.csv", MODEL_FILE, "checkpoint.safetensors", "predictions.csv", "report.json"];

/// The events of a run; TensorBoard knows them by the beginning.
const EVENTS: &str = "events.out.tfevents.jetfit";

/// The pictures of a run, and what their files end in. Those of one output have its name in between: `fit.u.png`.
const PICTURES: [&str; 5] = ["fit", "loss", "map", "parity", "animation"];
const PICTURE_ENDINGS: [&str; 3] = ["svg", "png", "pdf"];

/// Whether a run writes files of this name.
fn is_run_file(name: &str) -> bool {
    let is_picture = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        let kind = stem.split_once('.').map_or(stem, |(kind, _)| kind);
        PICTURES.contains(&kind) && PICTURE_ENDINGS.contains(&ending)
    });
    let is_start = name.starts_with(WINDOW_PREFIX) && name.ends_with(".csv");
    is_picture || is_start || RUN_FILES.contains(&name) || name == EVENTS
}

/// The files of a run in a directory, in the order of their names.
fn run_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(|entry| entry.ok());
    let ours = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_run_file));
    let mut files: Vec<PathBuf> = ours.map(|entry| entry.path()).collect();
    files.sort();
    files
}

impl RunDir {
    fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock: None }
    }

    /// Creates the directory for a new run of this job and writes its `job.toml`; with `force`, an existing run is
    /// replaced as a whole. Nobody else can train in it until this is dropped.
    ///
    /// # Errors
    /// [`Error::Input`] where it holds a run and `force` is false, files that no run wrote, a run that is under way, or where
    /// nothing can be written; then nothing was changed.
    pub fn create(path: impl Into<PathBuf>, force: bool, job: &str) -> Result<Self> {
        let mut run = Self::at(path);
        run.held(force)?;
        // Tried where the first new directory would be, so that a failure leaves none behind.
        let existing = run.path.ancestors().find(|ancestor| ancestor.exists());
        let existing = existing.filter(|ancestor| !ancestor.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(existing).map_err(|error| files::unwritable(existing, error))?;
        files::create_directory(&run.path)?;
        run.lock()?;
        // Again, now that nobody else can write.
        let held = run.held(force)?;
        replace::set_aside(&run.path, &held)?;
        if let Err(error) = files::write_text(&run.job(), job) {
            // What cannot be put back now is put back by whoever next has the lock.
            let _ = replace::recover(&run.path);
            return Err(error);
        }
        replace::forget(&run.path);
        Ok(run)
    }

    /// Checks that a new run may use this directory; see [`RunDir::create`].
    ///
    /// # Errors
    /// Those of [`RunDir::create`] that can be told without writing.
    pub fn may_hold_new(path: impl Into<PathBuf>, force: bool) -> Result<()> {
        Self::at(path).held(force).map(|_| ())
    }

    /// The files of a run that it holds, which may go with `force` alone.
    fn held(&self, force: bool) -> Result<Vec<PathBuf>> {
        let wrong = |problem: String, help: &str| Err(Error::input(self.path.display(), problem, help));
        if self.path.exists() && !self.path.is_dir() {
            let help = "choose another directory with output.directory or --out";
            return wrong("this is a file, not a directory".to_string(), help);
        }
        if self.lock.is_none() {
            self.is_free()?;
        }
        let held = run_files(&self.path);
        // Those of an ensemble or of windows; not all need have begun.
        let inside = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let members = inside.filter(|entry| {
            let name = entry.file_name();
            [MEMBER_PREFIX, WINDOW_PREFIX].iter().any(|prefix| name.to_string_lossy().starts_with(prefix))
        });
        let members: Vec<_> = members.map(|entry| entry.path()).filter(|member| is_run(member)).collect();
        members.iter().try_for_each(|member| Self::at(member).is_free())?;
        if !held.is_empty() && !is_run(&self.path) {
            let names: Vec<_> = held.iter().filter_map(|file| Some(file.file_name()?.to_string_lossy())).collect();
            let problem = format!(
                "this directory has files with the names of a run's files that no run wrote: {}",
                names.join(", ")
            );
            return wrong(problem, "choose another directory with --out, or move these files away");
        }
        if let Some(other) = held.iter().find(|file| !file.is_file()) {
            let problem = format!("no run wrote {}, which is not a file", other.display());
            return wrong(problem, "move it away, or choose another directory with --out");
        }
        if !(held.is_empty() && members.is_empty() || force) {
            let help =
                "choose another directory with --out, continue the run with --resume, or replace it with --force";
            return wrong("this directory already holds a run".to_string(), help);
        }
        Ok(held.into_iter().chain(members).collect())
    }

    /// The directory of an existing run, for reading.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no directory or no run in it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let run = Self::at(path);
        let help = "use a run directory that `jetfit train` created";
        if !run.path.is_dir() {
            return Err(Error::input(run.path.display(), "there is no such directory", help));
        }
        if replace::was_cut_off(&run.path) {
            // Under the lock, which is given back at once.
            Self::at(&run.path).lock()?;
        }
        if !run.job().is_file() {
            return Err(Error::input(
                run.path.display(),
                "this directory does not hold a run: it has no job.toml",
                help,
            ));
        }
        Ok(run)
    }

    /// The same, to resume it. Nobody else can train in it until this is dropped.
    ///
    /// # Errors
    /// Those of [`RunDir::open`], and where the run is under way.
    pub fn resume(path: impl Into<PathBuf>) -> Result<Self> {
        let mut run = Self::open(path)?;
        if !is_run(&run.path) && !run.checkpoint().exists() {
            let problem = "no run created this directory: it has a job.toml but no checkpoint";
            return Err(Error::input(run.path.display(), problem, "train its job.toml with another --out"));
        }
        run.lock()?;
        Ok(run)
    }

    /// Checks that the run was stopped before its first checkpoint, so nothing is lost.
    ///
    /// # Errors
    /// [`Error::Input`] where it had ended, so that its checkpoint is gone.
    pub fn was_never_saved(&self) -> Result<()> {
        match self.model().exists() {
            false => Ok(()),
            true => {
                let help = "restore it, or train the job again with another --out: jetfit train JOB.toml --out DIR";
                Err(Error::input(self.checkpoint().display(), "there is no such file", help))
            }
        }
    }

    /// Whether the directory is locked; not so if the file system has no locks.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Takes the lock, and then sets right what a process that was killed has left.
    fn lock(&mut self) -> Result<()> {
        let mark = self.path.join(MARK_FILE);
        let fail = |error| Error::io(&mark, error);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&mark);
        match Lock::attempt(file.map_err(|error| files::unwritable(&self.path, error))?).map_err(fail)? {
            Locked::Taken => return Err(self.busy()),
            Locked::Unsupported => {}
            Locked::Ours(lock) => {
                let mut file = lock.file();
                let written = file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id()));
                written.map_err(fail)?;
                self.lock = Some(lock);
            }
        }
        files::remove_leftovers(&self.path);
        replace::recover(&self.path)
    }

    /// Checks that no process trains in it.
    fn is_free(&self) -> Result<()> {
        let mark = self.path.join(MARK_FILE);
        match Lock::of(&mark) {
            Ok(Locked::Taken) => Err(self.busy()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(files::unwritable(&mark, error)),
        }
    }

    fn busy(&self) -> Error {
        let who = fs::read_to_string(self.path.join(MARK_FILE)).unwrap_or_default();
        let who = if who.is_empty() { "another process" } else { who.trim() };
        let help = "wait for it to end, stop it, or choose another directory with --out";
        Error::input(self.path.display(), format!("{who} is training in this directory"), help)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved job.
    pub fn job(&self) -> PathBuf {
        self.path.join("job.toml")
    }

    /// The digest of the resolved job's text.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn job_digest(&self) -> Result<String> {
        let text = fs::read_to_string(self.job()).map_err(|error| Error::io(self.job(), error))?;
        Ok(Digest::of_text(&text))
    }

    /// The losses of every report.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// The trained network.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL_FILE)
    }

    /// The checkpoint from which the run can be resumed.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    /// The predictions at the points of the job.
    pub fn predictions(&self) -> PathBuf {
        self.path.join("predictions.csv")
    }

    /// The reports as TensorBoard reads them.
    pub fn events(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// A picture without its ending: `fit`, `loss`, `map`, `parity`, `animation`, or that of one output, `fit.u`.
    pub fn picture(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The report of the run.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }
}

/// How the directories of an ensemble's members begin.
const MEMBER_PREFIX: &str = "member-";

/// Where member `k` (from 1) of an ensemble runs, below the ensemble's directory.
pub fn member(k: usize) -> String {
    format!("{MEMBER_PREFIX}{k}")
}

/// How the directories of windows begin, and the tables of what they start from.
const WINDOW_PREFIX: &str = "window-";

/// Where window `k` (from 1) runs, below the directory of all.
pub fn window(k: usize) -> String {
    format!("{WINDOW_PREFIX}{k}")
}

/// Whether a run made this directory.
fn is_run(path: &Path) -> bool {
    path.join(MARK_FILE).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_never_overwritten_without_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        let run = RunDir::create(&path, false, "old").unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        fs::write(run.model(), "old").unwrap();
        let says = |force: bool, part: &str| {
            let error = RunDir::create(&path, force, "new").unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(part), "{error}");
            assert_eq!(fs::read_to_string(path.join("job.toml")).unwrap(), "old");
        };
        // While it is under way, force does not help.
        let own = format!("process {} is training in this directory", std::process::id());
        says(false, &own);
        says(true, &own);
        assert!(RunDir::resume(&path).unwrap_err().to_string().contains(&own));
        assert!(RunDir::may_hold_new(&path, true).is_err());
        drop(run);
        says(false, "already holds a run");
        assert!(RunDir::resume(&path).unwrap().is_locked());
        let run = RunDir::create(&path, true, "new").unwrap();
        assert_eq!(fs::read_to_string(run.job()).unwrap(), "new");
        assert!(!run.model().exists() && path.join("notes.txt").exists());
    }

    #[test]
    fn what_no_run_wrote_stays_with_force_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::write(path.join("job.toml"), "mine").unwrap();
        for force in [false, true] {
            let error = RunDir::create(path, force, "new").unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains("no run wrote"), "{error}");
        }
        assert!(RunDir::resume(path).unwrap_err().to_string().contains("no run created this directory"));
        assert_eq!(fs::read_dir(path).unwrap().count(), 1);
        let run = path.join("run");
        drop(RunDir::create(&run, false, "old").unwrap());
        fs::create_dir(run.join("checkpoint.safetensors")).unwrap();
        let error = RunDir::create(&run, true, "new").unwrap_err();
        assert!(error.to_string().contains("which is not a file"), "{error}");
        assert_eq!(fs::read_to_string(run.join("job.toml")).unwrap(), "old");
    }

    #[test]
    fn members_go_with_their_ensemble() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        let ensemble = RunDir::create(&path, false, "two").unwrap();
        let [first, second] = [1, 2].map(|k| RunDir::create(path.join(member(k)), false, "one").unwrap());
        drop((ensemble, second));
        let error = RunDir::create(&path, true, "new").unwrap_err();
        assert!(error.to_string().contains("member-1: process "), "{error}");
        drop(first);
        // One that begins before another one does.
        fs::remove_dir_all(path.join(member(1))).unwrap();
        RunDir::create(&path, true, "new").unwrap();
        assert!(!path.join(member(1)).exists() && !path.join(member(2)).exists());
    }

    #[test]
    fn a_place_that_takes_no_directory_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("run"), PathBuf::from("/proc/none/run")] {
            let error = RunDir::create(&path, true, "job").unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(RunDir::open(&file).unwrap_err().to_string().contains("no such directory"));
    }
}
