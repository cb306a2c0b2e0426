//! Reads a model, and evaluates its derivatives.
//!
//! `cargo run --release --example jets [MODEL.safetensors]`; without a model, one is made here:
//! T(x, y) = 20 + 5 tanh((x + 2y - 300)/100), a network of one unit.

use jetfit::jet::{Normalizer, Scaling};
use jetfit::network::{NetworkSpec, Transforms};
use jetfit::{Activation, Derivative, Model, Precision};

/// A network of one hidden unit with known weights. Inputs are standardised: (x - 100)/100 and (y - 100)/50.
pub fn model() -> Model {
    Model {
        inputs: vec!["x".to_string(), "y".to_string()],
        outputs: vec!["T".to_string()],
        coefficients: vec![],
        transforms: Transforms::default(),
        spec: NetworkSpec::uniform(2, &[1], Activation::Tanh, 1),
        normalizer: Normalizer {
            inputs: Scaling { mean: vec![100.0, 100.0], scale: vec![100.0, 50.0] },
            outputs: Scaling { mean: vec![20.0], scale: vec![5.0] },
            coefficients: vec![],
        },
        precision: Precision::F64,
        // Weights of both inputs, bias; weight of the hidden unit, bias.
        parameters: vec![1.0, 1.0, 0.0, 1.0, 0.0],
        ranges: vec![],
    }
}

#[allow(dead_code, reason = "the tests call `model`")]
fn main() -> jetfit::Result<()> {
    let model = match std::env::args().nth(1) {
        Some(path) => Model::read(path)?,
        None => model(),
    };
    // Three points: a column for each input, here all at the centre of the training data and beside it.
    let column = |input: usize| {
        let (mean, scale) = (model.normalizer.inputs.mean[input], model.normalizer.inputs.scale[input]);
        [-0.5, 0.0, 0.5].map(|standardised| mean + scale * standardised)
    };
    let points: Vec<_> = (0..model.inputs.len()).map(column).collect();
    let jets = model.jets(&points)?;
    for (output, name) in model.outputs.iter().enumerate() {
        println!("{name} = {:.6?}", jets.entry(output, Derivative::Value).expect("jets hold the value"));
        for (i, input) in model.inputs.iter().enumerate() {
            println!("d{name}/d{input} = {:.6?}", jets.entry(output, Derivative::First(i)).expect("and the gradient"));
        }
    }
    println!("laplacian = {:.6?}", model.laplacian(&points)?);
    println!("hessian of {} at the first point = {:.6?}", model.outputs[0], model.hessian(&points)?[0][0]);
    Ok(())
}
