//! `jetfit train`: a job from its data to its run directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::files;
use crate::job::{Job, Overrides};
use crate::numbers::Precision;
use crate::run::directory::RunDir;
use crate::run::results::{Measured, Named, RelativeError, StageSummary, Summary};
use crate::run::saver::Saver;
use crate::run::scores::Score;
use crate::run::{Mode, Observer, ensemble, run, windows};
use crate::trainer::{Report, Stop};
use clap::Args;
use serde_json::json;

use super::predict::precision;
use super::progress::Progress;
use super::signals::Signals;
use super::table::table;
use super::{Display, Format, print, warn};

/// Train a network as described in a job file, and write predictions, plots and a report
///
/// The run directory contains model.safetensors, checkpoint.safetensors, predictions.csv, plots,
/// metrics.csv, report.json and the complete job.toml with all defaults, which can be run again.
/// Ctrl-C or SIGTERM saves a checkpoint and exits; --resume continues from it, and the result is
/// bit-identical to an uninterrupted run.
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit train examples/jobs/sine/job.toml
  jetfit train job.toml --out runs/long --steps 200000 --max-seconds 3600
  jetfit train job.toml --set network.hidden=[32,32] --set data.decimal=,
  jetfit train job.toml --check
  jetfit train --resume runs/long")]
pub struct Arguments {
    /// The job file; - reads it from stdin
    #[arg(value_name = "JOB.toml", required_unless_present = "resume", conflicts_with = "resume")]
    job: Option<PathBuf>,

    /// Resume the run in this directory from its checkpoint
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["out", "force", "seed", "ensemble", "precision"])]
    resume: Option<PathBuf>,

    /// With --resume: accept that the run's job.toml has been edited
    #[arg(long, requires = "resume")]
    edited: bool,

    /// Run directory (overrides the job)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Replace an existing run in the directory
    #[arg(long)]
    force: bool,

    /// Device: auto, cpu, gpu, or part of an adapter's name (overrides the job)
    #[arg(long)]
    device: Option<String>,

    /// Floating-point format (overrides the job); f64 runs on the CPU, f16x2 and f16 on the matrix
    /// units of a GPU
    #[arg(long, value_parser = precision())]
    precision: Option<Precision>,

    /// CPU threads; 0 uses all processors (overrides the job)
    #[arg(long)]
    threads: Option<usize>,

    /// Seed of initial weights, validation split and shuffling (overrides the job)
    #[arg(long)]
    seed: Option<u64>,

    /// Train N networks with consecutive seeds; report mean and standard deviation of their predictions
    #[arg(long, value_name = "N")]
    ensemble: Option<usize>,

    /// Time limit for training in seconds (overrides the job)
    #[arg(long, value_name = "SECONDS")]
    max_seconds: Option<f64>,

    /// Optimizer steps of every stage (overrides the job's steps or epochs)
    #[arg(long)]
    steps: Option<u64>,

    /// Set any key of the job: VALUE is TOML, or a string; sections of a list are named by their name or
    /// number, as in term.decay.weight=2 (repeatable)
    #[arg(long, value_name = "SECTION.KEY=VALUE", conflicts_with = "resume")]
    set: Vec<String>,

    /// Only say what would be trained: rows, points, parameters, memory, stages, device
    #[arg(long, conflicts_with = "resume")]
    check: bool,

    #[command(flatten)]
    display: Display,
}

/// Runs the subcommand.
pub fn run_job(arguments: Arguments) -> Result<()> {
    let mut overrides = Overrides {
        directory: arguments.out,
        device: arguments.device,
        precision: arguments.precision,
        threads: arguments.threads,
        seed: arguments.seed,
        ensemble: arguments.ensemble,
        max_seconds: arguments.max_seconds,
        steps: arguments.steps,
        start: None,
        set: arguments.set,
    };
    let (file, mode) = match (arguments.resume, arguments.job) {
        (Some(directory), _) => {
            let file = RunDir::open(&directory)?.job();
            overrides.directory = Some(directory);
            (file, if arguments.edited { Mode::ResumeEdited } else { Mode::Resume })
        }
        (None, Some(job)) => (job, if arguments.force { Mode::Replace } else { Mode::New }),
        (None, None) => unreachable!("clap requires one of the two"),
    };
    let job = read(&file, &overrides)?;
    if arguments.check {
        super::start_threads(job.device.threads)?;
        return super::rehearse::run(&job, arguments.force, &arguments.display);
    }
    if mode == Mode::Replace {
        stays(&file, &job.output)?;
    }
    super::start_threads(job.device.threads)?;
    let quiet = arguments.display.quiet;
    let savers = Savers::default();
    let stages = job.stages.iter().map(|stage| stage.optimizer.kind.name()).collect();
    let mut show =
        Show { quiet, progress: Progress::Quiet, started: (Instant::now(), 0), stages, savers: savers.clone() };
    let output = job.output.clone();
    let signals = Signals::listen(move || rescue(&savers, &output))?;
    if job.training.ensemble > 1 {
        let ended = ensemble::train(&job, job.training.ensemble, mode, &mut show, &signals.stop);
        drop(show);
        let report = ended.map_err(|error| of_signal(error, &signals))?;
        print(&match arguments.display.format {
            Format::Json => json!(report).to_string(),
            Format::Human => of_ensemble(&report),
        })?;
        return ended_by(report.stop, &report.directory, &signals);
    }
    if job.windows.is_some() {
        let ended = windows::train(&job, mode, &mut show, &signals.stop);
        drop(show);
        let report = ended.map_err(|error| of_signal(error, &signals))?;
        print(&match arguments.display.format {
            Format::Json => json!(report).to_string(),
            Format::Human => of_windows(&report),
        })?;
        return ended_by(report.stop, &report.directory, &signals);
    }
    let ended = run(&job, mode, &mut show, &signals.stop);
    drop(show);
    let summary = ended.map_err(|error| of_signal(error, &signals))?;
    print(&match arguments.display.format {
        Format::Json => json!(summary).to_string(),
        Format::Human => for_people(&summary),
    })?;
    ended_by(summary.stop, &summary.directory, &signals)
}

/// A job from a file, or from stdin for `-`.
fn read(file: &Path, overrides: &Overrides) -> Result<Job> {
    if !files::is_stdio(file) {
        return Job::read(file, overrides);
    }
    let text = std::io::read_to_string(std::io::stdin()).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => Error::input("stdin", "this is not UTF-8 text", "give a job in TOML format"),
        _ => Error::io("stdin", error),
    })?;
    let job = Job::parse(&text, "stdin", overrides)?;
    if job.data.as_ref().and_then(|data| data.table.file()).is_some_and(files::is_stdio) {
        return Err(Error::input("data.file", "stdin already holds the job", "put the job or the data into a file"));
    }
    Ok(job)
}

/// That the job that is to be run is not in the way of the run.
fn stays(file: &Path, directory: &Path) -> Result<()> {
    let [file, old] = [file.to_path_buf(), directory.join("job.toml")].map(std::fs::canonicalize);
    match (file, old) {
        (Ok(file), Ok(old)) if file == old => {
            let problem = "--force would replace the job file that you are about to run";
            Err(Error::input(
                old.display(),
                problem,
                "copy it elsewhere and train the copy, or choose another directory with --out",
            ))
        }
        _ => Ok(()),
    }
}

/// What keeps the state of each run that was begun.
type Savers = Arc<Mutex<Vec<Arc<Saver>>>>;

/// Saves the last finished step of each run, and says how to go on.
fn rescue(savers: &Savers, directory: &Path) -> String {
    let savers = savers.lock().unwrap_or_else(PoisonError::into_inner);
    if savers.is_empty() {
        return "nothing was written".to_string();
    }
    let failed = savers.iter().filter_map(|saver| saver.rescue().err());
    let failed =
        failed.map(|error| format!("the last steps could not be saved ({error}); ")).next().unwrap_or_default();
    failed + &go_on(&directory.display().to_string())
}

fn go_on(directory: &str) -> String {
    format!("resume with: jetfit train --resume {directory}")
}

/// The same error, of the signal that was heard.
fn of_signal(error: Error, signals: &Signals) -> Error {
    match error {
        Error::Interrupted { left, .. } => signals.error(left),
        error => error,
    }
}

/// An error where the training was stopped before its end, so that whatever waits for it does not begin.
fn ended_by(stop: Stop, directory: &str, signals: &Signals) -> Result<()> {
    let left = go_on(directory);
    match stop {
        Stop::Interrupted => Err(signals.error(left)),
        Stop::MaxSeconds => Err(Error::TimeOver { left }),
        _ => Ok(()),
    }
}

/// Progress on stderr.
struct Show {
    quiet: bool,
    progress: Progress,
    /// When training started, and after how many steps.
    started: (Instant, u64),
    /// The optimizers of the stages.
    stages: Vec<&'static str>,
    savers: Savers,
}

impl Observer for Show {
    fn settling(&mut self, what: &str) {
        Progress::new("train", 0, self.quiet).say(&format!("train: {what}"));
    }

    fn keeping(&mut self, saver: &Arc<Saver>) {
        self.savers.lock().unwrap_or_else(PoisonError::into_inner).push(saver.clone());
    }

    fn started(&mut self, device: &str, done: u64, steps: u64) {
        self.progress = Progress::new("train", steps, self.quiet);
        let from = if done > 0 { format!(", resuming at step {done}") } else { String::new() };
        self.progress.say(&format!("train: {steps} steps on {device}{from}"));
        self.progress.start_at(done);
        self.started = (Instant::now(), done);
    }

    fn report(&mut self, report: &Report) {
        let validation = report.validation_loss.map(|loss| format!("  validation {loss:.3e}")).unwrap_or_default();
        let (start, from) = self.started;
        let rate = (report.step - from) as f64 / start.elapsed().as_secs_f64();
        let stage = match &self.stages[..] {
            [_] => String::new(),
            all => format!("stage {} of {} ({})  ", report.stage + 1, all.len(), all[report.stage]),
        };
        self.progress.at(report.step, || format!("{stage}loss {:.3e}{validation}  {rate:.0} steps/s", report.loss));
    }

    fn warning(&mut self, text: &str) {
        match &self.progress {
            Progress::Bar(bar) => bar.suspend(|| warn(text)),
            _ => warn(text),
        }
    }
}

/// What stopped a run of several networks from outside.
fn cut_short(stop: Stop) -> &'static str {
    match stop {
        Stop::Interrupted => ": interrupted",
        Stop::MaxSeconds => ": time limit reached",
        _ => "",
    }
}

fn of_ensemble(report: &ensemble::Report) -> String {
    let ensemble::Report { directory, seconds, members, .. } = report;
    let go_on = cut_short(report.stop);
    let mut text = format!("{directory}: {} members in {seconds:.1} s{go_on}\n", members.len());
    let number = |list: &[Named], name: &str| {
        list.iter().find(|n| n.name == name).map_or_else(|| "-".to_string(), |n| format!("{:.3e}", n.value))
    };
    let row = |spread: &Named| {
        let name = &spread.name;
        vec![name.clone(), number(&report.relative_spreads, name), error_of(&report.relative_errors, name)]
    };
    let rows: Vec<_> = report.relative_spreads.iter().map(row).collect();
    for coefficient in &report.coefficients {
        text += &format!("{coefficient}\n");
    }
    text += &table(&["", "relative spread", "relative error of the mean"], &rows);
    for warning in &report.warnings {
        text += &format!("\nwarning: {warning}");
    }
    text
}

fn of_windows(report: &windows::Report) -> String {
    let windows::Report { directory, seconds, input, windows, .. } = report;
    let go_on = cut_short(report.stop);
    let mut text = format!("{directory}: {} windows in {seconds:.1} s{go_on}\n", windows.len());
    let row = |window: &windows::Window| {
        let windows::Window { from, to, steps, seconds, loss, worst, .. } = window;
        [
            format!("{from} to {to}"),
            steps.to_string(),
            format!("{seconds:.1}"),
            format!("{loss:.3e}"),
            format!("{worst:.3e}"),
        ]
        .to_vec()
    };
    let rows: Vec<_> = windows.iter().map(row).collect();
    text += &table(&[input, "steps", "seconds", "loss", "worst validation"], &rows);
    if !report.relative_errors.is_empty() {
        let row = |error: &RelativeError| vec![error.name.clone(), error_of(&report.relative_errors, &error.name)];
        let rows: Vec<_> = report.relative_errors.iter().map(row).collect();
        text += &format!("\n\n{}", table(&["", "relative error"], &rows));
    }
    for warning in &report.warnings {
        text += &format!("\nwarning: {warning}");
    }
    text
}

/// The error of an entry, and where not all points of the truth count, how many do.
fn error_of(errors: &[RelativeError], name: &str) -> String {
    match errors.iter().find(|error| error.name == name) {
        None => "-".to_string(),
        Some(RelativeError { value, points, of, .. }) if points == of => format!("{value:.3e}"),
        Some(RelativeError { value, points, of, .. }) => format!("{value:.3e} ({points} of {of} points)"),
    }
}

fn for_people(summary: &Summary) -> String {
    let Summary { directory, steps, seconds, device, .. } = summary;
    let why = match summary.stop {
        Stop::Converged if summary.stages.last().is_some_and(|stage| stage.optimizer == "evidence") => {
            ": converged (the evidence no longer changes)".to_string()
        }
        Stop::Converged => ": converged (the gradient is within the tolerance)".to_string(),
        Stop::NoDescent => ": stopped, no step lowers the loss any further".to_string(),
        Stop::EarlyStopping => ": stopped early, the validation loss no longer falls".to_string(),
        Stop::MaxSeconds => ": time limit reached".to_string(),
        Stop::Interrupted => ": interrupted".to_string(),
        _ => String::new(),
    };
    let rate = match summary.steps_per_second {
        Some(rate) => format!("{rate:.0} steps/s"),
        None if *steps > 0 => "nothing left to do".to_string(),
        None => "no step finished".to_string(),
    };
    let mut text = format!("{directory}: {steps} steps in {seconds:.1} s ({rate}) on {device}{why}\n");
    if summary.stages.len() > 1 {
        let row = |stage: &StageSummary| {
            let numbers =
                [format!("{:.1}", stage.seconds), format!("{:.3e}", stage.loss), stage.stop.name().to_string()];
            [vec![stage.optimizer.to_string(), stage.steps.to_string()], numbers.into()].concat()
        };
        let rows: Vec<_> = summary.stages.iter().map(row).collect();
        text += &format!("{}\n", table(&["stage", "steps", "seconds", "loss", "ended by"], &rows));
    }
    if let Some(step) = summary.best_step {
        text += &format!("kept the network of step {step}, which has the lowest validation loss\n");
    }
    for Measured { name, rows, of, .. } in &summary.measured {
        text += &format!("{name} was measured in {rows} of {of} rows\n");
    }
    for coefficient in &summary.coefficients {
        text += &format!("{coefficient}\n");
    }
    let find = |list: &[Named], name: &str| {
        list.iter().find(|n| n.name == name).map_or_else(|| "-".to_string(), |n| format!("{:.3e}", n.value))
    };
    let losses = &summary.losses;
    let row = |name: &str, training: String, validation: String| {
        vec![name.to_string(), training, validation, error_of(&summary.relative_errors, name)]
    };
    let mut rows = vec![row(
        "loss",
        format!("{:.3e}", losses.training),
        losses.validation.map_or_else(|| "-".to_string(), |loss| format!("{loss:.3e}")),
    )];
    for term in &losses.training_terms {
        rows.push(row(
            &term.name,
            find(&losses.training_terms, &term.name),
            find(&losses.validation_terms, &term.name),
        ));
    }
    let is_term = |name: &str| losses.training_terms.iter().any(|term| term.name == name);
    for error in summary.relative_errors.iter().filter(|error| !is_term(&error.name)) {
        rows.push(row(&error.name, "-".to_string(), "-".to_string()));
    }
    text += &table(&["", "training", "validation", "relative error"], &rows);
    if !summary.scores.is_empty() {
        text += &format!("\n\nin the units of the {} rows\n", summary.scores[0].rows);
        let row = |score: &Score| {
            let r2 = score.r2.map_or_else(|| "-".to_string(), |r2| format!("{r2:.6}"));
            vec![score.name.clone(), format!("{:.3e}", score.rmse), format!("{:.3e}", score.mae), r2]
        };
        let rows: Vec<_> = summary.scores.iter().map(row).collect();
        text += &table(&["", "RMSE", "MAE", "R²"], &rows);
    }
    if !summary.accuracy.is_empty() {
        text += "\n\nerror of the device against f64, relative to the parts of each residual\n";
        text += &super::check::terms(&summary.accuracy);
    }
    for warning in &summary.warnings {
        text += &format!("\nwarning: {warning}");
    }
    text
}
