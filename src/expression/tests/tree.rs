//! Random expressions for the property tests: trees that are printed, and evaluated naively.

use proptest::prelude::*;

use crate::expression::syntax::{Binary, Comparison, Kind, Syntax};

/// An expression, independent of the parser's tree.
#[derive(Clone, Debug)]
pub enum Tree {
    Number(f64),
    Name(&'static str),
    Negate(Box<Tree>),
    Binary(Binary, Box<Tree>, Box<Tree>),
    Call(&'static str, Vec<Tree>),
    If(Comparison, Box<[Tree; 4]>),
}

const FUNCTIONS: [&str; 17] = [
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "exp",
    "log",
    "sqrt",
    "abs",
    "sign",
    "erf",
    "sigmoid",
    "heaviside",
];

/// Trees of up to about 40 nodes over these names.
pub fn trees(names: &[&'static str]) -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        1 => (0..8_u32).prop_map(|n| Tree::Number(f64::from(n))),
        1 => (1e-3..1e3_f64).prop_map(Tree::Number),
        4 => prop::sample::select(names.to_vec()).prop_map(Tree::Name),
    ];
    leaf.prop_recursive(6, 40, 3, move |inner| {
        let operators = [Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Divide, Binary::Power];
        let comparisons = [Comparison::Less, Comparison::LessEqual, Comparison::Greater, Comparison::GreaterEqual];
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            1 => inner.clone().prop_map(|x| Tree::Negate(x.into())),
            6 => (prop::sample::select(operators.to_vec()), two())
                .prop_map(|(operator, (a, b))| Tree::Binary(operator, a.into(), b.into())),
            2 => (inner.clone(), 0..5_u32)
                .prop_map(|(a, n)| Tree::Binary(Binary::Power, a.into(), Tree::Number(f64::from(n) / 2.0).into())),
            4 => (prop::sample::select(FUNCTIONS.as_slice()), inner.clone()).prop_map(|(f, x)| Tree::Call(f, vec![x])),
            1 => (prop::sample::select(["min", "max", "pow"].as_slice()), two())
                .prop_map(|(f, (a, b))| Tree::Call(f, vec![a, b])),
            1 => (prop::sample::select(comparisons.to_vec()), two(), two())
                .prop_map(|(relation, (l, r), (a, b))| Tree::If(relation, Box::new([l, r, a, b]))),
        ]
    })
}

/// How tightly the outermost operator binds.
fn tightness(tree: &Tree) -> u8 {
    match tree {
        Tree::Binary(Binary::Add | Binary::Subtract, ..) => 1,
        Tree::Binary(Binary::Multiply | Binary::Divide, ..) => 2,
        Tree::Negate(_) => 3,
        Tree::Binary(Binary::Power, ..) => 4,
        Tree::Number(_) | Tree::Name(_) | Tree::Call(..) | Tree::If(..) => 5,
    }
}

/// With as few parentheses as the language needs.
pub fn print(tree: &Tree) -> String {
    let at_least = |tree: &Tree, least: u8| {
        if tightness(tree) < least { format!("({})", print(tree)) } else { print(tree) }
    };
    match tree {
        Tree::Number(value) => format!("{value:?}"),
        Tree::Name(name) => name.to_string(),
        Tree::Negate(x) => format!("-{}", at_least(x, 3)),
        Tree::Binary(operator, a, b) => {
            let (symbol, left, right) = match operator {
                Binary::Add => (" + ", 1, 2),
                Binary::Subtract => (" - ", 1, 2),
                Binary::Multiply => ("*", 2, 3),
                Binary::Divide => ("/", 2, 3),
                Binary::Power => ("^", 5, 3),
            };
            format!("{}{symbol}{}", at_least(a, left), at_least(b, right))
        }
        Tree::Call(name, arguments) => {
            format!("{name}({})", arguments.iter().map(print).collect::<Vec<_>>().join(", "))
        }
        Tree::If(relation, parts) => {
            let [left, right, yes, no] = parts.each_ref().map(print);
            let symbol = match relation {
                Comparison::Less => "<",
                Comparison::LessEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterEqual => ">=",
            };
            format!("if({left} {symbol} {right}, {yes}, {no})")
        }
    }
}

/// Whether the parser's tree is this one.
pub fn same(tree: &Tree, syntax: &Syntax, at: usize) -> bool {
    match (tree, &syntax.parts[at].kind) {
        (Tree::Number(a), Kind::Number(b)) => a == b,
        (Tree::Name(a), Kind::Name(b)) => a == b,
        (Tree::Negate(a), Kind::Negate(b)) => same(a, syntax, *b),
        (Tree::Binary(f, a, b), Kind::Binary(g, c, d)) => f == g && same(a, syntax, *c) && same(b, syntax, *d),
        (Tree::Call(f, a), Kind::Call(g, b)) => {
            f == g && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, syntax, *b))
        }
        (Tree::If(relation, parts), Kind::Call(name, arguments)) => {
            let Kind::Compare(comparison, left, right) = syntax.parts[arguments[0]].kind else { return false };
            let places = [left, right, arguments[1], arguments[2]];
            name == "if" && *relation == comparison && parts.iter().zip(places).all(|(a, b)| same(a, syntax, b))
        }
        _ => false,
    }
}
