//! Gauss–Newton with Levenberg and Marquardt's damping (for equations: energy natural gradient), for
//! all terms together.
//!
//! The loss is ‖r‖² over all residuals, each with the root of its weight. A step δ solves
//! (JᵀJ + λD) δ = −Jᵀr, with D the largest squared norm that each column of J has had, and λ follows the gain, the
//! reduction over what the linear model promised (Nielsen 1999).
//!
//! Where J fits into memory, the system is factorised, and what J leaves out of the bend of r along δ is mended by
//! geodesic acceleration (Transtrum & Sethna 2012). Beyond, conjugate gradients take products with JᵀJ.

use serde::{Deserialize, Serialize};

use super::Iteration;
use super::conjugate_gradients::{self, Solution};
use super::normal_equations::System;
use crate::backend::{Backend, Batch, Jacobian};
use crate::error::Result;
use crate::threads;

/// What the method remembers between iterations; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Damping {
    /// λ
    pub lambda: f64,
    /// What λ is multiplied by when a step fails; doubled with every failure.
    pub growth: f64,
    /// D (P), empty before the first iteration.
    #[serde(skip)]
    pub scales: Vec<f64>,
}

/// The method with its working memory.
pub struct GaussNewton {
    form: Form,
    /// Residuals elsewhere (R).
    there: Vec<f64>,
}

/// How the steps are found.
enum Form {
    /// From J.
    Dense { threads: rayon::ThreadPool, here: Jacobian },
    /// From products with JᵀJ.
    Free,
}

/// Dampings that are tried before an iteration gives up: growth upon growth, λ rises by 2⁴⁶⁵ at most.
const ATTEMPTS: usize = 30;
/// λ never falls below this.
const LEAST_LAMBDA: f64 = 1e-30;
/// The least λ is divided by after a step as good as promised.
const FALL: f64 = 1.0 / 3.0;
/// The part of a step over which the bend of r is measured.
pub const PROBE: f64 = 0.1;
/// What conjugate gradients leave of the gradient: measured from 0.1 to 1e-6 on three of the examples, whose errors after
/// the same time were least at 0.01 and 0.001.
const TOLERANCE: f64 = 1e-2;
/// Products with JᵀJ that a step may take.
const MOST_PRODUCTS: usize = 500;

impl Damping {
    /// Before the first iteration.
    pub fn new(lambda: f64) -> Self {
        Self { lambda, growth: 2.0, scales: vec![] }
    }

    /// Takes note of the squared norms of the columns of J (P).
    fn scale(&mut self, squares: impl ExactSizeIterator<Item = f64>) {
        self.scales.resize(squares.len(), 0.0);
        for (scale, square) in self.scales.iter_mut().zip(squares) {
            // A parameter that nothing has depended on stays where it is.
            *scale = scale.max(square).max(f64::MIN_POSITIVE);
        }
    }

    fn raise(&mut self) {
        self.lambda *= self.growth;
        self.growth *= 2.0;
    }

    fn lower(&mut self, gain: f64) {
        self.lambda = (self.lambda * FALL.max(1.0 - (2.0 * gain - 1.0).powi(3))).max(LEAST_LAMBDA);
        self.growth = 2.0;
    }
}

impl GaussNewton {
    /// Bytes that an iteration takes beside the backend's: the dense form's where `memory` holds them, else those of a
    /// few vectors and of the rows that the threads have in hand.
    pub fn bytes(residuals: usize, parameters: usize, memory: f64) -> f64 {
        let dense = System::bytes(residuals, parameters);
        if dense > memory { 8.0 * (48.0 * parameters as f64 + residuals as f64) } else { dense }
    }

    /// For `residuals` residuals of `parameters` parameters, on so many threads (0: all). Where the Jacobian
    /// and the matrices of its system would take more than `memory` bytes, none is stored.
    ///
    /// # Errors
    /// [`crate::error::Error::Device`] where threads cannot be had.
    pub fn new(residuals: usize, parameters: usize, memory: f64, threads: usize) -> Result<Self> {
        if System::bytes(residuals, parameters) > memory {
            return Ok(Self { form: Form::Free, there: vec![] });
        }
        Ok(Self { form: Form::Dense { threads: threads::pool(threads)?, here: Jacobian::default() }, there: vec![] })
    }

    /// One iteration over all points of the batches, from the backend's parameters to better ones. Once `is_over` says so, it
    /// is given up: parameters and damping are then as before.
    ///
    /// # Errors
    /// The backend's; most of them have no Jacobian.
    pub fn iterate(
        &mut self,
        backend: &mut dyn Backend,
        batches: &[Batch],
        damping: &mut Damping,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Iteration> {
        let start = backend.parameters()?;
        let before = damping.clone();
        let there = &mut self.there;
        let iteration = match &mut self.form {
            Form::Dense { threads, here } => dense(backend, &start, batches, damping, (threads, here, there), is_over),
            Form::Free => free(backend, &start, batches, damping, there, is_over),
        }?;
        if iteration == Iteration::Interrupted {
            *damping = before;
        }
        if matches!(iteration, Iteration::Interrupted | Iteration::Stuck) {
            backend.set_parameters(&start)?;
        }
        Ok(iteration)
    }
}

fn dense(
    backend: &mut dyn Backend,
    start: &[f64],
    batches: &[Batch],
    damping: &mut Damping,
    (threads, here, there): (&rayon::ThreadPool, &mut Jacobian, &mut Vec<f64>),
    is_over: &dyn Fn() -> bool,
) -> Result<Iteration> {
    backend.jacobian(batches, here)?;
    let loss = square(here.residuals());
    if !loss.is_finite() {
        return Ok(Iteration::Diverged);
    }
    damping.scale(here.matrix().chunks_exact(here.rows).map(square));
    let mut system = System::new(here, &damping.scales, threads);
    for _ in 0..ATTEMPTS {
        if is_over() {
            return Ok(Iteration::Interrupted);
        }
        let Some(damped) = system.damped(damping.lambda) else {
            damping.raise();
            continue;
        };
        let (step, promised) = damped.step(here.residuals());
        let moved = |part: f64, bend: &[f64]| -> Vec<f64> {
            let bend = bend.iter().chain(std::iter::repeat(&0.0));
            start.iter().zip(&step).zip(bend).map(|((p, s), b)| p + part * s + b).collect()
        };
        backend.set_parameters(&moved(PROBE, &[]))?;
        backend.residuals(batches, there)?;
        let bend = damped.acceleration(here, there, &step);
        backend.set_parameters(&moved(1.0, &bend))?;
        backend.residuals(batches, there)?;
        let reached = square(there);
        if reached < loss {
            damping.lower((loss - reached) / promised);
            return Ok(Iteration::Moved { gradient_norm: 2.0 * square(&system.gradient).sqrt(), step_length: 1.0 });
        }
        damping.raise();
    }
    Ok(Iteration::Stuck)
}

fn free(
    backend: &mut dyn Backend,
    start: &[f64],
    batches: &[Batch],
    damping: &mut Damping,
    there: &mut Vec<f64>,
    is_over: &dyn Fn() -> bool,
) -> Result<Iteration> {
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
        let most = (MOST_PRODUCTS, is_over);
        let Some(Solution { solution, product, .. }) =
            conjugate_gradients::solve(product, &down, lambda, TOLERANCE, most)?
        else {
            return Ok(Iteration::Interrupted);
        };
        let promised: f64 =
            solution.iter().zip(&down).zip(&product).map(|((s, down), product)| s * (2.0 * down - product)).sum();
        let moved: Vec<f64> = start.iter().zip(scaled(&solution)).map(|(p, s)| p + s).collect();
        backend.set_parameters(&moved)?;
        backend.residuals(batches, there)?;
        let reached = square(there);
        if reached < loss {
            damping.lower((loss - reached) / promised);
            return Ok(Iteration::Moved { gradient_norm: square(&gradient).sqrt(), step_length: 1.0 });
        }
        damping.raise();
        backend.set_parameters(start)?;
    }
    Ok(Iteration::Stuck)
}

pub fn square(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum()
}
