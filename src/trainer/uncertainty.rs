//! The standard errors of coefficients, where the last stage was Gauss–Newton's.

use super::{Method, Trainer};
use crate::backend::{Batch, Jacobian, SetId};
use crate::error::Result;
use crate::optimizer::{TermRows, standard_error_bytes, standard_errors};
use crate::problem::TermSet;
use crate::threads;

impl Trainer<'_> {
    /// How far the noise of the residuals may have moved each coefficient (K), in the units of its parameter; nothing where
    /// the last stage is not Gauss–Newton's, its Jacobian does not fit into memory, or says nothing.
    ///
    /// # Errors
    /// The backend's.
    pub fn standard_errors(&mut self) -> Result<Option<Vec<f64>>> {
        let is_last = self.state.stage_ends.len() + 1 == self.settings.stages.len();
        let Some(Method::GaussNewton(newton)) = self.settings.stages.last().map(|stage| &stage.method) else {
            return Ok(None);
        };
        let sets = &self.problem.sets;
        let rows: usize = sets.iter().map(|set| set.loss.terms.len() * set.points.points()).sum();
        let parameters = self.backend.parameters()?.len();
        if self.problem.coefficients == 0 || !is_last || standard_error_bytes(rows, parameters) > newton.memory {
            return Ok(None);
        }
        let batch = |(set, id): (&TermSet, &SetId)| Batch { set: *id, start: 0, count: set.points.points() };
        let batches: Vec<Batch> = sets.iter().zip(self.sets.ids()).map(batch).collect();
        let mut jacobian = Jacobian::default();
        self.backend.jacobian(&batches, &mut jacobian)?;
        let mut terms = vec![];
        let mut first = 0;
        for set in sets {
            for term in 0..set.loss.terms.len() {
                let next = first + set.points.points();
                let (count, is_measured) = (set.counted(term), set.source.is_none());
                terms.push(TermRows { rows: first..next, count, is_measured });
                first = next;
            }
        }
        let threads = threads::pool(self.settings.threads)?;
        let own = parameters - self.problem.coefficients..parameters;
        Ok(standard_errors(&jacobian, &terms, own, &threads))
    }
}
