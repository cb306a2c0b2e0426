//! From the bytes of a CSV file to numbers: rows, cells, and what is wrong with them.

use std::collections::HashMap;

use csv::{ByteRecord, ReaderBuilder};
use rayon::prelude::*;

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
    /// How many of them, the first ones, have a finite number in every row; the others may have gaps.
    pub whole: usize,
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

/// The selected columns (columns, rows) of whole rows that start at line `line`.
pub(super) fn parse(bytes: &[u8], line: u64, shape: &Shape) -> Result<Vec<Vec<f64>>> {
    let parts = split(bytes);
    let parsed: Vec<_> = parts.par_iter().map(|part| parse_part(part, bytes, line, shape)).collect();
    let mut columns = vec![vec![]; shape.selected.len()];
    // In the file's order, so that the first mistake is the one that is reported.
    for part in parsed {
        columns.iter_mut().zip(part?).for_each(|(column, rows)| column.extend(rows));
    }
    Ok(columns)
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

fn parse_part(part: &[u8], whole: &[u8], line: u64, shape: &Shape) -> Result<Vec<Vec<f64>>> {
    let mut reader = rows(part, shape.delimiter);
    let mut record = ByteRecord::new();
    let mut columns = vec![vec![]; shape.selected.len()];
    // Where a row stands is worked out when a message needs it.
    let row_line = |record: &ByteRecord| {
        let before = part.as_ptr() as usize - whole.as_ptr() as usize;
        let start = before + record.position().map_or(0, |position| position.byte() as usize);
        // The position may lie before the line end of the row above.
        let blank = whole[start..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        line + lines(&whole[..start + blank])
    };
    while next_row(&mut reader, &mut record) {
        if record.len() != shape.names.len() {
            return Err(ragged(&record, row_line(&record), shape));
        }
        for (at, (column, field)) in columns.iter_mut().zip(&shape.selected).enumerate() {
            match number(&record[*field]).or_else(|| gap(&record[*field]).filter(|_| at >= shape.whole)) {
                Some(number) => column.push(number),
                None => return Err(not_a_number(&record[*field], row_line(&record), &shape.names[*field], shape)),
            }
        }
    }
    Ok(columns)
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

/// A finite number.
fn number(field: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bare(field)).ok()?;
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What stands where no number is known: nothing, or what is not finite.
fn gap(field: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bare(field)).ok()?;
    let is_gap = text.is_empty() || text.parse().is_ok_and(|number: f64| !number.is_finite());
    is_gap.then_some(f64::NAN)
}

fn ragged(record: &ByteRecord, line: u64, shape: &Shape) -> Error {
    let (found, expected) = (record.len(), shape.names.len());
    let help = if found > expected && shape.delimiter == b',' {
        "give every row one field per column; write decimals with a point, and quote fields that contain a comma"
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
    let with_point = text.replacen(',', ".", 1);
    let with_e = text.replacen(['d', 'D'], "e", 1);
    let (problem, help) = if text.is_empty() {
        ("this cell is empty".to_string(), "fill it in, or remove the row".to_string())
    } else if text.parse::<f64>().is_ok() {
        (format!("{text} is not a finite number"), "replace it with a number, or remove the row".to_string())
    } else if number(with_point.as_bytes()).is_some() {
        (format!("{text:?} has a decimal comma"), format!("write decimals with a point: {with_point}"))
    } else if number(with_e.as_bytes()).is_some() {
        (format!("{text:?} has a Fortran exponent"), format!("write exponents with an e: {with_e}"))
    } else {
        let shown: String = text.chars().take(40).collect();
        (format!("{shown:?} is not a number"), "replace it with a number, or remove the row".to_string())
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
        for text in ["1.5", " 1.5 ", "\"1.5\"", " \" 1.5\" ", "+1.5e0", "15e-1"] {
            assert_eq!(number(text.as_bytes()), Some(1.5), "{text}");
        }
        for text in ["", "1,5", "nan", "inf", "-Infinity", "1e999", "0x1", "1 5", "\"", "1.5 m"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_row_in_quotes_is_whole_only_at_its_end() {
        assert_eq!(whole_rows(b"1,2\n3,4\n5", b',', false), 8);
        assert_eq!(whole_rows(b"1,2\n3,\"4\n5", b',', false), 4);
        assert_eq!(whole_rows(b"1,2\n3,\"4\n5", b',', true), 10);
    }
}
