//! How the gradient's sums over points are split: partial sums of each layer, which `reduce.wgsl` adds up.

use std::ops::Range;

use super::product::GradientTile;
use super::tiles::{Path, Tiles};
use crate::network::{Layer, NetworkSpec};

/// Workgroups of a weight gradient that keep a large GPU busy: two on each of an H200's 132 multiprocessors, or four of
/// several layers' together.
const WORKGROUPS: u32 = 264;
/// The same of the first layer's own kernel, whose workgroups have few threads that wait for memory.
const UNITS: u32 = 2112;
/// Quads of columns that a split sums at least: two slices of the small tile, whose writing they outweigh.
const LEAST_QUADS: u32 = 8;
/// Points of a split of the coefficients, and the most splits.
const POINTS: u32 = 64;
const MOST: u32 = 128;

/// Numbers that the partial sums of all layers may be: half of the 128 MiB that every adapter binds.
const BUDGET: u64 = 16 << 20;

/// The partial sums of some neighbouring parameters: (splits, count), from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first of these parameters in the block of all.
    pub first: u32,
    pub count: u32,
    pub start: u32,
    pub splits: u32,
}

/// What the parts of a chunk follow from.
pub struct Points {
    /// Of the network, in whole quads.
    pub count: u32,
    /// Quads of them with all channels that travel.
    pub column_quads: u32,
    /// Of a tile of the first layer's own kernel, where it has one.
    pub of_tile: Option<u32>,
}

/// The parts of all layers in order, then that of the coefficients. They depend on the job and the tiles alone, so that
/// the bits do; fewer points have no more splits.
pub fn parts(spec: &NetworkSpec, tiles: Tiles, points: &Points) -> Vec<Part> {
    let layers = spec.layers();
    // A narrow network's layers share a dispatch.
    let together = if matches!(tiles.path, Path::Narrow(_)) { layers.len() - 1 } else { 1 };
    let workgroups = WORKGROUPS.min(2 * WORKGROUPS / together.max(1) as u32);
    // The parameters of each part, the splits that keep a device busy, and those that the points allow.
    let of_layer = |(index, layer): (usize, &Layer)| {
        let (most, allowed) = match points.of_tile.filter(|_| index == 0) {
            Some(of_tile) => (UNITS / layer.outputs as u32, points.count.div_ceil(of_tile)),
            None => {
                let [along_in, along_out] = GradientTile::of(layer, tiles.gradient, together).count(layer);
                (workgroups / (along_in * along_out), points.column_quads.div_ceil(LEAST_QUADS))
            }
        };
        (layer.weights().start..layer.biases().end, most.max(1), allowed)
    };
    let mut wanted: Vec<_> = layers.iter().enumerate().map(of_layer).collect();
    if spec.coefficients > 0 {
        wanted.push((spec.weights()..spec.parameters(), MOST, points.count.div_ceil(POINTS)));
    }
    let all = wanted.iter().map(|(range, most, _)| range.len() as u64 * u64::from(*most)).sum::<u64>().max(BUDGET);
    let mut start = 0;
    let part = |(range, most, allowed): (Range<usize>, u32, u32)| {
        let most = (u64::from(most) * BUDGET / all) as u32;
        let part =
            Part { first: range.start as u32, count: range.len() as u32, start, splits: most.min(allowed).max(1) };
        start += part.count * part.splits;
        part
    };
    wanted.into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::tiles::Tile;
    use crate::network::Activation;

    #[test]
    fn parts_follow_one_another_and_fill_the_device() {
        let spec =
            NetworkSpec { inputs: 2, hidden: vec![64; 4], outputs: 1, activation: Activation::Tanh, coefficients: 3 };
        let narrow = Path::Narrow(Tile { quads: 4, rows: 1, slice: 64 });
        let of = |path: Path, count: u32| {
            let points = Points { count, column_quads: 5 * count / 4, of_tile: Some(64) };
            parts(&spec, Tiles { path, linear: 128, gradient: 128 }, &points)
        };
        let splits = |parts: &[Part]| parts.iter().map(|part| part.splits).collect::<Vec<_>>();
        assert_eq!(splits(&of(Path::Separate, 4096)), [33, 264, 264, 264, 264, 64]);
        assert_eq!(splits(&of(narrow, 4096)), [33, 132, 132, 132, 132, 64]);
        assert_eq!(splits(&of(narrow, 4)), [1; 6]);
        let all = of(narrow, 1000);
        for (part, next) in all.iter().zip(&all[1..]) {
            assert_eq!((part.first + part.count, part.start + part.count * part.splits), (next.first, next.start));
        }
        assert_eq!(all.iter().map(|part| part.count as usize).sum::<usize>(), spec.parameters());
        // A deep network keeps to the budget.
        let deep = NetworkSpec { hidden: vec![64; 40], ..spec };
        let points = Points { count: 1 << 17, column_quads: 1 << 17, of_tile: None };
        let parts = parts(&deep, Tiles { path: Path::Separate, linear: 128, gradient: 128 }, &points);
        let numbers: u32 = parts.iter().map(|part| part.count * part.splits).sum();
        assert!((12 << 20..=16 << 20).contains(&numbers), "{numbers}");
    }
}
