//! The tiles of products on matrix units, and which products are for them.

use crate::gpu::device::matrix_units::Halves;
use crate::gpu::tuning::tiles::AT_ONCE;
use crate::network::{Layer, NetworkSpec};
use crate::numbers::Precision;

/// Workgroups of `largest.wgsl`, of which each leaves a number.
pub const LARGEST: u32 = 256;
/// Inputs and outputs of a layer from which on its products are for matrix units: below, finding the scales costs more than
/// f16 products save; docs/tuning.md.
const LEAST_WIDTH: u32 = 192;
/// The columns: with fewer, half of the small tile would be empty.
const LEAST_COLUMNS: u32 = 32;
/// Quads of halves behind each row of a slice, so that eight rows begin in different banks.
pub const PAD: u32 = 2;

impl Halves {
    /// Whether a product with W of these two widths, or its gradient, over so many columns is one for matrix units.
    pub fn suit(widths: [u32; 2], columns: u32) -> bool {
        are_wide(widths) && columns >= LEAST_COLUMNS
    }

    /// The large tile of a product, that of a weight gradient, and the small one of a product.
    ///
    /// With two f16 numbers there is more to multiply with each fragment that a product brings, so its subgroups take more
    /// fragments; docs/tuning.md.
    pub fn tiles(self) -> [HalvesTile; 3] {
        // Larger subgroups are fewer, and have more fragments.
        let least = if self.lanes > 32 { 4 } else { 2 };
        let large =
            |columns: u32| HalvesTile { of: self, block_rows: 4, block_columns: columns, down: 2, across: 8 / columns };
        let small = HalvesTile { of: self, block_rows: 2, block_columns: 2, down: 2, across: 2 };
        [large(if self.parts > 1 { 4 } else { least }), large(least), small]
    }

    /// The tile for a product: the large one where it keeps a GPU busy.
    pub fn tile(self, rows: u32, columns: u32) -> HalvesTile {
        let [large, _, small] = self.tiles();
        let groups = rows.div_ceil(large.rows()) * columns.div_ceil(large.columns());
        if groups >= AT_ONCE { large } else { small }
    }
}

/// Whether these are the widths of a W for matrix units.
fn are_wide(widths: [u32; 2]) -> bool {
    widths.into_iter().all(|width| width >= LEAST_WIDTH)
}

/// The same of a layer.
pub fn is_wide(layer: &Layer) -> bool {
    are_wide([layer.inputs as u32, layer.outputs as u32])
}

/// Whether a network has a layer for matrix units.
pub fn have_use(spec: &NetworkSpec) -> bool {
    spec.layers().iter().any(is_wide)
}

/// A warning where products are to be of halves and the network has no layer for them.
pub fn unused(spec: &NetworkSpec, precision: Precision) -> Option<String> {
    (precision.halves() > 0 && !have_use(spec)).then(|| {
        format!("{precision}: no layer has {LEAST_WIDTH} inputs and outputs or more, so that all products are f32's")
    })
}

/// A tile of `linear_f16.wgsl` and of `weight_gradient_f16.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalvesTile {
    pub of: Halves,
    /// Fragments of a subgroup.
    pub block_rows: u32,
    pub block_columns: u32,
    /// Subgroups.
    pub down: u32,
    pub across: u32,
}

impl HalvesTile {
    pub fn rows(self) -> u32 {
        self.of.size * self.block_rows * self.down
    }

    pub fn columns(self) -> u32 {
        self.of.size * self.block_columns * self.across
    }

    /// How deep a slice of both factors is: each thread brings at least four numbers of it.
    pub fn slice(self) -> u32 {
        self.of.size.max(4 * self.threads() / self.rows())
    }

    /// Of workgroup memory, for a weight gradient, which takes more of it than a product.
    pub fn bytes(self) -> u32 {
        let rows_of_halves = 2 * self.of.parts * self.rows() * (self.slice() / 4 + PAD) * 8;
        let sums = 4 * self.subgroups() * self.of.size * self.of.size;
        rows_of_halves + sums + self.rows() * self.slice()
    }

    pub fn subgroups(self) -> u32 {
        self.down * self.across
    }

    pub fn threads(self) -> u32 {
        self.subgroups() * self.of.lanes
    }
}

/// Workgroups of `largest.wgsl` that share each of so many rows: a power of two.
pub fn workgroups_of_a_row(rows: u32) -> u32 {
    (LARGEST / rows.max(1)).next_power_of_two().clamp(1, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::Activation;

    #[test]
    fn narrow_networks_have_no_use_for_halves() {
        let found = |hidden: &[usize], precision| {
            let (hidden, activation) = (hidden.to_vec(), Activation::Tanh);
            unused(&NetworkSpec { inputs: 2, hidden, outputs: 1, activation, coefficients: 0 }, precision)
        };
        assert!(found(&[64, 64], Precision::F16).unwrap().starts_with("f16: no layer has 192"));
        assert!(found(&[256, 191, 256], Precision::F16x2).is_some());
        assert_eq!(found(&[64, 192, 192], Precision::F16x2), None);
        assert_eq!(found(&[64, 64], Precision::F32), None);
    }
}
