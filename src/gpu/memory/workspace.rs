//! The working memory of one chunk of points.

use crate::gpu::device::Device;
use crate::gpu::memory::buffer_sizes::Demand;
use crate::gpu::memory::gradient_splits::Part;
use crate::gpu::tuning::tiles::Path;

/// The buffers of a chunk; B is its capacity, in memory always whole quads of points. Where the network
/// is read at several places, all buffers but the batch hold so many times B. C is the channels of a jet, and C'
/// those that travel: 1 + T + M in mixed mode, else all.
pub struct Workspace {
    pub demand: Demand,
    /// B
    pub capacity: usize,
    /// (N, B): inputs, targets, weights.
    pub batch: wgpu::Buffer,
    /// z-jets of what travels forward: (H, B) of the first layer, unless it reads features, then (H, C, B) of
    /// each hidden layer; without a tape one buffer for all, but in mixed mode.
    pub z: Vec<wgpu::Buffer>,
    /// a-jets (H, C', B) of each hidden layer; without a tape one buffer for all.
    pub a: Vec<wgpu::Buffer>,
    /// The output's jets (M, C, B).
    pub jets: wgpu::Buffer,
    /// The cotangents of the layers (H, C', B), with a tape: one for each where gradients go together, else two that the layers
    /// use in turn; of a narrow network one for all hidden ones. In mixed mode the first one holds h (H, M, B) on the way to the
    /// jets, also without a tape.
    pub bars: Vec<wgpu::Buffer>,
    /// ∂u/∂a (H, M, B) of each hidden layer but the last, in mixed mode; without a tape one buffer for all.
    g: Vec<wgpu::Buffer>,
    /// The cotangents of ∂u/∂z (H, M, B) of each hidden layer, in mixed mode with a tape.
    pub h_bar: Vec<wgpu::Buffer>,
    /// The cotangents of the jets (M, C, B), with a tape, where they are not the output layer's.
    jets_bar: Option<wgpu::Buffer>,
    /// What the first layer is given (D, C', B), in mixed mode with a tape.
    pub x: Option<wgpu::Buffer>,
    /// Those of the gradient, part by part, with a tape.
    pub partials: Option<wgpu::Buffer>,
    /// The terms' weighted squares (T, B).
    pub squares: wgpu::Buffer,
    bytes: u64,
}

impl Workspace {
    /// Allocates for `capacity` points, a multiple of 4.
    pub fn new(device: &Device, demand: Demand, capacity: usize) -> Self {
        let mut bytes = 0;
        let mut storage = |label: &str, numbers: usize| {
            bytes += 4 * numbers as u64;
            device.storage(label, 4 * numbers as u64)
        };
        let sizes = demand.sizes();
        let mut all = |label: &str, sizes: &[usize]| -> Vec<wgpu::Buffer> {
            sizes.iter().map(|numbers| storage(label, numbers * capacity)).collect()
        };
        let (z, a, bars) = (all("z", &sizes.z), all("a", &sizes.a), all("bars", &sizes.bars));
        let (g, h_bar) = (all("g", &sizes.g), all("h_bar", &sizes.h_bar));
        let mut one = |label: &str, numbers: usize| storage(label, numbers * capacity);
        let (batch, jets) = (one("batch", sizes.batch), one("jets", sizes.jets));
        let squares = one("squares", sizes.squares);
        let jets_bar = sizes.jets_bar.map(|numbers| one("jets_bar", numbers));
        let x = sizes.x.map(|numbers| one("x", numbers));
        let partial = |parts: Vec<Part>| parts.iter().map(|part| (part.count * part.splits) as usize).sum();
        let partials = demand.tape().then(|| storage("partials", partial(demand.parts(capacity))));
        Self { demand, capacity, batch, z, a, jets, bars, g, h_bar, jets_bar, x, partials, squares, bytes }
    }

    /// The z-jets of a hidden layer, or of the first layer where there is none.
    pub fn z(&self, layer: usize) -> &wgpu::Buffer {
        &self.z[layer.min(self.z.len() - 1)]
    }

    /// ∂u/∂a of a hidden layer. Nothing reads that of the last one, rows of the output's W: any buffer stands in.
    pub fn g(&self, layer: usize) -> &wgpu::Buffer {
        let is_last = layer + 2 == self.demand.layers();
        if is_last { self.z(layer) } else { &self.g[layer.min(self.g.len() - 1)] }
    }

    /// The cotangents of a layer, with a tape; of a narrow network those of the first come first.
    pub fn bar(&self, layer: usize) -> &wgpu::Buffer {
        &self.bars[layer % self.bars.len()]
    }

    /// The cotangents of the output's jets, with a tape.
    pub fn jets_bar(&self) -> &wgpu::Buffer {
        self.jets_bar.as_ref().unwrap_or_else(|| self.bar(self.demand.layers() - 1))
    }

    /// The partial sums of the gradient, with a tape.
    pub fn partials(&self) -> &wgpu::Buffer {
        self.partials.as_ref().expect("a backward pass has a tape")
    }

    /// The jets that a layer reads; features' are the first rows of the batch.
    pub fn input_of(&self, layer: usize) -> &wgpu::Buffer {
        if layer == 0 { self.x.as_ref().unwrap_or(&self.batch) } else { self.output_of(layer - 1) }
    }

    /// The jets that a layer leaves: those of a hidden layer, or the output's. Without a tape a kernel that
    /// keeps z to itself goes to and fro between the two buffers.
    pub fn output_of(&self, layer: usize) -> &wgpu::Buffer {
        let to_and_fro = !self.demand.tape() && matches!(self.demand.tiles().path, Path::Layer(_));
        if layer + 1 == self.demand.layers() {
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

/// Points whose numbers are a whole line of a GPU's memory.
const LINE: usize = 32;

/// `count` points in chunks of equal size (but for the last), none above `capacity`: start and
/// length of each. Where there are several, rows are whole lines of memory, which a device moves faster; docs/tuning.md.
pub fn chunks(count: usize, capacity: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = if capacity < LINE { 4 } else { LINE };
    let parts = if count <= capacity { 1 } else { count.div_ceil(capacity / step * step) };
    let size = count.div_ceil(parts).next_multiple_of(step).max(4);
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
            assert!(parts.len() == 1 || capacity < LINE || parts[0].1 % LINE == 0);
        }
    }
}
