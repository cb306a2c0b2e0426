//! What an activation makes of jets, and of their cotangents.

pub mod activation;
pub mod adjoint_rule;
pub mod jet_rule;
