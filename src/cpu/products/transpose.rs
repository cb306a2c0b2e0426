//! Matrices transposed, four rows and columns at a time.

use crate::numbers::{Real, SQUARE};

/// to (columns, rows) = fromᵀ of from (rows, columns), whose rows lie `from_step` and `to_step` apart.
#[inline(always)]
pub fn transpose<T: Real>(
    (rows, columns): (usize, usize),
    (from, from_step): (&[T], usize),
    (to, to_step): (&mut [T], usize),
) {
    let squares = |row: usize| from[row * from_step..][..columns].as_chunks::<SQUARE>().0;
    for row in (0..rows / SQUARE * SQUARE).step_by(SQUARE) {
        let (upper, lower) = (squares(row).iter().zip(squares(row + 1)), squares(row + 2).iter().zip(squares(row + 3)));
        let mut at = row;
        for ((a, b), (c, d)) in upper.zip(lower) {
            let to = &mut to[at..][..(SQUARE - 1) * to_step + SQUARE];
            for (c, square) in T::transpose([*a, *b, *c, *d]).into_iter().enumerate() {
                *to[c * to_step..].first_chunk_mut().expect("sliced above") = square;
            }
            at += SQUARE * to_step;
        }
    }
    for row in 0..rows {
        let first = if row < rows / SQUARE * SQUARE { columns / SQUARE * SQUARE } else { 0 };
        for column in first..columns {
            to[column * to_step + row] = from[row * from_step + column];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_to_its_place() {
        fn check<T: Real>(rows: usize, columns: usize) {
            let number = |row: usize, column: usize| T::of((row * 100 + column) as f64);
            let (from_step, to_step) = (columns + 3, rows + 1);
            let mut from = vec![T::of(-1.0); rows * from_step];
            for row in 0..rows {
                (0..columns).for_each(|column| from[row * from_step + column] = number(row, column));
            }
            let mut to = vec![T::of(-2.0); columns * to_step];
            transpose((rows, columns), (&from, from_step), (&mut to, to_step));
            for column in 0..columns {
                (0..rows).for_each(|row| assert!(to[column * to_step + row] == number(row, column)));
                assert!(to[column * to_step + rows] == T::of(-2.0));
            }
        }
        for (rows, columns) in [(1, 1), (4, 4), (8, 12), (5, 7), (3, 16), (17, 4)] {
            check::<f32>(rows, columns);
            check::<f64>(rows, columns);
        }
    }
}
