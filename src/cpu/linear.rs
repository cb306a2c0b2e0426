//! The affine layer on a tile: three matrix products over the stacked channels; the twin of
//! `shaders/linear.wgsl`.

use pulp::Arch;

use super::lanes::sum;
use super::product::{Left, OuterProduct, Product};
use super::real::Real;
use super::tile::Shape;

/// z (out, C, P) = W (out, in) a (in, C, P), plus b (out) on the value channel.
pub fn forward<T: Real>(arch: Arch, weights: &[T], biases: &[T], a: &[T], z: &mut [T], shape: Shape) {
    dispatch(arch, weights, (biases.len(), (biases, shape.points)), a, z, shape);
}

/// z (out, C, P) = W (out, in) a (in, C, P).
pub fn product<T: Real>(arch: Arch, weights: &[T], outputs: usize, a: &[T], z: &mut [T], shape: Shape) {
    dispatch(arch, weights, (outputs, (&[], 0)), a, z, shape);
}

fn dispatch<T: Real>(
    arch: Arch,
    weights: &[T],
    (outputs, bias): (usize, (&[T], usize)),
    a: &[T],
    z: &mut [T],
    shape: Shape,
) {
    let inputs = weights.len() / outputs;
    arch.dispatch(Product {
        size: (outputs, shape.columns, inputs),
        left: Left { numbers: weights, row: inputs, column: 1 },
        right: a,
        to: z,
        stride: shape.stride,
        bias,
    });
}

/// a_bar (in, C, P) = Wᵀ z_bar (out, C, P).
pub fn backward<T: Real>(arch: Arch, weights: &[T], outputs: usize, z_bar: &[T], a_bar: &mut [T], shape: Shape) {
    let inputs = weights.len() / outputs;
    arch.dispatch(Product {
        size: (inputs, shape.columns, outputs),
        left: Left { numbers: weights, row: 1, column: inputs },
        right: z_bar,
        to: a_bar,
        stride: shape.stride,
        bias: (&[], 0),
    });
}

/// W_bar (out, in) += z_bar (out, C, P) a (in, C, P)ᵀ; b_bar (out) += Σ_p of the value's z_bar.
pub fn weight_gradient<T: Real>(
    arch: Arch,
    z_bar: &[T],
    a: &[T],
    weights_bar: &mut [T],
    biases_bar: &mut [T],
    shape: Shape,
) {
    outer_product(arch, z_bar, a, weights_bar, biases_bar.len(), shape);
    for (row, bias_bar) in z_bar.chunks(shape.stride).zip(biases_bar) {
        *bias_bar += sum(&row[..shape.points]);
    }
}

/// W_bar (out, in) += z_bar (out, C, P) a (in, C, P)ᵀ.
pub fn outer_product<T: Real>(arch: Arch, z_bar: &[T], a: &[T], weights_bar: &mut [T], outputs: usize, shape: Shape) {
    arch.dispatch(OuterProduct {
        size: (outputs, weights_bar.len() / outputs, shape.columns),
        left: z_bar,
        right: a,
        stride: shape.stride,
        to: weights_bar,
    });
}
