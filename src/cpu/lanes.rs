//! Vectors of the machine's SIMD, and sums in a fixed order that still runs on them.

use pulp::Simd;

use super::real::Real;

/// Numbers in a vector.
#[inline(always)]
pub const fn lanes<T: Real, S: Simd>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}

/// The first numbers of a slice.
#[inline(always)]
pub fn load<T: Real, S: Simd>(from: &[T]) -> T::Vector<S> {
    bytemuck::pod_read_unaligned(bytemuck::cast_slice(&from[..lanes::<T, S>()]))
}

/// Into a slice of as many numbers.
#[inline(always)]
pub fn store<T: Real, S: Simd>(to: &mut [T], vector: T::Vector<S>) {
    to.copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(&vector)));
}

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
