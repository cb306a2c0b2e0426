//! The dense solution of (JᵀJ + λD) δ = −Jᵀr. With A = J D^(-1/2), whichever of AᵀA (P, P) and AAᵀ (R, R) is
//! smaller is factorised.

use std::ops::Range;

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, MatRef};

use crate::backend::Jacobian;
use crate::optimizer::least_squares::{Gram, dot, square};

/// The part of a step over which the bend of r is measured.
pub const PROBE: f64 = 0.1;

/// An acceleration is taken if it is at most this part of its step: beyond, the series does not hold.
const MOST_ACCELERATION: f64 = 0.75;
/// A = J D^(-1/2) and its smaller Gram matrix.
pub struct System {
    /// (R, P)
    a: Mat<f64>,
    /// D^(-1/2) (P)
    inverse: Vec<f64>,
    /// Jᵀ r (P)
    pub gradient: Vec<f64>,
    gram: Gram,
    is_kernel: bool,
}

impl System {
    /// Bytes of J with its residuals, and of all that solving its system takes.
    pub fn bytes(residuals: usize, parameters: usize) -> f64 {
        let (rows, columns) = (residuals as f64, parameters as f64);
        let side = rows.min(columns);
        // J and A, the Gram matrix and its factor.
        8.0 * rows * (2.0 * columns + 1.0) + Gram::bytes(side)
    }

    /// Of J with D (P) on the diagonal, on the threads of a pool.
    pub fn new(jacobian: &Jacobian, scales: &[f64], threads: &rayon::ThreadPool) -> Self {
        let (rows, columns) = (jacobian.rows, scales.len());
        let inverse: Vec<f64> = scales.iter().map(|scale| 1.0 / scale.sqrt()).collect();
        let j = MatRef::from_column_major_slice(jacobian.matrix(), rows, columns);
        let a = Mat::from_fn(rows, columns, |r, c| j[(r, c)] * inverse[c]);
        let r = jacobian.residuals();
        let gradient = jacobian.matrix().chunks_exact(rows).map(|column| dot(column, r)).collect();
        let is_kernel = rows < columns;
        let gram = Gram::new(if is_kernel { a.transpose() } else { a.as_ref() }, threads);
        Self { a, inverse, gradient, gram, is_kernel }
    }

    /// Factorised with λ on the diagonal; `None` where that is not positive definite to rounding.
    pub fn damped(&mut self, lambda: f64) -> Option<Damped<'_>> {
        let factor = self.gram.factor(lambda)?;
        Some(Damped { system: self, lambda, factor })
    }
}

/// A system that can be solved.
pub struct Damped<'a> {
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
    pub fn step(&self, r: &[f64]) -> (Vec<f64>, f64) {
        let scaled = self.solve(r);
        let step = self.unscaled(&scaled);
        let slope: f64 = step.iter().zip(&self.system.gradient).map(|(s, g)| s * g).sum();
        (step, self.lambda * square(&scaled) - slope)
    }

    /// y (R) with y·dr what a change −dr of the residuals moves a parameter by: J (JᵀJ + λD)⁻¹ e.
    pub fn influence(&self, parameter: usize) -> Vec<f64> {
        let System { a, inverse, is_kernel, .. } = self.system;
        let unscaled = if *is_kernel {
            self.factor.solve(a.subcols(parameter, 1))
        } else {
            let unit = Mat::from_fn(a.ncols(), 1, |k, _| if k == parameter { 1.0 } else { 0.0 });
            a * self.factor.solve(unit)
        };
        unscaled.col(0).iter().map(|y| y * inverse[parameter]).collect()
    }

    /// The trace of the hat matrix J (JᵀJ + λD)⁻¹ Jᵀ over some rows: how many of them the parameters can follow.
    pub fn leverage(&self, rows: Range<usize>) -> f64 {
        let System { a, is_kernel, .. } = self.system;
        if *is_kernel {
            // It is 1 − λ (AAᵀ + λ)⁻¹.
            let own = Mat::from_fn(a.nrows(), rows.len(), |r, c| if r == rows.start + c { 1.0 } else { 0.0 });
            let solution = self.factor.solve(own);
            return (0..rows.len()).map(|c| 1.0 - self.lambda * solution[(rows.start + c, c)]).sum();
        }
        let own = a.subrows(rows.start, rows.len());
        let solution = self.factor.solve(own.transpose());
        (0..rows.len()).map(|r| own.row(r) * solution.col(r)).sum()
    }

    /// Half the second-order correction (P) from the residuals at a part of the step; empty where it is too
    /// large to be one.
    pub fn acceleration(&self, here: &Jacobian, there: &[f64], step: &[f64]) -> Vec<f64> {
        let mut along = vec![0.0; here.rows];
        for (column, s) in here.matrix().chunks_exact(here.rows).zip(step) {
            along.iter_mut().zip(column).for_each(|(along, j)| *along += s * j);
        }
        let bends = there.iter().zip(here.residuals()).zip(&along);
        let bends: Vec<f64> = bends.map(|((there, here), along)| ((there - here) / PROBE - along) / PROBE).collect();
        let bend = self.unscaled(&self.solve(&bends));
        if square(&bend) < MOST_ACCELERATION.powi(2) * square(step) { bend } else { vec![] }
    }
}
