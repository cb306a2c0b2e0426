//! The networks of a model one by one: what executors go through, and what stands alone as a model of its own.

use std::borrow::Cow;
use std::fmt::Display;

use super::{Features, Layer, Model, Perceptron, Transforms};
use crate::error::{Error, Result};
use crate::jet::{Normalizer, Source, Wiring, is_single};

/// One network of a model, as an executor reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subnetwork {
    /// Its shape.
    pub shape: Perceptron,
    /// Its affine layers, with their places in the parameter block.
    pub layers: Vec<Layer>,
    /// What it reads and gives.
    pub wiring: Wiring,
    /// What its first layer reads in the place of its inputs.
    pub features: Option<Features>,
    /// The scaling of its own inputs and outputs.
    pub normalizer: Normalizer,
}

impl Subnetwork {
    /// Its own columns of points (D, B) of the model. Where others feed it there are zeros.
    pub fn points<'a>(&self, columns: Cow<'a, [Vec<f64>]>) -> Cow<'a, [Vec<f64>]> {
        if is_single(std::slice::from_ref(&self.wiring)) && columns.len() == self.wiring.reads.len() {
            return columns;
        }
        let mut own = self.wiring.own(&columns);
        for (input, _) in self.wiring.fed() {
            own[input] = vec![0.0; columns[0].len()];
        }
        own.into()
    }
}

impl Model {
    /// Its networks, in the order in which each finds what others feed it with.
    pub fn networks(&self) -> Vec<Subnetwork> {
        let wirings = self.wirings().into_iter();
        let of = |(index, (wiring, layers)): (usize, (Wiring, Vec<Layer>))| Subnetwork {
            shape: self.spec.networks[index].clone(),
            layers,
            features: self.transforms.features_of(index).cloned(),
            normalizer: match self.spec.only() {
                Some(_) => self.normalizer.clone(),
                None => self.normalizer.of(&wiring),
            },
            wiring,
        };
        wirings.zip(self.spec.layers_of_each()).enumerate().map(of).collect()
    }

    /// What each network reads and gives.
    pub fn wirings(&self) -> Vec<Wiring> {
        self.spec.wirings(self.inputs.len())
    }

    /// The names of what a network reads.
    pub fn names_read(&self, wiring: &Wiring) -> Vec<String> {
        let name = |source: &Source| match source {
            Source::Input(input) => self.inputs[*input].clone(),
            Source::Output(output) => self.outputs[*output].clone(),
        };
        wiring.reads.iter().map(name).collect()
    }

    /// Its only network, for what knows no others; `what` begins the message of the error.
    ///
    /// # Errors
    /// [`Error::Input`] for a model with several networks, and for one whose network reads some inputs alone.
    pub fn only_network(&self, what: impl Display) -> Result<&Perceptron> {
        let names = |wiring: &Wiring| {
            let given: Vec<&str> = wiring.gives.iter().map(|output| self.outputs[*output].as_str()).collect();
            format!("{} of {}", given.join(", "), self.names_read(wiring).join(", "))
        };
        self.spec.only().ok_or_else(|| {
            let networks: Vec<String> = self.wirings().iter().map(names).collect();
            let problem = format!("this model has the networks {}", networks.join("; "));
            Error::input(what, problem, "use a model with one network that reads all inputs")
        })
    }

    /// One of its networks as a model of its own, without transforms, coefficients and definitions. What others feed it
    /// with is then an input.
    pub fn alone(&self, network: usize) -> Model {
        let Subnetwork { shape, layers, wiring, features, normalizer } = self.networks().remove(network);
        let place = layers[0].offset..layers[layers.len() - 1].biases().end;
        let has_range = !self.ranges.is_empty() && !wiring.is_fed();
        Model {
            inputs: self.names_read(&wiring),
            outputs: wiring.gives.iter().map(|output| self.outputs[*output].clone()).collect(),
            coefficients: vec![],
            transforms: Transforms::of_features(features),
            spec: super::NetworkSpec::of_one(Perceptron { wiring: None, ..shape }),
            normalizer,
            precision: self.precision,
            parameters: self.parameters[place].to_vec(),
            ranges: if has_range { wiring.own(&self.ranges) } else { vec![] },
        }
    }
}
