//! The matrix products of the layers: blocks of sums that stay in registers, on operands as they lie,
//! without packing.
//!
//! A block of [`rows`] × [`columns`] vectors reads few enough numbers for each multiply-add that the
//! arithmetic is what it waits for, and indices are checked once a block: a check in its loop takes registers
//! from the sums.

use pulp::{Simd, WithSimd};

use super::lanes::{lanes, load, load_at, store};
use super::real::Real;

/// The rows of a block of sums: with [`columns`], as many sums as the registers hold beside the operands.
const fn rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT < 32 { 4 } else { 6 }
}

/// The columns of a block of sums.
const fn columns<S: Simd>() -> usize {
    if S::REGISTER_COUNT < 32 { 3 } else { 4 }
}

/// The depth of a block: so many rows of the right operand, a block wide, stay in a core's caches while all
/// rows of the left one pass. Deeper costs nothing up to here, and spares the sums a way to memory.
const DEPTH: usize = 512;

/// Bytes of the rows of an outer product's right operand that stay in the second-level cache while all
/// rows of the left one pass.
const PANEL_BYTES: usize = 384 << 10;

/// Runs a block of `$rows` × `$columns`, numbers known to the compiler, at the edges a smaller one.
macro_rules! block {
    ($self:ident, $simd:ident, $rows:expr, $columns:expr, $at:expr) => {
        match ($rows, $columns) {
            (1, 1) => $self.block::<S, 1, 1>($simd, $at),
            (1, 2) => $self.block::<S, 1, 2>($simd, $at),
            (1, 3) => $self.block::<S, 1, 3>($simd, $at),
            (1, _) => $self.block::<S, 1, 4>($simd, $at),
            (2, 1) => $self.block::<S, 2, 1>($simd, $at),
            (2, 2) => $self.block::<S, 2, 2>($simd, $at),
            (2, 3) => $self.block::<S, 2, 3>($simd, $at),
            (2, _) => $self.block::<S, 2, 4>($simd, $at),
            (3, 1) => $self.block::<S, 3, 1>($simd, $at),
            (3, 2) => $self.block::<S, 3, 2>($simd, $at),
            (3, 3) => $self.block::<S, 3, 3>($simd, $at),
            (3, _) => $self.block::<S, 3, 4>($simd, $at),
            (4, 1) => $self.block::<S, 4, 1>($simd, $at),
            (4, 2) => $self.block::<S, 4, 2>($simd, $at),
            (4, 3) => $self.block::<S, 4, 3>($simd, $at),
            (4, _) => $self.block::<S, 4, 4>($simd, $at),
            (5, 1) => $self.block::<S, 5, 1>($simd, $at),
            (5, 2) => $self.block::<S, 5, 2>($simd, $at),
            (5, 3) => $self.block::<S, 5, 3>($simd, $at),
            (5, _) => $self.block::<S, 5, 4>($simd, $at),
            (_, 1) => $self.block::<S, 6, 1>($simd, $at),
            (_, 2) => $self.block::<S, 6, 2>($simd, $at),
            (_, 3) => $self.block::<S, 6, 3>($simd, $at),
            (_, _) => $self.block::<S, 6, 4>($simd, $at),
        }
    };
}

/// The left operand (m, k) of a [`Product`]: a matrix, or its transpose.
#[derive(Clone, Copy)]
pub struct Left<'a, T> {
    pub numbers: &'a [T],
    /// From row to row.
    pub row: usize,
    /// From column to column.
    pub column: usize,
}

/// to (m, n) = left (m, k) right (k, n), plus a bias (m) on the first columns.
///
/// Every sum runs over k in order, whatever the instruction set.
pub struct Product<'a, T> {
    /// m, n, k: n in whole vectors of the widest SIMD.
    pub size: (usize, usize, usize),
    pub left: Left<'a, T>,
    /// (k, n), rows `stride` apart.
    pub right: &'a [T],
    /// (m, n), rows `stride` apart.
    pub to: &'a mut [T],
    pub stride: usize,
    /// The bias (m), or nothing, and how many columns it is added to: whole vectors.
    pub bias: (&'a [T], usize),
}

impl<T: Real> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (m, n, k) = self.size;
        let lanes = lanes::<T, S>();
        for depth in (0..k).step_by(DEPTH) {
            for column in (0..n).step_by(columns::<S>() * lanes) {
                for row in (0..m).step_by(rows::<S>()) {
                    let at = (row, column, depth);
                    let vectors = ((n - column) / lanes).min(columns::<S>());
                    block!(self, simd, (m - row).min(rows::<S>()), vectors, at);
                }
            }
        }
    }
}

impl<T: Real> Product<'_, T> {
    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, (row, column, depth): (usize, usize, usize)) {
        let (lanes, Left { numbers, row: row_step, column: step }) = (lanes::<T, S>(), self.left);
        let end = self.size.2.min(depth + DEPTH);
        let mut sums = [[T::splat(simd, T::ZERO); V]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            let to = &self.to[(row + r) * self.stride + column..][..V * lanes];
            for (v, sum) in sums.iter_mut().enumerate() {
                if depth > 0 {
                    *sum = load::<T, S>(&to[v * lanes..]);
                } else if column + v * lanes < self.bias.1 {
                    *sum = T::splat(simd, self.bias.0[row + r]);
                }
            }
        }
        let left = &numbers[row * row_step + depth * step..=(row + R - 1) * row_step + (end - 1) * step];
        let right = &self.right[depth * self.stride + column..(end - 1) * self.stride + column + V * lanes];
        for k in 0..end - depth {
            // SAFETY: the slices above end with what the last k reads, of the last row and the last vector.
            let x: [_; V] = std::array::from_fn(|v| unsafe { load_at::<T, S>(right, k * self.stride + v * lanes) });
            for (r, sums) in sums.iter_mut().enumerate() {
                let left = T::splat(simd, unsafe { *left.get_unchecked(r * row_step + k * step) });
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = T::mul_add(simd, left, x, *sum);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            let to = &mut self.to[(row + r) * self.stride + column..][..V * lanes];
            for (to, sum) in to.chunks_exact_mut(lanes).zip(sums) {
                store::<T, S>(to, sum);
            }
        }
    }
}

/// to (m, n) += left (m, k) right (n, k)ᵀ: scalar products of contiguous rows, summed by lanes and these
/// in the end, so that nothing is transposed.
pub struct OuterProduct<'a, T> {
    /// m, n, k: k in whole vectors of the widest SIMD.
    pub size: (usize, usize, usize),
    /// (m, k), rows `stride` apart.
    pub left: &'a [T],
    /// (n, k), rows `stride` apart.
    pub right: &'a [T],
    pub stride: usize,
    /// (m, n), contiguous.
    pub to: &'a mut [T],
}

impl<T: Real> WithSimd for OuterProduct<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (m, n, k) = self.size;
        let panel = (PANEL_BYTES / (k * size_of::<T>())).next_multiple_of(columns::<S>());
        for start in (0..n).step_by(panel) {
            let end = n.min(start + panel);
            for row in (0..m).step_by(rows::<S>()) {
                for column in (start..end).step_by(columns::<S>()) {
                    let (rows, columns) = ((m - row).min(rows::<S>()), (end - column).min(columns::<S>()));
                    block!(self, simd, rows, columns, (row, column));
                }
            }
        }
    }
}

impl<T: Real> OuterProduct<'_, T> {
    #[inline(always)]
    fn block<S: Simd, const M: usize, const N: usize>(&mut self, simd: S, (row, column): (usize, usize)) {
        let (_, n, k) = self.size;
        let lanes = lanes::<T, S>();
        let left: [&[T]; M] = std::array::from_fn(|i| &self.left[(row + i) * self.stride..][..k]);
        let right: [&[T]; N] = std::array::from_fn(|j| &self.right[(column + j) * self.stride..][..k]);
        let mut sums = [[T::splat(simd, T::ZERO); N]; M];
        for at in (0..k / lanes).map(|vector| vector * lanes) {
            // SAFETY: every row is k long.
            let x: [_; N] = std::array::from_fn(|j| unsafe { load_at::<T, S>(right[j], at) });
            for (sums, left) in sums.iter_mut().zip(left) {
                let left = unsafe { load_at::<T, S>(left, at) };
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = T::mul_add(simd, left, x, *sum);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (to, sum) in self.to[(row + i) * n + column..][..N].iter_mut().zip(sums) {
                *to += T::sum_lanes(simd, sum);
            }
        }
    }
}
