//! How a network's layers are computed on an adapter, and in tiles of which size: the one place that
//! chooses between the kernels.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::gpu::device::dispatch::MOST_THREADS;
use crate::network::Perceptron;

/// Threads of a workgroup of `fused_layer.wgsl`.
pub const LAYER_THREADS: u32 = 256;

/// The most channels of which a thread holds whole jets: two rows of them are 64 sums, with which two
/// workgroups of 256 threads still share a multiprocessor's 65,536 registers.
const MOST_CHANNELS: usize = 8;
/// Jets' channels times rows that a thread holds, four sums each. `fused_network.wgsl` may hold more: a thread with R rows
/// reads 4 C + R vec4 for 16 C R multiply-adds; but it has fewer threads then, which pays with many points alone;
/// docs/tuning.md.
const MOST_SUMS: usize = 16;
const MOST_NARROW_SUMS: usize = 24;
/// The widest layer of which a tile of jets fits into workgroup memory beside a slice of its matrix.
const NARROW: usize = 64;
/// Columns of the matrix that a kernel takes to workgroup memory at once. `fused_network.wgsl` has the deepest that divides the
/// width: each slice is two barriers and a wait for memory.
const SLICES: [u32; 4] = [64, 32, 16, 8];
/// Multiply-adds that a device does while a number goes to its memory or comes from it: 20 flops a byte; docs/tuning.md.
const BALANCE: usize = 40;
/// What a multiply-add costs fused kernels, in tenths of what it costs `linear.wgsl`, by the times of whole steps;
/// docs/tuning.md.
const FUSED: usize = 13;
/// More outputs than this would wait for the few threads that compute them.
const MOST_OUTPUTS: usize = 16;

/// The tile of a kernel whose threads hold whole jets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Quads of points.
    pub quads: u32,
    /// Units of a thread.
    pub rows: u32,
    /// Columns of the matrix in workgroup memory.
    pub slice: u32,
}

/// What one kernel does of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fusion {
    /// An operation each: any number of channels, and adjoint mode where that carries less.
    #[serde(rename = "separate")]
    None,
    /// An affine layer with its activation, for few channels: `fused_layer.wgsl`.
    #[serde(rename = "layer")]
    Layer(Tile),
    /// All layers, for few channels and narrow layers: `fused_network.wgsl`.
    #[serde(rename = "narrow")]
    Network(Tile),
}

/// Workgroups that a middling GPU runs at once.
pub const AT_ONCE: u32 = 128;
/// Threads below which a workgroup leaves a wavefront idle.
const WAVEFRONT: u32 = 64;

impl Tile {
    /// Units of the jets' tile of `fused_network.wgsl` for a network `width` wide: whole slices.
    pub fn units(self, width: usize) -> u32 {
        (width as u32).next_multiple_of(self.slice)
    }

    /// Threads of a workgroup of `fused_network.wgsl` with so many units.
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
pub struct NetworkShape {
    /// The widest hidden layer; 0 where there is none.
    pub width: usize,
    /// M
    pub outputs: usize,
    /// C
    pub channels: usize,
    /// The channels that travel in adjoint mode, where separate kernels are in it.
    pub adjoint: Option<usize>,
    /// Whether whole networks can be fused: the first layer reads inputs, and all hidden layers are alike.
    pub is_plain: bool,
    /// Bytes of a workgroup's memory on this adapter.
    pub memory: u32,
    /// Whether products are in f16, which unfused kernels alone have.
    pub in_f16: bool,
}

/// The tiles of one network and layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiles {
    /// Of the hidden layers.
    #[serde(rename = "path")]
    pub fusion: Fusion,
    /// The most rows of a tile of `linear.wgsl`: 128, 64 or 32.
    pub linear: u32,
    /// The largest tile of `weight_gradient.wgsl`: 128 or 64.
    pub gradient: u32,
}

/// Where the tiles come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileChoice {
    /// What `bench --tune` found best on this adapter for this width and these channels; else the table.
    Remembered,
    /// The table.
    Table,
    /// These, where the adapter and the layout allow them; else the table.
    These(Tiles),
}

impl fmt::Display for Tiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tile = |Tile { quads, rows, slice }: Tile| format!("{quads} quads, {rows} rows, slices of {slice}");
        match self.fusion {
            Fusion::None => write!(f, "separate: tiles of {} rows", self.linear)?,
            Fusion::Layer(of) => write!(f, "layer: {}", tile(of))?,
            Fusion::Network(of) => write!(f, "narrow: {}", tile(of))?,
        }
        write!(f, "; gradient: tiles of {}", self.gradient)
    }
}

impl NetworkShape {
    pub fn new(
        spec: &Perceptron,
        (channels, adjoint): (usize, Option<usize>),
        has_features: bool,
        memory: u32,
    ) -> Self {
        let width = spec.widths().into_iter().max().unwrap_or(0);
        let is_plain = !has_features && spec.single_activation().is_some();
        Self { width, outputs: spec.outputs, channels, adjoint, is_plain, memory, in_f16: false }
    }

    /// Whether separate kernels cost less than fused ones of whole jets, by the count of a training step for each unit
    /// and point of a layer. Both multiply W three times with each channel, of which fused ones do less at once. Fused, a
    /// channel goes to memory or comes from it 8 times: 3 forward, 3 backward, 2 for the gradient; apart 11 times: 4, 5
    /// and 2; and in adjoint mode, of fewer channels, 13 times: a tangent 4 forward, 2 for the adjoints and 5 backward, an
    /// adjoint 4 back, 4 forward and 3 back again, and both 2 for the gradient.
    fn is_apart_cheaper(&self) -> bool {
        let products = 3 * self.width;
        let fused = self.channels * (FUSED * products / 10 + BALANCE * 8);
        let apart = match self.adjoint {
            Some(adjoint) => adjoint * (products + BALANCE * 13),
            None => self.channels * (products + BALANCE * 11),
        };
        apart < fused
    }

    /// Whether the adapter can run the path.
    fn allows(&self, fusion: Fusion) -> bool {
        let sums_fit = |tile: Tile, most: usize| self.channels * tile.rows as usize <= most;
        let few_channels = self.channels <= MOST_CHANNELS;
        match fusion {
            Fusion::None => true,
            Fusion::Layer(tile) => {
                let rows = LAYER_THREADS / tile.quads * tile.rows;
                let bytes = tile.slice * (16 * self.channels as u32 * tile.quads + 4 * rows);
                few_channels && !self.in_f16 && sums_fit(tile, MOST_SUMS) && bytes <= self.memory
            }
            Fusion::Network(tile) => {
                let units = tile.units(self.width);
                let bytes = 16 * units * self.channels as u32 * tile.quads + 4 * units * tile.slice;
                let divides = tile.slice <= 16 || self.width.is_multiple_of(tile.slice as usize);
                let is_narrow = (1..=NARROW).contains(&self.width) && self.outputs <= MOST_OUTPUTS;
                let fits = bytes <= self.memory && tile.threads(units) <= MOST_THREADS;
                few_channels && is_narrow && divides && self.is_plain && sums_fit(tile, MOST_NARROW_SUMS) && fits
            }
        }
    }

    /// The tiles that the adapter can run, the best by count first: more points for each weight that is read,
    /// then more sums for each number that is read from workgroup memory.
    pub fn candidates(&self) -> Vec<Tiles> {
        let narrow =
            |rows| [16, 8, 4, 2, 1].map(|quads| SLICES.map(|slice| Fusion::Network(Tile { quads, rows, slice })));
        // The deepest slice that fits is enough.
        let fitting = |slices: [Fusion; 4]| slices.into_iter().find(|path| self.allows(*path));
        let narrow = [1, 2, 4].into_iter().flat_map(narrow).filter_map(fitting);
        // With few channels more quads, so that the jets' slice is as wide.
        let quads = match self.channels {
            1 => [32, 16],
            2 => [16, 8],
            _ => [8, 4],
        };
        let layer = |quads| [8, 4, 2, 1].map(|rows| Fusion::Layer(Tile { quads, rows, slice: 8 }));
        let layer = quads.into_iter().flat_map(layer).filter(|path| self.allows(*path));
        let of = |fusion: Fusion| Tiles { fusion, linear: 128, gradient: 128 };
        let separate = [128, 64, 32].map(|linear| Tiles { linear, ..of(Fusion::None) });
        // A narrow network waits for its memory, of whose traffic adjoint mode has more.
        let (mut all, mut layer): (Vec<_>, Vec<_>) = (narrow.map(of).collect(), layer.map(of).collect());
        let at = if self.is_apart_cheaper() { 0 } else { layer.len() };
        layer.splice(at..at, separate);
        all.append(&mut layer);
        all
    }

    /// Whether the kernels can be made with these numbers and the adapter can run them.
    pub fn allows_all(&self, tiles: Tiles) -> bool {
        let is_tile = |tile: Tile| {
            [1, 2, 4, 8, 16, 32].contains(&tile.quads)
                && [1, 2, 4, 8].contains(&tile.rows)
                && SLICES.contains(&tile.slice)
        };
        let is_path = match tiles.fusion {
            Fusion::None => true,
            Fusion::Layer(tile) | Fusion::Network(tile) => is_tile(tile),
        };
        is_path
            && self.allows(tiles.fusion)
            && [32, 64, 128].contains(&tiles.linear)
            && [64, 128].contains(&tiles.gradient)
    }

    /// The table: the first of the candidates.
    pub fn table(&self) -> Tiles {
        self.candidates()[0]
    }
}

/// Rows of a thread for a product of `rows` rows in so many tiles of columns, of which a workgroup has
/// `groups` groups of threads: at most `most`.
pub fn thread_rows(rows: u32, groups: u32, columns: u32, most: u32) -> u32 {
    // A thread with many rows reads less a multiply-add (its cost is as rows + 1); few rows make more
    // workgroups of a small product.
    let cost = |r: &u32| (rows.div_ceil(groups * r) * columns).div_ceil(AT_ONCE) * (r + 1);
    [16, 8, 4, 2, 1].into_iter().filter(|r| *r <= most).min_by_key(cost).expect("1 is among them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(width: usize, channels: usize, memory: u32) -> NetworkShape {
        NetworkShape { width, outputs: 1, channels, adjoint: None, is_plain: true, memory, in_f16: false }
    }

    #[test]
    fn kernels_stand_apart_where_that_costs_less() {
        let path =
            |width, channels, adjoint| NetworkShape { adjoint, ..shape(width, channels, 48 << 10) }.table().fusion;
        assert!(matches!(path(64, 7, Some(5)), Fusion::Network(_)));
        for (width, channels, adjoint) in [(65, 7, 5), (65, 4, 2), (65, 5, 4), (64, 21, 12)] {
            assert_eq!(path(width, channels, Some(adjoint)), Fusion::None);
        }
        // As many channels either way: wide layers wait for arithmetic, narrow ones for memory.
        assert!(matches!(path(134, 5, None), Fusion::Layer(_)));
        assert_eq!(path(135, 5, None), Fusion::None);
    }

    #[test]
    fn the_table_takes_what_fits() {
        let narrow = |quads, slice| Fusion::Network(Tile { quads, rows: 1, slice });
        // Every adapter has 16 KiB: 64 units of 5 and of 7 channels at two quads.
        assert_eq!(shape(64, 5, 16 << 10).table().fusion, narrow(2, 16));
        assert_eq!(shape(64, 7, 16 << 10).table().fusion, narrow(2, 8));
        assert_eq!(shape(64, 7, 32 << 10).table().fusion, narrow(4, 16));
        assert!(matches!(shape(65, 5, 32 << 10).table().fusion, Fusion::Layer(Tile { quads: 8, rows: 2, .. })));
        assert_eq!(shape(64, 9, 48 << 10).table().fusion, Fusion::None);
        assert_eq!(NetworkShape { is_plain: false, ..shape(64, 5, 16 << 10) }.candidates().len(), 7);
        // No hidden layer.
        assert!(!matches!(shape(0, 3, 16 << 10).table().fusion, Fusion::Network(_)));
    }

    #[test]
    fn a_chunk_of_few_points_gets_small_tiles() {
        let tile = Tile { quads: 8, rows: 2, slice: 16 };
        assert_eq!(tile.for_quads(10_000, 64), tile);
        assert_eq!(tile.for_quads(250, 64).quads, 2);
        // No smaller than a wavefront.
        assert_eq!(tile.for_quads(1, 16).quads, 8);
    }
}
