//! Numbers on a grid as a raster image: interpolated between the points, coloured from a palette,
//! and embedded in an SVG as PNG.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use colorous::Gradient;

use super::axis::Axis;

/// Left and right, top and bottom in the picture's units.
pub(super) type Place = (Range<i32>, Range<i32>);

/// A raster image in a picture.
pub(super) struct Image {
    pub place: Place,
    pub png: Vec<u8>,
}

impl Image {
    /// It fills its place whatever its shape.
    pub fn svg(&self) -> String {
        let (x, y) = &self.place;
        let (left, top, width, height) = (x.start, y.start, x.len(), y.len());
        let data = STANDARD.encode(&self.png);
        format!(
            "\n<image x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" \
             preserveAspectRatio=\"none\" href=\"data:image/png;base64,{data}\"/>"
        )
    }
}

/// What colours mean. Both palettes are told apart by everybody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Palette {
    /// Viridis: from dark to bright in even steps.
    Sequential,
    /// From blue through white to red.
    Diverging,
}

/// Colours of a palette; the index after them is transparent.
const PALETTE_COLOURS: usize = 255;

impl Palette {
    fn rgb(self) -> Vec<u8> {
        let (gradient, ascending): (Gradient, bool) = match self {
            Palette::Sequential => (colorous::VIRIDIS, true),
            Palette::Diverging => (colorous::RED_BLUE, false),
        };
        let colour =
            |k: usize| gradient.eval_rational(if ascending { k } else { PALETTE_COLOURS - 1 - k }, PALETTE_COLOURS);
        (0..PALETTE_COLOURS).flat_map(|k| colour(k).as_array()).chain([255; 3]).collect()
    }
}

/// A PNG of `width` × `height` pixels; `value` gives a pixel of column and row its place in the
/// palette, 0 to 1, or a number that is not finite where it is transparent.
pub(super) fn png(palette: Palette, width: usize, height: usize, value: impl Fn(usize, usize) -> f64) -> Vec<u8> {
    let index = |place: f64| match place.is_finite() {
        true => (place.clamp(0.0, 1.0) * (PALETTE_COLOURS - 1) as f64).round() as u8,
        false => PALETTE_COLOURS as u8,
    };
    let pixels: Vec<u8> = (0..height)
        .flat_map(|row| (0..width).map(move |column| (column, row)))
        .map(|(column, row)| index(value(column, row)))
        .collect();
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.rgb());
    encoder.set_trns([[255; PALETTE_COLOURS].as_slice(), &[0]].concat());
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.expect("a valid image grows in memory: nothing there can fail");
    bytes
}

/// Where a pixel lies between the points of an axis: the two points, and the weight of the second.
pub(super) type Between = (usize, usize, f64);

/// Where `count` pixels along `axis` lie between the points `values`, ascending and not empty.
pub(super) fn pixels_between(values: &[f64], axis: &Axis, count: usize) -> Vec<Between> {
    let places: Vec<f64> = values.iter().map(|v| axis.place(*v)).collect();
    let last = values.len() - 1;
    let at = |pixel: usize| {
        let place = (pixel as f64 + 0.5) / count as f64;
        let above = places.partition_point(|p| *p <= place);
        let (low, high) = (above.saturating_sub(1), above.min(last));
        let width = places[high] - places[low];
        (low, high, if width > 0.0 { (place - places[low]) / width } else { 0.0 })
    };
    (0..count).map(at).collect()
}

/// The number there, linear between the points around it. A point that is not finite leaves a
/// hole of its own cell, and its neighbours go without it.
pub(super) fn interpolate(at: impl Fn(usize, usize) -> f64, x: Between, y: Between) -> f64 {
    let nearest = |(low, high, weight): Between| if weight < 0.5 { low } else { high };
    if !at(nearest(x), nearest(y)).is_finite() {
        return f64::NAN;
    }
    let ends = |(low, high, weight): Between| [(low, 1.0 - weight), (high, weight)];
    let corners = ends(x).into_iter().flat_map(|(i, a)| ends(y).map(|(j, b)| (at(i, j), a * b)));
    let finite = corners.filter(|(value, weight)| value.is_finite() && *weight > 0.0);
    let (sum, weights) =
        finite.fold((0.0, 0.0), |(sum, total), (value, weight)| (sum + value * weight, total + weight));
    sum / weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_linear_between_points_and_holes_stay_cells() {
        let values = [0.0, 1.0, 4.0];
        let axis = Axis::snug(&values, 40);
        let pixels = pixels_between(&values, &axis, 8);
        assert_eq!(pixels[0], (0, 1, 0.25));
        let read = |at: &dyn Fn(usize) -> f64, k: usize| interpolate(|i, _| at(i), pixels[k], (0, 0, 0.0));
        for k in 0..8 {
            assert!((read(&|i| values[i], k) - (k as f64 + 0.5) / 2.0).abs() < 1e-12);
        }
        let hole = |i: usize| if i == 2 { f64::NAN } else { values[i] };
        assert_eq!((0..8).filter(|k| read(&hole, *k).is_nan()).count(), 3);
        assert_eq!(read(&hole, 3), 1.0);
    }

    #[test]
    fn a_png_holds_the_palettes_ends_and_holes() {
        let bytes = png(Palette::Diverging, 3, 1, |column, _| [0.0, 1.0, f64::NAN][column]);
        let pixels = tiny_skia::Pixmap::decode_png(&bytes).unwrap();
        let colours: Vec<_> = pixels.pixels().iter().map(|p| (p.red(), p.green(), p.blue(), p.alpha())).collect();
        assert!(colours[0].2 > colours[0].0 && colours[1].0 > colours[1].2, "{colours:?}");
        assert_eq!(colours[2].3, 0);
    }
}
