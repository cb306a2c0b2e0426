//! How layers are computed on an adapter, and in tiles of which size.

pub mod f16_tiles;
pub mod gradient_splits;
pub mod matmul_tiles;
pub mod remembered;
pub mod tiles;
