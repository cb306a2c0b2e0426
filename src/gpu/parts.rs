//! How the gradient's sums over points are split: partial sums of each layer, which `reduce.wgsl` adds up.

use super::product::GradientTile;
use super::tiles::Tiles;
use crate::network::NetworkSpec;

/// Workgroups of a weight gradient that keep a large GPU busy: two on each of an H200's 132 multiprocessors.
const WORKGROUPS: u32 = 264;
/// The same of the first layer's own kernel, whose workgroups are small.
const UNITS: u32 = 528;
/// Quads of columns that a split sums at least: two slices of the small tile, whose writing they outweigh.
const LEAST_QUADS: u32 = 8;
/// Points of a split of the first layer's own kernel, and of the coefficients'.
const POINTS: u32 = 64;
/// The most splits of the coefficients.
const MOST: u32 = 128;

/// The partial sums of some neighbouring parameters: (splits, count), from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first of these parameters in the block of all.
    pub first: u32,
    pub count: u32,
    pub start: u32,
    pub splits: u32,
}

/// The parts of all layers in order, then that of the coefficients, for so many points and quads of columns. They depend
/// on the job and the tiles alone, so that the bits do. `is_free` says that the first layer has a kernel of its own.
pub fn parts(spec: &NetworkSpec, tiles: Tiles, is_free: bool, points: u32, quads: u32) -> Vec<Part> {
    let mut parts = vec![];
    let mut start = 0;
    let mut push = |first: usize, count: usize, splits: u32| {
        let (first, count) = (first as u32, count as u32);
        parts.push(Part { first, count, start, splits });
        start += count * splits;
    };
    for (index, layer) in spec.layers().iter().enumerate() {
        let splits = if index == 0 && is_free {
            (UNITS / layer.outputs as u32).clamp(1, points.div_ceil(POINTS))
        } else {
            let [along_in, along_out] = GradientTile::of(layer, tiles.gradient).count(layer);
            (WORKGROUPS / (along_in * along_out)).clamp(1, quads.div_ceil(LEAST_QUADS))
        };
        push(layer.weights().start, layer.biases().end - layer.weights().start, splits);
    }
    if spec.coefficients > 0 {
        push(spec.weights(), spec.coefficients, points.div_ceil(POINTS).min(MOST));
    }
    parts
}
