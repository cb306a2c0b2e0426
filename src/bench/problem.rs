//! What is timed: a network with random weights, and a loss over every channel of its jets.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::data::PointSet;
use crate::jet::{Entry, JetLayout, Normalizer};
use crate::loss::{Loss, Term};
use crate::network::{Model, NetworkSpec, Transforms};
use crate::numbers::Precision;

/// A network of this shape with random weights: their values matter to the time only in that
/// activations neither saturate nor vanish.
pub fn network(spec: NetworkSpec, precision: Precision) -> Model {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut parameters = vec![0.0; spec.parameters()];
    for layer in spec.layers() {
        let bound = (3.0 / layer.inputs as f64).sqrt();
        parameters[layer.weights()].fill_with(|| random.random_range(-bound..bound));
    }
    Model {
        inputs: (1..=spec.networks[0].inputs).map(|i| format!("x{i}")).collect(),
        outputs: (1..=spec.outputs()).map(|i| format!("u{i}")).collect(),
        coefficients: vec![],
        transforms: Transforms::default(),
        normalizer: Normalizer::identity(spec.networks[0].inputs, spec.outputs()),
        spec,
        precision,
        parameters,
        ranges: vec![],
    }
}

/// Random points within the model's range, and a term with random targets for each channel of each
/// output.
pub fn random_problem(model: &Model, layout: &JetLayout, batch: usize) -> (PointSet, Loss) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut column = |mean: f64, scale: f64| -> Vec<f64> {
        (0..batch).map(|_| mean + scale * random.random_range(-1.7..1.7)).collect()
    };
    let scaling = &model.normalizer.inputs;
    let inputs = scaling.mean.iter().zip(&scaling.scale).map(|(mean, scale)| column(*mean, *scale)).collect();
    let mut set = PointSet { inputs, ..PointSet::default() };
    let mut terms = vec![];
    for (output, name) in model.outputs.iter().enumerate() {
        let factors = layout.factors(&model.normalizer, output);
        for (derivative, scale) in layout.derivatives().zip(factors) {
            let name = derivative.column(name, &model.inputs);
            terms.push(Term::misfit(name, Entry { output, derivative }, Some(set.columns.len()), scale, 1.0));
            set.columns.push(column(0.0, scale));
        }
    }
    (set, Loss { terms })
}
