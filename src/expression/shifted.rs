//! Outputs and definitions at other points: `u(0, t) = u(2*pi, t)`.
//!
//! A call puts its arguments in the place of the inputs. An entry of the jet is then a node with its
//! own inputs, so that the chain rule goes through them. Before programs are made, [`places`] counts
//! at which points the network is read, and every entry becomes a leaf with its place.

use std::borrow::Cow;

use crate::expression::diagnostic::{Fault, Span};
use crate::expression::faults::known_alone;
use crate::expression::graph::{Graph, Id, Leaf, Node};
use crate::expression::program::Program;
use crate::expression::read::Reader;
use crate::expression::scope::Meaning;
use crate::expression::{Expression, PointData};
use crate::jet::{Entry, Source};

impl Reader<'_> {
    /// An output, a definition or a derivative of one with these arguments for its inputs.
    pub(super) fn placed(&mut self, name: &str, arguments: &[Id], span: &Span, spans: &[Span]) -> Result<Id, Fault> {
        let Some(meaning) = self.scope.meaning(name).filter(Meaning::is_function) else {
            return Err(self.no_function(name, span));
        };
        if self.are_own(&meaning, arguments) {
            return self.meaning(meaning, &(span.start..span.start + name.len()));
        }
        let inputs = &self.scope.inputs;
        if arguments.len() != inputs.len() {
            let plural = if inputs.len() == 1 { "" } else { "s" };
            return Err(Fault::new(
                span.clone(),
                format!("{name} takes {} argument{plural}, one for each input, not {}", inputs.len(), arguments.len()),
                format!("give one argument per input, in this order: {name}({})", inputs.join(", ")),
            ));
        }
        if let Some(trained) = arguments.iter().position(|argument| self.graph.varies(*argument)) {
            return Err(Fault::new(
                spans[trained].clone(),
                format!("this depends on trained quantities, and the place where {name} is evaluated must be fixed"),
                match self.graph.entry(arguments[trained]) {
                    Some(Entry { output, .. }) => format!(
                        "use inputs, columns and numbers; for a function of {read} give {name} a [[network]] of its own \
                         with inputs = [{read:?}]",
                        read = self.scope.outputs[output]
                    ),
                    None => "use inputs, columns and numbers".to_string(),
                },
            ));
        }
        let root = self.meaning(meaning, &(span.start..span.start + name.len()))?;
        let known = |leaf: &Leaf| matches!(leaf, Leaf::Column(_) | Leaf::Normal(_));
        if let Some(leaf) = self.graph.leaves(&[root]).into_iter().find(known) {
            let help = format!(
                "write the definition out, and use arguments only on its outputs: {}",
                self.scope.outputs.join(", ")
            );
            return Err(known_alone(self.scope, leaf, span, "it has no value anywhere else", help));
        }
        let placed = self.graph.rewritten(root, |graph, id, _| match *graph.node(id) {
            Node::Leaf(Leaf::Input(input)) => Some(arguments[input]),
            Node::Leaf(Leaf::Entry(entry, _)) => Some(graph.placed(entry, arguments)),
            _ => None,
        });
        if self.graph.reachable(&[placed]).into_iter().any(|id| self.graph.without_value(id).is_some()) {
            return Err(Fault::new(span.clone(), "this is not finite", format!("evaluate {name} where it is finite")));
        }
        Ok(placed)
    }
}

impl Reader<'_> {
    /// Whether these are what the network of an output reads, as in `c(u)`: its value at the point.
    fn are_own(&self, meaning: &Meaning, arguments: &[Id]) -> bool {
        let Meaning::Leaf(Leaf::Entry(entry, _)) = meaning else { return false };
        let Some((_, sources)) = self.scope.fed.iter().find(|(output, _)| *output == entry.output) else {
            return false;
        };
        let is_own = |(argument, source): (&Id, &Source)| match *source {
            Source::Input(input) => *self.graph.node(*argument) == Node::Leaf(Leaf::Input(input)),
            Source::Output(output) => *self.graph.node(*argument) == Node::Leaf(Leaf::Entry(Entry::value(output), 0)),
        };
        arguments.len() == sources.len() && arguments.iter().zip(sources).all(is_own)
    }
}

impl Graph {
    /// An entry of the jet where the inputs are `arguments` (D).
    pub fn placed(&mut self, entry: Entry, arguments: &[Id]) -> Id {
        let is_input = |(input, argument): (usize, &Id)| *self.node(*argument) == Node::Leaf(Leaf::Input(input));
        if arguments.iter().enumerate().all(is_input) {
            return self.leaf(Leaf::Entry(entry, 0));
        }
        self.intern(Node::Placed(entry, arguments.into()))
    }

    /// The entry of the jet that a node is, wherever.
    pub fn entry(&self, id: Id) -> Option<Entry> {
        match self.node(id) {
            Node::Leaf(Leaf::Entry(entry, _)) | Node::Placed(entry, _) => Some(*entry),
            _ => None,
        }
    }

    /// The entries of the jet that a root reads, in the order of first mention; one that it reads at
    /// several places comes several times.
    pub fn entries(&self, root: Id) -> impl Iterator<Item = Entry> + '_ {
        self.reachable(&[root]).into_iter().filter_map(|id| self.entry(id))
    }
}

/// The places at which a loss reads the network: for each of its points that point itself, others, or
/// both. The jets of B points are those of P·B points of the network, place by place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    graph: Graph,
    /// The inputs of each place; empty for the point itself.
    arguments: Vec<Vec<Id>>,
}

/// Counts the places at which the expressions read the network, and has every entry say its own. A
/// place that several read exists once; the point itself, where it is read, is the first.
pub fn places(expressions: &mut [Expression]) -> Places {
    let mut places = Places::default();
    let is_placed = |Expression { graph, root }: &Expression| {
        let mut nodes = graph.reachable(&[*root]).into_iter().map(|id| graph.node(id));
        nodes.any(|node| matches!(node, Node::Placed(..)))
    };
    let is_own = |expression: &Expression| expression.leaves().iter().any(|leaf| matches!(leaf, Leaf::Entry(..)));
    if expressions.iter().any(is_own) || !expressions.iter().any(is_placed) {
        places.arguments.push(vec![]);
    }
    for Expression { graph, root } in expressions {
        *root = graph.rewritten(*root, |graph, id, _| {
            let Node::Placed(entry, arguments) = graph.node(id) else { return None };
            let (entry, place) = (*entry, places.index(graph, arguments));
            Some(graph.leaf(Leaf::Entry(entry, place)))
        });
    }
    places
}

impl Places {
    /// The most places of one set of points: the CPU has that many points of the network in a tile.
    pub const MOST: usize = 256;

    /// P, at least 1.
    pub fn count(&self) -> usize {
        self.arguments.len()
    }

    /// The points of the network (D, P·B) for B points: all in the first place, then all in the next.
    pub fn inputs<'a>(&self, points: &PointData<'a>) -> Cow<'a, [Vec<f64>]> {
        if let [own] = self.arguments.as_slice()
            && own.is_empty()
        {
            return points.inputs.into();
        }
        let roots: Vec<_> = self.arguments.iter().flatten().copied().collect();
        let mut elsewhere = points.evaluate(&Program::new(&self.graph, &roots), &[], None).into_iter();
        let mut inputs = vec![vec![]; points.inputs.len()];
        for arguments in &self.arguments {
            for (input, own) in inputs.iter_mut().zip(points.inputs) {
                match arguments.is_empty() {
                    true => input.extend(own),
                    false => input.extend(elsewhere.next().expect("a value for each argument")),
                }
            }
        }
        inputs.into()
    }

    /// The inputs of each place, as functions of the point's own: P programs of D outputs, `None` for the point itself.
    pub fn programs(&self) -> Vec<Option<Program>> {
        let of = |arguments: &Vec<_>| (!arguments.is_empty()).then(|| Program::new(&self.graph, arguments));
        self.arguments.iter().map(of).collect()
    }

    /// The number of a place, which is a new one where no other has its arguments.
    fn index(&mut self, graph: &Graph, arguments: &[Id]) -> usize {
        let arguments = self.graph.taken(graph, arguments);
        self.arguments.iter().position(|known| *known == arguments).unwrap_or_else(|| {
            self.arguments.push(arguments);
            self.arguments.len() - 1
        })
    }
}
