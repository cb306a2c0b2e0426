//! The first layer, whose tangents are columns of W and whose seconds are 0; the twin of
//! `shaders/input_layer.wgsl`. Inputs are standardised, so a tangent's seed is 1.

use pulp::Arch;

use super::channels::Channels;
use super::lanes::sum;
use super::linear;
use super::real::Real;
use super::tile::Shape;

/// z-jets (H, C, P) of the first layer from the points x̂ (D, C, P), whose value channel alone is
/// filled: z = W x̂ + b, dz_k = column k of W, ddz = 0.
pub fn forward<T: Real>(
    arch: Arch,
    weights: &[T],
    biases: &[T],
    x: &[T],
    z: &mut [T],
    shape: Shape,
    channels: &Channels<T>,
) {
    let inputs = weights.len() / biases.len();
    let points = shape.points;
    linear::forward(arch, weights, biases, x, z, shape.channels(1));
    for (row, weights) in z.chunks_mut(shape.stride).zip(weights.chunks_exact(inputs)) {
        let (tangents, seconds) = row[points..shape.columns].split_at_mut(channels.tangents.len() * points);
        for (dz, input) in tangents.chunks_exact_mut(points).zip(&channels.tangents) {
            dz.fill(weights[*input]);
        }
        seconds.fill(T::ZERO);
    }
}

/// W_bar (H, D) += z_bar x̂ᵀ over the value channel and the adjoints, and Σ_p dz_k_bar into column k; b_bar likewise.
pub fn weight_gradient<T: Real>(
    arch: Arch,
    z_bar: &[T],
    x: &[T],
    weights_bar: &mut [T],
    biases_bar: &mut [T],
    shape: Shape,
    channels: &Channels<T>,
) {
    let inputs = weights_bar.len() / biases_bar.len();
    let points = shape.points;
    linear::weight_gradient(arch, z_bar, x, weights_bar, biases_bar, shape.channels(1));
    if channels.adjoints() > 0 {
        let (first, shape) = (channels.forward() * points, shape.channels(channels.adjoints()));
        linear::outer_product(arch, &z_bar[first..], &x[first..], weights_bar, biases_bar.len(), shape);
    }
    for (row, weights_bar) in z_bar.chunks(shape.stride).zip(weights_bar.chunks_exact_mut(inputs)) {
        for (dz_bar, input) in row[points..].chunks_exact(points).zip(&channels.tangents) {
            weights_bar[*input] += sum(dz_bar);
        }
    }
}
