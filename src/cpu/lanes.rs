//! Vectors of the machine's SIMD, and sums in a fixed order that still runs on them.

use std::ops::{Add, Mul};

use aligned_vec::{AVec, ConstAlign};
use pulp::Simd;

use crate::numbers::Real;

/// One cache line, and the widest vector.
pub type Buffer<T> = AVec<T, ConstAlign<64>>;

/// Points come in whole vectors of the widest SIMD (16 floats).
pub const LANES: usize = 16;

/// A channel at [`LANES`] points: a value, so that the compiler keeps it in registers.
#[derive(Clone, Copy)]
pub struct Lanes<T>(pub [T; LANES]);

impl<T: Real> Lanes<T> {
    pub const ZERO: Self = Self([T::ZERO; LANES]);

    /// The points of a row from `at` on.
    #[inline(always)]
    pub fn load(row: &[T], at: usize) -> Self {
        Self(*row[at..].first_chunk().expect("rows hold whole vectors"))
    }

    /// Into the points of a row from `at` on.
    #[inline(always)]
    pub fn store(self, row: &mut [T], at: usize) {
        *row[at..].first_chunk_mut().expect("rows hold whole vectors") = self.0;
    }
}

impl<T: Real> Add for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a += b);
        self
    }
}

impl<T: Real> Mul for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a *= b);
        self
    }
}

impl<T: Real> Mul<T> for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(mut self, factor: T) -> Self {
        self.0.iter_mut().for_each(|a| *a *= factor);
        self
    }
}

/// Numbers in a vector.
#[inline(always)]
pub const fn lanes<T: Real, S: Simd>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}

/// The numbers of a slice from `at` on.
///
/// # Safety
/// The slice holds a vector from there on.
#[inline(always)]
pub unsafe fn load_at<T: Real, S: Simd>(from: &[T], at: usize) -> T::Vector<S> {
    debug_assert!(at + lanes::<T, S>() <= from.len());
    // SAFETY: the caller's; any bits are a vector.
    unsafe { from.as_ptr().add(at).cast::<T::Vector<S>>().read_unaligned() }
}

/// Into the numbers of a slice from `at` on.
///
/// # Safety
/// The slice holds a vector from there on.
#[inline(always)]
pub unsafe fn store_at<T: Real, S: Simd>(to: &mut [T], at: usize, vector: T::Vector<S>) {
    debug_assert!(at + lanes::<T, S>() <= to.len());
    // SAFETY: the caller's.
    unsafe { to.as_mut_ptr().add(at).cast::<T::Vector<S>>().write_unaligned(vector) }
}

/// Brings the line of `numbers[at]` to the first cache, where the processor can be told so.
#[inline(always)]
pub fn prefetch<T>(numbers: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has it, and of an address that is none it takes no notice.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(numbers.as_ptr().wrapping_add(at).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, at);
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
