//! Tables in Parquet: flat columns of numbers, dates and times. What is null was not measured.

use std::fs::File;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::arrays::Arrays;
use crate::error::{Error, Result};

/// Reads all columns of numbers; a column of anything else is left out.
///
/// # Errors
/// [`Error::Input`] for a file that is damaged or compressed in a way that is not known here.
pub(super) fn read(file: File, place: &str) -> Result<Arrays> {
    let broken = |error: ParquetError| {
        let help = "write it again, uncompressed or compressed with snappy, gzip, brotli or lz4";
        Error::input(place, format!("this Parquet file cannot be read: {error}"), help)
    };
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let mut columns: Vec<(String, Option<Vec<f64>>)> = vec![];
    for row in reader.get_row_iter(None).map_err(broken)? {
        let row = row.map_err(broken)?;
        if columns.is_empty() {
            columns = row.get_column_iter().map(|(name, _)| (name.clone(), Some(vec![]))).collect();
        }
        for ((_, column), (_, field)) in columns.iter_mut().zip(row.get_column_iter()) {
            match (number(field), &mut *column) {
                (Some(number), Some(column)) => column.push(number),
                _ => *column = None,
            }
        }
    }
    Ok(Arrays::new(place, columns.into_iter().filter_map(|(name, column)| Some((name, column?))).collect()))
}

/// A number, a date or a time (seconds since 1970-01-01T00:00:00Z), NaN for null; `None` for anything else.
fn number(field: &Field) -> Option<f64> {
    Some(match *field {
        Field::Null => f64::NAN,
        Field::Bool(x) => f64::from(u8::from(x)),
        Field::Byte(x) => x.into(),
        Field::Short(x) => x.into(),
        Field::Int(x) => x.into(),
        Field::Long(x) => x as f64,
        Field::UByte(x) => x.into(),
        Field::UShort(x) => x.into(),
        Field::UInt(x) => x.into(),
        Field::ULong(x) => x as f64,
        Field::Float16(x) => x.to_f64(),
        Field::Float(x) => x.into(),
        Field::Double(x) => x,
        Field::Date(days) => f64::from(days) * 86_400.0,
        Field::TimestampMillis(x) => x as f64 * 1e-3,
        Field::TimestampMicros(x) => x as f64 * 1e-6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use crate::data::{Gaps, TableReader};

    #[test]
    fn numbers_gaps_and_times_are_read_and_texts_are_left_out() {
        let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        let schema = "message table { REQUIRED DOUBLE x; OPTIONAL DOUBLE y; REQUIRED INT64 t (TIMESTAMP(MILLIS, true)); \
                      REQUIRED BYTE_ARRAY note (STRING); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(file.reopen().unwrap(), schema, Default::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[1.0, 2.5], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[7.0], Some(&[0, 1]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[0, 1500], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let notes = ["a", "b"].map(ByteArray::from);
        column.typed::<ByteArrayType>().write_batch(&notes, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        let mut reader = TableReader::open(file.path()).unwrap();
        assert_eq!(reader.names(), ["x", "y", "t"]);
        reader.select_with_gaps(&["t", "x", "y"], Gaps::NotMeasured, 2).unwrap();
        let columns = reader.read_rows().unwrap();
        assert_eq!(columns[..2], [vec![0.0, 1.5], vec![1.0, 2.5]]);
        assert!(columns[2][0].is_nan() && columns[2][1] == 7.0);
        let error = reader.select(&["y"]).unwrap_err().to_string();
        assert!(error.contains("row 0 (from 0): column \"y\": this is NaN"), "{error}");
    }
}
