//! The multilayer perceptron: its shape, activations, parameters and how they start.

pub mod definitions;
mod derivatives;
mod features;
mod initialization;
mod model;
mod model_file;
mod rescale;
mod shape_document;
mod spec;
mod stored_fields;
mod transforms;

pub use derivatives::Outputs;
pub use features::{Features, FeaturesDocument, InputJets, fourier};
pub use initialization::{DEFAULT_FREQUENCY, initialize, natural_steepness};
pub use model::{Coefficient, Model};
pub use model_file::{MODEL_FILE, model_path};
pub use shape_document::{ActivationDocument, ShapeDocument};
pub use spec::{Hidden, Layer, NetworkSpec};
pub use transforms::Transforms;
