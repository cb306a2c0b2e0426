//! A table of numbers: a CSV file, or columns in memory.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Dialect, Gaps, TableReader};
use crate::error::{Error, Result};

/// Where the rows of a job come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Table {
    /// A file (absolute path, or `-` for stdin), and how it writes numbers and letters.
    File(PathBuf, Dialect),
    /// Columns in memory, shared by all copies of the job.
    Columns(Arc<Columns>),
}

/// Named columns of equal length, whose numbers are finite, or NaN where nothing was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    names: Vec<String>,
    values: Vec<Vec<f64>>,
}

impl Columns {
    /// Checks columns (name, numbers). `place` is how messages name the table. In those at the positions `measured` NaN
    /// stands for what was not measured.
    ///
    /// # Errors
    /// [`Error::Input`] for columns of different lengths, no rows, and any other number that is not finite.
    pub fn new(place: &str, columns: Vec<(String, Vec<f64>)>, measured: Range<usize>) -> Result<Self> {
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        if rows == 0 {
            return Err(Error::input(place, "there are no rows", "pass at least two rows"));
        }
        for (k, (name, values)) in columns.iter().enumerate() {
            if values.len() != rows {
                let problem =
                    format!("column {name:?} has {} numbers, column {:?} has {rows}", values.len(), columns[0].0);
                return Err(Error::input(place, problem, "pass columns of equal length"));
            }
            let is_wrong = |value: &f64| !(value.is_finite() || value.is_nan() && measured.contains(&k));
            if let Some(row) = values.iter().position(is_wrong) {
                let problem = format!("column {name:?} is {} in row {row} (from 0)", values[row]);
                return Err(Error::input(place, problem, "replace it with a finite number, or remove the row"));
            }
        }
        let (names, values) = columns.into_iter().unzip();
        Ok(Self { names, values })
    }
}

impl Table {
    /// The columns with these names (columns, rows). All but the first `whole` may have cells without a measurement,
    /// which are NaN.
    ///
    /// # Errors
    /// Those of [`TableReader`] for a file, and a column that does not exist.
    pub fn read<S: AsRef<str>>(&self, names: &[S], whole: usize) -> Result<Vec<Vec<f64>>> {
        match self {
            Table::File(file, dialect) => {
                let mut reader = TableReader::open_as(file, dialect)?;
                reader.select_with_gaps(names, Gaps::NotMeasured, whole)?;
                reader.read_rows()
            }
            Table::Columns(columns) => {
                let column = |name: &S| {
                    let position = columns.names.iter().position(|known| known == name.as_ref());
                    position.map(|position| columns.values[position].clone()).ok_or_else(|| {
                        let problem = format!("there is no column {:?}", name.as_ref());
                        Error::input(self, problem, format!("use one of: {}", columns.names.join(", ")))
                    })
                };
                names.iter().map(column).collect()
            }
        }
    }

    /// The path of a file.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Table::File(file, _) => Some(file),
            Table::Columns(_) => None,
        }
    }

    /// The number of rows in memory; `None` for a file.
    pub fn rows(&self) -> Option<usize> {
        match self {
            Table::File(..) => None,
            Table::Columns(columns) => columns.values.first().map(Vec::len),
        }
    }
}

/// How messages name it.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Table::File(file, _) => file.display().fmt(f),
            Table::Columns(_) => f.write_str("data"),
        }
    }
}
