//! Sums in a fixed order that still runs on SIMD.

use super::real::Real;

/// Σ x over 16 interleaved partial sums, which are then added in order.
#[inline(always)]
pub fn sum<T: Real>(x: &[T]) -> T {
    let mut partial = [T::ZERO; 16];
    let chunks = x.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (partial, x) in partial.iter_mut().zip(chunk) {
            *partial += *x;
        }
    }
    partial.into_iter().chain(rest.iter().copied()).sum()
}
