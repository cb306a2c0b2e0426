//! The first layer, whose tangents are columns of W and whose seconds are 0; the twin of
//! `shaders/input_layer.wgsl`. Inputs are standardised, so a tangent's seed is 1.

use pulp::Arch;

use crate::cpu::channels::Channels;
use crate::cpu::lanes::sum;
use crate::cpu::products::linear;
use crate::cpu::shape::Shape;
use crate::numbers::Real;

/// What travels forward of the z-jets (C, H, P) of the first layer from the points x̂ (D, P): z = W x̂ + b, dz_k = column k of W, ddz = 0.
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
    let (points, step) = (shape.points, shape.step(biases.len()));
    linear::forward(arch, weights, biases, x, z, shape.channels(1));
    let (tangents, rest) = z[step..].split_at_mut(channels.tangents.len() * step);
    for (dz, input) in tangents.chunks_exact_mut(step).zip(&channels.tangents) {
        for (dz, weights) in dz.chunks_exact_mut(points).zip(weights.chunks_exact(inputs)) {
            dz.fill(weights[*input]);
        }
    }
    rest[..channels.seconds * step].fill(T::ZERO);
}

/// W_bar (H, D) += z_bar x̂ᵀ over the value channel, the same with firsts_bar (M, D, P) over the adjoints, and
/// Σ_p dz_k_bar into column k; b_bar likewise.
pub fn weight_gradient<T: Real>(
    arch: Arch,
    z_bar: &[T],
    (x, firsts_bar): (&[T], &[T]),
    weights_bar: &mut [T],
    biases_bar: &mut [T],
    shape: Shape,
    channels: &Channels<T>,
) {
    let (inputs, units) = (weights_bar.len() / biases_bar.len(), biases_bar.len());
    let (points, step) = (shape.points, shape.step(units));
    linear::weight_gradient(arch, z_bar, x, weights_bar, biases_bar, shape.channels(1));
    let (z_bars, adjoints) = z_bar.split_at(channels.forward() * step);
    if channels.adjoints() > 0 {
        let shape = shape.channels(channels.adjoints());
        linear::outer_product(arch, adjoints, firsts_bar, weights_bar, units, shape);
    }
    for (dz_bar, input) in z_bars.chunks_exact(step).skip(1).zip(&channels.tangents) {
        for (dz_bar, weights_bar) in dz_bar.chunks_exact(points).zip(weights_bar.chunks_exact_mut(inputs)) {
            weights_bar[*input] += sum(dz_bar);
        }
    }
}
