//! The networks of a job: what each reads and gives, and the shape of all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::Job;
use crate::expression::{PointFunctions, Scope};
use crate::jet::{Activation, Source, Wiring};
use crate::network::{Model, NetworkSpec, Perceptron};
use crate::points::Variable;

/// `[network]`, or one `[[network]]` of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its name for `--set network.NAME.KEY=VALUE`.
    pub name: Option<String>,
    /// What it reads: inputs of the job, or outputs of networks before it.
    pub inputs: Vec<String>,
    /// The outputs that it gives.
    pub outputs: Vec<String>,
    /// The width of each hidden layer; empty for a linear model.
    pub hidden: Vec<usize>,
    /// σ of every hidden layer.
    pub activation: Activation,
    /// SIREN's first-layer frequency in standardised inputs; `Some` for sin alone.
    pub frequency: Option<f64>,
    /// The standard deviation of the first layer's arguments at the start; `None` for that of the
    /// activation, and for sin.
    pub steepness: Option<f64>,
    /// Functions of its inputs that the first layer reads in their place.
    pub features: Vec<String>,
    /// More of them: random Fourier features.
    pub fourier: Option<Fourier>,
    /// The network that training begins with, in the place of a random one: its shape, features and transforms are the
    /// job's, and `hidden` and `activation` have no effect.
    pub start: Option<Start>,
    /// How large outputs are, by name, where the equations do not tell.
    pub scales: BTreeMap<String, f64>,
}

/// `network.start`: a trained network.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Where it was read; `None` for one in memory.
    pub file: Option<PathBuf>,
    /// The network, on its own.
    pub model: Arc<Model>,
    /// The model that it is of, with the transforms and definitions that come with it.
    pub whole: Arc<Model>,
}

/// `network.fourier`: sin and cos of random frequencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fourier {
    /// The number of frequencies, each with sine and cosine.
    pub count: usize,
    /// Their standard deviation, in radians over one standard deviation of an input.
    pub scale: f64,
}

impl Network {
    /// F, or 0 where the first layer reads the inputs themselves.
    pub fn features(&self) -> usize {
        self.features.len().saturating_add(self.fourier.map_or(0, |fourier| fourier.count.saturating_mul(2)))
    }

    /// What it begins with: SIREN's frequency, or the steepness of another activation.
    pub fn steepness(&self) -> Option<f64> {
        self.frequency.or(self.steepness)
    }

    /// The names that its features may use.
    pub fn feature_scope(&self, job: &Job) -> Scope {
        Scope { inputs: self.inputs.clone(), ..job.scope(vec![], false).of_features() }
    }

    /// Reads `ln(x)` in the place of every input over decades, where it has no features of its own.
    pub(super) fn read_logarithms(&mut self, variables: &[Variable]) {
        let is_logarithmic =
            |name: &String| variables.iter().any(|variable| variable.name == *name && variable.is_logarithmic);
        let is_known = |name: &String| variables.iter().any(|variable| variable.name == *name);
        let names_none = self.start.is_none() && self.features.is_empty() && self.fourier.is_none();
        if names_none && self.inputs.iter().any(is_logarithmic) && self.inputs.iter().all(is_known) {
            let feature = |name: &String| if is_logarithmic(name) { format!("ln({name})") } else { name.clone() };
            self.features = self.inputs.iter().map(feature).collect();
        }
    }

    fn shape(&self, wiring: Option<Wiring>) -> Perceptron {
        if let Some(start) = &self.start {
            return Perceptron { wiring, ..start.model.spec.networks[0].clone() };
        }
        let inputs = match self.features() {
            0 => self.inputs.len(),
            features => features,
        };
        Perceptron { wiring, ..Perceptron::uniform(inputs, &self.hidden, self.activation, self.outputs.len()) }
    }
}

impl Job {
    /// Whether there is one network, which reads all inputs and gives all outputs.
    pub fn has_one_network(&self) -> bool {
        let [network] = &self.networks[..] else { return false };
        network.inputs == self.inputs && network.outputs == self.outputs
    }

    /// The shape of the networks.
    pub fn network_spec(&self) -> NetworkSpec {
        let is_one = self.has_one_network();
        let shape = |network: &Network| network.shape((!is_one).then(|| self.wiring(network)));
        NetworkSpec { networks: self.networks.iter().map(shape).collect(), coefficients: self.coefficients.len() }
    }

    /// What a network reads and gives.
    pub fn wiring(&self, network: &Network) -> Wiring {
        let place = |names: &[String], name: &String| names.iter().position(|known| known == name);
        let output = |name: &String| place(&self.outputs, name).expect("an output of the job");
        let source = |name: &String| match place(&self.inputs, name) {
            Some(input) => Source::Input(input),
            None => Source::Output(output(name)),
        };
        Wiring {
            reads: network.inputs.iter().map(source).collect(),
            gives: network.outputs.iter().map(output).collect(),
        }
    }

    /// The functions that `features` lists for each network, where these can be read; random ones are smooth.
    pub(super) fn features(&self) -> Vec<Option<PointFunctions>> {
        let of = |network: &Network| {
            let texts = Some(&network.features).filter(|texts| !texts.is_empty())?;
            let (definitions, inputs) = (self.definitions.clone(), network.inputs.clone());
            let (fields, distances) = (self.fields.clone(), self.distances());
            let scope = Scope { definitions, inputs, fields, distances, ..Scope::default() };
            PointFunctions::read("network.features", texts, &scope).ok()
        };
        self.networks.iter().map(of).collect()
    }
}
