//! The prior of the parameters and the noise of the residuals, and how they follow the data (MacKay 1992).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::LEAST_SQUARE;
use super::whitened::Measures;
use crate::optimizer::least_squares::square;

/// The most that α may change by in an iteration.
const PACE: f64 = 4.0;
/// α stays within these.
const LEAST_ALPHA: f64 = 1e-6;
pub const MOST_ALPHA: f64 = 1e6;

/// What the method knows between iterations; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// α of each group (G).
    pub alphas: Vec<f64>,
    /// β of each term's residuals, as the backend scales them (T).
    pub betas: Vec<f64>,
    /// The logarithm of the evidence, but for a constant; before the first iteration there is none.
    pub evidence: Option<f64>,
    /// γ, the parameters that the data determines.
    pub determined: f64,
    /// Levenberg's damping, over the prior's own.
    pub damping: f64,
    /// Iterations in a row in which the evidence stood still.
    pub calm: usize,
}

/// ½ Σ β ‖r‖² + ½ Σ α ‖θ‖²
pub fn objective(squares: &[f64], parameters: &[f64], groups: &[Range<usize>], prior: &Prior) -> f64 {
    let misfit: f64 = squares.iter().zip(&prior.betas).map(|(square, beta)| beta * square).sum();
    let sizes = groups.iter().zip(&prior.alphas).map(|(group, alpha)| alpha * square(&parameters[group.clone()]));
    0.5 * (misfit + sizes.sum::<f64>())
}

/// α for each parameter.
pub fn spread(groups: &[Range<usize>], alphas: &[f64]) -> Vec<f64> {
    groups.iter().zip(alphas).flat_map(|(group, alpha)| std::iter::repeat_n(*alpha, group.len())).collect()
}

/// β for each residual.
pub fn spread_rows(rows: &[usize], betas: &[f64]) -> Vec<f64> {
    rows.iter().zip(betas).flat_map(|(rows, beta)| std::iter::repeat_n(*beta, *rows)).collect()
}

/// The update of α for some groups (G), half of the way on a logarithmic scale.
pub fn update_alphas(alphas: &mut [f64], groups: &[Range<usize>], measures: &Measures, parameters: &[f64]) {
    for (alpha, group) in alphas.iter_mut().zip(groups) {
        let determined: f64 = measures.determined[group.clone()].iter().sum::<f64>().max(0.0);
        let whole = determined / square(&parameters[group.clone()]).max(LEAST_SQUARE);
        let paced = (*alpha * whole).sqrt().clamp(*alpha / PACE, *alpha * PACE);
        *alpha = paced.clamp(LEAST_ALPHA, MOST_ALPHA);
    }
}

/// The update of β for all terms (T), half of the way on a logarithmic scale, and where there are `floors` (T) with no
/// more noise than neighbouring rows show. `squares` are ‖r_t‖² (T).
pub fn update_betas(betas: &mut [f64], rows: &[usize], measures: &Measures, squares: &[f64], floors: Option<&[f64]>) {
    for (t, beta) in betas.iter_mut().enumerate() {
        let free = (rows[t] as f64 - measures.fitted[t]).max(1.0);
        *beta = (*beta * free / squares[t]).sqrt().max(floors.map_or(0.0, |floors| floors[t]));
    }
}
