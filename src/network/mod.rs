//! The multilayer perceptron: its shape, activations, parameters and how they start.

mod activation;
mod derivatives;
mod features;
mod initialization;
mod model;
mod spec;
mod transforms;

pub use activation::{Activation, Smoothness};
pub use derivatives::{Outputs, lost_to_features};
pub use features::{Features, FeaturesDocument, InputJets, fourier};
pub use initialization::{DEFAULT_FREQUENCY, initialize, natural_steepness};
pub use model::{Coefficient, Model, Precision};
pub use spec::{Layer, NetworkSpec};
pub use transforms::Transforms;
