//! How a network's layers are computed on an adapter, and in tiles of which size: the one place that
//! chooses between the kernels.

use crate::network::NetworkSpec;

/// Threads of a workgroup of `layer.wgsl`.
pub const LAYER_THREADS: u32 = 256;

/// The most threads of a workgroup that every adapter has.
const MOST_THREADS: u32 = 256;
/// The most channels of which a thread holds whole jets: two rows of them are 64 sums, with which two
/// workgroups of 256 threads still share a multiprocessor's 65,536 registers.
const MOST_CHANNELS: usize = 8;
/// Jets' channels times rows that a thread holds, four sums each.
const MOST_SUMS: usize = 16;
/// The widest layer of which a tile of jets fits into workgroup memory beside a slice of its matrix.
const NARROW: usize = 64;
/// More outputs than this would wait for the few threads that compute them.
const MOST_OUTPUTS: usize = 16;

/// The tile of a kernel whose threads hold whole jets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Quads of points.
    pub quads: u32,
    /// Units of a thread.
    pub rows: u32,
    /// Columns of the matrix in workgroup memory.
    pub slice: u32,
}

/// Which kernels compute the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// `linear.wgsl`, then `jet_rule.wgsl`: any number of channels.
    Separate,
    /// `layer.wgsl`: both in one, for few channels.
    Layer(Tile),
    /// `narrow.wgsl`: all layers in one, for few channels and narrow layers.
    Narrow(Tile),
}

/// Workgroups that a middling GPU runs at once.
const AT_ONCE: u32 = 128;
/// Threads below which a workgroup leaves a wavefront idle.
const WAVEFRONT: u32 = 64;

impl Tile {
    /// Units of the jets' tile of `narrow.wgsl` for a network `width` wide: whole slices.
    pub fn units(self, width: usize) -> u32 {
        (width as u32).next_multiple_of(self.slice)
    }

    /// Threads of a workgroup of `narrow.wgsl` with so many units.
    pub fn threads(self, units: u32) -> u32 {
        units / self.rows * self.quads
    }

    /// A tile of fewer quads where this would leave a GPU idle.
    pub fn for_quads(mut self, quads: u32, units: u32) -> Self {
        while self.threads(units) > WAVEFRONT && self.quads > 1 && quads.div_ceil(self.quads) < AT_ONCE {
            self.quads /= 2;
        }
        self
    }
}

/// What the choice depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The widest hidden layer; 0 where there is none.
    pub width: usize,
    /// M
    pub outputs: usize,
    /// C
    pub channels: usize,
    /// Whether the first layer reads features' jets.
    pub has_features: bool,
    /// Bytes of a workgroup's memory on this adapter.
    pub memory: u32,
}

/// The tiles of one network and layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    pub path: Path,
}

impl Shape {
    pub fn new(spec: &NetworkSpec, channels: usize, has_features: bool, memory: u32) -> Self {
        let width = spec.hidden.iter().copied().max().unwrap_or(0);
        Self { width, outputs: spec.outputs, channels, has_features, memory }
    }

    /// Whether the adapter can run the path.
    pub fn allows(&self, path: Path) -> bool {
        let sums_fit = |tile: Tile| self.channels * tile.rows as usize <= MOST_SUMS;
        let few_channels = self.channels <= MOST_CHANNELS;
        match path {
            Path::Separate => true,
            Path::Layer(tile) => {
                let rows = LAYER_THREADS / tile.quads * tile.rows;
                let bytes = tile.slice * (16 * self.channels as u32 * tile.quads + 4 * rows);
                few_channels && sums_fit(tile) && bytes <= self.memory
            }
            Path::Narrow(tile) => {
                let units = tile.units(self.width);
                let bytes = 16 * units * self.channels as u32 * tile.quads + 4 * units * tile.slice;
                let is_narrow = (1..=NARROW).contains(&self.width) && self.outputs <= MOST_OUTPUTS;
                let fits = bytes <= self.memory && tile.threads(units) <= MOST_THREADS;
                few_channels && is_narrow && !self.has_features && sums_fit(tile) && fits
            }
        }
    }

    /// The paths that the adapter can run, the best by count first: more points for each weight that is read,
    /// then more sums for each number that is read from workgroup memory.
    pub fn candidates(&self) -> Vec<Path> {
        let tiles = |quads: &[u32], rows: &[u32], slices: &[u32]| {
            let mut all = vec![];
            for quads in quads {
                for rows in rows {
                    all.extend(slices.iter().map(|slice| Tile { quads: *quads, rows: *rows, slice: *slice }));
                }
            }
            all
        };
        let narrow = tiles(&[16, 8, 4, 2, 1], &[2, 4, 1], &[16, 8]).into_iter().map(Path::Narrow);
        // With few channels more quads, so that the jets' slice is as wide.
        let quads = match self.channels {
            1 => [32, 16],
            2 => [16, 8],
            _ => [8, 16],
        };
        let layer = tiles(&quads, &[8, 4, 2, 1], &[8, 16]).into_iter().map(Path::Layer);
        narrow.chain(layer).chain([Path::Separate]).filter(|path| self.allows(*path)).collect()
    }
}

impl Tiles {
    /// The table: the first of the candidates.
    pub fn choose(shape: &Shape) -> Self {
        Self { path: shape.candidates()[0] }
    }
}

/// Rows of a thread for a product of `rows` rows in so many tiles of columns, of which a workgroup has
/// `groups` groups of threads: at most `most`.
pub fn thread_rows(rows: u32, groups: u32, columns: u32, most: u32) -> u32 {
    // A thread with many rows reads less a multiply-add (its cost is as rows + 1); few rows make more
    // workgroups of a small product.
    let cost = |r: &u32| (rows.div_ceil(groups * r) * columns).div_ceil(AT_ONCE) * (r + 1);
    [8, 4, 2, 1].into_iter().filter(|r| *r <= most).min_by_key(cost).expect("1 is among them")
}
