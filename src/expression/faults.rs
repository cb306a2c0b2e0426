//! What is wrong with derivatives and places that a text asks for, whatever the text.

use super::graph::{Id, Leaf, Node};
use super::read::Reader;
use super::scope::Scope;
use crate::expression::diagnostic::{Fault, Span};

/// How to have a derivative that does not exist.
pub const ALLOW_ROUGH_HELP: &str =
    "or ignore the impulses with allow_rough = true in [[term]], [loss] or [predictions]";

impl Reader<'_> {
    /// The fault of a derivative through a node that jumps.
    pub(super) fn through_jump(&self, jump: Id, by: &str, span: &Span) -> Fault {
        if let Node::Field(read, _) = self.graph.node(jump) {
            return Fault::new(
                span.clone(),
                read.no_derivative(by),
                format!("{}, {ALLOW_ROUGH_HELP}", read.smoother()),
            );
        }
        let problem = format!(
            "this derivative with respect to {by} crosses a jump: if, heaviside, sign, floor, ceil and mod jump, and so do \
             the first derivatives of abs, min and max; the derivative of a jump is an impulse that no point can sample, \
             and 0 elsewhere"
        );
        let help = format!(
            "make the inner quantity an output of its own with a term such as \"q = k*d(T, {by})\", then write d(q, \
             {by}); {ALLOW_ROUGH_HELP}"
        );
        Fault::new(span.clone(), problem, help)
    }
}

/// The fault of taking what is known at the points alone for a function.
pub fn known_alone(scope: &Scope, leaf: Leaf, span: &Span, so: &str, help: impl Into<String>) -> Fault {
    let name = match leaf {
        Leaf::Column(column) => format!("the column {:?}", scope.columns[column]),
        _ => "the normal".to_string(),
    };
    Fault::new(span.clone(), format!("{name} is known only at the points, not as a function, so {so}"), help)
}
