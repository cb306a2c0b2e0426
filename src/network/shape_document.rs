//! Hidden layers as files hold them: widths, and one activation or one for each layer.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Hidden, Perceptron};
use crate::jet::Activation;

/// The hidden layers of a network in a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShapeDocument {
    /// Their widths.
    pub hidden: Vec<usize>,
    /// Their activations.
    pub activation: ActivationDocument,
    /// `[layer, earlier layer]` for each layer to which the result of an earlier one is added; both count from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<[usize; 2]>,
}

/// One name for all layers, or one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ActivationDocument {
    /// Of all.
    All(String),
    /// Of each.
    Each(Vec<String>),
}

impl fmt::Display for ShapeDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hidden = {:?} and ", self.hidden)?;
        match &self.activation {
            ActivationDocument::All(name) => f.write_str(name)?,
            ActivationDocument::Each(names) => f.write_str(&names.join(", "))?,
        }
        if self.skips.is_empty() { Ok(()) } else { write!(f, " and skips = {:?}", self.skips) }
    }
}

impl ShapeDocument {
    /// Of a network.
    pub fn new(spec: &Perceptron) -> Self {
        let first = spec.hidden.first().map_or(Activation::Tanh, |layer| layer.activation);
        let names = || spec.hidden.iter().map(|layer| layer.activation.name().to_string());
        let is_one = spec.hidden.iter().all(|layer| layer.activation == first);
        Self {
            hidden: spec.widths(),
            activation: match is_one {
                true => ActivationDocument::All(first.name().to_string()),
                false => ActivationDocument::Each(names().collect()),
            },
            skips: spec.hidden.iter().enumerate().filter_map(|(at, layer)| Some([at, layer.skip?])).collect(),
        }
    }

    /// Whether all layers have one activation and none has a skip.
    pub fn is_plain(&self) -> bool {
        matches!(self.activation, ActivationDocument::All(_)) && self.skips.is_empty()
    }

    /// The layers.
    ///
    /// # Errors
    /// The key, what is wrong, and how to fix it.
    pub fn layers(&self) -> Result<Vec<Hidden>, (&'static str, String, String)> {
        let fix = || "fix the metadata, or save the model again".to_string();
        if self.hidden.contains(&0) {
            return Err(("hidden", "a layer has no units".to_string(), fix()));
        }
        let names: Vec<&String> = match &self.activation {
            ActivationDocument::All(name) => vec![name; self.hidden.len()],
            ActivationDocument::Each(names) if names.len() == self.hidden.len() => names.iter().collect(),
            ActivationDocument::Each(names) => {
                let problem = format!("it has {} activations for {} hidden layers", names.len(), self.hidden.len());
                return Err(("activation", problem, fix()));
            }
        };
        let mut layers = vec![];
        for (width, name) in self.hidden.iter().zip(names) {
            layers.push(Hidden::new(*width, named(name)?));
        }
        if let ActivationDocument::All(name) = &self.activation {
            named(name)?;
        }
        for [at, from] in &self.skips {
            let is_skip = from < at && *at < layers.len() && layers[*from].width == layers[*at].width;
            if !is_skip || layers[*at].skip.is_some() {
                let problem =
                    format!("[{at}, {from}] is no skip: it leads from an earlier hidden layer to one of its width");
                return Err(("skips", problem, fix()));
            }
            layers[*at].skip = Some(*from);
        }
        Ok(layers)
    }
}

fn named(name: &str) -> Result<Activation, (&'static str, String, String)> {
    let found = Activation::ALL.into_iter().find(|activation| activation.name() == name);
    let known = Activation::ALL.map(Activation::name);
    found.ok_or_else(|| ("activation", format!("unknown activation {name:?}"), crate::error::suggest(name, &known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_reads_back() {
        let spec = Perceptron::uniform(2, &[7, 7, 3], Activation::Silu, 1);
        let plain = ShapeDocument::new(&spec);
        assert!(plain.is_plain());
        assert_eq!(plain.layers().unwrap(), spec.hidden);
        let mut spec = spec;
        spec.hidden[1] = Hidden { width: 7, activation: Activation::Linear, skip: Some(0) };
        let each = ShapeDocument::new(&spec);
        assert!(!each.is_plain());
        assert_eq!(each.layers().unwrap(), spec.hidden);
        let text = serde_json::to_string(&each).unwrap();
        assert_eq!(serde_json::from_str::<ShapeDocument>(&text).unwrap(), each);
    }

    #[test]
    fn a_shape_that_is_none_names_its_key() {
        let document = |text: &str| serde_json::from_str::<ShapeDocument>(text).unwrap();
        let key = |text: &str| document(text).layers().unwrap_err().0;
        assert_eq!(key(r#"{"hidden": [0], "activation": "tanh"}"#), "hidden");
        assert_eq!(key(r#"{"hidden": [], "activation": "tan"}"#), "activation");
        assert_eq!(key(r#"{"hidden": [2, 2], "activation": ["tanh"]}"#), "activation");
        for skip in ["[0, 1]", "[1, 1]", "[2, 0]", "[9, 0]"] {
            let text = format!(r#"{{"hidden": [2, 2, 3], "activation": "tanh", "skips": [{skip}]}}"#);
            assert_eq!(key(&text), "skips", "{skip}");
        }
    }
}
