//! The matrix products of the layers: blocks of sums that stay in registers, on operands as they lie,
//! without packing.
//!
//! A block of [`rows`] × [`COLUMNS`] vectors reads few enough numbers for each multiply-add that the
//! arithmetic is what it waits for, and indices are checked once a block: a check in its loop takes registers
//! from the sums. A channel of an operand is one piece of memory, which the processor's prefetchers follow.

use pulp::{Simd, WithSimd};

use super::lanes::{lanes, load_at, store_at};
use super::real::Real;
use super::shape::Shape;

/// The rows of a block of sums: with [`COLUMNS`], as many sums as the registers hold beside the operands.
const fn rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT < 32 { 4 } else { 8 }
}

/// The columns of a block of sums.
const COLUMNS: usize = 3;

/// The depth of a block: so many rows of the right operand, a block wide, stay in a core's caches while all
/// rows of the left one pass. Deeper costs nothing up to here, and spares the sums a way to memory.
const DEPTH: usize = 512;

/// Columns (channels times points) of an outer product's operands that are summed at a time: so much of a block's
/// rows stays in the first-level cache while all rows of the right operand pass.
const SPAN: usize = 1024;

/// Bytes of the rows of an outer product's right operand that stay in the second-level cache while all
/// rows of the left one pass.
const PANEL_BYTES: usize = 384 << 10;

/// Runs a block of `$rows` × `$columns`, numbers known to the compiler, at the edges a smaller one.
macro_rules! block {
    ($self:ident, $simd:ident, $rows:expr, $columns:expr, $at:expr) => {
        match ($rows, $columns) {
            (1, 1) => $self.block::<S, 1, 1>($simd, $at),
            (1, 2) => $self.block::<S, 1, 2>($simd, $at),
            (1, _) => $self.block::<S, 1, 3>($simd, $at),
            (2, 1) => $self.block::<S, 2, 1>($simd, $at),
            (2, 2) => $self.block::<S, 2, 2>($simd, $at),
            (2, _) => $self.block::<S, 2, 3>($simd, $at),
            (3, 1) => $self.block::<S, 3, 1>($simd, $at),
            (3, 2) => $self.block::<S, 3, 2>($simd, $at),
            (3, _) => $self.block::<S, 3, 3>($simd, $at),
            (4, 1) => $self.block::<S, 4, 1>($simd, $at),
            (4, 2) => $self.block::<S, 4, 2>($simd, $at),
            (4, _) => $self.block::<S, 4, 3>($simd, $at),
            (5, 1) => $self.block::<S, 5, 1>($simd, $at),
            (5, 2) => $self.block::<S, 5, 2>($simd, $at),
            (5, _) => $self.block::<S, 5, 3>($simd, $at),
            (6, 1) => $self.block::<S, 6, 1>($simd, $at),
            (6, 2) => $self.block::<S, 6, 2>($simd, $at),
            (6, _) => $self.block::<S, 6, 3>($simd, $at),
            (7, 1) => $self.block::<S, 7, 1>($simd, $at),
            (7, 2) => $self.block::<S, 7, 2>($simd, $at),
            (7, _) => $self.block::<S, 7, 3>($simd, $at),
            (_, 1) => $self.block::<S, 8, 1>($simd, $at),
            (_, 2) => $self.block::<S, 8, 2>($simd, $at),
            (_, _) => $self.block::<S, 8, 3>($simd, $at),
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

/// to (C, m, P) = left (m, k) right (C, k, P) for each channel, plus a bias (m) on the first.
///
/// Every sum runs over k in order, whatever the instruction set. A block's vectors need not be of one channel.
pub struct Product<'a, T> {
    /// m, k
    pub size: (usize, usize),
    /// C and P, in whole vectors of the widest SIMD.
    pub shape: Shape,
    pub left: Left<'a, T>,
    /// (C, k, P)
    pub right: &'a [T],
    /// (C, m, P)
    pub to: &'a mut [T],
    /// The bias (m), or nothing.
    pub bias: &'a [T],
}

impl<T: Real> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ((m, k), Shape { points, channels, .. }) = (self.size, self.shape);
        let vectors = channels * points / lanes::<T, S>();
        for depth in (0..k).step_by(DEPTH) {
            for vector in (0..vectors).step_by(COLUMNS) {
                // The channel of each vector, and its first point.
                let mut places = [(0, 0); COLUMNS];
                for (v, place) in places.iter_mut().enumerate() {
                    let at = (vector + v) * lanes::<T, S>();
                    *place = (at / points, at % points);
                }
                for row in (0..m).step_by(rows::<S>()) {
                    let (rows, columns) = ((m - row).min(rows::<S>()), (vectors - vector).min(COLUMNS));
                    block!(self, simd, rows, columns, (row, places, depth));
                }
            }
        }
    }
}

impl<T: Real> Product<'_, T> {
    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        (row, places, depth): (usize, [(usize, usize); COLUMNS], usize),
    ) {
        let (lanes, Left { numbers, row: row_step, column: step }) = (lanes::<T, S>(), self.left);
        let ((m, k), points) = (self.size, self.shape.points);
        let (right_step, to_step) = (self.shape.step(k), self.shape.step(m));
        let end = k.min(depth + DEPTH);
        let bias = if depth == 0 { self.bias.get(row..row + R) } else { None };
        let mut sums = [[T::splat(simd, T::ZERO); V]; R];
        let (mut right, mut to) = ([&self.right[..0]; V], [0; V]);
        for (v, (channel, point)) in places.into_iter().enumerate().take(V) {
            right[v] =
                &self.right[channel * right_step + depth * points + point..][..(end - 1 - depth) * points + lanes];
            to[v] = channel * to_step + row * points + point;
            let to = &self.to[to[v]..][..(R - 1) * points + lanes];
            for (r, sums) in sums.iter_mut().enumerate() {
                if depth > 0 {
                    // SAFETY: the slice above ends with the last row's vector.
                    sums[v] = unsafe { load_at::<T, S>(to, r * points) };
                } else if let (0, Some(bias)) = (channel, bias) {
                    sums[v] = T::splat(simd, bias[r]);
                }
            }
        }
        let left = &numbers[row * row_step + depth * step..=(row + R - 1) * row_step + (end - 1) * step];
        for k in 0..end - depth {
            let mut x = [T::splat(simd, T::ZERO); V];
            for (x, right) in x.iter_mut().zip(right) {
                // SAFETY: the slices above, here and below, end with what the last k reads, of each vector and of the
                // last row.
                *x = unsafe { load_at::<T, S>(right, k * points) };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let left = T::splat(simd, unsafe { *left.get_unchecked(r * row_step + k * step) });
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = T::mul_add(simd, left, x, *sum);
                }
            }
        }
        for (v, at) in to.into_iter().enumerate() {
            let to = &mut self.to[at..][..(R - 1) * points + lanes];
            for (r, sums) in sums.iter().enumerate() {
                // SAFETY: as above.
                unsafe { store_at::<T, S>(to, r * points, sums[v]) };
            }
        }
    }
}

/// to (m, n) += Σ left (C, m, P) right (C, n, P)ᵀ over the channels: scalar products of rows, summed by lanes and
/// these in the end, so that nothing is transposed.
pub struct OuterProduct<'a, T> {
    /// m, n
    pub size: (usize, usize),
    /// C and P, in whole vectors of the widest SIMD.
    pub shape: Shape,
    /// (C, m, P)
    pub left: &'a [T],
    /// (C, n, P)
    pub right: &'a [T],
    /// (m, n)
    pub to: &'a mut [T],
}

impl<T: Real> WithSimd for OuterProduct<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ((m, n), Shape { points, channels, .. }) = (self.size, self.shape);
        let spans = (channels * points).div_ceil(SPAN);
        let panel = (PANEL_BYTES / (channels.div_ceil(spans) * points * size_of::<T>())).next_multiple_of(COLUMNS);
        for span in 0..spans {
            let span = span * channels / spans..(span + 1) * channels / spans;
            for start in (0..n).step_by(panel) {
                let end = n.min(start + panel);
                for row in (0..m).step_by(rows::<S>()) {
                    for column in (start..end).step_by(COLUMNS) {
                        let (rows, columns) = ((m - row).min(rows::<S>()), (end - column).min(COLUMNS));
                        block!(self, simd, rows, columns, (row, column, (span.start, span.end)));
                    }
                }
            }
        }
    }
}

impl<T: Real> OuterProduct<'_, T> {
    #[inline(always)]
    fn block<S: Simd, const M: usize, const N: usize>(
        &mut self,
        simd: S,
        (row, column, (start, end)): (usize, usize, (usize, usize)),
    ) {
        let ((m, n), points) = (self.size, self.shape.points);
        let (left_step, right_step) = (self.shape.step(m), self.shape.step(n));
        let lanes = lanes::<T, S>();
        let mut sums = [[T::splat(simd, T::ZERO); N]; M];
        // Up to the last channel's rows.
        let left = &self.left[row * points..(end - 1) * left_step + (row + M) * points];
        let right = &self.right[column * points..(end - 1) * right_step + (column + N) * points];
        for channel in start..end {
            for at in (0..points / lanes).map(|vector| vector * lanes) {
                let (left_at, right_at) = (channel * left_step + at, channel * right_step + at);
                let mut x = [T::splat(simd, T::ZERO); N];
                for (j, x) in x.iter_mut().enumerate() {
                    // SAFETY: the slices above, here and below, end with what the last channel reads.
                    *x = unsafe { load_at::<T, S>(right, right_at + j * points) };
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let left = unsafe { load_at::<T, S>(left, left_at + i * points) };
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = T::mul_add(simd, left, x, *sum);
                    }
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
