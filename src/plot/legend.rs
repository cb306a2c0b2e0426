//! The legend above the panels: marks and their names.

use plotters::prelude::*;

use super::figure::{Area, Drawn, GREY, INK, PIXEL_UNITS, SHADE_OPACITY, stroke, write};

const LINE_COLOURS: [RGBColor; 5] =
    [RGBColor(0, 158, 115), RGBColor(230, 159, 0), RGBColor(86, 180, 233), RGBColor(204, 121, 167), GREY];

/// A mark of a legend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    Line(RGBColor),
    Dashed(RGBColor),
    Dotted(RGBColor),
    Dots(RGBColor),
    Area(RGBColor),
}

/// The terms of a loss, told apart by colour and then by dash.
pub(super) fn term_mark(k: usize) -> Mark {
    let colour = LINE_COLOURS[k % LINE_COLOURS.len()];
    if (k / LINE_COLOURS.len()).is_multiple_of(2) { Mark::Dashed(colour) } else { Mark::Dotted(colour) }
}

/// The size of the legend's type.
pub(super) const LEGEND_SIZE: f64 = 11.5;

/// One entry of a legend with its upper left corner at `(x, top)`.
pub(super) fn draw_entry(area: &Area, mark: Mark, name: &str, (x, top): (i32, i32)) -> Drawn {
    let middle = (top + 6) * PIXEL_UNITS;
    let ends = vec![(x * PIXEL_UNITS, middle), ((x + 24) * PIXEL_UNITS, middle)];
    match mark {
        Mark::Line(colour) => area.draw(&PathElement::new(ends, stroke(colour, 2.2)))?,
        Mark::Dashed(colour) => {
            for k in 0..3 {
                let dash = |end: i32| ((x + 10 * k + end).min(x + 24) * PIXEL_UNITS, middle);
                area.draw(&PathElement::new(vec![dash(0), dash(6)], stroke(colour, 1.2)))?;
            }
        }
        Mark::Dotted(colour) => {
            for k in 0..5 {
                let dot = |end: i32| ((x + 5 * k + end) * PIXEL_UNITS, middle);
                area.draw(&PathElement::new(vec![dot(0), dot(2)], stroke(colour, 1.8)))?;
            }
        }
        Mark::Area(colour) => {
            let corners =
                [(x * PIXEL_UNITS, (middle - 5 * PIXEL_UNITS)), ((x + 24) * PIXEL_UNITS, middle + 5 * PIXEL_UNITS)];
            area.draw(&Rectangle::new(corners, colour.mix(SHADE_OPACITY).filled()))?;
        }
        Mark::Dots(colour) => {
            for k in [4, 12, 20] {
                area.draw(&Circle::new(((x + k) * PIXEL_UNITS, middle), 2 * PIXEL_UNITS, colour.mix(0.5).filled()))?;
            }
        }
    }
    write(area, name, (x + 30, top), LEGEND_SIZE, &INK)
}
