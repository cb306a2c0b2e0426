//! Tokens to a tree: a Pratt parser.
//!
//! From loose to tight: `=` (once, outside all parentheses), `or`, `and`, `not`, the comparisons, `+ -`,
//! `* /`, the unary `-` and `+`, and `^`, which groups to the right and takes a signed exponent: `-x^-2^n`
//! is −(x^(−(2^n))). Words and comparisons make conditions, which stand as the first argument of `if` alone.

use super::syntax::{Binary, Comparison, Kind, Part, Syntax, TEXT_FUNCTIONS, Word};
use super::token::{Token, tokens};
use crate::expression::diagnostic::{Fault, Span};

/// How deep parentheses, signs and exponents may nest, so that no text overflows the stack.
const MOST_DEPTH: usize = 200;

/// How many tokens an expression may have; every partial sum of a sum is a node, so that the time and
/// memory of a very long one grow with its square.
const MOST_TOKENS: usize = 4000;

/// What stands between two operands.
#[derive(Clone, Copy)]
enum Infix {
    Arithmetic(Binary),
    Compare(Comparison),
    Join(Word),
}

/// How tightly `not` binds.
const NOT_STRENGTH: u8 = 5;
/// How tightly the unary signs bind.
const SIGN_STRENGTH: u8 = 12;

/// An operator, and how tightly it binds on its left and on its right.
fn infix(symbol: &str) -> Option<(Infix, u8, u8)> {
    use Infix::{Arithmetic, Compare, Join};
    Some(match symbol {
        "or" => (Join(Word::Or), 1, 2),
        "and" => (Join(Word::And), 3, 4),
        "<" => (Compare(Comparison::Less), 6, 7),
        "<=" => (Compare(Comparison::LessEqual), 6, 7),
        ">" => (Compare(Comparison::Greater), 6, 7),
        ">=" => (Compare(Comparison::GreaterEqual), 6, 7),
        "==" => (Compare(Comparison::Equal), 6, 7),
        "!=" => (Compare(Comparison::NotEqual), 6, 7),
        "+" => (Arithmetic(Binary::Add), 8, 9),
        "-" => (Arithmetic(Binary::Subtract), 8, 9),
        "*" => (Arithmetic(Binary::Multiply), 10, 11),
        "/" => (Arithmetic(Binary::Divide), 10, 11),
        "^" => (Arithmetic(Binary::Power), 15, 14),
        _ => return None,
    })
}

/// What may stand at a place.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    Number,
    Condition,
}

/// Parses an expression, or an equation where one may stand.
pub fn parse(text: &str, equation: bool) -> Result<Syntax, Fault> {
    let tokens = tokens(text)?;
    if let Some((_, span)) = tokens.get(MOST_TOKENS) {
        return Err(Fault::new(
            span.clone(),
            format!("the expression has more than {MOST_TOKENS} numbers, names and operators"),
            "move parts of it into [definitions], or provide it as a column of a file",
        ));
    }
    let mut parser = Parser { tokens, next: 0, parts: vec![], text };
    let left = parser.expression(0, 0, Context::Number)?;
    if equation && *parser.peek() == Token::Symbol("=") {
        parser.advance();
        let right = parser.expression(0, 0, Context::Number)?;
        parser.joined(Kind::Binary(Binary::Subtract, left, right), left, right);
    }
    if *parser.peek() != Token::End {
        return Err(parser.misplaced(equation, Context::Number));
    }
    Ok(Syntax { parts: parser.parts })
}

struct Parser<'a> {
    tokens: Vec<(Token, Span)>,
    next: usize,
    parts: Vec<Part>,
    text: &'a str,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn span(&self) -> Span {
        self.tokens[self.next].1.clone()
    }

    /// The next token, consumed; the end stays.
    fn advance(&mut self) -> (Token, Span) {
        let token = self.tokens[self.next].clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    fn push(&mut self, kind: Kind, span: Span) -> usize {
        self.parts.push(Part { kind, span });
        self.parts.len() - 1
    }

    /// A part that begins with one and ends with another.
    fn joined(&mut self, kind: Kind, left: usize, right: usize) -> usize {
        let span = self.parts[left].span.start..self.parts[right].span.end;
        self.push(kind, span)
    }

    /// An expression whose operators all bind at least as tightly as `least`.
    fn expression(&mut self, least: u8, depth: usize, context: Context) -> Result<usize, Fault> {
        let mut left = self.operand(depth, context)?;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some((operator, _, after)) = infix(symbol).filter(|(_, before, _)| *before >= least) else { break };
            if context == Context::Number && !matches!(operator, Infix::Arithmetic(_)) {
                break;
            }
            let at = self.advance().1;
            let right = self.expression(after, depth + 1, context)?;
            let kind = match operator {
                Infix::Arithmetic(operator) => Kind::Binary(operator, left, right),
                Infix::Compare(comparison) => Kind::Compare(comparison, left, right),
                Infix::Join(word) => Kind::Join(word, left, right),
            };
            for operand in [left, right] {
                match operator {
                    Infix::Join(_) => self.expect_condition(operand, symbol)?,
                    Infix::Compare(_) if self.is_condition(operand) => return Err(two_comparisons(at)),
                    _ => self.expect_number(operand)?,
                }
            }
            left = self.joined(kind, left, right);
        }
        Ok(left)
    }

    fn is_condition(&self, part: usize) -> bool {
        matches!(self.parts[part].kind, Kind::Compare(..) | Kind::Join(..) | Kind::Not(_))
    }

    fn expect_condition(&self, part: usize, word: &str) -> Result<(), Fault> {
        let help = format!("{word} joins comparisons, as in if(x > 0 and not y < 1, a, b)");
        match self.is_condition(part) {
            true => Ok(()),
            false => Err(Fault::new(self.parts[part].span.clone(), "this is a number and no condition", help)),
        }
    }

    fn expect_number(&self, part: usize) -> Result<(), Fault> {
        let help = "write if(condition, 1, 0) for a number that is 1 where it holds";
        match self.is_condition(part) {
            true => Err(Fault::new(self.parts[part].span.clone(), "this is a condition and no number", help)),
            false => Ok(()),
        }
    }

    fn operand(&mut self, depth: usize, context: Context) -> Result<usize, Fault> {
        if depth > MOST_DEPTH {
            return Err(Fault::new(
                self.span(),
                format!("the expression is nested more than {MOST_DEPTH} deep"),
                "move inner parts into [definitions]",
            ));
        }
        let (token, span) = self.advance();
        match token {
            Token::Number(value) => Ok(self.push(Kind::Number(value), span)),
            Token::Name(name) if *self.peek() == Token::Symbol("(") => self.call(name, span, depth),
            Token::Name(name) => Ok(self.push(Kind::Name(name), span)),
            Token::Symbol("(") => {
                let inner = self.expression(0, depth + 1, context)?;
                let end = self.close(&span, context)?;
                self.parts[inner].span = span.start..end;
                Ok(inner)
            }
            Token::Symbol("not") if context == Context::Condition => {
                let condition = self.expression(NOT_STRENGTH, depth + 1, context)?;
                self.expect_condition(condition, "not")?;
                let span = span.start..self.parts[condition].span.end;
                Ok(self.push(Kind::Not(condition), span))
            }
            Token::Symbol("not") => Err(outside("not", span)),
            Token::Symbol("+") => self.expression(SIGN_STRENGTH, depth + 1, Context::Number),
            Token::Symbol("-") => {
                let operand = self.expression(SIGN_STRENGTH, depth + 1, Context::Number)?;
                let span = span.start..self.parts[operand].span.end;
                Ok(self.push(Kind::Negate(operand), span))
            }
            Token::Text(_) => Err(Fault::new(
                span,
                "this is a text, which only interp takes, as its first argument",
                "write a name without quotes, or between backticks where it has other characters",
            )),
            Token::Symbol(symbol) => Err(Fault::new(
                span,
                format!("expected a number, a name or a parenthesis, found {symbol:?}"),
                "remove it, or complete the expression around it",
            )),
            Token::End => Err(Fault::new(
                span,
                if self.text.trim().is_empty() { "the expression is empty" } else { "the expression ends too early" },
                "add a number, a name or a parenthesis",
            )),
        }
    }

    fn call(&mut self, name: String, start: Span, depth: usize) -> Result<usize, Fault> {
        let (_, open) = self.advance();
        let mut arguments = vec![];
        if *self.peek() != Token::Symbol(")") {
            loop {
                arguments.push(match self.peek() {
                    Token::Text(text) if TEXT_FUNCTIONS.contains(&name.as_str()) => {
                        let text = Kind::Text(text.clone());
                        let span = self.advance().1;
                        self.push(text, span)
                    }
                    _ if name == "if" && arguments.is_empty() => self.condition(depth)?,
                    _ => self.expression(0, depth + 1, Context::Number)?,
                });
                if *self.peek() != Token::Symbol(",") {
                    break;
                }
                self.advance();
            }
        }
        let end = self.close(&open, Context::Number)?;
        Ok(self.push(Kind::Call(name, arguments), start.start..end))
    }

    /// The first argument of `if`.
    fn condition(&mut self, depth: usize) -> Result<usize, Fault> {
        let condition = self.expression(0, depth + 1, Context::Condition)?;
        match self.peek() {
            Token::Symbol("," | ")") if !self.is_condition(condition) => Err(Fault::new(
                self.parts[condition].span.clone(),
                "the first argument of if must be a comparison",
                "write if(condition, a, b) with a condition such as x < 0",
            )),
            Token::Symbol("," | ")") | Token::End => Ok(condition),
            _ => Err(self.misplaced(false, Context::Condition)),
        }
    }

    /// Consumes the parenthesis that closes the one at `open`; gives its end.
    fn close(&mut self, open: &Span, context: Context) -> Result<usize, Fault> {
        match self.peek() {
            Token::Symbol(")") => Ok(self.advance().1.end),
            Token::End => Err(Fault::new(open.clone(), "this parenthesis is never closed", "add the missing )")),
            _ => Err(self.misplaced(false, context)),
        }
    }

    /// The fault of a token that cannot follow an operand.
    fn misplaced(&self, top: bool, context: Context) -> Fault {
        let (token, span) = &self.tokens[self.next];
        let (problem, help) = match token {
            Token::Number(_) | Token::Name(_) | Token::Text(_) | Token::Symbol("(" | "not") => {
                ("an operator is missing before this".to_string(), "write * for a product".to_string())
            }
            Token::Symbol(")") => {
                ("this parenthesis was never opened".to_string(), "remove it, or add the missing (".to_string())
            }
            Token::Symbol(",") => (
                "this comma is outside a function's arguments".to_string(),
                "write decimals with a point; put arguments in parentheses after a function's name".to_string(),
            ),
            Token::Symbol(word @ ("and" | "or")) => return outside(word, span.clone()),
            Token::Symbol("=") if context == Context::Condition => {
                ("\"=\" does not compare".to_string(), "write == in a condition".to_string())
            }
            Token::Symbol("==") => {
                ("\"==\" is not an operator here".to_string(), "write an equation with one =".to_string())
            }
            Token::Symbol("=") if top => ("this equation has a second \"=\"".to_string(), "keep only one".to_string()),
            Token::Symbol("=") => (
                "\"=\" is not allowed here".to_string(),
                "only a residual may have one \"=\", outside all parentheses".to_string(),
            ),
            Token::Symbol(symbol) => (
                format!("the comparison {symbol:?} is outside a condition"),
                "use comparisons in the first argument of if(condition, a, b)".to_string(),
            ),
            Token::End => ("the expression ends too early".to_string(), "complete it".to_string()),
        };
        Fault::new(span.clone(), problem, help)
    }
}

/// The fault of a word that joins no conditions.
fn outside(word: &str, at: Span) -> Fault {
    let help = format!("{word} joins comparisons in the first argument of if(condition, a, b)");
    Fault::new(at, format!("{word:?} is outside a condition"), help)
}

/// The fault of `x < t < 1`, at the comparison that is too many.
fn two_comparisons(at: Span) -> Fault {
    Fault::new(at, "this compares a comparison", "write x < t and t < 1 for x < t < 1")
}
