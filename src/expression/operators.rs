//! The operators of vector calculus, as sums of total derivatives: `laplacian`, `div` and `grad_n`.
//!
//! They go over the inputs that are no times, in their order. Other inputs that are no places, such as a parameter of the
//! equation, are left out by naming those that count.

use super::graph::{Id, Leaf};
use super::read::Reader;
use crate::expression::diagnostic::{Fault, Span};

/// Whether an input of this name is a time: its ends are no part of a boundary in space, and no operator goes over it.
pub fn is_time(name: &str) -> bool {
    matches!(name, "t" | "time")
}

impl Reader<'_> {
    /// Σ ∂ᵢᵢ over the inputs `by`, or over all that are no times.
    pub(super) fn laplacian(&mut self, of: Id, by: &[Id], span: &Span, spans: &[Span]) -> Result<Id, Fault> {
        let inputs = if by.is_empty() { self.places_alone(span)? } else { self.inputs(by, &spans[1..])? };
        if let Some(k) = (1..inputs.len()).find(|k| inputs[..*k].contains(&inputs[*k])) {
            let problem = format!("{} is there twice", self.scope.inputs[inputs[k]]);
            return Err(Fault::new(spans[1 + k].clone(), problem, "name each input once"));
        }
        let mut terms = vec![];
        for input in inputs {
            terms.push((self.derivative(of, &[input, input], span)?, 1.0));
        }
        Ok(self.graph.sum(0.0, terms))
    }

    /// Σ ∂ᵢ of the component i, over the inputs that are no times.
    pub(super) fn divergence(&mut self, parts: &[Id], span: &Span) -> Result<Id, Fault> {
        let inputs = self.places_alone(span)?;
        if inputs.len() != parts.len() {
            let names: Vec<_> = inputs.iter().map(|input| self.scope.inputs[*input].as_str()).collect();
            return Err(Fault::new(
                span.clone(),
                format!("div takes a component for each of {}, not {}", names.join(", "), parts.len()),
                "give one component per input that is not a time, or write d(p, x) + d(q, y)",
            ));
        }
        let mut terms = vec![];
        for (part, input) in parts.iter().zip(inputs) {
            terms.push((self.derivative(*part, &[input], span)?, 1.0));
        }
        Ok(self.graph.sum(0.0, terms))
    }

    /// n·∇, over the inputs that are no times.
    pub(super) fn along_normal(&mut self, of: Id, span: &Span) -> Result<Id, Fault> {
        if !self.scope.normals {
            let help = "use it in a term on a boundary, points = { on = \"boundary\" }, or write d(u, x)";
            return Err(Fault::new(span.clone(), "these points have no normal", help));
        }
        let mut terms = vec![];
        for input in self.places_alone(span)? {
            let slope = self.derivative(of, &[input], span)?;
            let normal = self.graph.leaf(Leaf::Normal(input));
            terms.push((self.graph.product([(normal, 1), (slope, 1)]), 1.0));
        }
        Ok(self.graph.sum(0.0, terms))
    }

    /// The inputs that are no times.
    fn places_alone(&self, span: &Span) -> Result<Vec<usize>, Fault> {
        let inputs = &self.scope.inputs;
        let places: Vec<_> = (0..inputs.len()).filter(|input| !is_time(&inputs[*input])).collect();
        match places.is_empty() {
            true => {
                Err(Fault::new(span.clone(), "all inputs here are times", "write d(u, t) for a derivative in time"))
            }
            false => Ok(places),
        }
    }
}
