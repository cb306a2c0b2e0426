//! A point set on the CPU: standardised columns, the terms of its loss, the threads' tiles, and what falls
//! to the workers.

use std::borrow::Cow;
use std::ops::Range;

use crate::backend::Batch;
use crate::cpu::shape::Shape;
use crate::cpu::terms::gather::gather;
use crate::cpu::terms::residual::{Term, terms};
use crate::cpu::tile::{Tile, Tiled, Tiles};
use crate::data::PointSet;
use crate::jet::{JetLayout, Normalizer, Wiring};
use crate::loss::{Compiled, Loss};
use crate::network::{InputJets, NetworkSpec, Subnetwork};
use crate::numbers::Real;
use crate::pass::{Network, Pass};

/// A loaded point set.
pub struct Set<T: Real> {
    pub tiled: Tiled<T>,
    pub terms: Vec<Term>,
    /// The largest tile's.
    pub shape: Shape,
    pub tiles: Tiles<T>,
    /// The most workers that share a batch.
    most_workers: usize,
    /// B
    pub points: usize,
    /// What the first layer of each network reads at all places, as [`InputJets`] gives it: (D, places·B), or
    /// (F C, places·B); empty where nothing of the network is read.
    inputs: Vec<Vec<Vec<T>>>,
    /// (H, B): what point data alone decides of the residuals.
    columns: Vec<Vec<T>>,
    /// (B)
    weights: Option<Vec<T>>,
    /// The order of the points, where it is not their own.
    pub order: Option<Vec<u32>>,
}

/// Workers that share a batch: enough for load balance on any desktop, few enough that the sum
/// over their gradients costs nothing.
const WORKERS: usize = 32;

/// Bytes that the workers' gradients may take together.
const GRADIENT_BYTES: usize = 64 << 20;

/// The most workers that share a batch, each with a gradient of so many bytes.
pub(crate) fn most_workers(gradient: usize) -> usize {
    (GRADIENT_BYTES / gradient.max(1)).clamp(2, WORKERS)
}

impl<T: Real> Set<T> {
    pub fn new(
        set: &PointSet,
        loss: &Loss,
        (spec, networks): (&NetworkSpec, &[Subnetwork]),
        (normalizer, wirings): (&Normalizer, &[Wiring]),
        threads: usize,
    ) -> Self {
        let Compiled { layouts, places, residuals } = loss.compile(normalizer, wirings);
        let of_each = networks.iter().zip(&layouts);
        let on_pass: Vec<Network> =
            of_each.map(|(of, layout)| Network::in_best_mode(of, wirings, layout.as_ref())).collect();
        let channels = on_pass.iter().map(|network| network.channels.count()).max().expect("a model has a network");
        let shape = Shape::new::<T>(spec, channels, places.count());
        let points = set.points();
        let rounded = |columns: Vec<Vec<f64>>| -> Vec<Vec<T>> {
            columns.into_iter().map(|column| column.into_iter().map(T::of).collect()).collect()
        };
        let columns = rounded(set.hoist(&residuals));
        let terms = terms(loss, &residuals);
        let at_places = set.network_inputs(&places);
        let inputs = |(network, layout): (&Subnetwork, &Option<JetLayout>)| {
            let Some(layout) = layout else { return vec![] };
            let inputs = InputJets::new(network.features.as_ref(), &network.normalizer, layout);
            rounded(inputs.at(&network.points(Cow::Borrowed(&at_places)), 0..places.count() * points))
        };
        Self {
            tiles: Tiles::new(threads),
            most_workers: most_workers(spec.parameters() * size_of::<T>()),
            terms,
            points,
            inputs: networks.iter().zip(&layouts).map(inputs).collect(),
            columns,
            weights: set.weights.as_ref().map(|weights| weights.iter().copied().map(T::of).collect()),
            order: None,
            tiled: Tiled::new(Pass::new(on_pass, true)),
            shape,
        }
    }

    /// A tile for this set's batches.
    pub fn tile(&self) -> Tile<T> {
        Tile::new(&self.tiled, self.shape, &self.terms, self.columns.len())
    }

    /// How a batch falls to workers: whatever the threads, so that sums over workers have one order.
    pub fn shares(&self, batch: Batch) -> impl Iterator<Item = Share> {
        let points = self.shape.of_batch(batch.count).loss_points();
        let tiles = batch.count.div_ceil(points);
        let workers = tiles.div_ceil(tiles.div_ceil(self.most_workers).max(1));
        (0..workers).map(move |worker| Share { batch, points, worker, workers })
    }

    /// Fills a tile with the points at these positions of the order, and the rest of it with copies
    /// of the first that weigh nothing.
    pub fn fill(&self, tile: &mut Tile<T>, positions: Range<usize>) {
        tile.shape = self.shape.holding(positions.len());
        let points = tile.shape.loss_points();
        let gather = |to: &mut [T], from: &[T]| gather(to, from, self.order.as_deref(), &positions);
        for (network, inputs) in self.inputs.iter().enumerate() {
            for (number, row) in tile.inputs(network, inputs.len()) {
                let places = inputs[number].chunks_exact(self.points);
                for (place, column) in row.chunks_exact_mut(points).zip(places) {
                    gather(place, column);
                }
            }
        }
        for (to, column) in tile.columns.chunks_exact_mut(points).zip(&self.columns) {
            gather(to, column);
        }
        match &self.weights {
            Some(weights) => gather(&mut tile.weights[..points], weights),
            None => tile.weights.fill(T::ONE),
        }
        tile.weights[positions.len()..].fill(T::ZERO);
    }
}

/// What falls to one worker of a batch.
#[derive(Clone, Copy)]
pub struct Share {
    pub batch: Batch,
    /// Points in a tile.
    pub points: usize,
    pub worker: usize,
    pub workers: usize,
}

impl Share {
    /// The positions of each of its tiles.
    pub fn tiles(self) -> impl Iterator<Item = Range<usize>> {
        let Self { batch: Batch { start, count, .. }, points, worker, workers } = self;
        let tiles = count.div_ceil(points);
        let own = worker * tiles / workers..(worker + 1) * tiles / workers;
        own.map(move |tile| start + tile * points..start + count.min((tile + 1) * points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::SetId;

    #[test]
    fn shares_cover_every_position_once() {
        for (count, points, workers) in [(1, 16, 1), (1000, 128, 8), (1000, 16, 32), (33, 16, 2)] {
            let batch = Batch { set: SetId(0), start: 5, count };
            let tiles = |worker| Share { batch, points, worker, workers }.tiles();
            let all: Vec<usize> = (0..workers).flat_map(tiles).flatten().collect();
            assert_eq!(all, (5..5 + count).collect::<Vec<_>>());
        }
    }
}
