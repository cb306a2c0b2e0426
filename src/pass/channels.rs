//! The channels that travel through a network's layers.

use super::rule::Rule;
use crate::jet::{JetLayout, Normalizer};
use crate::network::{Features, Perceptron};

/// What travels through the layers of one network.
///
/// In *forward mode* that is every channel of a jet. In *adjoint mode* it is the value and what others are made of,
/// and then one adjoint for each output back, which gives the rest: up to order 2 that is 1 + T + M channels in place of C.
#[derive(Clone, Debug, PartialEq)]
pub struct Channels {
    /// C, the channels of a jet.
    pub jet: usize,
    /// F, those that travel forward.
    pub forward: JetLayout,
    /// M, the adjoints that travel back; none in forward mode.
    pub adjoints: usize,
    /// The input of each first derivative in a jet.
    pub firsts: Vec<usize>,
    /// The jet's rule over the channels that travel forward.
    pub rule: Rule,
}

/// Which modes a device can do with a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// Forward mode alone.
    Forward,
    /// Both: the one with fewer channels is taken.
    Both,
}

impl Modes {
    /// Those of a network: the adjoints' way ends at a first layer that reads the inputs themselves and is followed by an
    /// activation; and no skip is on it.
    pub fn of(network: &Perceptron, features: Option<&Features>) -> Self {
        if features.is_none() && !network.hidden.is_empty() && !network.has_skips() {
            Modes::Both
        } else {
            Modes::Forward
        }
    }
}

impl Channels {
    /// Those of a layout.
    pub fn new(layout: &JetLayout, normalizer: &Normalizer, modes: Modes) -> Self {
        let outputs = normalizer.outputs.mean.len();
        let fewer = layout.without_top(outputs).filter(|_| modes == Modes::Both);
        let adjoints = if fewer.is_some() { outputs } else { 0 };
        let forward = fewer.unwrap_or_else(|| layout.clone());
        let rule = Rule::new(layout, &forward, normalizer);
        Self { jet: layout.channels(), firsts: layout.tangents().to_vec(), forward, adjoints, rule }
    }

    /// Whether derivatives come from adjoints.
    pub fn is_adjoint(&self) -> bool {
        self.adjoints > 0
    }

    /// How many travel: C, or F + M in adjoint mode.
    pub fn count(&self) -> usize {
        self.forward.channels() + self.adjoints
    }
}
