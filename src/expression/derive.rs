//! Differentiation on the graph: one forward walk, whatever a derivative is taken by.
//!
//! What the leaves' derivatives are (the `seed`) decides what comes out: the total derivative by an
//! input, with which the language's `d(…, x)` is read, or the partial by a slot or a coefficient,
//! with which a residual is trained. A walk for each slot costs no more than the reverse mode here:
//! the walks share their parts in the graph, and a residual reads few slots. And it keeps the
//! branches of `if` apart: where one is not taken, its derivative, perhaps NaN, is not read.

use std::collections::HashMap;

use super::function::Function;
use super::graph::{Graph, Id, Leaf, Node, Relation, parts};
use crate::jet::{Derivative, Entry};

/// The derivative of `root`, where `seed` gives those of the leaves; or the leaf that has none.
///
/// A condition is taken as constant: its jump has no derivative.
pub fn derivative(
    graph: &mut Graph,
    root: Id,
    mut seed: impl FnMut(&mut Graph, Leaf) -> Result<Id, Leaf>,
) -> Result<Id, Leaf> {
    let mut slopes = HashMap::new();
    for id in graph.reachable_by(&[root], differentiated) {
        let node = graph.node(id).clone();
        let slope = match &node {
            Node::Leaf(leaf) => seed(graph, *leaf)?,
            Node::Placed(entry, arguments) => placed(graph, *entry, arguments, &slopes)?,
            Node::Constant(_) | Node::Compare(..) => graph.constant(0.0),
            Node::Sum(_, terms) => graph.sum(0.0, terms.iter().map(|(part, weight)| (slopes[part], weight.0))),
            Node::Product(factors) => product(graph, factors, &slopes),
            Node::Function(function, x) => match graph.value(slopes[x]) {
                Some(0.0) => slopes[x],
                _ => {
                    let outer = function.derivative(graph, *x, id);
                    graph.product([(outer, 1), (slopes[x], 1)])
                }
            },
            Node::Power(base, exponent) => power(graph, id, (*base, slopes[base]), (*exponent, slopes[exponent])),
            Node::Select(condition, yes, no) => graph.select(*condition, slopes[yes], slopes[no]),
            Node::Field(read, arguments) => {
                let mut terms = vec![];
                for (k, argument) in arguments.iter().enumerate() {
                    if graph.value(slopes[argument]) == Some(0.0) {
                        continue;
                    }
                    let derived = graph.field(read.derived(k), arguments);
                    terms.push((graph.product([(derived, 1), (slopes[argument], 1)]), 1.0));
                }
                graph.sum(0.0, terms)
            }
        };
        slopes.insert(id, slope);
    }
    Ok(slopes[&root])
}

/// The total derivative by an input, or the leaf that has none: a fifth derivative of an output, or
/// what is known at the points alone.
pub fn total_derivative(graph: &mut Graph, root: Id, by: usize) -> Result<Id, Leaf> {
    derivative(graph, root, |graph, leaf| {
        Ok(match leaf {
            Leaf::Input(input) => graph.constant(if input == by { 1.0 } else { 0.0 }),
            Leaf::Coefficient(_) => graph.constant(0.0),
            Leaf::Entry(entry, place) => graph.leaf(Leaf::Entry(next(entry, by).ok_or(leaf)?, place)),
            leaf => return Err(leaf),
        })
    })
}

/// The partial derivative by a leaf, with all others as they are.
pub fn partial(graph: &mut Graph, root: Id, by: Leaf) -> Id {
    let seed = |graph: &mut Graph, leaf| Ok(graph.constant(if leaf == by { 1.0 } else { 0.0 }));
    derivative(graph, root, seed).expect("every leaf has a partial derivative")
}

/// An entry of the jet of `root`; `laplacian` has the coefficients of its Laplacian.
pub fn jet_entry(graph: &mut Graph, root: Id, entry: Derivative, laplacian: &[f64]) -> Result<Id, Leaf> {
    jet_entry_by(graph, root, entry, laplacian, &mut total_derivative)
}

/// The same, where `total` derives by an input.
pub fn jet_entry_by(
    graph: &mut Graph,
    root: Id,
    entry: Derivative,
    laplacian: &[f64],
    total: &mut impl FnMut(&mut Graph, Id, usize) -> Result<Id, Leaf>,
) -> Result<Id, Leaf> {
    match entry {
        Derivative::Laplacian => {
            let mut terms = vec![];
            for (i, c) in laplacian.iter().enumerate().filter(|(_, c)| **c != 0.0) {
                terms.push((jet_entry_by(graph, root, Derivative::Second(i, i), laplacian, total)?, *c));
            }
            Ok(graph.sum(0.0, terms))
        }
        Derivative::LaplacianFirst(i) => {
            let own = jet_entry_by(graph, root, Derivative::Laplacian, laplacian, total)?;
            total(graph, own, i)
        }
        Derivative::Biharmonic => {
            let own = jet_entry_by(graph, root, Derivative::Laplacian, laplacian, total)?;
            jet_entry_by(graph, own, Derivative::Laplacian, laplacian, total)
        }
        _ => {
            let mut by = entry.inputs().expect("not collapsed").into_iter();
            by.try_fold(root, |root, input| total(graph, root, input))
        }
    }
}

/// The derivative of an entry by an input, if a jet has it.
pub fn next(entry: Entry, by: usize) -> Option<Entry> {
    Some(Entry { derivative: entry.derivative.next(by)?, ..entry })
}

/// Σₖ ∂entry/∂xₖ at its place · argumentₖ′
fn placed(graph: &mut Graph, entry: Entry, arguments: &[Id], slopes: &HashMap<Id, Id>) -> Result<Id, Leaf> {
    let mut terms = vec![];
    for (input, argument) in arguments.iter().enumerate() {
        if graph.value(slopes[argument]) != Some(0.0) {
            let derived = next(entry, input).ok_or(Leaf::Entry(entry, 0))?;
            let derived = graph.placed(derived, arguments);
            terms.push((graph.product([(derived, 1), (slopes[argument], 1)]), 1.0));
        }
    }
    Ok(graph.sum(0.0, terms))
}

/// The parts through which a derivative goes.
pub fn differentiated(node: &Node) -> Vec<Id> {
    match node {
        Node::Compare(..) => vec![],
        Node::Select(_, yes, no) => vec![*yes, *no],
        node => parts(node),
    }
}

/// Σᵢ eᵢ · nᵢ′ · nᵢ^(eᵢ − 1) · Π of the others
fn product(graph: &mut Graph, factors: &[(Id, i32)], slopes: &HashMap<Id, Id>) -> Id {
    let mut terms = vec![];
    for (i, (part, exponent)) in factors.iter().enumerate() {
        let others = factors.iter().enumerate().map(|(j, (id, e))| (*id, e - i32::from(i == j)));
        let term = graph.product(others.chain([(slopes[part], 1)]));
        terms.push((term, f64::from(*exponent)));
    }
    graph.sum(0.0, terms)
}

/// (a^b)′ = b a^(b − 1) a′ + a^b log(a) b′, the latter 0 where a is not positive.
fn power(graph: &mut Graph, value: Id, (base, base_slope): (Id, Id), (exponent, exponent_slope): (Id, Id)) -> Id {
    let mut terms = vec![];
    if graph.value(base_slope) != Some(0.0) {
        let reduced = graph.sum(-1.0, [(exponent, 1.0)]);
        let power = graph.power(base, reduced);
        terms.push((graph.product([(exponent, 1), (power, 1), (base_slope, 1)]), 1.0));
    }
    if graph.value(exponent_slope) != Some(0.0) {
        let zero = graph.constant(0.0);
        let log = graph.function(Function::Log, base);
        let term = graph.product([(value, 1), (log, 1), (exponent_slope, 1)]);
        let positive = graph.compare(Relation::Less, zero, base);
        terms.push((graph.select(positive, term, zero), 1.0));
    }
    graph.sum(0.0, terms)
}
