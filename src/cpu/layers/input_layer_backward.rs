//! The weight gradient of the first layer, on a tile; the twin of `shaders/layers/input_layer_backward.wgsl`.

use pulp::Arch;

use crate::cpu::channels::Channels;
use crate::cpu::lanes::sum;
use crate::cpu::products::weight_gradient;
use crate::cpu::shape::Shape;
use crate::numbers::Real;

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
    weight_gradient::weight_gradient(arch, z_bar, x, weights_bar, biases_bar, shape.channels(1));
    let (z_bars, adjoints) = z_bar.split_at(channels.forward() * step);
    if channels.adjoints() > 0 {
        let shape = shape.channels(channels.adjoints());
        weight_gradient::outer_product(arch, adjoints, firsts_bar, weights_bar, units, shape);
    }
    for (dz_bar, input) in z_bars.chunks_exact(step).skip(1).zip(&channels.tangents) {
        for (dz_bar, weights_bar) in dz_bar.chunks_exact(points).zip(weights_bar.chunks_exact_mut(inputs)) {
            weights_bar[*input] += sum(dz_bar);
        }
    }
}
