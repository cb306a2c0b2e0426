//! What the terms of a job say was measured.

use super::Problem;
use crate::error::Result;
use crate::expression::{Expression, Scope};
use crate::jet::Entry;
use crate::job::{Job, TermPoints};

impl Problem {
    /// Of each term on a file that compares an output, or a derivative of one, with columns: its set (by index), the entry,
    /// and what was measured at the set's points (B).
    ///
    /// # Errors
    /// Those of a file that has changed since it was read.
    pub fn measurements(&self, job: &Job) -> Result<Vec<(usize, Entry, Vec<f64>)>> {
        let mut found = vec![];
        for (index, set) in self.sets.iter().enumerate() {
            for term in &set.loss.terms {
                let posed = job.terms.iter().find(|posed| posed.name == term.name);
                let Some(posed) = posed.filter(|posed| matches!(posed.points, TermPoints::File(_))) else { continue };
                // An output that is transformed is compared all the same: as the user wrote it.
                let scope = job.scope(self.columns_of(job, &term.name)?, false);
                let scope = Scope { transforms: Default::default(), ..scope };
                let residual = Expression::residual(posed.place("residual"), &posed.residual, &scope);
                if let Some(measurement) = residual.ok().and_then(|residual| residual.measurement()) {
                    found.push((index, measurement.entry, measurement.values(&set.points.data())));
                }
            }
        }
        Ok(found)
    }
}
