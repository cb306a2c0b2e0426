//! Tokens to a tree: a Pratt parser.
//!
//! From loose to tight: `=` (once, outside all parentheses), `+ -`, `* /`, the unary `-` and `+`,
//! and `^`, which groups to the right and takes a signed exponent: `-x^-2^n` is −(x^(−(2^n))).

use super::token::{Token, tokens};
use crate::expression::diagnostic::{Fault, Span};

/// How deep parentheses, signs and exponents may nest, so that no text overflows the stack.
const MOST_DEPTH: usize = 200;

/// How many tokens an expression may have; every partial sum of a sum is a node, so that the time and
/// memory of a very long one grow with its square.
const MOST_TOKENS: usize = 4000;

/// A tree as a list: every part stands after its own parts, the last is the root. So it is walked
/// and dropped without recursion, however many terms a sum has.
#[derive(Clone, Debug, PartialEq)]
pub struct Syntax {
    pub parts: Vec<Part>,
}

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub kind: Kind,
    pub span: Span,
}

/// What a part is; its own parts by their places in the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Number(f64),
    Name(String),
    Negate(usize),
    /// `lhs = rhs` is read as lhs − rhs.
    Binary(Binary, usize, usize),
    /// Stands as the first argument of `if` alone.
    Compare(Comparison, usize, usize),
    Call(String, Vec<usize>),
}

/// The arithmetic operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// The comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// How tightly the unary signs bind.
const SIGN_STRENGTH: u8 = 5;

/// An operator, and how tightly it binds on its left and on its right.
fn infix(symbol: &str) -> Option<(Binary, u8, u8)> {
    Some(match symbol {
        "+" => (Binary::Add, 1, 2),
        "-" => (Binary::Subtract, 1, 2),
        "*" => (Binary::Multiply, 3, 4),
        "/" => (Binary::Divide, 3, 4),
        "^" => (Binary::Power, 8, 7),
        _ => return None,
    })
}

fn comparison(symbol: &str) -> Option<Comparison> {
    Some(match symbol {
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        _ => return None,
    })
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
    let left = parser.expression(0, 0)?;
    if equation && *parser.peek() == Token::Symbol("=") {
        parser.advance();
        let right = parser.expression(0, 0)?;
        parser.binary(Binary::Subtract, left, right);
    }
    if *parser.peek() != Token::End {
        return Err(parser.misplaced(equation));
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

    fn binary(&mut self, operator: Binary, left: usize, right: usize) -> usize {
        let span = self.parts[left].span.start..self.parts[right].span.end;
        self.push(Kind::Binary(operator, left, right), span)
    }

    /// An expression whose operators all bind at least as tightly as `least`.
    fn expression(&mut self, least: u8, depth: usize) -> Result<usize, Fault> {
        let mut left = self.operand(depth)?;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some((operator, _, after)) = infix(symbol).filter(|(_, before, _)| *before >= least) else { break };
            self.advance();
            let right = self.expression(after, depth + 1)?;
            left = self.binary(operator, left, right);
        }
        Ok(left)
    }

    fn operand(&mut self, depth: usize) -> Result<usize, Fault> {
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
                let inner = self.expression(0, depth + 1)?;
                let end = self.close(&span)?;
                self.parts[inner].span = span.start..end;
                Ok(inner)
            }
            Token::Symbol("+") => self.expression(SIGN_STRENGTH, depth + 1),
            Token::Symbol("-") => {
                let operand = self.expression(SIGN_STRENGTH, depth + 1)?;
                let span = span.start..self.parts[operand].span.end;
                Ok(self.push(Kind::Negate(operand), span))
            }
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
                let mut argument = self.expression(0, depth + 1)?;
                if name == "if" && arguments.is_empty() {
                    argument = self.condition(argument, depth)?;
                }
                arguments.push(argument);
                if *self.peek() != Token::Symbol(",") {
                    break;
                }
                self.advance();
            }
        }
        let end = self.close(&open)?;
        Ok(self.push(Kind::Call(name, arguments), start.start..end))
    }

    /// The condition that begins with `left`.
    fn condition(&mut self, left: usize, depth: usize) -> Result<usize, Fault> {
        let Token::Symbol(symbol) = *self.peek() else { return Err(self.misplaced(false)) };
        let Some(relation) = comparison(symbol) else {
            return Err(Fault::new(
                self.parts[left].span.clone(),
                "the first argument of if must be a comparison",
                "write if(condition, a, b) with a condition such as x < 0",
            ));
        };
        self.advance();
        let right = self.expression(0, depth + 1)?;
        let span = self.parts[left].span.start..self.parts[right].span.end;
        Ok(self.push(Kind::Compare(relation, left, right), span))
    }

    /// Consumes the parenthesis that closes the one at `open`; gives its end.
    fn close(&mut self, open: &Span) -> Result<usize, Fault> {
        match self.peek() {
            Token::Symbol(")") => Ok(self.advance().1.end),
            Token::End => Err(Fault::new(open.clone(), "this parenthesis is never closed", "add the missing )")),
            _ => Err(self.misplaced(false)),
        }
    }

    /// The fault of a token that cannot follow an operand.
    fn misplaced(&self, top: bool) -> Fault {
        let (token, span) = &self.tokens[self.next];
        let (problem, help) = match token {
            Token::Number(_) | Token::Name(_) | Token::Symbol("(") => {
                ("an operator is missing before this".to_string(), "write * for a product".to_string())
            }
            Token::Symbol(")") => {
                ("this parenthesis was never opened".to_string(), "remove it, or add the missing (".to_string())
            }
            Token::Symbol(",") => (
                "this comma is outside a function's arguments".to_string(),
                "write decimals with a point; put arguments in parentheses after a function's name".to_string(),
            ),
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
                "use one comparison, in the first argument of if(condition, a, b)".to_string(),
            ),
            Token::End => ("the expression ends too early".to_string(), "complete it".to_string()),
        };
        Fault::new(span.clone(), problem, help)
    }
}
