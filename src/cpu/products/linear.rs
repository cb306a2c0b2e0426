//! The affine layer on a tile: matrix products for every channel, either way; the twin of `shaders/products/linear.wgsl`.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::cpu::lanes::{lanes, load_at, store_at};
use crate::cpu::products::register_block::{COLUMNS, accumulate, block, cut, most_rows, zero};
use crate::cpu::shape::Shape;
use crate::numbers::Real;

/// z (C, out, P) = W (out, in) a (C, in, P), plus b (out) on the value channel.
pub fn forward<T: Real>(arch: Arch, weights: &[T], biases: &[T], a: &[T], z: &mut [T], shape: Shape) {
    let inputs = weights.len() / biases.len();
    arch.dispatch(Product { size: (biases.len(), inputs), shape, left: weights, right: a, to: z, bias: biases });
}

/// z (C, out, P) = W (out, in) a (C, in, P): channels that the bias does not reach.
pub fn product<T: Real>(arch: Arch, weights: &[T], outputs: usize, a: &[T], z: &mut [T], shape: Shape) {
    let inputs = weights.len() / outputs;
    arch.dispatch(Product { size: (outputs, inputs), shape, left: weights, right: a, to: z, bias: &[] });
}

/// a_bar (C, in, P) = Wᵀ (in, out) z_bar (C, out, P).
pub fn backward<T: Real>(arch: Arch, transposed: &[T], outputs: usize, z_bar: &[T], a_bar: &mut [T], shape: Shape) {
    product(arch, transposed, transposed.len() / outputs, z_bar, a_bar, shape);
}

/// The depth of a block: so many rows of the right operand, a block wide, stay in a core's caches while all
/// rows of the left one pass. Deeper costs nothing up to here, and spares the sums a way to memory.
const DEPTH: usize = 512;

/// to (C, m, P) = left (m, k) right (C, k, P) for each channel, plus a bias (m) on the first.
///
/// Every sum runs over k in order, whatever the instruction set. A block's vectors need not be of one channel.
pub struct Product<'a, T> {
    /// m, k
    pub size: (usize, usize),
    /// C and P, in whole vectors of the widest SIMD.
    pub shape: Shape,
    /// (m, k)
    pub left: &'a [T],
    /// (C, k, P)
    pub right: &'a [T],
    /// (C, m, P)
    pub to: &'a mut [T],
    /// The bias (m), or nothing.
    pub bias: &'a [T],
}

/// Where a block of sums lies.
struct At {
    row: usize,
    /// The channel of each vector, and its first point.
    places: [(usize, usize); COLUMNS],
    depth: Range<usize>,
}

impl<T: Real> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ((m, k), Shape { points, channels, .. }) = (self.size, self.shape);
        let lanes = lanes::<T, S>();
        for start in (0..k).step_by(DEPTH) {
            for vectors in cut(channels * points / lanes, COLUMNS) {
                let mut places = [(0, 0); COLUMNS];
                for (place, vector) in places.iter_mut().zip(vectors.clone()) {
                    *place = (vector * lanes / points, vector * lanes % points);
                }
                for rows in cut(m, most_rows::<S>()) {
                    let at = At { row: rows.start, places, depth: start..k.min(start + DEPTH) };
                    block!(self, simd, rows.len(), vectors.len(), at);
                }
            }
        }
    }
}

impl<T: Real> Product<'_, T> {
    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, At { row, places, depth }: At) {
        let ((m, k), points) = (self.size, self.shape.points);
        let (right_step, to_step) = (self.shape.step(k), self.shape.step(m));
        let size = (R - 1) * points + lanes::<T, S>();
        let bias = if depth.start == 0 { self.bias.get(row..row + R) } else { None };
        let mut sums = zero::<T, S, R, V>(simd);
        let (mut right, mut to) = ([&self.right[..0]; V], [0; V]);
        for (v, (channel, point)) in places.into_iter().enumerate().take(V) {
            right[v] = &self.right[channel * right_step + depth.start * points + point..];
            to[v] = channel * to_step + row * points + point;
            let to = &self.to[to[v]..][..size];
            for (r, sums) in sums.iter_mut().enumerate() {
                if depth.start > 0 {
                    // SAFETY: the slice above ends with the last row's vector.
                    sums[v] = unsafe { load_at::<T, S>(to, r * points) };
                } else if let (0, Some(bias)) = (channel, bias) {
                    sums[v] = T::splat(simd, bias[r]);
                }
            }
        }
        let left = &self.left[row * k + depth.start..];
        accumulate(simd, &mut sums, (left, k), (right, points), depth.len());
        for (v, at) in to.into_iter().enumerate() {
            let to = &mut self.to[at..][..size];
            for (r, sums) in sums.iter().enumerate() {
                // SAFETY: as above.
                unsafe { store_at::<T, S>(to, r * points, sums[v]) };
            }
        }
    }
}
