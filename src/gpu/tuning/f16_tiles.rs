//! The tiles of products on matrix units, and which products are for them.

use crate::gpu::device::matrix_units::{ABS_MAX_WORKGROUPS, F16Tile, MatrixUnits};
use crate::gpu::tuning::tiles::AT_ONCE;
use crate::network::{Layer, NetworkSpec};
use crate::numbers::Precision;

/// Inputs and outputs of a layer from which on its products are for matrix units: below, finding the scales costs more than
/// f16 products save; docs/tuning.md.
const LEAST_WIDTH: u32 = 192;
/// The columns: with fewer, half of the small tile would be empty.
const LEAST_COLUMNS: u32 = 32;
impl MatrixUnits {
    /// Whether a product with W of these two widths, or its gradient, over so many columns is one for matrix units.
    pub fn fits(widths: [u32; 2], columns: u32) -> bool {
        are_wide(widths) && columns >= LEAST_COLUMNS
    }

    /// The tile for a product: the large one where it keeps a GPU busy.
    pub fn tile(self, rows: u32, columns: u32) -> F16Tile {
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
pub fn is_useful(layers: &[Layer]) -> bool {
    layers.iter().any(is_wide)
}

/// A warning where products are to be in f16 and the network has no layer for them.
pub fn unused(spec: &NetworkSpec, precision: Precision) -> Option<String> {
    (precision.f16_parts() > 0 && !is_useful(&spec.layers())).then(|| {
        format!(
            "{precision} has no effect: no layer has at least {LEAST_WIDTH} inputs and outputs, so all products \
             use f32"
        )
    })
}

/// Workgroups of `abs_max.wgsl` that share each of so many rows: a power of two.
pub fn workgroups_of_a_row(rows: u32) -> u32 {
    (ABS_MAX_WORKGROUPS / rows.max(1)).next_power_of_two().clamp(1, ABS_MAX_WORKGROUPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::Activation;

    #[test]
    fn narrow_networks_have_no_use_for_f16() {
        let found =
            |hidden: &[usize], precision| unused(&NetworkSpec::uniform(2, hidden, Activation::Tanh, 1), precision);
        assert!(found(&[64, 64], Precision::F16).unwrap().starts_with("f16 has no effect: no layer has at least 192"));
        assert!(found(&[256, 191, 256], Precision::F16x2).is_some());
        assert_eq!(found(&[64, 192, 192], Precision::F16x2), None);
        assert_eq!(found(&[64, 64], Precision::F32), None);
    }
}
