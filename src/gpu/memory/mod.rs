//! What lies on the device.

pub mod abs_max;
pub mod loaded_set;
pub mod state;
pub mod workspace;
