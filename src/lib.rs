//! placeholder
pub mod backend;
pub mod cpu;
pub mod data;
pub mod error;
pub mod gpu;
pub mod jet;
pub mod loss;
pub mod network;
pub mod optimizer;
