//! The picture of a training run: the loss and its terms against the step, and below them the coefficients.

use super::Series;
use super::axis::Axis;
use super::figure::{BLUE, Frame, Panel, VERMILION, dashed, dotted, line};
use super::legend::{Mark, term_mark};

/// The reported losses of a run. Losses that are not positive cannot be drawn on a logarithmic axis and are left out.
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
    /// Each trained coefficient by name; more than six are left out, and the picture says so.
    pub coefficients: Vec<(String, Series)>,
}

/// Panels of coefficients in one picture.
const MOST_COEFFICIENTS: usize = 6;

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
    let shown = &history.coefficients[..history.coefficients.len().min(MOST_COEFFICIENTS)];
    let left_out: Vec<_> = history.coefficients[shown.len()..].iter().map(|(name, _)| name.as_str()).collect();
    let notes = if left_out.is_empty() { vec![] } else { vec![format!("Not shown: {}.", left_out.join(", "))] };
    let frame = Frame {
        title: history.title.clone(),
        legend: curves.iter().map(|(mark, name, _)| (*mark, name.clone())).collect(),
        warning: None,
        notes,
        panel: (760, if shown.is_empty() { 330 } else { 260 }),
    };
    let y = Axis::logarithmic(curves.iter().flat_map(|(_, _, s)| &s.y));
    let x = Axis::linear(curves.iter().flat_map(|(_, _, s)| &s.x), 80);
    let values: Vec<Axis> = shown.iter().map(|(_, series)| Axis::linear(&series.y, usize::MAX)).collect();
    // All panels stand one under the other.
    let label_characters = values.iter().chain([&y]).map(Axis::widest_label).max().unwrap_or(0);
    frame.draw(1 + shown.len(), 1, |areas| {
        let mut chart = Panel {
            caption: String::new(),
            x: x.clone(),
            label_characters,
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
        for (((name, series), y), area) in shown.iter().zip(values).zip(&areas[1..]) {
            let (caption, x) = (String::new(), x.clone());
            let mut chart = Panel { caption, x, label_characters, y, x_name: "step", y_name: name }.draw(area)?;
            line(&mut chart, series, BLUE, 1.8)?;
        }
        Ok(())
    })
}
