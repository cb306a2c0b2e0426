//! The shape of a network and where each layer's parameters lie in the one contiguous block.

use std::ops::Range;

use crate::jet::Activation;

/// A multilayer perceptron: inputs, hidden layers, M linear outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// What the first layer reads, at least 1: the D inputs, or the F features of them.
    pub inputs: usize,
    /// The hidden layers; empty for a linear model.
    pub hidden: Vec<Hidden>,
    /// M, at least 1.
    pub outputs: usize,
    /// K, the unknown coefficients of equations that are trained with the network. They follow the weights in the
    /// parameter block.
    pub coefficients: usize,
}

/// A hidden layer: `a = σ(W a' + b)`, and with a skip that of an earlier layer is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// Its units, at least 1.
    pub width: usize,
    /// σ
    pub activation: Activation,
    /// An earlier hidden layer of the same width whose result is added: `a = σ(z) + a_skip`.
    pub skip: Option<usize>,
}

impl Hidden {
    /// A layer without a skip.
    pub fn new(width: usize, activation: Activation) -> Self {
        Self { width, activation, skip: None }
    }
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
    /// Hidden layers of one activation, and no coefficients.
    pub fn uniform(inputs: usize, hidden: &[usize], activation: Activation, outputs: usize) -> Self {
        let hidden = hidden.iter().map(|width| Hidden::new(*width, activation)).collect();
        Self { inputs, hidden, outputs, coefficients: 0 }
    }

    /// The width of each hidden layer.
    pub fn widths(&self) -> Vec<usize> {
        self.hidden.iter().map(|layer| layer.width).collect()
    }

    /// The activation of all hidden layers, where it is one and none has a skip. Without a hidden layer it is tanh.
    pub fn single_activation(&self) -> Option<Activation> {
        let first = self.hidden.first().map_or(Activation::Tanh, |layer| layer.activation);
        let is_alike = |layer: &Hidden| layer.activation == first && layer.skip.is_none();
        self.hidden.iter().all(is_alike).then_some(first)
    }

    /// Whether a layer has a skip.
    pub fn has_skips(&self) -> bool {
        self.hidden.iter().any(|layer| layer.skip.is_some())
    }

    /// The activation that decides which derivatives the network has: the least smooth one.
    pub fn roughest(&self) -> Activation {
        let activations = self.hidden.iter().map(|layer| layer.activation);
        activations.min_by_key(|activation| activation.smoothness()).unwrap_or(Activation::Linear)
    }

    /// The affine layers from the inputs to the outputs: one more than there are hidden layers.
    pub fn layers(&self) -> Vec<Layer> {
        let hidden = self.hidden.iter().map(|layer| layer.width);
        let widths: Vec<usize> = [self.inputs].into_iter().chain(hidden).chain([self.outputs]).collect();
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
        self.hidden.iter().map(|layer| layer.width).chain([self.outputs]).max().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_tile_the_block() {
        let spec = NetworkSpec::uniform(2, &[7, 1], Activation::Tanh, 3);
        let layers = spec.layers();
        assert_eq!(layers.len(), 3);
        assert_eq!(layers[0].biases(), 14..21);
        assert_eq!(layers[1].weights(), 21..28);
        assert_eq!(spec.parameters(), 14 + 7 + 7 + 1 + 3 + 3);
        assert_eq!(spec.multiply_adds(), 14 + 7 + 3);
    }
}
