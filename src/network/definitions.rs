//! A job's definitions as quantities of their own, `k = "exp(a)"`: their values and derivatives at points,
//! over the jets of the outputs. An [`Entry`] counts them behind the outputs, by name.

use std::fmt::Display;

use crate::error::{Error, Result};
use crate::expression::{Expression, Scope};
use crate::jet::{Derivative, Entry, JetLayout};
use crate::network::Model;

/// Definitions to predict, each with the derivatives that exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    /// The names of their columns (E).
    pub columns: Vec<String>,
    /// Their expressions (E).
    pub expressions: Vec<Expression>,
}

impl Model {
    /// The names of its inputs, outputs, coefficients and definitions, for expressions over its jets.
    pub fn scope(&self, allow_rough: bool) -> Scope {
        Scope {
            coefficients: self.coefficients.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            transforms: self.transforms.texts.clone(),
            activations: self.spec.activations(self.outputs.len()),
            features: self.wirings().into_iter().zip(self.derivatives().own_features()).collect(),
            // Predictions need no slopes by what feeds a network.
            fed: vec![],
            allow_rough,
            fields: self.transforms.fields.clone(),
            ..Scope::default()
        }
        .with_definitions(&self.transforms.definitions)
    }
}

impl Definitions {
    /// Reads definitions of `scope` by name, with those derivatives of a layout that they have.
    ///
    /// # Errors
    /// [`Error::Input`] for a name that is no definition, and for one that has no value at any point: it reads
    /// a column, or a normal.
    pub fn read(place: impl Display, scope: &Scope, names: &[String], layout: &JetLayout) -> Result<Self> {
        let mut definitions = Self::default();
        for name in names {
            let Some(index) = scope.definitions.keys().position(|known| known == name) else {
                let known: Vec<&str> = scope.definitions.keys().map(String::as_str).collect();
                let help = match known.is_empty() {
                    true => "add it under [definitions]".to_string(),
                    false => crate::error::suggest(name, &known),
                };
                return Err(Error::input(place, format!("unknown definition {name:?}"), help));
            };
            for derivative in layout.derivatives() {
                match entry(&place, scope, Entry { output: scope.outputs.len() + index, derivative }) {
                    Ok(expression) => {
                        definitions.columns.push(derivative.column(name, &scope.inputs));
                        definitions.expressions.push(expression);
                    }
                    Err(error) if derivative == Derivative::Value => return Err(error),
                    Err(_) => {}
                }
            }
        }
        Ok(definitions)
    }
}

/// The names that entries count: the outputs, then the definitions.
pub fn quantities(scope: &Scope) -> Vec<String> {
    scope.outputs.iter().chain(scope.definitions.keys()).cloned().collect()
}

/// An entry of a definition's jet, over the jets of the outputs.
///
/// # Errors
/// [`Error::Input`] where it does not exist.
pub fn entry(place: impl Display, scope: &Scope, entry: Entry) -> Result<Expression> {
    let name = scope.definitions.keys().nth(entry.output - scope.outputs.len()).expect("an entry of a definition");
    let derivative = entry.derivative;
    let laplacian = vec![1.0; scope.inputs.len()];
    let value = Expression::value(&place, name, scope)?;
    let problem = format!("{name:?} has no {}", derivative.column(name, &scope.inputs));
    let missing =
        |why: &str| Error::input(&place, format!("{problem}: {why}"), "request a lower order, or only the value");
    if !scope.allow_rough && value.loses(derivative, &laplacian) {
        return Err(missing("it would differentiate across a jump"));
    }
    let derived = value.derived(derivative, &laplacian);
    let derived = derived.map_err(|_| missing("it would need fifth derivatives of the network"))?;
    let entries = derived.entries();
    if !scope.allow_rough {
        if entries.iter().any(|entry| scope.loses(*entry)) {
            return Err(missing("it would differentiate across a jump of the network's features"));
        }
        for entry in entries {
            if let Some(activation) = scope.activations.get(entry.output) {
                activation.supports(entry.derivative.order(), &place.to_string())?;
            }
        }
    }
    Ok(derived)
}
