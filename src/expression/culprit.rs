//! Which part of an expression makes it infinite or NaN at a point.

use super::function::Function;
use super::graph::{Leaf, Node, parts};
use super::print::print;
use super::program::Program;
use super::scope::Scope;
use super::{Expression, PointData};
use crate::jet::Jets;

/// The smallest part of an expression that has no finite value at a point: its own parts have one.
#[derive(Clone, Debug, PartialEq)]
pub struct Culprit {
    /// As text.
    pub text: String,
    /// Infinite or NaN.
    pub value: f64,
    /// How the user can fix it.
    pub help: String,
}

impl Expression {
    /// The part that makes it infinite or NaN at the point of `point`; `None` if it is finite there. `scope` has the
    /// names with which it was read; `jets` are those of [`Expression::evaluate`] at that point.
    pub fn culprit(
        &self,
        point: &PointData<'_>,
        coefficients: &[f64],
        jets: Option<&Jets>,
        scope: &Scope,
    ) -> Option<Culprit> {
        let graph = &self.graph;
        let ids = graph.reachable(&[self.root]);
        let values = point.evaluate(&Program::new(graph, &ids), coefficients, jets);
        let value = |id| values[ids.binary_search(&id).expect("a part that is reachable")][0];
        let mut id = self.root;
        if value(id).is_finite() {
            return None;
        }
        // What an `if` has not chosen may have no value.
        let used = |id| match graph.node(id) {
            Node::Select(condition, yes, no) => vec![*condition, if value(*condition) != 0.0 { *yes } else { *no }],
            node => parts(node),
        };
        while let Some(part) = used(id).into_iter().find(|part| !value(*part).is_finite()) {
            id = part;
        }
        let keep = match graph.node(id) {
            Node::Function(function @ (Function::Log | Function::Sqrt | Function::Asin | Function::Acos), x) => {
                Some(format!("keep {} in the domain of {}", print(graph, *x, scope), function.name()))
            }
            Node::Power(..) => Some("keep the base above 0: negative numbers have only integer powers".to_string()),
            Node::Product(factors) if factors.iter().any(|(id, exponent)| *exponent < 0 && value(*id) == 0.0) => {
                Some("keep the divisor away from 0".to_string())
            }
            Node::Field(read, arguments) => {
                let names: Vec<String> = arguments.iter().map(|argument| print(graph, *argument, scope)).collect();
                return Some(Culprit { text: print(graph, id, scope), value: value(id), help: read.advice(&names) });
            }
            _ => None,
        };
        let how = match graph.varies(id) {
            true => "a transform can restrict an output: [transforms] u = \"exp(net)\" stays above 0",
            false => "use if(…, …, …) or max, or exclude the point with other points (`on`, [variables])",
        };
        // Everything else is too large for the numbers.
        let help =
            keep.map_or("use other units for the inputs and outputs".to_string(), |keep| format!("{keep}; {how}"));
        Some(Culprit { text: print(graph, id, scope), value: value(id), help })
    }

    /// The name of a leaf in messages: `u_x`, `nu`.
    pub fn leaf_name(leaf: Leaf, scope: &Scope) -> String {
        super::print::leaf(leaf, scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::places;
    use crate::jet::{JetLayout, Normalizer};

    fn culprit(text: &str, x: f64, net: f64) -> Option<(String, f64)> {
        let scope = Scope {
            inputs: vec!["x".to_string(), "theta".to_string()],
            outputs: vec!["u".to_string()],
            coefficients: vec!["nu".to_string()],
            ..Scope::default()
        };
        let mut expressions = [Expression::residual("test", text, &scope).unwrap()];
        let places = places(&mut expressions);
        let inputs = [vec![x], vec![0.5]];
        let layout = JetLayout::full(2);
        let jets = Jets::from_standardised(
            &layout,
            &Normalizer::identity(2, 1),
            vec![net; layout.channels() * places.count()],
        );
        let data = PointData { inputs: &inputs, ..PointData::default() };
        let found = expressions[0].culprit(&data, &[0.0], Some(&jets), &scope);
        found.map(|found| (found.text, found.value))
    }

    #[test]
    fn the_smallest_part_is_found_and_written_as_people_do() {
        let cases = [
            ("u_xx + log(x)", -0.5, "log(x)"),
            ("2*sqrt(1 - x^2 - theta^2)*u = 1", 3.0, "sqrt(1 - x^2 - theta^2)"),
            ("u = d(u, theta)/(x*nu)", 1.0, "d(u, theta)/(x*nu)"),
            ("u_x + sin(pi*x)/(x - 1)^2", 1.0, "sin(3.14159265358979*x)/(x - 1)^2"),
            ("u + x^1.3", -1.0, "x^1.3"),
            ("if(x < 0, log(u - 9), u)", -1.0, "log(u - 9)"),
            ("exp(exp(x))*u + 3*u_x", 9.0, "exp(exp(x))"),
            ("u(x + 1, theta) + log(x)", -1.0, "log(x)"),
            ("u*log(u(x + 1, theta) - 9) + u", 1.0, "log(u(…) - 9)"),
        ];
        for (text, x, part) in cases {
            let (found, value) = culprit(text, x, 0.25).unwrap();
            assert_eq!(found, part, "{text}");
            assert!(!value.is_finite());
        }
        assert_eq!(culprit("u + log(x)", 1.0, f64::INFINITY).unwrap().0, "u");
    }

    #[test]
    fn what_an_if_has_not_chosen_counts_for_nothing() {
        assert_eq!(culprit("if(x < 0, u, log(x))", -1.0, 0.5), None);
        assert_eq!(culprit("if(x < 0, u, log(x)) + 1/(x + 1)", -1.0, 0.5).unwrap().0, "1/(x + 1)");
    }
}
