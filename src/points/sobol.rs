//! The Sobol sequence, scrambled by the random numbers it is given.
//!
//! A random lower triangular matrix acts on the digits, and a random shift follows (Matoušek 1998):
//! the points stay a net, none of them lies on the cube's faces, and no two seeds share a point.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// The inputs that there are direction numbers for.
pub const MOST_DIMENSIONS: usize = POLYNOMIALS.len() + 1;

/// The digits of a coordinate: with the half that centres it, the 53 bits of an f64.
const BITS: usize = 52;

/// For each dimension from the second: the inner coefficients of its primitive polynomial, and the
/// first direction numbers, as many as its degree. All polynomials up to degree 7, from the file
/// `new-joe-kuo-6.21201` of S. Joe and F. Y. Kuo (SIAM J. Sci. Comput. 30, 2008), whose choice keeps
/// the projections on two dimensions even.
const POLYNOMIALS: [(u64, &[u64]); 36] = [
    (0, &[1]),
    (1, &[1, 3]),
    (1, &[1, 3, 1]),
    (2, &[1, 1, 1]),
    (1, &[1, 1, 3, 3]),
    (4, &[1, 3, 5, 13]),
    (2, &[1, 1, 5, 5, 17]),
    (4, &[1, 1, 5, 5, 5]),
    (7, &[1, 1, 7, 11, 19]),
    (11, &[1, 1, 5, 1, 1]),
    (13, &[1, 1, 1, 3, 11]),
    (14, &[1, 3, 5, 5, 31]),
    (1, &[1, 3, 3, 9, 7, 49]),
    (13, &[1, 1, 1, 15, 21, 21]),
    (16, &[1, 3, 1, 13, 27, 49]),
    (19, &[1, 1, 1, 15, 7, 5]),
    (22, &[1, 3, 1, 15, 13, 25]),
    (25, &[1, 1, 5, 5, 19, 61]),
    (1, &[1, 3, 7, 11, 23, 15, 103]),
    (4, &[1, 3, 7, 13, 13, 15, 69]),
    (7, &[1, 1, 3, 13, 7, 35, 63]),
    (8, &[1, 3, 5, 9, 1, 25, 53]),
    (14, &[1, 3, 1, 13, 9, 35, 107]),
    (19, &[1, 3, 1, 5, 27, 61, 31]),
    (21, &[1, 1, 5, 11, 19, 41, 61]),
    (28, &[1, 3, 5, 3, 3, 13, 69]),
    (31, &[1, 1, 7, 13, 1, 19, 1]),
    (32, &[1, 3, 7, 5, 13, 19, 59]),
    (37, &[1, 1, 3, 9, 25, 29, 41]),
    (41, &[1, 3, 5, 13, 23, 1, 55]),
    (42, &[1, 3, 7, 3, 13, 59, 17]),
    (50, &[1, 3, 1, 3, 5, 53, 69]),
    (55, &[1, 1, 5, 5, 23, 33, 13]),
    (56, &[1, 1, 7, 7, 1, 61, 123]),
    (59, &[1, 1, 7, 9, 13, 61, 49]),
    (62, &[1, 3, 3, 5, 3, 55, 33]),
];

/// The sequence's first `count` points (dimensions, count), each coordinate within (0, 1).
///
/// # Panics
/// If there are more than [`MOST_DIMENSIONS`].
pub(super) fn sobol(dimensions: usize, count: usize, random: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    assert!(dimensions <= MOST_DIMENSIONS, "Sobol points have at most {MOST_DIMENSIONS} dimensions");
    let scrambled = |dimension| {
        let directions = scramble(directions(dimension), random);
        coordinates(&directions, digits(random), count)
    };
    (0..dimensions).map(scrambled).collect()
}

/// A random word of [`BITS`] digits.
fn digits(random: &mut ChaCha8Rng) -> u64 {
    random.next_u64() >> (64 - BITS)
}

/// The centres of the cells that the first `count` words name, in the order of the Gray code.
fn coordinates(directions: &[u64; BITS], start: u64, count: usize) -> Vec<f64> {
    let mut word = start;
    let coordinate = |index: usize| {
        if index > 0 {
            word ^= directions[index.trailing_zeros() as usize];
        }
        (word as f64 + 0.5) / (1u64 << BITS) as f64
    };
    (0..count).map(coordinate).collect()
}

/// The direction numbers of a dimension: the first digit is the highest of [`BITS`].
fn directions(dimension: usize) -> [u64; BITS] {
    let mut v: [u64; BITS] = std::array::from_fn(|k| 1 << (BITS - 1 - k));
    let Some(polynomial) = dimension.checked_sub(1) else { return v };
    let (inner, first) = POLYNOMIALS[polynomial];
    let degree = first.len();
    for k in 0..BITS {
        v[k] = match first.get(k) {
            Some(number) => number << (BITS - 1 - k),
            None => (1..degree)
                .filter(|i| inner >> (degree - 1 - i) & 1 == 1)
                .fold(v[k - degree] ^ v[k - degree] >> degree, |sum, i| sum ^ v[k - i]),
        };
    }
    v
}

/// Each digit becomes itself plus a random choice of the higher ones, modulo 2.
fn scramble(directions: [u64; BITS], random: &mut ChaCha8Rng) -> [u64; BITS] {
    let rows: [u64; BITS] = std::array::from_fn(|digit| digits(random) >> digit << digit | 1 << digit);
    let row = |word: u64, digit: usize| u64::from((rows[digit] & word).count_ones() & 1) << digit;
    directions.map(|word| (0..BITS).fold(0, |scrambled, digit| scrambled | row(word, digit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_first_points_are_the_published_ones() {
        let published = [
            [0.0, 0.5, 0.75, 0.25, 0.375, 0.875, 0.625, 0.125, 0.1875, 0.6875],
            [0.0, 0.5, 0.25, 0.75, 0.375, 0.875, 0.125, 0.625, 0.3125, 0.8125],
            [0.0, 0.5, 0.25, 0.75, 0.625, 0.125, 0.875, 0.375, 0.9375, 0.4375],
        ];
        for (dimension, expected) in published.iter().enumerate() {
            let found = coordinates(&directions(dimension), 0, 10);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{dimension}: {found:?}");
        }
    }

    /// A slip of the pen in the table would give another polynomial, mostly one that is not primitive.
    #[test]
    fn polynomials_are_primitive_and_first_numbers_odd() {
        for (inner, first) in POLYNOMIALS {
            let degree = first.len() as u32;
            let polynomial = 1 << degree | inner << 1 | 1;
            let times_x = |state: u64| (state << 1) ^ if state >> (degree - 1) & 1 == 1 { polynomial } else { 0 };
            let period = (1..)
                .scan(1, |state, n| {
                    *state = times_x(*state);
                    Some((n, *state))
                })
                .find(|p| p.1 == 1);
            assert_eq!(period.map(|p| p.0), Some((1u64 << degree) - 1), "degree {degree}, {inner}");
            assert!(first.iter().enumerate().all(|(k, m)| m % 2 == 1 && *m < 2 << k), "{first:?}");
        }
    }

    #[test]
    fn scrambled_points_stay_a_net() {
        let points = sobol(MOST_DIMENSIONS, 1 << 10, &mut ChaCha8Rng::seed_from_u64(5));
        for (dimension, column) in points.iter().enumerate() {
            let strata: std::collections::BTreeSet<_> = column.iter().map(|u| (u * 1024.0) as usize).collect();
            assert_eq!(strata.len(), 1024, "dimension {dimension}");
        }
        for split in 0..=10 {
            let cell = |u: f64, v: f64| ((u * f64::from(1 << split)) as u32, (v * f64::from(1 << (10 - split))) as u32);
            let cells = points[0].iter().zip(&points[1]).map(|(&u, &v)| cell(u, v));
            assert_eq!(cells.collect::<std::collections::BTreeSet<_>>().len(), 1024, "split {split}");
        }
    }
}
