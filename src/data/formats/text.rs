//! CSV with named columns, read in blocks so that ten million rows need little memory.
//!
//! The delimiter (comma, semicolon or tab) follows from the header. A byte-order mark, CRLF, quoted
//! fields and spaces around names and numbers are taken as they come.

use std::io::Read;

use super::findings::Findings;
use super::rows::{self, Shape};
use super::{Dialect, Gaps, places};
use crate::error::{Error, Result};

/// What is read at once. Large enough to keep all threads busy, small beside any memory.
pub(super) const BLOCK_BYTES: usize = 4 << 20;

/// The longest row; a file without line ends must not fill the memory.
pub(super) const LONGEST_ROW: usize = 64 << 20;

/// Text that is open at its first row.
pub(super) struct TextReader<R> {
    source: R,
    /// The header and the selected columns.
    shape: Shape,
    /// What was read and not yet given out.
    pending: Vec<u8>,
    /// The line of the first pending byte, from 1.
    line: u64,
    bytes: u64,
    ended: bool,
    /// What was seen so far.
    findings: Findings,
    /// The kept columns of the last block's rows.
    kept: Vec<Vec<u8>>,
}

impl<R: Read> TextReader<R> {
    /// Reads the header of a table; messages call it `place`.
    ///
    /// # Errors
    /// [`Error::Input`] for an empty file, a header that is missing or names a column twice, text
    /// that is not UTF-8 or something that is no CSV at all.
    pub fn new(source: R, place: String, dialect: Dialect) -> Result<Self> {
        let (names, selected, kept, gaps) = (vec![], vec![], vec![], Gaps::NotMeasured);
        let shape = Shape { place, names, delimiter: b',', selected, kept, whole: 0, gaps, dialect };
        let findings = Findings::default();
        let mut reader =
            Self { source, shape, pending: vec![], line: 1, bytes: 0, ended: false, findings, kept: vec![] };
        reader.fill()?;
        if reader.pending.starts_with(&[0xff, 0xfe]) || reader.pending.starts_with(&[0xfe, 0xff]) {
            return Err(reader.error(
                "this file is in UTF-16",
                "set data.encoding = \"utf-16le\" (or utf-16be), or save it in UTF-8",
            ));
        }
        if reader.pending.starts_with("\u{feff}".as_bytes()) {
            reader.pending.drain(..3);
        }
        let length = reader.header_length()?;
        let header: Vec<u8> = reader.pending.drain(..length).collect();
        reader.line += rows::lines(&header);
        (reader.shape.delimiter, reader.shape.names) = rows::header(&header, &reader.shape.place)?;
        Ok(reader)
    }

    /// The columns' names in the file's order.
    pub fn names(&self) -> &[String] {
        &self.shape.names
    }

    /// Bytes read so far, for a progress bar.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Chooses the columns that [`TextReader::next_block`] gives, in this order. All but the first `whole` may have gaps.
    ///
    /// # Errors
    /// [`Error::Input`] for a column that is not there, with those that are.
    pub fn select<S: AsRef<str>>(&mut self, columns: &[S], gaps: Gaps, whole: usize) -> Result<()> {
        let note = match &self.shape.names[..] {
            [_] => " (columns are separated by commas, semicolons or tabs)",
            names if names.iter().any(|name| name.contains('\u{fffd}')) => {
                "; its letters are not UTF-8: set data.encoding = \"latin1\" or another (as a flag: --encoding)"
            }
            _ => "",
        };
        self.shape.selected = places(&self.shape.place, &self.shape.names, columns, note)?;
        (self.shape.gaps, self.shape.whole) = (gaps, whole);
        self.findings = Findings::new(columns.len());
        Ok(())
    }

    /// As [`super::TableReader::keep`].
    ///
    /// # Errors
    /// [`Error::Input`] for a column that is not there.
    pub fn keep<S: AsRef<str>>(&mut self, columns: &[S]) -> Result<()> {
        self.shape.kept = places(&self.shape.place, &self.shape.names, columns, "")?;
        Ok(())
    }

    /// As [`super::TableReader::kept`].
    pub fn kept(&self) -> &[Vec<u8>] {
        &self.kept
    }

    /// The selected columns of the next rows (columns, rows), or `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`] for a row with another number of fields than the header, text, a number that is not finite, with
    /// file, line and column; for cells without a number in whole columns, with their count in the whole file; and at
    /// the end of a file whose numbers have two meanings.
    pub fn next_block(&mut self) -> Result<Option<Vec<Vec<f64>>>> {
        let mut empty = false;
        while !empty {
            match self.block()? {
                // The other cells without a number are counted too.
                Some(_) if self.findings.has_missing() => {
                    while matches!(self.block(), Ok(Some(_))) {}
                    empty = true;
                }
                Some(columns) => return Ok(Some(columns)),
                None => empty = true,
            }
        }
        self.findings.no_missing(&self.shape)?;
        self.findings.are_clear(&self.shape)?;
        Ok(None)
    }

    /// The next rows, with NaN for every gap.
    fn block(&mut self) -> Result<Option<Vec<Vec<f64>>>> {
        loop {
            self.fill()?;
            let length = match rows::whole_rows(&self.pending, self.shape.delimiter, self.ended) {
                0 if self.ended => return Ok(None),
                0 => {
                    self.check_row_length()?;
                    continue;
                }
                length => length,
            };
            let rows::Parsed { columns, kept, findings } =
                rows::parse(&self.pending[..length], self.line, &self.shape)?;
            self.findings.join(findings);
            self.kept = kept;
            self.line += rows::lines(&self.pending[..length]);
            self.pending.drain(..length);
            // A block may be nothing but empty lines.
            if columns.first().is_some_and(|column| !column.is_empty()) {
                return Ok(Some(columns));
            }
        }
    }

    fn error(&self, problem: impl Into<String>, help: impl Into<String>) -> Error {
        Error::input(&self.shape.place, problem, help)
    }

    /// Adds one block to what is pending.
    fn fill(&mut self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let read = (&mut self.source).take(BLOCK_BYTES as u64).read_to_end(&mut self.pending);
        let read = read.map_err(|error| Error::io(&self.shape.place, error))?;
        self.bytes += read as u64;
        self.ended = read < BLOCK_BYTES;
        Ok(())
    }

    /// Bytes up to the end of the first row that is not empty.
    fn header_length(&mut self) -> Result<usize> {
        loop {
            if let Some(length) = rows::first_row(&self.pending, self.ended) {
                return Ok(length);
            }
            if self.ended {
                return Err(self.error("this file is empty", "add a header with the column names, and rows"));
            }
            self.check_row_length()?;
            self.fill()?;
        }
    }

    fn check_row_length(&self) -> Result<()> {
        if self.pending.len() <= LONGEST_ROW {
            return Ok(());
        }
        let place = format!("{}:{}", self.shape.place, self.line);
        let problem = format!("this row does not end within {} MiB", LONGEST_ROW >> 20);
        Err(Error::input(
            place,
            problem,
            "put each row on a line of its own, and check for a quote that is never closed",
        ))
    }
}
