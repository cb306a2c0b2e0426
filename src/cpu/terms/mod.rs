//! The terms of a loss, and sums over points.

pub mod gather;
pub mod reduce;
pub mod residual;
