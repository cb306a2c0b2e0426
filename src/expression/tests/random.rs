//! Properties that hold for thousands of random expressions, and for random bytes.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::trees::dual::{Bounded, Dual, evaluate};
use super::trees::{Condition, NAMES, Tree, print, trees};
use super::{compiled, scope};
use crate::expression::parser::parse;
use crate::expression::syntax::{Binary, Comparison, Kind, Syntax, Word};
use crate::expression::{Expression, Leaf, PointData, Registers, Residual, Row, Scope};
use crate::jet::{Derivative, Entry, Jets, Normalizer, Scaling};
use crate::numbers::Real;

const CASES: u32 = 4000;

fn runner() -> TestRunner {
    TestRunner::new_with_rng(
        Config { cases: CASES, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
}

/// Whether the parser's tree is this one.
fn same(tree: &Tree, syntax: &Syntax, at: usize) -> bool {
    match (tree, &syntax.parts[at].kind) {
        (Tree::Number(a), Kind::Number(b)) => a == b,
        (Tree::Name(a), Kind::Name(b)) => a == b,
        (Tree::Negate(a), Kind::Negate(b)) => same(a, syntax, *b),
        (Tree::Binary(f, a, b), Kind::Binary(g, c, d)) => {
            *f == operator(*g) && same(a, syntax, *c) && same(b, syntax, *d)
        }
        (Tree::Call(f, a), Kind::Call(g, b)) => {
            f == g && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, syntax, *b))
        }
        (Tree::If(condition, parts), Kind::Call(name, arguments)) => {
            let branches = parts.iter().zip(&arguments[1..]);
            name == "if"
                && same_condition(condition, syntax, arguments[0])
                && branches.into_iter().all(|(a, b)| same(a, syntax, *b))
        }
        _ => false,
    }
}

fn same_condition(condition: &Condition, syntax: &Syntax, at: usize) -> bool {
    match (condition, &syntax.parts[at].kind) {
        (Condition::Compare(relation, parts), Kind::Compare(comparison, left, right)) => {
            *relation == symbol(*comparison) && same(&parts[0], syntax, *left) && same(&parts[1], syntax, *right)
        }
        (Condition::Join(word, parts), Kind::Join(own, left, right)) => {
            *word == (if *own == Word::And { "and" } else { "or" })
                && same_condition(&parts[0], syntax, *left)
                && same_condition(&parts[1], syntax, *right)
        }
        (Condition::Not(condition), Kind::Not(own)) => same_condition(condition, syntax, *own),
        _ => false,
    }
}

fn operator(operator: Binary) -> &'static str {
    match operator {
        Binary::Add => "+",
        Binary::Subtract => "-",
        Binary::Multiply => "*",
        Binary::Divide => "/",
        Binary::Power => "^",
    }
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
    }
}

#[test]
fn what_is_printed_parses_back() {
    let check = |tree: Tree| {
        let text = print(&tree);
        let syntax = parse(&text, false).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        prop_assert!(same(&tree, &syntax, syntax.parts.len() - 1), "{text}");
        Ok(())
    };
    runner().run(&trees(&NAMES), check).unwrap();
}

#[test]
fn random_text_never_panics() {
    let read = |text: String| {
        if let Err(error) = Expression::residual("job.toml", &text, &scope()) {
            prop_assert!(error.to_string().contains("  help: "));
        }
        Ok(())
    };
    runner().run(&any::<String>(), read).unwrap();
    let bytes = prop::collection::vec(any::<u8>(), 0..60);
    runner().run(&bytes, |bytes| read(String::from_utf8_lossy(&bytes).into_owned())).unwrap();
    let words = [
        "u",
        "x",
        "u_x",
        "u_xx",
        "flux",
        "flux_x",
        "d(",
        "if(",
        "sin(",
        "min(",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "^",
        "=",
        "<",
        ">=",
        "1e-3",
        ".5",
        "`",
        "é",
        "\n",
        " ",
        "1e",
        "_",
        "n_x",
        "nu",
        "u(",
        "flux(",
        ",0,x)",
        " and ",
        " or ",
        "not ",
        "==",
        "'",
        "\"k.csv\"",
        "interp(",
        "laplacian(",
        "div(",
        "grad_n(",
        "integral(",
        ",s,0,x,3)",
        "s",
        "mod(",
    ];
    let words = prop::collection::vec(prop::sample::select(words.to_vec()), 0..25);
    runner().run(&words, |words| read(words.concat())).unwrap();
}

fn normalizer() -> Normalizer {
    Normalizer {
        inputs: Scaling { mean: vec![0.5, -1.0, 0.0], scale: vec![2.0, 0.5, 1.0] },
        outputs: Scaling { mean: vec![3.0, -0.25], scale: vec![1.5, 0.7] },
        coefficients: vec![],
    }
}

/// A point: x, t, u_measured, n_x; nu, k; and the standardised entries, slot by slot.
#[derive(Clone, Debug)]
struct Point {
    data: [f64; 4],
    coefficients: [f64; 2],
    slots: [f64; 6],
}

fn points() -> impl Strategy<Value = Point> {
    // Numbers that f32 holds, so that both formats are given the same.
    let number = || (-3.0..3.0_f32).prop_map(f64::from);
    (prop::array::uniform4(number()), prop::array::uniform2(number()), prop::array::uniform6(number()))
        .prop_map(|(data, coefficients, slots)| Point { data, coefficients, slots })
}

/// An expression of a tree; `None` where a constant part has no finite value.
fn expression(text: &str) -> Option<Expression> {
    // Dual numbers know of no jumps either.
    let scope = Scope { allow_rough: true, ..scope() };
    match Expression::residual("test", text, &scope) {
        Ok(expression) => Some(expression),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("this is infinite") || message.contains("this is undefined (NaN)"), "{message}");
            None
        }
    }
}

/// r and its partials, by slot and by coefficient.
fn run<T: Real>(residual: &Residual, point: &Point) -> Vec<f64> {
    let column = |value: f64| vec![value];
    let [x, t, measured, normal] = point.data;
    let inputs = [x, t, 0.0].map(column);
    let columns = [measured, 0.0].map(column);
    let normals = [normal, 0.0, 0.0].map(column);
    let hoisted = residual.hoist(&PointData { inputs: &inputs, columns: &columns, normals: &normals });
    let hoisted: Vec<_> = hoisted.iter().map(|column| [T::of(column[0])]).collect();
    let slots: Vec<_> = residual.slots().iter().map(|slot| [T::of(point.slots[place(slot.entry)])]).collect();
    let row = |leaf: &Leaf| match *leaf {
        Leaf::Slot(i) => Row::Points(slots[i].as_slice()),
        Leaf::Hoisted(i) => Row::Points(hoisted[i].as_slice()),
        Leaf::Coefficient(i) => Row::Same(T::of(point.coefficients[i])),
        leaf => panic!("a kernel cannot read {leaf:?}"),
    };
    let program = residual.program();
    let reads: Vec<_> = program.reads().iter().map(row).collect();
    let mut registers = Registers::new(program.registers(), 1);
    program.run(program.outputs(), &reads, 1, &mut registers);
    (0..program.outputs()).map(|i| program.output(i, &reads, 1, &registers).at(0).to_f64()).collect()
}

/// The place of an entry in [`Point::slots`] and, five later, in [`NAMES`].
fn place(entry: Entry) -> usize {
    match (entry.output, entry.derivative) {
        (0, Derivative::Value) => 0,
        (0, Derivative::First(0)) => 1,
        (0, Derivative::Second(0, 0)) => 2,
        (0, Derivative::Second(0, 1)) => 3,
        (1, Derivative::Value) => 4,
        (1, Derivative::First(1)) => 5,
        other => panic!("{other:?} is in no tree"),
    }
}

/// The names' values with their derivatives by the coefficients and the slots.
fn duals(point: &Point, epsilon: f64) -> impl Fn(&str) -> Dual {
    let normalizer = normalizer();
    let entries = [
        Entry::value(0),
        Entry { output: 0, derivative: Derivative::First(0) },
        Entry { output: 0, derivative: Derivative::Second(0, 0) },
        Entry { output: 0, derivative: Derivative::Second(0, 1) },
        Entry::value(1),
        Entry { output: 1, derivative: Derivative::First(1) },
    ];
    let mut duals = vec![];
    let known = [&point.data[..], &[std::f64::consts::PI], &point.coefficients].concat();
    for (i, value) in known.into_iter().enumerate() {
        let slope = |j: usize| Bounded::new(if i == j + 5 { 1.0 } else { 0.0 }, 0.0, epsilon);
        duals.push(Dual { value: Bounded::new(value, value.abs(), epsilon), slopes: (0..8).map(slope).collect() });
    }
    for (i, entry) in entries.into_iter().enumerate() {
        let factor = entry.natural_scale(&normalizer);
        let mean = if entry.derivative == Derivative::Value { normalizer.outputs.mean[entry.output] } else { 0.0 };
        let scaled = factor * point.slots[i];
        let slope =
            |j: usize| if j == i + 2 { Bounded::new(factor, factor, epsilon) } else { Bounded::new(0.0, 0.0, epsilon) };
        let value = Bounded::new(mean + scaled, 2.0 * (mean.abs() + scaled.abs()), epsilon);
        duals.push(Dual { value, slopes: (0..8).map(slope).collect() });
    }
    move |name| duals[NAMES.iter().position(|known| *known == name).expect("a known name")].clone()
}

/// Whether a program's number agrees with the naive one; `None` where the latter is not sure.
fn agrees(value: f64, naive: Bounded) -> Option<bool> {
    let sure = naive.sure && naive.value.is_finite() && naive.error.is_finite();
    // The bound is of first order, and programs add in another order.
    sure.then(|| (value - naive.value).abs() <= 4.0 * naive.epsilon * naive.error + f64::MIN_POSITIVE)
}

fn programs_agree<T: Real>(epsilon: f64, least: u32) {
    let (values, slopes) = (Cell::new(0), Cell::new(0));
    let check = |(tree, point): (Tree, Point)| {
        let text = print(&tree);
        let Some(expression) = expression(&text) else { return Ok(()) };
        let residual = compiled(&expression, &normalizer());
        let outputs = run::<T>(&residual, &point);
        let naive = evaluate(&tree, &duals(&point, epsilon));
        if naive.value.sure {
            let agreed = agrees(outputs[0], naive.value);
            prop_assert!(agreed != Some(false), "{text}: {} and {:?}", outputs[0], naive.value);
            values.set(values.get() + u32::from(agreed.is_some()));
            // Derivatives that the residual does not name are 0.
            let slots = residual.slots().iter().map(|slot| place(slot.entry) + 2);
            let places: Vec<_> = slots.chain(residual.coefficients().iter().copied()).collect();
            for (place, slope) in naive.slopes.iter().enumerate() {
                let value = places.iter().position(|p| *p == place).map_or(0.0, |i| outputs[1 + i]);
                let agreed = agrees(value, *slope);
                prop_assert!(agreed != Some(false), "{text}, by {}: {value} and {slope:?}", NAMES[place + 5]);
                slopes.set(slopes.get() + u32::from(agreed.is_some() && slope.value != 0.0));
            }
        }
        Ok(())
    };
    runner().run(&(trees(&NAMES), points()), check).unwrap();
    println!("{} values and {} derivatives of {CASES} expressions", values.get(), slopes.get());
    // Whole numbers have slopes of 0, which do not count.
    assert!(values.get() > least && slopes.get() > least * 4 / 5);
}

#[test]
fn programs_in_f64_agree_with_dual_numbers() {
    programs_agree::<f64>(f64::EPSILON / 2.0, CASES / 2);
}

#[test]
fn programs_in_f32_agree_with_dual_numbers() {
    programs_agree::<f32>(f64::from(f32::EPSILON) / 2.0, CASES / 2);
}

#[test]
fn expressions_agree_with_their_programs() {
    let check = |(tree, point): (Tree, Point)| {
        let text = print(&tree);
        let Some(expression) = expression(&text) else { return Ok(()) };
        let layout = crate::jet::JetLayout::selected(3, [Derivative::Second(0, 0), Derivative::Second(0, 1)]);
        let rows = (0..2).flat_map(|output| layout.derivatives().map(move |derivative| Entry { output, derivative }));
        let known = |entry: &Entry| {
            let named = [Derivative::Value, Derivative::First(0), Derivative::Second(0, 0), Derivative::Second(0, 1)];
            (entry.output == 0 && named.contains(&entry.derivative))
                || (entry.output == 1 && [Derivative::Value, Derivative::First(1)].contains(&entry.derivative))
        };
        let standardised = rows.map(|entry| if known(&entry) { point.slots[place(entry)] } else { 0.0 }).collect();
        let jets = Jets::from_standardised(&layout, &normalizer(), standardised);
        let [x, t, measured, normal] = point.data;
        let (inputs, columns) = ([vec![x], vec![t], vec![0.0]], [vec![measured], vec![0.0]]);
        let normals = [vec![normal], vec![0.0], vec![0.0]];
        let points = PointData { inputs: &inputs, columns: &columns, normals: &normals };
        let value = expression.evaluate(&points, &point.coefficients, Some(&jets))[0];
        let naive = evaluate(&tree, &duals(&point, f64::EPSILON / 2.0));
        prop_assert!(agrees(value, naive.value) != Some(false), "{text}: {value} and {:?}", naive.value);
        Ok(())
    };
    runner().run(&(trees(&NAMES), points()), check).unwrap();
}

#[test]
fn total_derivatives_agree_with_dual_numbers() {
    let names = ["x", "t", "nu"];
    let check = |(tree, point): (Tree, Point)| {
        let text = format!("d({}, x)", print(&tree));
        let Some(expression) = expression(&text) else { return Ok(()) };
        let [x, t, ..] = point.data;
        let inputs = [vec![x], vec![t], vec![0.0]];
        let value =
            expression.evaluate(&PointData { inputs: &inputs, ..Default::default() }, &point.coefficients, None)[0];
        let duals = duals(&point, f64::EPSILON / 2.0);
        let by_x = |name: &str| {
            let mut dual = duals(name);
            dual.slopes = vec![Bounded::new(if name == "x" { 1.0 } else { 0.0 }, 0.0, f64::EPSILON / 2.0)];
            dual
        };
        let naive = evaluate(&tree, &by_x);
        prop_assert!(
            !naive.value.sure || agrees(value, naive.slopes[0]) != Some(false),
            "{text}: {value} and {:?}",
            naive.slopes[0]
        );
        Ok(())
    };
    runner().run(&(trees(&names), points()), check).unwrap();
}
