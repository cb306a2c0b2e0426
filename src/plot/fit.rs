//! The picture of a fit: the value with its data, and its derivatives, against one input; a row for each output and
//! input.

use super::Series;
use super::axis::{Axis, scientific};
use super::figure::{Area, BLUE, Drawn, Frame, GREY, INK, Panel, area_between, dashed, dots, line};
use super::legend::Mark;
use super::views::NEAR_DEVIATIONS;

/// A fit to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The job's name.
    pub title: String,
    /// One for each output and input; more than six are left out, and the picture says so.
    pub rows: Vec<FitRow>,
    /// Drawn above the panels, in a warning colour.
    pub warning: Option<String>,
}

/// One output against one input.
#[derive(Clone, Debug, PartialEq)]
pub struct FitRow {
    /// The output's name.
    pub output: String,
    /// The input's name.
    pub input: String,
    /// What stands along the axes of input and output, where that is not their names: columns with units.
    pub labels: Option<[String; 2]>,
    /// Whether the input's decades are alike.
    pub is_logarithmic: bool,
    /// The values of the other inputs: `v = 0.5`. `None` if there is one input.
    pub slice: Option<String>,
    /// The value and its derivatives along the input, one after the other: up to five.
    pub panels: Vec<FitPanel>,
}

/// One entry of the jet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FitPanel {
    /// The network's values.
    pub fit: Series,
    /// The uncertainty band of an ensemble.
    pub band: Option<Band>,
    /// The true values, if known.
    pub truth: Option<Series>,
    /// Measured points; on a slice those within [`NEAR_DEVIATIONS`] of it.
    pub data: Option<Series>,
    /// The relative L2 error, if the truth is known.
    pub error: Option<f64>,
}

/// The band of two standard deviations around an ensemble's mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// Its lower edge.
    pub low: Series,
    /// Its upper edge.
    pub high: Series,
}

impl Band {
    /// Around a curve (B) over `x` (B), from the deviations there (B).
    pub fn around(x: &[f64], curve: &[f64], deviations: &[f64]) -> Self {
        let edge = |side: f64| {
            let y: Vec<f64> = curve.iter().zip(deviations).map(|(y, deviation)| y + side * deviation).collect();
            Series::new(x, y)
        };
        Self { low: edge(-2.0), high: edge(2.0) }
    }
}

/// Rows of one picture.
const MOST_ROWS: usize = 6;
/// Characters of tick labels under one panel.
const TICK_CHARACTERS: usize = 44;

/// The picture of `fit`.
pub fn fit(fit: &Fit) -> String {
    let shown = &fit.rows[..fit.rows.len().min(MOST_ROWS)];
    let panels = || shown.iter().flat_map(|row| &row.panels);
    let mut legend = vec![];
    if panels().any(|p| p.data.is_some()) {
        let name = match shown.iter().any(|row| row.slice.is_some()) {
            true => format!("data within {NEAR_DEVIATIONS} standard deviations of the slice"),
            false => "data".to_string(),
        };
        legend.push((Mark::Dots(GREY), name));
    }
    let has_bands = panels().any(|p| p.band.is_some());
    if has_bands {
        legend.push((Mark::Area(BLUE), "two standard deviations of the ensemble".to_string()));
    }
    legend.push((Mark::Line(BLUE), if has_bands { "mean" } else { "fit" }.to_string()));
    if panels().any(|p| p.truth.is_some()) {
        legend.push((Mark::Dashed(INK), "truth".to_string()));
    }
    let mut notes = vec![];
    if fit.rows.len() > shown.len() {
        let left_out: Vec<_> =
            fit.rows[shown.len()..].iter().map(|row| format!("{} along {}", row.output, row.input)).collect();
        notes.push(format!("Not shown: {}.", left_out.join(", ")));
    }
    let columns = shown.iter().map(|row| row.panels.len()).max().unwrap_or(1);
    let frame = Frame { title: fit.title.clone(), legend, warning: fit.warning.clone(), notes, panel: (360, 270) };
    let of_row = |row: &FitRow| row.panels.iter().map(|panel| axes(panel, row.is_logarithmic)).collect();
    let axes: Vec<Vec<(Axis, Axis)>> = shown.iter().map(of_row).collect();
    let widest =
        |column: usize| axes.iter().filter_map(|row| row.get(column)).map(|(_, y)| y.widest_label()).max().unwrap_or(0);
    frame.draw(shown.len(), columns, |areas| {
        for ((row, axes), areas) in shown.iter().zip(&axes).zip(areas.chunks(columns)) {
            for (order, (panel, (x, y))) in row.panels.iter().zip(axes).enumerate() {
                let labels = row.labels.as_ref();
                let y_name = match labels.filter(|_| order == 0) {
                    Some([_, output]) => output.clone(),
                    None => notation(&row.output, &row.input, order, row.slice.is_some()),
                };
                let empty = Panel {
                    caption: caption(row, order, panel.error),
                    x: x.clone(),
                    y: y.clone(),
                    x_name: labels.map_or(&row.input, |[input, _]| input),
                    y_name: &y_name,
                    label_characters: widest(order),
                };
                draw_series(panel, empty, &areas[order])?;
            }
        }
        Ok(())
    })
}

/// Axes that hold everything in the panel.
fn axes(panel: &FitPanel, is_logarithmic: bool) -> (Axis, Axis) {
    let band = panel.band.iter().flat_map(|band| [&band.low, &band.high]);
    let all: Vec<_> = [&panel.fit].into_iter().chain(band).chain(&panel.truth).chain(&panel.data).collect();
    let seen = all.iter().flat_map(|s| &s.x);
    let x = if is_logarithmic { Axis::logarithmic(seen) } else { Axis::linear(seen, TICK_CHARACTERS) };
    (x, Axis::linear(all.iter().flat_map(|s| &s.y), usize::MAX))
}

fn caption(row: &FitRow, order: usize, error: Option<f64>) -> String {
    let captions = ["Value", "First derivative", "Second derivative", "Third derivative", "Fourth derivative"];
    let mut caption = captions[order].to_string();
    if let (Some(slice), 0) = (&row.slice, order) {
        caption = format!("{caption} at {slice}");
    }
    match error {
        Some(error) => format!("{caption}, relative error {}", scientific(error)),
        None => caption,
    }
}

fn draw_series(panel: &FitPanel, empty: Panel, area: &Area) -> Drawn {
    let mut chart = empty.draw(area)?;
    if let Some(Band { low, high }) = &panel.band {
        area_between(&mut chart, low, high, BLUE)?;
    }
    if let Some(data) = &panel.data {
        dots(&mut chart, data, GREY)?;
    }
    line(&mut chart, &panel.fit, BLUE, 2.0)?;
    if let Some(truth) = &panel.truth {
        dashed(&mut chart, truth, INK, 1.1)?;
    }
    Ok(())
}

/// `y`, `dy/dx`, `d²y/dx²`; `∂u/∂x` where there are more inputs.
fn notation(output: &str, input: &str, order: usize, partial: bool) -> String {
    let d = if partial { "∂" } else { "d" };
    let power = ["", "", "²", "³", "⁴"][order];
    match order {
        0 => output.to_string(),
        _ => format!("{d}{power}{output}/{d}{input}{power}"),
    }
}
