//! The multilayer perceptron: its shape, activations, parameters and how they start.

mod activation;
mod initialization;
mod model;
mod spec;

pub use activation::{Activation, Smoothness};
pub use initialization::{DEFAULT_FREQUENCY, initialize};
pub use model::{Model, Precision};
pub use spec::{Layer, NetworkSpec};
