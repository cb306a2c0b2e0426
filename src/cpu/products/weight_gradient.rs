//! The weight gradient on a tile; the twin of `shaders/products/weight_gradient.wgsl`.
//!
//! The sum of outer products that makes a weight gradient. Its depth are the columns of a tile's jets (channels
//! times points), along which both operands lie; so some columns of the right one are transposed first, which costs
//! little beside the rows of the left one that then pass.

use pulp::{Arch, Simd, WithSimd};

use crate::cpu::lanes::{LANES, Lanes, lanes, load_at, prefetch, store_at, sum};
use crate::cpu::products::register_block::{COLUMNS, accumulate, block, cut, most_rows, zero};
use crate::cpu::products::transpose::transpose;
use crate::cpu::shape::Shape;
use crate::numbers::Real;

/// W_bar (out, in) += z_bar (C, out, P) a (C, in, P)ᵀ; b_bar (out) += Σ_p of the value's z_bar.
pub fn weight_gradient<T: Real>(
    arch: Arch,
    z_bar: &[T],
    a: &[T],
    weights_bar: &mut [T],
    biases_bar: &mut [T],
    shape: Shape,
) {
    outer_product(arch, z_bar, a, weights_bar, biases_bar.len(), shape);
    for (row, bias_bar) in z_bar.chunks(shape.points).zip(biases_bar) {
        *bias_bar += sum(row);
    }
}

/// W_bar (out, in) += z_bar (C, out, P) a (C, in, P)ᵀ.
pub fn outer_product<T: Real>(arch: Arch, z_bar: &[T], a: &[T], weights_bar: &mut [T], outputs: usize, shape: Shape) {
    let size = (outputs, weights_bar.len() / outputs);
    arch.dispatch(OuterProduct { size, shape, left: z_bar, right: a, to: weights_bar });
}

/// Columns that are transposed at a time: a panel of them, a block wide, stays in the first caches while all
/// rows of the left operand pass; docs/tuning.md.
const SPAN: usize = 192;

/// Below so many rows on either side the products of a panel would not pay for its transposition.
const LEAST: usize = 4;

/// to (m, n) += Σ left (C, m, P) right (C, n, P)ᵀ over the channels, in order over their points.
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

/// Points of one channel in a span.
#[derive(Clone, Copy, Default)]
struct Piece {
    channel: usize,
    point: usize,
    count: usize,
}

/// Some columns of the right operand, transposed, in whole cache lines.
#[repr(C, align(64))]
struct Panel<T> {
    /// ([`SPAN`], [`COLUMNS`] vectors)
    numbers: [T; SPAN * COLUMNS * LANES],
    /// Which columns these are.
    pieces: [Piece; SPAN / LANES],
}

/// Where a block of sums lies, and what makes it.
struct At<'a, T> {
    row: usize,
    column: usize,
    /// Columns of the panel that are of the right operand.
    width: usize,
    pieces: &'a [Piece],
    panel: &'a [T],
}

impl<T: Real> WithSimd for OuterProduct<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ((m, n), Shape { points, channels, .. }) = (self.size, self.shape);
        if m.min(n) < LEAST {
            return self.dots();
        }
        let numbers = [T::ZERO; SPAN * COLUMNS * LANES];
        let mut panel = Panel { numbers, pieces: [Piece::default(); SPAN / LANES] };
        let columns = channels * points;
        for start in (0..columns).step_by(SPAN) {
            let mut count = 0;
            let mut at = start;
            while at < columns.min(start + SPAN) {
                let (channel, point) = (at / points, at % points);
                let piece = Piece { channel, point, count: (points - point).min(columns.min(start + SPAN) - at) };
                panel.pieces[count] = piece;
                (count, at) = (count + 1, at + piece.count);
            }
            let pieces = &panel.pieces[..count];
            for vectors in cut(n.div_ceil(lanes::<T, S>()), COLUMNS) {
                let column = vectors.start * lanes::<T, S>();
                let width = n.min(vectors.end * lanes::<T, S>()) - column;
                self.transpose::<S>(pieces, column, width, &mut panel.numbers);
                for rows in cut(m, most_rows::<S>()) {
                    let at = At { row: rows.start, column, width, pieces, panel: &panel.numbers };
                    block!(self, simd, rows.len(), vectors.len(), at);
                }
            }
        }
    }
}

impl<T: Real> OuterProduct<'_, T> {
    /// The pieces' columns of the right operand's rows from `column` on as rows of a panel.
    #[inline(always)]
    fn transpose<S: Simd>(&self, pieces: &[Piece], column: usize, width: usize, panel: &mut [T]) {
        let (points, step, panel_step) = (self.shape.points, self.shape.step(self.size.1), COLUMNS * lanes::<T, S>());
        let mut to = panel;
        for piece in pieces {
            let from = &self.right[piece.channel * step + column * points + piece.point..];
            transpose((width, piece.count), (from, points), (&mut *to, panel_step));
            to = &mut to[piece.count * panel_step..];
        }
    }

    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, at: At<T>) {
        let At { row, column, width, pieces, panel } = at;
        let (points, n, lanes) = (self.shape.points, self.size.1, lanes::<T, S>());
        let (step, panel_step) = (self.shape.step(self.size.0), COLUMNS * lanes);
        let mut sums = zero::<T, S, R, V>(simd);
        // A wide layer's sums have left the caches since the span before: they are on their way while the others add up.
        for r in 0..R {
            (0..V).for_each(|v| prefetch(self.to, (row + r) * n + column + v * lanes));
        }
        let mut panel = panel;
        for piece in pieces {
            let left = &self.left[piece.channel * step + row * points + piece.point..];
            let right = std::array::from_fn(|v| &panel[v * lanes..]);
            accumulate(simd, &mut sums, (left, points), (right, panel_step), piece.count);
            panel = &panel[piece.count * panel_step..];
        }
        let one = T::splat(simd, T::ONE);
        for (r, sums) in sums.into_iter().enumerate() {
            let to = &mut self.to[(row + r) * n + column..][..width];
            for (v, sum) in sums.into_iter().enumerate() {
                if (v + 1) * lanes <= width {
                    // SAFETY: the row holds the vector, as the line above says.
                    unsafe {
                        store_at::<T, S>(to, v * lanes, T::mul_add(simd, one, sum, load_at::<T, S>(to, v * lanes)))
                    };
                } else {
                    let mut rest = [T::ZERO; LANES];
                    // SAFETY: no vector is wider.
                    unsafe { store_at::<T, S>(&mut rest, 0, sum) };
                    to[v * lanes..].iter_mut().zip(rest).for_each(|(to, sum)| *to += sum);
                }
            }
        }
    }

    /// Scalar products of rows, summed by lanes and these in the end.
    #[inline(always)]
    fn dots(self) {
        let ((m, n), Shape { points, channels, .. }) = (self.size, self.shape);
        let (left_step, right_step) = (self.shape.step(m), self.shape.step(n));
        for (at, to) in self.to.iter_mut().enumerate() {
            let (row, column) = (at / n, at % n);
            let mut sum = Lanes::ZERO;
            for channel in 0..channels {
                let left = &self.left[channel * left_step + row * points..][..points];
                let right = &self.right[channel * right_step + column * points..][..points];
                for at in (0..points).step_by(LANES) {
                    sum = sum + Lanes::load(left, at) * Lanes::load(right, at);
                }
            }
            *to += sum.0.into_iter().sum();
        }
    }
}
