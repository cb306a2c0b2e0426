//! How the gradient's sums over points are split: partial sums of each layer, which `reduce.wgsl` adds up.

use std::ops::Range;

use crate::gpu::device::uniforms::GradientPart;
use crate::gpu::tuning::f16_tiles;
use crate::gpu::tuning::matmul_tiles::{GRADIENT_TILES, GradientTile};
use crate::gpu::tuning::tiles::{Fusion, Tiles};
use crate::network::Layer;

/// Workgroups of a weight gradient that keep a large GPU busy: two on each multiprocessor, or four of several layers'
/// together; docs/tuning.md.
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

/// What the parts of a network follow from at some points.
pub struct SplitPoints {
    /// Its layers.
    pub layers: Vec<Layer>,
    /// How they are computed.
    pub tiles: Tiles,
    /// Whether anything of it is read; else its gradient is the sum of no parts.
    pub is_read: bool,
    /// Quads of the points with all channels that travel.
    pub column_quads: u32,
    /// Of a tile of the first layer's own kernel, where it has one.
    pub of_tile: Option<u32>,
    /// Whether the gradients of wide layers are in f16.
    pub in_f16: bool,
}

/// Pairs of buffers, of z_bar and of a, that a kernel of several layers binds: with the partial sums seven of the eight that every
/// adapter has.
pub const PAIRS: usize = 3;
/// The widest layer whose weight gradient goes with its neighbours': alone it leaves a part of a large GPU idle, but wide
/// tiles are slower where they choose among buffers; docs/tuning.md.
const SMALL: usize = 256;

/// The layers whose weight gradients share a dispatch, from the `first` on: all of a narrow network, whose jets are in one pair
/// of buffers, and neighbours that are small and have tiles of the same size, but for gradients `in_f16`.
pub fn gradient_groups(layers: &[Layer], tiles: Tiles, first: usize, in_f16: bool) -> Vec<Range<usize>> {
    if matches!(tiles.fusion, Fusion::Network(_)) {
        return std::iter::once(1..layers.len()).collect();
    }
    // The tile of a layer that goes with others.
    let shared = |index: usize| {
        let layer = &layers[index];
        let is_small = layer.inputs.max(layer.outputs) <= SMALL && !(in_f16 && f16_tiles::is_wide(layer));
        is_small.then(|| GradientTile::of(layer, tiles))
    };
    let mut groups: Vec<Range<usize>> = vec![];
    for index in first..layers.len() {
        let goes_with = |of: usize| shared(index).is_some() && shared(index) == shared(of);
        match groups.last_mut() {
            Some(group) if group.len() < PAIRS && goes_with(group.start) => group.end += 1,
            _ => groups.push(index..index + 1),
        }
    }
    groups
}

/// The parts of all layers in order, network after network, then that of the coefficients, for `count` points in whole
/// quads. They depend on the job and the tiles alone, so that the bits do; fewer points have no more splits.
pub fn parts(networks: &[SplitPoints], coefficients: Range<usize>, count: u32) -> Vec<GradientPart> {
    let mut wanted: Vec<_> = networks.iter().flat_map(|network| network.wanted(count)).collect();
    if !coefficients.is_empty() {
        wanted.push((coefficients, MOST, count.div_ceil(POINTS)));
    }
    let all = wanted.iter().map(|(range, most, _)| range.len() as u64 * u64::from(*most)).sum::<u64>().max(BUDGET);
    let mut start = 0;
    let part = |(range, most, allowed): (Range<usize>, u32, u32)| {
        let most = (u64::from(most) * BUDGET / all) as u32;
        let splits = if allowed == 0 { 0 } else { most.min(allowed).max(1) };
        let part = GradientPart { first: range.start as u32, count: range.len() as u32, start, splits };
        start += part.count * part.splits;
        part
    };
    wanted.into_iter().map(part).collect()
}

impl SplitPoints {
    /// The parameters of each part, the splits that keep a device busy, and those that the points allow.
    fn wanted(&self, count: u32) -> Vec<(Range<usize>, u32, u32)> {
        let Self { layers, tiles, .. } = self;
        let groups = gradient_groups(layers, *tiles, usize::from(self.of_tile.is_some()), self.in_f16);
        let of_layer = |(index, layer): (usize, &Layer)| {
            let (most, allowed) = match self.of_tile.filter(|_| index == 0) {
                Some(of_tile) => (UNITS / layer.outputs as u32, count.div_ceil(of_tile)),
                None => {
                    let together = groups.iter().find(|group| group.contains(&index)).map_or(1, Range::len);
                    let tile = GradientTile::of(layer, *tiles);
                    // A multiprocessor has two workgroups of the largest tile, and four of others.
                    let all = if tile == GRADIENT_TILES[0] { WORKGROUPS } else { 2 * WORKGROUPS };
                    let workgroups = WORKGROUPS.min(all / together as u32);
                    let [along_in, along_out] = tile.count(layer);
                    (workgroups / (along_in * along_out), self.column_quads.div_ceil(LEAST_QUADS))
                }
            };
            let parameters = layer.weights().start..layer.biases().end;
            if self.is_read { (parameters, most.max(1), allowed) } else { (parameters, 0, 0) }
        };
        layers.iter().enumerate().map(of_layer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::tuning::tiles::Tile;
    use crate::jet::Activation;
    use crate::network::NetworkSpec;

    /// The parts of a model with one network.
    fn parts_of(
        spec: &NetworkSpec,
        tiles: Tiles,
        count: u32,
        column_quads: u32,
        of_tile: Option<u32>,
    ) -> Vec<GradientPart> {
        let points = SplitPoints { layers: spec.layers(), tiles, is_read: true, column_quads, of_tile, in_f16: false };
        parts(&[points], spec.weights()..spec.parameters(), count)
    }

    #[test]
    fn parts_follow_one_another_and_fill_the_device() {
        let spec = NetworkSpec { coefficients: 3, ..NetworkSpec::uniform(2, &[64; 4], Activation::Tanh, 1) };
        let narrow = Fusion::Network(Tile { quads: 4, rows: 1, slice: 64 });
        let of = |fusion: Fusion, count: u32| {
            parts_of(&spec, Tiles { fusion, linear: 128, gradient: 128 }, count, 5 * count / 4, Some(64))
        };
        let splits = |parts: &[GradientPart]| parts.iter().map(|part| part.splits).collect::<Vec<_>>();
        assert_eq!(splits(&of(Fusion::None, 4096)), [33, 176, 176, 176, 264, 64]);
        assert_eq!(splits(&of(narrow, 4096)), [33, 132, 132, 132, 132, 64]);
        assert_eq!(splits(&of(narrow, 4)), [1; 6]);
        let all = of(narrow, 1000);
        for (part, next) in all.iter().zip(&all[1..]) {
            assert_eq!((part.first + part.count, part.start + part.count * part.splits), (next.first, next.start));
        }
        assert_eq!(all.iter().map(|part| part.count as usize).sum::<usize>(), spec.parameters());
        // Small neighbours go together, three at a time, and each of them has the fewer splits.
        let tiles = Tiles { fusion: Fusion::None, linear: 128, gradient: 128 };
        let of = |inputs: usize, hidden: &[usize]| NetworkSpec {
            coefficients: 3,
            ..NetworkSpec::uniform(inputs, hidden, Activation::Tanh, 1)
        };
        let wide = of(10, &[128, 128, 128, 128, 128, 256, 256]);
        assert_eq!(gradient_groups(&wide.layers(), tiles, 0, false), [0..1, 1..4, 4..6, 6..7, 7..8]);
        assert_eq!(gradient_groups(&spec.layers(), tiles, 1, true), [1..4, 4..5]);
        let wide_alone = of(2, &[256; 4]);
        assert_eq!(gradient_groups(&wide_alone.layers(), tiles, 1, false), [1..4, 4..5]);
        assert_eq!(gradient_groups(&wide_alone.layers(), tiles, 1, true), [1..2, 2..3, 3..4, 4..5]);
        assert_eq!(splits(&parts_of(&wide, tiles, 1024, 12 * 256, None))[..5], [264, 44, 44, 44, 66]);
        // A deep network keeps to the budget.
        let deep = of(2, &[64; 40]);
        let tiles = Tiles { fusion: Fusion::None, linear: 128, gradient: 128 };
        let parts = parts_of(&deep, tiles, 1 << 17, 1 << 17, None);
        let numbers: u32 = parts.iter().map(|part| part.count * part.splits).sum();
        assert!((12 << 20..=16 << 20).contains(&numbers), "{numbers}");
    }
}
