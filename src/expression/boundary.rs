//! Functions that are 0 on boundaries, and R-functions, which join them.

use super::diagnostic::{Fault, Span};
use super::function::Function;
use super::graph::{Graph, Id};
use super::read::Reader;
use super::scope::DISTANCE;
use super::syntax::{Kind, Part, Syntax};
use crate::error::suggest;

impl Reader<'_> {
    /// The parts that name boundaries, as `hole` in `distance(hole)`.
    pub(super) fn boundaries(&self, syntax: &Syntax) -> Vec<usize> {
        let boundary = |part: &Part| match &part.kind {
            Kind::Call(name, arguments) if name == DISTANCE && !self.scope.has(DISTANCE) => match arguments[..] {
                [argument] if matches!(syntax.parts[argument].kind, Kind::Name(_)) => Some(argument),
                _ => None,
            },
            _ => None,
        };
        syntax.parts.iter().filter_map(boundary).collect()
    }

    /// A function that is 0 on a boundary.
    pub(super) fn distance(&mut self, boundary: &str, span: &Span) -> Result<Id, Fault> {
        let scope = self.scope;
        match scope.distances.get_key_value(boundary) {
            Some((_, Ok(text))) => self.definition(&format!("{DISTANCE}({boundary})"), text, span),
            Some((_, Err(why))) => {
                let (why, help) = why.split_once(": ").unwrap_or((why, "give its values by a term"));
                Err(Fault::new(span.clone(), why, help))
            }
            None if scope.distances.is_empty() => Err(Fault::new(
                span.clone(),
                "there is no boundary that could have a distance",
                "add [variables], and [domain] with shapes",
            )),
            None => {
                let known: Vec<&str> = scope.distances.keys().map(String::as_str).collect();
                Err(Fault::new(span.clone(), format!("unknown boundary {boundary:?}"), suggest(boundary, &known)))
            }
        }
    }

    /// a + b − √(a² + b²): above 0 where both are. With a rounding c the same product 2ab/(a + b + √(a² + b² + c²)) is
    /// smooth where both are 0.
    pub(super) fn joined(&mut self, a: Id, b: Id, rounding: &[Id]) -> Id {
        let square = |graph: &mut Graph, id: Id| (graph.product([(id, 2)]), 1.0);
        let mut squares = vec![square(self.graph, a), square(self.graph, b)];
        squares.extend(rounding.iter().map(|id| square(self.graph, *id)));
        let sum = self.graph.sum(0.0, squares);
        let root = self.graph.function(Function::Sqrt, sum);
        match rounding {
            [] => self.graph.sum(0.0, [(a, 1.0), (b, 1.0), (root, -1.0)]),
            _ => {
                let below = self.graph.sum(0.0, [(a, 1.0), (b, 1.0), (root, 1.0)]);
                let quotient = self.graph.product([(a, 1), (b, 1), (below, -1)]);
                self.graph.scaled(quotient, 2.0)
            }
        }
    }
}
