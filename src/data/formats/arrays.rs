//! Columns that are in memory as a whole: NumPy's files.

use std::fs::File;
use std::io::BufReader;

use zip::ZipArchive;

use super::npy::{self, Array};
use super::{Gaps, places};
use crate::data::csv_writer;
use crate::error::{Error, Result};

/// Rows that are given out at once.
const BLOCK_ROWS: usize = 1 << 18;
/// Places that a message names.
const SHOWN_PLACES: usize = 10;

/// Named columns and how far they were read.
pub(super) struct Arrays {
    place: String,
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    selected: Vec<usize>,
    /// Columns that are given on.
    keeps: Vec<usize>,
    /// These of the last block's rows.
    kept: Vec<Vec<u8>>,
    next: usize,
}

impl Arrays {
    /// Of columns (name, numbers), with NaN for what is not there.
    pub fn new(place: &str, columns: Vec<(String, Vec<f64>)>) -> Self {
        let (names, columns) = columns.into_iter().unzip();
        Self { place: place.to_string(), names, columns, selected: vec![], keeps: vec![], kept: vec![], next: 0 }
    }

    /// A `.npy` file: a vector, or a matrix whose columns are `c0`, `c1`, ….
    ///
    /// # Errors
    /// [`Error::Input`] for a file that is damaged or has other arrays than vectors and matrices of numbers.
    pub fn npy(file: File, place: &str) -> Result<Self> {
        let Array { columns, .. } = npy::read(BufReader::new(file), place)?;
        Ok(Self::new(place, columns.into_iter().enumerate().map(|(k, column)| (format!("c{k}"), column)).collect()))
    }

    /// A `.npz` file: every vector is a column of its name; those of a matrix `a` are `a0`, `a1`, ….
    ///
    /// # Errors
    /// As [`Arrays::npy`].
    pub fn npz(file: File, place: &str) -> Result<Self> {
        let broken = |error: zip::result::ZipError| npy::damaged(place, error);
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        let mut columns = vec![];
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(broken)?;
            let file = entry.name().map_err(broken)?.into_owned();
            let Some(name) = file.strip_suffix(".npy") else { continue };
            let array = npy::read(entry, &format!("{place}: array {name:?}"))?;
            let named = |(k, column)| (if array.is_vector { name.to_string() } else { format!("{name}{k}") }, column);
            columns.extend(array.columns.into_iter().enumerate().map(named));
        }
        Ok(Self::new(place, columns))
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// As [`super::TableReader::select_with_gaps`].
    ///
    /// # Errors
    /// [`Error::Input`] for a column that is not there, columns of different lengths, and numbers that are not finite
    /// where they have to be.
    pub fn select<S: AsRef<str>>(&mut self, columns: &[S], gaps: Gaps, whole: usize) -> Result<()> {
        self.selected = places(&self.place, &self.names, columns, "")?;
        let length = |k: &usize| self.columns[*k].len();
        let first = self.selected.first();
        if let Some((first, other)) = first.zip(self.selected.iter().find(|k| Some(length(k)) != first.map(length))) {
            let [(first, rows), (other, others)] = [first, other].map(|k| (&self.names[*k], length(k)));
            let problem = format!("column {first:?} has {rows} rows, column {other:?} has {others}");
            return Err(Error::input(&self.place, problem, "write columns of equal length"));
        }
        let is_wrong = |k: usize, value: f64| match k < whole {
            true => !value.is_finite(),
            false => value.is_infinite() && gaps == Gaps::NotMeasured,
        };
        let mut wrong = vec![];
        let mut count = 0;
        for (k, column) in self.selected.iter().enumerate() {
            for (row, value) in self.columns[*column].iter().enumerate().filter(|(_, value)| is_wrong(k, **value)) {
                count += 1;
                if wrong.len() < SHOWN_PLACES {
                    wrong.push((row, &self.names[*column], *value));
                }
            }
        }
        let Some((row, name, value)) = wrong.first() else { return Ok(()) };
        let places = wrong.iter().map(|(row, name, _)| format!("{row} ({name})")).collect::<Vec<_>>().join(", ");
        let problem = match count {
            1 => format!("this is {value}"),
            _ => format!("this is {value}, and {} more are not finite, among them in rows {places}", count - 1),
        };
        let place = format!("{}: row {row} (from 0): column {name:?}", self.place);
        Err(Error::input(place, problem, "replace it with a finite number, or remove the row"))
    }

    /// As [`super::TableReader::keep`].
    ///
    /// # Errors
    /// [`Error::Input`] for a column that is not there, and one of another length than those that are selected.
    pub fn keep<S: AsRef<str>>(&mut self, columns: &[S]) -> Result<()> {
        self.keeps = places(&self.place, &self.names, columns, "")?;
        let rows = self.selected.first().map_or(0, |column| self.columns[*column].len());
        match self.keeps.iter().find(|column| self.columns[**column].len() != rows) {
            None => Ok(()),
            Some(other) => {
                let problem =
                    format!("column {:?} has {} rows, not {rows}", self.names[*other], self.columns[*other].len());
                Err(Error::input(&self.place, problem, "write columns of equal length"))
            }
        }
    }

    /// As [`super::TableReader::kept`].
    pub fn kept(&self) -> &[Vec<u8>] {
        &self.kept
    }

    /// As [`super::TableReader::next_block`].
    pub fn next_block(&mut self) -> Option<Vec<Vec<f64>>> {
        let rows = self.selected.first().map_or(0, |column| self.columns[*column].len());
        let start = self.next.min(rows);
        self.next = rows.min(start + BLOCK_ROWS);
        let texts = |row: usize| {
            let mut text = vec![];
            self.keeps.iter().for_each(|column| csv_writer::push(&mut text, self.columns[*column][row]));
            text
        };
        self.kept = if self.keeps.is_empty() { vec![] } else { (start..self.next).map(texts).collect() };
        let block = |column: &usize| self.columns[*column][start..self.next].to_vec();
        (start < rows).then(|| self.selected.iter().map(block).collect())
    }
}
