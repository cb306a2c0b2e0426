//! What all pictures share: the canvas, the type, the colours, a panel with its axes, the marks.

use std::sync::Once;

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::Series;
use super::axis::Axis;
use super::legend::{LEGEND_SIZE, Mark, draw_entry};
use super::raster::{Image, Place};

/// SVG units a pixel: plotters rounds coordinates to whole units, and a curve rounded to whole
/// pixels is a staircase.
pub(super) const PIXEL_UNITS: i32 = 10;

/// The first family is embedded (pictures look alike everywhere); the others are for a viewer of
/// the SVG that has no DejaVu Sans.
const FONT_FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Okabe and Ito's colours, told apart by everybody.
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
/// How much of its colour an area has.
pub(super) const SHADE_OPACITY: f64 = 0.22;
const GRID_COLOUR: RGBColor = RGBColor(232, 232, 232);

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
pub(super) type Drawn<T = ()> = std::result::Result<T, DrawingAreaErrorKind<std::io::Error>>;

/// What surrounds the panels.
pub(super) struct Frame {
    pub title: String,
    pub legend: Vec<(Mark, String)>,
    /// A line in a warning colour above the panels.
    pub warning: Option<String>,
    /// Small lines below the panels.
    pub notes: Vec<String>,
    /// Width and height of a panel in pixels.
    pub panel: (u32, u32),
}

/// The height of a line of text above or below the panels, in pixels.
const LINE_HEIGHT: u32 = 22;

impl Frame {
    /// An SVG with `rows` rows of `columns` panels; `draw` gets each panel's area in reading order.
    pub fn draw(&self, rows: usize, columns: usize, draw: impl FnOnce(&[Area]) -> Drawn) -> String {
        self.draw_over(rows, columns, |areas| draw(areas).map(|()| vec![]))
    }

    /// The same with images, which lie beneath everything that is drawn.
    pub fn draw_over(&self, rows: usize, columns: usize, draw: impl FnOnce(&[Area]) -> Drawn<Vec<Image>>) -> String {
        static FONT: Once = Once::new();
        FONT.call_once(|| {
            let valid = register_font(FONT_FAMILY, FontStyle::Normal, dejavu::sans::regular()).is_ok();
            assert!(valid, "the embedded font is a font");
        });
        let (rows, columns) = (rows.max(1), columns.max(1));
        let panels = (columns as u32 * self.panel.0, rows as u32 * self.panel.1);
        let legend = self.legend_lines(panels.0 as i32);
        let head = 12 + LINE_HEIGHT * (1 + legend.len() as u32 + u32::from(self.warning.is_some()));
        let size = (panels.0, head + panels.1 + LINE_HEIGHT * self.notes.len() as u32 + 6);
        let fine = |pixels: u32| pixels * PIXEL_UNITS as u32;
        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, (fine(size.0), fine(size.1))).into_drawing_area();
        let (top, rest) = root.split_vertically(fine(head));
        let (middle, bottom) = rest.split_vertically(fine(panels.1));
        let images = root
            .fill(&WHITE)
            .and_then(|()| self.draw_text(&legend, &top, &bottom))
            .and_then(|()| draw(&middle.split_evenly((rows, columns))))
            .and_then(|images| root.present().map(|()| images))
            .expect("an SVG grows in memory with an embedded font: nothing there can fail");
        drop((top, middle, bottom, rest, root));
        let written = |(w, h): (u32, u32)| format!("width=\"{w}\" height=\"{h}\"");
        let mut svg = svg.replacen(&written((fine(size.0), fine(size.1))), &written(size), 1);
        // plotters cannot draw an image that is scaled: they follow its first element, the background.
        let ground = svg.find("/>").map_or(svg.len(), |at| at + 2);
        svg.insert_str(ground, &images.iter().map(Image::svg).collect::<String>());
        svg
    }

    /// The legend's entries, each with where it starts, in as many lines as they need; a legend of
    /// one entry says nothing.
    fn legend_lines(&self, width: i32) -> Vec<Vec<(i32, &(Mark, String))>> {
        let mut lines: Vec<Vec<(i32, &(Mark, String))>> = vec![];
        let mut x = width;
        for entry in self.legend.iter().filter(|_| self.legend.len() > 1) {
            let entry_width = 30 + text_width(&entry.1, LEGEND_SIZE);
            if lines.is_empty() || x + entry_width > width {
                lines.push(vec![]);
                x = 14;
            }
            lines.last_mut().expect("the line that was begun").push((x, entry));
            x += entry_width + 22;
        }
        lines
    }

    fn draw_text(&self, legend: &[Vec<(i32, &(Mark, String))>], top: &Area, bottom: &Area) -> Drawn {
        let line = |k: usize| 8 + LINE_HEIGHT as i32 * k as i32;
        write(top, &self.title, (14, line(0)), 15.0, &INK)?;
        for (k, entries) in legend.iter().enumerate() {
            entries.iter().try_for_each(|(x, (mark, name))| draw_entry(top, *mark, name, (*x, line(1 + k))))?;
        }
        if let Some(warning) = &self.warning {
            write(top, warning, (14, line(1 + legend.len())), 11.5, &VERMILION)?;
        }
        for (k, note) in self.notes.iter().enumerate() {
            write(bottom, note, (14, LINE_HEIGHT as i32 * k as i32), 10.5, &GREY)?;
        }
        Ok(())
    }
}

/// One panel before its series are drawn.
pub(super) struct Panel<'a> {
    pub caption: String,
    pub x: Axis,
    pub y: Axis,
    pub x_name: &'a str,
    pub y_name: &'a str,
    /// Room for the labels of the y axis: [`Axis::widest_label`], or that of the widest axis in
    /// the column, so that panels stand one under the other.
    pub label_characters: usize,
}

impl Panel<'_> {
    /// Draws grid, axes, names and caption.
    pub fn draw<'a, 'b>(self, area: &'a Area<'b>) -> Drawn<Chart<'a, 'b>> {
        self.draw_axes(area, true, 14)
    }

    /// Draws axes, names and caption around an image, and leaves `right` pixels to its right. Gives
    /// the image's place.
    pub fn draw_around(self, area: &Area, right: i32) -> Drawn<Place> {
        Ok(self.draw_axes(area, false, right)?.plotting_area().get_pixel_range())
    }

    fn draw_axes<'a, 'b>(self, area: &'a Area<'b>, grid: bool, right: i32) -> Drawn<Chart<'a, 'b>> {
        let ticks = 30 + 6 * self.label_characters as i32;
        let top = if self.caption.is_empty() { 8 } else { 26 };
        let size = area.dim_in_pixel();
        let (width, height) = (size.0 as i32 / PIXEL_UNITS, size.1 as i32 / PIXEL_UNITS);
        let x_name = shortened(&self.x.named(self.x_name), NAME_SIZE, width - ticks - right);
        let y_name = shortened(&self.y.named(self.y_name), NAME_SIZE, height - top);
        let caption = shortened(&self.caption, NAME_SIZE, width - 8);
        let mut chart = ChartBuilder::on(area)
            .margin_top(top * PIXEL_UNITS)
            .margin_right(right * PIXEL_UNITS)
            .margin_left(10 * PIXEL_UNITS)
            .margin_bottom(8 * PIXEL_UNITS)
            .x_label_area_size(40 * PIXEL_UNITS)
            .y_label_area_size(ticks * PIXEL_UNITS)
            .build_cartesian_2d(self.x, self.y)?;
        let mut mesh = chart.configure_mesh();
        if !grid {
            mesh.disable_mesh();
        }
        mesh.max_light_lines(0)
            .bold_line_style(GRID_COLOUR.stroke_width(PIXEL_UNITS as u32 * 7 / 10))
            .axis_style(GREY.stroke_width(PIXEL_UNITS as u32 * 8 / 10))
            .set_all_tick_mark_size(4 * PIXEL_UNITS)
            .label_style(font(11.0).color(&INK))
            .axis_desc_style(font(NAME_SIZE).color(&INK))
            .x_desc(x_name)
            .y_desc(y_name)
            .draw()?;
        // Above the axis, or further left where it would leave the panel.
        let room = width - text_width(&caption, NAME_SIZE) - 8;
        write(area, &caption, ((10 + ticks).min(room).max(0), 6), NAME_SIZE, &INK)?;
        Ok(chart)
    }
}

/// A curve, or a mark where there is one point.
pub(super) fn line(chart: &mut Chart, series: &Series, colour: RGBColor, width: f64) -> Drawn {
    if series.points(CURVE_POINTS).nth(1).is_none() {
        return marks(chart, series, colour);
    }
    for part in series.parts() {
        chart.draw_series(LineSeries::new(part.points(CURVE_POINTS), stroke(colour, width)))?;
    }
    Ok(())
}

/// A dashed curve.
pub(super) fn dashed(chart: &mut Chart, series: &Series, colour: RGBColor, width: f64) -> Drawn {
    broken(chart, series, (6, 4), stroke(colour, width))
}

/// What lies between two curves over the same x, shaded.
pub(super) fn area_between(chart: &mut Chart, low: &Series, high: &Series, colour: RGBColor) -> Drawn {
    let back: Vec<_> = low.points(CURVE_POINTS).collect();
    let edge: Vec<_> = high.points(CURVE_POINTS).chain(back.into_iter().rev()).collect();
    chart.draw_series([Polygon::new(edge, colour.mix(SHADE_OPACITY).filled())])?;
    Ok(())
}

/// A dotted curve.
pub(super) fn dotted(chart: &mut Chart, series: &Series, colour: RGBColor, width: f64) -> Drawn {
    broken(chart, series, (2, 3), stroke(colour, width))
}

fn broken(chart: &mut Chart, series: &Series, (dash, gap): (i32, i32), style: ShapeStyle) -> Drawn {
    for part in series.parts() {
        let points: Vec<_> = part.points(CURVE_POINTS).collect();
        chart.draw_series(DashedLineSeries::new(points, dash * PIXEL_UNITS, gap * PIXEL_UNITS, style))?;
    }
    Ok(())
}

/// Translucent dots, thinned evenly where there are more than a picture can show.
pub(super) fn dots(chart: &mut Chart, series: &Series, colour: RGBColor) -> Drawn {
    // The more there are, the smaller: a cloud shows its density, a handful stays visible.
    let radius = if series.x.len() > 200 { 18 } else { 24 } * PIXEL_UNITS / 10;
    let style = colour.mix(0.35).filled();
    chart.draw_series(series.points(MOST_DOTS).map(|point| Circle::new(point, radius, style)))?;
    Ok(())
}

/// A filled mark at every point.
pub(super) fn marks(chart: &mut Chart, series: &Series, colour: RGBColor) -> Drawn {
    chart.draw_series(series.points(MOST_DOTS).map(|point| Circle::new(point, 3 * PIXEL_UNITS, colour.filled())))?;
    Ok(())
}

/// A curve of more points than this is thinned: three a pixel of the widest panel.
const CURVE_POINTS: usize = 3000;
/// More dots than this only make the file larger.
pub(super) const MOST_DOTS: usize = 2000;

pub(super) fn stroke(colour: impl Into<RGBAColor>, width: f64) -> ShapeStyle {
    let colour = colour.into();
    ShapeStyle { color: colour, filled: false, stroke_width: (width * f64::from(PIXEL_UNITS)).round() as u32 }
}

/// `pixels` an em. plotters divides a size by 1.24 to get the em.
pub(super) fn font(pixels: f64) -> FontDesc<'static> {
    (FONT_FAMILY, pixels * 1.24 * f64::from(PIXEL_UNITS)).into_font()
}

/// Text with its top at `place`, in pixels of `area`.
pub(super) fn write(area: &Area, text: &str, (x, y): (i32, i32), size: f64, colour: &RGBColor) -> Drawn {
    let style = font(size).color(colour).pos(Pos::new(HPos::Left, VPos::Top));
    area.draw(&Text::new(text.to_string(), (x * PIXEL_UNITS, y * PIXEL_UNITS), style))
}

/// The size of axes' names and captions.
const NAME_SIZE: f64 = 12.0;

/// A text that fits into `room` pixels: where it does not, its middle is left out, and a unit in brackets stays.
fn shortened(text: &str, size: f64, room: i32) -> String {
    let unit = text.rfind(" [").filter(|_| text.ends_with(']'));
    let (name, unit) = text.split_at(unit.unwrap_or(text.len()));
    let mut letters: Vec<char> = name.chars().collect();
    let mut shown = text.to_string();
    while text_width(&shown, size) > room && letters.pop().is_some() {
        shown = format!("{}…{unit}", letters.iter().collect::<String>().trim_end());
    }
    shown
}

/// How wide `text` is drawn, in pixels.
pub(super) fn text_width(text: &str, size: f64) -> i32 {
    let (width, _) = font(size).box_size(text).unwrap_or((8 * PIXEL_UNITS as u32 * text.chars().count() as u32, 0));
    width as i32 / PIXEL_UNITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_unit() {
        // The font is registered by the first picture.
        Frame { title: String::new(), legend: vec![], warning: None, notes: vec![], panel: (9, 9) }
            .draw(1, 1, |_| Ok(()));
        assert_eq!(shortened("u", NAME_SIZE, 100), "u");
        let long = "temperature of the outer casing, sensor 3 [°C]";
        assert_eq!(shortened(long, NAME_SIZE, 1000), long);
        let short = shortened(long, NAME_SIZE, 150);
        assert!(short.starts_with("temperature") && short.ends_with("… [°C]"), "{short}");
        assert!(text_width(&short, NAME_SIZE) <= 150);
    }
}
