//! The affine layer on a tile: three matrix products over the stacked channels; the twin of
//! `shaders/linear.wgsl`. The products are the `gemm` crate's.

use super::lanes::sum;
use super::real::Real;
use super::tile::Shape;

/// A matrix in memory: where it starts, and the steps from row to row and column to column.
#[derive(Clone, Copy)]
struct View<P> {
    start: P,
    row: usize,
    column: usize,
}

/// C (m, n) = A (m, k) B (k, n), added to what C holds if `accumulate`.
///
/// The slices behind the views must reach as far as the shapes say; callers below see to that.
fn product<T: Real>(
    (m, n, k): (usize, usize, usize),
    c: View<*mut T>,
    accumulate: bool,
    a: View<*const T>,
    b: View<*const T>,
) {
    // SAFETY: every caller slices its arguments to the extent of the shapes before it takes the
    // pointers, and C comes from a unique borrow.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.start,
            c.column as isize,
            c.row as isize,
            accumulate,
            a.start,
            a.column as isize,
            a.row as isize,
            b.start,
            b.column as isize,
            b.row as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The elements from the start of a (rows, columns) block with this stride to its end.
fn extent(rows: usize, columns: usize, stride: usize) -> usize {
    (rows - 1) * stride + columns
}

/// z (out, C, P) = W (out, in) a (in, C, P), plus b (out) on the value channel.
pub fn forward<T: Real>(weights: &[T], biases: &[T], a: &[T], z: &mut [T], shape: Shape) {
    let outputs = biases.len();
    let inputs = weights.len() / outputs;
    let (columns, stride) = (shape.columns, shape.stride);
    let (a, z) = (&a[..extent(inputs, columns, stride)], &mut z[..extent(outputs, columns, stride)]);
    product(
        (outputs, columns, inputs),
        View { start: z.as_mut_ptr(), row: stride, column: 1 },
        false,
        View { start: weights.as_ptr(), row: inputs, column: 1 },
        View { start: a.as_ptr(), row: stride, column: 1 },
    );
    for (row, bias) in z.chunks_mut(stride).zip(biases) {
        row[..shape.points].iter_mut().for_each(|z| *z += *bias);
    }
}

/// a_bar (in, C, P) = Wᵀ z_bar (out, C, P).
pub fn backward<T: Real>(weights: &[T], outputs: usize, z_bar: &[T], a_bar: &mut [T], shape: Shape) {
    let inputs = weights.len() / outputs;
    let (columns, stride) = (shape.columns, shape.stride);
    let (z_bar, a_bar) = (&z_bar[..extent(outputs, columns, stride)], &mut a_bar[..extent(inputs, columns, stride)]);
    product(
        (inputs, columns, outputs),
        View { start: a_bar.as_mut_ptr(), row: stride, column: 1 },
        false,
        View { start: weights.as_ptr(), row: 1, column: inputs },
        View { start: z_bar.as_ptr(), row: stride, column: 1 },
    );
}

/// W_bar (out, in) += z_bar (out, C, P) a (in, C, P)ᵀ; b_bar (out) += Σ_p of the value's z_bar.
pub fn weight_gradient<T: Real>(z_bar: &[T], a: &[T], weights_bar: &mut [T], biases_bar: &mut [T], shape: Shape) {
    outer_product(z_bar, a, weights_bar, biases_bar.len(), shape.columns, shape.stride);
    bias_gradient(z_bar, biases_bar, shape);
}

/// W_bar (out, in) += left (out, n) right (in, n)ᵀ over the first `n` columns of rows `stride` apart.
pub fn outer_product<T: Real>(left: &[T], right: &[T], weights_bar: &mut [T], outputs: usize, n: usize, stride: usize) {
    let inputs = weights_bar.len() / outputs;
    let (left, right) = (&left[..extent(outputs, n, stride)], &right[..extent(inputs, n, stride)]);
    product(
        (outputs, inputs, n),
        View { start: weights_bar.as_mut_ptr(), row: inputs, column: 1 },
        true,
        View { start: left.as_ptr(), row: stride, column: 1 },
        View { start: right.as_ptr(), row: 1, column: stride },
    );
}

/// b_bar (out) += Σ_p of the value's z_bar (out, C, P).
pub fn bias_gradient<T: Real>(z_bar: &[T], biases_bar: &mut [T], shape: Shape) {
    for (row, bias_bar) in z_bar.chunks(shape.stride).zip(biases_bar) {
        *bias_bar += sum(&row[..shape.points]);
    }
}
