//! From the bytes of a CSV file to numbers: rows, cells, and what is wrong with them.

use std::collections::HashMap;

use csv::{ByteRecord, ReaderBuilder};
use rayon::prelude::*;

use super::findings::Findings;
use super::{Dialect, Gaps, dialect, times};
use crate::data::csv_writer;
use crate::error::{Error, Result};

/// What a part of a file is read against.
pub(super) struct Shape {
    /// The file, as it is named in messages.
    pub place: String,
    /// The header.
    pub names: Vec<String>,
    /// What separates the fields.
    pub delimiter: u8,
    /// The wanted columns, as indices into the header.
    pub selected: Vec<usize>,
    /// Columns that are given on as they are, as indices into the header.
    pub kept: Vec<usize>,
    /// How many of the wanted ones, the first ones, have a finite number in every row; the others may have gaps.
    pub whole: usize,
    /// What counts as a gap in these.
    pub gaps: Gaps,
    /// How numbers are written.
    pub dialect: Dialect,
}

impl Shape {
    /// The decimal mark in words.
    fn decimal(&self) -> &'static str {
        if self.dialect.decimal() == ',' { "comma" } else { "point" }
    }

    /// Whether a point may separate thousands: a table with commas between its fields has decimal points.
    pub fn is_doubtful(&self) -> bool {
        self.delimiter != b',' && self.dialect.is_open()
    }
}

/// Rows as they were read.
pub(super) struct Parsed {
    /// (columns, rows)
    pub columns: Vec<Vec<f64>>,
    /// The kept columns of each row as they are written again, a comma behind each.
    pub kept: Vec<Vec<u8>>,
    /// What was seen of them.
    pub findings: Findings,
}

/// The number of line ends.
pub(super) fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The length of the first row that is not empty, if it is there whole.
pub(super) fn first_row(bytes: &[u8], is_all: bool) -> Option<usize> {
    let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = bytes.iter().position(|byte| !is_line_end(byte))?;
    let Some(end) = bytes[start..].iter().position(is_line_end) else { return is_all.then_some(bytes.len()) };
    // The LF of a CRLF goes with it.
    match bytes.get(start + end..start + end + 2) {
        Some(b"\r\n") => Some(start + end + 2),
        None if !is_all => None,
        _ => Some(start + end + 1),
    }
}

/// The delimiter and the names.
pub(super) fn header(bytes: &[u8], place: &str) -> Result<(u8, Vec<String>)> {
    let help = "put the column names into the first line, for example: x,y";
    let mut is_quoted = false;
    let outside: Vec<u8> = bytes
        .iter()
        .filter(|byte| {
            is_quoted ^= **byte == b'"';
            !is_quoted
        })
        .copied()
        .collect();
    let count = |delimiter: &u8| outside.iter().filter(|byte| *byte == delimiter).count();
    // Of equal counts the last wins: the comma.
    let delimiter = *b"\t;,".iter().max_by_key(|delimiter| count(delimiter)).expect("three candidates");
    let mut record = ByteRecord::new();
    next_row(&mut rows(bytes, delimiter), &mut record);
    let names: Vec<String> = record.iter().map(|field| String::from_utf8_lossy(bare(field)).into_owned()).collect();
    let numbers = names.iter().filter(|name| name.parse::<f64>().is_ok()).count();
    if numbers == names.len() {
        return Err(Error::input(place, "there is no header: the first row contains numbers", help));
    }
    let mut columns = HashMap::new();
    for (column, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = columns.insert(name, column) {
            let problem = format!("the header contains {name:?} twice, in columns {} and {}", first + 1, column + 1);
            return Err(Error::input(place, problem, "give each column a different name"));
        }
    }
    Ok((delimiter, names))
}

/// The length of the rows that are there whole.
pub(super) fn whole_rows(bytes: &[u8], delimiter: u8, is_all: bool) -> usize {
    if is_all {
        return bytes.len();
    }
    if !bytes.contains(&b'"') {
        return bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    }
    // A line end may be quoted: everything but the last row is whole.
    let mut reader = rows(bytes, delimiter);
    let mut record = ByteRecord::new();
    let mut start = 0;
    while next_row(&mut reader, &mut record) {
        start = record.position().map_or(start, |position| position.byte() as usize);
    }
    start
}

/// The selected columns of whole rows that start at line `line`.
pub(super) fn parse(bytes: &[u8], line: u64, shape: &Shape) -> Result<Parsed> {
    let parts = split(bytes);
    let parsed: Vec<_> = parts.par_iter().map(|part| parse_part(part, bytes, line, shape)).collect();
    let mut columns = vec![vec![]; shape.selected.len()];
    let (mut findings, mut kept) = (Findings::new(columns.len()), vec![]);
    // In the file's order, so that the first mistake is the one that is reported.
    for part in parsed {
        let part = part?;
        columns.iter_mut().zip(part.columns).for_each(|(column, rows)| column.extend(rows));
        findings.join(part.findings);
        kept.extend(part.kept);
    }
    let findings = findings.at_lines(|start| line_of(bytes, start as usize, line));
    Ok(Parsed { columns, kept, findings })
}

/// The line of the row that starts at a byte, where the first byte is in line `line`.
fn line_of(bytes: &[u8], start: usize, line: u64) -> u64 {
    // The position may lie before the line end of the row above.
    let blank = bytes[start..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    line + lines(&bytes[..start + blank])
}

/// Parts for the threads, cut at line ends; one part where a line end may be quoted.
fn split(bytes: &[u8]) -> Vec<&[u8]> {
    const PART_BYTES: usize = 256 << 10;
    if bytes.contains(&b'"') {
        return vec![bytes];
    }
    let mut parts = vec![];
    let mut rest = bytes;
    while rest.len() > PART_BYTES {
        let Some(end) = rest[PART_BYTES..].iter().position(|byte| *byte == b'\n') else { break };
        let (part, after) = rest.split_at(PART_BYTES + end + 1);
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

fn parse_part(part: &[u8], whole: &[u8], line: u64, shape: &Shape) -> Result<Parsed> {
    let mut reader = rows(part, shape.delimiter);
    let mut record = ByteRecord::new();
    let mut columns = vec![vec![]; shape.selected.len()];
    let (mut findings, mut kept) = (Findings::new(columns.len()), vec![]);
    let before = part.as_ptr() as usize - whole.as_ptr() as usize;
    let start = |record: &ByteRecord| before + record.position().map_or(0, |position| position.byte() as usize);
    while next_row(&mut reader, &mut record) {
        // Where a row stands is worked out when a message needs it.
        let at = || start(&record) as u64;
        let row_line = || line_of(whole, start(&record), line);
        if record.len() != shape.names.len() {
            return Err(ragged(&record, row_line(), shape));
        }
        if !shape.kept.is_empty() {
            let mut text = vec![];
            shape.kept.iter().for_each(|field| csv_writer::push_text(&mut text, bare(&record[*field])));
            kept.push(text);
        }
        for (k, (column, field)) in columns.iter_mut().zip(&shape.selected).enumerate() {
            let text = std::str::from_utf8(bare(&record[*field])).ok();
            let number = text.and_then(|text| {
                if let Some(number) = shape.dialect.number(text) {
                    findings.number(k, text, shape, at);
                    return Some(number);
                }
                if is_gap(text, shape.gaps) {
                    if k < shape.whole {
                        findings.missing(k, text, at);
                    }
                    return Some(f64::NAN);
                }
                let seconds = times::seconds(text)?;
                findings.date(k, text, at);
                Some(seconds)
            });
            match number {
                Some(number) => column.push(number),
                None => return Err(not_a_number(&record[*field], row_line(), &shape.names[*field], shape)),
            }
        }
    }
    Ok(Parsed { columns, kept, findings })
}

fn rows(bytes: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes)
}

fn next_row(reader: &mut csv::Reader<&[u8]>, record: &mut ByteRecord) -> bool {
    reader.read_byte_record(record).expect("bytes in memory and rows of any length cannot fail")
}

/// A field without spaces, and without quotes that stand behind a space.
fn bare(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    match field {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => field,
    }
}

/// Whether a text says that no number is known.
fn is_gap(text: &str, gaps: Gaps) -> bool {
    let is_infinite_gap = |number: f64| number.is_infinite() && gaps == Gaps::NotFinite;
    Gaps::NAMES.contains(&text) || text.parse().is_ok_and(|number: f64| number.is_nan() || is_infinite_gap(number))
}

fn ragged(record: &ByteRecord, line: u64, shape: &Shape) -> Error {
    let (found, expected) = (record.len(), shape.names.len());
    let help = if found > expected && shape.delimiter == b',' {
        "give every row one field per column, and quote fields that contain a comma"
    } else {
        "give every row one field per column"
    };
    let fields = |count| if count == 1 { "1 field".to_string() } else { format!("{count} fields") };
    let problem = format!("this row has {}, the header has {expected}", fields(found));
    Error::input(format_args!("{}:{line}", shape.place), problem, help)
}

fn not_a_number(field: &[u8], line: u64, column: &str, shape: &Shape) -> Error {
    let text = String::from_utf8_lossy(bare(field));
    let place = format!("{}:{line}: column {column:?}", shape.place);
    let with_e = text.replacen(['d', 'D'], "e", 1);
    let shown: String = text.chars().take(40).collect();
    let (problem, help) = if text.parse::<f64>().is_ok_and(|number| !number.is_finite()) {
        (format!("{text} is not a finite number"), "replace it with a number, or remove the row".to_string())
    } else if text.parse::<f64>().is_ok() {
        (
            format!("{text:?} has a decimal point"),
            "set data.decimal and data.thousands as this file writes its numbers".to_string(),
        )
    } else if let Some(advice) = dialect::advice(&text) {
        (
            format!("{shown:?} is not a number with a decimal {}", shape.decimal()),
            format!("{advice} (as flags: --decimal, --thousands)"),
        )
    } else if shape.dialect.number(&with_e).is_some() {
        (format!("{text:?} has a Fortran exponent"), format!("write exponents with an e: {with_e}"))
    } else {
        let help =
            "replace it with a number, leave the cell of an output empty where nothing was measured, or remove the row";
        (format!("{shown:?} is not a number"), help.to_string())
    };
    Error::input(place, problem, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_follow_from_the_header() {
        for (text, delimiter) in [("x,y", b','), ("x;y", b';'), ("x\ty", b'\t'), ("x", b','), ("\"a,b\";y", b';')] {
            let (found, names) = header(text.as_bytes(), "a.csv").unwrap();
            assert_eq!((found, names.len()), (delimiter, if text == "x" { 1 } else { 2 }), "{text}");
        }
        assert_eq!(header(b" x , \" y z\" ,\n", "a.csv").unwrap().1, ["x", "y z", ""]);
    }

    #[test]
    fn numbers_may_have_spaces_and_quotes() {
        let number = |text: &str| Dialect::default().number(std::str::from_utf8(bare(text.as_bytes())).unwrap());
        for text in ["1.5", " 1.5 ", "\"1.5\"", " \" 1.5\" ", "+1.5e0", "15e-1"] {
            assert_eq!(number(text), Some(1.5), "{text}");
        }
        for text in ["", "1,5", "nan", "inf", "-Infinity", "1e999", "0x1", "1 5", "\"", "1.5 m"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn a_row_in_quotes_is_whole_only_at_its_end() {
        assert_eq!(whole_rows(b"1,2\n3,4\n5", b',', false), 8);
        assert_eq!(whole_rows(b"1,2\n3,\"4\n5", b',', false), 4);
        assert_eq!(whole_rows(b"1,2\n3,\"4\n5", b',', true), 10);
    }
}
