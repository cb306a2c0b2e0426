//! How much memory a chunk of points needs, and how many points it may have.

use super::channels::Channels;
use super::device::Device;
use super::tiles::{Path, Tiles};
use crate::error::Result;
use crate::network::{Layer, NetworkSpec};

/// Working memory that one workspace may take: enough points to fill a large GPU (40,000 of a
/// 64-wide network with four hidden layers and five channels), little enough for a small one.
pub const BUDGET: u64 = 512 << 20;
/// Partial sums of the weight gradient: more splits keep more of the device busy, and cost a write
/// and a read of the whole parameter block each.
const PARTIAL_BUDGET: u64 = 32 << 20;
const MAX_SPLITS: usize = 128;
/// Columns that a split sums at least, so that its sums outweigh the writing of its partials.
const SPLIT_COLUMNS: usize = 512;
/// Columns that one workgroup of `linear.wgsl` computes.
const TILE_COLUMNS: u64 = 128;

/// What bounds a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of the largest buffer that a kernel can bind.
    pub binding: u64,
    /// Workgroups in one dimension of a dispatch.
    pub workgroups: u64,
    /// The caller's bound on the points of a chunk.
    pub points: usize,
}

/// How much a chunk needs: what its buffers' sizes follow from.
#[derive(Clone, Debug)]
pub struct Demand {
    inputs: usize,
    /// The widths of the hidden layers and the output.
    widths: Vec<usize>,
    channels: Channels,
    /// Channels of the first layer's z-jets that are kept: the value alone, but for features.
    first_channels: usize,
    /// Points of the network for each point of the batch.
    places: usize,
    parameters: usize,
    /// Rows of a batch: inputs or features' jets, targets and weights.
    columns: usize,
    /// Whether a backward pass follows, for which every layer's jets are kept.
    tape: bool,
    tiles: Tiles,
}

/// Numbers a point of every buffer that grows with the points: those of [`super::workspace::Workspace`].
#[derive(Default)]
pub struct Sizes {
    pub batch: usize,
    pub jets: usize,
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
        let ends = [Some(self.batch), Some(self.jets), self.jets_bar, self.x];
        layers.copied().chain(ends.into_iter().flatten())
    }
}

impl Demand {
    pub fn new(
        spec: &NetworkSpec,
        has_features: bool,
        channels: Channels,
        places: usize,
        columns: usize,
        tape: bool,
        tiles: Tiles,
    ) -> Self {
        let widths = spec.layers().iter().map(|layer: &Layer| layer.outputs).collect();
        let first_channels = if has_features { channels.forward.channels() } else { 1 };
        let (inputs, parameters) = (spec.inputs, spec.parameters());
        Self { inputs, widths, channels, first_channels, places, parameters, columns, tape, tiles }
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

    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.widths.len()
    }

    fn widest(&self) -> usize {
        self.widths.iter().copied().max().unwrap_or(1)
    }

    pub fn sizes(&self) -> Sizes {
        let (output, hidden) = self.widths.split_last().expect("a network has a layer");
        let (forward, adjoints, row) = (self.channels.forward.channels(), self.channels.adjoints, self.row());
        let rows = |widths: &[usize], channels: usize| widths.iter().map(|width| width * channels).collect::<Vec<_>>();
        let mut sizes =
            Sizes { batch: self.columns, jets: output * self.channels.jet * self.places, ..Sizes::default() };
        let widest = self.widest() * self.places;
        // Without hidden layers the output layer is the first.
        let kept = if hidden.is_empty() { &self.widths } else { hidden };
        let mut z = rows(kept, forward * self.places);
        z[0] = kept[0] * self.first_channels * self.places;
        let a = rows(hidden, row * self.places);
        if matches!(self.tiles.path, Path::Narrow(_)) {
            // Cotangents of the outputs and of all layers; z and a of all layers, each in one buffer.
            let all = a.iter().sum();
            let narrow = [sizes.jets, all, z.iter().sum(), all].map(|n: usize| if self.tape { n } else { 0 });
            (sizes.bars, sizes.z, sizes.a) = (narrow[..2].to_vec(), vec![narrow[2]], vec![narrow[3]]);
        } else if self.tape {
            (sizes.z, sizes.a, sizes.bars) = (z, a, vec![widest * row; 2]);
            if self.channels.are_mixed() {
                // The last hidden layer's g are rows of the output's W.
                sizes.g = rows(&hidden[..hidden.len() - 1], adjoints * self.places);
                sizes.h_bar = rows(hidden, adjoints * self.places);
                sizes.jets_bar = Some(sizes.jets);
                sizes.x = Some(self.inputs * row * self.places);
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
        let by_budget = BUDGET / (4 * sizes.all().sum::<usize>() as u64);
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

    /// How many partial sums the weight gradient of `points` points is split into: it depends on
    /// the job alone, so that the bits do.
    pub fn splits(&self, points: usize) -> usize {
        let by_budget = (PARTIAL_BUDGET / (4 * self.parameters as u64)).max(1) as usize;
        (points * self.places * self.channels.count()).div_ceil(SPLIT_COLUMNS).min(MAX_SPLITS).min(by_budget)
    }
}
