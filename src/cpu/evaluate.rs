//! Jets at any number of points, given back to the host.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::cpu::Cpu;
use crate::cpu::shape::Shape;
use crate::cpu::tile::{Tile, Tiled, Tiles};
use crate::expression::Assembly;
use crate::jet::{JetLayout, Jets};
use crate::network::{InputJets, Subnetwork};
use crate::numbers::Real;
use crate::pass::{Network, Pass};

/// Spans of points that the threads take one by one: enough for load balance on any desktop.
const SPANS: usize = 64;

/// The threads' tiles, kept for the next points of the same layout.
pub struct Evaluator<T: Real> {
    assembly: Assembly,
    tiled: Tiled<T>,
    pub tiles: Tiles<T>,
}

impl<T: Real> Cpu<T> {
    /// Jets at points (D, B) in the user's units.
    pub(super) fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Jets {
        let count = points.first().map_or(0, Vec::len);
        let evaluator = match self.evaluator.take() {
            Some(evaluator) if evaluator.assembly.wanted() == layout => evaluator,
            _ => self.evaluator(layout),
        };
        let jets = self.jets_in(&evaluator, points, count);
        self.evaluator = Some(evaluator);
        jets
    }

    fn evaluator(&self, layout: &JetLayout) -> Evaluator<T> {
        let assembly = Assembly::new(layout, &self.normalizer, &self.wirings);
        let networks = self.networks.iter().zip(&assembly.layouts);
        let networks = networks.map(|(of, layout)| Network::in_best_mode(of, &self.wirings, Some(layout))).collect();
        let tiled = Tiled::new(Pass::new(networks, false));
        Evaluator { assembly, tiled, tiles: Tiles::new(self.threads.current_num_threads()) }
    }

    fn jets_in(&self, evaluator: &Evaluator<T>, points: &[Vec<f64>], count: usize) -> Jets {
        let Evaluator { assembly, tiled, tiles } = evaluator;
        let channels = tiled.channels.iter().map(|channels| channels.count()).max().expect("a model has a network");
        let shape = Shape::new::<T>(&self.spec, channels, 1);
        let inputs: Vec<InputJets> = self
            .networks
            .iter()
            .zip(&assembly.layouts)
            .map(|(network, layout)| InputJets::new(network.features.as_ref(), &network.normalizer, layout))
            .collect();
        let points: Vec<_> = self.networks.iter().map(|network| network.points(Cow::Borrowed(points))).collect();
        // Every row of the jets, network by network: the network, the output of its own, the channel.
        let rows = |(network, of): (usize, &Subnetwork)| {
            let channels = tiled.channels[network].of_jet();
            (0..of.shape.outputs).flat_map(move |output| (0..channels).map(move |channel| (network, output, channel)))
        };
        let places: Vec<(usize, usize, usize)> = self.networks.iter().enumerate().flat_map(rows).collect();
        let run = self.tiled_run(tiled);
        let mut values = vec![0.0; places.len() * count];
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
                    for (network, (inputs, points)) in inputs.iter().zip(&points).enumerate() {
                        let from = inputs.at(points, start..end);
                        for (number, to) in tile.inputs(network, from.len()) {
                            to.iter_mut().zip(&from[number]).for_each(|(to, from)| *to = T::of(*from));
                        }
                    }
                    tile.forward(run);
                    for (to, (network, output, channel)) in rows.iter_mut().zip(&places) {
                        let step = tile.shape.step(self.networks[*network].shape.outputs);
                        let from = &tile.jets(tiled, *network)[channel * step + output * tile.shape.points..];
                        let to = &mut to[start - range.start..end - range.start];
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
                    }
                }
            };
            tiles.with(|| Tile::new(tiled, shape, &[], 0), of_span);
        };
        self.threads.install(|| spans.into_par_iter().with_max_len(1).enumerate().for_each(work));
        assembly.join(count, values)
    }
}
