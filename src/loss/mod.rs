//! The loss: a list of terms, each a residual over the jet at its points, with a weight.
//!
//! `loss = Σ_t weight_t · mean_p w_p r_t(p)²` with `r_t = (entry − target)/scale`.

use crate::data::Normalizer;
use crate::jet::{Derivative, JetLayout};

/// A data term or a curvature penalty: one entry of one output's jet against a column, or against 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// How reports name it.
    pub name: String,
    /// Which output.
    pub output: usize,
    /// Which entry of its jet.
    pub derivative: Derivative,
    /// The column of [`crate::data::PointSet::targets`]; `None` drives the entry to 0.
    pub target: Option<usize>,
    /// The term's weight in the loss.
    pub weight: f64,
    /// What a residual of 1 means, in the entry's units.
    pub scale: f64,
}

/// A list of terms.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Loss {
    /// The terms, in the order of the reports.
    pub terms: Vec<Term>,
}

impl Loss {
    /// The fewest channels that the terms read.
    pub fn layout(&self, inputs: usize) -> JetLayout {
        JetLayout::selected(inputs, self.terms.iter().map(|term| term.derivative))
    }

    /// Σ weight · value over the terms' values.
    pub fn total(&self, values: &[f64]) -> f64 {
        self.terms.iter().zip(values).map(|(term, value)| term.weight * value).sum()
    }

    /// The terms as kernels read them, in standardised space; see [`Residual`].
    pub fn residuals(&self, layout: &JetLayout, normalizer: &Normalizer) -> Vec<Residual> {
        let residual = |term: &Term| {
            let channel = layout.channel(term.derivative).expect("the layout carries what the term reads");
            let factor = layout.factors(normalizer, term.output)[channel];
            let shift = if channel == 0 { normalizer.outputs.mean[term.output] } else { 0.0 };
            Residual {
                row: term.output * layout.channels() + channel,
                target: term.target,
                gain: factor / term.scale,
                weight: term.weight,
                shift,
                factor,
            }
        };
        self.terms.iter().map(residual).collect()
    }
}

/// A term in standardised space: `r = gain · (jet[row] − t̂)` with `t̂ = (target − shift)/factor`.
///
/// The targets are standardised once, in f64, when a point set is loaded, so that a kernel never
/// subtracts two large numbers in f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residual {
    /// output · C + channel: the row of the output jets (M·C, B).
    pub row: usize,
    /// The target's column, if it has one; otherwise t̂ = 0.
    pub target: Option<usize>,
    /// ∂r/∂jet.
    pub gain: f64,
    /// The term's weight in the loss.
    pub weight: f64,
    /// What standardising a target subtracts.
    pub shift: f64,
    /// What standardising a target divides by.
    pub factor: f64,
}

impl Residual {
    /// The target of every point, standardised (B); zeros where the term has no target.
    pub fn standardised_target(&self, targets: &[Vec<f64>], points: usize) -> Vec<f64> {
        match self.target {
            Some(column) => targets[column].iter().map(|t| (t - self.shift) / self.factor).collect(),
            None => vec![0.0; points],
        }
    }
}
