//! How a file writes its numbers and letters.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// What a text file may write otherwise than `1234.5` in UTF-8.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Dialect {
    /// The decimal mark, `.` or `,`. `None`: a comma where thousands have a point, else a point.
    pub decimal: Option<char>,
    /// What may stand between groups of three digits.
    pub thousands: Option<char>,
    /// The encoding of its letters; `None` for UTF-8.
    pub encoding: Option<&'static Encoding>,
}

impl Dialect {
    /// The decimal marks there are.
    pub const DECIMALS: [(&'static str, char); 2] = [(".", '.'), (",", ',')];
    /// What may separate thousands. A space stands for every kind of space, an apostrophe for a curly one too.
    pub const THOUSANDS: [(&'static str, char); 5] = [(".", '.'), (",", ','), ("'", '\''), (" ", ' '), ("_", '_')];

    /// An encoding by one of its names in the WHATWG standard.
    pub fn encoding(label: &str) -> Option<&'static Encoding> {
        Encoding::for_label_no_replacement(label.as_bytes())
    }

    /// The decimal mark.
    pub fn decimal(&self) -> char {
        self.decimal.unwrap_or(if self.thousands == Some('.') { ',' } else { '.' })
    }

    /// Whether nothing is said of numbers, so that a point may be either.
    pub(super) fn is_open(&self) -> bool {
        self.decimal.is_none() && self.thousands.is_none()
    }

    /// The finite number that a text stands for.
    pub(super) fn number(&self, text: &str) -> Option<f64> {
        let plain = if self.decimal() == '.' && self.thousands.is_none() { text.into() } else { self.plain(text)? };
        plain.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// With a point and without thousands; `None` where a separator stands where it cannot.
    fn plain<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let decimal = self.decimal();
        let (whole, rest) = text.split_once(decimal).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        if decimal == ',' && text.contains('.') && self.thousands != Some('.') {
            return None;
        }
        let whole = match self.thousands {
            Some(mark) if whole.contains(|c| is_mark(mark, c)) => Cow::Owned(joined(mark, whole)?),
            _ => Cow::Borrowed(whole),
        };
        Some(match rest {
            None => whole,
            Some(rest) if rest.contains([',', '.']) => return None,
            Some(rest) => format!("{whole}.{rest}").into(),
        })
    }
}

/// Whether `c` separates thousands where `mark` is said to.
fn is_mark(mark: char, c: char) -> bool {
    match mark {
        ' ' => matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}'),
        '\'' => matches!(c, '\'' | '’'),
        _ => c == mark,
    }
}

/// A whole number without its separators, where these leave groups of three digits.
fn joined(mark: char, whole: &str) -> Option<String> {
    let digits = whole.trim_start_matches(['+', '-']);
    let is_group = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = digits.split(|c| is_mark(mark, c));
    let first = groups.next()?;
    let are_groups = (1..=3).contains(&first.len()) && is_group(first) && groups.all(|g| g.len() == 3 && is_group(g));
    are_groups.then(|| whole.chars().filter(|c| !is_mark(mark, *c)).collect())
}

/// Whether a number with one point could as well have thousands: 1.022, but neither 0.125 nor 1500.000.
pub(super) fn may_be_thousands(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    digits.contains('.') && !digits.starts_with('0') && joined('.', digits).is_some()
}

/// What to set so that a text that is no number is one, and which: `set data.decimal = "," if "1,5" is 1.5`.
pub(super) fn advice(text: &str) -> Option<String> {
    const READINGS: [(char, Option<char>); 7] = [
        (',', None),
        ('.', Some(',')),
        (',', Some('.')),
        ('.', Some('\'')),
        ('.', Some(' ')),
        (',', Some('\'')),
        (',', Some(' ')),
    ];
    let reading = |(decimal, thousands): (char, Option<char>)| {
        let has_all = thousands.is_none_or(|mark| text.contains(|c| is_mark(mark, c)));
        let number = Dialect { decimal: Some(decimal), thousands, encoding: None }.number(text).filter(|_| has_all)?;
        let decimal = match (decimal, thousands) {
            ('.', _) | (_, Some('.')) => None,
            // Where there is no comma, the point would do.
            (_, Some(_)) if !text.contains(',') => return None,
            _ => Some("data.decimal = \",\"".to_string()),
        };
        let thousands = thousands.map(|mark| format!("data.thousands = \"{mark}\""));
        let keys = decimal.into_iter().chain(thousands).collect::<Vec<_>>().join(" and ");
        Some(format!("{keys} if {text:?} is {}", crate::error::number(number)))
    };
    let readings: Vec<String> = READINGS.into_iter().filter_map(reading).collect();
    (!readings.is_empty()).then(|| format!("set {}", readings.join(", or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(decimal: Option<char>, thousands: Option<char>) -> Dialect {
        Dialect { decimal, thousands, encoding: None }
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (decimal, thousands, text, number) in [
            (None, None, "1.5", Some(1.5)),
            (None, None, "1,5", None),
            (Some(','), None, "1,5", Some(1.5)),
            (Some(','), None, "-1,5e-3", Some(-1.5e-3)),
            (Some(','), None, "1.022", None),
            (Some(','), Some('.'), "1.022,5", Some(1022.5)),
            (None, Some('.'), "-1.280.000", Some(-1_280_000.0)),
            (None, Some('.'), "1.02", None),
            (None, Some('.'), "1.022.4", None),
            (None, Some(','), "1,022.458", Some(1022.458)),
            (None, Some(','), "1,022,458", Some(1_022_458.0)),
            (None, Some(','), "1,0224", None),
            (None, Some('\''), "1’022.5", Some(1022.5)),
            (Some(','), Some(' '), "1\u{202f}022,5", Some(1022.5)),
            (Some(','), Some(' '), "1 022 5", None),
            (Some(','), None, "1,5,5", None),
        ] {
            assert_eq!(dialect(decimal, thousands).number(text), number, "{text}");
        }
    }

    #[test]
    fn advice_mends() {
        for (text, expected) in [
            ("1,5", "data.decimal = \",\" if \"1,5\" is 1.5"),
            ("1,022", "data.decimal = \",\" if \"1,022\" is 1.022, or data.thousands = \",\" if \"1,022\" is 1022"),
            ("1,022.458", "data.thousands = \",\" if \"1,022.458\" is 1022.458"),
            ("1.022,458", "data.thousands = \".\" if \"1.022,458\" is 1022.458"),
            ("1.280.000", "data.thousands = \".\" if \"1.280.000\" is 1280000"),
            ("1 022,5", "data.decimal = \",\" and data.thousands = \" \" if \"1 022,5\" is 1022.5"),
            ("1'022.5", "data.thousands = \"'\" if \"1'022.5\" is 1022.5"),
        ] {
            assert_eq!(advice(text), Some(format!("set {expected}")));
        }
        for text in ["", "abc", ",", "1.5 m", "nan", "12:30", "1,5,5"] {
            assert_eq!(advice(text), None, "{text}");
        }
    }

    #[test]
    fn a_point_may_mean_thousands() {
        assert!(["1.022", "-12.345", "999.999"].into_iter().all(may_be_thousands));
        assert!(!["0.125", "1500.000", "1.5", "1.0225", "908", "1.022e3"].into_iter().any(may_be_thousands));
    }
}
