//! Jets at any number of points, given back to the host.

use rayon::prelude::*;

use crate::cpu::Cpu;
use crate::cpu::shape::Shape;
use crate::cpu::tile::{Tile, Tiled, Tiles};
use crate::jet::{JetLayout, Jets};
use crate::network::InputJets;
use crate::numbers::Real;
use crate::pass::{Channels, Modes, Network, Pass};

/// Spans of points that the threads take one by one: enough for load balance on any desktop.
const SPANS: usize = 64;

/// The threads' tiles, kept for the next points of the same layout.
pub struct Evaluator<T: Real> {
    layout: JetLayout,
    tiled: Tiled<T>,
    pub tiles: Tiles<T>,
}

impl<T: Real> Cpu<T> {
    /// Jets at points (D, B) in the user's units.
    pub(super) fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Jets {
        let count = points.first().map_or(0, Vec::len);
        let evaluator = match self.evaluator.take() {
            Some(evaluator) if evaluator.layout == *layout => evaluator,
            _ => self.evaluator(layout),
        };
        let jets = self.jets_in(&evaluator, points, count);
        self.evaluator = Some(evaluator);
        jets
    }

    fn evaluator(&self, layout: &JetLayout) -> Evaluator<T> {
        let features = self.features.as_ref();
        let channels = Channels::new(layout, &self.normalizer, Modes::of(&self.spec, features));
        let network = Network::new(&self.spec, features.is_some(), channels);
        let tiled = Tiled::new(Pass::new(vec![network], false));
        Evaluator { layout: layout.clone(), tiled, tiles: Tiles::new(self.threads.current_num_threads()) }
    }

    fn jets_in(&self, evaluator: &Evaluator<T>, points: &[Vec<f64>], count: usize) -> Jets {
        let Evaluator { layout, tiled, tiles } = evaluator;
        let of_jet = tiled.channels.of_jet();
        let shape = Shape::new::<T>(&self.spec, tiled.channels.count(), 1);
        let inputs = InputJets::new(self.features.as_ref(), &self.normalizer, layout);
        let run = self.tiled_run(tiled);
        let mut values = vec![0.0; self.spec.outputs * of_jet * count];
        // Every span's part of each row (M C, B).
        let span = count.div_ceil(SPANS).next_multiple_of(shape.of_batch(count).points);
        let mut spans: Vec<Vec<&mut [f64]>> = (0..count.div_ceil(span)).map(|_| vec![]).collect();
        for row in values.chunks_exact_mut(count.max(1)) {
            spans.iter_mut().zip(row.chunks_mut(span)).for_each(|(rows, part)| rows.push(part));
        }
        let work = |(index, mut rows): (usize, Vec<&mut [f64]>)| {
            let range = index * span..count.min((index + 1) * span);
            let of_span = |tile: &mut Tile<T>| {
                for start in range.clone().step_by(shape.points) {
                    let end = range.end.min(start + shape.points);
                    tile.shape = shape.holding(end - start);
                    let from = inputs.at(points, start..end);
                    for (number, to) in tile.inputs(from.len()) {
                        to.iter_mut().zip(&from[number]).for_each(|(to, from)| *to = T::of(*from));
                    }
                    tile.forward(run);
                    for (row, to) in rows.iter_mut().enumerate() {
                        let (output, channel) = (row / of_jet, row % of_jet);
                        let from = &tile.jets(tiled)
                            [channel * tile.shape.step(self.spec.outputs) + output * tile.shape.points..];
                        let to = &mut to[start - range.start..end - range.start];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
                    }
                }
            };
            tiles.with(|| Tile::new(tiled, shape, &[], 0), of_span);
        };
        self.threads.install(|| spans.into_par_iter().with_max_len(1).enumerate().for_each(work));
        Jets::from_standardised(layout, &self.normalizer, values)
    }
}
