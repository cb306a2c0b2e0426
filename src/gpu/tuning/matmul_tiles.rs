//! The tiles of matrix products: of `linear.wgsl`, and of `weight_gradient.wgsl`.

use crate::gpu::device::matrix_units::{F16Tile, MatrixUnits};
use crate::gpu::tuning::tiles::{AT_ONCE, Fusion, Tiles};
use crate::network::Layer;

/// A tile of `linear.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductTile {
    pub rows: u32,
    /// Quads of columns.
    pub quads: u32,
    /// A thread has 4 `row_edge` rows by `edge` quads of it.
    pub row_edge: u32,
    pub edge: u32,
    /// How deep a slice of both factors is.
    pub slice: u32,
    /// Workgroups below which a smaller one keeps more of a GPU busy.
    pub groups: u32,
}

/// The largest first. Small ones spread a small product's workgroups over more of the device; docs/tuning.md.
pub const PRODUCT_TILES: [ProductTile; 4] = [
    ProductTile { rows: 128, quads: 32, row_edge: 2, edge: 2, slice: 8, groups: AT_ONCE },
    ProductTile { rows: 64, quads: 16, row_edge: 2, edge: 1, slice: 16, groups: 4 * AT_ONCE },
    ProductTile { rows: 32, quads: 16, row_edge: 1, edge: 1, slice: 16, groups: AT_ONCE },
    ProductTile { rows: 32, quads: 8, row_edge: 1, edge: 1, slice: 16, groups: 0 },
];

impl ProductTile {
    /// The largest of at most `most` rows that keeps a GPU busy and computes few rows too many; else the smallest.
    pub fn of(rows: u32, quads: u32, most: u32) -> Self {
        let suits = |tile: &&Self| {
            let groups = rows.div_ceil(tile.rows) * quads.div_ceil(tile.quads);
            let padded = rows.next_multiple_of(tile.rows);
            tile.rows <= most && groups >= tile.groups && 5 * padded <= 6 * rows.next_multiple_of(32)
        };
        *PRODUCT_TILES.iter().find(suits).unwrap_or(&PRODUCT_TILES[3])
    }

    /// Threads of a workgroup.
    #[cfg(test)]
    pub fn threads(self) -> u32 {
        self.quads / self.edge * (self.rows / (4 * self.row_edge))
    }
}

/// A tile of `weight_gradient.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientTile {
    pub outputs: u32,
    pub inputs: u32,
    /// A thread has 4 `out_edge` outputs by 4 `in_edge` inputs of it.
    pub out_edge: u32,
    pub in_edge: u32,
    /// Quads of columns in workgroup memory at once.
    pub quads: u32,
}

/// For wide layers, for narrower ones, for few outputs, and for few inputs. Below 256 by 256 the second is faster than the
/// first, for its work is split into fewer partial sums; docs/tuning.md.
pub const GRADIENT_TILES: [GradientTile; 4] = [
    GradientTile { outputs: 128, inputs: 128, out_edge: 2, in_edge: 2, quads: 2 },
    GradientTile { outputs: 64, inputs: 64, out_edge: 1, in_edge: 1, quads: 4 },
    GradientTile { outputs: 16, inputs: 128, out_edge: 1, in_edge: 1, quads: 4 },
    GradientTile { outputs: 128, inputs: 32, out_edge: 1, in_edge: 1, quads: 4 },
];

impl GradientTile {
    /// The tile for a layer; all layers of a narrow network have the same. The largest is one of them where the tiles say 128.
    pub fn of(layer: &Layer, tiles: Tiles) -> Self {
        GRADIENT_TILES[match (layer.outputs, layer.inputs) {
            _ if matches!(tiles.fusion, Fusion::Network(_)) => 1,
            (..=16, 17..) => 2,
            (33.., ..=32) => 3,
            (129.., 129..) if tiles.gradient >= 128 => 0,
            _ => 1,
        }]
    }

    /// How many of it a layer has: along its inputs and its outputs.
    pub fn count(self, layer: &Layer) -> [u32; 2] {
        [(layer.inputs as u32).div_ceil(self.inputs), (layer.outputs as u32).div_ceil(self.outputs)]
    }
}

/// The kernel of an affine layer, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matmul {
    /// `linear.wgsl`
    F32(ProductTile),
    /// `linear_f16.wgsl`
    F16(F16Tile),
}

impl Matmul {
    /// For a product of (rows, inner) with so many quads of columns: on matrix units where there are any and it is wide,
    /// else in tiles of at most `most` rows.
    pub fn of(units: Option<MatrixUnits>, [rows, inner]: [u32; 2], quads: u32, most: u32) -> Self {
        match units.filter(|_| MatrixUnits::fits([rows, inner], 4 * quads)) {
            Some(units) => Matmul::F16(units.tile(rows, 4 * quads)),
            None => Matmul::F32(ProductTile::of(rows, quads, most)),
        }
    }
}

/// The kernel of weight gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientMatmul {
    /// `weight_gradient.wgsl`
    F32(GradientTile),
    /// `weight_gradient_f16.wgsl`
    F16(F16Tile),
}

impl GradientMatmul {
    /// For a layer, over so many quads of columns.
    pub fn of(units: Option<MatrixUnits>, layer: &Layer, quads: u32, tiles: Tiles) -> Self {
        match units.filter(|_| MatrixUnits::fits([layer.outputs as u32, layer.inputs as u32], 4 * quads)) {
            Some(units) => GradientMatmul::F16(units.tiles()[1]),
            None => GradientMatmul::F32(GradientTile::of(layer, tiles)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_product_gets_small_tiles() {
        let of = |rows, columns: u32| {
            let tile = ProductTile::of(rows, columns / 4, 128);
            (tile.rows, 4 * tile.quads)
        };
        assert_eq!(of(256, 16_384), (128, 128));
        assert_eq!(of(128, 12_288), (32, 64));
        assert_eq!(of(128, 1024), (32, 32));
        // No half of a tile of 128 rows stays empty.
        assert_eq!(of(64, 1 << 20), (64, 64));
        assert_eq!(of(1, 1 << 20), (32, 64));
        // A thread brings whole vec4 of each slice, and warps are 8 wide and 4 high.
        for tile in PRODUCT_TILES {
            let brought = [tile.rows / 4, tile.quads].map(|quads| quads * tile.slice % tile.threads());
            assert_eq!((brought, tile.quads / tile.edge % 8, tile.rows / (4 * tile.row_edge) % 4), ([0, 0], 0, 0));
            assert!(16 * tile.slice * (tile.rows / 4 + 1 + tile.quads) <= 16 << 10);
        }
    }
}
