//! Pictures: each function takes data and gives one SVG; [`write`] writes it, and the PNG or PDF that is made of it. The font is embedded, so they look alike on every machine.

mod animation;
mod axis;
mod bench;
mod drawing;
mod figure;
mod fit;
mod legend;
mod loss;
mod map;
mod parity;
mod pdf;
mod raster;
mod render;
mod slices;
mod views;

use std::path::Path;

use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::job::PictureFormat;

pub use animation::animation;
pub use bench::{Bench, BenchLine, bench};
pub use fit::{Band, Fit, FitPanel, FitRow, fit};
pub use loss::{LossHistory, loss};
pub use map::{MapAxis, MapFigure, MapRow, map};
pub use parity::{Parity, ParityPanel, parity};
pub use slices::Sweep;
pub use views::{FitView, NEAR_DEVIATIONS, fit_rows, map_rows, parity_panels};

/// Numbers against numbers. Pairs that are not finite are not drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// (B)
    pub x: Vec<f64>,
    /// (B)
    pub y: Vec<f64>,
}

impl Series {
    /// `y` against `x`, of the same length.
    pub fn new(x: impl Into<Vec<f64>>, y: impl Into<Vec<f64>>) -> Self {
        let series = Self { x: x.into(), y: y.into() };
        assert_eq!(series.x.len(), series.y.len(), "a number for each number");
        series
    }

    /// What lies between numbers that are not finite: a curve has gaps there.
    fn parts(&self) -> Vec<Series> {
        let pairs: Vec<(f64, f64)> = self.x.iter().copied().zip(self.y.iter().copied()).collect();
        let parts = pairs.split(|(x, y)| !(x.is_finite() && y.is_finite())).filter(|part| !part.is_empty());
        parts.map(|part| part.iter().copied().unzip()).map(|(x, y)| Series { x, y }).collect()
    }

    /// The finite points, evenly thinned to at most `most`; the last one is always among them.
    fn points(&self, most: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let every = self.x.len().div_ceil(most).max(1);
        let last = self.x.len().saturating_sub(1);
        let kept = self.x.iter().zip(&self.y).enumerate().filter(move |(k, _)| k % every == 0 || *k == last);
        kept.map(|(_, (x, y))| (*x, *y)).filter(|(x, y)| x.is_finite() && y.is_finite())
    }
}

/// Pixels of the PNG for one of the SVG.
const PNG_SCALE: f32 = 2.0;

/// Renders an SVG of this module as PNG, at twice its size.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let pixels = render::render(svg, PNG_SCALE).ok_or_else(|| "it is none of its pictures".to_string());
    let png = pixels.and_then(|pixels| pixels.encode_png().map_err(|error| error.to_string()));
    png.map_err(|problem| Error::device("svg renderer", problem))
}

/// The same picture, so many pixels wide.
pub fn scaled(svg: &str, width: u32) -> String {
    let Some(extent) = drawing::extent(svg) else { return svg.to_string() };
    let written = |(width, height): (f32, f32)| format!("width=\"{width}\" height=\"{height}\"");
    let height = (extent.pixels.1 * width as f32 / extent.pixels.0).round();
    svg.replacen(&written(extent.pixels), &written((width as f32, height)), 1)
}

/// Writes `STEM.svg` and the `STEM.png` rendered from it, each whole or not at all.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be written.
pub fn write_svg_png(svg: &str, stem: &Path) -> Result<()> {
    write(svg, stem, &[PictureFormat::Svg, PictureFormat::Png])
}

/// Writes a picture in some formats, `STEM.svg` and so on, each file whole or not at all.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be written.
pub fn write(svg: &str, stem: &Path, formats: &[PictureFormat]) -> Result<()> {
    for format in formats {
        let bytes = match format {
            PictureFormat::Svg => svg.as_bytes().to_vec(),
            PictureFormat::Png => png(svg)?,
            PictureFormat::Pdf => {
                pdf::pdf(svg).ok_or_else(|| Error::device("pdf writer", "it is none of its pictures"))?
            }
        };
        let mut path = stem.as_os_str().to_os_string();
        path.push(format!(".{}", format.name()));
        write_bytes(&bytes, Path::new(&path))?;
    }
    Ok(())
}

/// Writes a file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] where it cannot be written.
pub fn write_bytes(bytes: &[u8], path: &Path) -> Result<()> {
    write_atomically(path, |file| file.write_all(bytes).map_err(|e| Error::io(path, e)))
}
