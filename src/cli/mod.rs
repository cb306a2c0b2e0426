//! The command line: the only place that prints. One file a subcommand.

mod bench;
mod check;
mod compare;
mod devices;
mod dialect;
mod export;
mod import;
mod manual;
mod new;
#[cfg_attr(not(feature = "plot"), path = "no_picture.rs")]
mod picture;
mod predict;
mod progress;
mod rehearse;
mod signals;
mod table;
mod train;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::safetensors_file::TensorFile;
use crate::run::networks::Networks;
use crate::threads;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Fit a neural network to data or a differential equation, and get its value and exact first and
/// second derivatives in your units, on a GPU or the CPU.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 success, 1 failed while running, 2 bad usage, job or data, 3 a tolerance was missed, \
                  75 time limit reached, 130 stopped by SIGINT, 143 stopped by SIGTERM."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::Arguments),
    Train(train::Arguments),
    Import(import::Arguments),
    Predict(predict::Arguments),
    Check(check::Arguments),
    Export(export::Arguments),
    Bench(bench::Arguments),
    Devices(devices::Arguments),
    Compare(compare::Arguments),
    Schema(manual::Schema),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// Parses the arguments, of which the first is the program's name, runs the subcommand, and gives the exit code; an error
/// is a message on stderr.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let ended = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.run(),
        Err(usage) => {
            // Nobody can be told if stdout or stderr is closed.
            let _ = usage.print();
            return usage.exit_code() as u8;
        }
    };
    // A program that is not Rust's own does not flush it at its end.
    match ended.and(std::io::stdout().flush().map_err(|error| Error::io("stdout", error))) {
        Ok(()) => 0,
        // Whoever read our output has seen enough: `jetfit predict … | head`.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => 0,
        Err(error) => {
            // Nobody can be told if stderr is closed.
            let _ = writeln!(std::io::stderr(), "jetfit: {error}");
            error.exit_code()
        }
    }
}

impl Cli {
    /// Runs the subcommand.
    fn run(self) -> Result<()> {
        let ended = match self.command {
            Command::New(arguments) => new::run(arguments),
            Command::Train(arguments) => train::run_job(arguments),
            Command::Import(arguments) => import::run(arguments),
            Command::Predict(arguments) => predict::run(arguments),
            Command::Check(arguments) => check::run(arguments),
            Command::Export(arguments) => export::run(arguments),
            Command::Bench(arguments) => bench::run(arguments),
            Command::Devices(arguments) => devices::run(arguments),
            Command::Compare(arguments) => compare::run(arguments),
            Command::Schema(arguments) => manual::schema(arguments),
            Command::Completions(arguments) => manual::completions(arguments),
            Command::Man(arguments) => manual::man(arguments),
        };
        if threads::are_short() {
            warn("the system allowed fewer threads than requested");
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
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Hide progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Readable text
    Human,
    /// JSON
    Json,
}

/// Prints a result.
fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| Error::io("stdout", error))
}

/// Warns about model files without a checksum.
fn name_unverified(model: &Path) -> Result<()> {
    for path in Networks::model_paths(model)? {
        if !TensorFile::read(&path)?.is_verified {
            let path = path.display();
            warn(&format!(
                "{path} has no checksum, so damage to its numbers cannot be detected; models that jetfit writes have \
                 one"
            ));
        }
    }
    Ok(())
}

/// Prints a warning.
fn warn(text: &str) {
    // Nobody can be told if stderr is closed.
    let _ = writeln!(std::io::stderr(), "jetfit: warning: {text}");
}
