//! The parameters of a network, and what follows from them.

use crate::cpu::products::transpose::transpose;
use crate::network::Layer;
use crate::numbers::Real;

/// All parameters (P), and every layer's Wᵀ where its W stands among them.
pub struct Parameters<T> {
    layers: Vec<Layer>,
    values: Vec<T>,
    transposed: Vec<T>,
}

impl<T: Real> Parameters<T> {
    pub fn new(layers: Vec<Layer>, values: Vec<T>) -> Self {
        let mut new = Self { layers, transposed: vec![T::ZERO; values.len()], values };
        new.change(|_| {});
        new
    }

    pub fn values(&self) -> &[T] {
        &self.values
    }

    pub fn transposed(&self) -> &[T] {
        &self.transposed
    }

    /// Lets `change` at the values, which what follows from them then follows.
    pub fn change(&mut self, change: impl FnOnce(&mut [T])) {
        change(&mut self.values);
        transposed(&self.layers, &self.values, &mut self.transposed);
    }

    pub fn set(&mut self, values: &[f64]) {
        self.change(|own| own.iter_mut().zip(values).for_each(|(own, value)| *own = T::of(*value)));
    }
}

/// Every layer's Wᵀ (in, out), where its W stands among the parameters (P): along the rows of W itself, which
/// lie far apart, the way back would be slower.
fn transposed<T: Real>(layers: &[Layer], parameters: &[T], to: &mut [T]) {
    for layer in layers {
        let (from, to) = (&parameters[layer.weights()], &mut to[layer.weights()]);
        transpose((layer.outputs, layer.inputs), (from, layer.inputs), (to, layer.outputs));
    }
}
