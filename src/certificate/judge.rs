//! Two ways to one entry of the jet, compared over all points.

use super::differences::Differences;
use super::{Comparison, Finding, WORST_OVER_NORM};
use crate::jet::Entry;
use crate::network::Model;

/// Errors of an entry that is smaller than this fraction of its natural scale (the output's
/// deviation over those of the inputs) are measured against that: an entry that is nearly 0 is a
/// difference of terms that are not, and has their rounding errors.
pub const LEAST_SIZE: f64 = 0.1;

/// A difference may be wrong by so many times its own estimate, which comes from its neighbours alone; where a network
/// is far too steep, some agree with these by chance, so that half of the points have to keep to it.
const EXPLAINED_RATIO: f64 = 10.0;

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
            unresolved: false,
        }
    }

    /// Against differences, which count as known where their own errors are at most `resolution`, relative to
    /// the largest.
    pub fn finding_with(
        &self,
        comparison: Comparison,
        jets: &[f64],
        judge: &Differences,
        (tolerance, resolution): (f64, f64),
    ) -> Finding {
        let least = LEAST_SIZE * self.entry.natural_scale(&self.model.normalizer);
        let error = root_mean_square(&judge.errors) / root_mean_square(&judge.values).max(least);
        let mut finding = self.finding(comparison, jets, &judge.values, tolerance);
        finding.differences_error = Some(error);
        if !finding.passed {
            let largest = judge.values.iter().fold(least, |largest, x| largest.max(x.abs()));
            let (known, open): (Vec<usize>, Vec<usize>) =
                (0..jets.len()).partition(|p| judge.errors[*p] <= resolution * largest);
            let pick = |values: &[f64]| -> Vec<f64> { known.iter().map(|p| values[*p]).collect() };
            let holds =
                known.is_empty() || self.finding(comparison, &pick(jets), &pick(&judge.values), tolerance).passed;
            let is_explained =
                |p: &&usize| distance(jets[**p], judge.values[**p]) <= EXPLAINED_RATIO * judge.errors[**p];
            let explained = open.iter().filter(is_explained).count();
            finding.unresolved = !open.is_empty() && holds && 2 * explained >= open.len();
        }
        finding
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::{Activation, Derivative, Normalizer};
    use crate::network::{NetworkSpec, Transforms};
    use crate::numbers::Precision;

    #[test]
    fn what_differences_leave_open_is_no_failure_and_what_they_contradict_is_one() {
        let spec = NetworkSpec::uniform(1, &[], Activation::Tanh, 1);
        let model = Model {
            inputs: vec!["x".into()],
            outputs: vec!["u".into()],
            coefficients: vec![],
            transforms: Transforms::default(),
            normalizer: Normalizer::identity(1, 1),
            precision: Precision::F64,
            parameters: vec![1.0, 0.0],
            ranges: vec![],
            spec,
        };
        let entry = Entry { output: 0, derivative: Derivative::First(0) };
        let points = [vec![0.0; 10]];
        let judge = Judge { model: &model, entry, points: &points };
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        // (passed, unresolved) where all jets but the first three are wrong by a factor.
        let state = |factor: f64, errors: [f64; 2]| {
            let jets: Vec<f64> = (0..10).map(|p| values[p] * if p < 3 { 1.0 } else { factor }).collect();
            let errors = (0..10).map(|p| values[p] * errors[usize::from(p >= 3)]).collect();
            let differences = Differences { values: values.clone(), errors };
            let finding = judge.finding_with(Comparison::ReferenceWithDifferences, &jets, &differences, (1e-9, 1e-9));
            (finding.passed, finding.unresolved)
        };
        assert_eq!(state(1.0, [1e-12, 1e-12]), (true, false));
        assert_eq!(state(1.01, [1e-12, 1e-12]), (false, false), "wrong where differences are known");
        assert_eq!(state(1.01, [1e-12, 1e-2]), (false, true), "as wrong as differences may be");
        assert_eq!(state(1.01, [1e-12, f64::INFINITY]), (false, true));
        assert_eq!(state(1.01, [1e-2, 1e-2]), (false, true), "known nowhere");
        assert_eq!(state(2.0, [1e-12, 1e-2]), (false, false), "more wrong than differences may be");
        assert_eq!(state(f64::NAN, [1e-12, 1e-2]), (false, false));
    }
}
