//! What is known of a network's output, to be compared with.

use crate::error::Result;
use crate::jet::Entry;
use crate::predict::{self, Source};

/// Known numbers at some points: measured, or true.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// (D, B)
    pub points: &'a [Vec<f64>],
    /// The entry of each column (T).
    pub entries: &'a [Entry],
    /// (T, B)
    pub columns: &'a [Vec<f64>],
}

impl Reference<'_> {
    /// (B), where the entry is among the columns.
    pub(crate) fn column(&self, entry: Entry) -> Option<&[f64]> {
        let position = self.entries.iter().position(|known| *known == entry)?;
        Some(&self.columns[position])
    }

    /// ‖ours − known‖/‖known‖ of an entry over the points where the known value is finite, and the number of these
    /// points; `None` if there are none, or all known values are 0.
    ///
    /// # Errors
    /// Those of the device.
    pub fn relative_error(&self, source: &mut dyn Source, entry: Entry) -> Result<Option<(f64, usize)>> {
        let Some(column) = self.column(entry) else { return Ok(None) };
        let ours = predict::entry(source, self.points, entry)?;
        let pairs = || ours.iter().zip(column).filter(|(_, known)| known.is_finite());
        let square: f64 = pairs().map(|(a, b)| (a - b).powi(2)).sum();
        let size: f64 = pairs().map(|(_, b)| b * b).sum();
        Ok((size > 0.0).then(|| ((square / size).sqrt(), pairs().count())))
    }
}
