//! Pixels from an SVG of this module.

use tiny_skia::{FillRule, FilterQuality, Paint, Path, Pattern, Pixmap, Rect, SpreadMode, Stroke, Transform};

use super::drawing::{Colour, Surface, draw, extent};

/// The picture at `scale` pixels for one of the SVG's own; `None` for what is no SVG of this module.
pub(super) fn render(svg: &str, scale: f32) -> Option<Pixmap> {
    let size = extent(svg)?;
    let pixels = |length: f32| (scale * length).round() as u32;
    let mut canvas = Pixels {
        pixels: Pixmap::new(pixels(size.pixels.0), pixels(size.pixels.1))?,
        transform: Transform::from_scale(scale * size.unit, scale * size.unit),
    };
    draw(svg, &mut canvas)?;
    Some(canvas.pixels)
}

struct Pixels {
    pixels: Pixmap,
    /// From the SVG's units to pixels.
    transform: Transform,
}

impl Surface for Pixels {
    fn fill(&mut self, path: &Path, colour: Colour, at: Transform) {
        self.pixels.fill_path(path, &paint(colour), FillRule::Winding, self.transform.pre_concat(at), None);
    }

    fn stroke(&mut self, path: &Path, colour: Colour, width: f32) {
        let stroke = Stroke { width, ..Stroke::default() };
        self.pixels.stroke_path(path, &paint(colour), &stroke, self.transform, None);
    }

    fn image(&mut self, image: &Pixmap, place: Rect) {
        let stretch = (place.width() / image.width() as f32, place.height() / image.height() as f32);
        let into = Transform::from_row(stretch.0, 0.0, 0.0, stretch.1, place.x(), place.y());
        let shader = Pattern::new(image.as_ref(), SpreadMode::Pad, FilterQuality::Bicubic, 1.0, into);
        self.pixels.fill_rect(place, &Paint { shader, ..Paint::default() }, self.transform, None);
    }
}

fn paint(Colour { rgb: [red, green, blue], opacity }: Colour) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, (255.0 * opacity).round() as u8);
    paint
}

#[cfg(test)]
mod tests {
    use tiny_skia::PremultipliedColorU8;

    use super::*;

    fn drawn(elements: &str) -> Pixmap {
        let svg = format!("<svg width=\"20\" height=\"10\" viewBox=\"0 0 200 100\" xmlns=\"s\">\n{elements}\n</svg>");
        render(&svg, 1.0).unwrap()
    }

    fn ink(pixels: &Pixmap) -> impl Iterator<Item = (u32, u32, PremultipliedColorU8)> {
        let at = |(k, pixel): (usize, &PremultipliedColorU8)| (k as u32 % 20, k as u32 / 20, *pixel);
        pixels.pixels().iter().enumerate().map(at).filter(|(.., pixel)| pixel.alpha() > 0)
    }

    #[test]
    fn shapes_have_their_place_colour_and_opacity() {
        let square = drawn(
            "<rect x=\"20\" y=\"30\" width=\"40\" height=\"10\" opacity=\"1\" fill=\"#010203\" stroke=\"none\"/>",
        );
        let places: Vec<_> =
            ink(&square).map(|(x, y, pixel)| (x, y, pixel.red(), pixel.green(), pixel.blue())).collect();
        assert_eq!(places, [2, 3, 4, 5].map(|x| (x, 3, 1, 2, 3)));
        let line =
            "<line opacity=\"0.5\" stroke=\"#FF0000\" stroke-width=\"10\" x1=\"0\" y1=\"55\" x2=\"200\" y2=\"55\"/>";
        let line = drawn(line);
        assert_eq!(ink(&line).count(), 20);
        assert!(ink(&line).all(|(_, y, pixel)| y == 5 && pixel.alpha().abs_diff(128) < 2));
    }

    #[test]
    fn text_hangs_stands_and_turns() {
        let text = |anchor: &str, more: &str| {
            drawn(&format!(
                "<text x=\"100\" y=\"50\" dy=\"0.5ex\" text-anchor=\"{anchor}\" font-size=\"40\" opacity=\"1\" \
                 fill=\"#000000\"{more}>\nI&lt;\n</text>"
            ))
        };
        let range = |pixels: &Pixmap| {
            let columns = || ink(pixels).map(|(x, ..)| x);
            (columns().min().unwrap(), columns().max().unwrap())
        };
        assert!(range(&text("start", "")).0 >= 10 && range(&text("end", "")).1 < 10);
        let (left, right) = range(&text("middle", ""));
        assert!(left < 10 && right >= 10);
        // Upright it is narrower.
        let (low, high) = range(&text("middle", " transform=\"rotate(270, 100, 50)\""));
        assert!(high - low < right - left);
    }
}
