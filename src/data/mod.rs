//! What is fitted: tables from CSV files, their scaling, and the point sets made from them.

mod dataset;
mod normalizer;
mod point_set;

pub use dataset::Dataset;
pub use normalizer::{Normalizer, Scaling};
pub use point_set::PointSet;
