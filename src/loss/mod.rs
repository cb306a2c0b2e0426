//! The loss: a list of terms, each a residual over the jet at the points of a set, with a weight.
//!
//! `loss = Σ_t weight_t · mean_p w_p r_t(p)²`. A residual is an [`Expression`]; fitting a column is
//! the expression `(entry − column)/scale`, and an equation is no different.

mod parts;

pub use parts::{Parts, parts};

use crate::expression::{self, Expression, OwnJets, Places, Residual};
use crate::jet::{Entry, JetLayout, Normalizer, Wiring};

/// The largest allowed ratio of a term's validation mean square to its training mean square.
const MOST_RATIO: f64 = 10.0;
/// A mean square below this (residuals of a ten-thousandth of their parts) is never a fault.
const SMALL_SQUARE: f64 = 1e-8;

/// Whether a term's validation mean square is so much larger than in training that it holds only at its training
/// points.
pub fn is_worse(judged: f64, trained: f64) -> bool {
    judged > SMALL_SQUARE && judged > MOST_RATIO * trained
}

/// One residual with its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Its name in reports.
    pub name: String,
    /// r, over the jet, the inputs, columns, normals and coefficients, divided by its scale.
    pub residual: Expression,
    /// What a residual of 1 means, in the equation's own units.
    pub scale: f64,
    /// The term's weight in the loss.
    pub weight: f64,
}

impl Term {
    /// A data term, `(entry − column)/scale`, with the column counted in
    /// [`crate::data::PointSet::columns`]; without a column a penalty that drives the entry to 0.
    /// `scale` is what a residual of 1 means, in the entry's units.
    pub fn misfit(name: impl Into<String>, entry: Entry, column: Option<usize>, scale: f64, weight: f64) -> Self {
        Self { name: name.into(), residual: Expression::entry(entry).misfit(column, scale), scale, weight }
    }
}

/// A list of terms on one point set.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Loss {
    /// The terms, in the order of the reports.
    pub terms: Vec<Term>,
}

impl Loss {
    /// A layout with every entry that the terms read, for evaluating them on the host.
    pub fn layout(&self, inputs: usize) -> JetLayout {
        let entries = self.terms.iter().flat_map(|term| term.residual.entries());
        JetLayout::selected(inputs, entries.map(|entry| entry.derivative))
    }

    /// Σ weight · value over the terms' values.
    pub fn total(&self, values: &[f64]) -> f64 {
        self.terms.iter().zip(values).map(|(term, value)| term.weight * value).sum()
    }

    /// The residuals, and the places at which they read the network.
    pub fn placed(&self) -> (Places, Vec<Expression>) {
        let mut residuals: Vec<Expression> = self.terms.iter().map(|term| term.residual.clone()).collect();
        (expression::places(&mut residuals), residuals)
    }

    /// The loss as kernels read it, with the fewest channels that carry what the terms read: where all
    /// second derivatives of a network enter through one combination, that travels collapsed.
    pub fn compile(&self, normalizer: &Normalizer, wirings: &[Wiring]) -> Compiled {
        let (places, mut residuals) = self.placed();
        let networks = OwnJets::new(&mut residuals, normalizer, wirings);
        let residuals = residuals.iter().map(|residual| residual.compile_over(&networks, normalizer)).collect();
        Compiled { layouts: networks.layouts, places, residuals }
    }
}

/// A loss as kernels read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The channels that travel of each network's own jet; `None` where nothing of it is read.
    pub layouts: Vec<Option<JetLayout>>,
    /// Where the network is read.
    pub places: Places,
    /// The terms' residuals (T).
    pub residuals: Vec<Residual>,
}
