//! `jetfit new`: a starter job with its data.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::files;
use clap::{Args, ValueEnum};

use super::print;

/// Create a commented starter job, with sample data if it needs any
#[derive(Args)]
pub struct Arguments {
    /// Kind of job
    kind: Kind,

    /// Folder to create [default: the kind's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Fit a smooth curve to measurements and get its derivatives
    Curve,
    /// Fit values and known derivatives together
    Sobolev,
    /// Solve a differential equation with boundary or initial conditions
    Equation,
    /// Find unknown coefficients of an equation from measurements
    Inverse,
}

impl Kind {
    /// The job, and the table that it reads.
    fn texts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Kind::Curve => (
                include_str!("../../examples/jobs/starters/curve.toml"),
                Some(include_str!("../../examples/jobs/starters/curve.csv")),
            ),
            Kind::Sobolev => (
                include_str!("../../examples/jobs/starters/sobolev.toml"),
                Some(include_str!("../../examples/jobs/starters/sobolev.csv")),
            ),
            Kind::Equation => (include_str!("../../examples/jobs/starters/equation.toml"), None),
            Kind::Inverse => (
                include_str!("../../examples/jobs/starters/inverse.toml"),
                Some(include_str!("../../examples/jobs/starters/inverse.csv")),
            ),
        }
    }
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    let name = arguments.kind.to_possible_value().expect("no kind is hidden").get_name().to_string();
    let directory = arguments.out.unwrap_or_else(|| name.into());
    let (job, data) = arguments.kind.texts();
    let written = [("job.toml", Some(job)), ("data.csv", data)];
    let written: Vec<_> = written.iter().filter_map(|(name, text)| Some((directory.join(name), (*text)?))).collect();
    if let Some((path, _)) = written.iter().find(|(path, _)| path.exists()) {
        return Err(Error::input(path.display(), "this file already exists", "choose another folder with --out"));
    }
    files::create_directory(&directory)?;
    for (path, text) in &written {
        files::write_text(path, text)?;
    }
    let names: Vec<_> = written.iter().map(|(path, _)| path.display().to_string()).collect();
    print(&format!("wrote {}\nnext:  jetfit train {}", names.join(" and "), names[0]))
}
