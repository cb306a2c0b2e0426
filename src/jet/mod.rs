//! Which derivatives travel through the network: the layout of a jet, and the names of its entries.
//!
//! A *jet* is a function's value with its derivatives at a point. Its channels are, in this order,
//! the value, one tangent for each first derivative that is carried, and what curves: seconds, thirds and fourths.

mod activation;
mod coefficient;
mod derivative;
mod entry;
mod jets;
mod layout;
mod products;
mod scaling;
mod wiring;

pub use activation::{Activation, Smoothness};
pub use coefficient::{CoefficientMap, CoefficientRange};
pub use derivative::Derivative;
pub use entry::{Entry, Seconds};
pub use jets::Jets;
pub use layout::JetLayout;
pub use products::Product;
pub(crate) use scaling::mean_and_deviation;
pub use scaling::{Normalizer, Scaling};
pub use wiring::{Source, Wiring, is_single, owner};
