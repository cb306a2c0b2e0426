//! Bayesian regularisation for noisy data: Gauss–Newton on
//!
//! ```text
//! ½ Σ_t β_t ‖r_t‖² + ½ Σ_g α_g ‖θ_g‖²
//! ```
//!
//! in which the noise 1/β_t of every term and the prior 1/α_g of every group of parameters (each layer's weights, each
//! layer's biases) follow from the data alone: they climb the evidence, the probability of the data with the
//! parameters integrated out (MacKay 1992; with Levenberg and Marquardt's damping Foresee & Hagan 1997). γ counts the
//! parameters that the data determines:
//!
//! ```text
//! α_g = γ_g / ‖θ_g‖²        β_t = (R_t − γ_t) / ‖r_t‖²
//! ```
//!
//! How steep the first layer should be, the smoothness that the prior begins with, decides in which optimum that ends,
//! and so the method begins at several and keeps the one with the highest evidence.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Iteration;
use super::gauss_newton::square;
use super::whitened::{Measures, Whitened};
use crate::backend::{Backend, Batch, Jacobian};
use crate::error::Result;
use crate::jet::Activation;
use crate::network::NetworkSpec;
use crate::threads;

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

/// The method with its working memory.
pub struct Evidence {
    /// The groups of parameters: (start, end) of each layer's weights, then of its biases.
    groups: Vec<Range<usize>>,
    /// What is multiplied to make the first layer steeper.
    first: Range<usize>,
    /// R_t (T)
    rows: Vec<usize>,
    /// The least β of each term, as the backend scales its residuals (T); 0 where none is known.
    floors: Vec<f64>,
    threads: rayon::ThreadPool,
    here: Jacobian,
    there: Vec<f64>,
}

/// The first layer's steepness at the starts, over the job's own: from a bend or two in the data to some fifty.
const STARTS: [f64; 5] = [0.3, 0.6, 1.2, 2.4, 4.8];
/// Iterations after which the starts are compared.
const TRIAL: usize = 60;
/// Rounds in which the last layer alone, which is linear, finds its prior and the noise.
const ROUNDS: usize = 40;
/// The prior of the last layer's biases: standardised outputs have a mean near 0, whatever the smoothness.
const FREE: f64 = 1e-4;
/// The most that α may change by in an iteration.
const PACE: f64 = 4.0;
/// α stays within these, and residuals never count as exact: that is rounding.
const ALPHAS: (f64, f64) = (1e-6, 1e6);
const LEAST_SQUARE: f64 = 1e-24;
/// Dampings that are tried before an iteration leaves the parameters as they are.
const ATTEMPTS: usize = 10;
const LEAST_DAMPING: f64 = 1e-6;
/// The most noise that the evidence may find, over what neighbouring rows show: where the network has missed the curve,
/// the smoothest optimum, which takes all of it for noise, may have the highest evidence. 400 values tell their noise to
/// some 10 %.
const MOST_NOISE: f64 = 1.15;
/// The evidence stands still where it changes by less than this for each residual, for so many iterations.
const STILL: f64 = 1e-4;
const CALM: usize = 4;

impl Evidence {
    /// Bytes that an iteration takes beside the backend's.
    pub fn bytes(residuals: usize, parameters: usize, terms: usize) -> f64 {
        Whitened::bytes(residuals, parameters, terms)
    }

    /// For a network and the residuals of its terms, on `count` threads (0: all). `rows` has the number of each term's
    /// residuals, and the standard deviation of their noise where neighbouring rows tell it.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] where threads cannot be had.
    pub fn new(spec: &NetworkSpec, terms: &[(usize, Option<f64>)], count: usize) -> Result<Self> {
        let rows = terms.iter().map(|(rows, _)| *rows).collect();
        let floor = |noise: &Option<f64>| noise.map_or(0.0, |noise| (MOST_NOISE * noise).powi(-2));
        let floors = terms.iter().map(|(_, noise)| floor(noise)).collect();
        let layers = spec.layers();
        let groups = layers.iter().flat_map(|layer| [layer.weights(), layer.biases()]).collect();
        let (weights, biases) = (layers[0].weights(), layers[0].biases());
        // A unit's centre is its bias over its weight; a sine's phase is its bias alone.
        let first = if spec.activation == Activation::Sin { weights } else { weights.start..biases.end };
        let (here, there) = (Jacobian::default(), vec![]);
        Ok(Self { groups, first, rows, floors, threads: threads::pool(count)?, here, there })
    }

    /// One iteration over all points of the batches. Without a prior it first finds a start.
    ///
    /// # Errors
    /// The backend's; most of them have no Jacobian.
    pub fn iterate(
        &mut self,
        backend: &mut dyn Backend,
        batches: &[Batch],
        prior: &mut Option<Prior>,
    ) -> Result<Iteration> {
        let mut known = match prior.take() {
            Some(prior) => prior,
            None => self.start(backend, batches)?,
        };
        let iteration = self.advance(backend, batches, &mut known, true);
        *prior = Some(known);
        iteration
    }

    /// The best of several starts: its parameters are the backend's then.
    fn start(&mut self, backend: &mut dyn Backend, batches: &[Batch]) -> Result<Prior> {
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
                if !matches!(self.advance(backend, batches, &mut prior, false)?, Iteration::Moved { .. }) {
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
            0.5 * (self.rows[t] as f64 * (bound / beta).ln() - (bound - beta) * squares[t])
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
        let mut alphas: Vec<f64> = self.groups.iter().map(|group| 1.0 / mean(group).max(1.0 / ALPHAS.1)).collect();
        let last = self.groups.len() - 2;
        alphas[last + 1] = FREE;
        let block = self.groups[last].start..self.groups[last + 1].end;
        let groups: Vec<_> =
            self.groups[last..].iter().map(|group| group.start - block.start..group.end - block.start).collect();
        let count = self.here.rows;
        let columns = &self.here.matrix()[block.start * count..block.end * count];
        let mut residuals = self.here.residuals().to_vec();
        let betas = self.squares(&residuals).iter().zip(&self.rows).map(|(e, rows)| *rows as f64 / e).collect();
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
            update(&mut prior.alphas[last..last + 1], &groups[..1], &measures, &own);
            self.noise(&mut prior.betas, &measures, &squares, false);
        }
        backend.set_parameters(&parameters)?;
        Ok(prior)
    }

    /// A damped step under the prior and the noise as they are; then both follow what was measured before it, the noise
    /// up to its bound where it `is_bounded`.
    fn advance(
        &mut self,
        backend: &mut dyn Backend,
        batches: &[Batch],
        prior: &mut Prior,
        is_bounded: bool,
    ) -> Result<Iteration> {
        let start = backend.parameters()?;
        backend.jacobian(batches, &mut self.here)?;
        let residuals = self.here.residuals();
        let squares = self.squares(residuals);
        let loss = objective(&squares, &start, &self.groups, prior);
        if !loss.is_finite() {
            return Ok(Iteration::Diverged);
        }
        let (alphas, betas) = (spread(&self.groups, &prior.alphas), spread_rows(&self.rows, &prior.betas));
        let mut system = Whitened::new(self.here.matrix(), residuals, &start, (&alphas, &betas), &self.threads);
        let Some(measures) = system.measures(&self.rows) else { return Ok(Iteration::Stuck) };
        let counts = self.rows.iter().map(|rows| *rows as f64);
        let evidence = 0.5 * counts.zip(&prior.betas).map(|(rows, beta)| rows * beta.ln()).sum::<f64>()
            - loss
            - 0.5 * measures.log_determinant;
        let mut moved = false;
        for _ in 0..ATTEMPTS {
            if let Some(step) = system.step(prior.damping) {
                let there: Vec<f64> = start.iter().zip(&step).map(|(p, step)| p + step).collect();
                backend.set_parameters(&there)?;
                backend.residuals(batches, &mut self.there)?;
                if objective(&self.squares(&self.there), &there, &self.groups, prior) < loss {
                    moved = true;
                    break;
                }
            }
            prior.damping *= 4.0;
        }
        if moved {
            prior.damping = (prior.damping / 5.0).max(LEAST_DAMPING);
        } else {
            backend.set_parameters(&start)?;
        }
        let free = self.groups.len() - 1;
        update(&mut prior.alphas[..free], &self.groups[..free], &measures, &start);
        self.noise(&mut prior.betas, &measures, &squares, is_bounded);
        let is_still = prior.evidence.is_some_and(|last| (evidence - last).abs() < STILL * self.here.rows as f64);
        prior.calm = if is_still { prior.calm + 1 } else { 0 };
        (prior.evidence, prior.determined) = (Some(evidence), measures.determined.iter().sum());
        match prior.calm >= CALM {
            true => Ok(Iteration::Converged),
            false => Ok(Iteration::Moved { gradient_norm: system.gradient_norm(), step_length: 1.0 }),
        }
    }

    /// MacKay's update of β, half of the way on a logarithmic scale, and where it `is_bounded` with no more noise than
    /// neighbouring rows show.
    fn noise(&self, betas: &mut [f64], measures: &Measures, squares: &[f64], is_bounded: bool) {
        for (t, beta) in betas.iter_mut().enumerate() {
            let free = (self.rows[t] as f64 - measures.fitted[t]).max(1.0);
            *beta = (*beta * free / squares[t]).sqrt().max(if is_bounded { self.floors[t] } else { 0.0 });
        }
    }

    /// ‖r_t‖² of each term, never 0.
    fn squares(&self, residuals: &[f64]) -> Vec<f64> {
        let mut rest = residuals;
        let of_term = |rows: &usize| {
            let (own, others) = rest.split_at(*rows);
            rest = others;
            square(own).max(LEAST_SQUARE)
        };
        self.rows.iter().map(of_term).collect()
    }
}

/// ½ Σ β ‖r‖² + ½ Σ α ‖θ‖²
fn objective(squares: &[f64], parameters: &[f64], groups: &[Range<usize>], prior: &Prior) -> f64 {
    let misfit: f64 = squares.iter().zip(&prior.betas).map(|(square, beta)| beta * square).sum();
    let sizes = groups.iter().zip(&prior.alphas).map(|(group, alpha)| alpha * square(&parameters[group.clone()]));
    0.5 * (misfit + sizes.sum::<f64>())
}

/// α for each parameter.
fn spread(groups: &[Range<usize>], alphas: &[f64]) -> Vec<f64> {
    groups.iter().zip(alphas).flat_map(|(group, alpha)| std::iter::repeat_n(*alpha, group.len())).collect()
}

/// β for each residual.
fn spread_rows(rows: &[usize], betas: &[f64]) -> Vec<f64> {
    rows.iter().zip(betas).flat_map(|(rows, beta)| std::iter::repeat_n(*beta, *rows)).collect()
}

/// MacKay's update of α, half of the way on a logarithmic scale.
fn update(alphas: &mut [f64], groups: &[Range<usize>], measures: &Measures, parameters: &[f64]) {
    for (alpha, group) in alphas.iter_mut().zip(groups) {
        let determined: f64 = measures.determined[group.clone()].iter().sum::<f64>().max(0.0);
        let whole = determined / square(&parameters[group.clone()]).max(LEAST_SQUARE);
        let paced = (*alpha * whole).sqrt().clamp(*alpha / PACE, *alpha * PACE);
        *alpha = paced.clamp(ALPHAS.0, ALPHAS.1);
    }
}
