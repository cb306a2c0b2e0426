//! What a text tells by its tokens alone.

use super::scope::DISTANCE;
use super::token::{Token, tokens};

/// The names that a text mentions, in order; none for a text that is no expression.
pub fn names(text: &str) -> Vec<String> {
    let name = |(token, _)| if let Token::Name(name) = token { Some(name) } else { None };
    tokens(text).into_iter().flatten().filter_map(name).collect()
}

/// The smaller and the greater side of a text that is one comparison, and whether they may not be equal.
pub fn sides(text: &str) -> Option<(&str, &str, bool)> {
    let mut depth = 0;
    let mut found = None;
    for (token, span) in tokens(text).ok()? {
        match token {
            Token::Symbol("(") => depth += 1,
            Token::Symbol(")") => depth -= 1,
            Token::Symbol(symbol @ ("<" | "<=" | ">" | ">=")) if depth == 0 => {
                let (left, right) = (&text[..span.start], &text[span.end..]);
                let (smaller, greater) = if symbol.starts_with('<') { (left, right) } else { (right, left) };
                if found.replace((smaller, greater, symbol.len() == 1)).is_some() {
                    return None;
                }
            }
            _ => {}
        }
    }
    found
}

/// A text with an expression in the place of a name.
pub fn with_name(text: &str, name: &str, expression: &str) -> String {
    let (mut written, mut at) = (String::new(), 0);
    for (token, span) in tokens(text).into_iter().flatten() {
        if token == Token::Name(name.to_string()) {
            written += &text[at..span.start];
            written += expression;
            at = span.end;
        }
    }
    written + &text[at..]
}

/// The boundaries whose `distance(…)` a text reads.
pub fn distances(text: &str) -> Vec<String> {
    let tokens: Vec<Token> = tokens(text).into_iter().flatten().map(|(token, _)| token).collect();
    let name = |four: &[Token]| match four {
        [Token::Name(function), Token::Symbol("("), Token::Name(name), Token::Symbol(")")] if function == DISTANCE => {
            Some(name.clone())
        }
        _ => None,
    };
    tokens.windows(4).filter_map(name).collect()
}
