//! How noisy a column is, before anything is fitted to it.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::PointSet;

/// Neighbours on either side from which a value is foretold.
const NEIGHBOURS_A_SIDE: usize = 2;
/// Rows that say something, at least.
const LEAST_ROWS: usize = 12;
/// Far from the streams of the split, the epochs, the features and the bootstrap.
const NOISE_STREAM: u64 = 1 << 62;
/// The median of |x| of a normal number with deviation 1.
const NORMAL_MEDIAN: f64 = 0.6745;

impl PointSet {
    /// The standard deviation of the noise in a column over the only input, where it was measured: how far values lie from the cubic through
    /// their four neighbours, or rows with the same input from each other, over what unit noise would make of that
    /// (after Gasser, Sroka & Jennen-Steinmetz 1986; the median keeps kinks and outliers out). `None` with several
    /// inputs or few rows.
    pub fn noise(&self, column: usize) -> Option<f64> {
        let [inputs] = &self.inputs[..] else { return None };
        let all = inputs.iter().copied().zip(self.columns[column].iter().copied());
        let mut rows: Vec<(f64, f64)> = all.filter(|(_, value)| !value.is_nan()).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let same = rows.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let mut errors: Vec<f64> = same.map(|pair| (pair[1].1 - pair[0].1).abs() / 2f64.sqrt()).collect();
        // Rows with the same input need no curve between them.
        if errors.len() < LEAST_ROWS {
            rows.dedup_by_key(|row| row.0);
            errors.extend(rows.windows(2 * NEIGHBOURS_A_SIDE + 1).map(error));
        }
        if errors.len() < LEAST_ROWS {
            return None;
        }
        errors.sort_by(f64::total_cmp);
        Some(errors[errors.len() / 2] / NORMAL_MEDIAN)
    }

    /// The same rows measured once more, as far as that can be had: with noise added of the deviation that every
    /// column has already. `None` where that is not known.
    pub fn noisier(&self, seed: u64) -> Option<Self> {
        let deviations = (0..self.columns.len()).map(|column| self.noise(column)).collect::<Option<Vec<_>>>()?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(NOISE_STREAM);
        let mut set = self.clone();
        for (column, deviation) in set.columns.iter_mut().zip(deviations) {
            let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
            column.iter_mut().for_each(|value| *value += deviation * normal());
        }
        Some(set)
    }
}

/// Of the middle of some rows against the polynomial through the others, in deviations of their noise.
fn error(rows: &[(f64, f64)]) -> f64 {
    let x = rows[NEIGHBOURS_A_SIDE].0;
    let others = || rows.iter().enumerate().filter(|(k, _)| *k != NEIGHBOURS_A_SIDE);
    let (mut foretold, mut squares) = (0.0, 1.0);
    for (k, (here, value)) in others() {
        let factor = |(_, (there, _)): (usize, &(f64, f64))| (x - there) / (here - there);
        let weight: f64 = others().filter(|(other, _)| *other != k).map(factor).product();
        foretold += weight * value;
        squares += weight * weight;
    }
    (rows[NEIGHBOURS_A_SIDE].1 - foretold).abs() / squares.sqrt()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// `count` rows of a wave at random places, with normal noise of a standard deviation.
    fn wave(count: usize, deviation: f64) -> PointSet {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let x: Vec<f64> = (0..count).map(|_| random.random_range(0.0..6.0)).collect();
        let mut noise = || -> f64 { deviation * Distribution::<f64>::sample(&StandardNormal, &mut random) };
        let y = x.iter().map(|x: &f64| x.sin() + noise()).collect();
        PointSet { inputs: vec![x], columns: vec![y], ..PointSet::default() }
    }

    #[test]
    fn noise_is_measured_and_a_clean_curve_has_none() {
        for deviation in [0.01, 0.1, 0.5] {
            let found = wave(400, deviation).noise(0).unwrap();
            assert!((0.7..1.4).contains(&(found / deviation)), "{deviation}: {found}");
        }
        assert!(wave(400, 0.0).noise(0).unwrap() < 1e-6);
        assert_eq!(wave(8, 0.1).noise(0), None);
    }

    #[test]
    fn rows_at_the_same_input_are_told_from_each_other() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let x: Vec<f64> = (0..400).map(|k| f64::from(k / 2)).collect();
        // Between two inputs the values leap by far more than their noise.
        let mut noise = || -> f64 { 0.1 * Distribution::<f64>::sample(&StandardNormal, &mut random) };
        let y = (0..400).map(|k| 5.0 * f64::from(k / 2 % 3) + noise()).collect();
        let set = PointSet { inputs: vec![x], columns: vec![y], ..PointSet::default() };
        let found = set.noise(0).unwrap();
        assert!((0.08..0.12).contains(&found), "{found}");
    }
}
