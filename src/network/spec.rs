//! The shape of a network and where each layer's parameters lie in the one contiguous block.

use std::ops::Range;

use crate::jet::Activation;

/// A multilayer perceptron: inputs, hidden layers with one activation, M linear outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// What the first layer reads, at least 1: the D inputs, or the F features of them.
    pub inputs: usize,
    /// The width of each hidden layer; empty for a linear model.
    pub hidden: Vec<usize>,
    /// M, at least 1.
    pub outputs: usize,
    /// σ of every hidden layer.
    pub activation: Activation,
    /// K, the unknown coefficients of equations that are trained with the network. They follow the weights in the
    /// parameter block.
    pub coefficients: usize,
}

/// One affine layer, z = W a + b, and its place in the parameter block: W (out, in) row by row,
/// then b (out).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The width of `a`.
    pub inputs: usize,
    /// The width of `z`.
    pub outputs: usize,
    /// Where W starts in the block.
    pub offset: usize,
}

impl Layer {
    /// Where W (out, in) lies.
    pub fn weights(&self) -> Range<usize> {
        self.offset..self.offset + self.outputs * self.inputs
    }

    /// Where b (out) lies.
    pub fn biases(&self) -> Range<usize> {
        let start = self.weights().end;
        start..start + self.outputs
    }
}

impl NetworkSpec {
    /// The affine layers from the inputs to the outputs: one more than there are hidden layers.
    pub fn layers(&self) -> Vec<Layer> {
        let widths: Vec<usize> = [self.inputs].into_iter().chain(self.hidden.clone()).chain([self.outputs]).collect();
        let mut offset = 0;
        let layer = |pair: &[usize]| {
            let layer = Layer { inputs: pair[0], outputs: pair[1], offset };
            offset = layer.biases().end;
            layer
        };
        widths.windows(2).map(layer).collect()
    }

    /// P, the number of parameters.
    pub fn parameters(&self) -> usize {
        self.weights() + self.coefficients
    }

    /// The number of weights and biases.
    pub fn weights(&self) -> usize {
        self.layers().last().map_or(0, |layer| layer.biases().end)
    }

    /// Σ in·out over the layers: the multiply-adds of one channel at one point.
    pub fn multiply_adds(&self) -> usize {
        self.layers().iter().map(|layer| layer.inputs * layer.outputs).sum()
    }

    /// The widest hidden layer or output: the rows of the largest working buffer.
    pub fn widest(&self) -> usize {
        self.hidden.iter().copied().chain([self.outputs]).max().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_tile_the_block() {
        let spec =
            NetworkSpec { inputs: 2, hidden: vec![7, 1], outputs: 3, activation: Activation::Tanh, coefficients: 0 };
        let layers = spec.layers();
        assert_eq!(layers.len(), 3);
        assert_eq!(layers[0].biases(), 14..21);
        assert_eq!(layers[1].weights(), 21..28);
        assert_eq!(spec.parameters(), 14 + 7 + 7 + 1 + 3 + 3);
        assert_eq!(spec.multiply_adds(), 14 + 7 + 3);
    }
}
