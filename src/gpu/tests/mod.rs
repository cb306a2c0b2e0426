//! Kernels alone, on the first adapter there is, and every shader translated.

mod math;
mod products;
mod translation;
mod uniforms;
