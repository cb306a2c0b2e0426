//! Gauss–Newton's iteration where J fits into memory.

use super::normal_equations::{PROBE, System};
use super::{ATTEMPTS, Damping, moved};
use crate::backend::{Backend, Jacobian};
use crate::error::Result;
use crate::optimizer::least_squares::square;
use crate::optimizer::{Iteration, Step};

/// The threads that factorise, and J with r where an iteration begins.
pub struct Dense {
    threads: rayon::ThreadPool,
    here: Jacobian,
}

impl Dense {
    /// On the threads of a pool.
    pub fn new(threads: rayon::ThreadPool) -> Self {
        Self { threads, here: Jacobian::default() }
    }

    /// From the parameters `start` (P), which are the backend's, to better ones; `there` is room for residuals.
    pub fn iterate(
        &mut self,
        backend: &mut dyn Backend,
        start: &[f64],
        damping: &mut Damping,
        there: &mut Vec<f64>,
        step: &Step,
    ) -> Result<Iteration> {
        let Self { threads, here } = self;
        let batches = step.batches;
        backend.jacobian(batches, here)?;
        let loss = square(here.residuals());
        if !loss.is_finite() {
            return Ok(Iteration::Diverged);
        }
        damping.scale(here.matrix().chunks_exact(here.rows).map(square));
        let mut system = System::new(here, &damping.scales, threads);
        for _ in 0..ATTEMPTS {
            if (step.is_over)() {
                return Ok(Iteration::Interrupted);
            }
            let Some(damped) = system.damped(damping.lambda) else {
                damping.raise();
                continue;
            };
            let (delta, promised) = damped.step(here.residuals());
            let at = |part: f64, bend: &[f64]| -> Vec<f64> {
                let bend = bend.iter().chain(std::iter::repeat(&0.0));
                start.iter().zip(&delta).zip(bend).map(|((p, d), b)| p + part * d + b).collect()
            };
            backend.set_parameters(&at(PROBE, &[]))?;
            backend.residuals(batches, there)?;
            let bend = damped.acceleration(here, there, &delta);
            backend.set_parameters(&at(1.0, &bend))?;
            backend.residuals(batches, there)?;
            let reached = square(there);
            if reached < loss {
                damping.lower((loss - reached) / promised);
                return Ok(moved(damping, 2.0 * square(&system.gradient).sqrt()));
            }
            damping.raise();
        }
        Ok(Iteration::Stuck)
    }
}
