//! A pass as a device does it: with kernels that do several operations, tiles, and as many points at once as fit.

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
#[derive(Clone, Debug)]
pub struct Extents {
    /// Points of the network for each point of the batch: place k lies behind k·B.
    pub places: usize,
    /// N, the rows of a batch, for each network: inputs or features' jets. Behind the first one's stand the residuals'
    /// columns and the weights.
    pub columns: Vec<usize>,
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
    /// How the layers of each network are computed.
    pub tiles: Vec<Tiles>,
    /// Whether products of wide layers are in f16.
    in_f16: bool,
}

impl Lowered {
    /// Of networks, each with the tiles that it is computed by, with a way back where it `has_tape`.
    pub fn new(
        spec: &NetworkSpec,
        networks: Vec<(Network, Tiles)>,
        has_tape: bool,
        extents: Extents,
        in_f16: bool,
    ) -> Self {
        let (networks, tiles): (Vec<Network>, Vec<Tiles>) = networks.into_iter().unzip();
        let mut pass = Pass { networks, has_tape, forward: vec![], backward: vec![] };
        for network in pass.read().collect::<Vec<_>>() {
            let mut alone = pass.networks.clone();
            alone.iter_mut().enumerate().for_each(|(other, of)| of.is_read = other == network);
            let own = fused(Pass::new(alone, has_tape), network, tiles[network], in_f16);
            pass.forward.extend(own.forward);
            pass.backward.extend(own.backward);
        }
        let buffers = Buffers::new(&pass, false);
        Self { pass, buffers, spec: spec.clone(), extents, tiles, in_f16 }
    }

    /// What travels through the layers of a network.
    pub fn channels(&self, network: usize) -> &Channels {
        &self.pass.networks[network].channels
    }

    /// The most channels of a network.
    fn most_channels(&self) -> usize {
        self.pass.read().map(|network| self.channels(network).count()).max().unwrap_or(1)
    }

    /// Multiply-adds of all networks that are read, at one point.
    pub fn multiply_adds(&self) -> usize {
        let of = |network: usize| {
            let layers = self.pass.networks[network].layers.iter();
            self.channels(network).count() * layers.map(|layer| layer.inputs * layer.outputs).sum::<usize>()
        };
        self.pass.read().map(of).sum()
    }

    /// The first layer of a network whose weight gradient is a product like all others'.
    pub fn first_gradient(&self, network: usize) -> usize {
        first_gradient(&self.pass.networks[network])
    }

    /// The number of a network's first layer among the layers of all.
    pub fn first_layer(&self, network: usize) -> usize {
        self.pass.networks[..network].iter().map(|network| network.layers.len()).sum()
    }

    /// Numbers a point of every buffer that grows with the points: the pass's, the batch, the terms' squares.
    fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        let Extents { places, columns, terms } = &self.extents;
        let jets = self.buffers.numbers().iter().map(move |numbers| numbers * places);
        jets.chain(columns.iter().copied()).chain([*terms])
    }

    /// The most points that a chunk can have, a multiple of 4.
    pub fn capacity(&self, device: &Device, bounds: &Bounds) -> Result<usize> {
        let places = self.extents.places;
        let largest = self.numbers().max().unwrap_or(1) as u64;
        let by_binding = bounds.binding / (4 * largest);
        let by_budget = bounds.budget / (4 * self.numbers().sum::<usize>() as u64);
        let columns = (self.most_channels() * places) as u64;
        let by_dispatch = (bounds.workgroups * TILE_COLUMNS / columns).min(bounds.workgroups * 4 / places as u64);
        let most = by_binding.min(by_budget).min(by_dispatch).min(bounds.points.max(4) as u64) / 4 * 4;
        if most < 4 {
            let channels = self.pass.read().map(|network| self.channels(network).jet).max().unwrap_or(1);
            return Err(device.error(format!(
                "four points with {channels} channels and width {} need a buffer of {} bytes, but the device binds at most {}",
                self.spec.widest(),
                16 * largest,
                bounds.binding
            )));
        }
        Ok(most as usize)
    }

    /// How the gradient's sums over `points` points are split: layer after layer of all networks, then the coefficients.
    pub fn parts(&self, points: usize) -> Vec<GradientPart> {
        let count = (points.next_multiple_of(4) * self.extents.places) as u32;
        let split = |(index, network): (usize, &Network)| SplitPoints {
            layers: network.layers.clone(),
            tiles: self.tiles[index],
            is_read: network.is_read,
            column_quads: count / 4 * network.channels.count() as u32,
            of_tile: (first_gradient(network) == 1).then(|| Groups::of(&network.channels.forward).points),
            in_f16: self.in_f16,
        };
        let networks: Vec<SplitPoints> = self.pass.networks.iter().enumerate().map(split).collect();
        parts(&networks, self.spec.weights()..self.spec.parameters(), count)
    }
}

/// A network's part of a pass with fused operations.
fn fused(mut pass: Pass, network: usize, tiles: Tiles, in_f16: bool) -> Pass {
    pass.fuse_inputs();
    match tiles.fusion {
        Fusion::None if pass.networks[network].channels.is_adjoint() => pass.fuse_adjoints(),
        Fusion::None => {}
        Fusion::Layer(_) => pass.fuse_layers(),
        Fusion::Network(_) => pass.fuse_networks(),
    }
    let of = &pass.networks[network];
    // The layers whose weight gradients share a dispatch.
    let groups = gradient_groups(&of.layers, tiles, first_gradient(of), in_f16);
    pass.group_gradients(&groups);
    pass
}

fn first_gradient(network: &Network) -> usize {
    usize::from(!network.has_features && !network.channels.is_adjoint())
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
        let extents = Extents { places: 1, columns: vec![2], terms: 40 };
        let network = Network::new(&spec.networks[0], false, channels);
        let lowered = Lowered::new(&spec, vec![(network, tiles)], true, extents, false);
        assert_eq!(lowered.numbers().max(), Some(40));
    }
}
