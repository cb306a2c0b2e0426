//! placeholder
pub mod backend;
pub mod cpu;
pub mod data;
pub mod device;
pub mod entry;
pub mod error;
pub mod files;
pub mod jet;
pub mod job;
pub mod loss;
pub mod model_file;
pub mod network;
pub mod optimizer;
pub mod plot;
pub mod predict;
pub mod run_dir;
pub mod tensors;
