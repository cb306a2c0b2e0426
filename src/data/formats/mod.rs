//! Tables from files: the one place that knows which format a file has.
//!
//! The end of the name tells: `.npy` and `.npz` are NumPy's, `.parquet` is Parquet (with the feature `parquet`), all else
//! is CSV, and `.gz` behind it is a compression. `-` is CSV on stdin.

mod arrays;
mod dialect;
mod findings;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod rows;
#[cfg(test)]
mod tests;
mod text;
mod times;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::OnceLock;

use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;

use self::arrays::Arrays;
pub use self::dialect::Dialect;
use self::text::TextReader;
use crate::error::{Error, Result, nearest};
use crate::files;

/// Columns that a message names.
const SHOWN_COLUMNS: usize = 40;

/// What stands for no number, in columns that may have gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// One of [`Gaps::NAMES`]: nothing was measured.
    NotMeasured,
    /// An infinite number too: nothing is known.
    NotFinite,
}

impl Gaps {
    /// The texts of a cell in which nothing was measured.
    pub const NAMES: [&'static str; 5] = ["", "NA", "NaN", "nan", "null"];
}

/// A table that is open at its first row.
pub struct TableReader<'a> {
    format: Format<'a>,
    place: String,
    is_plain: bool,
}

enum Format<'a> {
    Text(TextReader<Box<dyn Read + 'a>>),
    Arrays(Arrays),
}

impl TableReader<'static> {
    /// Opens a file whose numbers have decimal points and whose text is UTF-8.
    ///
    /// # Errors
    /// As [`TableReader::open_as`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_as(path, &Dialect::default())
    }

    /// Opens a file, or stdin for `-`, and reads its header. What stdin holds is kept, so that it can be opened again.
    ///
    /// # Errors
    /// As [`TableReader::new`]; a file that is not there, cannot be read or is not what its name says.
    pub fn open_as(path: impl AsRef<Path>, dialect: &Dialect) -> Result<Self> {
        let path = path.as_ref();
        if files::is_stdio(path) {
            return Self::new_as(Cursor::new(stdin()?), "stdin".to_string(), dialect);
        }
        let missing = |error| files::unreadable(path, error, "check the path of the file");
        let file = File::open(path).map_err(missing)?;
        // Some systems open a directory and fail only when it is read.
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(missing(std::io::ErrorKind::IsADirectory.into()));
        }
        let place = path.display().to_string();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let arrays = match ending.as_deref() {
            Some("npy") => Arrays::npy(file, &place)?,
            Some("npz") => Arrays::npz(file, &place)?,
            #[cfg(feature = "parquet")]
            Some("parquet") => parquet::read(file, &place)?,
            #[cfg(not(feature = "parquet"))]
            Some("parquet") => {
                let problem = "this jetfit was built without Parquet";
                let help = "build it with --features parquet, or save the table as CSV or npz";
                return Err(Error::input(place, problem, help));
            }
            Some("gz") => {
                let reader = Self::new_as(MultiGzDecoder::new(file), place, dialect)?;
                return Ok(Self { is_plain: false, ..reader });
            }
            _ => return Self::new_as(file, place, dialect),
        };
        Ok(Self { format: Format::Arrays(arrays), place, is_plain: false })
    }

    /// CSV on stdin, read as it comes; it can be opened only once.
    ///
    /// # Errors
    /// As [`TableReader::new`].
    pub fn stdin(dialect: &Dialect) -> Result<Self> {
        Self::new_as(std::io::stdin(), "stdin".to_string(), dialect)
    }
}

impl<'a> TableReader<'a> {
    /// Reads the header of CSV; messages call it `place`.
    ///
    /// # Errors
    /// [`Error::Input`] for an empty file, a header that is missing or names a column twice, text
    /// that is not UTF-8 or something that is no CSV at all.
    pub fn new(source: impl Read + 'a, place: String) -> Result<Self> {
        Self::new_as(source, place, &Dialect::default())
    }

    fn new_as(source: impl Read + 'a, place: String, dialect: &Dialect) -> Result<Self> {
        let source: Box<dyn Read + 'a> = match dialect.encoding {
            None => Box::new(source),
            Some(encoding) => Box::new(DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(source)),
        };
        let is_plain = dialect.encoding.is_none();
        Ok(Self { format: Format::Text(TextReader::new(source, place.clone(), dialect.clone())?), place, is_plain })
    }

    /// The columns' names in the file's order.
    pub fn names(&self) -> &[String] {
        match &self.format {
            Format::Text(text) => text.names(),
            Format::Arrays(arrays) => arrays.names(),
        }
    }

    /// Bytes of text read so far, for a progress bar.
    pub fn bytes(&self) -> u64 {
        match &self.format {
            Format::Text(text) => text.bytes(),
            Format::Arrays(_) => 0,
        }
    }

    /// Whether it is text as it lies in its file: the bytes read are those of the file.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The file, as it is named in messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Chooses the columns that [`TableReader::next_block`] gives, in this order.
    ///
    /// # Errors
    /// [`Error::Input`] for a column that is not there, with those that are.
    pub fn select<S: AsRef<str>>(&mut self, columns: &[S]) -> Result<()> {
        self.select_with_gaps(columns, Gaps::NotMeasured, columns.len())
    }

    /// The same, but all columns except the first `whole` may have gaps, which are read as NaN.
    ///
    /// # Errors
    /// As [`TableReader::select`].
    pub fn select_with_gaps<S: AsRef<str>>(&mut self, columns: &[S], gaps: Gaps, whole: usize) -> Result<()> {
        match &mut self.format {
            Format::Text(text) => text.select(columns, gaps, whole),
            Format::Arrays(arrays) => arrays.select(columns, gaps, whole),
        }
    }

    /// Chooses columns that [`TableReader::kept`] gives as they are, whatever they hold, after those of
    /// [`TableReader::select`].
    ///
    /// # Errors
    /// [`Error::Input`] for a column that is not there, with those that are.
    pub fn keep<S: AsRef<str>>(&mut self, columns: &[S]) -> Result<()> {
        match &mut self.format {
            Format::Text(text) => text.keep(columns),
            Format::Arrays(arrays) => arrays.keep(columns),
        }
    }

    /// The kept columns of each row of the last block, as CSV with a comma behind each; empty where none are kept.
    pub fn kept(&self) -> &[Vec<u8>] {
        match &self.format {
            Format::Text(text) => text.kept(),
            Format::Arrays(arrays) => arrays.kept(),
        }
    }

    /// The selected columns of the next rows (columns, rows), or `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`] for a row with another number of fields than the header, text, or a number that is not finite,
    /// with file, line and column; for cells without a number in columns without gaps, with their count in the whole
    /// file; and at the end of a file whose numbers have two meanings.
    pub fn next_block(&mut self) -> Result<Option<Vec<Vec<f64>>>> {
        match &mut self.format {
            Format::Text(text) => text.next_block(),
            Format::Arrays(arrays) => Ok(arrays.next_block()),
        }
    }

    /// All rows that are left (columns, rows), at least one.
    ///
    /// # Errors
    /// As [`TableReader::next_block`]; and where there are none.
    pub fn read_rows(&mut self) -> Result<Vec<Vec<f64>>> {
        let Some(mut all) = self.next_block()? else {
            return Err(self.error("there are no rows after the header", "add rows"));
        };
        while let Some(block) = self.next_block()? {
            all.iter_mut().zip(block).for_each(|(column, rows)| column.extend(rows));
        }
        Ok(all)
    }

    /// Something wrong with the file as a whole.
    pub fn error(&self, problem: impl Into<String>, help: impl Into<String>) -> Error {
        Error::input(&self.place, problem, help)
    }
}

/// Where columns stand among the names of a file.
///
/// # Errors
/// [`Error::Input`] for one that is not there, with those that are, and a note behind them.
fn places<S: AsRef<str>>(place: &str, names: &[String], columns: &[S], note: &str) -> Result<Vec<usize>> {
    // Of names that are empty the first counts.
    let known: HashMap<&str, usize> = names.iter().enumerate().rev().map(|(k, name)| (name.as_str(), k)).collect();
    let missing = |name: &str| {
        let near = nearest(name, names.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
        let shown = names.iter().take(SHOWN_COLUMNS).map(|name| format!("{name:?}"));
        let more = (names.len() > SHOWN_COLUMNS).then(|| format!("and {} more", names.len() - SHOWN_COLUMNS));
        let list = shown.chain(more).collect::<Vec<_>>().join(", ");
        Error::input(place, format!("there is no column {name:?}"), format!("{hint}It has: {list}{note}"))
    };
    columns.iter().map(|name| known.get(name.as_ref()).copied().ok_or_else(|| missing(name.as_ref()))).collect()
}

/// All that stdin holds, read once.
fn stdin() -> Result<&'static [u8]> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(bytes) = BYTES.get() {
        return Ok(bytes);
    }
    let mut bytes = vec![];
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Error::io("stdin", error))?;
    Ok(BYTES.get_or_init(|| bytes))
}
