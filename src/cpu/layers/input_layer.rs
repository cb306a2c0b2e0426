//! The first layer, whose tangents are columns of W and whose seconds are 0; the twin of
//! `shaders/layers/input_layer.wgsl`. Inputs are standardised, so a tangent's seed is 1.

use pulp::Arch;

use crate::cpu::channels::Channels;
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
