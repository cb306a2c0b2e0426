//! What the least-squares methods share: products of vectors, and Gram matrices that are factorised.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::Llt;
use faer::{Accum, Mat, MatRef, Par, Side};
use rayon::prelude::*;

/// Columns of a block of a Gram matrix. Blocks have their sums in an order of their own, whatever the threads.
const BLOCK: usize = 128;
/// Blocks that wait together to be put into a Gram matrix: enough for any number of threads, and 32 MiB at most.
const BLOCKS_TOGETHER: usize = 256;
const BYTES_TOGETHER: f64 = (8 * BLOCKS_TOGETHER * BLOCK * BLOCK) as f64;

/// Σ x²
pub fn square(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum()
}

/// Σ a b
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A Gram matrix BᵀB that is factorised with several numbers on its diagonal.
pub struct Gram {
    /// Its lower triangle, the diagonal as it was factorised last.
    lower: Mat<f64>,
    /// Its own diagonal.
    diagonal: Vec<f64>,
}

impl Gram {
    /// Bytes of it and its factor, and of what is in hand while it is made, for B with `side` columns.
    pub fn bytes(side: f64) -> f64 {
        8.0 * 2.0 * side * side + BYTES_TOGETHER.min(8.0 * side * side)
    }

    /// Of B (m, n): BᵀB (n, n), on the threads of a pool.
    pub fn new(b: MatRef<'_, f64>, threads: &rayon::ThreadPool) -> Self {
        let lower = threads.install(|| lower_triangle(b));
        let diagonal = (0..lower.nrows()).map(|k| lower[(k, k)]).collect();
        Self { lower, diagonal }
    }

    /// n, the number of its rows.
    pub fn side(&self) -> usize {
        self.diagonal.len()
    }

    /// Its factor with `more` on the diagonal; `None` where that is not positive definite to rounding.
    pub fn factor(&mut self, more: f64) -> Option<Llt<f64>> {
        // In its place: a copy would be as large as all that there is already.
        for (k, own) in self.diagonal.iter().enumerate() {
            self.lower[(k, k)] = own + more;
        }
        Llt::new(self.lower.as_ref(), Side::Lower).ok()
    }
}

/// The lower triangle of BᵀB for B (m, n).
fn lower_triangle(b: MatRef<'_, f64>) -> Mat<f64> {
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
    let mut gram = Mat::zeros(n, n);
    for places in places.chunks(BLOCKS_TOGETHER) {
        let products: Vec<_> = places.par_iter().copied().map(product).collect();
        for (row, column, product) in products {
            gram.as_mut().submatrix_mut(row, column, product.nrows(), product.ncols()).copy_from(&product);
        }
    }
    gram
}
