//! The picture of a benchmark: what derivatives cost against the batch size.

use super::Series;
use super::axis::Axis;
use super::figure::{BLUE, Frame, GREEN, GREY, PURPLE, Panel, VERMILION, line, marks};
use super::legend::Mark;

/// Measured costs, each against the batch size.
#[derive(Clone, Debug, PartialEq)]
pub struct Bench {
    /// What was measured, and on which device.
    pub title: String,
    /// One for each order.
    pub lines: Vec<BenchLine>,
    /// The timed unit: `training step` or `evaluation`.
    pub unit: String,
}

/// The cost of one order.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchLine {
    /// The highest order of derivative, from 0 to 4.
    pub order: usize,
    /// Seconds against batch size.
    pub seconds: Series,
    /// The cost ratio to order 0 against batch size.
    pub ratio: Series,
}

/// The picture of `bench`.
pub fn bench(bench: &Bench) -> String {
    let colour = |line: &BenchLine| [GREY, BLUE, VERMILION, GREEN, PURPLE][line.order];
    let name = |line: &BenchLine| match line.order {
        0 => "value",
        1 => "with first derivatives",
        2 => "with second derivatives",
        3 => "up to third derivatives",
        _ => "up to fourth derivatives",
    };
    let frame = Frame {
        title: bench.title.clone(),
        legend: bench.lines.iter().map(|l| (Mark::Line(colour(l)), name(l).to_string())).collect(),
        warning: None,
        notes: vec![],
        panel: (480, 310),
    };
    let mut batches: Vec<f64> = bench.lines.iter().flat_map(|l| l.seconds.x.iter().copied()).collect();
    batches.sort_by(f64::total_cmp);
    batches.dedup();
    let batch = || Axis::logarithmic_at(&batches);
    let ratios: Vec<f64> = bench.lines.iter().flat_map(|l| l.ratio.y.iter().copied()).chain([1.0]).collect();
    let seconds = Axis::logarithmic(bench.lines.iter().flat_map(|l| &l.seconds.y));
    let ratio = Axis::linear(&ratios, usize::MAX);
    frame.draw(1, 2, |areas| {
        let mut seconds = Panel {
            caption: format!("Time of one {}", bench.unit),
            x: batch(),
            label_characters: seconds.widest_label(),
            y: seconds,
            x_name: "points in a batch",
            y_name: "seconds",
        }
        .draw(&areas[0])?;
        let mut ratio = Panel {
            caption: "Cost of derivatives".to_string(),
            x: batch(),
            label_characters: ratio.widest_label(),
            y: ratio,
            x_name: "points in a batch",
            y_name: "time relative to the value alone",
        }
        .draw(&areas[1])?;
        for l in &bench.lines {
            for (chart, series) in [(&mut seconds, &l.seconds), (&mut ratio, &l.ratio)] {
                line(chart, series, colour(l), 1.8)?;
                marks(chart, series, colour(l))?;
            }
        }
        Ok(())
    })
}
