//! The tree of an expression, as the parser makes it.

use crate::expression::diagnostic::Span;

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
    /// Stands among the first arguments of [`TEXT_FUNCTIONS`] alone.
    Text(String),
    Negate(usize),
    /// `lhs = rhs` is read as lhs − rhs.
    Binary(Binary, usize, usize),
    Compare(Comparison, usize, usize),
    /// Of two conditions.
    Join(Word, usize, usize),
    /// Of a condition.
    Not(usize),
    Call(String, Vec<usize>),
}

/// The functions whose first arguments are texts.
pub const TEXT_FUNCTIONS: [&str; 2] = ["interp", "interp_cubic"];

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
    Equal,
    NotEqual,
}

/// The words between two conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    And,
    Or,
}
