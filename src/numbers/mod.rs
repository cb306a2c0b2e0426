//! The numbers that kernels compute with: formats, and elementary functions in each.

pub mod functions_f32;
pub mod math_f32;
pub mod math_f64;
mod precision;
mod quadrature;
mod real;

pub use precision::Precision;
pub use quadrature::gauss_legendre;
pub use real::{Real, SQUARE};
