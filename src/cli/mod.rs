//! The command line: the only place that prints. One file a subcommand.

mod bench;
mod check;
mod devices;
mod new;
#[cfg_attr(not(feature = "plot"), path = "no_picture.rs")]
mod picture;
mod predict;
mod progress;
mod signals;
mod table;
mod train;

use std::io::Write;
use std::path::Path;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jetfit::error::{Error, Result};
use jetfit::files::safetensors_file::TensorFile;
use jetfit::run::ensemble;
use jetfit::threads;

/// Fit a multilayer perceptron to data, and get its value and its exact first and second derivatives
/// in your units, on a GPU or the CPU.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed while running, 2 bad usage, job or data, 3 a tolerance was missed, \
                  75 the time limit is over, 130 and 143 stopped by SIGINT and SIGTERM."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::Arguments),
    Train(train::Arguments),
    Predict(predict::Arguments),
    Check(check::Arguments),
    Bench(bench::Arguments),
    Devices(devices::Arguments),
}

impl Cli {
    /// Runs the subcommand.
    pub fn run(self) -> Result<()> {
        let ended = match self.command {
            Command::New(arguments) => new::run(arguments),
            Command::Train(arguments) => train::run_job(arguments),
            Command::Predict(arguments) => predict::run(arguments),
            Command::Check(arguments) => check::run(arguments),
            Command::Bench(arguments) => bench::run(arguments),
            Command::Devices(arguments) => devices::run(arguments),
        };
        if threads::are_short() {
            warn("this ran on fewer threads than it asked for: the system gave no more");
        }
        ended
    }
}

/// The threads of reading and formatting, beside the backend's own.
fn start_threads(count: usize) -> Result<()> {
    threads::start(threads::checked("--threads", count)?)
}

/// How results and progress are shown.
#[derive(Args)]
struct Display {
    /// The form of the result on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Show no progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Prints a result.
fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| Error::io("stdout", error))
}

/// Says which of the model files nothing can be told of: whether they are whole.
fn name_unverified(model: &Path) -> Result<()> {
    for path in ensemble::model_paths(model)? {
        if !TensorFile::read(&path)?.is_verified {
            let path = path.display();
            warn(&format!(
                "{path} holds no digest, as jetfit writes it: nothing tells whether all its numbers are right"
            ));
        }
    }
    Ok(())
}

/// Prints what the user should know though the work goes on.
fn warn(text: &str) {
    // Nobody can be told if stderr is closed.
    let _ = writeln!(std::io::stderr(), "jetfit: warning: {text}");
}
