//! A residual as kernels read it: in standardised space, with what point data alone decides taken
//! out, and with its derivatives.

use super::derive::partial;
use super::function::Function;
use super::graph::{Graph, Id, Leaf, Node, Relation};
use super::program::Program;
use super::{Expression, OwnJets, PointData};
use crate::jet::{CoefficientMap, Entry, Normalizer};

/// What a residual reads of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// At which of the places of its set.
    pub place: usize,
    /// Which entry, of an output of the model by its network's own inputs.
    pub entry: Entry,
    /// The network.
    pub network: usize,
    /// Which of that one's own outputs it is of.
    pub output: usize,
    /// The entry's channel in the layout.
    pub channel: usize,
}

/// A residual r(z, h, c): of standardised jet entries z (the slots), of columns h that the host
/// computes in f64 when it loads a point set, and of coefficients c over their scales.
///
/// An entry of the jet is `shift + factor · z`. The sums in which it stands collect what is constant
/// or point data into one column: `u - y` becomes `factor · z + h` with `h = mean − y` computed in
/// f64, so that a kernel does not subtract two large numbers in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual {
    slots: Vec<Slot>,
    coefficients: Vec<usize>,
    program: Program,
    hoist: Program,
    hoisted: usize,
}

impl Residual {
    /// Of an expression whose entries all travel, with its places counted.
    pub(super) fn new(expression: &Expression, networks: &OwnJets<'_>, normalizer: &Normalizer) -> Self {
        let mut graph = expression.graph.clone();
        let mut slots = networks.slots(expression);
        slots.sort_by_key(|slot| (slot.place, slot.entry.output, slot.channel));
        let coefficients = expression.coefficients();

        let root = graph.rewritten(expression.root, |graph, id, _| match *graph.node(id) {
            Node::Leaf(Leaf::Entry(entry, place)) => {
                let is_own = |slot: &Slot| (slot.place, slot.entry) == (place, entry);
                let slot = slots.iter().position(is_own).expect("a slot for each entry");
                let z = graph.leaf(Leaf::Slot(slot));
                let (factor, mean) = networks.scale(&slots[slot]);
                Some(graph.sum(mean, [(z, factor)]))
            }
            Node::Leaf(Leaf::Coefficient(index)) => Some(coefficient(graph, id, normalizer.coefficient(index))),
            _ => None,
        });
        let mut roots = vec![root];
        roots.extend((0..slots.len()).map(|slot| networks.slope(&mut graph, root, &slots, slot)));
        roots.extend(coefficients.iter().map(|index| partial(&mut graph, root, Leaf::Coefficient(*index))));

        let mut columns = vec![];
        let roots: Vec<_> = roots.into_iter().map(|root| hoisted(&mut graph, root, &mut columns)).collect();
        let program = Program::new(&graph, &roots);
        Self { slots, coefficients, program, hoisted: columns.len(), hoist: Program::new(&graph, &columns) }
    }

    /// The entries of the jet that it reads; slot k is `slots()[k]`, standardised.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The coefficients that it reads.
    pub fn coefficients(&self) -> &[usize] {
        &self.coefficients
    }

    /// The number of columns h.
    pub fn hoisted(&self) -> usize {
        self.hoisted
    }

    /// The columns h at some points (H, B), in f64.
    pub fn hoist(&self, points: &PointData<'_>) -> Vec<Vec<f64>> {
        points.evaluate(&self.hoist, &[], None)
    }

    /// Reads slots, hoisted columns and coefficients. Its outputs are r, then ∂r/∂z for each slot,
    /// then ∂r/∂c for each coefficient.
    pub fn program(&self) -> &Program {
        &self.program
    }
}

/// A coefficient from the number that is trained, as [`CoefficientMap::value`] has it.
fn coefficient(graph: &mut Graph, trained: Id, map: CoefficientMap) -> Id {
    let (scale, range) = match map {
        CoefficientMap::Scaled(scale) => return graph.scaled(trained, scale),
        CoefficientMap::Within { scale, range } => (scale, range),
    };
    let coordinate = match range.coordinates() {
        (None, None) => graph.scaled(trained, scale),
        (Some(low), None) => {
            let distance = above(graph, trained);
            graph.sum(low, [(distance, scale)])
        }
        (None, Some(high)) => {
            let mirrored = graph.scaled(trained, -1.0);
            let distance = above(graph, mirrored);
            graph.sum(high, [(distance, -scale)])
        }
        (Some(low), Some(high)) => {
            let share = graph.function(Function::Sigmoid, trained);
            graph.sum(low, [(share, high - low)])
        }
    };
    if range.is_logarithmic { graph.function(Function::Exp, coordinate) } else { coordinate }
}

/// (p + √(p² + 4))/2, without cancellation.
fn above(graph: &mut Graph, p: Id) -> Id {
    let square = graph.product([(p, 2)]);
    let square = graph.sum(4.0, [(square, 1.0)]);
    let root = graph.function(Function::Sqrt, square);
    let [far, near] = [1.0, -1.0].map(|sign| graph.sum(0.0, [(root, 0.5), (p, 0.5 * sign)]));
    let (zero, near) = (graph.constant(0.0), graph.product([(near, -1)]));
    let is_negative = graph.compare(Relation::Less, p, zero);
    graph.select(is_negative, near, far)
}

/// `root` with every largest part that point data alone decide replaced by a column.
fn hoisted(graph: &mut Graph, root: Id, columns: &mut Vec<Id>) -> Id {
    // A multiple of a column is multiplied where it is used, so that its multiples share it.
    let mut column = |graph: &mut Graph, id: Id| {
        let (id, weight) = graph.unscaled(id);
        if graph.value(id).is_some() {
            return graph.scaled(id, weight);
        }
        let place = columns.iter().position(|known| *known == id).unwrap_or_else(|| {
            columns.push(id);
            columns.len() - 1
        });
        let leaf = graph.leaf(Leaf::Hoisted(place));
        graph.scaled(leaf, weight)
    };
    let rewritten =
        graph.rewritten(root, |graph, id, substitutes| {
            if !graph.varies(id) {
                return Some(id);
            }
            match graph.node(id).clone() {
                Node::Sum(constant, terms) => {
                    let (fixed, rest): (Vec<_>, Vec<_>) = terms.iter().partition(|(id, _)| !graph.varies(*id));
                    let offset = if fixed.is_empty() {
                        graph.constant(constant.0)
                    } else {
                        let offset = graph.sum(constant.0, fixed.into_iter().map(|(id, weight)| (id, weight.0)));
                        column(graph, offset)
                    };
                    let rest = rest.into_iter().map(|(id, weight)| (substitutes[&id], weight.0));
                    Some(graph.sum(0.0, rest.chain([(offset, 1.0)])))
                }
                Node::Product(factors) => {
                    let (fixed, rest): (Vec<_>, Vec<_>) = factors.iter().partition(|(id, _)| !graph.varies(*id));
                    let factor = graph.product(fixed);
                    let factor = column(graph, factor);
                    Some(graph.product(
                        rest.into_iter().map(|(id, exponent)| (substitutes[&id], exponent)).chain([(factor, 1)]),
                    ))
                }
                node => {
                    let parts: Vec<_> = super::graph::parts(&node)
                        .into_iter()
                        .map(|part| (part, if graph.varies(part) { substitutes[&part] } else { column(graph, part) }))
                        .collect();
                    Some(graph.rebuilt(&node, |part| parts.iter().find(|known| known.0 == part).expect("a part").1))
                }
            }
        });
    if graph.varies(rewritten) { rewritten } else { column(graph, rewritten) }
}
