//! Blocks of sums that stay in registers: what the layers' matrix products are made of.
//!
//! A block of [`most_rows`] × [`COLUMNS`] vectors reads few enough numbers for each multiply-add that the
//! arithmetic is what it waits for, and indices are checked once a block: a check in its loop takes registers
//! from the sums.

use std::ops::Range;

use pulp::Simd;

use crate::cpu::lanes::{lanes, load_at};
use crate::numbers::Real;

/// The most rows of a block: with [`COLUMNS`], as many sums as the registers hold beside the operands.
pub const fn most_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT < 32 { 4 } else { 8 }
}

/// The most vectors in a row of a block.
pub const COLUMNS: usize = 3;

/// Cuts `total` into as few parts of at most `most` as it takes, all of nearly one size: a small one would have
/// too few sums to keep the arithmetic busy.
pub fn cut(total: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = total.div_ceil(most);
    (0..parts).map(move |part| part * total / parts..(part + 1) * total / parts)
}

/// R × V vectors.
pub type Sums<T, S, const R: usize, const V: usize> = [[<T as Real>::Vector<S>; V]; R];

/// Sums that are 0.
#[inline(always)]
pub fn zero<T: Real, S: Simd, const R: usize, const V: usize>(simd: S) -> Sums<T, S, R, V> {
    [[T::splat(simd, T::ZERO); V]; R]
}

/// sums (R, V vectors) += left (R, `depth`) right (`depth`, V vectors), in order over the depth. Each operand comes
/// with how far its rows lie apart, and each of the right one's V vectors has rows of its own.
#[inline(always)]
pub fn accumulate<T: Real, S: Simd, const R: usize, const V: usize>(
    simd: S,
    sums: &mut Sums<T, S, R, V>,
    (left, left_step): (&[T], usize),
    (right, right_step): ([&[T]; V], usize),
    depth: usize,
) {
    let left = &left[..(R - 1) * left_step + depth];
    let right = right.map(|right| &right[..(depth - 1) * right_step + lanes::<T, S>()]);
    for k in 0..depth {
        // SAFETY: the slices above end with what the last k reads, of each vector and of the last row.
        let x = right.map(|right| unsafe { load_at::<T, S>(right, k * right_step) });
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let left = T::splat(simd, unsafe { *left.get_unchecked(r * left_step + k) });
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = T::mul_add(simd, left, x, *sum);
            }
        }
    }
}

/// Runs a block of `$rows` × `$columns`, numbers known to the compiler.
macro_rules! block {
    ($self:ident, $simd:ident, $rows:expr, $columns:expr, $at:expr) => {
        match $rows {
            1 => block!(@ 1, $self, $simd, $columns, $at),
            2 => block!(@ 2, $self, $simd, $columns, $at),
            3 => block!(@ 3, $self, $simd, $columns, $at),
            4 => block!(@ 4, $self, $simd, $columns, $at),
            // The rest is not compiled where it cannot be.
            _ if const { most_rows::<S>() == 4 } => unreachable!("no block has more rows"),
            5 => block!(@ 5, $self, $simd, $columns, $at),
            6 => block!(@ 6, $self, $simd, $columns, $at),
            7 => block!(@ 7, $self, $simd, $columns, $at),
            _ => block!(@ 8, $self, $simd, $columns, $at),
        }
    };
    (@ $rows:literal, $self:ident, $simd:ident, $columns:expr, $at:expr) => {
        match $columns {
            1 => $self.block::<S, $rows, 1>($simd, $at),
            2 => $self.block::<S, $rows, 2>($simd, $at),
            _ => $self.block::<S, $rows, 3>($simd, $at),
        }
    };
}

pub(super) use block;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_everything_and_are_alike() {
        for (total, most) in [(0, 3), (1, 3), (4, 3), (16, 3), (64, 8), (50, 8), (9, 8)] {
            let parts: Vec<_> = cut(total, most).collect();
            assert_eq!(parts.iter().cloned().flatten().collect::<Vec<_>>(), (0..total).collect::<Vec<_>>());
            let sizes = || parts.iter().map(Range::len);
            assert!(sizes().max().unwrap_or(0) <= most);
            assert!(sizes().max().unwrap_or(0) - sizes().min().unwrap_or(0) <= 1);
        }
    }
}
