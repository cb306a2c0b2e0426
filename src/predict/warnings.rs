//! What a reader of predictions should know: numbers that are not finite, and points outside of the range in which the
//! network was trained.

use crate::domain::Domain;
use crate::error::{number, point};
use crate::network::Model;

/// Looks at predictions block by block.
pub struct PredictionWatch {
    inputs: Vec<String>,
    ranges: Vec<[f64; 2]>,
    /// Points so far.
    points: usize,
    /// Points with an input outside of its range.
    outside: usize,
    /// The input (by index) that is the furthest outside, in widths of its range, and where.
    furthest: Option<(f64, usize, f64)>,
    /// For each column of entries its name, how many are not finite, and the first point where one is not.
    columns: Vec<(String, usize, Vec<f64>)>,
    /// The set on which the network was trained, if it is known.
    pub(super) domain: Option<Domain>,
    /// Points outside of it, and the first of them.
    beside: usize,
    first_beside: Vec<f64>,
}

/// A point is outside if it is so by more than this part of the range: ends of grids are rounded.
const ROUNDING_ERROR: f64 = 1e-9;

impl PredictionWatch {
    /// For the predictions of a model in columns of these names.
    pub fn new(model: &Model, columns: impl IntoIterator<Item = String>) -> Self {
        let columns = columns.into_iter().map(|name| (name, 0, vec![])).collect();
        let (inputs, ranges) = (model.inputs.clone(), model.ranges.clone());
        let (furthest, domain, first_beside) = (None, None, vec![]);
        Self { inputs, ranges, points: 0, outside: 0, furthest, columns, domain, beside: 0, first_beside }
    }

    /// Checks a block: points (D, B) and the columns of entries (·, B).
    pub fn look(&mut self, points: &[Vec<f64>], columns: &[&[f64]]) {
        let count = points.first().map_or(0, Vec::len);
        self.points += count;
        for ((_, faults, first), column) in self.columns.iter_mut().zip(columns) {
            for row in (0..count).filter(|row| !column[*row].is_finite()) {
                if *faults == 0 {
                    *first = points.iter().map(|input| input[row]).collect();
                }
                *faults += 1;
            }
        }
        if let Some(domain) = &self.domain {
            for (row, _) in domain.contains(points).iter().enumerate().filter(|(_, is_in)| !**is_in) {
                if self.beside == 0 {
                    self.first_beside = points.iter().map(|input| input[row]).collect();
                }
                self.beside += 1;
            }
        }
        let mut is_outside = vec![false; count];
        for (input, ([low, high], column)) in self.ranges.iter().zip(points).enumerate() {
            let width = high - low;
            for (is_outside, x) in is_outside.iter_mut().zip(column) {
                let beyond = (low - x).max(x - high) / width;
                if beyond > ROUNDING_ERROR {
                    *is_outside = true;
                    if self.furthest.is_none_or(|(most, ..)| beyond > most) {
                        self.furthest = Some((beyond, input, *x));
                    }
                }
            }
        }
        self.outside += is_outside.into_iter().filter(|outside| *outside).count();
    }

    /// One warning for each column with non-finite numbers, and one for points outside the training range.
    pub fn warnings(&self) -> Vec<String> {
        let all = self.points;
        let not_finite = self.columns.iter().filter(|(_, faults, _)| *faults > 0).map(|(name, faults, first)| {
            let count = if *faults == all { format!("none of the {all}") } else { format!("{faults} of {all}") };
            let is = if *faults == all { "values is finite" } else { "values are not finite" };
            let place = point(&self.inputs, first);
            format!("{name}: {count} {is}, the first at {place}; if the values overflow f64, use other units")
        });
        let outside = self.furthest.map(|(beyond, input, x)| {
            let (Self { outside, inputs, .. }, [low, high]) = (self, self.ranges[input].map(number));
            let furthest = point(&inputs[input..=input], &[x]);
            format!(
                "{outside} of {all} points lie outside the training range, where the network extrapolates: the \
                 furthest is at {furthest}, beyond the range from {low} to {high} by {beyond:.2} times its width"
            )
        });
        let beside = (self.beside > 0).then(|| {
            format!(
                "{} of {all} points lie outside the domain, where no equation holds: the first is at {}",
                self.beside,
                point(&self.inputs, &self.first_beside)
            )
        });
        not_finite.chain(outside).chain(beside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::{Activation, Normalizer};
    use crate::network::{NetworkSpec, Transforms};
    use crate::numbers::Precision;

    fn watch(ranges: Vec<[f64; 2]>) -> PredictionWatch {
        let spec = NetworkSpec::uniform(2, &[], Activation::Tanh, 1);
        let model = Model {
            inputs: vec!["x".to_string(), "t".to_string()],
            outputs: vec!["u".to_string()],
            coefficients: vec![],
            transforms: Transforms::default(),
            normalizer: Normalizer::identity(2, 1),
            precision: Precision::F64,
            parameters: vec![0.0; spec.parameters()],
            ranges,
            spec,
        };
        PredictionWatch::new(&model, ["u".to_string(), "du_dx".to_string()])
    }

    #[test]
    fn what_is_not_finite_is_counted_over_all_blocks() {
        let mut watch = watch(vec![]);
        watch.look(&[vec![1.0, 2.0], vec![0.0, 0.5]], &[&[1.0, 2.0], &[1.0, f64::INFINITY]]);
        watch.look(&[vec![3.0], vec![1.0]], &[&[1.0], &[f64::NAN]]);
        let warnings = watch.warnings();
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].starts_with("du_dx: 2 of 3 values are not finite, the first at x = 2, t = 0.5"),
            "{warnings:?}"
        );
    }

    #[test]
    fn points_outside_are_counted_and_the_furthest_is_named() {
        let mut watch = watch(vec![[-1.0, 1.0], [0.0, 4.0]]);
        let values = [0.0; 4];
        watch.look(&[vec![0.0, 1.0 + 1e-12, 2.0, -5.0], vec![0.0, 4.0, 9.0, 1.0]], &[&values, &values]);
        let warnings = watch.warnings();
        assert_eq!(warnings.len(), 1);
        let parts = [
            "2 of 4 points lie outside",
            "the furthest is at x = -5, beyond the range from -1 to 1 by 2.00 times its width",
        ];
        parts.iter().for_each(|part| assert!(warnings[0].contains(part), "{warnings:?}"));
    }
}
