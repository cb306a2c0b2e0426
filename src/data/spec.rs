//! What a job says of its data: files and columns, rows that judge, axes of a grid.

use std::collections::BTreeMap;

use super::Table;
use crate::jet::Entry;

/// `[data]`: tables (absolute paths) and the names of their columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The rows.
    pub table: Table,
    /// The inputs (D ≥ 1).
    pub inputs: Vec<String>,
    /// The outputs (M ≥ 1).
    pub outputs: Vec<String>,
    /// The columns of those inputs and outputs that have another name than their column.
    pub columns: BTreeMap<String, String>,
    /// Derivatives that the file holds, and their columns, ordered as [`Entry::all`] orders them.
    pub derivatives: Vec<(Entry, String)>,
    /// The column of row weights.
    pub weights: Option<String>,
    /// The validation rows.
    pub validation: Validation,
}

/// The validation rows, which are not trained on.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// None.
    None,
    /// A tenth of the rows if there are at least 50, otherwise none; see [`super::Dataset::read`].
    Default,
    /// This fraction of the rows, chosen at random with the job's seed.
    Fraction(f64),
    /// The rows of a table with the same columns.
    Table(Table),
}

impl Data {
    /// The column of an input or output.
    pub fn column<'a>(&'a self, name: &'a str) -> &'a str {
        self.columns.get(name).map_or(name, String::as_str)
    }

    /// What the targets of a point set are, in order, and their columns: the outputs' values, then
    /// the derivatives.
    pub fn targets(&self) -> impl Iterator<Item = (Entry, &str)> + '_ {
        let values = self.outputs.iter().enumerate().map(|(output, name)| (Entry::value(output), self.column(name)));
        values.chain(self.derivatives.iter().map(|(entry, column)| (*entry, column.as_str())))
    }
}

/// Numbers with equal differences or equal ratios, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// The first.
    pub from: f64,
    /// The last.
    pub to: f64,
    /// The count.
    pub count: usize,
    /// Whether their ratios are equal, not their differences; the ends then have one sign.
    pub is_logarithmic: bool,
}
