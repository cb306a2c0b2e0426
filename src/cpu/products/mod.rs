//! Matrix products of jets.

pub mod linear;
pub mod register_block;
pub mod transpose;
pub mod weight_gradient;
