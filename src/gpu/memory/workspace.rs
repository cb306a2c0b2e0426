//! The working memory of one chunk of points.

use crate::gpu::device::Device;
use crate::gpu::lowered::{Extents, Lowered};
use crate::pass::Slot;

/// The buffers of a chunk; B is its capacity, in memory always whole quads of points. Where the network
/// is read at several places, the pass's buffers hold so many times B.
pub struct Workspace {
    pub lowered: Lowered,
    /// B
    pub capacity: usize,
    /// The most that B could be.
    pub most: usize,
    /// (N, B) for each network: inputs; behind the first one's, targets and weights.
    pub batches: Vec<wgpu::Buffer>,
    /// The terms' weighted squares (T, B).
    pub squares: wgpu::Buffer,
    /// Those of the gradient, part by part, with a tape.
    pub partials: Option<wgpu::Buffer>,
    /// Those of the pass.
    buffers: Vec<wgpu::Buffer>,
    bytes: u64,
}

impl Workspace {
    /// Allocates for `capacity` points, a multiple of 4, of at `most` so many.
    pub fn new(device: &Device, lowered: Lowered, capacity: usize, most: usize) -> Self {
        let mut bytes = 0;
        let mut storage = |label: &str, numbers: usize| {
            bytes += 4 * numbers as u64;
            device.storage(label, 4 * numbers as u64)
        };
        let Extents { places, ref columns, terms } = lowered.extents;
        let numbers = lowered.buffers.numbers().iter();
        let buffers = numbers.map(|numbers| storage("jets", numbers * places * capacity)).collect();
        // No buffer is empty.
        let batches = columns.iter().map(|columns| storage("batch", (*columns).max(1) * capacity)).collect();
        let squares = storage("squares", terms * capacity);
        let partials = lowered.pass.has_tape.then(|| {
            let parts = lowered.parts(capacity);
            storage("partials", parts.iter().map(|part| (part.count * part.splits) as usize).sum())
        });
        Self { lowered, capacity, most, batches, squares, partials, buffers, bytes }
    }

    /// The buffer of a slot; the points' is the batch of their network, whose first rows they are.
    pub fn buffer(&self, slot: Slot) -> &wgpu::Buffer {
        self.lowered.buffers.of(slot).map_or(&self.batches[slot.network()], |buffer| &self.buffers[buffer])
    }

    /// The partial sums of the gradient, with a tape.
    pub fn partials(&self) -> &wgpu::Buffer {
        self.partials.as_ref().expect("a way back has a tape")
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
