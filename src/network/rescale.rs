//! The same function under another scaling, for a network that training continues from.

use super::Model;
use crate::jet::Scaling;

impl Model {
    /// Of a model with one network: weights and biases of the same function where the first layer reads columns of the scaling `first`, and the
    /// outputs are scaled by `outputs`; laid out as those of the model, without coefficients.
    pub fn rescaled(&self, first: &Scaling, outputs: &Scaling) -> Vec<f64> {
        let layers = self.spec.layers();
        let mut parameters = self.parameters[..self.spec.weights()].to_vec();
        let (input, output) = (layers[0], layers[layers.len() - 1]);
        let (weights, biases) = parameters[input.offset..input.biases().end].split_at_mut(input.weights().len());
        let own = self.transforms.first_scaling(&self.normalizer);
        for (row, bias) in weights.chunks_exact_mut(input.inputs).zip(biases) {
            for (column, weight) in row.iter_mut().enumerate() {
                *bias += *weight * ((first.mean[column] - own.mean[column]) / own.scale[column]);
                *weight *= first.scale[column] / own.scale[column];
            }
        }
        let (weights, biases) = parameters[output.offset..output.biases().end].split_at_mut(output.weights().len());
        let own = &self.normalizer.outputs;
        for (unit, (row, bias)) in weights.chunks_exact_mut(output.inputs).zip(biases).enumerate() {
            let ratio = own.scale[unit] / outputs.scale[unit];
            row.iter_mut().for_each(|weight| *weight *= ratio);
            *bias = *bias * ratio + (own.mean[unit] - outputs.mean[unit]) / outputs.scale[unit];
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::{Activation, Normalizer};
    use crate::network::{NetworkSpec, Transforms, initialize};
    use crate::numbers::Precision;

    #[test]
    fn a_rescaled_network_is_the_same_function() {
        for hidden in [&[5, 3][..], &[]] {
            let spec = NetworkSpec::uniform(2, hidden, Activation::Tanh, 2);
            let scaling = |mean: [f64; 2], scale: [f64; 2]| Scaling { mean: mean.to_vec(), scale: scale.to_vec() };
            let model = Model {
                inputs: ["x", "t"].map(String::from).to_vec(),
                outputs: ["u", "v"].map(String::from).to_vec(),
                coefficients: vec![],
                transforms: Transforms::default(),
                normalizer: Normalizer {
                    inputs: scaling([1.0, -3.0], [0.5, 4.0]),
                    outputs: scaling([7.0, 0.0], [0.1, 20.0]),
                    coefficients: vec![],
                },
                precision: Precision::F64,
                parameters: initialize(&spec, None, 1),
                ranges: vec![],
                spec,
            };
            let (inputs, outputs) = (scaling([300.0, 0.0], [20.0, 1.0]), scaling([-5.0, 1.0], [3.0, 0.01]));
            let parameters = model.rescaled(&inputs, &outputs);
            let normalizer = Normalizer { inputs, outputs, coefficients: vec![] };
            let other = Model { normalizer, parameters, ..model.clone() };
            let points = [[0.3, 1.7], [2.0, -9.0]];
            let apart = |a: &[Vec<f64>], b: &[Vec<f64>]| {
                let pairs = a.iter().flatten().zip(b.iter().flatten());
                pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max)
            };
            // The first layer's bias grows with the distance of the means, 600 deviations, and loses as many roundings.
            let error = apart(&other.values(&points).unwrap(), &model.values(&points).unwrap());
            assert!(error < 1e-11, "{error:e}");
        }
    }
}
