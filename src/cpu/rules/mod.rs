//! What an activation makes of jets, and of their cotangents.

pub mod activation;
pub mod activation_block;
pub mod adjoint;
pub mod adjoint_layer;
pub mod adjoint_rule;
pub mod curved_adjoint;
pub mod curved_products;
pub mod curved_rule;
pub mod jet_rule;
