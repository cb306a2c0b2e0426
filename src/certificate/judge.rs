//! Two ways to one entry of the jet, compared over all points.

use super::differences::Differences;
use super::{Comparison, Finding, WORST_OVER_NORM};
use crate::entry::Entry;
use crate::network::Model;

/// Errors of an entry that is smaller than this fraction of its natural scale (the output's
/// deviation over those of the inputs) are measured against that: an entry that is nearly 0 is a
/// difference of terms that are not, and has their rounding errors.
pub const LEAST_SIZE: f64 = 0.1;

/// Compares two ways to one entry.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    pub model: &'a Model,
    pub entry: Entry,
    pub points: &'a [Vec<f64>],
}

impl Judge<'_> {
    pub fn finding(&self, comparison: Comparison, tested: &[f64], exact: &[f64], tolerance: f64) -> Finding {
        let least = LEAST_SIZE * self.entry.natural_scale(&self.model.normalizer);
        // What is not a number agrees with nothing, be it the same on both sides, or small beside an infinite scale.
        let is_finite = least.is_finite() && tested.iter().chain(exact).all(|x| x.is_finite());
        let apart: Vec<f64> = tested.iter().zip(exact).map(|(a, b)| distance(*a, *b)).collect();
        let largest = exact.iter().fold(least, |largest, x| largest.max(x.abs()));
        let at = (0..apart.len()).max_by(|a, b| apart[*a].total_cmp(&apart[*b])).unwrap_or(0);
        let (worst, normwise) = (apart[at] / largest, root_mean_square(&apart) / root_mean_square(exact).max(least));
        Finding {
            entry: self.entry.column(&self.model.inputs, &self.model.outputs),
            order: self.entry.derivative.order(),
            comparison,
            points: exact.len(),
            worst,
            worst_at: self.points.iter().map(|column| column[at]).collect(),
            normwise,
            tolerance,
            differences_error: None,
            passed: is_finite && normwise <= tolerance && worst <= WORST_OVER_NORM * tolerance,
        }
    }

    pub fn finding_with(&self, comparison: Comparison, jets: &[f64], judge: &Differences, tolerance: f64) -> Finding {
        let least = LEAST_SIZE * self.entry.natural_scale(&self.model.normalizer);
        let error = root_mean_square(&judge.errors) / root_mean_square(&judge.values).max(least);
        Finding { differences_error: Some(error), ..self.finding(comparison, jets, &judge.values, tolerance) }
    }
}

/// |a − b|; infinite where that is not a number, so that it can never pass.
pub fn distance(a: f64, b: f64) -> f64 {
    let distance = (a - b).abs();
    if distance.is_nan() { f64::INFINITY } else { distance }
}

fn root_mean_square(values: &[f64]) -> f64 {
    // Scaled by the largest, so that the squares neither overflow nor vanish.
    let largest = values.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let mean = values.iter().map(|x| (x / largest).powi(2)).sum::<f64>() / values.len() as f64;
    largest * mean.sqrt()
}
