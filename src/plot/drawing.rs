//! The elements of an SVG of this module, which is a flat list of shapes, images and lines of text, drawn on a surface:
//! not a reader of any other SVG.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tiny_skia::{Path, PathBuilder, Pixmap, Rect, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// What can be drawn on, in the units of the SVG.
pub(super) trait Surface {
    /// Fills an outline, moved by `at`.
    fn fill(&mut self, path: &Path, colour: Colour, at: Transform);
    /// Draws along an outline.
    fn stroke(&mut self, path: &Path, colour: Colour, width: f32);
    /// Stretches an image to its place.
    fn image(&mut self, image: &Pixmap, place: Rect);
}

/// A colour with an opacity from 0 to 1.
#[derive(Clone, Copy)]
pub(super) struct Colour {
    pub rgb: [u8; 3],
    pub opacity: f32,
}

/// How large a picture is.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Its width and height in pixels.
    pub pixels: (f32, f32),
    /// Pixels for one of the SVG's units.
    pub unit: f32,
}

/// How large the picture is; `None` for what is no SVG of this module.
pub(super) fn extent(svg: &str) -> Option<Extent> {
    let root = Elements(svg).next().filter(|element| element.name == "svg")?;
    let pixels = (root.number("width")?, root.number("height")?);
    let unit = pixels.0 / root.get("viewBox")?.split(' ').nth(2)?.parse::<f32>().ok()?;
    Some(Extent { pixels, unit })
}

/// Draws all elements; `None` for what is no SVG of this module.
pub(super) fn draw(svg: &str, surface: &mut dyn Surface) -> Option<()> {
    let mut canvas = Canvas { surface, font: Face::parse(dejavu::sans::regular(), 0).ok()? };
    Elements(svg).skip(1).try_for_each(|element| canvas.draw(&element))
}

/// What stands between `<` and the next `<`: an element, and the text in it.
struct Element<'a> {
    name: &'a str,
    attributes: &'a str,
    text: &'a str,
}

impl<'a> Element<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        while let Some((key, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"')?;
            if key.trim() == name {
                return Some(value);
            }
            rest = after;
        }
        None
    }

    fn number(&self, name: &str) -> Option<f32> {
        self.get(name)?.parse().ok()
    }

    /// A colour of `#RRGGBB` with the element's opacity; `None` where it is not painted.
    fn colour(&self, name: &str) -> Option<Colour> {
        let rgb = u32::from_str_radix(self.get(name)?.strip_prefix('#')?, 16).ok()?;
        let [_, red, green, blue] = rgb.to_be_bytes();
        Some(Colour { rgb: [red, green, blue], opacity: self.number("opacity").unwrap_or(1.0) })
    }

    /// Its outline.
    fn path(&self) -> Option<Path> {
        let [x, y] = ["x", "y"].map(|name| self.number(name));
        match self.name {
            "rect" => {
                Some(PathBuilder::from_rect(Rect::from_xywh(x?, y?, self.number("width")?, self.number("height")?)?))
            }
            "circle" => PathBuilder::from_circle(self.number("cx")?, self.number("cy")?, self.number("r")?),
            "line" => line(
                [self.number("x1")?, self.number("x2")?].into_iter().zip([self.number("y1")?, self.number("y2")?]),
                false,
            ),
            "polyline" | "polygon" => {
                let points = self.get("points")?.split_whitespace().filter_map(|point| point.split_once(','));
                let numbers = points.filter_map(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
                line(numbers, self.name == "polygon")
            }
            _ => None,
        }
    }
}

fn line(points: impl Iterator<Item = (f32, f32)>, is_closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y) in points {
        if path.is_empty() {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    if is_closed {
        path.close();
    }
    path.finish()
}

/// The elements of what is left of an SVG, in order; of their ends nothing is told.
struct Elements<'a>(&'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let (tag, rest) = self.0.split_once('<')?.1.split_once('>')?;
            self.0 = rest;
            if tag.starts_with('/') {
                continue;
            }
            let tag = tag.trim_end_matches('/');
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            return Some(Element { name, attributes, text: rest.split('<').next().unwrap_or_default().trim() });
        }
    }
}

struct Canvas<'a> {
    surface: &'a mut dyn Surface,
    font: Face<'static>,
}

impl Canvas<'_> {
    fn draw(&mut self, element: &Element) -> Option<()> {
        match element.name {
            "image" => self.image(element),
            "text" => self.text(element),
            // A polyline of one point has no outline.
            _ => {
                if let Some(path) = element.path() {
                    self.shape(element, &path);
                }
                Some(())
            }
        }
    }

    fn shape(&mut self, element: &Element, path: &Path) {
        if let Some(colour) = element.colour("fill") {
            self.surface.fill(path, colour, Transform::identity());
        }
        if let Some(colour) = element.colour("stroke") {
            self.surface.stroke(path, colour, element.number("stroke-width").unwrap_or(1.0));
        }
    }

    /// A PNG that is stretched to its place.
    fn image(&mut self, element: &Element) -> Option<()> {
        let data = element.get("href")?.strip_prefix("data:image/png;base64,")?;
        let image = Pixmap::decode_png(&STANDARD.decode(data).ok()?).ok()?;
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| element.number(name));
        self.surface.image(&image, Rect::from_xywh(x?, y?, width?, height?)?);
        Some(())
    }

    /// A line of text, its glyphs' outlines filled together.
    fn text(&mut self, element: &Element) -> Option<()> {
        let text = unescaped(element.text);
        let (x, y, size) = (element.number("x")?, element.number("y")?, element.number("font-size")?);
        let scale = size / f32::from(self.font.units_per_em());
        let (glyphs, width) = self.glyphs(&text);
        let start = match element.get("text-anchor")? {
            "start" => 0.0,
            "middle" => 0.5,
            _ => 1.0,
        };
        let down = match element.get("dy")? {
            from if from.ends_with("em") => from.trim_end_matches("em").parse::<f32>().ok()?,
            // Half an em, as long as nobody asks the font.
            from => 0.5 * from.trim_end_matches("ex").parse::<f32>().ok()?,
        };
        let turn =
            element.get("transform").and_then(|turn| turn.strip_prefix("rotate(")?.split(',').next()?.parse().ok());
        let at = Transform::from_rotate_at(turn.unwrap_or(0.0), x, y);
        let at = at.pre_translate(x - start * scale * width, y + down * size).pre_scale(scale, -scale);
        let mut outline = Outline { path: PathBuilder::new(), x: 0.0 };
        for (glyph, x) in glyphs {
            outline.x = x;
            self.font.outline_glyph(glyph, &mut outline);
        }
        if let (Some(path), Some(colour)) = (outline.path.finish(), element.colour("fill")) {
            self.surface.fill(&path, colour, at);
        }
        Some(())
    }

    /// The glyphs of a line, each with where it stands, and the line's width, in the font's units.
    fn glyphs(&self, text: &str) -> (Vec<(GlyphId, f32)>, f32) {
        let (mut glyphs, mut x) = (vec![], 0.0);
        for letter in text.chars() {
            let glyph = self.font.glyph_index(letter).unwrap_or_default();
            if let Some((before, _)) = glyphs.last() {
                x += self.kerning(*before, glyph);
            }
            glyphs.push((glyph, x));
            x += f32::from(self.font.glyph_hor_advance(glyph).unwrap_or_default());
        }
        (glyphs, x)
    }

    fn kerning(&self, left: GlyphId, right: GlyphId) -> f32 {
        let tables = self.font.tables().kern.iter().flat_map(|kern| kern.subtables);
        let mut horizontal = tables.filter(|table| table.horizontal && !table.variable);
        horizontal.find_map(|table| table.glyphs_kerning(left, right)).map_or(0.0, f32::from)
    }
}

/// Without the entities that plotters writes.
fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.into_iter().fold(text.to_string(), |text, (entity, letter)| text.replace(entity, letter))
}

/// The outline of a line's glyphs, in the font's units.
struct Outline {
    path: PathBuilder,
    /// Where the glyph stands.
    x: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
