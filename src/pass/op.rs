//! The operations of a pass, and the jets that they read and write.

/// A layer of one of the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// The network.
    pub network: usize,
    /// The layer, from 0.
    pub layer: usize,
}

/// Jets that live from the operation that writes them to the last one that reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// What the first layer of a network reads of the points: x̂ (D, B), or the features' jets (F, C, B).
    Points(usize),
    /// What the first layer reads as jets (D, C', B), 1 along each tangent's input; where that is ever written down.
    Inputs(usize),
    /// The cotangents of the first derivatives, in the adjoints' place (D, M, B).
    FirstsBar(usize),
    /// Before a layer's activation (H, F, B).
    Z(At),
    /// After it (H, C', B).
    A(At),
    /// With what a skip adds (H, C', B).
    Sum(At),
    /// The cotangents of that sum, for the layer that the skip begins at (H, C', B).
    SumBar(At),
    /// The cotangents of a layer (H, C', B): of `a` before its rule went back, of `z` after it.
    Bar(At),
    /// ∂u/∂a of a layer (H, M, B).
    G(At),
    /// ∂u/∂x̂ (D, M, B).
    InputG(usize),
    /// ∂u/∂z of the layer that was last (H, M, B).
    H(At),
    /// The cotangents of ∂u/∂z of a layer (H, M, B).
    HBar(At),
    /// The output's jets (M, C, B).
    Jets(usize),
    /// Their cotangents (M, C, B).
    JetsBar(usize),
}

impl Slot {
    /// The network that it is of.
    pub fn network(self) -> usize {
        match self {
            Slot::Points(network)
            | Slot::Inputs(network)
            | Slot::FirstsBar(network)
            | Slot::InputG(network)
            | Slot::Jets(network)
            | Slot::JetsBar(network) => network,
            Slot::Z(at)
            | Slot::A(at)
            | Slot::Sum(at)
            | Slot::SumBar(at)
            | Slot::Bar(at)
            | Slot::G(at)
            | Slot::H(at)
            | Slot::HBar(at) => at.network,
        }
    }
}

/// Some channels of the jets in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The slot.
    pub slot: Slot,
    /// Units (rows) of it.
    pub units: usize,
    /// Channels from one unit to the next.
    pub row: usize,
    /// The first channel.
    pub start: usize,
    /// How many channels.
    pub count: usize,
    /// Channels of all units before these, where several layers share a slot.
    pub offset: usize,
}

impl Span {
    /// All of `row` channels.
    pub fn all(slot: Slot, units: usize, row: usize) -> Self {
        Self { slot, units, row, start: 0, count: row, offset: 0 }
    }

    /// `count` channels from `start` on.
    pub fn channels(self, start: usize, count: usize) -> Self {
        Self { start, count, ..self }
    }

    /// Numbers a point that the slot holds up to here.
    pub fn numbers(&self) -> usize {
        self.offset + self.units * self.row
    }
}

/// Which way an affine layer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// z = W a + b, the bias on the value alone.
    Forward,
    /// a_bar = Wᵀ z_bar
    Backward,
}

/// W_bar = Σ z_bar ⊗ a over points and channels, b_bar = Σ z_bar of the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerGradient {
    /// The layer.
    pub at: At,
    /// z_bar (H, C', B)
    pub bar: Span,
    /// What the layer read (D, C', B).
    pub input: Span,
}

/// One operation on a batch; B is its points. `a`, `z` and the others are named as in the [map](crate::pass).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the map says what each name stands for")]
pub enum Op {
    /// The value of an output of another network becomes a row of the points: both are scaled alike.
    Feed { from: Span, output: usize, points: Span, input: usize },
    /// The first layer from the points: z = W x̂ + b, whose tangents are columns of W and whose seconds are 0.
    Input { at: At, points: Span, z: Span },
    /// An affine layer, either way; the bias belongs to channels that begin with the value.
    Linear { at: At, direction: Direction, is_biased: bool, from: Span, to: Span },
    /// a = the jet rule of z.
    Rule { at: At, z: Span, a: Span },
    /// z_bar from a_bar, in place.
    RuleBackward { at: At, z: Span, a: Span, bar: Span },

    /// `to` is what `from` is: a layer with a skip keeps its own result, or its cotangents, beside the sum's.
    Copy { from: Span, to: Span },
    /// `to` has `from` added.
    Add { from: Span, to: Span },

    /// The adjoints' way begins: g of the last hidden layer is a row of the output's W for each output, and the jets
    /// are 0 but for their value.
    AdjointStart { at: At, g: Span, jets: Span },
    /// h = σ' g, and ∂ₛu += Σ g σ'' qₛ over the units of a hidden layer.
    Adjoint { at: At, z: Span, a: Span, g: Span, h: Span, jets: Span },
    /// The adjoints' way ends: ∂ᵢu is g of input i.
    AdjointEnd { network: usize, g: Span, jets: Span },
    /// The seeds of the way back in adjoint mode: the output's bar, and the cotangents of the first derivatives.
    AdjointSeeds { at: At, jets_bar: Span, points: Span, firsts_bar: Span, bar: Span },
    /// g_bar = σ' h_bar + σ'' q, into the adjoints' channels of `a`. With g, h_bar becomes what they add to z_bar.
    AdjointBar { at: At, z: Span, a: Span, g: Option<Span>, h_bar: Span, jets_bar: Span },
    /// z_bar from a_bar in adjoint mode, in place, and h into the adjoints' channels. Without g it is read of the output's W.
    AdjointRuleBackward { at: At, z: Span, a: Span, g: Option<Span>, h_bar: Span, jets_bar: Span, bar: Span },

    /// The weight gradients of layers, one or neighbours.
    WeightGradient { layers: Vec<LayerGradient> },
    /// That of the first layer: z_bar x̂, the same for the adjoints, and dz_k_bar where the tangent is along an input.
    InputGradient { at: At, points: Span, firsts_bar: Option<Span>, bar: Span },

    /// [`Op::Input`] and [`Op::Rule`]: of z the value alone is kept. Without an activation `a` is z.
    FusedInput { at: At, points: Span, z: Span, a: Span },
    /// [`Op::RuleBackward`] and [`Op::InputGradient`].
    FusedInputBackward { at: At, points: Span, z: Span, a: Span, bar: Span },
    /// [`Op::Linear`] and [`Op::Rule`]; z is kept for a way back alone.
    FusedLayer { at: At, from: Span, z: Option<Span>, a: Span },
    /// [`Op::Linear`] backward from layer `at`, and [`Op::RuleBackward`] of the layer before.
    FusedLayerBackward { at: At, bar: Span, z: Span, a: Span, to: Span },
    /// All layers, from the points to the output's jets; z and a of all hidden ones lie one behind the other.
    FusedNetwork { network: usize, points: Span, z: Span, a: Span, jets: Span },
    /// From the output's bar to the bars of all hidden layers, which lie like their jets.
    FusedNetworkBackward { network: usize, z: Span, a: Span, jets_bar: Span, bars: Span },
    /// [`Op::Adjoint`], for which `a` follows anew from z. At the last hidden layer, where g is none, it is read of W itself
    /// and the output's value comes along; at the first one the first derivatives come instead of h, which is left alone.
    FusedAdjoint { at: At, z: Span, g: Option<Span>, h: Span, jets: Span },
}

/// What an operation does with a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It reads it.
    Read,
    /// It writes it; what is changed in place is written.
    Write,
}

impl Op {
    /// The network that it is of.
    pub fn network(&self) -> usize {
        match self {
            Op::Feed { points, .. } => points.slot.network(),
            Op::Copy { to, .. } | Op::Add { to, .. } => to.slot.network(),
            Op::WeightGradient { layers } => layers[0].at.network,
            Op::AdjointEnd { network, .. }
            | Op::FusedNetwork { network, .. }
            | Op::FusedNetworkBackward { network, .. } => *network,
            Op::Input { at, .. }
            | Op::Linear { at, .. }
            | Op::Rule { at, .. }
            | Op::RuleBackward { at, .. }
            | Op::AdjointStart { at, .. }
            | Op::Adjoint { at, .. }
            | Op::AdjointSeeds { at, .. }
            | Op::AdjointBar { at, .. }
            | Op::AdjointRuleBackward { at, .. }
            | Op::InputGradient { at, .. }
            | Op::FusedInput { at, .. }
            | Op::FusedInputBackward { at, .. }
            | Op::FusedLayer { at, .. }
            | Op::FusedLayerBackward { at, .. }
            | Op::FusedAdjoint { at, .. } => at.network,
        }
    }

    /// What it reads and writes.
    pub fn operands(&self) -> Vec<(Use, Span)> {
        self.clone().spans().into_iter().map(|(use_of, span)| (use_of, *span)).collect()
    }

    /// The same, for a rewrite of the list.
    pub(super) fn spans(&mut self) -> Vec<(Use, &mut Span)> {
        use Use::{Read, Write};
        match self {
            Op::Feed { from, points, .. } => vec![(Read, from), (Write, points)],
            Op::Input { points, z, .. } => vec![(Read, points), (Write, z)],
            Op::Linear { from, to, .. } => vec![(Read, from), (Write, to)],
            Op::Rule { z, a, .. } => vec![(Read, z), (Write, a)],
            Op::RuleBackward { z, a, bar, .. } => vec![(Read, z), (Read, a), (Write, bar)],
            Op::Copy { from, to } | Op::Add { from, to } => vec![(Read, from), (Write, to)],
            Op::AdjointStart { g, jets, .. } => vec![(Write, g), (Write, jets)],
            Op::Adjoint { z, a, g, h, jets, .. } => {
                vec![(Read, z), (Read, a), (Read, g), (Write, h), (Write, jets)]
            }
            Op::AdjointEnd { g, jets, .. } => vec![(Read, g), (Write, jets)],
            Op::AdjointSeeds { jets_bar, points, firsts_bar, bar, .. } => {
                vec![(Read, jets_bar), (Read, points), (Write, firsts_bar), (Write, bar)]
            }
            Op::AdjointBar { z, a, g, h_bar, jets_bar, .. } => {
                let mut spans = vec![(Read, z), (Write, a), (Write, h_bar), (Read, jets_bar)];
                spans.extend(g.as_mut().map(|g| (Read, g)));
                spans
            }
            Op::AdjointRuleBackward { z, a, g, h_bar, jets_bar, bar, .. } => {
                let mut spans = vec![(Read, z), (Read, a), (Read, h_bar), (Read, jets_bar), (Write, bar)];
                spans.extend(g.as_mut().map(|g| (Read, g)));
                spans
            }
            Op::WeightGradient { layers } => {
                layers.iter_mut().flat_map(|layer| [(Read, &mut layer.bar), (Read, &mut layer.input)]).collect()
            }
            Op::InputGradient { points, firsts_bar, bar, .. } => {
                let mut spans = vec![(Read, points), (Read, bar)];
                spans.extend(firsts_bar.as_mut().map(|firsts_bar| (Read, firsts_bar)));
                spans
            }
            Op::FusedInput { points, z, a, .. } => vec![(Read, points), (Write, z), (Write, a)],
            Op::FusedInputBackward { points, z, a, bar, .. } => {
                vec![(Read, points), (Read, z), (Read, a), (Read, bar)]
            }
            Op::FusedLayer { from, z, a, .. } => {
                let mut spans = vec![(Read, from), (Write, a)];
                spans.extend(z.as_mut().map(|z| (Write, z)));
                spans
            }
            Op::FusedLayerBackward { bar, z, a, to, .. } => vec![(Read, bar), (Read, z), (Read, a), (Write, to)],
            Op::FusedNetwork { points, z, a, jets, .. } => {
                vec![(Read, points), (Write, z), (Write, a), (Write, jets)]
            }
            Op::FusedNetworkBackward { z, a, jets_bar, bars, .. } => {
                vec![(Read, z), (Read, a), (Read, jets_bar), (Write, bars)]
            }
            Op::FusedAdjoint { z, g, h, jets, .. } => {
                let mut spans = vec![(Read, z), (Write, h), (Write, jets)];
                spans.extend(g.as_mut().map(|g| (Read, g)));
                spans
            }
        }
    }
}
