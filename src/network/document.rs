//! What the metadata of a model's file says: names, shapes, scaling and expressions.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::expression::Scope;
use crate::jet::{Normalizer, Source, Wiring};
use crate::network::stored_fields::FieldDocument;
use crate::network::{FeaturesDocument, Model, NetworkSpec, Perceptron, ShapeDocument};

/// The version of the document of a network whose hidden layers are alike.
const PLAIN_VERSION: u64 = 1;
/// That of one with several activations, or skips, which older readers do not know.
const MIXED_VERSION: u64 = 2;
/// That of several networks.
const FORMAT_VERSION: u64 = 3;

/// The document in a model's metadata.
#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    format: u64,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// Of a network alone.
    #[serde(flatten, skip_deserializing)]
    shape: Option<ShapeDocument>,
    /// Of several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<NetworkDocument>,
    pub normalizer: Normalizer,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coefficients: Vec<Coefficient>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    features: Option<FeaturesDocument>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    transforms: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    definitions: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDocument>,
}

/// One network of several.
#[derive(Serialize, Deserialize)]
struct NetworkDocument {
    /// What it reads: inputs of the model, or outputs of networks before it.
    inputs: Vec<String>,
    /// The outputs of the model that it gives.
    outputs: Vec<String>,
    #[serde(flatten)]
    shape: ShapeDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    features: Option<FeaturesDocument>,
}

/// A number that was trained with the network.
#[derive(Serialize, Deserialize)]
pub(super) struct Coefficient {
    name: String,
    pub value: f64,
}

impl Document {
    /// Of a model, whose fields stand in the file's tensors.
    pub fn of(model: &Model, fields: Vec<FieldDocument>) -> Self {
        let values = model.coefficient_values();
        let coefficient = |(name, value): (&String, &f64)| Coefficient { name: name.clone(), value: *value };
        let shape = model.spec.only().map(ShapeDocument::new);
        let features = |network: usize| model.transforms.features_of(network).map(|features| features.document.clone());
        let of_network = |(index, wiring): (usize, &Wiring)| NetworkDocument {
            inputs: model.names_read(wiring),
            outputs: wiring.gives.iter().map(|output| model.outputs[*output].clone()).collect(),
            shape: ShapeDocument::new(&model.spec.networks[index]),
            features: features(index),
        };
        let wirings = if shape.is_some() { vec![] } else { model.wirings() };
        Self {
            format: match &shape {
                Some(shape) if shape.is_plain() => PLAIN_VERSION,
                Some(_) => MIXED_VERSION,
                None => FORMAT_VERSION,
            },
            inputs: model.inputs.clone(),
            outputs: model.outputs.clone(),
            features: shape.as_ref().and_then(|_| features(0)),
            shape,
            networks: wirings.iter().enumerate().map(of_network).collect(),
            normalizer: model.normalizer.clone(),
            ranges: model.ranges.clone(),
            coefficients: model.coefficients.iter().zip(&values).map(coefficient).collect(),
            transforms: model.transforms.texts.clone(),
            definitions: model.transforms.definitions.clone(),
            fields,
        }
    }

    /// In a file's metadata.
    pub fn of_value(value: &Value, path: &Path) -> Result<Self> {
        let help = "use a model that this version of jetfit wrote";
        match value.get("format").and_then(Value::as_u64) {
            Some(PLAIN_VERSION..=FORMAT_VERSION) => {}
            Some(other) => {
                let problem = format!("the model has format {other}; this jetfit reads formats up to {FORMAT_VERSION}");
                return Err(Error::input(path.display(), problem, help));
            }
            None => return Err(Error::input(path.display(), "the metadata has no format", help)),
        }
        let wrong = |error: serde_json::Error| {
            Error::input(path.display(), format!("the metadata does not describe a model: {error}"), help)
        };
        let mut document: Self = serde_json::from_value(value.clone()).map_err(wrong)?;
        if document.networks.is_empty() {
            document.shape = Some(serde_json::from_value(value.clone()).map_err(wrong)?);
        }
        document.check(path)?;
        Ok(document)
    }

    fn check(&self, path: &Path) -> Result<()> {
        let wrong = |key: &str, problem: String| {
            let help = "fix the metadata, or save the model again";
            Err(Error::input(format_args!("{}: metadata key {key:?}", path.display()), problem, help))
        };
        for (key, names) in [("inputs", &self.inputs), ("outputs", &self.outputs)] {
            if names.is_empty() {
                return wrong(key, "it is empty".to_string());
            }
        }
        let Normalizer { inputs, outputs, .. } = &self.normalizer;
        for (key, names, scaling) in
            [("normalizer.inputs", &self.inputs, inputs), ("normalizer.outputs", &self.outputs, outputs)]
        {
            if let Some(problem) = scaling.problem(names.len()) {
                return wrong(key, problem);
            }
        }
        let is_range = |[low, high]: &[f64; 2]| low <= high && low.is_finite() && high.is_finite();
        if !self.ranges.is_empty() && (self.ranges.len() != self.inputs.len() || !self.ranges.iter().all(is_range)) {
            return wrong("ranges", "it needs one [low, high] per input".to_string());
        }
        Ok(())
    }

    /// The names that its transforms may use.
    pub fn scope(&self) -> Scope {
        Scope {
            coefficients: self.coefficients.iter().map(|coefficient| coefficient.name.clone()).collect(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            transforms: self.transforms.clone(),
            ..Scope::default()
        }
        .with_definitions(&self.definitions)
    }

    /// The key, the wiring and the features of each network.
    pub fn features(&self) -> Vec<(String, Wiring, Option<&FeaturesDocument>)> {
        if self.networks.is_empty() {
            let all = Wiring::all(self.inputs.len(), self.outputs.len());
            return vec![("features".to_string(), all, self.features.as_ref())];
        }
        let mut all = vec![];
        for (index, network) in self.networks.iter().enumerate() {
            let wiring = self.wiring(network).expect("checked with the shape");
            all.push((format!("networks.{index}.features"), wiring, network.features.as_ref()));
        }
        all
    }

    /// What a network reads and gives, or the name that is none.
    fn wiring(&self, network: &NetworkDocument) -> Result<Wiring, String> {
        let place = |names: &[String], name: &String| names.iter().position(|known| known == name);
        let source = |name: &String| {
            let input = place(&self.inputs, name).map(Source::Input);
            input.or(place(&self.outputs, name).map(Source::Output)).ok_or_else(|| name.clone())
        };
        let reads = network.inputs.iter().map(source).collect::<Result<_, _>>()?;
        let output = |name: &String| place(&self.outputs, name).ok_or_else(|| name.clone());
        Ok(Wiring { reads, gives: network.outputs.iter().map(output).collect::<Result<_, _>>()? })
    }

    /// The shape of the networks.
    pub fn spec(&self, path: &Path) -> Result<NetworkSpec> {
        let wrong = |key: &str, problem: String, help: String| {
            Error::input(format_args!("{}: metadata key {key:?}", path.display()), problem, help)
        };
        let hidden = |shape: &ShapeDocument| shape.layers().map_err(|(key, problem, help)| wrong(key, problem, help));
        let coefficients = self.coefficients.len();
        if let Some(shape) = &self.shape {
            let inputs = self.features.as_ref().map_or(self.inputs.len(), |features| features.functions.len());
            let network = Perceptron { inputs, hidden: hidden(shape)?, outputs: self.outputs.len(), wiring: None };
            return Ok(NetworkSpec { networks: vec![network], coefficients });
        }
        let fix = || "fix the metadata, or save the model again".to_string();
        let mut networks = vec![];
        let mut given: Vec<usize> = vec![];
        for network in &self.networks {
            let unknown = |name: String| wrong("networks", format!("{name:?} is no input and no output"), fix());
            let wiring = self.wiring(network).map_err(unknown)?;
            let is_known = |output: usize| given.contains(&output);
            if wiring.reads.is_empty() || wiring.fed().any(|(_, output)| !is_known(output)) {
                let problem = "a network reads nothing, or an output that no network before it gives".to_string();
                return Err(wrong("networks", problem, fix()));
            }
            given.extend(&wiring.gives);
            let inputs = network.features.as_ref().map_or(wiring.reads.len(), |features| features.functions.len());
            let outputs = wiring.gives.len();
            networks.push(Perceptron { inputs, hidden: hidden(&network.shape)?, outputs, wiring: Some(wiring) });
        }
        let mut sorted = given;
        sorted.sort_unstable();
        if sorted != (0..self.outputs.len()).collect::<Vec<_>>() || networks.iter().any(|network| network.outputs == 0)
        {
            let problem = "each output needs one network, and each network an output".to_string();
            return Err(wrong("networks", problem, fix()));
        }
        Ok(NetworkSpec { networks, coefficients })
    }
}
