//! The ends of a network.

pub mod adjoint_seeds;
pub mod input_layer;
pub mod input_layer_backward;
pub mod skip;
