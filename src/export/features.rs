//! Features as operations: waves, as Fourier features are, all at once, others one by one.

use super::builder::Builder;
use super::expressions::Expressions;
use super::lower::{Jet, Lowering, assemble};
use super::recipe::{Binary, Id, Unary};
use super::tensors::{Role, Tensor};
use crate::expression::Wave;
use crate::jet::{JetLayout, Normalizer};
use crate::network::Features;

impl Lowering<'_> {
    /// The jets of the features (·, F) at a point (1, D), as the first layer reads them.
    pub(super) fn features(&mut self, features: &Features, point: Id) -> Jet {
        let waves = features.functions().waves(self.model.inputs.len());
        let (wavy, others): (Vec<usize>, Vec<usize>) = (0..features.count()).partition(|f| waves[*f].is_some());
        let mut parts = vec![];
        if !wavy.is_empty() {
            let waves: Vec<&Wave> = wavy.iter().filter_map(|f| waves[*f].as_ref()).collect();
            parts.push(self.waves(features, &wavy, &waves, point));
        }
        if !others.is_empty() {
            parts.push(self.others(features, &others, point));
        }
        // From waves first to the order of the file.
        let written: Vec<usize> = wavy.into_iter().chain(others).collect();
        let order: Vec<usize> =
            (0..written.len()).map(|f| written.iter().position(|own| *own == f).expect("every feature")).collect();
        let mut block = |part: fn(&Jet) -> Option<Id>| {
            let parts: Option<Vec<Id>> = parts.iter().map(part).collect();
            let stacked = parts.map(|parts| self.builder.stack_units(&parts));
            stacked.map(|stacked| self.builder.units(stacked, &order))
        };
        let value = block(|jet| Some(jet.value)).expect("a value");
        Jet { value, tangents: block(|jet| jet.tangents), seconds: block(|jet| jet.seconds) }
    }

    /// sin and cos of one product of matrices.
    fn waves(&mut self, features: &Features, which: &[usize], waves: &[&Wave], point: Id) -> Jet {
        // Sines and cosines of the same argument share it.
        let mut arguments: Vec<(&[f64], f64)> = vec![];
        let mut places = vec![];
        for wave in waves {
            let argument = (wave.frequencies.as_slice(), wave.phase);
            places.push(arguments.iter().position(|known| *known == argument).unwrap_or_else(|| {
                arguments.push(argument);
                arguments.len() - 1
            }));
        }
        let count = arguments.len();
        // Over standardised inputs: a large phase that a large mean brings cancels here, in f64.
        let inputs = &self.model.normalizer.inputs;
        let numbers = arguments.iter().flat_map(|(w, _)| w.iter().zip(&inputs.scale).map(|(w, scale)| w * scale));
        let weights = numbers.collect();
        let phase =
            |(w, phase): &(&[f64], f64)| phase + w.iter().zip(&inputs.mean).map(|(w, mean)| w * mean).sum::<f64>();
        let phases = arguments.iter().map(phase).collect();
        let (rows, units) = (count, inputs.mean.len());
        let name = "frequencies".to_string();
        let weights = self.builder.tensor(Tensor { name, role: Role::Matrix, rows, units, numbers: weights });
        let x = self.standardised(point);
        let phases = self.builder.constant("phases", 1, phases);
        let product = self.builder.linear(weights, x);
        let argument = self.builder.add(product, phases);
        let (sin, cos) = (self.builder.unary(Unary::Sin, argument), self.builder.unary(Unary::Cos, argument));
        let minus = self.builder.unary(Unary::Negate, sin);
        let mut choose = |first: Id, second: Id| {
            let both = self.builder.stack_units(&[first, second]);
            let units: Vec<usize> =
                waves.iter().zip(&places).map(|(wave, place)| place + if wave.is_cosine { count } else { 0 }).collect();
            self.builder.units(both, &units)
        };
        let (value, slope) = (choose(sin, cos), choose(cos, minus));
        let curvature = self.builder.unary(Unary::Negate, value);
        let layout = self.layout;
        let slopes = layout.derivatives().skip(1).map(|derivative| {
            let slope = |wave: &&Wave| {
                let w = &wave.frequencies;
                match derivative.inputs() {
                    Some(by) => by.into_iter().map(|i| w[i]).product(),
                    None => layout.laplacian().iter().zip(w).map(|(c, w)| c * w * w).sum::<f64>(),
                }
            };
            waves.iter().map(slope).collect::<Vec<f64>>()
        });
        let slopes: Vec<Vec<f64>> = slopes.collect();
        let scaling = Standardising::new(features, which, &self.model.normalizer, layout);
        let tangents = layout.tangents().len();
        let value = scaling.value(self.builder, value);
        let mut block = |name: &str, outer: Id, channels: std::ops::Range<usize>| {
            let rows = channels.len();
            let numbers: Vec<f64> = channels.flat_map(|c| scaling.products(c, &slopes[c - 1])).collect();
            (rows > 0).then(|| {
                let inner = self.builder.constant(name, rows, numbers);
                self.builder.multiply(outer, inner)
            })
        };
        let first = block("wave_slopes", slope, 1..1 + tangents);
        let second = block("wave_curvatures", curvature, 1 + tangents..layout.channels());
        Jet { value, tangents: first, seconds: second }
    }

    /// Each by its expression.
    fn others(&mut self, features: &Features, which: &[usize], point: Id) -> Jet {
        let jets = features.functions().some(which).jets(self.layout);
        let mut expressions =
            Expressions { builder: self.builder, point, coefficients: &[], jets: &[], layout: self.layout };
        let entries = jets.program().lower(&mut expressions);
        let jet = assemble(self.builder, &entries, self.layout);
        let scaling = Standardising::new(features, which, &self.model.normalizer, self.layout);
        let tangents = self.layout.tangents().len();
        let value = scaling.value(self.builder, jet.value);
        let ones = vec![1.0; which.len()];
        let mut block = |block: Option<Id>, channels: std::ops::Range<usize>| {
            block.map(|block| {
                let rows = channels.len();
                let factors = channels.flat_map(|channel| scaling.products(channel, &ones)).collect();
                let factors = self.builder.constant("", rows, factors);
                self.builder.multiply(block, factors)
            })
        };
        let (first, second) =
            (block(jet.tangents, 1..1 + tangents), block(jet.seconds, 1 + tangents..self.layout.channels()));
        Jet { value, tangents: first, seconds: second }
    }
}

/// From features in the user's units to what the first layer reads.
struct Standardising {
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// What each channel of each feature is divided by.
    factors: Vec<Vec<f64>>,
}

impl Standardising {
    fn new(features: &Features, which: &[usize], normalizer: &Normalizer, layout: &JetLayout) -> Self {
        let scaling = &features.document.scaling;
        let pick = |numbers: &[f64]| -> Vec<f64> { which.iter().map(|f| numbers[*f]).collect() };
        let (mean, scale) = (pick(&scaling.mean), pick(&scaling.scale));
        let factors = scale.iter().map(|scale| layout.factors_of(normalizer, *scale)).collect();
        Self { mean, scale, factors }
    }

    fn value(&self, builder: &mut Builder, raw: Id) -> Id {
        let mean = builder.constant("f_mean", 1, self.mean.clone());
        let scale = builder.constant("f_scale", 1, self.scale.clone());
        let centred = builder.subtract(raw, mean);
        builder.binary(Binary::Divide, centred, scale)
    }

    /// Numbers of a channel, one for each feature, standardised.
    fn products(&self, channel: usize, numbers: &[f64]) -> Vec<f64> {
        numbers.iter().zip(&self.factors).map(|(number, factors)| number / factors[channel]).collect()
    }
}
