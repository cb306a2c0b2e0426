//! Gauss–Newton's iteration where J does not fit into memory: from products with JᵀJ.

use super::conjugate_gradients::Solution;
use super::{ATTEMPTS, Damping, conjugate_gradients, moved};
use crate::backend::Backend;
use crate::error::Result;
use crate::optimizer::least_squares::square;
use crate::optimizer::{Iteration, Step};

/// What conjugate gradients leave of the gradient: measured from 0.1 to 1e-6 on three of the examples, whose errors after
/// the same time were least at 0.01 and 0.001.
const TOLERANCE: f64 = 1e-2;
/// Products with JᵀJ that a step may take.
const MOST_PRODUCTS: usize = 500;

/// From the parameters `start` (P), which are the backend's, to better ones; `there` is room for residuals.
pub fn iterate(
    backend: &mut dyn Backend,
    start: &[f64],
    damping: &mut Damping,
    there: &mut Vec<f64>,
    step: &Step,
) -> Result<Iteration> {
    let batches = step.batches;
    backend.residuals(batches, there)?;
    let loss = square(there);
    if !loss.is_finite() {
        return Ok(Iteration::Diverged);
    }
    damping.scale(backend.column_squares(batches)?.into_iter());
    let inverse: Vec<f64> = damping.scales.iter().map(|scale| 1.0 / scale.sqrt()).collect();
    let scaled = |v: &[f64]| -> Vec<f64> { v.iter().zip(&inverse).map(|(v, inverse)| v * inverse).collect() };
    // The gradient is 2 Jᵀ r.
    let gradient = backend.gradient(batches)?.gradient;
    let down: Vec<f64> = scaled(&gradient).iter().map(|g| -0.5 * g).collect();
    for _ in 0..ATTEMPTS {
        let lambda = damping.lambda;
        let product = |v: &[f64]| Ok(scaled(&backend.normal_product(batches, &scaled(v))?));
        let most = (MOST_PRODUCTS, step.is_over);
        let Some(Solution { solution, product, .. }) =
            conjugate_gradients::solve(product, &down, lambda, TOLERANCE, most)?
        else {
            return Ok(Iteration::Interrupted);
        };
        let promised: f64 =
            solution.iter().zip(&down).zip(&product).map(|((s, down), product)| s * (2.0 * down - product)).sum();
        let moved_to: Vec<f64> = start.iter().zip(scaled(&solution)).map(|(p, s)| p + s).collect();
        backend.set_parameters(&moved_to)?;
        backend.residuals(batches, there)?;
        let reached = square(there);
        if reached < loss {
            damping.lower((loss - reached) / promised);
            return Ok(moved(damping, square(&gradient).sqrt()));
        }
        damping.raise();
        backend.set_parameters(start)?;
    }
    Ok(Iteration::Stuck)
}
