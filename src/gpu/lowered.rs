//! A pass as a device does it: with kernels that do several operations, tiles, and as many points at once as fit.

use std::ops::Range;

use crate::error::Result;
use crate::gpu::device::Device;
use crate::gpu::device::uniforms::GradientPart;
use crate::gpu::shaders::Groups;
use crate::gpu::tuning::gradient_splits::{SplitPoints, gradient_groups, parts};
use crate::gpu::tuning::tiles::{Fusion, Tiles};
use crate::network::NetworkSpec;
use crate::pass::{Buffers, Channels, Network, Pass};

/// Working memory that one workspace may take of a device that has memory of its own: enough points to fill a large GPU;
/// docs/tuning.md.
const BUDGET: u64 = 1 << 30;
/// The same of one that shares the host's, which others want, too.
const SHARED_BUDGET: u64 = BUDGET / 2;
/// Columns of the narrowest tile of `linear.wgsl`.
const TILE_COLUMNS: u64 = 32;

/// What bounds a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of the largest buffer that a kernel can bind.
    pub binding: u64,
    /// Workgroups in one dimension of a dispatch.
    pub workgroups: u64,
    /// The caller's bound on the points of a chunk.
    pub points: usize,
    /// Bytes of one workspace.
    pub budget: u64,
}

/// What one workspace may take of a device.
pub fn budget(of: wgpu::DeviceType) -> u64 {
    if of == wgpu::DeviceType::DiscreteGpu { BUDGET } else { SHARED_BUDGET }
}

/// How large a batch's rows and its loss are.
#[derive(Clone, Copy, Debug)]
pub struct Extents {
    /// Points of the network for each point of the batch: place k lies behind k·B.
    pub places: usize,
    /// N, the rows of a batch: inputs or features' jets, residuals' columns, weights.
    pub columns: usize,
    /// T
    pub terms: usize,
}

/// A pass on a device.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The list, with fused operations.
    pub pass: Pass,
    /// Where its jets lie; the points' are the batch's.
    pub buffers: Buffers,
    pub spec: NetworkSpec,
    pub extents: Extents,
    /// How the layers are computed.
    pub tiles: Tiles,
    /// Whether products of wide layers are in f16.
    in_f16: bool,
}

impl Lowered {
    /// Of one network, with a way back where it `has_tape`.
    pub fn new(
        spec: &NetworkSpec,
        has_features: bool,
        channels: Channels,
        has_tape: bool,
        extents: Extents,
        (tiles, in_f16): (Tiles, bool),
    ) -> Self {
        let mut pass = Pass::new(vec![Network::new(spec, has_features, channels)], has_tape);
        pass.fuse_inputs();
        match tiles.fusion {
            Fusion::None if pass.networks[0].channels.is_adjoint() => pass.fuse_adjoints(),
            Fusion::None => {}
            Fusion::Layer(_) => pass.fuse_layers(),
            Fusion::Network(_) => pass.fuse_networks(),
        }
        let mut lowered = Self { pass, buffers: Buffers::default(), spec: spec.clone(), extents, tiles, in_f16 };
        let groups = lowered.gradient_groups();
        lowered.pass.group_gradients(&groups);
        lowered.buffers = Buffers::new(&lowered.pass, false);
        lowered
    }

    /// What travels through the layers.
    pub fn channels(&self) -> &Channels {
        &self.pass.networks[0].channels
    }

    /// The first layer whose weight gradient is a product like all others'.
    pub fn first_gradient(&self) -> usize {
        usize::from(!self.pass.networks[0].has_features && !self.channels().is_adjoint())
    }

    /// The layers whose weight gradients share a dispatch.
    fn gradient_groups(&self) -> Vec<Range<usize>> {
        gradient_groups(&self.spec.layers(), self.tiles, self.first_gradient(), self.in_f16)
    }

    /// Numbers a point of every buffer that grows with the points: the pass's, the batch, the terms' squares.
    fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        let Extents { places, columns, terms } = self.extents;
        self.buffers.numbers().iter().map(move |numbers| numbers * places).chain([columns, terms])
    }

    /// The most points that a chunk can have, a multiple of 4.
    pub fn capacity(&self, device: &Device, bounds: &Bounds) -> Result<usize> {
        let places = self.extents.places;
        let largest = self.numbers().max().unwrap_or(1) as u64;
        let by_binding = bounds.binding / (4 * largest);
        let by_budget = bounds.budget / (4 * self.numbers().sum::<usize>() as u64);
        let columns = (self.channels().count() * places) as u64;
        let by_dispatch = (bounds.workgroups * TILE_COLUMNS / columns).min(bounds.workgroups * 4 / places as u64);
        let most = by_binding.min(by_budget).min(by_dispatch).min(bounds.points.max(4) as u64) / 4 * 4;
        if most < 4 {
            return Err(device.error(format!(
                "four points with {} channels and width {} need a buffer of {} bytes, but the device binds at most {}",
                self.channels().jet,
                self.spec.widest(),
                16 * largest,
                bounds.binding
            )));
        }
        Ok(most as usize)
    }

    /// How the gradient's sums over `points` points are split.
    pub fn parts(&self, points: usize) -> Vec<GradientPart> {
        let count = (points.next_multiple_of(4) * self.extents.places) as u32;
        let column_quads = count / 4 * self.channels().count() as u32;
        let of_tile = (self.first_gradient() == 1).then(|| Groups::of(&self.channels().forward).points);
        parts(&self.spec, self.tiles, &SplitPoints { count, column_quads, of_tile, in_f16: self.in_f16 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::{Activation, JetLayout, Normalizer};
    use crate::pass::Modes;

    #[test]
    fn many_terms_bound_a_chunk_too() {
        let spec = NetworkSpec::uniform(1, &[2], Activation::Tanh, 1);
        let channels = Channels::new(&JetLayout::value(1), &Normalizer::identity(1, 1), Modes::Forward);
        let tiles = Tiles { fusion: Fusion::None, linear: 128, gradient: 128 };
        let extents = Extents { places: 1, columns: 2, terms: 40 };
        let lowered = Lowered::new(&spec, false, channels, true, extents, (tiles, false));
        assert_eq!(lowered.numbers().max(), Some(40));
    }
}
