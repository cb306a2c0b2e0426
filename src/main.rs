//! Parses the command line, runs it, and turns an error into a message and an exit code.

mod cli;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use jetfit::error::Error;

fn main() -> ExitCode {
    // Mesa's layer that chooses a default adapter complains where there is no display; the choice is
    // ours. SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    // Clap itself ends with 2 on bad usage.
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough: `jetfit predict … | head`.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody can be told if stderr is closed.
            let _ = writeln!(std::io::stderr(), "jetfit: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
