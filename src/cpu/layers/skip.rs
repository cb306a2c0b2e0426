//! A layer with a skip: what it reads of an earlier one is copied, then added; on a tile (C, H, P), the twin of
//! `shaders/layers/skip.wgsl`.

use crate::numbers::Real;

/// to = source
pub fn copy<T: Real>(source: &[T], to: &mut [T]) {
    to.copy_from_slice(source);
}

/// to += source
pub fn add<T: Real>(source: &[T], to: &mut [T]) {
    to.iter_mut().zip(source).for_each(|(to, source)| *to += *source);
}
