//! What moves the parameters.

pub mod adam;
pub mod vectors;
