//! The picture of a training run: the loss and its terms against the step.

use super::Series;
use super::axis::Axis;
use super::figure::{BLUE, Frame, Mark, Panel, VERMILION, dashed, dotted, line, term_mark};

/// What a run reported. Losses that are not positive cannot stand on a logarithmic axis and are
/// left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LossHistory {
    /// The job's name.
    pub title: String,
    /// The training loss against the step.
    pub training: Series,
    /// The validation loss, where there is one.
    pub validation: Option<Series>,
    /// Each term of the training loss by name, unweighted; drawn where there are at least two.
    pub terms: Vec<(String, Series)>,
}

/// The picture of `history`.
pub fn loss(history: &LossHistory) -> String {
    let positive = |series: &Series| {
        let points = series.x.iter().zip(&series.y).filter(|(_, y)| **y > 0.0);
        let (x, y): (Vec<f64>, Vec<f64>) = points.map(|(x, y)| (*x, *y)).unzip();
        Series { x, y }
    };
    let mut curves = vec![(Mark::Line(BLUE), "training loss".to_string(), positive(&history.training))];
    if let Some(validation) = &history.validation {
        curves.push((Mark::Line(VERMILION), "validation loss".to_string(), positive(validation)));
    }
    if history.terms.len() > 1 {
        for (k, (name, series)) in history.terms.iter().enumerate() {
            curves.push((term_mark(k), format!("{name}, unweighted"), positive(series)));
        }
    }
    let frame = Frame {
        title: history.title.clone(),
        legend: curves.iter().map(|(mark, name, _)| (*mark, name.clone())).collect(),
        warning: None,
        notes: vec![],
        panel: (760, 330),
    };
    let y = Axis::logarithmic(curves.iter().flat_map(|(_, _, s)| &s.y));
    frame.draw(1, 1, |areas| {
        let mut chart = Panel {
            caption: String::new(),
            x: Axis::linear(curves.iter().flat_map(|(_, _, s)| &s.x), 80),
            label_characters: y.widest_label(),
            y,
            x_name: "step",
            y_name: if curves.len() == 1 { "training loss" } else { "loss" },
        }
        .draw(&areas[0])?;
        for (mark, _, series) in curves.iter().rev() {
            match mark {
                Mark::Dashed(colour) => dashed(&mut chart, series, *colour, 1.3)?,
                Mark::Dotted(colour) => dotted(&mut chart, series, *colour, 1.8)?,
                Mark::Line(colour) | Mark::Dots(colour) | Mark::Area(colour) => line(&mut chart, series, *colour, 1.8)?,
            }
        }
        Ok(())
    })
}
