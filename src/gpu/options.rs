//! What can be asked of a device.

use crate::gpu::tuning::tiles::TileChoice;
use crate::numbers::Precision;

/// What can be asked of a device beyond its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuOptions {
    /// Bounds checks in the shaders, and workgroup memory that starts at zero; on in debug builds.
    pub checked: bool,
    /// The most points of a chunk (at least 4 are taken); `None` leaves it to the device's memory.
    pub max_points: Option<usize>,
    /// Bytes that a kernel may bind at once; `None` takes the adapter's limit.
    pub max_binding_bytes: Option<u64>,
    /// How the layers are computed.
    pub tiles: TileChoice,
    /// That of the products of wide layers: f32, or one of the f16 formats where the adapter has matrix units.
    pub precision: Precision,
}

#[allow(clippy::derivable_impls, reason = "`checked` depends on the build")]
impl Default for GpuOptions {
    fn default() -> Self {
        Self {
            checked: cfg!(debug_assertions),
            max_points: None,
            max_binding_bytes: None,
            tiles: TileChoice::Remembered,
            precision: Precision::F32,
        }
    }
}
