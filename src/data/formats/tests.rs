//! Text as it comes, and what is wrong with it.

use proptest::prelude::*;

use super::text::{BLOCK_BYTES, LONGEST_ROW};
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
        (
            "x;y\n1;2\n1,5;2\n",
            &[
                "a.csv:3: column \"x\": \"1,5\" is not a number with a decimal point",
                "data.decimal = \",\" if \"1,5\" is 1.5",
            ],
        ),
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
    assert!(read(endless, &["x"]).unwrap_err().to_string().contains("a.csv:2: this row does not end"));
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
