//! Several networks: from derivatives of outputs by the model's inputs to the jets that each network has of its own.
//!
//! A network reads some of the inputs, or outputs of others: `k(x)` beside `u(x, t)`, `c(u)`. Its own jet is by its own
//! inputs. So `d(k, t)` is 0, and `d(c, x)` is `c_u u_x`: here the chain rule goes through the graph, so that kernels see
//! networks that know of no other.
//!
//! What a network is fed with moves when the other is trained. No kernel takes a cotangent of inputs for that: the
//! slope of an own entry of `c` by the value of `u` is the next entry by that input, which travels along
//! ([`carried`]), and a residual's slope by `u` goes through it ([`slope`]).

use super::derive::{derivative, jet_entry_by, next, partial};
use super::graph::{Graph, Id, Leaf, Node};
use super::layout::layout_of;
use super::{Expression, Slot};
use crate::jet::{Derivative, Entry, JetLayout, Normalizer, Source, Wiring, is_single, owner};

/// The networks of a model, and what travels of each for some expressions.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnJets<'a> {
    /// What each reads and gives.
    pub wirings: &'a [Wiring],
    /// The scaling of each one's own inputs and outputs.
    pub normalizers: Vec<Normalizer>,
    /// The channels of each one's own jet; `None` where nothing of it is read.
    pub layouts: Vec<Option<JetLayout>>,
}

/// An entry at a place.
type Read = (Entry, usize);

impl<'a> OwnJets<'a> {
    /// The fewest channels for some residuals and their slopes, whose places are counted, and which then read own entries.
    ///
    /// # Panics
    /// For derivatives of a network that is fed which its own jet does not have; [`super::Scope`] refuses these.
    pub fn new(expressions: &mut [Expression], normalizer: &Normalizer, wirings: &'a [Wiring]) -> Self {
        let normalizers = wirings.iter().map(|wiring| normalizer.of(wiring)).collect();
        if is_single(wirings) {
            let layout = super::layout(expressions, wirings[0].reads.len());
            return Self { wirings, normalizers, layouts: vec![Some(layout)] };
        }
        expressions.iter_mut().for_each(|expression| expression.read_own(wirings));
        Self { wirings, normalizers, layouts: layouts(expressions, wirings, true) }
    }

    /// The fewest channels for expressions that read own entries already, and whose slopes nobody asks for.
    pub(super) fn over_own(expressions: &mut [Expression], normalizer: &Normalizer, wirings: &'a [Wiring]) -> Self {
        let normalizers = wirings.iter().map(|wiring| normalizer.of(wiring)).collect();
        Self { wirings, normalizers, layouts: layouts(expressions, wirings, false) }
    }

    /// Of one network alone, whose jet travels in a layout.
    pub fn of_one(wirings: &'a [Wiring], normalizer: &Normalizer, layout: &JetLayout) -> Self {
        Self { wirings, normalizers: vec![normalizer.clone()], layouts: vec![Some(layout.clone())] }
    }

    /// What a residual over own entries reads of them, and what its slopes read.
    pub(super) fn slots(&self, expression: &Expression) -> Vec<Slot> {
        let slot = |(entry, place): Read| {
            let (network, output) = owner(self.wirings, entry.output);
            let layout = self.layouts[network].as_ref().expect("what is read travels");
            let channel = layout.channel(entry.derivative).expect("the layout carries what is read");
            Slot { place, entry, network, output, channel }
        };
        reads(expression, self.wirings, true).into_iter().map(slot).collect()
    }

    /// What a standardised slot is multiplied by, and what is then added, for the user's units.
    pub(super) fn scale(&self, slot: &Slot) -> (f64, f64) {
        let normalizer = &self.normalizers[slot.network];
        let layout = self.layouts[slot.network].as_ref().expect("what is read travels");
        let is_value = slot.entry.derivative == Derivative::Value;
        let mean = if is_value { normalizer.outputs.mean[slot.output] } else { 0.0 };
        (layout.factors(normalizer, slot.output)[slot.channel], mean)
    }

    /// The partial derivative of a residual over slots by one of them: what feeds a network goes on through that.
    pub(super) fn slope(&self, graph: &mut Graph, root: Id, slots: &[Slot], by: usize) -> Id {
        if !self.wirings.iter().any(Wiring::is_fed) {
            return partial(graph, root, Leaf::Slot(by));
        }
        let seed = |graph: &mut Graph, leaf| {
            Ok(match leaf {
                Leaf::Slot(slot) => self.slot_slope(graph, slots, slot, by),
                _ => graph.constant(0.0),
            })
        };
        derivative(graph, root, seed).expect("every slot has a partial derivative")
    }

    /// ∂slot/∂by
    fn slot_slope(&self, graph: &mut Graph, slots: &[Slot], slot: usize, by: usize) -> Id {
        if slot == by {
            return graph.constant(1.0);
        }
        let own = slots[slot];
        let mut terms = vec![];
        for (input, output) in self.wirings[own.network].fed() {
            let find = |entry: Entry| slots.iter().position(|slot| (slot.entry, slot.place) == (entry, own.place));
            let value = find(Entry::value(output)).expect("what feeds it is a slot");
            let inner = self.slot_slope(graph, slots, value, by);
            // An entry that only slopes read feeds nothing on.
            if graph.value(inner) == Some(0.0) {
                continue;
            }
            let along = next(own.entry, input).and_then(find).expect("the next entry is a slot");
            let factor = self.scale(&slots[along]).0 / self.scale(&own).0 * self.scale(&slots[value]).0;
            let along = graph.leaf(Leaf::Slot(along));
            terms.push((graph.product([(along, 1), (inner, 1)]), factor));
        }
        graph.sum(0.0, terms)
    }
}

impl Expression {
    /// Has it read the networks' own entries.
    pub(super) fn read_own(&mut self, wirings: &[Wiring]) {
        self.root = self.graph.rewritten(self.root, |graph, id, _| match *graph.node(id) {
            Node::Leaf(Leaf::Entry(entry, place)) => Some(own_entry(graph, (entry, place), &[], wirings)),
            _ => None,
        });
    }

    /// An entry by the model's inputs over own ones; `laplacian` has the cᵢ where it is one.
    pub(super) fn of_own(entry: Entry, laplacian: &[f64], wirings: &[Wiring]) -> Self {
        let mut graph = Graph::default();
        let root = own_entry(&mut graph, (entry, 0), laplacian, wirings);
        Self { graph, root }
    }
}

/// The channels that travel of each network.
fn layouts(expressions: &mut [Expression], wirings: &[Wiring], by_value: bool) -> Vec<Option<JetLayout>> {
    let read: Vec<Read> = expressions.iter().flat_map(|expression| reads(expression, wirings, by_value)).collect();
    let layout = |wiring: &Wiring| {
        let own = read.iter().map(|(entry, _)| *entry).filter(|entry| wiring.gives.contains(&entry.output));
        let own: Vec<Entry> = own.collect();
        (!own.is_empty()).then(|| layout_of(expressions, wiring, &own))
    };
    let mut layouts: Vec<_> = wirings.iter().map(layout).collect();
    if layouts.iter().all(Option::is_none) {
        // Coefficients alone: a pass goes through one network at least.
        layouts[0] = Some(JetLayout::value(wirings[0].reads.len()));
    }
    layouts
}

/// An entry by the model's inputs, over own ones.
fn own_entry(graph: &mut Graph, (entry, place): Read, laplacian: &[f64], wirings: &[Wiring]) -> Id {
    let value = graph.leaf(Leaf::Entry(Entry::value(entry.output), place));
    let found = jet_entry_by(graph, value, entry.derivative, laplacian, &mut |graph, root, by| {
        total_derivative(graph, root, by, wirings)
    });
    found.expect("a scope refuses derivatives that a fed network does not have")
}

/// The total derivative by an input of the model of what reads own entries.
fn total_derivative(graph: &mut Graph, root: Id, by: usize, wirings: &[Wiring]) -> Result<Id, Leaf> {
    derivative(graph, root, |graph, leaf| {
        let Leaf::Entry(entry, place) = leaf else { return Err(leaf) };
        let (network, _) = owner(wirings, entry.output);
        let mut terms = vec![];
        for (own, source) in wirings[network].reads.iter().enumerate() {
            let inner = match *source {
                Source::Input(input) => graph.constant(if input == by { 1.0 } else { 0.0 }),
                Source::Output(output) => {
                    let value = graph.leaf(Leaf::Entry(Entry::value(output), place));
                    total_derivative(graph, value, by, wirings)?
                }
            };
            if graph.value(inner) != Some(0.0) {
                let along = graph.leaf(Leaf::Entry(next(entry, own).ok_or(leaf)?, place));
                terms.push((graph.product([(along, 1), (inner, 1)]), 1.0));
            }
        }
        Ok(graph.sum(0.0, terms))
    })
}

/// The own entries that an expression reads, and with `by_value` those that its slopes read; in order, each once.
fn reads(expression: &Expression, wirings: &[Wiring], by_value: bool) -> Vec<Read> {
    let entry = |leaf| if let Leaf::Entry(entry, place) = leaf { Some((entry, place)) } else { None };
    let mut all = vec![];
    for read in expression.leaves().into_iter().filter_map(entry) {
        carried(read, wirings, by_value, &mut all);
    }
    all
}

/// Adds an entry, what feeds its network at its place, and with `by_value` the next ones by that.
fn carried((entry, place): Read, wirings: &[Wiring], by_value: bool, all: &mut Vec<Read>) {
    if !all.contains(&(entry, place)) {
        all.push((entry, place));
    }
    for (own, output) in wirings[owner(wirings, entry.output).0].fed() {
        if by_value {
            let along = next(entry, own).expect("a scope refuses derivatives that a fed network does not have");
            if !all.contains(&(along, place)) {
                all.push((along, place));
            }
        }
        carried((Entry::value(output), place), wirings, by_value, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{Registers, Row, Scope};

    /// Over x and t: u of both, k(t), and c(u, x).
    fn wirings() -> Vec<Wiring> {
        let wiring = |reads: &[Source], output| Wiring { reads: reads.to_vec(), gives: vec![output] };
        vec![
            wiring(&[Source::Input(0), Source::Input(1)], 0),
            wiring(&[Source::Input(1)], 1),
            wiring(&[Source::Output(0), Source::Input(0)], 2),
        ]
    }

    fn read(text: &str) -> Expression {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let scope = Scope { inputs: names(&["x", "t"]), outputs: names(&["u", "k", "c"]), ..Scope::default() };
        Expression::residual("test", text, &scope).unwrap()
    }

    fn own(text: &str) -> Vec<Option<JetLayout>> {
        OwnJets::new(&mut [read(text)], &Normalizer::identity(2, 3), &wirings()).layouts
    }

    #[test]
    fn what_a_network_does_not_read_is_0() {
        let mut expression = read("k_x*u + k_xt + d(k*u, x)");
        expression.read_own(&wirings());
        assert_eq!(expression.entries(), [Entry::value(1), Entry { output: 0, derivative: Derivative::First(0) }]);
        let mut nothing = read("k_x + k_xx");
        nothing.read_own(&wirings());
        assert_eq!(nothing.constant(), Some(0.0));
    }

    #[test]
    fn each_network_carries_what_is_read_of_it() {
        // Of the first the sum of its seconds in one channel; of the second its value by its only input.
        let [u, k, c] = &own("u_xx + u_tt = k + k_t")[..] else { panic!("three networks") };
        assert_eq!(u.as_ref(), Some(&JetLayout::collapsed(&[1.0, 1.0])));
        assert_eq!((k.as_ref(), c), (Some(&JetLayout::gradient(1)), &None));
        // One order more of what is fed, and the value that feeds it.
        let [u, k, c] = &own("c = k")[..] else { panic!("three networks") };
        assert_eq!((u, k), (&Some(JetLayout::value(2)), &Some(JetLayout::value(1))));
        assert_eq!(c, &Some(JetLayout::selected(2, [Derivative::First(0)])));
        let [u, _, c] = &own("d(c, x) = 0")[..] else { panic!("three networks") };
        assert_eq!(u, &Some(JetLayout::selected(2, [Derivative::First(0)])));
        assert_eq!(c, &Some(JetLayout::selected(2, [Derivative::Second(0, 0), Derivative::Second(0, 1)])));
    }

    #[test]
    fn a_slope_goes_on_through_what_it_feeds() {
        // r = c, with c = 3 ĉ + 1 and u = 2 û + 5: ∂r/∂û = c_u ∂u/∂û, where c_u travels as 3/2 ĉ_u.
        let mut normalizer = Normalizer::identity(2, 3);
        (normalizer.outputs.scale, normalizer.outputs.mean) = (vec![2.0, 1.0, 3.0], vec![5.0, 0.0, 1.0]);
        let mut expressions = [read("c")];
        let wirings = wirings();
        let networks = OwnJets::new(&mut expressions, &normalizer, &wirings);
        let residual = expressions[0].compile_over(&networks, &normalizer);
        let slots: Vec<(usize, usize)> = residual.slots().iter().map(|slot| (slot.network, slot.channel)).collect();
        assert_eq!(slots, [(0, 0), (2, 0), (2, 1)]);
        let slots = [0.0, 0.25, 0.5].map(|value| vec![value]);
        let read = |leaf: &Leaf| match leaf {
            Leaf::Slot(slot) => Row::Points(&slots[*slot][..]),
            _ => Row::Same(1.0),
        };
        let reads: Vec<Row<f64>> = residual.program().reads().iter().map(read).collect();
        let mut registers = Registers::new(residual.program().registers(), 1);
        residual.program().run(4, &reads, 1, &mut registers);
        let outputs = [0, 1, 2, 3].map(|output| residual.program().output(output, &reads, 1, &registers).at(0));
        // The mean is a hoisted column, 1 here: r = 3 ĉ + 1; by û: 3/2 ĉ_u 2; by ĉ: 3; by ĉ_u nothing.
        assert_eq!(outputs, [1.75, 1.5, 3.0, 0.0]);
    }
}
