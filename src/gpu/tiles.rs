//! How a network's layers are computed on an adapter, and in tiles of which size: the one place that
//! chooses between the kernels.

/// Threads of a workgroup of `layer.wgsl`.
pub const LAYER_THREADS: u32 = 256;

/// The most channels of which a thread holds whole jets: two rows of them are 64 sums, with which two
/// workgroups of 256 threads still share a multiprocessor's 65,536 registers.
const MOST_CHANNELS: usize = 8;
/// Jets' channels times rows that a thread holds, four sums each.
const MOST_SUMS: u32 = 16;

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
}

/// What the choice depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// C
    pub channels: usize,
}

/// The tiles of one network and layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    pub path: Path,
}

impl Tiles {
    /// The table.
    pub fn choose(shape: &Shape) -> Self {
        if shape.channels > MOST_CHANNELS {
            return Self { path: Path::Separate };
        }
        let channels = shape.channels as u32;
        // With few channels more quads, so that the jets' slice is as wide.
        let quads = match channels {
            1 => 32,
            2 => 16,
            _ => 8,
        };
        let rows = (MOST_SUMS / channels).min(8);
        Self { path: Path::Layer(Tile { quads, rows: 1 << rows.ilog2(), slice: 8 }) }
    }
}

/// Rows of a thread for a product of `rows` rows in so many tiles of columns, of which a workgroup has
/// `groups` groups of threads: at most `most`.
pub fn thread_rows(rows: u32, groups: u32, columns: u32, most: u32) -> u32 {
    // A thread with many rows reads less a multiply-add (its cost is as rows + 1); few rows make more
    // workgroups of a small product. About 128 run at once on a middling GPU.
    let cost = |r: &u32| (rows.div_ceil(groups * r) * columns).div_ceil(128) * (r + 1);
    [8, 4, 2, 1].into_iter().filter(|r| *r <= most).min_by_key(cost).expect("1 is among them")
}
