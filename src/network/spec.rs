//! The shape of a model's networks and where each layer's parameters lie in the one contiguous block.

use std::ops::Range;

use crate::jet::{Activation, Source, Wiring};

/// The networks of a model, most often one, and the coefficients that are trained with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// The networks. Their parameters follow one another in the block, and the coefficients follow them.
    pub networks: Vec<Perceptron>,
    /// K, the unknown coefficients of equations.
    pub coefficients: usize,
}

/// A multilayer perceptron: inputs, hidden layers, M linear outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Perceptron {
    /// What the first layer reads, at least 1: its inputs, or the F features of them.
    pub inputs: usize,
    /// The hidden layers; empty for a linear model.
    pub hidden: Vec<Hidden>,
    /// M, at least 1.
    pub outputs: usize,
    /// What it reads and gives of a model with several networks; `None` where it is alone, and that is all.
    pub wiring: Option<Wiring>,
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

impl Perceptron {
    /// Hidden layers of one activation, in a model of its own.
    pub fn uniform(inputs: usize, hidden: &[usize], activation: Activation, outputs: usize) -> Self {
        let hidden = hidden.iter().map(|width| Hidden::new(*width, activation)).collect();
        Self { inputs, hidden, outputs, wiring: None }
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

    /// The affine layers from the inputs to the outputs: one more than there are hidden layers. The first weight has the
    /// place `offset` in the block.
    pub fn layers(&self, mut offset: usize) -> Vec<Layer> {
        let hidden = self.hidden.iter().map(|layer| layer.width);
        let widths: Vec<usize> = [self.inputs].into_iter().chain(hidden).chain([self.outputs]).collect();
        let layer = |pair: &[usize]| {
            let layer = Layer { inputs: pair[0], outputs: pair[1], offset };
            offset = layer.biases().end;
            layer
        };
        widths.windows(2).map(layer).collect()
    }

    /// The number of weights and biases.
    pub fn weights(&self) -> usize {
        self.layers(0).last().map_or(0, |layer| layer.biases().end)
    }

    /// The widest hidden layer or output: the rows of the largest working buffer.
    pub fn widest(&self) -> usize {
        self.hidden.iter().map(|layer| layer.width).chain([self.outputs]).max().unwrap_or(1)
    }
}

impl NetworkSpec {
    /// One network, and no coefficients.
    pub fn of_one(network: Perceptron) -> Self {
        Self { networks: vec![network], coefficients: 0 }
    }

    /// One network with hidden layers of one activation, and no coefficients.
    pub fn uniform(inputs: usize, hidden: &[usize], activation: Activation, outputs: usize) -> Self {
        Self::of_one(Perceptron::uniform(inputs, hidden, activation, outputs))
    }

    /// The only network, where there is one that reads all inputs.
    pub fn only(&self) -> Option<&Perceptron> {
        self.networks.first().filter(|network| self.networks.len() == 1 && network.wiring.is_none())
    }

    /// What each network reads and gives of a model with D inputs.
    pub fn wirings(&self, inputs: usize) -> Vec<Wiring> {
        let wiring =
            |network: &Perceptron| network.wiring.clone().unwrap_or_else(|| Wiring::all(inputs, network.outputs));
        self.networks.iter().map(wiring).collect()
    }

    /// M, the number of outputs of all networks.
    pub fn outputs(&self) -> usize {
        self.networks.iter().map(|network| network.outputs).sum()
    }

    /// The network that gives an output of the model.
    pub fn giving(&self, output: usize) -> &Perceptron {
        let gives = |network: &&Perceptron| network.wiring.as_ref().is_none_or(|wiring| wiring.gives.contains(&output));
        self.networks.iter().find(gives).expect("every output has a network")
    }

    /// The least smooth activation of the network of each of the model's outputs (M).
    pub fn activations(&self, outputs: usize) -> Vec<Activation> {
        (0..outputs).map(|output| self.giving(output).roughest()).collect()
    }

    /// The outputs of the model whose network reads others, and what that reads.
    pub fn fed_outputs(&self) -> Vec<(usize, Vec<Source>)> {
        let wirings =
            self.networks.iter().filter_map(|network| network.wiring.as_ref()).filter(|wiring| wiring.is_fed());
        wirings.flat_map(|wiring| wiring.gives.iter().map(|output| (*output, wiring.reads.clone()))).collect()
    }

    /// The width of each hidden layer, network after network.
    pub fn widths(&self) -> Vec<usize> {
        self.networks.iter().flat_map(Perceptron::widths).collect()
    }

    /// The activation that decides which derivatives all networks have: the least smooth one.
    pub fn roughest(&self) -> Activation {
        let all = self.networks.iter().map(Perceptron::roughest);
        all.min_by_key(|activation| activation.smoothness()).unwrap_or(Activation::Linear)
    }

    /// The affine layers of each network, with their places in the block.
    pub fn layers_of_each(&self) -> Vec<Vec<Layer>> {
        let mut offset = 0;
        let of = |network: &Perceptron| {
            let layers = network.layers(offset);
            offset += network.weights();
            layers
        };
        self.networks.iter().map(of).collect()
    }

    /// The affine layers of all networks, in the order of the block.
    pub fn layers(&self) -> Vec<Layer> {
        self.layers_of_each().concat()
    }

    /// P, the number of parameters.
    pub fn parameters(&self) -> usize {
        self.weights() + self.coefficients
    }

    /// The number of weights and biases.
    pub fn weights(&self) -> usize {
        self.networks.iter().map(Perceptron::weights).sum()
    }

    /// Σ in·out over the layers: the multiply-adds of one channel at one point.
    pub fn multiply_adds(&self) -> usize {
        self.layers().iter().map(|layer| layer.inputs * layer.outputs).sum()
    }

    /// The widest hidden layer or output: the rows of the largest working buffer.
    pub fn widest(&self) -> usize {
        self.networks.iter().map(Perceptron::widest).max().unwrap_or(1)
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

    #[test]
    fn networks_follow_one_another_in_the_block() {
        let network = |inputs: usize, hidden: &[usize]| Perceptron::uniform(inputs, hidden, Activation::Tanh, 1);
        let spec = NetworkSpec { networks: vec![network(2, &[3]), network(1, &[])], coefficients: 2 };
        let [first, second] = &spec.layers_of_each()[..] else { panic!("two networks") };
        assert_eq!((first[1].biases(), second[0].weights(), second[0].biases()), (12..13, 13..14, 14..15));
        assert_eq!((spec.weights(), spec.parameters(), spec.outputs()), (15, 17, 2));
    }
}
