//! Rows of files that lie outside of the domain: nothing holds there, and what was measured there is of another problem.

use std::fmt::Display;

use crate::data::{Data, Dataset, PointSet};
use crate::error::{Error, Result, point};
use crate::job::Job;

/// That all points of a file (D, B) lie in the domain, rounding aside; `place` names the file.
///
/// # Errors
/// [`Error::Input`] with the first row that does not.
pub(super) fn check_file(job: &Job, place: impl Display, points: &PointSet) -> Result<()> {
    match first(job, &points.inputs) {
        Some((row, at)) => Err(outside(format!("{place}: row {}", row + 1), at)),
        None => Ok(()),
    }
}

/// The same of the rows of the data.
///
/// # Errors
/// [`Error::Input`] with the first row that does not.
pub(super) fn check_data(job: &Job, data: &Data, rows: &Dataset) -> Result<()> {
    let sets = [Some(&rows.training), rows.validation.as_ref()];
    let Some((_, at)) = sets.into_iter().flatten().find_map(|set| first(job, &set.inputs)) else { return Ok(()) };
    // Rows are shuffled; what is read once alone has no row to name.
    let columns: Vec<&str> = data.inputs.iter().map(|name| data.column(name)).collect();
    let is_file = data.table.file().is_none_or(|file| !crate::files::is_stdio(file));
    let found = if is_file { first(job, &data.table.read(&columns, columns.len())?) } else { None };
    match found {
        Some((row, at)) => Err(outside(format!("{}: row {}", data.table, row + 1), at)),
        None => Err(outside(data.table.to_string(), at)),
    }
}

/// The first point outside of the domain, as a row (from 0) and in words.
fn first(job: &Job, points: &[Vec<f64>]) -> Option<(usize, String)> {
    let row = job.cut_domain()?.contains(points).iter().position(|is_in| !is_in)?;
    let at: Vec<f64> = points.iter().map(|column| column[row]).collect();
    Some((row, point(&job.inputs, &at)))
}

fn outside(place: String, at: String) -> Error {
    let problem = format!("{at} lies outside the domain");
    Error::input(place, problem, "remove the row, or change [domain] so that it holds the point")
}
