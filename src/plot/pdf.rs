//! A PDF of one page from an SVG of this module: outlines stay outlines.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect as Box, Ref};
use tiny_skia::{Path, PathSegment, Pixmap, Point, Rect, Transform};

use super::drawing::{Colour, Surface, draw, extent};

/// Points of a page for a pixel, of which an inch has 96.
const PIXEL: f32 = 0.75;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
/// The first of the images and opacities.
const FIRST: i32 = 5;

/// The file's bytes; `None` for what is no SVG of this module.
pub(super) fn pdf(svg: &str) -> Option<Vec<u8>> {
    let size = extent(svg)?;
    let (width, height) = (PIXEL * size.pixels.0, PIXEL * size.pixels.1);
    let mut page = Page { content: Content::new(), images: vec![], opacities: vec![] };
    // An SVG counts from its top.
    let unit = PIXEL * size.unit;
    page.content.transform([unit, 0.0, 0.0, -unit, 0.0, height]);
    draw(svg, &mut page)?;
    Some(page.file(width, height))
}

struct Page {
    content: Content,
    images: Vec<Pixmap>,
    /// In hundredths.
    opacities: Vec<u8>,
}

impl Surface for Page {
    fn fill(&mut self, path: &Path, colour: Colour, at: Transform) {
        let rgb = colour.rgb.map(|part| f32::from(part) / 255.0);
        self.with_opacity(colour.opacity);
        self.content.set_fill_rgb(rgb[0], rgb[1], rgb[2]);
        self.outline(path, at);
        self.content.fill_nonzero();
    }

    fn stroke(&mut self, path: &Path, colour: Colour, width: f32) {
        let rgb = colour.rgb.map(|part| f32::from(part) / 255.0);
        self.with_opacity(colour.opacity);
        self.content.set_stroke_rgb(rgb[0], rgb[1], rgb[2]).set_line_width(width);
        self.outline(path, Transform::identity());
        self.content.stroke();
    }

    fn image(&mut self, image: &Pixmap, place: Rect) {
        let name = format!("I{}", self.images.len());
        self.images.push(image.clone());
        self.with_opacity(1.0);
        self.content.save_state();
        // An image fills the unit square from below.
        self.content.transform([place.width(), 0.0, 0.0, -place.height(), place.x(), place.bottom()]);
        self.content.x_object(Name(name.as_bytes()));
        self.content.restore_state();
    }
}

impl Page {
    fn with_opacity(&mut self, opacity: f32) {
        let hundredths = (100.0 * opacity).round() as u8;
        let known = self.opacities.iter().position(|known| *known == hundredths);
        let index = known.unwrap_or_else(|| {
            self.opacities.push(hundredths);
            self.opacities.len() - 1
        });
        self.content.set_parameters(Name(format!("O{index}").as_bytes()));
    }

    fn outline(&mut self, path: &Path, at: Transform) {
        let moved = |mut point: Point| {
            at.map_point(&mut point);
            point
        };
        let content = &mut self.content;
        let mut from = Point::zero();
        for segment in path.segments() {
            match segment {
                PathSegment::MoveTo(to) => drop(content.move_to(moved(to).x, moved(to).y)),
                PathSegment::LineTo(to) => drop(content.line_to(moved(to).x, moved(to).y)),
                PathSegment::QuadTo(by, to) => {
                    // The same curve as a cubic one.
                    let [a, b, c] = [from, by, to].map(moved);
                    let third = |end: Point| (end.x + 2.0 * (b.x - end.x) / 3.0, end.y + 2.0 * (b.y - end.y) / 3.0);
                    let ((x1, y1), (x2, y2)) = (third(a), third(c));
                    content.cubic_to(x1, y1, x2, y2, c.x, c.y);
                }
                PathSegment::CubicTo(one, two, to) => {
                    let [one, two, to] = [one, two, to].map(moved);
                    content.cubic_to(one.x, one.y, two.x, two.y, to.x, to.y);
                }
                PathSegment::Close => drop(content.close_path()),
            }
            from = match segment {
                PathSegment::MoveTo(to) | PathSegment::LineTo(to) => to,
                PathSegment::QuadTo(_, to) | PathSegment::CubicTo(_, _, to) => to,
                PathSegment::Close => from,
            };
        }
    }

    fn file(self, width: f32, height: f32) -> Vec<u8> {
        let mut pdf = Pdf::new();
        pdf.catalog(CATALOG).pages(PAGES);
        pdf.pages(PAGES).kids([PAGE]).count(1);
        let image = |index: usize| Ref::new(FIRST + 2 * index as i32);
        let mask = |index: usize| Ref::new(FIRST + 2 * index as i32 + 1);
        let mut page = pdf.page(PAGE);
        page.media_box(Box::new(0.0, 0.0, width, height)).parent(PAGES).contents(CONTENT);
        let mut resources = page.resources();
        let mut images = resources.x_objects();
        for index in 0..self.images.len() {
            images.pair(Name(format!("I{index}").as_bytes()), image(index));
        }
        images.finish();
        let mut opacities = resources.ext_g_states();
        for (index, opacity) in self.opacities.iter().enumerate() {
            let opacity = f32::from(*opacity) / 100.0;
            let name = format!("O{index}");
            let mut state = opacities.insert(Name(name.as_bytes())).start::<pdf_writer::writers::ExtGraphicsState>();
            state.non_stroking_alpha(opacity).stroking_alpha(opacity);
        }
        opacities.finish();
        resources.finish();
        page.finish();
        for (index, pixels) in self.images.iter().enumerate() {
            let of = |part: fn(tiny_skia::ColorU8) -> Vec<u8>| {
                compressed(&pixels.pixels().iter().flat_map(|p| part(p.demultiply())).collect::<Vec<_>>())
            };
            let (colours, alphas) = (of(|p| vec![p.red(), p.green(), p.blue()]), of(|p| vec![p.alpha()]));
            let size = (pixels.width() as i32, pixels.height() as i32);
            let mut object = pdf.image_xobject(image(index), &colours);
            object.filter(Filter::FlateDecode);
            object.width(size.0).height(size.1).bits_per_component(8).s_mask(mask(index));
            object.color_space().device_rgb();
            object.finish();
            let mut object = pdf.image_xobject(mask(index), &alphas);
            object.filter(Filter::FlateDecode);
            object.width(size.0).height(size.1).bits_per_component(8);
            object.color_space().device_gray();
        }
        let content = compressed(&self.content.finish());
        pdf.stream(CONTENT, &content).filter(Filter::FlateDecode);
        pdf.finish()
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a vector takes every byte")
}
