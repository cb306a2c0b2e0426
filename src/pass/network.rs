//! A network on a pass: its layers, what travels through it, and what feeds it.

use super::channels::{Channels, Modes};
use crate::jet::{JetLayout, Wiring, owner};
use crate::network::{Hidden, Layer, Perceptron, Subnetwork};

/// A network on a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its affine layers.
    pub layers: Vec<Layer>,
    /// What follows each but the last.
    pub hidden: Vec<Hidden>,
    /// Whether its first layer reads features' jets, not inputs.
    pub has_features: bool,
    /// What travels through it.
    pub channels: Channels,
    /// Whether anything of it is read; else the pass leaves it out.
    pub is_read: bool,
    /// Its inputs that are values of networks before it.
    pub feeds: Vec<Feed>,
}

/// An input that is the value of another network's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The input.
    pub input: usize,
    /// The other network.
    pub network: usize,
    /// The output, of that one's own.
    pub output: usize,
}

impl Network {
    /// Of a shape in a model of its own, with what travels through it.
    pub fn new(shape: &Perceptron, has_features: bool, channels: Channels) -> Self {
        let (layers, hidden) = (shape.layers(0), shape.hidden.clone());
        Self { layers, hidden, has_features, channels, is_read: true, feeds: vec![] }
    }

    /// One of several, of whose own jet this travels, in one of these modes; nothing of it is read without a layout.
    pub fn of(network: &Subnetwork, wirings: &[Wiring], layout: Option<&JetLayout>, modes: Modes) -> Self {
        let value = JetLayout::value(network.wiring.reads.len());
        let feed = |(input, fed): (usize, usize)| {
            let (network, output) = owner(wirings, fed);
            Feed { input, network, output }
        };
        Self {
            layers: network.layers.clone(),
            hidden: network.shape.hidden.clone(),
            has_features: network.features.is_some(),
            channels: Channels::new(layout.unwrap_or(&value), &network.normalizer, modes),
            is_read: layout.is_some(),
            feeds: network.wiring.fed().map(feed).collect(),
        }
    }

    /// The same in the mode with the fewest channels that it can have.
    pub fn in_best_mode(network: &Subnetwork, wirings: &[Wiring], layout: Option<&JetLayout>) -> Self {
        Self::of(network, wirings, layout, Modes::of(&network.shape, network.features.as_ref()))
    }

    /// M
    pub fn outputs(&self) -> usize {
        self.output().outputs
    }

    /// The layer without an activation.
    pub fn output(&self) -> &Layer {
        self.layers.last().expect("a network has a layer")
    }

    /// The number of hidden layers.
    pub fn hidden(&self) -> usize {
        self.layers.len() - 1
    }
}
