//! What is fitted: tables from CSV files or memory, their scaling, and the point sets made from them.

mod cells;
mod columns;
pub mod csv_writer;
mod dataset;
mod decades;
mod noise;
mod point_set;
mod points;
mod spec;
mod table;

pub use columns::{Columns, Table};
pub use dataset::Dataset;
pub use decades::spans_decades;
pub use point_set::PointSet;
pub use points::grid;
pub use spec::{Axis, Data, Validation};
pub use table::TableReader;
