//! NumPy's `.npy`: a header, which is a Python dictionary, and the numbers as they lie in memory
//! (NumPy Enhancement Proposal 1).

use std::fmt::Display;
use std::io::Read;

use crate::error::{Error, Result};

/// A vector or a matrix.
pub(super) struct Array {
    /// (columns, rows)
    pub columns: Vec<Vec<f64>>,
    /// Whether it is a vector, with one column.
    pub is_vector: bool,
}

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads an array of real numbers.
///
/// # Errors
/// [`Error::Input`] for a file that is damaged, for other elements than real numbers, and for more than two dimensions.
pub(super) fn read(mut source: impl Read, place: &str) -> Result<Array> {
    let mut bytes = vec![];
    source.read_to_end(&mut bytes).map_err(|error| damaged(place, error))?;
    let (header, data) = split(&bytes).ok_or_else(|| damaged(place, "its header is cut short"))?;
    let entry = |key: &str| value(header, key).ok_or_else(|| damaged(place, format!("its header has no {key:?}")));
    let kind = entry("descr")?.trim_matches(['\'', '"']);
    let is_fortran = entry("fortran_order")?.starts_with("True");
    let sizes = entry("shape")?.trim_matches(['(', ')']).split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<usize> =
        sizes.map(|size| size.parse().map_err(|_| damaged(place, "its shape is no tuple"))).collect::<Result<_>>()?;
    let (rows, columns) = match shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => {
            let problem = format!("this array has {} dimensions", shape.len());
            return Err(Error::input(place, problem, "save vectors, or matrices with a column for each quantity"));
        }
    };
    let numbers = numbers(kind, data).ok_or_else(|| {
        let problem = format!("its elements are {kind}, which are no real numbers");
        Error::input(place, problem, "save it as float64")
    })?;
    if rows.checked_mul(columns) != Some(numbers.len()) {
        return Err(damaged(place, format!("it has {} numbers for the shape {shape:?}", numbers.len())));
    }
    let at = |row: usize, column: usize| numbers[if is_fortran { column * rows + row } else { row * columns + column }];
    let columns = (0..columns).map(|column| (0..rows).map(|row| at(row, column)).collect()).collect();
    Ok(Array { columns, is_vector: shape.len() == 1 })
}

/// The header's text and what follows it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_at_checked(2)?;
    // The header's length has two bytes in version 1, four after it.
    let (length, rest) = rest.split_at_checked(if version[0] == 1 { 2 } else { 4 })?;
    let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// What stands behind a key of the dictionary.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = if rest.starts_with('(') { rest.find(')')? + 1 } else { rest.find([',', '}'])? };
    Some(&rest[..end])
}

/// The numbers, where NumPy's name of their kind is that of a real number: `<f8`.
fn numbers(kind: &str, data: &[u8]) -> Option<Vec<f64>> {
    let (order, kind) = kind.split_at_checked(1)?;
    let is_big = order == ">";
    /// Numbers of N bytes, the least byte first.
    fn all<const N: usize>(data: &[u8], is_big: bool, number: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
        let (chunks, rest) = data.as_chunks::<N>();
        let of = |chunk: &[u8; N]| {
            let mut bytes = *chunk;
            if is_big {
                bytes.reverse();
            }
            number(bytes)
        };
        rest.is_empty().then(|| chunks.iter().map(of).collect())
    }
    match kind {
        "f8" => all(data, is_big, f64::from_le_bytes),
        "f4" => all(data, is_big, |bytes| f32::from_le_bytes(bytes).into()),
        "i8" => all(data, is_big, |bytes| i64::from_le_bytes(bytes) as f64),
        "i4" => all(data, is_big, |bytes| i32::from_le_bytes(bytes).into()),
        "i2" => all(data, is_big, |bytes| i16::from_le_bytes(bytes).into()),
        "i1" => all(data, is_big, |bytes| i8::from_le_bytes(bytes).into()),
        "u8" => all(data, is_big, |bytes| u64::from_le_bytes(bytes) as f64),
        "u4" => all(data, is_big, |bytes| u32::from_le_bytes(bytes).into()),
        "u2" => all(data, is_big, |bytes| u16::from_le_bytes(bytes).into()),
        "u1" | "b1" => all(data, is_big, |[byte]: [u8; 1]| byte.into()),
        _ => None,
    }
}

/// The error of a file that cannot be read.
pub(super) fn damaged(place: &str, problem: impl Display) -> Error {
    Error::input(
        place,
        format!("this is no whole NumPy file: {problem}"),
        "write it again with numpy.save or numpy.savez",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
    }

    fn bytes(numbers: &[f64]) -> Vec<u8> {
        numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    #[test]
    fn matrices_of_either_order_and_vectors_are_read() {
        let numbers = bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let c = file("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }\n", &numbers);
        assert_eq!(read(&c[..], "a.npy").unwrap().columns, [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]);
        let f = file("{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }\n", &numbers);
        assert_eq!(read(&f[..], "a.npy").unwrap().columns, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let v = file("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n", &[1, 0, 255, 255]);
        let v = read(&v[..], "a.npy").unwrap();
        assert!(v.is_vector);
        assert_eq!(v.columns, [[256.0, -1.0]]);
    }

    #[test]
    fn what_is_no_table_of_numbers_is_refused() {
        let numbers = bytes(&[1.0, 2.0]);
        for (bytes, part) in [
            (b"PK".to_vec(), "no whole NumPy file"),
            (
                file("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", &numbers),
                "2 numbers for the shape [3]",
            ),
            (file("{'descr': '<c16', 'fortran_order': False, 'shape': (1,), }", &numbers), "its elements are <c16"),
            (file("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", &numbers), "its elements are |O"),
            (file("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 2), }", &numbers), "3 dimensions"),
            (file("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", &numbers), "0 dimensions"),
            (file("{'descr': '<f8'}", &numbers), "no \"fortran_order\""),
        ] {
            let error = read(&bytes[..], "a.npy").err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
