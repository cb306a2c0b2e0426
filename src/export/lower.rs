//! A model as a recipe: scaling, features, layers and transforms, in the user's units from end to end.

use super::builder::Builder;
use super::expressions::Expressions;
use super::recipe::{Binary, Id, Recipe, Unary};
use super::tensors::{Role, Tensor};
use crate::expression::Program;
use crate::jet::{Activation, Derivative, JetLayout, Product};
use crate::network::Model;

/// The channels of a jet as blocks of as many rows as there are tangents and seconds; `None` where all are 0.
#[derive(Clone, Copy)]
pub struct Jet {
    /// (1, H)
    pub value: Id,
    /// (T, H)
    pub tangents: Option<Id>,
    /// (S, H)
    pub seconds: Option<Id>,
}

impl Jet {
    /// The block and the row of a channel.
    pub fn channel(&self, channel: usize, layout: &JetLayout) -> (Option<Id>, usize) {
        let tangents = layout.tangents().len();
        match channel {
            0 => (Some(self.value), 0),
            channel if channel <= tangents => (self.tangents, channel - 1),
            channel => (self.seconds, channel - 1 - tangents),
        }
    }
}

/// The recipe of the outputs' jets in a layout of [`crate::jet::Seconds`], for a format that lacks some functions.
pub fn recipe(model: &Model, wanted: &JetLayout, lacking: &'static [Unary]) -> Recipe {
    let (inputs, outputs) = (model.inputs.len(), model.outputs.len());
    let mut builder = Builder::new(lacking);
    let point = builder.input(inputs);
    builder.name(point, "x");
    let jet = match model.transforms.are_identity() {
        true => Lowering::new(&mut builder, model, wanted).network(point),
        false => transformed(&mut builder, model, wanted, point),
    };
    let mut results = vec![builder.name(jet.value, "result_u")];
    let zeros = |builder: &mut Builder, rows: usize| builder.constant("", rows, vec![0.0; rows * outputs]);
    if wanted.order() > 0 {
        let tangents = jet.tangents.unwrap_or_else(|| zeros(&mut builder, inputs));
        results.push(builder.name(tangents, "result_du"));
    }
    if wanted.order() > 1 {
        let seconds = jet.seconds.unwrap_or_else(|| zeros(&mut builder, wanted.curved().len()));
        let seconds = builder.name(seconds, "result_d2u");
        let is_full = wanted.curved().len() > inputs && inputs > 1;
        results.push(if is_full { matrix(&mut builder, wanted, seconds) } else { seconds });
    }
    builder.recipe(inputs, outputs, results)
}

/// The rows (D D, M) of whole Hessian matrices from those of their halves.
fn matrix(builder: &mut Builder, layout: &JetLayout, seconds: Id) -> Id {
    let inputs = layout.inputs();
    let row = |i: usize, j: usize| {
        let channel = layout.channel(Derivative::Second(i.min(j), i.max(j))).expect("all second derivatives");
        channel - 1 - layout.tangents().len()
    };
    let rows: Vec<usize> = (0..inputs * inputs).map(|k| row(k / inputs, k % inputs)).collect();
    builder.rows(seconds, &rows)
}

/// The jet of the outputs where some have a transform.
fn transformed(builder: &mut Builder, model: &Model, wanted: &JetLayout, point: Id) -> Jet {
    let outputs = model.outputs.len();
    let (layout, places, expressions) = model.transforms.jets(outputs, wanted);
    let coefficients = model.coefficient_values();
    let mut jets = vec![];
    for program in places.programs() {
        let place = program.map_or(point, |program| {
            let (jets, layout) = (&[], &layout);
            let inputs = program.lower(&mut Expressions { builder, point, coefficients: &[], jets, layout });
            builder.stack_units(&inputs)
        });
        jets.push(Lowering::new(builder, model, &layout).network(place));
    }
    let (coefficients, jets, layout) = (&coefficients, &jets, &layout);
    let entries = Program::of(&expressions).lower(&mut Expressions { builder, point, coefficients, jets, layout });
    assemble(builder, &entries, wanted)
}

/// The jet whose channels are these numbers (M, C).
pub(super) fn assemble(builder: &mut Builder, entries: &[Id], layout: &JetLayout) -> Jet {
    let channels = layout.channels();
    let rows: Vec<Id> = (0..channels)
        .map(|channel| {
            let row: Vec<Id> = entries.iter().skip(channel).step_by(channels).copied().collect();
            builder.stack_units(&row)
        })
        .collect();
    let (tangents, seconds) = rows[1..].split_at(layout.tangents().len());
    let mut block = |rows: &[Id]| (!rows.is_empty()).then(|| builder.stack_rows(rows));
    Jet { value: rows[0], tangents: block(tangents), seconds: block(seconds) }
}

/// What is needed to lower a network in one layout.
pub(super) struct Lowering<'a> {
    pub(super) builder: &'a mut Builder,
    pub(super) model: &'a Model,
    pub(super) layout: &'a JetLayout,
    /// Those of each second.
    products: Vec<Vec<Product>>,
}

impl<'a> Lowering<'a> {
    fn new(builder: &'a mut Builder, model: &'a Model, layout: &'a JetLayout) -> Self {
        let products = layout.curved().iter().map(|of| layout.products(*of, &model.normalizer)).collect();
        Self { builder, model, layout, products }
    }

    /// The network's own jet where the inputs are those of a point (1, D), in the user's units.
    fn network(&mut self, point: Id) -> Jet {
        let model = self.model;
        let mut jet = match model.transforms.features_of(0) {
            Some(features) => self.features(features, point),
            None => Jet { value: self.standardised(point), tangents: None, seconds: None },
        };
        let mut hidden: Vec<Jet> = vec![];
        let layers = &model.spec.networks[0].hidden;
        for (index, layer) in layers.iter().enumerate() {
            let z = self.affine(index, jet);
            jet = self.activated(layer.activation, z);
            if let Some(skip) = layer.skip {
                jet = self.sum(jet, hidden[skip]);
            }
            self.name(jet, "a", index);
            hidden.push(jet);
        }
        jet = self.affine(layers.len(), jet);
        self.in_units(jet)
    }

    /// Calls the channels of layer `index` `a1`, `da1`, `dda1`.
    fn name(&mut self, jet: Jet, letter: &str, index: usize) {
        let channels = [("", Some(jet.value)), ("d", jet.tangents), ("dd", jet.seconds)];
        for (prefix, block) in channels {
            block.map(|block| self.builder.name(block, &format!("{prefix}{letter}{}", index + 1)));
        }
    }

    /// x̂ (1, D)
    pub(super) fn standardised(&mut self, point: Id) -> Id {
        let scaling = &self.model.normalizer.inputs;
        let mean = self.builder.constant("x_mean", 1, scaling.mean.clone());
        let scale = self.builder.constant("x_scale", 1, scaling.scale.clone());
        let centred = self.builder.subtract(point, mean);
        let standardised = self.builder.binary(Binary::Divide, centred, scale);
        self.builder.name(standardised, "x_hat")
    }

    /// z = W a + b
    fn affine(&mut self, index: usize, a: Jet) -> Jet {
        let layer = self.model.spec.layers()[index];
        let numbers = |range: std::ops::Range<usize>| self.model.parameters[range].to_vec();
        let (w, b) = (numbers(layer.weights()), numbers(layer.biases()));
        let (rows, units) = (layer.outputs, layer.inputs);
        let (w_name, b_name) = (format!("w{}", index + 1), format!("b{}", index + 1));
        let w = self.builder.tensor(Tensor { name: w_name, role: Role::Weight(index), rows, units, numbers: w });
        let b = Tensor { name: b_name, role: Role::Bias(index), rows: 1, units: rows, numbers: b };
        let b = self.builder.tensor(b);
        let bias = self.builder.bias(b);
        let product = self.builder.linear(w, a.value);
        let value = self.builder.add(product, bias);
        let is_first = index == 0 && self.model.transforms.features_of(0).is_none();
        let tangents = match a.tangents {
            Some(tangents) => Some(self.builder.linear(w, tangents)),
            // Those of the inputs are unit vectors.
            None if is_first && !self.layout.tangents().is_empty() => {
                Some(self.builder.columns(w, self.layout.tangents()))
            }
            None => None,
        };
        let z = Jet { value, tangents, seconds: a.seconds.map(|seconds| self.builder.linear(w, seconds)) };
        self.name(z, "z", index);
        z
    }

    /// σ(z) by the chain rule: σ' dz for a tangent, σ'' q + σ' ddz for a second.
    fn activated(&mut self, activation: Activation, z: Jet) -> Jet {
        let slopes = self.builder.activation(activation, z.value);
        let tangents = z.tangents.map(|tangents| self.builder.multiply(slopes.first, tangents));
        let bent = match (slopes.second, z.tangents) {
            (Some(second), Some(tangents)) => self.products(tangents).map(|q| self.builder.multiply(second, q)),
            _ => None,
        };
        let straight = z.seconds.map(|seconds| self.builder.multiply(slopes.first, seconds));
        Jet { value: slopes.value, tangents, seconds: self.sum_of(bent, straight) }
    }

    fn sum(&mut self, a: Jet, b: Jet) -> Jet {
        let value = self.builder.add(a.value, b.value);
        Jet { value, tangents: self.sum_of(a.tangents, b.tangents), seconds: self.sum_of(a.seconds, b.seconds) }
    }

    fn sum_of(&mut self, a: Option<Id>, b: Option<Id>) -> Option<Id> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.builder.add(a, b)),
            (a, b) => a.or(b),
        }
    }

    /// q = Σ coefficient · dz_k · dz_l for each second (S, H).
    fn products(&mut self, tangents: Id) -> Option<Id> {
        if self.products.is_empty() {
            return None;
        }
        let is_plain = self.products.iter().all(|of| of.iter().map(|product| product.coefficient).eq([1.0]));
        // A layout of pairs has one product for each; one with a Laplacian has several in its row.
        let groups: Vec<Vec<Product>> = match is_plain {
            true => vec![self.products.concat()],
            false => self.products.clone(),
        };
        let tangent = |of: Derivative| self.layout.channel(of).expect("a second's tangent") - 1;
        let mut rows = vec![];
        for group in groups {
            let side = |k: usize| -> Vec<usize> { group.iter().map(|product| tangent(product.factors[k])).collect() };
            let (left, right) = (side(0), side(1));
            let (left, right) = (self.builder.rows(tangents, &left), self.builder.rows(tangents, &right));
            let mut product = self.builder.multiply(left, right);
            if !is_plain {
                let coefficients = group.iter().map(|product| product.coefficient).collect();
                let coefficients = self.builder.constant("", group.len(), coefficients);
                product = self.builder.multiply(product, coefficients);
                product = self.builder.sum_rows(product);
            }
            rows.push(product);
        }
        Some(self.builder.stack_rows(&rows))
    }

    /// From standardised outputs: mean and scale, and the chain rule's factors.
    fn in_units(&mut self, jet: Jet) -> Jet {
        let (normalizer, layout) = (&self.model.normalizer, self.layout);
        let factors: Vec<Vec<f64>> = (0..self.model.outputs.len()).map(|m| layout.factors(normalizer, m)).collect();
        let tangents = layout.tangents().len();
        let mut scaled = |name: &str, block: Option<Id>, channels: std::ops::Range<usize>| {
            let rows = channels.len();
            let numbers = channels.flat_map(|channel| factors.iter().map(move |of_output| of_output[channel]));
            let factors = numbers.collect();
            block.map(|block| {
                let factors = self.builder.constant(name, rows, factors);
                self.builder.multiply(block, factors)
            })
        };
        let value = scaled("u_scale", Some(jet.value), 0..1).expect("a value");
        let tangents_scaled = scaled("du_scale", jet.tangents, 1..1 + tangents);
        let seconds = scaled("d2u_scale", jet.seconds, 1 + tangents..layout.channels());
        let mean = self.builder.constant("u_mean", 1, normalizer.outputs.mean.clone());
        Jet { value: self.builder.add(value, mean), tangents: tangents_scaled, seconds }
    }
}
