//! The working memory of one chunk of points, and how many points a chunk may have.

use super::device::Device;
use super::shader::THREADS;
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
    /// The widths of the hidden layers and the output.
    widths: Vec<usize>,
    channels: usize,
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

/// The buffers of a chunk; B is its capacity, in memory always whole quads of points. Where the network
/// is read at several places, all buffers but the batch hold so many times B.
pub struct Workspace {
    pub demand: Demand,
    /// B
    pub capacity: usize,
    /// (N, B): inputs, targets, weights.
    pub batch: wgpu::Buffer,
    /// z-jets: (H, B) of the first layer, unless it reads features, then (H, C, B) of each hidden layer; without a tape one
    /// buffer for all.
    pub z: Vec<wgpu::Buffer>,
    /// a-jets (H, C, B) of each hidden layer; without a tape one buffer for all.
    pub a: Vec<wgpu::Buffer>,
    /// The output's jets (M, C, B).
    pub jets: wgpu::Buffer,
    /// Two buffers of cotangents (H, C, B) that the layers use in turn, with a tape.
    pub bars: Vec<wgpu::Buffer>,
    /// (splits, P) with a tape.
    pub partials: Option<wgpu::Buffer>,
    /// Partial sums of the losses (T, workgroups).
    pub loss_partials: wgpu::Buffer,
    bytes: u64,
}

impl Demand {
    pub fn new(
        spec: &NetworkSpec,
        has_features: bool,
        channels: usize,
        places: usize,
        columns: usize,
        tape: bool,
        tiles: Tiles,
    ) -> Self {
        let widths = spec.layers().iter().map(|layer: &Layer| layer.outputs).collect();
        let first_channels = if has_features { channels } else { 1 };
        Self { widths, channels, first_channels, places, parameters: spec.parameters(), columns, tape, tiles }
    }

    /// How the layers are computed.
    pub fn tiles(&self) -> Tiles {
        self.tiles
    }

    pub fn tape(&self) -> bool {
        self.tape
    }

    /// Whether all layers of a kind lie in one buffer.
    fn is_narrow(&self) -> bool {
        matches!(self.tiles.path, Path::Narrow(_))
    }

    fn widest(&self) -> usize {
        self.widths.iter().copied().max().unwrap_or(1)
    }

    /// Numbers a point of each buffer that grows with the points: batch, jets, bars, then z and a.
    fn numbers(&self) -> Vec<usize> {
        let (hidden, outputs) = self.widths.split_at(self.widths.len() - 1);
        let channels = self.channels;
        let mut numbers = vec![self.columns, outputs[0] * channels];
        if self.is_narrow() {
            // Cotangents of the outputs and of all layers; z and a of all layers.
            let all = hidden.iter().sum::<usize>() * channels;
            let z = all - hidden[0] * (channels - 1);
            numbers.extend([outputs[0] * channels, all, z, all].map(|n| if self.tape { n } else { 0 }));
        } else if self.tape {
            numbers.extend([self.widest() * channels; 2]);
            // Without hidden layers the output layer is the first.
            numbers.extend(
                hidden
                    .iter()
                    .chain(&outputs[..usize::from(hidden.is_empty())])
                    .enumerate()
                    .map(|(layer, width)| width * if layer == 0 { self.first_channels } else { channels }),
            );
            numbers.extend(hidden.iter().map(|width| width * channels));
        } else {
            numbers.extend([self.widest() * channels; 2]);
        }
        numbers[1..].iter_mut().for_each(|numbers| *numbers *= self.places);
        numbers
    }

    /// The most points that a chunk can have, a multiple of 4.
    pub fn capacity(&self, device: &Device, bounds: &Bounds) -> Result<usize> {
        let numbers = self.numbers();
        let largest = numbers.iter().copied().max().unwrap_or(1) as u64;
        let by_binding = bounds.binding / (4 * largest);
        let by_budget = BUDGET / (4 * numbers.iter().sum::<usize>() as u64);
        let columns = (self.channels * self.places) as u64;
        let by_dispatch = (bounds.workgroups * TILE_COLUMNS / columns).min(bounds.workgroups * 4 / self.places as u64);
        let most = by_binding.min(by_budget).min(by_dispatch).min(bounds.points.max(4) as u64) / 4 * 4;
        if most < 4 {
            return Err(device.error(format!(
                "four points with {} channels of a network {} wide need a buffer of {} bytes, and it can bind {}",
                self.channels,
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
        (points * self.places * self.channels).div_ceil(SPLIT_COLUMNS).min(MAX_SPLITS).min(by_budget)
    }

    pub fn parameters(&self) -> usize {
        self.parameters
    }
}

impl Workspace {
    /// Allocates for `capacity` points (a multiple of 4) and `terms` terms.
    pub fn new(device: &Device, demand: Demand, capacity: usize, terms: usize) -> Self {
        let mut bytes = 0;
        let mut storage = |label: &str, numbers: usize| {
            bytes += 4 * numbers as u64;
            device.storage(label, 4 * numbers as u64)
        };
        let mut numbers = demand.numbers().into_iter().map(|n| n * capacity);
        let mut next = |label: &str, storage: &mut dyn FnMut(&str, usize) -> wgpu::Buffer| {
            storage(label, numbers.next().expect("one size a buffer"))
        };
        let hidden = demand.widths.len() - 1;
        let batch = next("batch", &mut storage);
        let jets = next("jets", &mut storage);
        let (mut bars, mut z, mut a) = (vec![], vec![], vec![]);
        if demand.is_narrow() {
            bars.extend((0..2).map(|_| next("bars", &mut storage)));
            z.push(next("z", &mut storage));
            a.push(next("a", &mut storage));
        } else if demand.tape {
            bars.extend((0..2).map(|_| next("bars", &mut storage)));
            z.extend((0..hidden.max(1)).map(|_| next("z", &mut storage)));
            a.extend((0..hidden).map(|_| next("a", &mut storage)));
        } else {
            z.push(next("z", &mut storage));
            a.push(next("a", &mut storage));
        }
        let partials = demand.tape.then(|| storage("partials", demand.splits(capacity) * demand.parameters));
        let loss_partials = storage("loss partials", terms * capacity.div_ceil(THREADS as usize));
        Self { demand, capacity, batch, z, a, jets, bars, partials, loss_partials, bytes }
    }

    /// The z-jets of a hidden layer, or of the first layer where there is none.
    pub fn z(&self, layer: usize) -> &wgpu::Buffer {
        &self.z[layer.min(self.z.len() - 1)]
    }

    /// The jets that a layer reads; features' are the first rows of the batch.
    pub fn input_of(&self, layer: usize) -> &wgpu::Buffer {
        if layer == 0 { &self.batch } else { self.output_of(layer - 1) }
    }

    /// The jets that a layer leaves: those of a hidden layer, or the output's. Without a tape a kernel that
    /// keeps z to itself goes to and fro between the two buffers.
    pub fn output_of(&self, layer: usize) -> &wgpu::Buffer {
        let to_and_fro = !self.demand.tape && matches!(self.demand.tiles.path, Path::Layer(_));
        if layer + 1 == self.demand.widths.len() {
            &self.jets
        } else if to_and_fro && layer % 2 == 1 {
            &self.z[0]
        } else {
            &self.a[layer.min(self.a.len() - 1)]
        }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// `count` points in chunks of equal size (but for the last), none above `capacity`: start and
/// length of each.
pub fn chunks(count: usize, capacity: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = count.div_ceil(capacity).max(1);
    let size = count.div_ceil(parts).next_multiple_of(4).clamp(4, capacity);
    (0..count).step_by(size).map(move |start| (start, size.min(count - start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_everything_in_at_most_two_sizes() {
        for (count, capacity) in [(1, 4), (7, 4), (1000, 64), (33, 32), (5, 1000), (64, 64)] {
            let parts: Vec<_> = chunks(count, capacity).collect();
            assert_eq!(parts.iter().map(|(_, n)| n).sum::<usize>(), count);
            assert!(parts.iter().all(|(start, n)| *n <= capacity && *n > 0 && start % 4 == 0));
            assert!(parts[..parts.len() - 1].iter().all(|(_, n)| *n == parts[0].1));
        }
    }
}
