//! From a stage's method to its optimizer: the one place that knows all of them.

use super::{Method, Settings, Stage};
use crate::backend::Backend;
use crate::error::Result;
use crate::optimizer::{Adam, Evidence, GaussNewton, Lbfgs, Memory, Optimizer, TermNoise};
use crate::problem::Problem;

/// The optimizer of a stage, which goes on from a memory where that is its own, and begins from the backend's
/// parameters where it is not.
///
/// # Errors
/// The backend's, and where threads cannot be had.
pub fn optimizer(
    backend: &mut dyn Backend,
    settings: &Settings,
    problem: &Problem,
    stage: &Stage,
    memory: Memory,
) -> Result<Box<dyn Optimizer>> {
    let threads = settings.threads;
    Ok(match &stage.method {
        Method::Adam { adam, schedule } => Box::new(Adam::new(*adam, *schedule, backend, memory)?),
        Method::Lbfgs(lbfgs) => Box::new(Lbfgs::new(*lbfgs, settings.rounding, backend, memory)?),
        Method::GaussNewton(newton) => {
            let residuals = problem.sets.iter().map(|set| set.loss.terms.len() * set.points.points()).sum();
            let size = (residuals, settings.network.parameters());
            Box::new(GaussNewton::new(*newton, size, threads, memory)?)
        }
        Method::Evidence => {
            let set = &problem.sets[0];
            let term = |(term, noise): (usize, &Option<f64>)| TermNoise {
                rows: set.points.points(),
                measured: set.counted(term),
                noise: *noise,
            };
            let terms: Vec<_> = settings.noise.iter().enumerate().map(term).collect();
            Box::new(Evidence::new(&settings.network, &terms, threads, memory)?)
        }
    })
}
