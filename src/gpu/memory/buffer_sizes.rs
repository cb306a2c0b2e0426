//! How much memory a chunk of points needs, and how many points it may have.

use std::ops::Range;

use crate::error::Result;
use crate::gpu::channels::Channels;
use crate::gpu::device::Device;
use crate::gpu::memory::gradient_splits::{Part, Points, gradient_groups, parts};
use crate::gpu::shaders::Groups;
use crate::gpu::tuning::tiles::{Path, Tiles};
use crate::network::NetworkSpec;

/// Working memory that one workspace may take of a device that has memory of its own: enough points to fill a large GPU, and
/// few ends of chunks, at which a part of it is idle; docs/tuning.md.
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

/// How much a chunk needs: what its buffers' sizes follow from.
#[derive(Clone, Debug)]
pub struct Demand {
    spec: NetworkSpec,
    channels: Channels,
    /// Whether the first layer reads features' jets.
    has_features: bool,
    /// Points of the network for each point of the batch.
    places: usize,
    /// Rows of a batch: inputs or features' jets, targets and weights.
    columns: usize,
    /// T
    terms: usize,
    /// Whether a backward pass follows, for which every layer's jets are kept.
    tape: bool,
    tiles: Tiles,
    /// Whether products of wide layers are of halves.
    of_halves: bool,
}

/// Numbers a point of every buffer that grows with the points: those of [`super::workspace::Workspace`].
#[derive(Default)]
pub struct Sizes {
    pub batch: usize,
    pub jets: usize,
    pub squares: usize,
    pub z: Vec<usize>,
    pub a: Vec<usize>,
    pub bars: Vec<usize>,
    pub g: Vec<usize>,
    pub h_bar: Vec<usize>,
    pub jets_bar: Option<usize>,
    pub x: Option<usize>,
}

impl Sizes {
    fn all(&self) -> impl Iterator<Item = usize> + '_ {
        let layers = [&self.z, &self.a, &self.bars, &self.g, &self.h_bar].into_iter().flatten();
        let ends = [Some(self.batch), Some(self.jets), Some(self.squares), self.jets_bar, self.x];
        layers.copied().chain(ends.into_iter().flatten())
    }
}

impl Demand {
    pub fn new(
        spec: &NetworkSpec,
        has_features: bool,
        channels: Channels,
        places: usize,
        (columns, terms): (usize, usize),
        tape: bool,
        (tiles, of_halves): (Tiles, bool),
    ) -> Self {
        Self { spec: spec.clone(), channels, has_features, places, columns, terms, tape, tiles, of_halves }
    }

    /// How the layers are computed.
    pub fn tiles(&self) -> Tiles {
        self.tiles
    }

    /// What travels through them.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Channels of a row of a-jets: with room for adjoints where the weight gradient reads them.
    pub fn row(&self) -> usize {
        if self.tape { self.channels.count() } else { self.channels.forward.channels() }
    }

    pub fn tape(&self) -> bool {
        self.tape
    }

    /// P
    pub fn parameters(&self) -> usize {
        self.spec.parameters()
    }

    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.spec.hidden.len() + 1
    }

    fn widest(&self) -> usize {
        self.spec.hidden.iter().copied().chain([self.spec.outputs]).max().unwrap_or(1)
    }

    pub fn sizes(&self) -> Sizes {
        let (output, hidden) = (self.spec.outputs, &self.spec.hidden[..]);
        let (forward, adjoints, row) = (self.channels.forward.channels(), self.channels.adjoints, self.row());
        let rows = |widths: &[usize], channels: usize| widths.iter().map(|width| width * channels).collect::<Vec<_>>();
        let jets = output * self.channels.jet * self.places;
        let mut sizes = Sizes { batch: self.columns, jets, squares: self.terms, ..Sizes::default() };
        let widest = self.widest() * self.places;
        // Without hidden layers the output layer is the first.
        let kept = if hidden.is_empty() { &[output][..] } else { hidden };
        let mut z = rows(kept, forward * self.places);
        // Of the first layer the value alone is kept, but for features.
        z[0] = kept[0] * if self.has_features { forward } else { 1 } * self.places;
        let a = rows(hidden, row * self.places);
        if matches!(self.tiles.path, Path::Narrow(_)) {
            // z, a and the cotangents of all layers, each in one buffer.
            let all = |sizes: &[usize]| vec![if self.tape { sizes.iter().sum() } else { 0 }];
            (sizes.z, sizes.a, sizes.bars) = (all(&z), all(&a), all(&a));
            sizes.jets_bar = self.tape.then_some(sizes.jets);
        } else if self.tape {
            let are_together = self.gradient_groups().iter().any(|group| group.len() > 1);
            let of_each = || rows(&[hidden, &[output]].concat(), row * self.places);
            let mut bars = if are_together { of_each() } else { vec![widest * row; 2] };
            // h, too, is in the first.
            bars[0] = bars[0].max(widest * adjoints);
            (sizes.z, sizes.a, sizes.bars) = (z, a, bars);
            if self.channels.are_mixed() {
                // The last hidden layer's g are rows of the output's W.
                sizes.g = rows(&hidden[..hidden.len() - 1], adjoints * self.places);
                sizes.h_bar = rows(hidden, adjoints * self.places);
                sizes.jets_bar = Some(sizes.jets);
                sizes.x = Some(self.spec.inputs * row * self.places);
            }
        } else if self.channels.are_mixed() {
            // z is read on the way back; of a and the adjoints one layer's is enough.
            (sizes.z, sizes.a) = (z, vec![widest * forward]);
            (sizes.bars, sizes.g) = (vec![widest * adjoints], vec![widest * adjoints]);
        } else {
            (sizes.z, sizes.a) = (vec![widest * forward], vec![widest * forward]);
        }
        sizes
    }

    /// The most points that a chunk can have, a multiple of 4.
    pub fn capacity(&self, device: &Device, bounds: &Bounds) -> Result<usize> {
        let sizes = self.sizes();
        let largest = sizes.all().max().unwrap_or(1) as u64;
        let by_binding = bounds.binding / (4 * largest);
        let by_budget = bounds.budget / (4 * sizes.all().sum::<usize>() as u64);
        let columns = (self.channels.count() * self.places) as u64;
        let by_dispatch = (bounds.workgroups * TILE_COLUMNS / columns).min(bounds.workgroups * 4 / self.places as u64);
        let most = by_binding.min(by_budget).min(by_dispatch).min(bounds.points.max(4) as u64) / 4 * 4;
        if most < 4 {
            return Err(device.error(format!(
                "four points with {} channels of a network {} wide need a buffer of {} bytes, and it can bind {}",
                self.channels.jet,
                self.widest(),
                16 * largest,
                bounds.binding
            )));
        }
        Ok(most as usize)
    }

    /// The first layer whose gradient is `weight_gradient.wgsl`'s: the second, but with features and in mixed mode, where the first
    /// is as any other.
    pub fn first_gradient(&self) -> usize {
        usize::from(!self.has_features && !self.channels.are_mixed())
    }

    /// The layers whose weight gradients share a dispatch.
    pub fn gradient_groups(&self) -> Vec<Range<usize>> {
        gradient_groups(&self.spec.layers(), self.tiles, self.first_gradient(), self.of_halves)
    }

    /// How the gradient's sums over `points` points are split.
    pub fn parts(&self, points: usize) -> Vec<Part> {
        let count = (points.next_multiple_of(4) * self.places) as u32;
        let column_quads = count / 4 * self.channels.count() as u32;
        let of_tile = (self.first_gradient() == 1).then(|| Groups::of(&self.channels.forward).points);
        parts(&self.spec, self.tiles, &Points { count, column_quads, of_tile, of_halves: self.of_halves })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::tuning::tiles::Path;
    use crate::jet::{Activation, JetLayout};

    #[test]
    fn many_terms_bound_a_chunk_too() {
        let spec =
            NetworkSpec { inputs: 1, hidden: vec![2], outputs: 1, activation: Activation::Tanh, coefficients: 0 };
        let channels = Channels::new(&JetLayout::value(1), 1, false);
        let tiles = Tiles { path: Path::Separate, linear: 128, gradient: 128 };
        let demand = Demand::new(&spec, false, channels, 1, (2, 40), true, (tiles, false));
        assert_eq!(demand.sizes().all().max(), Some(40));
    }
}
