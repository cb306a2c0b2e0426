//! What a run leaves behind: the files of a run directory, and the growing `metrics.csv`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::data::rows;
use crate::error::{Error, Result};
use crate::files;

/// The directory of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

/// Every file of a run.
const FILES: [&str; 14] = [
    "job.toml",
    "metrics.csv",
    "model.safetensors",
    "checkpoint.safetensors",
    "predictions.csv",
    "fit.png",
    "fit.svg",
    "loss.png",
    "map.png",
    "map.svg",
    "loss.svg",
    "parity.png",
    "parity.svg",
    "report.json",
];

impl RunDir {
    /// Makes the directory for a new run; with `force`, the files of a run that it holds go.
    ///
    /// # Errors
    /// [`Error::Input`] where it holds a run and `force` is false, or where nothing can be written;
    /// then nothing was changed.
    pub fn create(path: impl Into<PathBuf>, force: bool) -> Result<Self> {
        let run = Self { path: path.into() };
        let held = run.held(force)?;
        // Tried where the first new directory would be, so that a failure leaves none behind.
        let existing = run.path.ancestors().find(|ancestor| ancestor.exists());
        let existing = existing.filter(|ancestor| !ancestor.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(existing).map_err(|error| files::unwritable(existing, &error))?;
        fs::create_dir_all(&run.path).map_err(|error| files::unwritable(&run.path, &error))?;
        held.iter().try_for_each(|file| fs::remove_file(file).map_err(|error| Error::io(file, error)))?;
        Ok(run)
    }

    /// Whether a new run may have this directory, before anything is spent on it; see [`RunDir::create`].
    ///
    /// # Errors
    /// [`Error::Input`] where it holds a run and `force` is false, or is none.
    pub fn may_hold_new(path: impl Into<PathBuf>, force: bool) -> Result<()> {
        Self { path: path.into() }.held(force).map(|_| ())
    }

    /// The files of a run that it holds, which may go with `force` alone.
    fn held(&self, force: bool) -> Result<Vec<PathBuf>> {
        if self.path.exists() && !self.path.is_dir() {
            let mend = "name another directory with output.directory or --out";
            return Err(Error::input(self.path.display(), "this is a file, not a directory", mend));
        }
        let held: Vec<_> = FILES.iter().map(|name| self.path.join(name)).filter(|file| file.exists()).collect();
        if !held.is_empty() && !force {
            let mend =
                "name another directory with --out, go on with the run with --resume, or replace it with --force";
            return Err(Error::input(self.path.display(), "this directory holds a run already", mend));
        }
        Ok(held)
    }

    /// The directory of a run that is there, to go on with it or to read it.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no directory or no run in it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let run = Self { path: path.into() };
        let mend = "name the directory of a run that `jetfit train` made";
        if !run.path.is_dir() {
            return Err(Error::input(run.path.display(), "there is no such directory", mend));
        }
        if !run.job().is_file() {
            return Err(Error::input(run.path.display(), "this directory holds no run: it has no job.toml", mend));
        }
        Ok(run)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved job.
    pub fn job(&self) -> PathBuf {
        self.path.join("job.toml")
    }

    /// The losses of every report.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// The trained network.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// Where a stopped run goes on.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    /// Columns of the metrics, NaN and infinity among them; empty ones where no report was reached.
    ///
    /// # Errors
    /// [`Error::Input`] where the file is not as it was written.
    pub fn read_metrics(&self, columns: &[String]) -> Result<Vec<Vec<f64>>> {
        let path = self.metrics();
        let wrong = |problem: String| {
            Error::input(path.display(), problem, "leave the file as `jetfit train` wrote it, or start a new run")
        };
        let mut reader = csv::Reader::from_path(&path).map_err(|error| wrong(error.to_string()))?;
        let names = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
        let place = |column: &String| {
            let missing = || wrong(format!("there is no column {column:?}"));
            names.iter().position(|name| name == column).ok_or_else(missing)
        };
        let places = columns.iter().map(place).collect::<Result<Vec<_>>>()?;
        let mut all = vec![vec![]; columns.len()];
        for record in reader.records() {
            let record = record.map_err(|error| wrong(error.to_string()))?;
            for (all, place) in all.iter_mut().zip(&places) {
                let number = record[*place].parse();
                all.push(number.map_err(|_| wrong(format!("{:?} is not a number", &record[*place])))?);
            }
        }
        Ok(all)
    }

    /// The trained network's jets at the points of the job.
    pub fn predictions(&self) -> PathBuf {
        self.path.join("predictions.csv")
    }

    /// A picture without its ending: `fit`, `loss`, `map` or `parity`, each as .png and .svg.
    pub fn picture(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What the run came to.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }
}

/// The model file that is meant by a model file or a run directory.
///
/// # Errors
/// [`Error::Input`] for a directory without a model.
pub fn model_path(model_or_run: &Path) -> Result<PathBuf> {
    if !model_or_run.is_dir() {
        return Ok(model_or_run.to_path_buf());
    }
    let model = RunDir { path: model_or_run.to_path_buf() }.model();
    if model.is_file() {
        return Ok(model);
    }
    let problem = "this directory holds no model.safetensors";
    Err(Error::input(model_or_run.display(), problem, "name a model file, or the directory of a run that has ended"))
}

/// Columns of `metrics.csv` that are the run's own, and how others of them begin.
const OWN_COLUMNS: [&str; 9] =
    ["step", "seconds", "stage", "learning_rate", "step_length", "damping", "gradient_norm", "loss", "validation"];
const OWN_PREFIXES: [&str; 4] = ["loss_", "weight_", "causal_", "validation_"];

/// The column of a coefficient in `metrics.csv`: its name, where no column of the run's own may have that.
pub fn coefficient_column(name: &str) -> String {
    let is_taken = OWN_COLUMNS.contains(&name) || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if is_taken { format!("coefficient_{name}") } else { name.to_string() }
}

/// `metrics.csv`: a row each report, on disk as soon as it is written, so that it can be watched.
pub struct Metrics {
    file: File,
    path: PathBuf,
}

impl Metrics {
    /// A new file whose columns are `step` and `columns`.
    pub fn create(path: impl Into<PathBuf>, columns: &[String]) -> Result<Self> {
        Self::start(path.into(), columns, &[])
    }

    /// The file of a run that goes on after `step`: later rows, and a last one that was cut off, go.
    pub fn resume(path: impl Into<PathBuf>, columns: &[String], step: u64) -> Result<Self> {
        let path = path.into();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let is_kept = |line: &&str| {
            let mut fields = line.trim_end().split(',');
            let is_before = fields.next().and_then(|field| field.parse::<u64>().ok()).is_some_and(|at| at <= step);
            line.ends_with('\n') && is_before && fields.count() == columns.len()
        };
        let kept: Vec<&str> = text.split_inclusive('\n').skip(1).filter(is_kept).collect();
        Self::start(path, columns, &kept)
    }

    fn start(path: PathBuf, columns: &[String], kept: &[&str]) -> Result<Self> {
        let fail = |error| Error::io(&path, error);
        files::write_atomically(&path, |writer| {
            let names = std::iter::once("step").chain(columns.iter().map(String::as_str));
            writer.write_all(&rows::header(names)).map_err(fail)?;
            kept.iter().try_for_each(|row| writer.write_all(row.as_bytes()).map_err(fail))
        })?;
        let file = OpenOptions::new().append(true).open(&path).map_err(fail)?;
        Ok(Self { file, path })
    }

    /// Adds the row of a report after `step` steps; a cell without a value is empty.
    pub fn row(&mut self, step: u64, values: &[Option<f64>]) -> Result<()> {
        let mut row = format!("{step},").into_bytes();
        for value in values {
            match value {
                Some(value) => rows::push(&mut row, *value),
                None => row.push(b','),
            }
        }
        rows::end(&mut row);
        // In one call, so that whoever watches sees whole rows.
        self.file.write_all(&row).map_err(|error| Error::io(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_never_overwritten_without_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        let run = RunDir::create(&path, false).unwrap();
        assert_eq!(RunDir::create(&path, false).unwrap(), run);
        assert!(RunDir::open(&path).unwrap_err().to_string().contains("holds no run"));
        fs::write(run.job(), "old").unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        let error = RunDir::create(&path, false).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("holds a run already"), "{error}");
        assert_eq!(fs::read_to_string(run.job()).unwrap(), "old");
        assert_eq!(RunDir::open(&path).unwrap(), run);
        RunDir::create(&path, true).unwrap();
        assert!(!run.job().exists() && path.join("notes.txt").exists());
    }

    #[test]
    fn a_place_that_takes_no_directory_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("run"), PathBuf::from("/proc/none/run")] {
            let error = RunDir::create(&path, true).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(RunDir::open(&file).unwrap_err().to_string().contains("no such directory"));
        assert!(model_path(directory.path()).unwrap_err().to_string().contains("holds no model"));
        assert_eq!(model_path(&file).unwrap(), file);
    }

    #[test]
    fn metrics_go_on_after_the_checkpoint() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.csv");
        let columns = ["loss".to_string(), "a, b".to_string()];
        let mut metrics = Metrics::create(&path, &columns).unwrap();
        for step in [100, 200, 300] {
            metrics.row(step, &[1.0 / step as f64, 1e-300].map(Some)).unwrap();
        }
        metrics.file.write_all(b"400,0.1").unwrap();
        let mut metrics = Metrics::resume(&path, &columns, 200).unwrap();
        metrics.row(250, &[Some(0.5), Some(f64::NAN)]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "step,loss,\"a, b\"\n100,0.01,1e-300\n200,0.005,1e-300\n250,0.5,NaN\n");
        let run = RunDir { path: directory.path().to_path_buf() };
        let read = run.read_metrics(&["a, b".to_string(), "step".to_string()]).unwrap();
        assert_eq!(read[1], [100.0, 200.0, 250.0]);
        assert!(read[0][2].is_nan());
        assert!(run.read_metrics(&["none".to_string()]).is_err());
    }
}
