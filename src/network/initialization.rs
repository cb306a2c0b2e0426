//! How the weights start.
use super::NetworkSpec;
/// Start values.
pub fn initialize(_spec: &NetworkSpec, _seed: u64) -> Vec<f64> {
    todo!()
}
