//! What a user should know of a job's columns, and of how its loss has followed the network.

use super::{Adapted, Problem};
use crate::data::spans_decades;
use crate::error::{Result, number};
use crate::job::Job;

/// A causal weight below this takes no part.
const ASLEEP_WEIGHT: f64 = 0.1;

impl Problem {
    /// What is to be said at the end of a training that found these coefficients (K).
    ///
    /// # Errors
    /// Those of a file that has changed since it was read.
    pub fn warnings(&self, job: &Job, adapted: &Adapted, coefficients: &[f64]) -> Result<Vec<String>> {
        let mut warnings = vec![];
        for ((name, start), value) in job.coefficients.iter().zip(coefficients) {
            let reached = job.coefficient_ranges.get(name).and_then(|range| range.reached(*value, *start));
            warnings.extend(reached.map(|(key, bound)| {
                format!(
                    "coefficient {name} = {} ended at its bound, {key} = {}: the equations pull it beyond; widen the bounds, \
                     or doubt the equations",
                    number(*value),
                    number(bound)
                )
            }));
        }
        for (index, set) in self.sets.iter().enumerate() {
            if let Some(term) = set.loss.terms.first().filter(|_| set.source.is_none()) {
                let names = self.columns_of(job, &term.name)?;
                let inputs = job.inputs.iter().zip(&set.points.inputs);
                let columns = inputs.chain(names.iter().zip(&set.points.columns));
                warnings.extend(columns.filter_map(|(name, column)| spans_decades(name, column)));
            }
            let causal = set.source.as_ref().and_then(|source| source.causal.as_ref());
            let (Some(causal), Some(weights)) = (causal, adapted.causal.get(&index)) else { continue };
            if let Some(slice) = weights.iter().position(|weight| *weight < ASLEEP_WEIGHT) {
                let (name, last) = (&set.loss.terms[0].name, weights[weights.len() - 1]);
                let (side, from) = causal.beyond(slice);
                warnings.push(format!(
                    "term {name:?}: the causal weights never reached the end (the last slice has weight {last:.1e}), \
                     so the equation was not enforced {side} {} = {}; lower points.causal.tolerance, or train longer",
                    causal.input(),
                    number(from)
                ));
            }
        }
        Ok(warnings)
    }
}
