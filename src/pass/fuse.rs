//! Rewrites of the list: several operations that one kernel does, and layers whose gradients go together.
//!
//! None changes what is computed, and each is right for any list, so that an executor takes those that it has kernels for.

use std::ops::Range;

use super::build::Pass;
use super::op::{At, Direction, LayerGradient, Op, Slot, Span, Use};

impl Pass {
    /// The first layer with its activation, both ways: its tangents are columns of W, so that of z the value alone is kept.
    pub fn fuse_inputs(&mut self) {
        rewrite(&mut self.forward, |ops| match *ops {
            [Op::Input { at, points, z }, Op::Rule { at: of, a, .. }, ..] if at == of => {
                Some((2, vec![Op::FusedInput { at, points, z, a }]))
            }
            // No hidden layer: z is the output.
            [Op::Input { at, points, z: a }, ..] => {
                let z = Span::all(Slot::Z(at), a.units, 1);
                Some((1, vec![Op::FusedInput { at, points, z, a }]))
            }
            _ => None,
        });
        let has_hidden: Vec<bool> = self.networks.iter().map(|network| network.hidden() > 0).collect();
        rewrite(&mut self.backward, |ops| match *ops {
            [Op::RuleBackward { z, a, .. }, Op::InputGradient { at, points, firsts_bar: None, bar }, ..] => {
                Some((2, vec![Op::FusedInputBackward { at, points, z, a, bar }]))
            }
            [Op::InputGradient { at, points, firsts_bar: None, bar }, ..] if !has_hidden[at.network] => {
                let z = Span::all(Slot::Z(at), bar.units, 1);
                let a = Span::all(Slot::Jets(at.network), bar.units, bar.row);
                Some((1, vec![Op::FusedInputBackward { at, points, z, a, bar }]))
            }
            _ => None,
        });
        let is_first = |at: At, of: &Pass| at.layer == 0 && !of.networks[at.network].has_features;
        let firsts: Vec<Slot> =
            self.slots().filter(|slot| matches!(slot, Slot::Z(at) if is_first(*at, self))).collect();
        self.map_spans(|span| match firsts.contains(&span.slot) {
            true => Span::all(span.slot, span.units, 1),
            false => span,
        });
    }

    /// Adjoint mode with kernels that read the ends of the adjoints' way where they lie: g of the last hidden layer of the
    /// output's W, the first derivatives' sums at the first one, and what the first layer reads as jets like all others.
    pub fn fuse_adjoints(&mut self) {
        let has_tape = self.has_tape;
        let last: Vec<usize> = self.networks.iter().map(|network| network.hidden()).collect();
        let is_output = |at: At| at.layer == last[at.network];
        let is_last_hidden = |at: At| at.layer + 1 == last[at.network];
        rewrite(&mut self.forward, |ops| match *ops {
            // The last activation is part of the gradient alone.
            [Op::Rule { at, .. }, ..] if is_last_hidden(at) && !has_tape => Some((1, vec![])),
            [Op::Linear { at, direction: Direction::Forward, .. }, ..] if is_output(at) => Some((1, vec![])),
            [Op::AdjointStart { .. }, ..] | [Op::AdjointEnd { .. }, ..] => Some((1, vec![])),
            [Op::Linear { at, direction: Direction::Backward, .. }, ..] if at.layer == 0 => Some((1, vec![])),
            [Op::Adjoint { at, z, g, h, jets, .. }, ..] => {
                let g = (!is_last_hidden(at)).then_some(g);
                Some((1, vec![Op::FusedAdjoint { at, z, g, h, jets }]))
            }
            _ => None,
        });
        rewrite(&mut self.backward, |ops| match *ops {
            [Op::AdjointBar { at, z, a, g: Some(_), h_bar, jets_bar }, ..] => {
                Some((1, vec![Op::AdjointBar { at, z, a, g: None, h_bar, jets_bar }]))
            }
            // The rule before the output brings what comes from there.
            [Op::Linear { at, direction: Direction::Backward, .. }, ..] if is_output(at) => Some((1, vec![])),
            [Op::AdjointRuleBackward { at, z, a, g: Some(_), h_bar, jets_bar, bar }, ..] if is_last_hidden(at) => {
                Some((1, vec![Op::AdjointRuleBackward { at, z, a, g: None, h_bar, jets_bar, bar }]))
            }
            [Op::InputGradient { at, firsts_bar: Some(firsts_bar), bar, .. }, ..] => {
                let input = Span::all(Slot::Inputs(at.network), firsts_bar.units, bar.row);
                Some((1, vec![Op::WeightGradient { layers: vec![LayerGradient { at, bar, input }] }]))
            }
            _ => None,
        });
        let rows: Vec<usize> = self.networks.iter().map(|network| network.channels.count()).collect();
        self.map_spans(|span| match span.slot {
            Slot::FirstsBar(network) => {
                let row = rows[network];
                Span { slot: Slot::Inputs(network), row, start: row - span.count, ..span }
            }
            _ => span,
        });
    }

    /// Affine layers with their activations, both ways.
    pub fn fuse_layers(&mut self) {
        let has_tape = self.has_tape;
        rewrite(&mut self.forward, |ops| match *ops {
            [Op::Linear { at, direction: Direction::Forward, from, .. }, Op::Rule { at: of, z, a }, ..] if at == of => {
                Some((2, vec![Op::FusedLayer { at, from, z: has_tape.then_some(z), a }]))
            }
            _ => None,
        });
        rewrite(&mut self.backward, |ops| match *ops {
            [
                Op::Linear { at, direction: Direction::Backward, from, to, .. },
                Op::RuleBackward { z, a, bar, .. },
                ..,
            ] if to.slot == bar.slot => Some((2, vec![Op::FusedLayerBackward { at, bar: from, z, a, to }])),
            _ => None,
        });
    }

    /// Whole networks, after [`Pass::fuse_inputs`]: the jets of all hidden layers lie one behind the other.
    pub fn fuse_networks(&mut self) {
        let (mut forward, mut backward) = (vec![], vec![]);
        for (index, network) in self.networks.iter().enumerate().filter(|(_, network)| network.is_read) {
            let is_feed = |op: &&Op| matches!(op, Op::Feed { .. }) && op.network() == index;
            forward.extend(self.forward.iter().filter(is_feed).cloned());
            let at = |layer: usize| At { network: index, layer };
            let channels = network.channels.forward.channels();
            let widths: Vec<usize> = network.layers[..network.hidden()].iter().map(|layer| layer.outputs).collect();
            let before = |layer: usize| channels * widths[..layer].iter().sum::<usize>();
            // Of the first layer the value alone is kept.
            let all_z = widths[0] + channels * widths[1..].iter().sum::<usize>();
            let together = |slot: fn(At) -> Slot, numbers: usize| {
                Span::all(slot(at(0)), if self.has_tape { numbers } else { 0 }, 1)
            };
            let (z, a) = (together(Slot::Z, all_z), together(Slot::A, before(network.hidden())));
            let points = Span::all(Slot::Points(index), network.layers[0].inputs, 1);
            forward.push(Op::FusedNetwork { network: index, points, z, a, jets: self.jets(index) });
            if !self.has_tape {
                continue;
            }
            let (bars, jets_bar) = (together(Slot::Bar, before(network.hidden())), self.jets_bar(index));
            backward.push(Op::FusedNetworkBackward { network: index, z, a, jets_bar, bars });
            let of = |slot: fn(At) -> Slot, layer: usize| Span {
                offset: before(layer),
                ..Span::all(slot(at(0)), widths[layer], channels)
            };
            let gradient = |layer: usize| LayerGradient {
                at: at(layer),
                bar: if layer == network.hidden() { jets_bar } else { of(Slot::Bar, layer) },
                input: of(Slot::A, layer - 1),
            };
            backward.push(Op::WeightGradient { layers: (1..=network.hidden()).map(gradient).collect() });
            backward.push(Op::FusedInputBackward { at: at(0), points, z, a: of(Slot::A, 0), bar: of(Slot::Bar, 0) });
        }
        (self.forward, self.backward) = (forward, backward);
    }

    /// Weight gradients of neighbouring layers as one operation, where the way back comes to the first of them: all that they
    /// read is there then.
    pub fn group_gradients(&mut self, groups: &[Range<usize>]) {
        for group in groups.iter().filter(|group| group.len() > 1) {
            let mut together: Vec<LayerGradient> = vec![];
            for op in &self.backward {
                if let Op::WeightGradient { layers } = op {
                    together.extend(layers.iter().filter(|layer| group.contains(&layer.at.layer)).copied());
                }
            }
            together.sort_by_key(|layer| layer.at);
            self.backward.retain_mut(|op| match op {
                Op::WeightGradient { layers } if layers[0].at.layer == group.start => {
                    layers.clone_from(&together);
                    true
                }
                Op::WeightGradient { layers } => !group.contains(&layers[0].at.layer),
                _ => true,
            });
        }
    }

    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.ops().flat_map(Op::operands).map(|(_, span)| span.slot)
    }

    fn map_spans(&mut self, map: impl Fn(Span) -> Span) {
        let spans = self.forward.iter_mut().chain(&mut self.backward).flat_map(|op: &mut Op| op.spans());
        spans.for_each(|(_, span): (Use, &mut Span)| *span = map(*span));
    }
}

/// Replaces operations from the front: `fused` sees what is left, and gives how many it replaces by which.
fn rewrite(ops: &mut Vec<Op>, fused: impl Fn(&[Op]) -> Option<(usize, Vec<Op>)>) {
    let mut rewritten = vec![];
    let mut rest = &ops[..];
    while let Some(first) = rest.first() {
        let (count, with) = fused(rest).unwrap_or_else(|| (1, vec![first.clone()]));
        rewritten.extend(with);
        rest = &rest[count..];
    }
    *ops = rewritten;
}
