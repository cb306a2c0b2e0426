//! What shells, editors and `man` know of this program: `jetfit completions`, `jetfit schema`, `jetfit man`.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::{files, job};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, print};

/// Print a script that completes commands and flags in a shell
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit completions bash > ~/.local/share/bash-completion/completions/jetfit
  jetfit completions zsh > ~/.zfunc/_jetfit
  jetfit completions fish > ~/.config/fish/completions/jetfit.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Print a JSON Schema of job files, by which editors complete and check them
#[derive(Args)]
#[command(after_help = "Example: in an editor with a TOML language server such as taplo or tombi, begin a job with
  #:schema ./job.schema.json
and write the schema beside it: jetfit schema > job.schema.json")]
pub struct Schema {}

/// Write the manual pages of all commands into a directory
#[derive(Args)]
#[command(after_help = "Example: jetfit man ~/.local/share/man/man1")]
pub struct Man {
    /// The directory; it is made where it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Runs `completions`.
pub fn completions(arguments: Completions) -> Result<()> {
    let mut script = vec![];
    clap_complete::generate(arguments.shell, &mut Cli::command(), "jetfit", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}

/// Runs `schema`.
pub fn schema(_: Schema) -> Result<()> {
    print(&format!("{:#}", job::schema()))
}

/// Runs `man`.
pub fn man(arguments: Man) -> Result<()> {
    let directory = &arguments.directory;
    files::create_directory(directory)?;
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, directory).map_err(|error| Error::io(directory, error))?;
    print(&format!("wrote jetfit.1 and a page for each command to {}", directory.display()))
}
