//! Features that are a sine or a cosine of a sum of inputs, as Fourier features are: a program that computes many at
//! once has one product of matrices for all of their arguments.

use super::PointFunctions;
use super::function::Function;
use super::graph::{Graph, Id, Leaf, Node};

/// sin or cos of phase + Σ frequencyᵢ xᵢ
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// cos rather than sin
    pub is_cosine: bool,
    /// One for each input (D), in the inverse of its unit.
    pub frequencies: Vec<f64>,
    /// The argument where all inputs are 0.
    pub phase: f64,
}

impl PointFunctions {
    /// What each of them is as a wave of `inputs` inputs, if it is one (F).
    pub fn waves(&self, inputs: usize) -> Vec<Option<Wave>> {
        self.roots.iter().map(|root| wave(&self.graph, *root, inputs)).collect()
    }

    /// Some of them, by index.
    pub fn some(&self, indices: &[usize]) -> Self {
        Self { graph: self.graph.clone(), roots: indices.iter().map(|index| self.roots[*index]).collect() }
    }
}

fn wave(graph: &Graph, root: Id, inputs: usize) -> Option<Wave> {
    let (is_cosine, argument) = match graph.node(root) {
        Node::Function(Function::Sin, argument) => (false, *argument),
        Node::Function(Function::Cos, argument) => (true, *argument),
        _ => return None,
    };
    let (phase, terms) = match graph.node(argument) {
        Node::Sum(phase, terms) => (phase.0, terms.iter().map(|(id, weight)| (*id, weight.0)).collect()),
        _ => (0.0, vec![(argument, 1.0)]),
    };
    let mut frequencies = vec![0.0; inputs];
    for (id, weight) in terms {
        let Node::Leaf(Leaf::Input(input)) = graph.node(id) else { return None };
        frequencies[*input] += weight;
    }
    Some(Wave { is_cosine, frequencies, phase })
}
