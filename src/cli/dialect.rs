//! How a table on the command line writes numbers and letters.

use crate::data::Dialect;
use crate::error::{Error, Result};
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
    /// As readers of tables know it.
    pub fn dialect(&self) -> Result<Dialect> {
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
