//! Random expressions for the property tests of the language and of its shaders: trees that are printed,
//! and evaluated naively. They know nothing of the library but its language.

pub mod dual;

use proptest::prelude::*;

/// The names of the tests' scopes: point data, coefficients, entries.
pub const NAMES: [&str; 13] = ["x", "t", "u_measured", "n_x", "pi", "nu", "k", "u", "u_x", "u_xx", "u_xt", "v", "v_t"];

/// An expression; operators, comparisons and functions are their symbols.
#[derive(Clone, Debug)]
pub enum Tree {
    Number(f64),
    Name(&'static str),
    Negate(Box<Tree>),
    Binary(&'static str, Box<Tree>, Box<Tree>),
    Call(&'static str, Vec<Tree>),
    If(Condition, Box<[Tree; 2]>),
}

/// What decides an `if`.
#[derive(Clone, Debug)]
pub enum Condition {
    Compare(&'static str, Box<[Tree; 2]>),
    /// `and` or `or`
    Join(&'static str, Box<[Condition; 2]>),
    Not(Box<Condition>),
}

const FUNCTIONS: [&str; 19] = [
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
    "floor",
    "ceil",
];

/// Trees of up to about 40 nodes over these names.
pub fn trees(names: &[&'static str]) -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        1 => (0..8_u32).prop_map(|n| Tree::Number(f64::from(n))),
        1 => (1e-3..1e3_f64).prop_map(Tree::Number),
        4 => prop::sample::select(names.to_vec()).prop_map(Tree::Name),
    ];
    leaf.prop_recursive(6, 40, 3, move |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            1 => inner.clone().prop_map(|x| Tree::Negate(x.into())),
            6 => (prop::sample::select(["+", "-", "*", "/", "^"].as_slice()), two())
                .prop_map(|(operator, (a, b))| Tree::Binary(operator, a.into(), b.into())),
            2 => (inner.clone(), 0..5_u32)
                .prop_map(|(a, n)| Tree::Binary("^", a.into(), Tree::Number(f64::from(n) / 2.0).into())),
            4 => (prop::sample::select(FUNCTIONS.as_slice()), inner.clone()).prop_map(|(f, x)| Tree::Call(f, vec![x])),
            1 => (prop::sample::select(["min", "max", "pow", "mod"].as_slice()), two())
                .prop_map(|(f, (a, b))| Tree::Call(f, vec![a, b])),
            1 => (conditions(inner.clone()), two()).prop_map(|(holds, (a, b))| Tree::If(holds, Box::new([a, b]))),
        ]
    })
}

/// Up to four comparisons of such trees.
fn conditions(trees: impl Strategy<Value = Tree> + Clone + 'static) -> impl Strategy<Value = Condition> {
    let relations = prop::sample::select(["<", "<=", ">", ">=", "==", "!="].as_slice());
    let comparison =
        (relations, trees.clone(), trees).prop_map(|(relation, l, r)| Condition::Compare(relation, Box::new([l, r])));
    comparison.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            2 => (prop::sample::select(["and", "or"].as_slice()), inner.clone(), inner.clone())
                .prop_map(|(word, a, b)| Condition::Join(word, Box::new([a, b]))),
            1 => inner.prop_map(|condition| Condition::Not(condition.into())),
        ]
    })
}

/// How tightly the outermost operator binds.
fn tightness(tree: &Tree) -> u8 {
    match tree {
        Tree::Binary("+" | "-", ..) => 1,
        Tree::Binary("*" | "/", ..) => 2,
        Tree::Negate(_) => 3,
        Tree::Binary(..) => 4,
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
            let (space, left, right) = match *operator {
                "+" | "-" => (" ", 1, 2),
                "*" | "/" => ("", 2, 3),
                _ => ("", 5, 3),
            };
            format!("{}{space}{operator}{space}{}", at_least(a, left), at_least(b, right))
        }
        Tree::Call(name, arguments) => {
            format!("{name}({})", arguments.iter().map(print).collect::<Vec<_>>().join(", "))
        }
        Tree::If(condition, parts) => {
            let [yes, no] = parts.each_ref().map(print);
            format!("if({}, {yes}, {no})", print_condition(condition, 0))
        }
    }
}

/// With parentheses where it binds less tightly than `least`: `or` 1, `and` 2, `not` 3, a comparison 4.
fn print_condition(condition: &Condition, least: u8) -> String {
    let (text, own) = match condition {
        Condition::Compare(relation, parts) => {
            let [left, right] = parts.each_ref().map(print);
            (format!("{left} {relation} {right}"), 4)
        }
        Condition::Join(word, parts) => {
            let own = if *word == "or" { 1 } else { 2 };
            let (left, right) = (print_condition(&parts[0], own), print_condition(&parts[1], own + 1));
            (format!("{left} {word} {right}"), own)
        }
        Condition::Not(condition) => (format!("not {}", print_condition(condition, 3)), 3),
    };
    if own < least { format!("({text})") } else { text }
}
