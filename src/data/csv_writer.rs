//! How tables are written: a header with quotes where a name needs them, and the fewest digits that
//! read back to the same bits.

/// The header of these columns, with its line end.
pub fn header<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(vec![]);
    let written = writer.write_record(names.into_iter().map(|name| name.as_ref().as_bytes().to_vec()));
    written.expect("one record in memory cannot fail");
    writer.into_inner().expect("a vector takes every byte")
}

/// Adds `number` and a comma to a row. All digits of an f64 count, whatever the arithmetic of the run: offsets and
/// scales are applied in f64, and a number of f32 would hold a large offset alone.
pub fn push(row: &mut Vec<u8>, number: f64) {
    let mut buffer = ryu::Buffer::new();
    let digits = buffer.format(number);
    // ryu writes a whole number as `1.0`.
    row.extend_from_slice(digits.strip_suffix(".0").unwrap_or(digits).as_bytes());
    row.push(b',');
}

/// Adds a text and a comma to a row, in quotes where it needs them.
pub fn push_text(row: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        row.extend_from_slice(text);
    } else {
        row.push(b'"');
        text.iter().for_each(|byte| row.extend(if *byte == b'"' { &b"\"\""[..] } else { std::slice::from_ref(byte) }));
        row.push(b'"');
    }
    row.push(b',');
}

/// Turns a row's last comma into its line end.
pub fn end(row: &mut [u8]) {
    if let Some(last) = row.last_mut() {
        *last = b'\n';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_digits_that_read_back() {
        let mut row = header(["x", "a, b"]);
        let numbers = [1.0, -0.1, 1e300, 1e-7, f64::NAN, 101325.00123456, 1756200000000.5];
        numbers.iter().for_each(|number| push(&mut row, *number));
        push_text(&mut row, b"a \"b\", c");
        push_text(&mut row, "\u{b0}C".as_bytes());
        end(&mut row);
        assert_eq!(
            row,
            b"x,\"a, b\"\n1,-0.1,1e300,1e-7,NaN,101325.00123456,1756200000000.5,\"a \"\"b\"\", c\",\xc2\xb0C\n"
        );
    }
}
