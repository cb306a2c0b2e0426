//! The picture of `jetfit bench`.

use std::path::Path;

use crate::bench::{Mode, Report, Row, Settings};
use crate::error::Result;
use crate::plot;

/// Whether a picture can be drawn: always.
pub fn check(_: &Path) -> Result<()> {
    Ok(())
}

/// Draws the rows of a report.
pub fn write(report: &Report, settings: &Settings, title: String, path: &Path) -> Result<()> {
    let has_ending = path.extension().is_some_and(|ending| ending == "svg" || ending == "png");
    let stem = if has_ending { path.with_extension("") } else { path.to_path_buf() };
    plot::write_svg_png(&plot::bench(&of_rows(&report.rows, settings, title)), &stem)
}

fn of_rows(rows: &[Row], settings: &Settings, title: String) -> plot::Bench {
    let line = |order: &usize| {
        let mut own: Vec<_> = rows.iter().filter(|row| row.order == *order).collect();
        own.sort_by_key(|row| row.batch);
        let batches: Vec<f64> = own.iter().map(|row| row.batch as f64).collect();
        plot::BenchLine {
            order: *order,
            seconds: plot::Series::new(batches.clone(), own.iter().map(|row| row.seconds_median).collect::<Vec<_>>()),
            ratio: plot::Series::new(batches, own.iter().map(|row| row.cost_ratio).collect::<Vec<_>>()),
        }
    };
    let unit = match settings.mode {
        Mode::Train => "training step",
        Mode::Evaluate => "evaluation",
    };
    plot::Bench { title, lines: settings.orders.iter().map(line).collect(), unit: unit.to_string() }
}
