//! How the weights start, chosen for each activation so that every one of them trains.
//!
//! Inputs are standardised, so data lies in about [−1.8, 1.8] along each. A first-layer unit gets a
//! steepness (how much of σ's bend one standard deviation of the input crosses) and a centre: a
//! random point of that box at which its argument is 0. So the bends spread over the data, where a
//! zero bias would put them all into its middle. The layers behind keep the variance of their
//! arguments (LeCun's rule times a gain), and subtract the mean of activations that have one:
//! without that, a sigmoid or softplus network starts as a constant and stays one for thousands of
//! steps.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::jet::Activation;
use crate::network::{Layer, NetworkSpec, Perceptron};

/// Half the width of the box of standardised inputs: a uniform column reaches ±√3.
const BOX_HALF_WIDTH: f64 = 1.8;

/// The default first-layer frequency of a sin network, in standardised inputs (SIREN's ω₀; 30 fits
/// images, 6 a curve of a few periods).
pub const DEFAULT_FREQUENCY: f64 = 6.0;

/// What an activation wants of its start.
struct Start {
    /// The standard deviation of a hidden layer's arguments over that of its inputs.
    gain: f64,
    /// The standard deviation of the first layer's arguments. On 1000 rows of sin x over three
    /// periods, 5000 steps, these gave the smallest errors of u'' among 1, 2, 3 and 6 times the gain.
    steepness: f64,
    /// The mean of σ over its typical arguments.
    mean: f64,
}

fn start(activation: Activation) -> Start {
    use Activation::*;
    let (gain, steepness, mean) = match activation {
        Tanh => (5.0 / 3.0, 10.0 / 3.0, 0.0),
        Sigmoid => (4.0, 4.0, 0.5),
        Softplus => (2f64.sqrt(), 6.0 * 2f64.sqrt(), 1.0),
        Softsign => (2.0, 4.0, 0.0),
        Linear => (1.0, 1.0, 0.0),
        // The mean of exp of a standard normal number.
        Exp => (1.0, 1.0, 0.5f64.exp()),
        Silu | Gelu | GeluTanh | Mish | Elu | Selu | Relu | LeakyRelu => (2f64.sqrt(), 2.0 * 2f64.sqrt(), 0.0),
        Sin => unreachable!("SIREN has a rule of its own"),
    };
    Start { gain, steepness, mean }
}

/// The standard deviation of the first layer's arguments that suits a curve of a few bends. For sin, which has a rule of
/// its own, that of SIREN's frequency.
pub fn natural_steepness(activation: Activation) -> f64 {
    if activation == Activation::Sin { DEFAULT_FREQUENCY } else { start(activation).steepness }
}

/// Inputs from which on a network starts flatter: its arguments are sums over all inputs, which nothing bends as often
/// along each as along one alone. With 10 and 40 inputs a tenth of the steepness of one was best.
const STEEP_INPUTS: f64 = 2.0;

/// Start values of the parameter block (P). `steepness` is the standard deviation of the first layer's
/// arguments, in the place of the activation's own, which falls with the inputs; for sin it is SIREN's frequency.
pub fn initialize(spec: &NetworkSpec, steepness: Option<f64>, seed: u64) -> Vec<f64> {
    initialize_each(spec, &vec![steepness; spec.networks.len()], seed)
}

/// The same where each network has its own steepness.
pub fn initialize_each(spec: &NetworkSpec, steepness: &[Option<f64>], seed: u64) -> Vec<f64> {
    let mut parameters = vec![0.0; spec.parameters()];
    for (index, (network, layers)) in spec.networks.iter().zip(spec.layers_of_each()).enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Behind the streams of the rows of data, and before that of Fourier features.
        rng.set_stream(if index == 0 { 0 } else { u64::MAX - index as u64 });
        start_of(network, &layers, steepness[index], &mut parameters, &mut rng);
    }
    parameters
}

fn start_of(
    network: &Perceptron,
    layers: &[Layer],
    steepness: Option<f64>,
    parameters: &mut [f64],
    rng: &mut ChaCha8Rng,
) {
    for (l, layer) in layers.iter().enumerate() {
        let position = Position { first: l == 0, last: l + 1 == layers.len() };
        // The output follows the rule of the layer before it, whose results it reads.
        let activation =
            network.hidden.get(l).or(network.hidden.last()).map_or(Activation::Tanh, |layer| layer.activation);
        match activation {
            Activation::Sin => siren(layer, position, steepness.unwrap_or(DEFAULT_FREQUENCY), parameters, rng),
            activation => {
                let start = start(activation);
                let natural = start.steepness * (STEEP_INPUTS / network.inputs as f64).min(1.0);
                let start = Start { steepness: steepness.unwrap_or(natural), ..start };
                spread(layer, position, &start, parameters, rng);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Position {
    first: bool,
    last: bool,
}

/// A number in [−bound, bound).
fn uniform(rng: &mut ChaCha8Rng, bound: f64) -> f64 {
    bound * rng.random_range(-1.0..1.0)
}

fn spread(layer: &Layer, position: Position, start: &Start, parameters: &mut [f64], rng: &mut ChaCha8Rng) {
    let deviation = match position {
        Position { last: true, .. } => 1.0,
        Position { first: true, .. } => start.steepness,
        _ => start.gain,
    };
    // A uniform number in ±√3 has variance 1.
    let bound = deviation * (3.0 / layer.inputs as f64).sqrt();
    parameters[layer.weights()].fill_with(|| uniform(rng, bound));
    for unit in 0..layer.outputs {
        let weights = &parameters[layer.weights()][unit * layer.inputs..][..layer.inputs];
        let bias = match position {
            Position { first: true, last: false } => {
                -weights.iter().map(|w| w * uniform(rng, BOX_HALF_WIDTH)).sum::<f64>()
            }
            Position { first: true, last: true } => 0.0,
            Position { last, .. } => {
                let scatter = if last { 0.0 } else { 0.5 * start.gain };
                uniform(rng, scatter) - start.mean * weights.iter().sum::<f64>()
            }
        };
        parameters[layer.biases()][unit] = bias;
    }
}

/// Sitzmann et al. 2020, with ω₀ folded into the first layer's weights.
fn siren(layer: &Layer, position: Position, frequency: f64, parameters: &mut [f64], rng: &mut ChaCha8Rng) {
    let inputs = layer.inputs as f64;
    let weights = if position.first && !position.last { frequency / inputs } else { (6.0 / inputs).sqrt() };
    let biases = if position.first && !position.last { std::f64::consts::PI } else { 0.0 };
    parameters[layer.weights()].fill_with(|| uniform(rng, weights));
    parameters[layer.biases()].fill_with(|| uniform(rng, biases));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_weights_and_another_gives_others() {
        let spec = NetworkSpec::uniform(2, &[7, 5], Activation::Sigmoid, 1);
        assert_eq!(initialize(&spec, None, 1), initialize(&spec, None, 1));
        assert_ne!(initialize(&spec, None, 1), initialize(&spec, None, 2));
    }

    #[test]
    fn first_layer_bends_lie_within_the_data() {
        for activation in Activation::ALL.into_iter().filter(|a| *a != Activation::Sin) {
            let spec = NetworkSpec::uniform(1, &[200], activation, 1);
            let parameters = initialize(&spec, None, 3);
            let first = spec.layers()[0];
            let centres = || (0..200).map(|i| -parameters[first.biases()][i] / parameters[first.weights()][i]);
            assert!(centres().all(|centre| centre.abs() <= BOX_HALF_WIDTH + 1e-12));
            assert!(centres().any(|centre| centre > 1.0) && centres().any(|centre| centre < -1.0));
        }
    }
}
