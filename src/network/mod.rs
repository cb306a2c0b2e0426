//! Multilayer perceptrons: their shape, activations, parameters and how they start.

pub mod definitions;
mod derivatives;
mod document;
mod features;
mod initialization;
mod model;
mod model_file;
mod rescale;
mod shape_document;
mod spec;
mod stored_fields;
mod subnetwork;
mod transforms;

pub use derivatives::Outputs;
pub use features::{Features, FeaturesDocument, InputJets, fourier};
pub use initialization::{DEFAULT_FREQUENCY, initialize, initialize_each, natural_steepness};
pub use model::{Coefficient, Model};
pub use model_file::{MODEL_FILE, model_path};
pub use shape_document::{ActivationDocument, ShapeDocument};
pub use spec::{Hidden, Layer, NetworkSpec, Perceptron};
pub use subnetwork::Subnetwork;
pub use transforms::Transforms;
