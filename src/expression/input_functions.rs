//! Functions of the inputs alone, with their derivatives: known at every point before training.

use crate::error::Result;
use crate::expression::derive::jet_entry;
use crate::expression::graph::{Graph, Id};
use crate::expression::program::Program;
use crate::expression::read::Reader;
use crate::expression::{PointData, Scope};
use crate::jet::JetLayout;

/// F functions of the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct PointFunctions {
    pub(super) graph: Graph,
    pub(super) roots: Vec<Id>,
}

impl PointFunctions {
    /// Reads expressions in a scope of inputs and definitions of them alone.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for a mistake in a text.
    pub fn read(place: &str, texts: &[String], scope: &Scope) -> Result<Self> {
        let mut graph = Graph::default();
        let mut reader = Reader::new(&mut graph, scope);
        let mut read = |text: &String| reader.read(text, false).map_err(|fault| fault.into_error(place, text));
        let roots = texts.iter().map(&mut read).collect::<Result<_>>()?;
        Ok(Self { graph, roots })
    }

    /// Their jets in a layout, in the user's units.
    pub fn jets(&self, layout: &JetLayout) -> PointJets {
        let mut graph = self.graph.clone();
        let mut roots = vec![];
        for root in &self.roots {
            for derivative in layout.derivatives() {
                let entry = jet_entry(&mut graph, *root, derivative, layout.laplacian());
                roots.push(entry.expect("a function of the inputs has all derivatives"));
            }
        }
        PointJets { program: Program::new(&graph, &roots) }
    }
}

/// The jets of functions of the inputs.
pub struct PointJets {
    pub(super) program: Program,
}

impl PointJets {
    /// The jets at points (D, B): (F C, B), in f64.
    pub fn at(&self, points: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let data = PointData { inputs: points, ..PointData::default() };
        data.evaluate(&self.program, &[], None)
    }
}
