//! The picture of a function of two inputs: the solution, the truth and the error as colours over
//! the plane; a row for each output.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Axis, extent, scientific};
use super::figure::{Area, Drawn, Frame, GREY, INK, PIXEL_UNITS, Panel, font, stroke};
use super::raster::{Between, Image, Palette, Place, interpolate, pixels_between, png};

/// Maps to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct MapFigure {
    /// The job's name.
    pub title: String,
    /// One for each output; more than six are left out, and the picture says so.
    pub rows: Vec<MapRow>,
    /// Drawn above the panels, in a warning colour.
    pub warning: Option<String>,
}

/// One output over a grid. Numbers that are not finite are left blank.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRow {
    /// The output's name.
    pub output: String,
    /// To the right (Nx).
    pub x: MapAxis,
    /// Upwards (Ny).
    pub y: MapAxis,
    /// The network's values, y running fastest (Nx Ny).
    pub fit: Vec<f64>,
    /// The true values, if known (Nx Ny).
    pub truth: Option<Vec<f64>>,
    /// The relative L2 error, if the truth is known.
    pub error: Option<f64>,
    /// Where the other inputs stand, if there are any.
    pub at: Option<String>,
    /// The network's values at other places of these, each with the place (Nx Ny): maps to the right, in the same colours.
    pub slices: Vec<(String, Vec<f64>)>,
    /// Above 0 inside the domain and below 0 outside, where the map is blank; near its boundary about the distance
    /// (Nx Ny). `None` for a domain that is all of the map.
    pub level: Option<Vec<f64>>,
    /// What the colours at least reach from and to; `None` for what is shown.
    pub range: Option<[f64; 2]>,
}

/// One input of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct MapAxis {
    /// The input's name.
    pub name: String,
    /// Ascending, at least one.
    pub values: Vec<f64>,
}

/// Rows of one picture.
const MOST_ROWS: usize = 6;
/// Characters of tick labels under one panel.
const TICK_CHARACTERS: usize = 28;
/// Pixels between a map and its colour bar, and the bar's width.
const BAR_PIXELS: (i32, i32) = (10, 13);
/// Pixels of an image for one of the picture, as the PNG has them.
const FINE_PIXELS: i32 = 2;

/// The picture of `figure`.
pub fn map(figure: &MapFigure) -> String {
    let shown = &figure.rows[..figure.rows.len().min(MOST_ROWS)];
    let left_out: Vec<_> = figure.rows[shown.len()..].iter().map(|row| row.output.as_str()).collect();
    let notes = if left_out.is_empty() { vec![] } else { vec![format!("Not shown: {}.", left_out.join(", "))] };
    let rows: Vec<Vec<Map>> = shown.iter().map(maps).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(1);
    // All maps are of one size, whatever their labels.
    let widest = |label: fn(&Map) -> usize| rows.iter().flatten().map(label).max().unwrap_or(0);
    let (left, right) = (widest(|map| map.y.widest_label()), widest(|map| map.scale.widest_label()));
    let panel = if columns == 1 { (520, 380) } else { (380, 290) };
    let (title, warning) = (figure.title.clone(), figure.warning.clone());
    let frame = Frame { title, legend: vec![], warning, notes, panel };
    frame.draw_over(rows.len(), columns, |areas| {
        let mut images = vec![];
        for (maps, areas) in rows.iter().zip(areas.chunks(columns)) {
            for (map, area) in maps.iter().zip(areas) {
                images.extend(map.draw(area, left, right)?);
            }
        }
        Ok(images)
    })
}

/// One panel.
struct Map<'a> {
    row: &'a MapRow,
    caption: String,
    x: Axis,
    y: Axis,
    values: Vec<f64>,
    palette: Palette,
    /// What the colours stand for.
    scale: Axis,
}

/// The solution; with the truth and the error where it is known.
fn maps(row: &MapRow) -> Vec<Map<'_>> {
    let count = row.x.values.len() * row.y.values.len();
    let sizes = [Some(&row.fit), row.truth.as_ref()].into_iter().flatten().map(Vec::len);
    assert!(count > 0 && sizes.into_iter().all(|size| size == count), "a number for each point of a grid");
    let all =
        [Some(&row.fit), row.truth.as_ref()].into_iter().flatten().chain(row.slices.iter().map(|(_, values)| values));
    let is_inside = |k: usize| row.level.as_ref().is_none_or(|level| level[k] >= 0.0);
    let shown = all.flat_map(|values| values.iter().enumerate().filter(|(k, _)| is_inside(*k)).map(|(_, value)| value));
    let both: Vec<f64> = shown.chain(row.range.iter().flatten()).copied().collect();
    let map = |caption: String, values: Vec<f64>, palette: Palette, scale: Axis| Map {
        row,
        caption,
        x: Axis::snug(&row.x.values, TICK_CHARACTERS),
        y: Axis::snug(&row.y.values, usize::MAX),
        values,
        palette,
        scale,
    };
    let shared = Axis::snug(&both, usize::MAX);
    // The labels of the bar may count from an origin, which has no other place.
    let output = shared.named(&row.output);
    let mut caption = output.clone();
    caption += &row.at.as_ref().map(|at| format!(", {at}")).unwrap_or_default();
    caption += &row.error.map(|error| format!(", relative error {}", scientific(error))).unwrap_or_default();
    let mut maps = vec![map(caption, row.fit.clone(), Palette::Sequential, shared.clone())];
    for (at, values) in &row.slices {
        maps.push(map(format!("{output}, {at}"), values.clone(), Palette::Sequential, shared.clone()));
    }
    if let Some(truth) = &row.truth {
        let error: Vec<f64> = row.fit.iter().zip(truth).map(|(fit, truth)| fit - truth).collect();
        let seen = |values: &[f64]| (0..count).filter(|k| is_inside(*k)).map(|k| values[k]).collect::<Vec<_>>();
        let largest =
            |values: &[f64]| extent(values.iter().map(|v| v.abs())).map(|(_, high)| high).filter(|v| *v > 0.0);
        // An error of 0 everywhere is shown on the solution's own scale.
        let end = largest(&seen(&error)).or(largest(&both)).unwrap_or(1.0);
        maps.push(map(format!("{output}, truth"), truth.clone(), Palette::Sequential, shared));
        let symmetric = Axis::between(-end, end, usize::MAX);
        maps.push(map(format!("{}, error (fit − truth)", row.output), error, Palette::Diverging, symmetric));
    }
    maps
}

impl Map<'_> {
    /// Draws axes and bar with room for labels of so many characters to the left and to the right;
    /// gives the images of the map and of its bar.
    fn draw(&self, area: &Area, left: usize, right: usize) -> Drawn<[Image; 2]> {
        let panel = Panel {
            caption: self.caption.clone(),
            x: self.x.clone(),
            y: self.y.clone(),
            x_name: &self.row.x.name,
            y_name: &self.row.y.name,
            label_characters: left,
        };
        let place = panel.draw_around(area, BAR_PIXELS.0 + BAR_PIXELS.1 + 18 + 6 * right as i32)?;
        let start = place.0.end + BAR_PIXELS.0 * PIXEL_UNITS;
        let bar = (start..start + BAR_PIXELS.1 * PIXEL_UNITS, place.1.clone());
        outline(area, &place)?;
        outline(area, &bar)?;
        self.label(area, &bar)?;
        let (width, height) = (pixels(&place.0), pixels(&place.1));
        let x = pixels_between(&self.row.x.values, &self.x, width);
        let y = pixels_between(&self.row.y.values, &self.y, height);
        let index = |i: usize, j: usize| i * self.row.y.values.len() + j;
        let at = |i: usize, j: usize| self.values[index(i, j)];
        let is_inside = |x: Between, y: Between| {
            self.row.level.as_ref().is_none_or(|level| interpolate(|i, j| level[index(i, j)], x, y) >= 0.0)
        };
        let colour = |column: usize, row: usize| match (x[column], y[height - 1 - row]) {
            (x, y) if is_inside(x, y) => self.scale.place(interpolate(at, x, y)),
            _ => f64::NAN,
        };
        self.draw_boundary(area, &place)?;
        let shade = |_, row: usize| 1.0 - (row as f64 + 0.5) / height as f64;
        let bar_png = png(self.palette, pixels(&bar.0), height, shade);
        Ok([Image { place, png: png(self.palette, width, height, colour) }, Image { place: bar, png: bar_png }])
    }

    /// The boundary of the domain.
    fn draw_boundary(&self, area: &Area, (width, height): &Place) -> Drawn {
        let (Some(level), x, y) = (&self.row.level, &self.row.x.values, &self.row.y.values) else { return Ok(()) };
        for ends in zeros(level, x, y) {
            let place = ends
                .map(|[x, y]| (self.x.map(&x, (width.start, width.end)), self.y.map(&y, (height.end, height.start))));
            area.draw(&PathElement::new(place.map(|end| local(area, end)).to_vec(), stroke(INK, 1.0)))?;
        }
        Ok(())
    }

    /// The ticks of the bar.
    fn label(&self, area: &Area, (x, y): &Place) -> Drawn {
        let style = font(11.0).color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        for (value, label) in self.scale.ticks() {
            let height = self.scale.map(value, (y.end, y.start));
            let tick = vec![local(area, (x.end, height)), local(area, (x.end + 4 * PIXEL_UNITS, height))];
            area.draw(&PathElement::new(tick, stroke(GREY, 0.8)))?;
            area.draw(&Text::new(label.clone(), local(area, (x.end + 7 * PIXEL_UNITS, height)), style.clone()))?;
        }
        Ok(())
    }
}

/// Pixels of an image along a side.
fn pixels(side: &Range<i32>) -> usize {
    (side.len() as i32 * FINE_PIXELS / PIXEL_UNITS).max(1) as usize
}

/// The line on which numbers of a grid (Nx Ny) are 0, as segments: cells are cut into two triangles each, in which the numbers
/// are taken for linear.
fn zeros(level: &[f64], x: &[f64], y: &[f64]) -> Vec<[[f64; 2]; 2]> {
    let corner = |i: usize, j: usize| (level[i * y.len() + j], [x[i], y[j]]);
    let mut segments = vec![];
    for (i, j) in (1..x.len()).flat_map(|i| (1..y.len()).map(move |j| (i, j))) {
        let [a, b, c, d] = [corner(i - 1, j - 1), corner(i, j - 1), corner(i, j), corner(i - 1, j)];
        for triangle in [[a, b, c], [a, c, d]] {
            let cut = |k: usize| {
                let ((low, p), (high, q)) = (triangle[k], triangle[(k + 1) % 3]);
                let part = low / (low - high);
                ((low >= 0.0) != (high >= 0.0)).then(|| [0, 1].map(|k| p[k] + part * (q[k] - p[k])))
            };
            if let [first, second] = (0..3).filter_map(cut).collect::<Vec<_>>()[..] {
                segments.push([first, second]);
            }
        }
    }
    segments
}

fn outline(area: &Area, (x, y): &Place) -> Drawn {
    let corners = [(x.start, y.start), (x.end, y.start), (x.end, y.end), (x.start, y.end), (x.start, y.start)];
    area.draw(&PathElement::new(corners.map(|corner| local(area, corner)).to_vec(), stroke(GREY, 0.8)))
}

/// A place of the picture in the coordinates of `area`.
fn local(area: &Area, (x, y): (i32, i32)) -> (i32, i32) {
    let (left, top) = area.get_base_pixel();
    (x - left, y - top)
}
