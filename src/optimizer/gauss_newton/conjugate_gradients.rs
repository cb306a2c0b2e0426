//! Conjugate gradients (Hestenes & Stiefel 1952) for a matrix that is known by its products alone.

use crate::error::Result;
use crate::optimizer::least_squares::dot;

/// What was found: s and K s.
pub struct Solution {
    /// s (P)
    pub solution: Vec<f64>,
    /// K s (P)
    pub product: Vec<f64>,
    /// Products that it took.
    pub products: usize,
}

/// Solves (K + λ) s = b for a symmetric K without negative eigenvalues, until the residual is at most `tolerance`
/// of b, by so many products with K at most; `None` once `is_over` says so.
///
/// # Errors
/// Those of `product`.
pub fn solve(
    mut product: impl FnMut(&[f64]) -> Result<Vec<f64>>,
    b: &[f64],
    lambda: f64,
    tolerance: f64,
    (most, is_over): (usize, &dyn Fn() -> bool),
) -> Result<Option<Solution>> {
    let mut found = Solution { solution: vec![0.0; b.len()], product: vec![0.0; b.len()], products: 0 };
    let (mut residual, mut direction) = (b.to_vec(), b.to_vec());
    let mut square = dot(b, b);
    let enough = tolerance * tolerance * square;
    while square > enough && found.products < most {
        if is_over() {
            return Ok(None);
        }
        let along = product(&direction)?;
        found.products += 1;
        let curvature = dot(&direction, &along) + lambda * dot(&direction, &direction);
        // Not so for a K without negative eigenvalues, but for rounding.
        if curvature <= 0.0 {
            break;
        }
        let length = square / curvature;
        for k in 0..b.len() {
            found.solution[k] += length * direction[k];
            found.product[k] += length * along[k];
            residual[k] -= length * (along[k] + lambda * direction[k]);
        }
        let next = dot(&residual, &residual);
        let part = next / square;
        square = next;
        direction.iter_mut().zip(&residual).for_each(|(direction, r)| *direction = r + part * *direction);
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_of_few_eigenvalues_takes_as_few_products() {
        let eigenvalues = [0.0, 1.0, 100.0];
        let matrix = |s: &[f64]| Ok(s.iter().enumerate().map(|(k, s)| eigenvalues[k % 3] * s).collect());
        let b: Vec<f64> = (0..33).map(|k| f64::cos(k.into())).collect();
        let Solution { solution, product, products } = solve(matrix, &b, 0.5, 1e-12, (99, &|| false)).unwrap().unwrap();
        assert_eq!(products, 3);
        for (k, b) in b.iter().enumerate() {
            let expected = b / (eigenvalues[k % 3] + 0.5);
            assert!((solution[k] - expected).abs() < 1e-12, "{k}: {} {expected}", solution[k]);
            assert!((product[k] - eigenvalues[k % 3] * expected).abs() < 1e-10, "{k}");
        }
        for tolerance in [0.9, 0.1, 1e-3] {
            let Solution { solution, product, .. } =
                solve(matrix, &b, 0.5, tolerance, (99, &|| false)).unwrap().unwrap();
            let left: f64 = (0..33).map(|k| (b[k] - product[k] - 0.5 * solution[k]).powi(2)).sum();
            assert!(left.sqrt() <= tolerance * dot(&b, &b).sqrt(), "{tolerance}: {left}");
        }
        assert_eq!(solve(matrix, &b, 0.5, 1e-12, (2, &|| false)).unwrap().unwrap().products, 2);
    }

    #[test]
    fn what_is_over_is_given_up() {
        assert!(solve(|s| Ok(s.to_vec()), &[1.0; 3], 0.0, 1e-3, (9, &|| true)).unwrap().is_none());
    }

    #[test]
    fn nothing_to_solve_takes_no_product() {
        let found = solve(|_| panic!("no product"), &[0.0; 3], 1.0, 1e-3, (9, &|| false)).unwrap().unwrap();
        assert_eq!((found.solution, found.products), (vec![0.0; 3], 0));
    }
}
