//! The parity picture: what the network predicts against what was measured, a panel an output.

use super::Series;
use super::axis::{Axis, scientific};
use super::figure::{BLUE, Frame, GREY, Panel, VERMILION, dots, line};
use super::legend::Mark;
use crate::jet::Scaling;

/// Predictions beside measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Parity {
    /// The job's name.
    pub title: String,
    /// One for each output; more than six are left out, and the picture says so.
    pub panels: Vec<ParityPanel>,
}

/// One output: x holds the measured values, y the predicted ones.
#[derive(Clone, Debug, PartialEq)]
pub struct ParityPanel {
    /// The output's name.
    pub output: String,
    /// Training rows.
    pub training: Series,
    /// Validation rows.
    pub validation: Option<Series>,
}

/// Panels of one picture.
const MOST_PANELS: usize = 6;

/// The picture of `parity`.
pub fn parity(parity: &Parity) -> String {
    let shown = &parity.panels[..parity.panels.len().min(MOST_PANELS)];
    let mut legend = vec![(Mark::Dots(BLUE), "training".to_string())];
    if shown.iter().any(|panel| panel.validation.is_some()) {
        legend.push((Mark::Dots(VERMILION), "validation".to_string()));
    }
    legend.push((Mark::Line(GREY), "predicted = measured".to_string()));
    let left_out: Vec<_> = parity.panels[shown.len()..].iter().map(|panel| panel.output.as_str()).collect();
    let mut notes =
        vec!["Misfit: root mean square of predicted − measured, relative to the standard deviation.".to_string()];
    if !left_out.is_empty() {
        notes.push(format!("Not shown: {}.", left_out.join(", ")));
    }
    let frame = Frame { title: parity.title.clone(), legend, warning: None, notes, panel: (380, 330) };
    let columns = shown.len().clamp(1, 3);
    frame.draw(shown.len().div_ceil(columns).max(1), columns, |areas| {
        for (panel, area) in shown.iter().zip(areas) {
            let sets: Vec<_> = [Some(&panel.training), panel.validation.as_ref()].into_iter().flatten().collect();
            let values: Vec<f64> = sets.iter().flat_map(|s| s.x.iter().chain(&s.y)).copied().collect();
            let finite = || values.iter().copied().filter(|v| v.is_finite());
            let ends = [finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max)];
            let caption = match panel.validation.as_ref() {
                Some(set) => format!("{}, misfit {} in validation", panel.output, scientific(misfit(set))),
                None => format!("{}, misfit {}", panel.output, scientific(misfit(&panel.training))),
            };
            let y = Axis::linear(&values, usize::MAX);
            let mut chart = Panel {
                caption,
                x: Axis::linear(&values, 44),
                label_characters: y.widest_label(),
                y,
                x_name: &format!("{} measured", panel.output),
                y_name: &format!("{} predicted", panel.output),
            }
            .draw(area)?;
            line(&mut chart, &Series::new(ends, ends), GREY, 0.9)?;
            for (set, colour) in sets.into_iter().zip([BLUE, VERMILION]) {
                dots(&mut chart, set, colour)?;
            }
        }
        Ok(())
    })
}

/// ‖predicted − measured‖ / ‖measured − mean‖: 0 is perfect, 1 is no better than the mean.
fn misfit(set: &Series) -> f64 {
    let deviation = Scaling::of_columns([set.x.as_slice()]).scale[0];
    let square: f64 = set.x.iter().zip(&set.y).map(|(x, y)| (x - y).powi(2)).sum();
    (square / set.x.len().max(1) as f64).sqrt() / deviation
}
