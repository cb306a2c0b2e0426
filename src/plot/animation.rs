//! Pictures one after the other, as an animated PNG, which browsers play.

use super::drawing::extent;
use super::render::render;
use crate::error::{Error, Result};

/// Hundredths of a second that a picture is shown.
const FRAME_HUNDREDTHS: u16 = 10;

/// The file's bytes, from SVGs of one size, of which there is at least one.
///
/// # Errors
/// [`Error::Device`] where they cannot be rendered.
pub fn animation(frames: &[String]) -> Result<Vec<u8>> {
    let problem = |problem: String| Error::device("svg renderer", problem);
    let mut bytes = vec![];
    let size = extent(frames.first().map_or("", String::as_str)).map(|extent| extent.pixels);
    let (width, height) = size.ok_or_else(|| problem("it is none of its pictures".to_string()))?;
    let (width, height) = (width.round() as u32, height.round() as u32);
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let started = encoder
        .set_animated(frames.len() as u32, 0)
        .and_then(|()| encoder.set_frame_delay(FRAME_HUNDREDTHS, 100))
        .and_then(|()| encoder.write_header());
    let mut writer = started.map_err(|error| problem(error.to_string()))?;
    for frame in frames {
        let pixels = render(frame, 1.0).filter(|pixels| (pixels.width(), pixels.height()) == (width, height));
        let pixels = pixels.ok_or_else(|| problem("the frames differ in size".to_string()))?;
        // The background is white, so that nothing is transparent.
        let rgb: Vec<u8> = pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
        writer.write_image_data(&rgb).map_err(|error| problem(error.to_string()))?;
    }
    writer.finish().map_err(|error| problem(error.to_string()))?;
    Ok(bytes)
}
