//! The two ends of the adjoints' ways, on a tile (C, H, P); the twin of `shaders/layers/adjoint_seeds.wgsl` and of what
//! `shaders/rules/adjoint.wgsl` does at the first and the last hidden layer.

use crate::cpu::channels::Channels;
use crate::cpu::shape::Shape;
use crate::numbers::Real;
use crate::pass::Span;

/// The derivatives in the jets (C, M, P) are 0: the adjoints add to them.
pub fn clear_derivatives<T: Real>(to: &mut [T], jets: Span, shape: Shape) {
    let step = shape.step(jets.units);
    to[step..jets.count * step].fill(T::ZERO);
}

/// g (M, H, P) of the last hidden layer: a row of the output's W (M, H) for each output.
pub fn output_weights<T: Real>(weights: &[T], inputs: usize, g: &mut [T], shape: Shape) {
    for (g, weights) in g.chunks_exact_mut(shape.step(inputs)).zip(weights.chunks_exact(inputs)) {
        g.chunks_exact_mut(shape.points).zip(weights).for_each(|(g, weight)| g.fill(*weight));
    }
}

/// ∂ᵢu, into the jets (C, M, P), from ∂u/∂x̂ (M, D, P).
pub fn first_derivatives<T: Real>(
    g: &[T],
    inputs: usize,
    jets: &mut [T],
    outputs: usize,
    shape: Shape,
    channels: &Channels<T>,
) {
    let (points, of_inputs, of_jets) = (shape.points, shape.step(inputs), shape.step(outputs));
    for (du, input) in jets[of_jets..].chunks_exact_mut(of_jets).zip(&channels.firsts) {
        for (m, du) in du.chunks_exact_mut(points).enumerate().take(outputs) {
            du.copy_from_slice(&g[m * of_inputs + input * points..][..points]);
        }
    }
}

/// What reads the first derivatives reads the inputs' adjoints: their cotangents (M, D, P) from those of the jets (C, M, P).
pub fn input<T: Real>(
    jets_bar: &[T],
    outputs: usize,
    to: &mut [T],
    inputs: usize,
    shape: Shape,
    channels: &Channels<T>,
) {
    let (points, of_inputs, of_jets) = (shape.points, shape.step(inputs), shape.step(outputs));
    to[..outputs * of_inputs].fill(T::ZERO);
    for (du_bar, input) in jets_bar[of_jets..].chunks_exact(of_jets).zip(&channels.firsts) {
        for (m, du_bar) in du_bar.chunks_exact(points).enumerate().take(outputs) {
            to[m * of_inputs + input * points..][..points].copy_from_slice(du_bar);
        }
    }
}

/// ∂loss/∂(output's channels) (C', M, P): of the value its own, of the tangents none, of each adjoint 1.
pub fn output<T: Real>(jets_bar: &[T], outputs: usize, bar: &mut [T], shape: Shape, channels: &Channels<T>) {
    let (points, of_jets) = (shape.points, shape.step(outputs));
    let (value, rest) = bar[..channels.count() * of_jets].split_at_mut(of_jets);
    value.copy_from_slice(&jets_bar[..of_jets]);
    rest.fill(T::ZERO);
    for (m, adjoint) in rest[(channels.forward() - 1) * of_jets..].chunks_exact_mut(of_jets).enumerate() {
        adjoint[m * points..][..points].fill(T::ONE);
    }
}
