//! Where training by evidence begins: the best of several starts.

use std::ops::Range;

use super::prior::{MOST_ALPHA, Prior, spread, spread_rows};
use super::whitened::Whitened;
use super::{Evidence, prior};
use crate::backend::{Backend, Batch};
use crate::error::Result;
use crate::optimizer::Iteration;
use crate::optimizer::least_squares::square;

/// The first layer's steepness at the starts, over the job's own: from a bend or two in the data to some fifty.
const STARTS: [f64; 5] = [0.3, 0.6, 1.2, 2.4, 4.8];
/// Iterations after which the starts are compared.
const TRIAL: usize = 60;
/// Rounds in which the last layer alone, which is linear, finds its prior and the noise.
const ROUNDS: usize = 40;
/// The prior of the last layer's biases: standardised outputs have a mean near 0, whatever the smoothness.
const FREE: f64 = 1e-4;

impl Evidence {
    /// The best of several starts: its parameters are the backend's then.
    pub(super) fn start(&mut self, backend: &mut dyn Backend, batches: &[Batch]) -> Result<Prior> {
        let own = backend.parameters()?;
        let mut best: Option<(f64, Prior, Vec<f64>)> = None;
        for (factor, sign) in STARTS.into_iter().flat_map(|factor| [(factor, 1.0), (factor, -1.0)]) {
            let mut parameters = own.clone();
            parameters[self.first.clone()].iter_mut().for_each(|p| *p *= factor);
            // The mirrored start: other bends, and no second seed.
            parameters[self.groups[1].clone()].iter_mut().for_each(|p| *p *= sign);
            backend.set_parameters(&parameters)?;
            let mut prior = self.last_layer(backend, batches)?;
            for _ in 0..TRIAL {
                if !matches!(self.advance(backend, batches, &mut prior, false)?, Iteration::Moved(_)) {
                    break;
                }
            }
            let evidence = self.bounded(backend, batches, &prior)?;
            if best.as_ref().is_none_or(|(most, ..)| evidence > *most) {
                best = Some((evidence, prior, backend.parameters()?));
            }
        }
        let (_, mut prior, parameters) = best.expect("there are starts");
        backend.set_parameters(&parameters)?;
        prior.calm = 0;
        Ok(prior)
    }

    /// The evidence at the backend's parameters, had the noise kept to its bound from the start: with it, what a start has
    /// yet to learn would pass for knowledge, and it would end in a worse optimum.
    fn bounded(&mut self, backend: &mut dyn Backend, batches: &[Batch], prior: &Prior) -> Result<f64> {
        backend.residuals(batches, &mut self.there)?;
        let squares = self.squares(&self.there);
        let of_term = |t: usize| {
            let (beta, bound) = (prior.betas[t], prior.betas[t].max(self.floors[t]));
            0.5 * (self.measured[t] as f64 * (bound / beta).ln() - (bound - beta) * squares[t])
        };
        let evidence = prior.evidence.filter(|evidence| evidence.is_finite()).unwrap_or(f64::NEG_INFINITY);
        Ok(evidence + (0..self.rows.len()).map(of_term).sum::<f64>())
    }

    /// The prior before the first iteration: that of the start's own weights, and what the last layer finds, whose
    /// optimum is that of a linear regression.
    fn last_layer(&mut self, backend: &mut dyn Backend, batches: &[Batch]) -> Result<Prior> {
        let mut parameters = backend.parameters()?;
        backend.jacobian(batches, &mut self.here)?;
        let mean = |group: &Range<usize>| square(&parameters[group.clone()]) / group.len() as f64;
        let mut alphas: Vec<f64> = self.groups.iter().map(|group| 1.0 / mean(group).max(1.0 / MOST_ALPHA)).collect();
        let last = self.groups.len() - 2;
        alphas[last + 1] = FREE;
        let block = self.groups[last].start..self.groups[last + 1].end;
        let groups: Vec<_> =
            self.groups[last..].iter().map(|group| group.start - block.start..group.end - block.start).collect();
        let count = self.here.rows;
        let columns = &self.here.matrix()[block.start * count..block.end * count];
        let mut residuals = self.here.residuals().to_vec();
        let betas = self.squares(&residuals).iter().zip(&self.measured).map(|(e, rows)| *rows as f64 / e).collect();
        let mut prior = Prior { alphas, betas, evidence: None, determined: 0.0, damping: 1e-2, calm: 0 };
        for _ in 0..ROUNDS {
            let own = &mut parameters[block.clone()];
            let (alphas, betas) = (spread(&groups, &prior.alphas[last..]), spread_rows(&self.rows, &prior.betas));
            let mut system = Whitened::new(columns, &residuals, own, (&alphas, &betas), &self.threads);
            let Some(step) = system.step(0.0) else { break };
            for (column, step) in columns.chunks_exact(count).zip(&step) {
                residuals.iter_mut().zip(column).for_each(|(r, j)| *r += j * step);
            }
            own.iter_mut().zip(&step).for_each(|(p, step)| *p += step);
            let Some(measures) = system.measures(&self.rows) else { break };
            let squares = self.squares(&residuals);
            let own = own.to_vec();
            prior::update_alphas(&mut prior.alphas[last..last + 1], &groups[..1], &measures, &own);
            prior::update_betas(&mut prior.betas, &self.measured, &measures, &squares, None);
        }
        backend.set_parameters(&parameters)?;
        Ok(prior)
    }
}
