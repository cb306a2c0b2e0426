//! Text to tokens, each with the bytes it came from.

use crate::expression::diagnostic::{Fault, Span};

/// The smallest parts of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Number(f64),
    Name(String),
    /// What stands between quotes: the name of a file.
    Text(String),
    /// One of [`SYMBOLS`] or [`WORDS`].
    Symbol(&'static str),
    End,
}

/// Longer ones first, as the first that fits is taken. `**` is read as `^`.
const SYMBOLS: [&str; 16] = ["**", "<=", ">=", "==", "!=", "+", "-", "*", "/", "^", "(", ")", ",", "=", "<", ">"];

/// Words that join conditions.
const WORDS: [&str; 3] = ["and", "or", "not"];

/// Whether a name would be read as a word that joins conditions.
pub fn is_word(name: &str) -> bool {
    WORDS.contains(&name)
}

/// Whether `text` is a name as expressions write it: a letter or underscore, then letters, digits
/// and underscores. Other names, such as those of a file's columns, stand between backticks.
pub fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(starts_name) && text.chars().all(continues_name)
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn continues_name(c: char) -> bool {
    starts_name(c) || c.is_ascii_digit()
}

/// All tokens, the last of them [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<(Token, Span)>, Fault> {
    let mut tokens = vec![];
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            number(rest, at)?
        } else if starts_name(c) {
            let length = rest.find(|c| !continues_name(c)).unwrap_or(rest.len());
            let word = WORDS.into_iter().find(|word| *word == &rest[..length]);
            (word.map_or_else(|| Token::Name(rest[..length].to_string()), Token::Symbol), length)
        } else if c == '`' {
            quoted(rest, at, "a name starts with a backtick").map(|(text, length)| (Token::Name(text), length))?
        } else if matches!(c, '"' | '\'') {
            quoted(rest, at, "a text starts with a quote").map(|(text, length)| (Token::Text(text), length))?
        } else if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            (Token::Symbol(if symbol == "**" { "^" } else { symbol }), symbol.len())
        } else {
            return Err(Fault::new(
                at..at + c.len_utf8(),
                format!("unexpected character {c:?}"),
                "use numbers, names, + - * / ^, parentheses, commas and one =; put a name with other characters \
                 between backticks",
            ));
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    tokens.push((Token::End, at..at));
    Ok(tokens)
}

/// The number that `rest` begins with, and its length.
fn number(rest: &str, at: usize) -> Result<(Token, usize), Fault> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    // An exponent needs a digit: in "2e" the e is a name.
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let last = digits((end + 1 + sign).min(bytes.len()));
        if last > end + 1 + sign {
            end = last;
        }
    }
    match rest[..end].parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value), end)),
        _ => Err(Fault::new(
            at..at + end,
            format!("the number {} is out of range", &rest[..end]),
            "use a number of at most 1.8e308",
        )),
    }
}

/// What stands between the mark that `rest` begins with and the next of its kind, and its length with both.
fn quoted(rest: &str, at: usize, start: &str) -> Result<(String, usize), Fault> {
    let mark = &rest[..1];
    match rest[1..].find(mark) {
        Some(length) => Ok((rest[1..1 + length].to_string(), length + 2)),
        None => Err(Fault::new(
            at..at + rest.len(),
            format!("{start} that is never closed"),
            format!("close it with {mark}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn numbers_names_and_symbols() {
        use Token::{End, Name, Number, Symbol, Text};
        for (text, value) in [("1e-3", 1e-3), (".5", 0.5), ("5.", 5.0), ("1.5E+3", 1500.0), ("2.e1", 20.0)] {
            assert_eq!(read(text), [Number(value), End], "{text}");
        }
        assert_eq!(read("2e"), [Number(2.0), Name("e".into()), End]);
        assert_eq!(read("2e+"), [Number(2.0), Name("e".into()), Symbol("+"), End]);
        assert_eq!(read("θ_1**β"), [Name("θ_1".into()), Symbol("^"), Name("β".into()), End]);
        assert_eq!(read("`du/dx (m)`<="), [Name("du/dx (m)".into()), Symbol("<="), End]);
        assert_eq!(
            read("not`and`!='k.csv'"),
            [Symbol("not"), Name("and".into()), Symbol("!="), Text("k.csv".into()), End]
        );
        assert_eq!(read("\"it's\""), [Text("it's".into()), End]);
    }

    #[test]
    fn what_is_no_token_is_pointed_at() {
        assert_eq!(tokens("x + ²").unwrap_err().span, 4..6);
        assert_eq!(tokens("1e999").unwrap_err().span, 0..5);
        assert_eq!(tokens("x + `ab").unwrap_err().span, 4..7);
        assert_eq!(tokens("x + 'ab").unwrap_err().span, 4..7);
        assert_eq!(tokens(".").unwrap_err().span, 0..1);
    }
}
