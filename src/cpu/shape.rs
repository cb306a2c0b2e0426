//! How many points a tile holds, and where in its blocks a channel of a unit lies.

use std::ops::Range;

use crate::cpu::lanes::LANES;
use crate::network::NetworkSpec;
use crate::numbers::Real;

/// Columns of a product (channels times points), in the middle of the range where a step takes the same time; docs/tuning.md.
const COLUMNS: usize = 960;

/// Bytes of z-jets and a-jets: a core's share of the third-level cache; docs/tuning.md.
const TAPE_BYTES: usize = 3 << 20;

/// A batch is cut into a multiple of so many tiles, for so many threads at once,
const TILES: usize = 8;

/// where they keep so many columns: with fewer, the products lose more than threads gain.
const LEAST_COLUMNS: usize = 128;

/// The shape of every block (C, units, P) of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// P, the points of the network.
    pub points: usize,
    /// At how many places a loss reads the network for each of its points: place k of the N points of
    /// a tile lies at k·N.
    places: usize,
    /// C
    pub channels: usize,
}

impl Shape {
    /// The largest tile for a network, a number of channels and one of places: a function of these alone,
    /// so that sums over tiles have the same order on every machine.
    pub fn new<T: Real>(spec: &NetworkSpec, channels: usize, places: usize) -> Self {
        let point_bytes = 2 * spec.widths().iter().sum::<usize>().max(1) * channels * size_of::<T>();
        let points = (COLUMNS / channels).min(TAPE_BYTES / point_bytes);
        Self { points: (points / LANES * LANES).max(places.next_multiple_of(LANES)), places, channels }
    }

    /// The same with as many points as `count` points of the loss need, at most all.
    pub fn holding(self, count: usize) -> Self {
        Self { points: (count * self.places).next_multiple_of(LANES).min(self.points), ..self }
    }

    /// The shape of the tiles of a batch of `count` points, all alike.
    pub fn of_batch(self, count: usize) -> Self {
        let tiles = count.div_ceil(self.loss_points()).next_multiple_of(TILES);
        let least = LEAST_COLUMNS * self.loss_points() / (self.channels * self.points);
        self.holding(count.div_ceil(tiles).max(least))
    }

    /// N, the points of the loss: P but for other places and what these leave over.
    pub fn loss_points(self) -> usize {
        self.points / self.places
    }

    /// The same points with so many channels.
    pub fn channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// Numbers of a block (C, units, P): a vector more, as places need not start at a vector's first number.
    pub fn size(self, units: usize) -> usize {
        self.channels * self.step(units) + LANES
    }

    /// From channel to channel of a block: an odd number of vectors, as rows that lie a power of two apart would
    /// compete for the same lines of the cache.
    pub fn step(self, units: usize) -> usize {
        ((units * self.points / LANES) | 1) * LANES
    }

    /// Some channels of one of `units` units, and of these the places, channel by channel: N numbers each, and
    /// what follows, at least whole vectors.
    pub fn rows<T>(self, block: &[T], units: usize, unit: usize, channels: Range<usize>) -> impl Iterator<Item = &[T]> {
        let (step, first, loss_points) = (self.step(units), unit * self.points, self.loss_points());
        let start = move |channel: usize, place: usize| channel * step + first + place * loss_points;
        channels.flat_map(move |channel| (0..self.places).map(move |place| &block[start(channel, place)..]))
    }
}
