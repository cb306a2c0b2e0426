//! CSV files with named columns, read in blocks so that ten million rows need little memory.
//!
//! The delimiter (comma, semicolon or tab) follows from the header. A byte-order mark, CRLF, quoted
//! fields and spaces around names and numbers are taken as they come.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::cells::{self, Shape};
use crate::error::{Error, Result, nearest};
use crate::files;

/// What is read at once. Large enough to keep all threads busy, small beside any memory.
const BLOCK_BYTES: usize = 4 << 20;

/// The longest row; a file without line ends must not fill the memory.
const LONGEST_ROW: usize = 64 << 20;

/// Columns that a message names.
const SHOWN_COLUMNS: usize = 40;

/// A CSV file that is open at its first row.
pub struct TableReader<R> {
    source: R,
    /// The header and the selected columns.
    shape: Shape,
    /// What was read and not yet given out.
    pending: Vec<u8>,
    /// The line of the first pending byte, from 1.
    line: u64,
    bytes: u64,
    ended: bool,
}

impl TableReader<File> {
    /// Opens the file and reads its header.
    ///
    /// # Errors
    /// As [`TableReader::new`]; and a file that is not there or cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let missing = |error| files::unreadable(path, error, "check the path of the file");
        let file = File::open(path).map_err(missing)?;
        // Some systems open a directory and fail only when it is read.
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(missing(std::io::ErrorKind::IsADirectory.into()));
        }
        Self::new(file, path.display().to_string())
    }
}

impl<R: Read> TableReader<R> {
    /// Reads the header of a table; messages call it `place`.
    ///
    /// # Errors
    /// [`Error::Input`] for an empty file, a header that is missing or names a column twice, text
    /// that is not UTF-8 or something that is no CSV at all.
    pub fn new(source: R, place: String) -> Result<Self> {
        let shape = Shape { place, names: vec![], delimiter: b',', selected: vec![], whole: 0 };
        let mut reader = Self { source, shape, pending: vec![], line: 1, bytes: 0, ended: false };
        reader.fill()?;
        if reader.pending.starts_with(&[0xff, 0xfe]) || reader.pending.starts_with(&[0xfe, 0xff]) {
            return Err(reader.error("this file is in UTF-16", "save it as CSV in UTF-8"));
        }
        if reader.pending.starts_with("\u{feff}".as_bytes()) {
            reader.pending.drain(..3);
        }
        let length = reader.header_length()?;
        let header: Vec<u8> = reader.pending.drain(..length).collect();
        reader.line += cells::lines(&header);
        (reader.shape.delimiter, reader.shape.names) = cells::header(&header, &reader.shape.place)?;
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

    /// The file, as it is named in messages.
    pub fn place(&self) -> &str {
        &self.shape.place
    }

    /// Chooses the columns that [`TableReader::next_block`] gives, in this order.
    ///
    /// # Errors
    /// [`Error::Input`] for a column that is not there, with those that are.
    pub fn select<S: AsRef<str>>(&mut self, columns: &[S]) -> Result<()> {
        // Of names that are empty the first counts.
        let places = self.shape.names.iter().enumerate().rev();
        let places: HashMap<&str, usize> = places.map(|(place, name)| (name.as_str(), place)).collect();
        let place = |column: &S| {
            let name = column.as_ref();
            places.get(name).copied().ok_or_else(|| self.shape.missing(name))
        };
        self.shape.selected = columns.iter().map(place).collect::<Result<_>>()?;
        self.shape.whole = columns.len();
        Ok(())
    }

    /// The same, but all columns except the first `whole` may have empty or non-finite cells, which are read as NaN.
    ///
    /// # Errors
    /// As [`TableReader::select`].
    pub fn select_with_gaps<S: AsRef<str>>(&mut self, columns: &[S], whole: usize) -> Result<()> {
        self.select(columns)?;
        self.shape.whole = whole;
        Ok(())
    }

    /// The selected columns of the next rows (columns, rows), or `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`] for a row with another number of fields than the header, an empty cell,
    /// text or a number that is not finite, with file, line and column.
    pub fn next_block(&mut self) -> Result<Option<Vec<Vec<f64>>>> {
        loop {
            self.fill()?;
            let length = match cells::whole_rows(&self.pending, self.shape.delimiter, self.ended) {
                0 if self.ended => return Ok(None),
                0 => {
                    self.check_row_length()?;
                    continue;
                }
                length => length,
            };
            let columns = cells::parse(&self.pending[..length], self.line, &self.shape)?;
            self.line += cells::lines(&self.pending[..length]);
            self.pending.drain(..length);
            // A block may be nothing but empty lines.
            if columns.first().is_some_and(|column| !column.is_empty()) {
                return Ok(Some(columns));
            }
        }
    }

    /// All rows that are left (columns, rows), at least one.
    ///
    /// # Errors
    /// As [`TableReader::next_block`]; and where there are none.
    pub fn read_rows(&mut self) -> Result<Vec<Vec<f64>>> {
        let mut all = vec![vec![]; self.shape.selected.len()];
        while let Some(block) = self.next_block()? {
            all.iter_mut().zip(block).for_each(|(column, rows)| column.extend(rows));
        }
        if all.first().is_none_or(Vec::is_empty) {
            return Err(self.error("there are no rows after the header", "add rows"));
        }
        Ok(all)
    }

    /// Something wrong with the file as a whole.
    pub fn error(&self, problem: impl Into<String>, help: impl Into<String>) -> Error {
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
            if let Some(length) = cells::first_row(&self.pending, self.ended) {
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

impl Shape {
    /// The error for a column that is not there.
    fn missing(&self, name: &str) -> Error {
        let near = nearest(name, self.names.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
        let alone = if self.names.len() == 1 { " (columns are separated by commas, semicolons or tabs)" } else { "" };
        let shown = self.names.iter().take(SHOWN_COLUMNS).map(|name| format!("{name:?}"));
        let more = (self.names.len() > SHOWN_COLUMNS).then(|| format!("and {} more", self.names.len() - SHOWN_COLUMNS));
        let names = shown.chain(more).collect::<Vec<_>>().join(", ");
        Error::input(&self.place, format!("there is no column {name:?}"), format!("{hint}It has: {names}{alone}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: impl AsRef<[u8]>, columns: &[&str]) -> Result<Vec<Vec<f64>>> {
        let mut reader = TableReader::new(text.as_ref(), "a.csv".to_string())?;
        reader.select(columns)?;
        reader.read_rows()
    }

    #[test]
    fn every_dialect_reads_alike() {
        let expected = vec![vec![2.0, 4.0], vec![1.0, 3.0]];
        for text in [
            "x,y\n1,2\n3,4\n",
            "\u{feff}x,y\r\n1,2\r\n3,4",
            " x , y \n 1 , 2 \n\n 3 , 4 \n\n",
            "\"x\";\"y\"\n\"1\";\"2\"\n3;4\n",
            "x\ty\n1\t2\n3\t4\n",
            "\n\nx,y,note\n1,2,\"a, \"\"b\"\"\nc\"\n3,4,d\n",
            "x,y\r1,2\r3,4\r",
        ] {
            assert_eq!(read(text, &["y", "x"]).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_mistake_names_line_and_column() {
        let long = format!("x,y\n{}1,2,3\n", "1,2\n".repeat(500_000));
        let quoted = format!("x,y\n{}\"1\",\"a\nb\"\n", "1,\"2\"\n".repeat(900_000));
        let cases: &[(&str, &[&str])] = &[
            ("", &["a.csv: this file is empty"]),
            ("\u{feff}\r\n", &["a.csv: this file is empty"]),
            ("1,2\n3,4\n", &["there is no header"]),
            ("x,y,x\n", &["contains \"x\" twice, in columns 1 and 3"]),
            ("x,z\n1,2\n", &["there is no column \"y\"", "It has: \"x\", \"z\""]),
            ("x,y\n\n", &["a.csv: there are no rows"]),
            ("x y\n1 2\n", &["there is no column", "separated by commas"]),
            ("x,y\n1,2\n1,2,3\n", &["a.csv:3: this row has 3 fields, the header has 2"]),
            ("x,y\r\n\r\n1,2\r\n1\r\n", &["a.csv:4: this row has 1 field, the header has 2"]),
            ("x;y\n1;2\n1,5;2\n", &["a.csv:3: column \"x\": \"1,5\" has a decimal comma", "with a point: 1.5"]),
            ("x,y\n1,\n", &["a.csv:2: column \"y\": this cell is empty"]),
            ("x,y\n1,NaN\n", &["a.csv:2: column \"y\": NaN is not a finite number"]),
            ("x,y\n-inf,1\n", &["a.csv:2: column \"x\": -inf is not a finite number"]),
            ("x,y\n1,1e999\n", &["1e999 is not a finite number"]),
            ("x,y\n1,1.5D+3\n", &["has a Fortran exponent", "1.5e+3"]),
            ("x,y\n1,tall\n", &["a.csv:2: column \"y\": \"tall\" is not a number"]),
            (&long, &["a.csv:500002: this row has 3 fields"]),
            (&quoted, &["a.csv:900002: column \"y\": \"a\\nb\" is not a number"]),
        ];
        for (text, parts) in cases {
            let error = read(text, &["x", "y"]).unwrap_err();
            let message = error.to_string();
            assert_eq!(error.exit_code(), 2);
            parts.iter().for_each(|part| assert!(message.contains(part), "{message}\nlacks {part}"));
        }
        assert!(read([0xff, 0xfe, b'x', 0], &["x"]).unwrap_err().to_string().contains("UTF-16"));
        let endless = format!("x\n{}", "1".repeat(LONGEST_ROW + BLOCK_BYTES));
        assert!(read(endless, &["x"]).unwrap_err().to_string().contains("a.csv:2: this row has no end"));
    }

    /// A reader that gives a few bytes at a time, as pipes do.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(7);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    #[test]
    fn blocks_join_to_the_whole_file_however_it_arrives() {
        let rows = 800_000;
        let text: String = (0..rows).map(|row| format!("{row},\"{}\"\n", row * 2)).collect();
        for text in [format!("x,y\n{text}"), format!("x,y\n{}", text.replace('"', ""))] {
            let mut reader = TableReader::new(Drops(text.as_bytes()), "a.csv".to_string()).unwrap();
            reader.select(&["y"]).unwrap();
            assert!(reader.next_block().unwrap().unwrap()[0].len() < rows);
            let columns = reader.read_rows().unwrap();
            assert_eq!(columns[0].last(), Some(&((rows - 1) as f64 * 2.0)));
            assert_eq!(reader.bytes(), text.len() as u64);
        }
    }

    proptest! {
        #[test]
        fn numbers_survive_the_round_trip(
            rows in proptest::collection::vec((proptest::num::f64::NORMAL | proptest::num::f64::ZERO, -1e3..1e3), 1..40),
            delimiter in proptest::sample::select(&[",", ";", "\t"]),
            end in proptest::sample::select(&["\n", "\r\n"]),
        ) {
            let mut text = format!("a{delimiter}b{end}");
            rows.iter().for_each(|(a, b)| text.push_str(&format!("{a:e}{delimiter}\"{b}\"{end}")));
            let columns = read(&text, &["a", "b"]).unwrap();
            let again: Vec<_> = columns[0].iter().zip(&columns[1]).map(|(a, b)| (*a, *b)).collect();
            prop_assert_eq!(again, rows);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[xy,;\t\"\r\n0-9. -]{0,60}") {
            for bytes in [bytes.clone(), text.into_bytes(), [b"x,y\n1,2\n".as_slice(), &bytes].concat()] {
                if let Ok(mut reader) = TableReader::new(bytes.as_slice(), "a.csv".to_string()) {
                    let names = reader.names().to_vec();
                    let _ = reader.select(&names).and_then(|()| reader.read_rows());
                }
            }
        }
    }
}
