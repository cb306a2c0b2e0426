//! What is fitted: tables from files or memory, their scaling, and the point sets made from them.

mod columns;
pub mod csv_writer;
mod dataset;
mod decades;
mod field;
mod formats;
mod gaps;
mod noise;
mod point_set;
mod points;
mod spec;

pub use columns::{Columns, Table};
pub use dataset::Dataset;
pub use decades::spans_decades;
pub use field::{Field, FieldColumns, Interpolation, MOST_AXES};
pub use formats::{Dialect, Gaps, TableReader};
pub use point_set::PointSet;
pub use points::grid;
pub use spec::{Axis, Data, Validation};
