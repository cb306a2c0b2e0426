//! The growing `metrics.csv`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::data::csv_writer;
use crate::error::{Error, Result};
use crate::files;
use crate::files::event_file::EventFile;
use crate::run::directory::RunDir;

/// The fixed columns of `metrics.csv`, and the prefixes of the others.
const OWN_COLUMNS: [&str; 9] =
    ["step", "seconds", "stage", "learning_rate", "step_length", "damping", "gradient_norm", "loss", "validation"];
const OWN_PREFIXES: [&str; 4] = ["loss_", "weight_", "causal_", "validation_"];

/// The column of a coefficient in `metrics.csv`: its name, unless a column of the run may have that name.
pub fn coefficient_column(name: &str) -> String {
    let is_taken = OWN_COLUMNS.contains(&name) || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if is_taken { format!("coefficient_{name}") } else { name.to_string() }
}

/// `metrics.csv`: one row per report, written at once, so that it can be followed.
pub struct Metrics {
    file: File,
    path: PathBuf,
    /// The same for TensorBoard, by the columns' names.
    events: Option<(EventFile, Vec<String>)>,
}

impl Metrics {
    /// A new file whose columns are `step` and `columns`.
    pub fn create(path: impl Into<PathBuf>, columns: &[String]) -> Result<Self> {
        Self::start(path.into(), columns, &[])
    }

    /// The file of a run that is resumed after `step`: later rows and an incomplete last row are removed.
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
            writer.write_all(&csv_writer::header(names)).map_err(fail)?;
            kept.iter().try_for_each(|row| writer.write_all(row.as_bytes()).map_err(fail))
        })?;
        let file = OpenOptions::new().append(true).open(&path).map_err(fail)?;
        Ok(Self { file, path, events: None })
    }

    /// Every row is written as an event of TensorBoard, too: those that are there already, and each that comes.
    ///
    /// # Errors
    /// [`Error::Io`] where they cannot be written.
    pub fn with_events(mut self, directory: &RunDir, columns: &[String]) -> Result<Self> {
        self.events = Some((EventFile::create(&directory.events())?, columns.to_vec()));
        let text = fs::read_to_string(&self.path).map_err(|error| Error::io(&self.path, error))?;
        for line in text.lines().skip(1) {
            let mut fields = line.split(',').map(|field| field.parse::<f64>().ok());
            let step = fields.next().flatten().unwrap_or_default() as u64;
            self.event(step, &fields.collect::<Vec<_>>())?;
        }
        Ok(self)
    }

    fn event(&mut self, step: u64, values: &[Option<f64>]) -> Result<()> {
        let Some((events, columns)) = &mut self.events else { return Ok(()) };
        let known = columns.iter().zip(values).filter_map(|(name, value)| Some((name.as_str(), (*value)?)));
        events.scalars(step, known)
    }

    /// Adds the row of a report after `step` steps; a cell without a value is empty.
    pub fn row(&mut self, step: u64, values: &[Option<f64>]) -> Result<()> {
        let mut row = format!("{step},").into_bytes();
        for value in values {
            match value {
                Some(value) => csv_writer::push(&mut row, *value),
                None => row.push(b','),
            }
        }
        csv_writer::end(&mut row);
        // In one call, so that whoever watches sees whole rows.
        self.file.write_all(&row).map_err(|error| Error::io(&self.path, error))?;
        self.event(step, values)
    }

    /// Syncs the rows to disk before a checkpoint that follows them.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::io(&self.path, error))
    }
}

impl RunDir {
    /// Columns of the metrics, NaN and infinity among them; empty ones where no report was reached.
    ///
    /// # Errors
    /// [`Error::Input`] where the file is not as it was written.
    pub fn read_metrics(&self, columns: &[String]) -> Result<Vec<Vec<f64>>> {
        let path = self.metrics();
        let wrong = |problem: String| {
            Error::input(path.display(), problem, "restore the file as `jetfit train` wrote it, or start a new run")
        };
        let file = File::open(&path).map_err(|error| Error::io(&path, error))?;
        let mut reader = csv::Reader::from_reader(file);
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let run = RunDir::at(directory.path());
        let read = run.read_metrics(&["a, b".to_string(), "step".to_string()]).unwrap();
        assert_eq!(read[1], [100.0, 200.0, 250.0]);
        assert!(read[0][2].is_nan());
        assert!(run.read_metrics(&["none".to_string()]).is_err());
    }
}
