//! Jets at any number of points, given back to the host.

use rayon::prelude::*;

use crate::cpu::Cpu;
use crate::cpu::channels::Channels;
use crate::cpu::shape::Shape;
use crate::cpu::tile::{Tile, Tiles};
use crate::jet::{JetLayout, Jets};
use crate::network::InputJets;
use crate::numbers::Real;

/// Spans of points that the threads take one by one: enough for load balance on any desktop.
const SPANS: usize = 64;

/// The threads' tiles, kept for the next points of the same layout.
pub struct Evaluator<T: Real> {
    layout: JetLayout,
    pub tiles: Tiles<T>,
}

impl<T: Real> Cpu<T> {
    /// Jets at points (D, B) in the user's units.
    pub(super) fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Jets {
        let count = points.first().map_or(0, Vec::len);
        let channels = Channels::new(layout, &self.normalizer, super::may_mix(&self.spec, self.features.as_ref()));
        let of_jet = channels.of_jet();
        let shape = Shape::new::<T>(&self.spec, channels.count(), 1);
        if self.evaluator.as_ref().is_none_or(|evaluator| evaluator.layout != *layout) {
            let tiles = Tiles::new(self.threads.current_num_threads());
            self.evaluator = Some(Evaluator { layout: layout.clone(), tiles });
        }
        let tiles = &self.evaluator.as_ref().expect("made above").tiles;
        let inputs = InputJets::new(self.features.as_ref(), &self.normalizer, layout);
        let pass = self.pass(&channels);
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
                    tile.forward(&pass);
                    for (row, to) in rows.iter_mut().enumerate() {
                        let (output, channel) = (row / of_jet, row % of_jet);
                        let from =
                            &tile.jets()[channel * tile.shape.step(self.spec.outputs) + output * tile.shape.points..];
                        let to = &mut to[start - range.start..end - range.start];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
                    }
                }
            };
            tiles.with(|| Tile::new(&self.spec, shape, &channels, &[], 0), of_span);
        };
        self.threads.install(|| spans.into_par_iter().with_max_len(1).enumerate().for_each(work));
        Jets::from_standardised(layout, &self.normalizer, values)
    }
}
