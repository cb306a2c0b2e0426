//! Training by evidence: Bayesian regularisation for noisy data.
//!
//! # Formula
//!
//! Gauss–Newton on
//!
//! ```text
//! ½ Σ_t β_t ‖r_t‖² + ½ Σ_g α_g ‖θ_g‖²
//! ```
//!
//! in which the noise 1/β_t of every term and the prior 1/α_g of every group of parameters (each layer's weights, each
//! layer's biases) follow from the data alone: they climb the evidence, the probability of the data with the
//! parameters integrated out. γ counts the parameters that the data determines:
//!
//! ```text
//! α_g = γ_g / ‖θ_g‖²        β_t = (R_t − γ_t) / ‖r_t‖²
//! ```
//!
//! How steep the first layer should be, the smoothness that the prior begins with, decides in which optimum that ends,
//! and so the method begins at several and keeps the one with the highest evidence.
//!
//! # Requirements
//!
//! A backend with a Jacobian that fits into memory, and the same rows of data in every step.
//!
//! # Reference
//!
//! MacKay 1992; with Levenberg and Marquardt's damping Foresee & Hagan 1997.

mod prior;
mod start;
mod whitened;

pub use prior::Prior;

use std::ops::Range;

use self::prior::{objective, spread, spread_rows};
use self::whitened::Whitened;
use super::least_squares::square;
use super::{Iteration, Memory, Optimizer, Progress, Step};
use crate::backend::{Backend, Batch, Jacobian};
use crate::error::Result;
use crate::jet::Activation;
use crate::network::NetworkSpec;
use crate::threads;

/// What is known of a term's residuals before any training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TermNoise {
    /// Their number.
    pub rows: usize,
    /// How many of them were measured; the others are 0.
    pub measured: usize,
    /// The standard deviation of their noise, as the backend scales them, where neighbouring rows tell it.
    pub noise: Option<f64>,
}

/// The method with its working memory.
pub struct Evidence {
    /// The groups of parameters: (start, end) of each layer's weights, then of its biases.
    groups: Vec<Range<usize>>,
    /// What is multiplied to make the first layer steeper.
    first: Range<usize>,
    /// The residuals of each term (T).
    rows: Vec<usize>,
    /// R_t (T), those of them that were measured: the others are 0.
    measured: Vec<usize>,
    /// The least β of each term, as the backend scales its residuals (T); 0 where none is known.
    floors: Vec<f64>,
    threads: rayon::ThreadPool,
    here: Jacobian,
    there: Vec<f64>,
    /// None before the first iteration.
    prior: Option<Prior>,
}

/// Residuals never count as exact: that is rounding.
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

    /// For a network and the residuals of its terms, on `count` threads (0: all); goes on from its memory.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] where threads cannot be had.
    pub fn new(spec: &NetworkSpec, terms: &[TermNoise], count: usize, memory: Memory) -> Result<Self> {
        let rows = terms.iter().map(|term| term.rows).collect();
        let measured = terms.iter().map(|term| term.measured).collect();
        let floor = |term: &TermNoise| term.noise.map_or(0.0, |noise| (MOST_NOISE * noise).powi(-2));
        let floors = terms.iter().map(floor).collect();
        let layers = spec.layers();
        let groups = layers.iter().flat_map(|layer| [layer.weights(), layer.biases()]).collect();
        let (weights, biases) = (layers[0].weights(), layers[0].biases());
        // A unit's centre is its bias over its weight; a sine's phase is its bias alone.
        let first = if spec.networks[0].hidden.first().is_some_and(|layer| layer.activation == Activation::Sin) {
            weights
        } else {
            weights.start..biases.end
        };
        let (here, there) = (Jacobian::default(), vec![]);
        let prior = match memory {
            Memory::Evidence(prior) => Some(prior),
            _ => None,
        };
        Ok(Self { groups, first, rows, measured, floors, threads: threads::pool(count)?, here, there, prior })
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
        let counts = self.measured.iter().map(|rows| *rows as f64);
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
        prior::update_alphas(&mut prior.alphas[..free], &self.groups[..free], &measures, &start);
        let floors = is_bounded.then_some(&self.floors[..]);
        prior::update_betas(&mut prior.betas, &self.measured, &measures, &squares, floors);
        let is_still = prior.evidence.is_some_and(|last| (evidence - last).abs() < STILL * self.here.rows as f64);
        prior.calm = if is_still { prior.calm + 1 } else { 0 };
        (prior.evidence, prior.determined) = (Some(evidence), measures.determined.iter().sum());
        match prior.calm >= CALM {
            true => Ok(Iteration::Converged),
            false => {
                let (rate, gradient_norm) = (prior.damping, system.gradient_norm());
                Ok(Iteration::Moved(Some(Progress { rate, gradient_norm, losses: None })))
            }
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

impl Optimizer for Evidence {
    fn iterate(&mut self, backend: &mut dyn Backend, step: &Step) -> Result<Iteration> {
        let mut prior = match self.prior.take() {
            Some(prior) => prior,
            None => self.start(backend, step.batches)?,
        };
        let iteration = self.advance(backend, step.batches, &mut prior, true);
        self.prior = Some(prior);
        iteration
    }

    fn memory(&self, _backend: &mut dyn Backend) -> Result<Memory> {
        Ok(self.prior.clone().map_or(Memory::Nothing, Memory::Evidence))
    }
}
