//! How a table on the command line writes numbers and letters.

use std::path::Path;

use crate::data::{Dialect, TableReader};
use crate::error::{Error, Result};
use crate::files;
use crate::job::{Job, Overrides};
use crate::run::directory::RunDir;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// The keys of `[data]` for a file that a flag names.
#[derive(Args)]
pub struct DialectFlags {
    /// Decimal mark in the file of the points
    #[arg(long, value_name = "MARK", value_parser = mark(&Dialect::DECIMALS))]
    decimal: Option<char>,

    /// What separates thousands there
    #[arg(long, value_name = "MARK", value_parser = mark(&Dialect::THOUSANDS))]
    thousands: Option<char>,

    /// Encoding of its letters, such as latin1 [default: utf-8]
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
}

fn mark(marks: &'static [(&'static str, char)]) -> impl TypedValueParser<Value = char> {
    let mark = |name: String| marks.iter().find(|(known, _)| *known == name).map(|(_, mark)| *mark);
    PossibleValuesParser::new(marks.iter().map(|(name, _)| *name)).try_map(move |name| mark(name).ok_or("unknown mark"))
}

impl DialectFlags {
    /// A table with the inputs of a model or run, open at its first row, stdin for `-`. They are selected by their names,
    /// or by the columns that the run's job has them from.
    pub fn open(&self, file: &Path, model: &Path, inputs: &[String]) -> Result<TableReader<'static>> {
        let dialect = self.dialect()?;
        let mut reader = match files::is_stdio(file) {
            true => TableReader::stdin(&dialect)?,
            false => TableReader::open_as(file, &dialect)?,
        };
        // A run whose job cannot be read any more has names all the same.
        let job = RunDir::open(model).ok().and_then(|run| Job::read(run.job(), &Overrides::default()).ok());
        let job = job.filter(|job| job.inputs == inputs);
        reader.select(&job.map_or_else(|| inputs.to_vec(), |job| job.input_columns(&reader)))?;
        Ok(reader)
    }

    /// As readers of tables know it.
    fn dialect(&self) -> Result<Dialect> {
        let Self { decimal, thousands, encoding } = self;
        if decimal.is_some() && decimal == thousands {
            return Err(Error::input("--thousands", "this is the decimal mark too", "use another mark"));
        }
        let encoding = encoding.as_deref().map(|label| {
            let help = "use latin1, windows-1252, utf-8, utf-16le or another name of the WHATWG standard";
            Dialect::encoding(label)
                .ok_or_else(|| Error::input("--encoding", format!("unknown encoding {label:?}"), help))
        });
        Ok(Dialect { decimal: *decimal, thousands: *thousands, encoding: encoding.transpose()? })
    }
}
