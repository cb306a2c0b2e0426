//! Integrals by Gauss and Legendre's points: `integral(u, x, 0, 1)`, `integral(exp(s - x)*u(s), s, 0, x, 16)`.
//!
//! Over an input the integrand is read where that input is at a point of the quadrature, so that its outputs are read at
//! other points, as calls `u(0, t)` are. Over a name that means nothing else, the integrand stays at the point itself, and
//! the name stands for the points of the quadrature: an input more than the network has, until it is put in.

use std::ops::Range;

use super::faults::known_alone;
use super::graph::{Graph, Id, Leaf, Node};
use super::read::Reader;
use super::scope::Scope;
use super::syntax::{Kind, Syntax};
use crate::expression::Places;
use crate::expression::diagnostic::{Fault, Span};
use crate::numbers::gauss_legendre;

/// The points of an integral that names none.
const DEFAULT_POINTS: usize = 16;

/// The variable of an integral that is no input.
pub struct Bound {
    name: String,
    /// The parts of the text that know it.
    parts: Range<usize>,
}

impl Syntax {
    /// The variables of integrals that mean nothing else.
    pub fn bound(&self, scope: &Scope) -> Vec<Bound> {
        // The parts of a part end with it, and begin here.
        let mut starts: Vec<usize> = vec![];
        for (at, part) in self.parts.iter().enumerate() {
            let first = match &part.kind {
                Kind::Number(_) | Kind::Name(_) | Kind::Text(_) => None,
                Kind::Negate(x) | Kind::Not(x) => Some(*x),
                Kind::Binary(_, x, _) | Kind::Compare(_, x, _) | Kind::Join(_, x, _) => Some(*x),
                Kind::Call(_, arguments) => arguments.first().copied(),
            };
            starts.push(first.map_or(at, |first| starts[first]));
        }
        let bound = |kind: &Kind| {
            let Kind::Call(name, arguments) = kind else { return None };
            let [integrand, variable, ..] = arguments[..] else { return None };
            match &self.parts[variable].kind {
                Kind::Name(own) if name == "integral" && !scope.has(own) => {
                    Some(Bound { name: own.clone(), parts: starts[integrand]..variable + 1 })
                }
                _ => None,
            }
        };
        self.parts.iter().filter_map(|part| bound(&part.kind)).collect()
    }
}

impl Reader<'_> {
    /// The variable of the innermost integral with this name around a part of the text.
    pub(super) fn bound_name(&mut self, name: &str, at: usize) -> Option<Id> {
        let around = |bound: &Bound| bound.name == name && bound.parts.contains(&at);
        // What stands further in ends first.
        let index = self.bound.iter().position(around)?;
        Some(self.graph.leaf(Leaf::Input(self.scope.inputs.len() + index)))
    }

    /// `[integrand, variable, from, to]`, and the number of points.
    pub(super) fn integral(&mut self, arguments: &[Id], span: &Span, spans: &[Span]) -> Result<Id, Fault> {
        let [integrand, variable, from, to] = arguments[..4] else { unreachable!("the number was checked") };
        let inputs = self.scope.inputs.len();
        let Node::Leaf(Leaf::Input(variable)) = *self.graph.node(variable) else {
            return Err(Fault::new(
                spans[1].clone(),
                "this is not an input, and integrals go over inputs",
                format!(
                    "use one of {}, or a name of its own that the integrand contains",
                    self.scope.inputs.join(", ")
                ),
            ));
        };
        let leaves = self.graph.leaves(&[integrand]);
        if variable >= inputs && !leaves.contains(&Leaf::Input(variable)) {
            return Err(Fault::new(
                spans[1].clone(),
                "this is no input, and the integrand does not contain it",
                format!("integrate over one of {}, or use this name in the integrand", self.scope.inputs.join(", ")),
            ));
        }
        let known = |leaf: &&Leaf| matches!(leaf, Leaf::Column(_) | Leaf::Normal(_));
        if let Some(leaf) = leaves.iter().find(known).filter(|_| variable < inputs) {
            let help =
                "take it out of the integral, or integrate over a name of its own, as in integral(f(s)*u(s), s, 0, 1)";
            return Err(known_alone(self.scope, *leaf, span, "it cannot be integrated", help));
        }
        for (limit, span) in [(from, &spans[2]), (to, &spans[3])] {
            if self.graph.varies(limit) {
                let problem = "this depends on trained quantities, and the limits of an integral must be fixed";
                return Err(Fault::new(span.clone(), problem, "use inputs, columns and numbers"));
            }
        }
        let half = self.graph.sum(0.0, [(to, 0.5), (from, -0.5)]);
        let mut terms = vec![];
        for (x, weight) in gauss_legendre(self.quadrature_points(&arguments[4..], &spans[4..])?) {
            let place = self.graph.sum(0.0, [(from, 0.5 * (1.0 - x)), (to, 0.5 * (1.0 + x))]);
            terms.push((self.graph.with_input(integrand, variable, place, inputs), weight));
        }
        let sum = self.graph.sum(0.0, terms);
        if self.graph.reachable(&[sum]).into_iter().any(|id| self.graph.without_value(id).is_some()) {
            return Err(Fault::new(spans[0].clone(), "this is not finite", "integrate where it is finite"));
        }
        Ok(self.graph.product([(half, 1), (sum, 1)]))
    }

    fn quadrature_points(&self, argument: &[Id], spans: &[Span]) -> Result<usize, Fault> {
        let Some(count) = argument.first() else { return Ok(DEFAULT_POINTS) };
        match self.graph.value(*count) {
            Some(count) if count.fract() == 0.0 && (1.0..=Places::MOST as f64).contains(&count) => Ok(count as usize),
            _ => Err(Fault::new(
                spans[0].clone(),
                "this is no number of points",
                format!("use a whole number from 1 to {}", Places::MOST),
            )),
        }
    }
}

impl Graph {
    /// A root where an input is `place`: an input of the network, of which there are `inputs`, moves what is read of the
    /// network there, too.
    fn with_input(&mut self, root: Id, input: usize, place: Id, inputs: usize) -> Id {
        let mut arguments: Vec<Id> = (0..inputs).map(|input| self.leaf(Leaf::Input(input))).collect();
        if input < inputs {
            arguments[input] = place;
        }
        self.rewritten(root, |graph, id, _| match *graph.node(id) {
            Node::Leaf(Leaf::Input(own)) if own == input => Some(place),
            Node::Leaf(Leaf::Entry(entry, _)) => Some(graph.placed(entry, &arguments)),
            _ => None,
        })
    }
}
