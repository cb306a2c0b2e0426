//! What the activation's rules of adjoint mode read on a tile (C, H, P) of a hidden layer, whose channels are the value,
//! the tangents and one adjoint for each output; the twin of `shaders/shared/adjoint_layer.wgsl`.
//!
//! With g = ∂u/∂a and h = ∂u/∂z = σ' g of an output u, what curves it is ∂ₛu = Σ g σ'' qₛ over all units, with
//! qₛ = Σ c dz_k dz_l. Its cotangents s̄ make the tile's second derivatives one function of the parameters, and
//! so the way back is that of a single collapsed channel with q = Σ s̄ qₛ, whose cotangents g and h are known.

use crate::cpu::channels::Channels;
use crate::cpu::lanes::LANES;
use crate::cpu::rules::activation_block::{BLOCK, Block, blocks};
use crate::cpu::rules::jet_rule::product_sum;
use crate::cpu::shape::Shape;
use crate::jet::Activation;
use crate::numbers::Real;

/// What all rules read.
#[derive(Clone, Copy)]
pub struct AdjointLayer<'a, T> {
    pub activation: Activation,
    /// H
    pub units: usize,
    /// Of the tile: P.
    pub shape: Shape,
    pub channels: &'a Channels<T>,
}

impl<T: Real> AdjointLayer<'_, T> {
    /// From channel to channel.
    #[inline(always)]
    pub fn step(&self) -> usize {
        self.shape.step(self.units)
    }

    /// Where the first adjoint's channel begins.
    #[inline(always)]
    pub fn adjoints(&self) -> usize {
        self.channels.forward() * self.step()
    }

    /// Where in the jets (C, M, P) an entry of an output that curves begins.
    #[inline(always)]
    pub fn second(&self, output: usize, second: usize) -> usize {
        let first = 1 + self.channels.firsts.len();
        (first + second) * self.shape.step(self.channels.adjoints()) + output * self.shape.points
    }

    /// Where each block of the units' points begins, how many vectors it has, and at which points these begin.
    #[inline(always)]
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize, [usize; BLOCK])> + use<T> {
        let points = self.shape.points;
        blocks(self.units * points).map(move |(at, count)| {
            let mut places = [0; BLOCK];
            for (v, place) in places.iter_mut().enumerate() {
                *place = (at + v * LANES) % points;
            }
            (at, count, places)
        })
    }

    /// q of a second-order entry at the points of a block.
    #[inline(always)]
    pub fn q(&self, second: usize, z: &[T], count: usize) -> Block<T> {
        product_sum(&self.channels.products[second], z, self.step(), count)
    }
}
