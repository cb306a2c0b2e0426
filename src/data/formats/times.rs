//! Dates and times in ISO 8601, as seconds.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Seconds since 1970-01-01T00:00:00Z of `2024-05-01T12:00:00.5+02:00`; of a time without a zone as if it were UTC, of a
/// date its midnight. `None` where the text is no date.
pub(super) fn seconds(text: &str) -> Option<f64> {
    // What has no year and no month is not tried: this stands in the way of every mistake.
    let is_date = text.len() >= 10 && text.is_char_boundary(4) && text[..4].bytes().all(|byte| byte.is_ascii_digit());
    if !is_date || text.as_bytes()[4] != b'-' {
        return None;
    }
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let local = text.parse::<DateTime>().ok()?;
        Offset::UTC.to_timestamp(local).ok()
    })?;
    Some(time.as_second() as f64 + f64::from(time.subsec_nanosecond()) * 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds() {
        for (text, expected) in [
            ("1970-01-01", 0.0),
            ("2024-05-01T12:00:00Z", 1_714_564_800.0),
            ("2024-05-01T14:00:00+02:00", 1_714_564_800.0),
            ("2024-05-01T12:00:00.25", 1_714_564_800.25),
            ("2024-05-01 12:00:00", 1_714_564_800.0),
            ("2024-05-01T12:00", 1_714_564_800.0),
            ("1969-12-31T23:59:59.5Z", -0.5),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["2024-13-01", "2024-05-01T25:00", "20240501", "2024", "1.5", "", "01.05.2024", "1234-5678-90"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
