//! What stands before the network: functions of the inputs that its first layer reads in their
//! place. `sin(x)` and `cos(x)` make it periodic in x, exactly; many sines of random frequencies
//! (Fourier features, Tancik et al. 2020) let it learn fine detail.
//!
//! Their jets depend on the points alone, so the host computes them in f64 when points are loaded,
//! and the first layer is an affine layer like the others.

use std::ops::Range;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::expression::{PointFunctions, PointJets, Scope, is_name};
use crate::jet::{JetLayout, Normalizer, Scaling};

/// F functions of the inputs, standardised.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Their part of the model file.
    pub document: FeaturesDocument,
    functions: PointFunctions,
}

/// Features as a model's file holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeaturesDocument {
    /// The text of each (F).
    pub functions: Vec<String>,
    /// Their means and scales (F).
    pub scaling: Scaling,
}

impl Features {
    /// Reads functions of the inputs, and standardises them over `points` (D, B).
    ///
    /// # Errors
    /// [`Error::Input`] for a mistake in a text, and for a function that is constant or has no value
    /// at some point.
    pub fn fit(place: &str, texts: Vec<String>, scope: &Scope, points: &[Vec<f64>]) -> Result<Self> {
        let functions = PointFunctions::read(place, &texts, scope)?;
        let columns = functions.jets(&JetLayout::value(scope.inputs.len())).at(points);
        for (text, column) in texts.iter().zip(&columns) {
            let help = "use functions of the inputs that vary and are finite at every point";
            if let Some(at) = column.iter().position(|value| !value.is_finite()) {
                let point: Vec<f64> = points.iter().map(|column| column[at]).collect();
                let problem = format!("{text:?} is {} at {:?} = {point:?}", column[at], scope.inputs);
                return Err(Error::input(place, problem, help));
            }
            if column.iter().all(|value| *value == column[0]) {
                return Err(Error::input(place, format!("{text:?} is {} at every point", column[0]), help));
            }
        }
        let scaling = Scaling::of_columns(columns.iter().map(Vec::as_slice));
        Ok(Self { document: FeaturesDocument { functions: texts, scaling }, functions })
    }

    /// Reads the features of a model file.
    ///
    /// # Errors
    /// [`Error::Input`] for a mistake in a text, or a scaling that does not fit.
    pub fn of_document(place: &str, document: FeaturesDocument, scope: &Scope) -> Result<Self> {
        let functions = PointFunctions::read(place, &document.functions, scope)?;
        match document.scaling.problem(document.functions.len()) {
            None => Ok(Self { document, functions }),
            Some(problem) => Err(Error::input(place, problem, "fix the metadata, or save the model again")),
        }
    }

    /// The functions, not standardised.
    pub fn functions(&self) -> &PointFunctions {
        &self.functions
    }

    /// F, the number of features.
    pub fn count(&self) -> usize {
        self.document.functions.len()
    }
}

/// What the first layer reads of points, in standardised space: their inputs (D, B), or the jets of
/// the features (F, C, B).
pub struct InputJets {
    inputs: Scaling,
    features: Option<FeatureJets>,
}

struct FeatureJets {
    jets: PointJets,
    /// For each row the shift and the factor from the user's units.
    rows: Vec<(f64, f64)>,
}

impl InputJets {
    /// For jets in `layout`.
    pub fn new(features: Option<&Features>, normalizer: &Normalizer, layout: &JetLayout) -> Self {
        let of = |features: &Features| {
            let Scaling { mean, scale } = &features.document.scaling;
            let rows = mean.iter().zip(scale).flat_map(|(mean, scale)| {
                // A channel of the layout in standardised space, times its factor, is that of the user.
                let factors = layout.factors_of(normalizer, *scale);
                factors.into_iter().enumerate().map(|(c, factor)| (if c == 0 { *mean } else { 0.0 }, 1.0 / factor))
            });
            FeatureJets { jets: features.functions.jets(layout), rows: rows.collect() }
        };
        Self { inputs: normalizer.inputs.clone(), features: features.map(of) }
    }

    /// Whether they are features' jets.
    pub fn are_features(&self) -> bool {
        self.features.is_some()
    }

    /// The number of rows: D, or F C.
    pub fn rows(&self) -> usize {
        self.features.as_ref().map_or(self.inputs.mean.len(), |features| features.rows.len())
    }

    /// The rows at some of the points (D, B), which are given in the user's units.
    pub fn at(&self, points: &[Vec<f64>], range: Range<usize>) -> Vec<Vec<f64>> {
        let part: Vec<Vec<f64>> = points.iter().map(|column| column[range.clone()].to_vec()).collect();
        let Some(FeatureJets { jets, rows }) = &self.features else {
            let standardised =
                |(d, column): (usize, Vec<f64>)| column.into_iter().map(|x| self.inputs.standardise(d, x)).collect();
            return part.into_iter().enumerate().map(standardised).collect();
        };
        let mut values = jets.at(&part);
        for (values, (shift, factor)) in values.iter_mut().zip(rows) {
            values.iter_mut().for_each(|value| *value = (*value - shift) * factor);
        }
        values
    }
}

/// sin and cos of `count` random frequencies, normal with deviation `scale` in standardised inputs,
/// as functions of the inputs in the user's units.
pub fn fourier(count: usize, scale: f64, seed: u64, names: &[String], inputs: &Scaling) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Streams 0 and above belong to the rows of the data.
    rng.set_stream(u64::MAX);
    let mut texts = vec![];
    for _ in 0..count {
        let mut argument = String::new();
        let mut phase = 0.0;
        for (d, name) in names.iter().enumerate() {
            let normal: f64 = StandardNormal.sample(&mut rng);
            let frequency = scale * normal / inputs.scale[d];
            phase -= frequency * inputs.mean[d];
            let quote = if is_name(name) { "" } else { "`" };
            argument.push_str(&format!("({frequency:?})*{quote}{name}{quote} + "));
        }
        argument.push_str(&format!("({phase:?})"));
        texts.extend([format!("sin({argument})"), format!("cos({argument})")]);
    }
    texts
}
