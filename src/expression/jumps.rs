//! Where an expression jumps. Derived at a jump, it is no function any more: the derivative has an
//! impulse there, which no point sees, and what a graph has in its place is 0. So a derivative that goes
//! through a jump is wrong though every number in it is right.
//!
//! What jumps is a comparison, `floor`, and a choice between branches that do not meet where its condition turns.
//! `abs`, `min`, `max` and other choices whose branches meet have a kink alone: their derivative holds
//! almost everywhere, and jumps itself. A jump counts where what decides it depends on the input by which
//! is derived: a jump in x does not matter to a derivative by t.

use std::collections::HashMap;

use super::derive::{differentiated, total_derivative};
use super::function::Function;
use super::graph::{Graph, Id, Leaf, Node, Relation, parts};
use super::{Expression, PointFunctions};
use crate::jet::Derivative;

/// Branches that differ by less, relative to their numbers, meet: the rest is rounding.
const ROUNDING_ERROR: f64 = 1e-12;

impl Graph {
    /// Whether the total derivative of a root by an input goes through a jump; with no input, whether the
    /// root jumps anywhere.
    pub fn jumps(&self, root: Id, by: Option<usize>) -> bool {
        self.jump(root, by).is_some()
    }

    /// The node that jumps there.
    pub fn jump(&self, root: Id, by: Option<usize>) -> Option<Id> {
        let mut depends = HashMap::new();
        for id in self.reachable(&[root]) {
            let own = match self.node(id) {
                Node::Leaf(Leaf::Input(input)) => by.is_none_or(|by| by == *input),
                Node::Leaf(Leaf::Coefficient(_)) => false,
                // What the network says, and what is known at points alone, may depend on all inputs.
                Node::Leaf(_) => true,
                node => parts(node).iter().any(|part| depends[part]),
            };
            depends.insert(id, own);
        }
        // The test of a choice adds nodes, which would change the order of the graph's sums.
        let mut scratch = None;
        self.reachable_by(&[root], differentiated).into_iter().find(|id| match self.node(*id) {
            Node::Compare(..) => depends[id],
            Node::Function(function, _) => function.jumps() && depends[id],
            // The derivative of a line through nodes is a step that says little of what was measured.
            Node::Field(read, arguments) => match by {
                Some(_) => arguments.iter().enumerate().any(|(k, x)| depends[x] && read.is_rough(k)),
                None => read.jumps(),
            },
            Node::Select(condition, yes, no) if depends[condition] => {
                !scratch.get_or_insert_with(|| self.clone()).meets(*condition, *yes, *no)
            }
            _ => false,
        })
    }

    /// Whether two branches are known to be equal where the condition turns.
    fn meets(&mut self, condition: Id, yes: Id, no: Id) -> bool {
        let Node::Compare(relation, left, right) = *self.node(condition) else { return false };
        if relation == Relation::Less && self.value(left) == Some(0.0) && self.ends_with_power(right, yes, no) {
            return true;
        }
        // There left − right = c + Σ wᵢ nᵢ is 0, so that each nᵢ is what the others make it.
        let apart = self.sum(0.0, [(left, 1.0), (right, -1.0)]);
        let (constant, terms) = match self.node(apart) {
            Node::Sum(constant, terms) => (constant.0, terms.iter().map(|(id, weight)| (*id, weight.0)).collect()),
            _ => (0.0, vec![(apart, 1.0)]),
        };
        terms.iter().any(|(own, weight)| {
            let others = terms.iter().filter(|(id, _)| id != own).map(|(id, other)| (*id, -other / weight));
            let there = self.sum(-constant / weight, others.collect::<Vec<_>>());
            let [yes_there, no_there] =
                [yes, no].map(|branch| self.rewritten(branch, |_, id, _| (id == *own).then_some(there)));
            let size = [yes, no, yes_there, no_there].map(|id| self.largest_number(id)).into_iter().fold(0.0, f64::max);
            let apart = self.sum(0.0, [(yes_there, 1.0), (no_there, -1.0)]);
            match self.node(apart) {
                Node::Constant(_) | Node::Sum(..) => self.largest_number(apart) <= ROUNDING_ERROR * size,
                _ => false,
            }
        })
    }

    /// Whether a choice is that of a power's derivative, a^b log(a) for a > 0 and else 0: where the power
    /// itself ends, nothing jumps.
    fn ends_with_power(&self, base: Id, yes: Id, no: Id) -> bool {
        let is_power = |id: Id| matches!(self.node(id), Node::Power(own, _) if *own == base);
        let has_power = |id: Id| match self.node(id) {
            Node::Product(factors) => factors.iter().any(|(id, exponent)| *exponent > 0 && is_power(*id)),
            _ => is_power(id),
        };
        self.value(no) == Some(0.0)
            && match self.node(yes) {
                Node::Sum(constant, terms) => constant.0 == 0.0 && terms.iter().all(|(id, _)| has_power(*id)),
                _ => has_power(yes),
            }
    }

    /// The largest of the numbers of a sum; 1 for a node that is none.
    fn largest_number(&self, id: Id) -> f64 {
        match self.node(id) {
            Node::Constant(number) => number.0.abs(),
            Node::Sum(constant, terms) => {
                terms.iter().map(|(_, weight)| weight.0.abs()).fold(constant.0.abs(), f64::max)
            }
            _ => 1.0,
        }
    }

    /// Whether an entry of a root's jet goes through a jump on its way; `laplacian` has the cᵢ of a
    /// Laplacian.
    fn loses(&self, root: Id, derivative: Derivative, laplacian: &[f64]) -> bool {
        let mut squares = laplacian.iter().enumerate().filter(|(_, c)| **c != 0.0).map(|(i, _)| [i, i]);
        let pair = |i: usize, j: usize| Derivative::by(&[i, i, j, j]).expect("a fourth derivative");
        match derivative {
            Derivative::Laplacian => squares.any(|[i, _]| self.loses(root, Derivative::Second(i, i), &[])),
            Derivative::LaplacianFirst(j) => squares.any(|[i, _]| {
                let third = Derivative::by(&[i, i, j]).expect("a third derivative");
                self.loses(root, third, &[])
            }),
            Derivative::Biharmonic => {
                let inputs: Vec<usize> = squares.map(|[i, _]| i).collect();
                inputs.iter().any(|i| inputs.iter().any(|j| self.loses(root, pair(*i, *j), &[])))
            }
            _ => {
                let (mut graph, mut root) = (self.clone(), root);
                for input in derivative.inputs().expect("not collapsed") {
                    if graph.jumps(root, Some(input)) {
                        return true;
                    }
                    let Ok(next) = total_derivative(&mut graph, root, input) else { return false };
                    root = next;
                }
                false
            }
        }
    }
}

impl Expression {
    /// Whether its total derivative goes through a jump, of which it would know nothing; `laplacian` has
    /// the cᵢ where it is one.
    pub fn loses(&self, derivative: Derivative, laplacian: &[f64]) -> bool {
        self.graph.loses(self.root, derivative, laplacian)
    }

    /// Whether it jumps somewhere, as far as its text tells.
    pub fn jumps(&self) -> bool {
        self.graph.jumps(self.root, None)
    }
}

impl PointFunctions {
    /// Whether a total derivative of one of them goes through a jump.
    pub fn loses(&self, derivative: Derivative, laplacian: &[f64]) -> bool {
        self.may_jump() && self.roots.iter().any(|root| self.graph.loses(*root, derivative, laplacian))
    }

    /// Whether this entry of one of their jets jumps somewhere.
    pub fn jump(&self, derivative: Derivative) -> bool {
        if !self.may_jump() {
            return false;
        }
        let mut graph = self.graph.clone();
        self.roots.iter().any(|root| {
            let entry = super::derive::jet_entry(&mut graph, *root, derivative, &[]);
            entry.is_ok_and(|entry| graph.jumps(entry, None))
        })
    }

    /// Whether something in them or in their derivatives could jump: hundreds of sines need no closer look.
    fn may_jump(&self) -> bool {
        let ids = self.graph.reachable(&self.roots);
        ids.into_iter().any(|id| match self.graph.node(id) {
            Node::Compare(..) | Node::Select(..) | Node::Power(..) => true,
            Node::Function(function, _) => matches!(function, Function::Abs),
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Scope;

    fn read(text: &str) -> Expression {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let scope = Scope {
            inputs: names(&["x", "t"]),
            outputs: names(&["u", "v"]),
            coefficients: names(&["k"]),
            columns: names(&["part"]),
            ..Scope::default()
        };
        Expression::value("test", text, &scope).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The orders of derivative by x that lose nothing.
    fn orders(text: &str) -> usize {
        let expression = read(text);
        let pure = |order| Derivative::by(&vec![0; order]).unwrap();
        (1..=Derivative::MOST).take_while(|order| !expression.loses(pure(*order), &[])).count()
    }

    #[test]
    fn a_derivative_is_lost_where_its_own_jumps_are() {
        for (text, order) in [
            ("heaviside(x)", 0),
            ("sign(u)", 0),
            ("floor(x)*u + x", 0),
            ("ceil(u) + u", 0),
            ("mod(x, 1)", 0),
            ("if(x > 0 and t < 1, u, 2*u)", 0),
            ("if(not (x == 0), u, v)", 0),
            ("if(x < 1, 1.38, 400)*u", 0),
            ("if(x < 1, u, 2*u)", 0),
            ("if(u < v, 1, 2)", 0),
            ("if(part < 1, u, 2*u)", 0),
            ("u + k*exp(if(x^2 + t^2 < 1, 0, 1))", 0),
            ("max(heaviside(x - 0.3), u)", 0),
            ("if(x > 0, 1 + x^k, 0)", 0),
            ("abs(u)", 1),
            ("sqrt(4*u^2) + sqrt(u_x^6*t^4)*0.5", 1),
            ("min(u, v*x) + max(x^2, t)", 1),
            ("if(u > 0, u, 0.01*u)", 1),
            ("if(x < 0.3, 1 + 200*x/1.38, 1 + 60/1.38 + 200*(x - 0.3)/400)", 1),
            ("if(x + 2*t < 1, u, u + 3*(x + 2*t - 1))", 1),
            ("if(0.1 < x, v, (10*x)^2*v)", 1),
            ("u(abs(x), t)", 1),
            ("if(x > 0 and t < 1, u + x, u)", 1),
            ("if(x < 0 or t < 1, u, u + x)", 1),
            ("if(x < 0, 0, if(x < 1, 3*x^2 - 2*x^3, 1))", 2),
            ("if(x > 0, x^3*v, 0)", 3),
            ("if(x > 0, x^4*v, 0)", 4),
            ("if(x > 0, x^2*u, 0)", 2),
            // Jumps that are not in x, or are multiplied by nothing that depends on it.
            ("u*if(k < 1, 1, 2)", 4),
            ("heaviside(t) + x^2*sign(t - 0.3)", 4),
            ("heaviside(x)*0 + u", 4),
            ("x^(x + t) + (1 + x^2)^k + x^k", 4),
            ("sqrt(x^2 + 1) + sin(u)^2", 4),
            ("mod(t, 1)*u + if(t > 0 and not t > 1, u, x)", 4),
        ] {
            assert_eq!(orders(text), order, "{text}");
        }
    }

    #[test]
    fn what_jumps_by_itself_is_known() {
        for (text, expected) in [
            ("heaviside(x)", true),
            ("u*if(t < 1, 1, 2)", true),
            ("abs(u) + max(u, x)", false),
            ("if(k < 1, u, v)", false),
        ] {
            assert_eq!(read(text).jumps(), expected, "{text}");
        }
        let kinked = read("abs(u)").derived(Derivative::First(0), &[]).unwrap();
        assert!(kinked.jumps());
    }

    #[test]
    fn the_test_leaves_the_expression_as_it_is() {
        let expression = read("max(u, v*x)*if(x < 1, u, 2*u - 1)");
        let before = expression.clone();
        expression.loses(Derivative::Second(0, 0), &[]);
        assert_eq!(expression, before);
    }
}
