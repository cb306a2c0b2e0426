//! The list of operations, from the networks.

use super::network::{Feed, Network};
use super::op::{At, Direction, LayerGradient, Op, Slot, Span};

/// What happens to a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// The networks; one that reads others' values stands behind them.
    pub networks: Vec<Network>,
    /// Whether a way back follows, for which jets are kept.
    pub has_tape: bool,
    /// From the points to the outputs' jets.
    pub forward: Vec<Op>,
    /// From the cotangents of the outputs' jets to the weight gradients; empty without a tape.
    pub backward: Vec<Op>,
}

impl Pass {
    /// Through these networks, and back with a tape.
    pub fn new(networks: Vec<Network>, has_tape: bool) -> Self {
        let mut pass = Self { networks: vec![], has_tape, forward: vec![], backward: vec![] };
        for (index, network) in networks.iter().enumerate().filter(|(_, network)| network.is_read) {
            let walk = Walk { index, network, has_tape };
            let feed = |feed: &Feed| Op::Feed {
                from: Walk { index: feed.network, network: &networks[feed.network], has_tape }.jets(),
                output: feed.output,
                points: walk.points(),
                input: feed.input,
            };
            pass.forward.extend(network.feeds.iter().map(feed));
            pass.forward.extend(walk.forward());
            if has_tape {
                pass.backward.extend(walk.backward());
            }
        }
        Self { networks, ..pass }
    }

    /// The numbers of the networks of which something is read.
    pub fn read(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.networks.len()).filter(|network| self.networks[*network].is_read)
    }

    /// All operations, in order.
    pub fn ops(&self) -> impl Iterator<Item = &Op> {
        self.forward.iter().chain(&self.backward)
    }

    /// The output's jets of a network (M, C, B).
    pub fn jets(&self, network: usize) -> Span {
        self.walk(network).jets()
    }

    /// Their cotangents.
    pub fn jets_bar(&self, network: usize) -> Span {
        self.walk(network).jets_bar()
    }

    fn walk(&self, index: usize) -> Walk<'_> {
        Walk { index, network: &self.networks[index], has_tape: self.has_tape }
    }
}

/// The way through one network.
struct Walk<'a> {
    index: usize,
    network: &'a Network,
    has_tape: bool,
}

impl Walk<'_> {
    fn at(&self, layer: usize) -> At {
        At { network: self.index, layer }
    }

    /// F, the channels that travel forward.
    fn forward_channels(&self) -> usize {
        self.network.channels.forward.channels()
    }

    /// M, or 0 in forward mode.
    fn adjoints(&self) -> usize {
        self.network.channels.adjoints
    }

    /// Channels of a row of a-jets: with room for adjoints where the weight gradient reads them.
    fn row(&self) -> usize {
        self.forward_channels() + if self.has_tape { self.adjoints() } else { 0 }
    }

    fn points(&self) -> Span {
        let channels = if self.network.has_features { self.forward_channels() } else { 1 };
        Span::all(Slot::Points(self.index), self.network.layers[0].inputs, channels)
    }

    fn firsts_bar(&self) -> Span {
        Span::all(Slot::FirstsBar(self.index), self.network.layers[0].inputs, self.adjoints())
    }

    fn z(&self, layer: usize) -> Span {
        Span::all(Slot::Z(self.at(layer)), self.network.layers[layer].outputs, self.forward_channels())
    }

    /// The channels of a hidden layer's a-jets that travel forward.
    fn a(&self, layer: usize) -> Span {
        self.a_all(layer).channels(0, self.forward_channels())
    }

    fn a_all(&self, layer: usize) -> Span {
        self.jets_of(Slot::A(self.at(layer)), layer)
    }

    /// What the layer behind a hidden one reads: its result, with what a skip adds.
    fn result_all(&self, layer: usize) -> Span {
        match self.network.hidden[layer].skip {
            Some(_) => self.jets_of(Slot::Sum(self.at(layer)), layer),
            None => self.a_all(layer),
        }
    }

    /// Jets like those of a hidden layer.
    fn jets_of(&self, slot: Slot, layer: usize) -> Span {
        Span::all(slot, self.network.layers[layer].outputs, self.row())
    }

    fn bar_all(&self, layer: usize) -> Span {
        self.jets_of(Slot::Bar(self.at(layer)), layer)
    }

    fn bar(&self, layer: usize) -> Span {
        self.bar_all(layer).channels(0, self.forward_channels())
    }

    fn of_adjoints(&self, slot: Slot, units: usize) -> Span {
        Span::all(slot, units, self.adjoints())
    }

    fn g(&self, layer: usize) -> Span {
        self.of_adjoints(Slot::G(self.at(layer)), self.network.layers[layer].outputs)
    }

    fn h_bar(&self, layer: usize) -> Span {
        self.of_adjoints(Slot::HBar(self.at(layer)), self.network.layers[layer].outputs)
    }

    fn jets(&self) -> Span {
        Span::all(Slot::Jets(self.index), self.network.outputs(), self.network.channels.jet)
    }

    /// In forward mode the way back through the output layer begins with them.
    fn jets_bar(&self) -> Span {
        let slot = match self.network.channels.is_adjoint() {
            true => Slot::JetsBar(self.index),
            false => Slot::Bar(self.at(self.network.hidden())),
        };
        Span::all(slot, self.network.outputs(), self.network.channels.jet)
    }

    fn forward(&self) -> Vec<Op> {
        let hidden = self.network.hidden();
        let is_adjoint = self.network.channels.is_adjoint();
        // Only the value of an output is read in adjoint mode.
        let output = if is_adjoint { self.jets().channels(0, 1) } else { self.jets() };
        let to = |layer: usize| if layer == hidden { output } else { self.z(layer) };
        let first = match self.network.has_features {
            true => {
                let direction = Direction::Forward;
                Op::Linear { at: self.at(0), direction, is_biased: true, from: self.points(), to: to(0) }
            }
            false => Op::Input { at: self.at(0), points: self.points(), z: to(0) },
        };
        let mut ops = vec![first];
        for layer in 1..=hidden {
            let (z, a) = (self.z(layer - 1), self.a(layer - 1));
            ops.push(Op::Rule { at: self.at(layer - 1), z, a });
            let result = self.result_all(layer - 1);
            if let Some(skip) = self.network.hidden[layer - 1].skip {
                ops.push(Op::Copy { from: self.a_all(layer - 1), to: result });
                ops.push(Op::Add { from: self.result_all(skip), to: result });
            }
            let channels = if is_adjoint && layer == hidden { 1 } else { self.forward_channels() };
            let from = result.channels(0, channels);
            let (at, direction) = (self.at(layer), Direction::Forward);
            ops.push(Op::Linear { at, direction, is_biased: true, from, to: to(layer) });
        }
        if is_adjoint {
            ops.extend(self.adjoint());
        }
        ops
    }

    /// One adjoint for each output, back through the hidden layers.
    fn adjoint(&self) -> Vec<Op> {
        let (hidden, jets) = (self.network.hidden(), self.jets());
        let inputs = self.of_adjoints(Slot::InputG(self.index), self.network.layers[0].inputs);
        let mut ops = vec![Op::AdjointStart { at: self.at(hidden), g: self.g(hidden - 1), jets }];
        for layer in (0..hidden).rev() {
            let at = self.at(layer);
            let h = self.of_adjoints(Slot::H(at), self.network.layers[layer].outputs);
            let (z, a, g) = (self.z(layer), self.a(layer), self.g(layer));
            ops.push(Op::Adjoint { at, z, a, g, h, jets });
            let to = if layer == 0 { inputs } else { self.g(layer - 1) };
            ops.push(Op::Linear { at, direction: Direction::Backward, is_biased: false, from: h, to });
        }
        ops.push(Op::AdjointEnd { network: self.index, g: inputs, jets });
        ops
    }

    fn backward(&self) -> Vec<Op> {
        let is_adjoint = self.network.channels.is_adjoint();
        let mut ops = if is_adjoint { self.adjoint_bars() } else { vec![] };
        for layer in (1..=self.network.hidden()).rev() {
            let (at, before) = (self.at(layer), self.at(layer - 1));
            let gradient = LayerGradient { at, bar: self.bar_all(layer), input: self.result_all(layer - 1) };
            ops.push(Op::WeightGradient { layers: vec![gradient] });
            let (from, to) = (self.bar(layer), self.bar(layer - 1));
            ops.push(Op::Linear { at, direction: Direction::Backward, is_biased: false, from, to });
            ops.extend(self.skips_back(layer - 1));
            let (z, a, bar) = (self.z(layer - 1), self.a(layer - 1), self.bar_all(layer - 1));
            ops.push(match is_adjoint {
                true => {
                    let (g, h_bar, jets_bar) = (Some(self.g(layer - 1)), self.h_bar(layer - 1), self.jets_bar());
                    Op::AdjointRuleBackward { at: before, z, a, g, h_bar, jets_bar, bar }
                }
                false => Op::RuleBackward { at: before, z, a, bar },
            });
        }
        let (at, bar) = (self.at(0), self.bar_all(0));
        ops.push(match self.network.has_features {
            true => Op::WeightGradient { layers: vec![LayerGradient { at, bar, input: self.points() }] },
            false => {
                let firsts_bar = is_adjoint.then(|| self.firsts_bar());
                Op::InputGradient { at, points: self.points(), firsts_bar, bar }
            }
        });
        ops
    }

    /// A layer's cotangents are also those of the sums that it is part of; and where it has a skip, they are kept for the
    /// layer that this begins at.
    fn skips_back(&self, layer: usize) -> Vec<Op> {
        let (hidden, bar) = (&self.network.hidden, self.bar_all(layer));
        let kept = |layer: usize| self.jets_of(Slot::SumBar(self.at(layer)), layer);
        let ends = (0..hidden.len()).filter(|end| hidden[*end].skip == Some(layer));
        let added = ends.map(|end| Op::Add { from: kept(end), to: bar });
        added.chain(hidden[layer].skip.map(|_| Op::Copy { from: bar, to: kept(layer) })).collect()
    }

    /// The adjoints' cotangents, forward through the hidden layers.
    fn adjoint_bars(&self) -> Vec<Op> {
        let hidden = self.network.hidden();
        let (jets_bar, firsts_bar) = (self.jets_bar(), self.firsts_bar());
        let (points, bar) = (self.points(), self.bar_all(hidden));
        let mut ops = vec![Op::AdjointSeeds { at: self.at(hidden), jets_bar, points, firsts_bar, bar }];
        let g_bar = |layer: usize| self.a_all(layer).channels(self.forward_channels(), self.adjoints());
        for layer in 0..hidden {
            let at = self.at(layer);
            let from = if layer == 0 { firsts_bar } else { g_bar(layer - 1) };
            let (g, h_bar) = (Some(self.g(layer)), self.h_bar(layer));
            ops.push(Op::Linear { at, direction: Direction::Forward, is_biased: false, from, to: h_bar });
            let (z, a) = (self.z(layer), self.a_all(layer));
            ops.push(Op::AdjointBar { at, z, a, g, h_bar, jets_bar });
        }
        ops
    }
}
