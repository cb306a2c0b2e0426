//! The affine layer on a tile: three matrix products for every channel; the twin of `shaders/linear.wgsl`.

use pulp::Arch;

use crate::cpu::lanes::sum;
use crate::cpu::products::matrix_product::Product;
use crate::cpu::products::transpose::transpose;
use crate::cpu::products::weight_gradient::OuterProduct;
use crate::cpu::shape::Shape;
use crate::network::Layer;
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

/// Every layer's Wᵀ (in, out), where its W stands among the parameters (P): along the rows of W itself, which
/// lie far apart, the way back would be slower.
pub fn transposed<T: Real>(layers: &[Layer], parameters: &[T], to: &mut [T]) {
    for layer in layers {
        let (from, to) = (&parameters[layer.weights()], &mut to[layer.weights()]);
        transpose((layer.outputs, layer.inputs), (from, layer.inputs), (to, layer.outputs));
    }
}

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
