//! What is wrong with an expression, and the message with a caret that says so.

use std::fmt::Display;
use std::ops::Range;

use crate::error::Error;

/// The bytes of the text that something came from.
pub type Span = Range<usize>;

/// Characters of the expression that a message shows at most.
const SHOWN_CHARACTERS: usize = 100;

/// A mistake in an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub span: Span,
    pub problem: String,
    pub help: String,
    /// What the span lies in, `definition "flux"`, and its text; `None`: in the expression itself.
    pub part: Option<(String, String)>,
}

impl Fault {
    pub fn new(span: Span, problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span, problem: problem.into(), help: help.into(), part: None }
    }

    /// Says that the span lies in this definition or transform, unless it lies in one that is nested
    /// deeper.
    pub fn within(mut self, part: impl Display, text: &str) -> Self {
        self.part.get_or_insert_with(|| (part.to_string(), text.to_string()));
        self
    }

    /// The message: the place, the problem, the line with a caret under the span, the help.
    pub fn into_error(self, place: impl Display, text: &str) -> Error {
        let (place, text) = match &self.part {
            Some((part, text)) => (format!("{place}: {part}"), text.as_str()),
            None => (place.to_string(), text),
        };
        let problem = format!("{}\n{}", self.problem, underlined(text, &self.span));
        Error::input(place, problem, self.help)
    }
}

/// The line of `text` in which `span` starts, and under it a caret for each character of the span.
fn underlined(text: &str, span: &Span) -> String {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |newline| span.start + newline);
    let line: Vec<char> = text[start..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = text[start..span.start].chars().count();
    let marked = text[span.start..span.end.clamp(span.start, end)].chars().count().max(1);
    // A long line is cut to a window that shows what stands before the caret, too.
    let from = if line.len() > SHOWN_CHARACTERS { before.saturating_sub(SHOWN_CHARACTERS / 2) } else { 0 };
    let to = line.len().min(from + SHOWN_CHARACTERS);
    let shown: String = line[from..to].iter().collect();
    let (left, right) = (if from > 0 { "…" } else { "" }, if to < line.len() { "…" } else { "" });
    let indent = " ".repeat(before - from + left.chars().count());
    format!("    {left}{shown}{right}\n    {indent}{}", "^".repeat(marked.min(from + SHOWN_CHARACTERS - before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_span() {
        assert_eq!(underlined("a + é*bc", &(7..9)), "    a + é*bc\n          ^^");
        assert_eq!(underlined("first\nsecond\tline", &(6..12)), "    second line\n    ^^^^^^");
        assert_eq!(underlined("a +", &(3..3)), "    a +\n       ^");
        assert_eq!(underlined("", &(0..0)), "    \n    ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_span() {
        let text = format!("{}Q{}", "a".repeat(300), "b".repeat(300));
        let shown = underlined(&text, &(300..301));
        let (line, caret) = shown.split_once('\n').unwrap();
        assert_eq!(line.chars().count(), 4 + 1 + SHOWN_CHARACTERS + 1);
        assert_eq!(line.chars().position(|c| c == 'Q'), caret.chars().position(|c| c == '^'));
    }
}
