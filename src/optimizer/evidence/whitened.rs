//! A linear least-squares problem under a Gaussian prior, in parameters of which the prior is the unit normal:
//! A = β^½ J α^(-½), so that (I + AᵀA)⁻¹ is the covariance of what the data leaves open. Whichever of AᵀA (P, P) and
//! AAᵀ (R, R) is smaller is factorised.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef};

use crate::optimizer::gauss_newton::System;
use crate::optimizer::least_squares::{Gram, square};

/// A with its gradient and its smaller Gram matrix.
pub struct Whitened {
    /// (R, P)
    a: Mat<f64>,
    /// Aᵀ β^½ r + α^½ θ (P)
    gradient: Mat<f64>,
    /// α^(-½) (P)
    deviations: Vec<f64>,
    gram: Gram,
    is_kernel: bool,
}

/// What the data determines.
pub struct Measures {
    /// Of each parameter, from 0 to 1 (P): their sum is γ.
    pub determined: Vec<f64>,
    /// Of each group of residuals, how many of them are fitted whatever they are (T): their sum is γ again.
    pub fitted: Vec<f64>,
    /// log det (I + AᵀA)
    pub log_determinant: f64,
}

impl Whitened {
    /// Bytes of J with its residuals in so many terms, and of all that measures and steps take.
    pub fn bytes(residuals: usize, parameters: usize, terms: usize) -> f64 {
        let side = residuals.min(parameters) as f64;
        // Of one term more rows than parameters need no product.
        let is_product = terms > 1 || residuals < parameters;
        let product = if is_product { residuals as f64 * parameters as f64 } else { 0.0 };
        System::bytes(residuals, parameters) + 8.0 * (side * side + product)
    }

    /// From J (R, P), column by column, r (R), θ (P), and α of each parameter with β of each residual.
    pub fn new(
        jacobian: &[f64],
        residuals: &[f64],
        parameters: &[f64],
        (alphas, betas): (&[f64], &[f64]),
        threads: &rayon::ThreadPool,
    ) -> Self {
        let (rows, columns) = (residuals.len(), parameters.len());
        let deviations: Vec<f64> = alphas.iter().map(|alpha| 1.0 / alpha.sqrt()).collect();
        let roots: Vec<f64> = betas.iter().map(|beta| beta.sqrt()).collect();
        let j = MatRef::from_column_major_slice(jacobian, rows, columns);
        let a = Mat::from_fn(rows, columns, |r, c| roots[r] * j[(r, c)] * deviations[c]);
        let r = Mat::from_fn(rows, 1, |k, _| roots[k] * residuals[k]);
        let mut gradient = a.transpose() * r;
        (0..columns).for_each(|c| gradient[(c, 0)] += parameters[c] / deviations[c]);
        let is_kernel = rows < columns;
        let gram = Gram::new(if is_kernel { a.transpose() } else { a.as_ref() }, threads);
        Self { a, gradient, deviations, gram, is_kernel }
    }

    /// The norm of the whitened gradient.
    pub fn gradient_norm(&self) -> f64 {
        square(self.gradient.col_as_slice(0)).sqrt()
    }

    /// The step to the optimum, with the prior's precision raised by the part `damping` (P).
    pub fn step(&mut self, damping: f64) -> Option<Vec<f64>> {
        let precision = 1.0 + damping;
        let factor = self.gram.factor(precision)?;
        let whitened = if self.is_kernel {
            let through = self.a.transpose() * factor.solve(&self.a * &self.gradient);
            Mat::from_fn(self.a.ncols(), 1, |k, _| (self.gradient[(k, 0)] - through[(k, 0)]) / precision)
        } else {
            factor.solve(&self.gradient)
        };
        Some(self.deviations.iter().enumerate().map(|(k, deviation)| -whitened[(k, 0)] * deviation).collect())
    }

    /// What the data determines, with the residuals in groups of so many; `None` where rounding hides it.
    pub fn measures(&mut self, rows: &[usize]) -> Option<Measures> {
        let factor = self.gram.factor(1.0)?;
        let side = self.gram.side();
        let mut inverse = Mat::<f64>::identity(side, side);
        factor.solve_in_place(&mut inverse);
        let lower = factor.L();
        let log_determinant = 2.0 * (0..side).map(|k| lower[(k, k)].ln()).sum::<f64>();
        let left_open = |k: usize| 1.0 - inverse[(k, k)];
        // The diagonal of A (I + AᵀA)⁻¹ Aᵀ, or of Aᵀ (I + AAᵀ)⁻¹ A.
        let products = |a: MatRef<'_, f64>| -> Vec<f64> {
            let half = &inverse * a;
            let along = |c: usize| (0..side).map(|k| half[(k, c)] * a[(k, c)]).sum();
            (0..a.ncols()).map(along).collect()
        };
        let own: Vec<f64> = (0..side).map(left_open).collect();
        let of_groups = |leverages: &[f64]| {
            let mut rest = leverages;
            let of_group = |count: &usize| {
                let (own, others) = rest.split_at(*count);
                rest = others;
                own.iter().sum()
            };
            rows.iter().map(of_group).collect()
        };
        let (determined, fitted) = match (self.is_kernel, rows.len()) {
            (true, _) => (products(self.a.as_ref()), of_groups(&own)),
            // One group has all of γ, which saves a product as large as the Gram matrix.
            (false, 1) => {
                let all = own.iter().sum();
                (own, vec![all])
            }
            (false, _) => (own, of_groups(&products(self.a.transpose()))),
        };
        Some(Measures { determined, fitted, log_determinant })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any numbers: a Jacobian (R, P), residuals, parameters, α and β.
    fn system(rows: usize, columns: usize) -> [Vec<f64>; 5] {
        let some = |count: usize, seed: f64| (0..count).map(|k| (1.7 * k as f64 + seed).sin()).collect::<Vec<_>>();
        let sizes = |count: usize, seed: f64| some(count, seed).iter().map(|x| 1.5 + x).collect::<Vec<_>>();
        [some(rows * columns, 0.3), some(rows, 1.0), some(columns, 2.0), sizes(columns, 3.0), sizes(rows, 4.0)]
    }

    #[test]
    fn both_forms_step_to_the_optimum_and_count_what_is_determined() {
        let threads = crate::threads::pool(1).unwrap();
        for (rows, columns) in [(7, 3), (3, 7)] {
            let [j, r, theta, alphas, betas] = system(rows, columns);
            let mut whitened = Whitened::new(&j, &r, &theta, (&alphas, &betas), &threads);
            let step = whitened.step(0.0).unwrap();
            // The gradient of ½ Σ β (r + J δ)² + ½ Σ α (θ + δ)² vanishes.
            let residual = |k: usize| r[k] + (0..columns).map(|c| j[c * rows + k] * step[c]).sum::<f64>();
            for c in 0..columns {
                let misfit: f64 = (0..rows).map(|k| betas[k] * residual(k) * j[c * rows + k]).sum();
                assert!((misfit + alphas[c] * (theta[c] + step[c])).abs() < 1e-12, "{rows} {columns} {c}");
            }
            let groups = [rows - 1, 1];
            let (one, two) = (whitened.measures(&[rows]).unwrap(), whitened.measures(&groups).unwrap());
            let determined: f64 = one.determined.iter().sum();
            assert!(
                (one.fitted[0] - determined).abs() < 1e-12
                    && (two.fitted.iter().sum::<f64>() - determined).abs() < 1e-12
            );
            assert!(determined > 0.0 && determined < rows.min(columns) as f64);
            // A weaker prior leaves less open.
            let weak: Vec<f64> = alphas.iter().map(|alpha| 1e-3 * alpha).collect();
            let weak = Whitened::new(&j, &r, &theta, (&weak, &betas), &threads).measures(&[rows]).unwrap();
            assert!(weak.fitted[0] > determined && weak.log_determinant > one.log_determinant);
        }
    }
}
