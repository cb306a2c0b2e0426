//! What is fitted: tables from CSV files, their scaling, and the point sets made from them.

mod cells;
mod dataset;
mod decades;
mod noise;
mod normalizer;
mod point_set;
mod points;
pub mod rows;
mod table;

pub use dataset::Dataset;
pub use decades::spans_decades;
pub(crate) use normalizer::mean_and_deviation;
pub use normalizer::{Normalizer, Scaling};
pub use point_set::PointSet;
pub use points::grid;
pub use table::TableReader;
