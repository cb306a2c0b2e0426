//! Gauss–Newton with Levenberg and Marquardt's damping (for equations: energy natural gradient), for
//! all terms together.
//!
//! The loss is ‖r‖² over all residuals, each with the root of its weight. A step δ solves
//! (JᵀJ + λD) δ = −Jᵀr, with D the largest squared norm that each column of J has had. What J leaves out
//! of the bend of r along δ is mended by geodesic acceleration (Transtrum & Sethna 2012), and λ follows
//! the gain, the reduction over what the linear model promised (Nielsen 1999).
//!
//! With A = J D^(-1/2), whichever of AᵀA (P, P) and AAᵀ (R, R) is smaller is factorised.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::{Llt, Solve};
use faer::{Accum, Mat, MatRef, Par, Side};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Iteration;
use crate::backend::{Backend, Batch, Jacobian};
use crate::error::{Error, Result};

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
    threads: rayon::ThreadPool,
    here: Jacobian,
    there: Jacobian,
}

/// Dampings that are tried before an iteration gives up: growth upon growth, λ rises by 2⁴⁶⁵ at most.
const ATTEMPTS: usize = 30;
/// λ never falls below this.
const LEAST_LAMBDA: f64 = 1e-30;
/// The least λ is divided by after a step as good as promised.
const FALL: f64 = 1.0 / 3.0;
/// The part of a step over which the bend of r is measured.
const PROBE: f64 = 0.1;
/// An acceleration is taken if it is at most this part of its step: beyond, the series does not hold.
const MOST_ACCELERATION: f64 = 0.75;
/// Columns of a block of a Gram matrix. Blocks have their sums in an order of their own, whatever the threads.
const BLOCK: usize = 128;
/// Bytes that the Jacobians may take together.
const MOST_BYTES: usize = 8 << 30;

impl Damping {
    /// Before the first iteration.
    pub fn new(lambda: f64) -> Self {
        Self { lambda, growth: 2.0, scales: vec![] }
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
    /// For `residuals` residuals of `parameters` parameters, on so many threads (0: all).
    ///
    /// # Errors
    /// [`Error::Input`] where the Jacobian is too large for a dense factorisation.
    pub fn new(residuals: usize, parameters: usize, threads: usize) -> Result<Self> {
        // The two points' Jacobians, and the scaled one.
        let bytes = 3 * 8 * residuals * (parameters + 1);
        if bytes > MOST_BYTES {
            let problem = format!(
                "the Jacobian of {residuals} residuals and {parameters} parameters takes {:.1} GiB of memory",
                bytes as f64 / f64::from(1 << 30)
            );
            return Err(Error::input("optimizer.name", problem, "use fewer points or a smaller network, or adam"));
        }
        // Its own threads would sum in an order that depends on their number.
        faer::set_global_parallelism(Par::Seq);
        let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let threads = threads.map_err(|error| Error::device("cpu", error))?;
        Ok(Self { threads, here: Jacobian::default(), there: Jacobian::default() })
    }

    /// One iteration over all points of the batches, from the backend's parameters to better ones.
    ///
    /// # Errors
    /// The backend's; most of them have no Jacobian.
    pub fn iterate(
        &mut self,
        backend: &mut dyn Backend,
        batches: &[Batch],
        damping: &mut Damping,
    ) -> Result<Iteration> {
        let start = backend.parameters()?;
        backend.jacobian(batches, &mut self.here)?;
        let loss = square(self.here.residuals());
        if !loss.is_finite() {
            return Ok(Iteration::Diverged);
        }
        damping.scales.resize(start.len(), 0.0);
        for (scale, column) in damping.scales.iter_mut().zip(self.here.matrix().chunks_exact(self.here.rows)) {
            // A parameter that nothing has depended on stays where it is.
            *scale = scale.max(square(column)).max(f64::MIN_POSITIVE);
        }
        let system = System::new(&self.here, &damping.scales, &self.threads);
        for _ in 0..ATTEMPTS {
            let Some(damped) = system.damped(damping.lambda) else {
                damping.raise();
                continue;
            };
            let (step, promised) = damped.step(self.here.residuals());
            let moved = |part: f64, bend: &[f64]| -> Vec<f64> {
                let bend = bend.iter().chain(std::iter::repeat(&0.0));
                start.iter().zip(&step).zip(bend).map(|((p, s), b)| p + part * s + b).collect()
            };
            backend.set_parameters(&moved(PROBE, &[]))?;
            backend.jacobian(batches, &mut self.there)?;
            let bend = damped.acceleration(&self.here, &self.there, &step);
            backend.set_parameters(&moved(1.0, &bend))?;
            backend.jacobian(batches, &mut self.there)?;
            let reached = square(self.there.residuals());
            if reached < loss {
                damping.lower((loss - reached) / promised);
                return Ok(Iteration::Moved { gradient_norm: 2.0 * square(&system.gradient).sqrt(), step_length: 1.0 });
            }
            damping.raise();
        }
        backend.set_parameters(&start)?;
        Ok(Iteration::Stuck)
    }
}

fn square(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum()
}

/// A = J D^(-1/2) and its smaller Gram matrix.
struct System {
    /// (R, P)
    a: Mat<f64>,
    /// D^(-1/2) (P)
    inverse: Vec<f64>,
    /// Jᵀ r (P)
    gradient: Vec<f64>,
    gram: Mat<f64>,
    is_kernel: bool,
}

impl System {
    fn new(jacobian: &Jacobian, scales: &[f64], threads: &rayon::ThreadPool) -> Self {
        let (rows, columns) = (jacobian.rows, scales.len());
        let inverse: Vec<f64> = scales.iter().map(|scale| 1.0 / scale.sqrt()).collect();
        let j = MatRef::from_column_major_slice(jacobian.matrix(), rows, columns);
        let a = Mat::from_fn(rows, columns, |r, c| j[(r, c)] * inverse[c]);
        let r = jacobian.residuals();
        let along = |column: &[f64]| column.iter().zip(r).map(|(j, r)| j * r).sum();
        let gradient = jacobian.matrix().chunks_exact(rows).map(along).collect();
        let is_kernel = rows < columns;
        let gram = threads.install(|| gram(if is_kernel { a.transpose() } else { a.as_ref() }));
        Self { a, inverse, gradient, gram, is_kernel }
    }

    /// Factorised with λ on the diagonal; `None` where that is not positive definite to rounding.
    fn damped(&self, lambda: f64) -> Option<Damped<'_>> {
        let mut matrix = self.gram.clone();
        for k in 0..matrix.nrows() {
            matrix[(k, k)] += lambda;
        }
        let factor = Llt::new(matrix.as_ref(), Side::Lower).ok()?;
        Some(Damped { system: self, lambda, factor })
    }
}

/// The lower triangle of BᵀB for B (m, n).
fn gram(b: MatRef<'_, f64>) -> Mat<f64> {
    let n = b.ncols();
    let block = |k: usize| (k * BLOCK, BLOCK.min(n - k * BLOCK));
    let blocks = n.div_ceil(BLOCK);
    let places: Vec<(usize, usize)> = (0..blocks).flat_map(|i| (0..=i).map(move |j| (i, j))).collect();
    let product = |(i, j): (usize, usize)| {
        let ((row, rows), (column, columns)) = (block(i), block(j));
        let mut product = Mat::zeros(rows, columns);
        let (left, right) = (b.subcols(row, rows).transpose(), b.subcols(column, columns));
        matmul(product.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
        (row, column, product)
    };
    let products: Vec<_> = places.into_par_iter().map(product).collect();
    let mut gram = Mat::zeros(n, n);
    for (row, column, product) in products {
        gram.as_mut().submatrix_mut(row, column, product.nrows(), product.ncols()).copy_from(&product);
    }
    gram
}

/// A system that can be solved.
struct Damped<'a> {
    system: &'a System,
    lambda: f64,
    factor: Llt<f64>,
}

impl Damped<'_> {
    /// −(AᵀA + λ)⁻¹ Aᵀ r for r (R): a step times D^(1/2) (P).
    fn solve(&self, r: &[f64]) -> Vec<f64> {
        let a = &self.system.a;
        let r = MatRef::from_column_major_slice(r, r.len(), 1);
        let solution = if self.system.is_kernel {
            a.transpose() * self.factor.solve(r)
        } else {
            self.factor.solve(a.transpose() * r)
        };
        solution.col(0).iter().map(|s| -s).collect()
    }

    fn unscaled(&self, scaled: &[f64]) -> Vec<f64> {
        scaled.iter().zip(&self.system.inverse).map(|(s, inverse)| s * inverse).collect()
    }

    /// The step δ (P), and the reduction that the linear model promises.
    fn step(&self, r: &[f64]) -> (Vec<f64>, f64) {
        let scaled = self.solve(r);
        let step = self.unscaled(&scaled);
        let slope: f64 = step.iter().zip(&self.system.gradient).map(|(s, g)| s * g).sum();
        (step, self.lambda * square(&scaled) - slope)
    }

    /// Half the second-order correction (P) from the residuals at a part of the step; empty where it is too
    /// large to be one.
    fn acceleration(&self, here: &Jacobian, there: &Jacobian, step: &[f64]) -> Vec<f64> {
        let mut along = vec![0.0; here.rows];
        for (column, s) in here.matrix().chunks_exact(here.rows).zip(step) {
            along.iter_mut().zip(column).for_each(|(along, j)| *along += s * j);
        }
        let bends = there.residuals().iter().zip(here.residuals()).zip(&along);
        let bends: Vec<f64> = bends.map(|((there, here), along)| ((there - here) / PROBE - along) / PROBE).collect();
        let bend = self.unscaled(&self.solve(&bends));
        if square(&bend) < MOST_ACCELERATION.powi(2) * square(step) { bend } else { vec![] }
    }
}
