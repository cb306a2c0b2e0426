//! `jetfit compare`: runs side by side, from their reports.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;
use crate::job::{Job, Overrides};
use crate::run::directory::RunDir;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::print;
use super::table::table;

/// Compare finished runs: losses, errors in your units, time, steps, parameters
///
/// The error (rmse) of a term is the root of its mean square where it is judged, on the validation rows or at fresh points,
/// else where it was trained, in the units of its column or equation.
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit compare runs/*
  jetfit compare runs/a runs/b --format csv > runs.csv")]
pub struct Arguments {
    /// Run directories
    #[arg(value_name = "RUN_DIR", required = true)]
    runs: Vec<PathBuf>,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A table
    Human,
    /// JSON, one object a run
    Json,
    /// CSV
    Csv,
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    let rows: Vec<Row> = arguments.runs.iter().map(|run| Row::read(run)).collect::<Result<_>>()?;
    // A column for every term of any run, in the order of the first that has it.
    let mut terms: Vec<String> = vec![];
    for (name, _) in rows.iter().flat_map(|row| &row.errors) {
        if !terms.contains(name) {
            terms.push(name.clone());
        }
    }
    match arguments.format {
        Format::Json => {
            let all: Vec<Value> = rows.iter().map(|row| row.json(&terms)).collect();
            print(&json!(all).to_string())
        }
        Format::Human => {
            let headings = headings(&terms);
            let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
            let cells: Vec<_> = rows.iter().map(|row| row.cells(&terms, |x| format!("{x:.3e}"), "-")).collect();
            print(&table(&headings, &cells))
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(vec![]);
            let all = rows.iter().map(|row| row.cells(&terms, |x| x.to_string(), ""));
            for record in std::iter::once(headings(&terms)).chain(all) {
                writer.write_record(record).expect("a vector takes every byte");
            }
            let text = writer.into_inner().expect("a vector takes every byte");
            print(String::from_utf8_lossy(&text).trim_end())
        }
    }
}

/// What is told of a run.
struct Row {
    run: String,
    loss: Option<f64>,
    validation: Option<f64>,
    /// The root mean square of each term.
    errors: Vec<(String, f64)>,
    seconds: Option<f64>,
    steps: Option<u64>,
    parameters: Option<u64>,
    seed: Option<u64>,
    stop: Option<String>,
}

impl Row {
    fn read(directory: &Path) -> Result<Self> {
        let run = RunDir::open(directory)?;
        let path = run.report();
        let help = "a run has one once it has ended; continue it with: jetfit train --resume";
        let text = std::fs::read_to_string(&path).map_err(|error| files::unreadable(&path, error, help))?;
        let report: Value = serde_json::from_str(&text)
            .map_err(|error| Error::input(path.display(), format!("this is no report: {error}"), help))?;
        let losses = &report["losses"];
        let named = |list: &Value| -> Vec<(String, f64)> {
            let one = |item: &Value| Some((item["name"].as_str()?.to_string(), item["value"].as_f64()?));
            list.as_array().into_iter().flatten().filter_map(one).collect()
        };
        let (trained, judged) = (named(&losses["training_terms"]), named(&losses["validation_terms"]));
        let scales = named(&losses["scales"]);
        let of = |list: &[(String, f64)], name: &str| list.iter().find(|(known, _)| known == name).map(|(_, x)| *x);
        let error = |(name, trained): &(String, f64)| {
            let square = of(&judged, name).unwrap_or(*trained);
            Some((name.clone(), square.sqrt() * of(&scales, name)?))
        };
        // An ensemble's report has no losses of its own; a job that was moved away no seed.
        let job = Job::read(run.job(), &Overrides::default()).ok();
        Ok(Self {
            run: directory.display().to_string(),
            loss: losses["training"].as_f64(),
            validation: losses["validation"].as_f64(),
            errors: trained.iter().filter_map(error).collect(),
            seconds: report["seconds"].as_f64(),
            steps: report["steps"].as_u64(),
            parameters: report["parameters"].as_u64(),
            seed: job.map(|job| job.training.seed),
            stop: report["stop"].as_str().map(str::to_string),
        })
    }

    fn error(&self, term: &str) -> Option<f64> {
        self.errors.iter().find(|(name, _)| name == term).map(|(_, error)| *error)
    }

    /// In the order of [`headings`].
    fn cells(&self, terms: &[String], number: impl Fn(f64) -> String, absent: &str) -> Vec<String> {
        let absent = || absent.to_string();
        let whole = |count: Option<u64>| count.map_or_else(absent, |count| count.to_string());
        let number = |x: Option<f64>| x.map_or_else(absent, &number);
        let mut cells = vec![self.run.clone(), number(self.loss), number(self.validation)];
        cells.extend(terms.iter().map(|term| number(self.error(term))));
        cells.push(self.seconds.map_or_else(absent, |seconds| format!("{seconds:.1}")));
        cells.extend([self.steps, self.parameters, self.seed].map(whole));
        cells.push(self.stop.clone().unwrap_or_else(absent));
        cells
    }

    fn json(&self, terms: &[String]) -> Value {
        let errors = terms.iter().map(|term| (term.clone(), json!(self.error(term)))).collect();
        json!({
            "run": self.run, "loss": self.loss, "validation": self.validation, "rmse": Value::Object(errors),
            "seconds": self.seconds, "steps": self.steps, "parameters": self.parameters, "seed": self.seed,
            "stop": self.stop,
        })
    }
}

fn headings(terms: &[String]) -> Vec<String> {
    let mut headings: Vec<String> = ["run", "loss", "validation"].map(str::to_string).into();
    headings.extend(terms.iter().map(|term| format!("rmse {term}")));
    headings.extend(["seconds", "steps", "parameters", "seed", "stop"].map(str::to_string));
    headings
}
