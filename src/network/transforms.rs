//! What stands before and behind the network.
//!
//! Behind it: outputs that are an expression of the network's own value, such as `u = x*(1-x)*net`,
//! which is 0 at both ends whatever the weights. That costs the kernels nothing: the language puts the
//! expression in the place of `u`, derives it as it derives everything, and what remains are residuals
//! over the network's own jet. Before it: [`Features`].

use std::collections::BTreeMap;

use super::Features;
use crate::error::{Error, Result};
use crate::expression::{Expression, Fields, NET, Places, Scope, layout, places};
use crate::jet::{Derivative, Entry, JetLayout, Normalizer, Scaling};

/// The features before the network and the transforms of its outputs; none by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transforms {
    /// What the first layer of each network reads instead of its inputs; empty where none has features.
    pub features: Vec<Option<Features>>,
    /// The texts of transformed outputs, by name.
    pub texts: BTreeMap<String, String>,
    /// The definitions that features and outputs may use, and that can be predicted.
    pub definitions: BTreeMap<String, String>,
    /// What `interp` reads in all of these.
    pub fields: Fields,
    /// The outputs over the network's own (M); nothing where no output has a transform.
    outputs: Vec<Expression>,
}

impl Transforms {
    /// Features alone, of one network.
    pub fn of_features(features: Option<Features>) -> Self {
        Self { features: features.map_or(vec![], |features| vec![Some(features)]), ..Self::default() }
    }

    /// The features of a network.
    pub fn features_of(&self, network: usize) -> Option<&Features> {
        self.features.get(network)?.as_ref()
    }

    /// The scaling of what the first layer of a model's only network reads: the features' if there are any, else the
    /// inputs'.
    pub fn first_scaling<'a>(&'a self, normalizer: &'a Normalizer) -> &'a Scaling {
        self.features_of(0).map_or(&normalizer.inputs, |features| &features.document.scaling)
    }

    /// Reads those of the outputs, [`Scope::transforms`]; `place` gives what comes before the key in messages.
    ///
    /// # Errors
    /// [`Error::Input`] for a transform of no output, for one that does not read the network's value,
    /// or reads its derivatives, and for every mistake in its text.
    pub fn read(place: impl Fn(&str) -> String, scope: &Scope) -> Result<Self> {
        let definitions = scope.definitions_with_distances(scope.transforms.values());
        let fields = scope.fields.clone();
        if scope.transforms.is_empty() {
            return Ok(Self { definitions, fields, ..Self::default() });
        }
        let read = |(output, name): (usize, &String)| {
            let expression = Expression::output(place(name), output, scope)?;
            let entries = expression.entries();
            if entries.is_empty() {
                let problem =
                    format!("the transform does not use {NET}, the network's raw output, so nothing could be trained");
                return Err(Error::input(place(name), problem, format!("use {NET} in it, for example x*(1-x)*{NET}")));
            }
            if entries.iter().any(|entry| entry.derivative != Derivative::Value) {
                let problem = format!("the transform uses a derivative of {NET}");
                let help = format!("use only the value of {NET}, or make it an output and write this as a definition");
                return Err(Error::input(place(name), problem, help));
            }
            Ok(expression)
        };
        let outputs = scope.outputs.iter().enumerate().map(read).collect::<Result<_>>()?;
        Ok(Self { features: vec![], texts: scope.transforms.clone(), definitions, fields, outputs })
    }

    /// The same behind a network that reads features, whose definitions are those of `scope`.
    pub fn with_features(self, features: Features, scope: &Scope) -> Self {
        self.with_features_of_each(vec![Some(features)], scope)
    }

    /// The same behind several networks, each with its own.
    pub fn with_features_of_each(self, features: Vec<Option<Features>>, scope: &Scope) -> Self {
        let functions = features.iter().flatten().flat_map(|features| &features.document.functions);
        let definitions = scope.definitions_with_distances(scope.transforms.values().chain(functions));
        Self { features, definitions, ..self }
    }

    /// The fields that a model needs to predict alone.
    pub fn own_fields(&self) -> Fields {
        let features = self.features.iter().flatten().flat_map(|features| &features.document.functions);
        self.fields.called_by(self.texts.values().chain(self.definitions.values()).chain(features))
    }

    /// Whether values of the outputs depend on a field from a file.
    pub fn read_fields(&self) -> bool {
        let features = self.features.iter().flatten().any(|features| features.functions().reads_field());
        features || self.outputs.iter().any(Expression::reads_field)
    }

    /// Whether every output is the network's own.
    pub fn are_identity(&self) -> bool {
        self.outputs.is_empty()
    }

    /// Whether this output has a transform.
    pub fn has(&self, output: &str) -> bool {
        self.texts.contains_key(output)
    }

    /// An entry of an output's jet, over the network's own; `laplacian` has the cᵢ where it is one.
    pub fn entry(&self, entry: Entry, laplacian: &[f64]) -> Expression {
        match self.outputs.get(entry.output) {
            None => Expression::entry(entry),
            Some(output) => {
                let derived = output.clone().derived(entry.derivative, laplacian);
                derived.expect("a transform reads values alone, which have four derivatives")
            }
        }
    }

    /// Whether an entry of an output's jet goes through a jump of its transform.
    pub fn loses(&self, entry: Entry, laplacian: &[f64]) -> bool {
        self.outputs.get(entry.output).is_some_and(|output| output.loses(entry.derivative, laplacian))
    }

    /// Whether the transform of an output lets an entry of its jet jump somewhere.
    pub fn jump(&self, entry: Entry) -> bool {
        self.outputs.get(entry.output).is_some() && self.entry(entry, &[]).jumps()
    }

    /// The jets of `outputs` outputs in a layout, each an expression over the network's own, which
    /// travel in the layout and from the places that come with them.
    pub fn jets(&self, outputs: usize, wanted: &JetLayout) -> (JetLayout, Places, Vec<Expression>) {
        let entries = |output| wanted.derivatives().map(move |derivative| Entry { output, derivative });
        let entries = (0..outputs).flat_map(entries);
        let mut expressions: Vec<_> = entries.map(|entry| self.entry(entry, wanted.laplacian())).collect();
        let places = places(&mut expressions);
        (layout(&mut expressions, wanted.inputs()), places, expressions)
    }
}
