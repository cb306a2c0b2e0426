//! Where collocation points come from: regions of the inputs' space, the samplers that fill them, the
//! choice of points where the residual is large, and weights that follow time.
//!
//! A region is a union of products of intervals, balls, spheres and points; each product is the image
//! of a unit cube under a map that preserves measure, and a sampler spreads points over that cube.

mod causal;
mod factor;
mod refine;
mod region;
mod sampler;
mod sobol;
mod spec;
#[cfg(test)]
mod tests;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use causal::{Causal, CausalSpec};
pub use factor::Ball;
use factor::Factor;
pub use refine::{Refine, Resampling};
pub use region::{Domain, Region, Variable};
pub use sampler::Sampler;
pub use spec::{BallSpec, PointsSpec};

/// B points in D inputs, in the user's units.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// (D, B): one column after the other.
    pub inputs: Vec<Vec<f64>>,
    /// (D, B): the outward unit normals. The components of times are 0, and all of them where a union
    /// has points that have none. `None` where no point has one.
    pub normals: Option<Vec<Vec<f64>>>,
}

impl Points {
    /// B, the number of points.
    pub fn len(&self) -> usize {
        self.inputs.first().map_or(0, Vec::len)
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The points of these indices, in their order.
    pub fn select(&self, indices: &[usize]) -> Points {
        let pick = |columns: &Vec<Vec<f64>>| {
            columns.iter().map(|column| indices.iter().map(|index| column[*index]).collect()).collect()
        };
        Points { inputs: pick(&self.inputs), normals: self.normals.as_ref().map(pick) }
    }
}

/// About `count` points of a region: in each of its patches a share by its measure. A patch that is one
/// point, such as an end of an interval, gives that point once, apart from the count; a grid has its
/// own count in each patch, at least 1.
///
/// The same arguments give the same points. Another `round`, counted at each resampling, gives other
/// points, and so must the caller's seed for each of its point sets. Two slices that fix the same
/// inputs at different values have, for one seed and round, points in pairs.
///
/// # Panics
/// If the region has more dimensions than [`Sampler::most_inputs`].
pub fn sample(region: &Region, sampler: Sampler, count: usize, seed: u64, round: u64) -> Points {
    let mut inputs = vec![vec![]; region.inputs];
    let mut normals = inputs.clone();
    let (mut point, mut normal) = (vec![0.0; region.inputs], vec![0.0; region.inputs]);
    let offset = random(*b"sharing.", seed, round, 0).random();
    for (part, (patch, share)) in region.patches.iter().zip(shares(region, sampler, count, offset)).enumerate() {
        let mut random = random(*b"sampling", seed, round, part as u64);
        let dimensions = region::dimensions(patch);
        let cube = if share == 0 { vec![] } else { sampler.unit_cube(dimensions, share, &mut random) };
        let mut unit = vec![0.0; dimensions];
        for index in 0..cube.first().map_or(share, Vec::len) {
            unit.iter_mut().zip(&cube).for_each(|(unit, column)| *unit = column[index]);
            normal.fill(0.0);
            let mut rest = unit.as_slice();
            for factor in patch {
                let own = rest.split_off(..factor.dimensions()).unwrap_or_default();
                factor.place(own, &mut point, &mut normal);
            }
            normalise(&mut normal);
            inputs.iter_mut().zip(&point).for_each(|(column, x)| column.push(*x));
            normals.iter_mut().zip(&normal).for_each(|(column, n)| column.push(*n));
        }
    }
    Points { inputs, normals: region.has_normals().then_some(normals) }
}

/// How many points each patch gets. Its exact share is rounded up or down by where `offset`, between
/// 0 and 1, lets the counted points fall, so that over many rounds even the smallest patch has its
/// share; a grid rounds to the nearest.
fn shares(region: &Region, sampler: Sampler, count: usize, offset: f64) -> Vec<usize> {
    let is_point = |patch: &[Factor]| region::dimensions(patch) == 0;
    let offset = if sampler == Sampler::Grid { 0.5 } else { offset };
    let mut sum = 0.0;
    let mut up_to = |patch: &Vec<Factor>| {
        sum += if is_point(patch) { 0.0 } else { patch.iter().map(Factor::measure).product() };
        sum
    };
    let sums: Vec<f64> = region.patches.iter().map(&mut up_to).collect();
    let total = sums.last().copied().filter(|total| *total > 0.0).unwrap_or(1.0);
    let mut counted = 0;
    let share = |(patch, sum): (&Vec<Factor>, &f64)| {
        let before = counted;
        counted = ((sum / total * count as f64 + offset) as usize).min(count);
        match sampler {
            _ if is_point(patch) => 1,
            Sampler::Grid => (counted - before).max(1),
            _ => counted - before,
        }
    };
    region.patches.iter().zip(&sums).map(share).collect()
}

fn normalise(normal: &mut [f64]) {
    let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
    if length > 0.0 {
        normal.iter_mut().for_each(|n| *n /= length);
    }
}

/// Random numbers of their own for each purpose, seed, round and part: all four are the key.
fn random(purpose: [u8; 8], seed: u64, round: u64, part: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    let words = [purpose, seed.to_le_bytes(), round.to_le_bytes(), part.to_le_bytes()];
    key.chunks_exact_mut(8).zip(words).for_each(|(place, word)| place.copy_from_slice(&word));
    ChaCha8Rng::from_seed(key)
}
