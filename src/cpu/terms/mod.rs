//! The terms of a loss, and sums over points.

pub mod jacobian;
pub mod normal_product;
pub mod reduce;
pub mod residual;
