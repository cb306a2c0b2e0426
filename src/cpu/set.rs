//! A point set on the CPU: standardised columns, the terms of its loss, and its workers' tiles.

use std::ops::Range;

use super::channels::Channels;
use super::real::Real;
use super::residual::{Term, terms};
use super::tile::{Shape, Tile};
use crate::data::{Normalizer, PointSet};
use crate::loss::{Compiled, Loss};
use crate::network::{Features, InputJets, NetworkSpec};

/// A loaded point set.
pub struct Set<T: Real> {
    pub channels: Channels<T>,
    pub terms: Vec<Term>,
    pub shape: Shape,
    /// The workers' tiles; how many there are depends on the set alone, never on the threads.
    pub tiles: Vec<Tile<T>>,
    /// B
    pub points: usize,
    /// What the first layer reads at all places, as [`InputJets`] gives it: (D, places·B), or
    /// (F C, places·B).
    inputs: Vec<Vec<T>>,
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

impl<T: Real> Set<T> {
    pub fn new(
        set: &PointSet,
        loss: &Loss,
        spec: &NetworkSpec,
        normalizer: &Normalizer,
        features: Option<&Features>,
    ) -> Self {
        let Compiled { layout, places, residuals } = loss.compile(normalizer);
        let channels = Channels::new(&layout, normalizer);
        let shape = Shape::new::<T>(spec, channels.count(), places.count());
        let points = set.points();
        let affordable = (GRADIENT_BYTES / (spec.parameters() * size_of::<T>())).clamp(2, WORKERS);
        let workers = points.div_ceil(shape.loss_points()).clamp(1, affordable);
        let rounded = |columns: Vec<Vec<f64>>| -> Vec<Vec<T>> {
            columns.into_iter().map(|column| column.into_iter().map(T::of).collect()).collect()
        };
        let columns = rounded(set.hoist(&residuals));
        let terms = terms(loss, &residuals);
        let inputs = InputJets::new(features, normalizer, &layout);
        Self {
            tiles: (0..workers).map(|_| Tile::new(spec, shape, &terms, columns.len())).collect(),
            terms,
            points,
            inputs: rounded(inputs.at(&set.network_inputs(&places), 0..places.count() * points)),
            columns,
            weights: set.weights.as_ref().map(|weights| weights.iter().copied().map(T::of).collect()),
            order: None,
            channels,
            shape,
        }
    }

    /// Fills a tile with the points at these positions of the order, and the rest of it with copies
    /// of the first that weigh nothing.
    pub fn fill(&self, tile: &mut Tile<T>, positions: Range<usize>) {
        let points = self.shape.loss_points();
        let row = |p: usize| {
            let position = if p < positions.len() { positions.start + p } else { positions.start };
            self.order.as_ref().map_or(position, |order| order[position] as usize)
        };
        let gather = |to: &mut [T], from: &[T]| match &self.order {
            None if positions.len() == points => to.copy_from_slice(&from[positions.clone()]),
            _ => to.iter_mut().enumerate().for_each(|(p, to)| *to = from[row(p)]),
        };
        for (row, column) in tile.inputs(self.inputs.len()).zip(&self.inputs) {
            for (place, column) in row.chunks_exact_mut(points).zip(column.chunks_exact(self.points)) {
                gather(place, column);
            }
        }
        for (to, column) in tile.columns.chunks_exact_mut(points).zip(&self.columns) {
            gather(to, column);
        }
        match &self.weights {
            Some(weights) => gather(&mut tile.weights, weights),
            None => tile.weights.fill(T::ONE),
        }
        tile.weights[positions.len()..].fill(T::ZERO);
    }
}

/// The positions of each tile that worker `worker` of `workers` takes, of `count` from `start`.
pub fn share(
    start: usize,
    count: usize,
    points: usize,
    worker: usize,
    workers: usize,
) -> impl Iterator<Item = Range<usize>> {
    let tiles = count.div_ceil(points);
    let own = worker * tiles / workers..(worker + 1) * tiles / workers;
    own.map(move |tile| start + tile * points..start + count.min((tile + 1) * points))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_every_position_once() {
        for (count, points, workers) in [(1, 16, 1), (1000, 128, 8), (1000, 16, 32), (33, 16, 2)] {
            let all: Vec<usize> = (0..workers).flat_map(|w| share(5, count, points, w, workers)).flatten().collect();
            assert_eq!(all, (5..5 + count).collect::<Vec<_>>());
        }
    }
}
