//! The first and the last layer.

pub mod input_layer;
