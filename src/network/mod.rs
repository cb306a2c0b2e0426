//! The multilayer perceptron: its shape, activations, parameters and how they start.

mod activation;
mod model;
mod spec;

pub use activation::{Activation, Smoothness};
pub use model::{Model, Precision};
pub use spec::{Layer, NetworkSpec};
