//! From steps to a model. Affine and unit-wise steps next to each other are multiplied together in f64; an activation
//! ends a hidden layer; a point that is added later becomes one, without activation where it has none. What scales the
//! inputs before all else, and the outputs after all else, becomes the model's normalizer.

use std::collections::BTreeMap;

use super::Options;
use super::columns::{checked, leading, names, trailing};
use super::graph::{Affine, At, Graph, Step, of_unit};
use crate::error::{Error, Result};
use crate::jet::{Activation, Normalizer};
use crate::network::{Hidden, Model, NetworkSpec, Perceptron, Transforms};
use crate::numbers::Precision;

/// The most numbers in layers that folding makes, beside those of the file: 1 GiB.
const MOST_MADE: usize = 1 << 27;

/// The most inputs, and outputs: a file may state any number.
const WIDEST: usize = 1 << 20;

/// The model between the inputs and the point `end`; `place` is the file.
pub fn model(place: &str, graph: &Graph, end: At, options: &Options) -> Result<Model> {
    let way = graph.way(end);
    let width = |at: At| {
        let help = "save the network with the shape of its inputs";
        match graph.point(at).width {
            Some(width @ 1..=WIDEST) => Ok(width),
            Some(width) => Err(Error::input(place, format!("a point has {width} numbers"), help)),
            None => Err(Error::input(place, "the number of its inputs is not known", help)),
        }
    };
    let (inputs, outputs) = (width(way[0])?, width(end)?);
    let given = if options.inputs.is_empty() { &graph.names } else { &options.inputs };
    let (inputs_names, outputs_names) =
        (names("--inputs", given, "x", inputs)?, names("--outputs", &options.outputs, "y", outputs)?);
    let (first, of_inputs) = match &options.input_scaling {
        Some(scaling) => (1, checked("--input-mean, --input-scale", scaling, inputs)?),
        None => leading(graph, &way, inputs),
    };
    let (last, of_outputs) = match &options.output_scaling {
        Some(scaling) => (way.len(), checked("--output-mean, --output-scale", scaling, outputs)?),
        None => trailing(graph, &way, first, outputs),
    };
    let mut folded = Folded { width: inputs, ..Folded::default() };
    folded.keep(graph, way[first - 1])?;
    for at in &way[first..last] {
        folded.step(graph, *at)?;
    }
    let (output, _) = folded.take_affine(place)?;
    let parameters: Vec<f64> = folded.layers.into_iter().chain([output]).flat_map(Affine::into_block).collect();
    if let Some(value) = parameters.iter().find(|value| !value.is_finite()) {
        return Err(Error::input(place, format!("a weight is {value}"), "use a network with finite weights"));
    }
    let is_f32 = graph.precision == Precision::F32 && parameters.iter().all(|x| f64::from(*x as f32) == *x);
    Ok(Model {
        inputs: inputs_names,
        outputs: outputs_names,
        coefficients: vec![],
        transforms: Transforms::default(),
        spec: NetworkSpec::of_one(Perceptron { inputs, hidden: folded.hidden, outputs, wiring: None }),
        normalizer: Normalizer { inputs: of_inputs, outputs: of_outputs, coefficients: vec![] },
        // What was computed here is not rounded.
        precision: if is_f32 { Precision::F32 } else { Precision::F64 },
        parameters,
        ranges: vec![],
    })
}

/// The layers so far.
#[derive(Default)]
struct Folded {
    /// The affine layer of each hidden layer.
    layers: Vec<Affine>,
    hidden: Vec<Hidden>,
    /// What came since the last hidden layer.
    pending: Option<Pending>,
    /// The width of what stands here.
    width: usize,
    /// The hidden layers whose output is added later, by their points.
    kept: BTreeMap<At, usize>,
    /// How many numbers were made here.
    made: usize,
}

/// Steps that are not part of a layer yet.
enum Pending {
    /// factor · a + shift of each unit.
    Units {
        factor: Vec<f64>,
        shift: Vec<f64>,
    },
    Affine(Affine),
}

impl Folded {
    fn step(&mut self, graph: &Graph, at: At) -> Result<()> {
        let point = graph.point(at);
        let place = &point.place;
        match &point.step {
            Step::Inputs => {}
            Step::Affine(affine) => {
                self.width = affine.bias.len();
                self.pending = Some(Pending::Affine(match self.pending.take() {
                    None => affine.clone(),
                    Some(Pending::Units { factor, shift }) => affine.after_units(&factor, &shift),
                    Some(Pending::Affine(before)) => {
                        self.allow(self.width.saturating_mul(before.inputs), place)?;
                        affine.after(&before)
                    }
                }));
            }
            Step::Standardise { mean, scale } => {
                self.unit_wise(
                    |unit, x| (x - of_unit(mean, unit)) / of_unit(scale, unit),
                    |unit, x| x / of_unit(scale, unit),
                );
            }
            Step::Scale { factor, shift } => {
                self.unit_wise(
                    |unit, x| of_unit(factor, unit) * x + of_unit(shift, unit),
                    |unit, x| of_unit(factor, unit) * x,
                );
            }
            Step::Activation(activation) => self.hide(place, *activation, None)?,
            Step::Add(early) => self.add(place, self.kept[early])?,
        }
        self.keep(graph, at)
    }

    /// A unit-wise step: what it makes of a bias, and of a weight.
    fn unit_wise(&mut self, bias: impl Fn(usize, f64) -> f64, weight: impl Fn(usize, f64) -> f64) {
        let identity = || Pending::Units { factor: vec![1.0; self.width], shift: vec![0.0; self.width] };
        let pending = self.pending.get_or_insert_with(identity);
        let (weights, biases, inputs) = match pending {
            Pending::Units { factor, shift } => (factor, shift, 1),
            Pending::Affine(affine) => (&mut affine.weights, &mut affine.bias, affine.inputs),
        };
        for (unit, row) in weights.chunks_exact_mut(inputs).enumerate() {
            row.iter_mut().for_each(|x| *x = weight(unit, *x));
        }
        biases.iter_mut().enumerate().for_each(|(unit, x)| *x = bias(unit, *x));
    }

    /// Makes what stands here a hidden layer's output if a later point adds it.
    fn keep(&mut self, graph: &Graph, at: At) -> Result<()> {
        let point = graph.point(at);
        if !point.is_added {
            return Ok(());
        }
        if self.pending.is_some() || self.hidden.is_empty() {
            self.hide(&point.place, Activation::Linear, None)?;
        }
        self.kept.insert(at, self.hidden.len() - 1);
        Ok(())
    }

    /// σ(z) + a of an earlier layer, where the last layer is such a sum but for it, or z + a.
    fn add(&mut self, place: &str, skip: usize) -> Result<()> {
        let last = self.hidden.len() - 1;
        let is_free = last > skip && self.hidden[last].skip.is_none() && !self.kept.values().any(|kept| *kept == last);
        match self.pending.is_none() && is_free {
            true => {
                self.hidden[last].skip = Some(skip);
                Ok(())
            }
            false => self.hide(place, Activation::Linear, Some(skip)),
        }
    }

    fn hide(&mut self, place: &str, activation: Activation, skip: Option<usize>) -> Result<()> {
        let (affine, width) = self.take_affine(place)?;
        self.layers.push(affine);
        self.hidden.push(Hidden { width, activation, skip });
        Ok(())
    }

    /// What is pending, or the identity, as a layer; and its width.
    fn take_affine(&mut self, place: &str) -> Result<(Affine, usize)> {
        let width = self.width;
        let (factor, shift) = match self.pending.take() {
            Some(Pending::Affine(affine)) => return Ok((affine, width)),
            Some(Pending::Units { factor, shift }) => (factor, shift),
            None => {
                self.allow(width, place)?;
                (vec![1.0; width], vec![0.0; width])
            }
        };
        self.allow(width.saturating_mul(width), place)?;
        let mut weights = vec![0.0; width * width];
        weights.iter_mut().step_by(width + 1).zip(factor).for_each(|(x, factor)| *x = factor);
        Ok((Affine { weights, bias: shift, inputs: width }, width))
    }

    /// Counts numbers that are made here.
    fn allow(&mut self, count: usize, place: &str) -> Result<()> {
        self.made = self.made.saturating_add(count);
        if self.made <= MOST_MADE {
            return Ok(());
        }
        let problem = format!("layers that are multiplied together would have {} numbers", self.made);
        Err(Error::input(place, problem, "use narrower layers, or an activation between affine layers"))
    }
}

impl Affine {
    /// This layer on the output of `before`: W V a + (W c + b).
    fn after(&self, before: &Affine) -> Affine {
        let mut weights = vec![0.0; self.bias.len() * before.inputs];
        let mut bias = self.bias.clone();
        for (unit, row) in self.weights.chunks_exact(self.inputs).enumerate() {
            let sums = &mut weights[unit * before.inputs..][..before.inputs];
            for (middle, w) in row.iter().enumerate() {
                bias[unit] += w * before.bias[middle];
                let column = &before.weights[middle * before.inputs..][..before.inputs];
                sums.iter_mut().zip(column).for_each(|(sum, v)| *sum += w * v);
            }
        }
        Affine { weights, bias, inputs: before.inputs }
    }

    /// This layer on factor · a + shift.
    fn after_units(&self, factor: &[f64], shift: &[f64]) -> Affine {
        let mut layer = self.clone();
        for (row, bias) in layer.weights.chunks_exact_mut(self.inputs).zip(&mut layer.bias) {
            *bias += row.iter().zip(shift).map(|(w, shift)| w * shift).sum::<f64>();
            row.iter_mut().zip(factor).for_each(|(w, factor)| *w *= factor);
        }
        layer
    }

    /// W row by row, then b.
    fn into_block(self) -> impl Iterator<Item = f64> {
        self.weights.into_iter().chain(self.bias)
    }
}
