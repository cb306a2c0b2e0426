//! Where collocation points come from: regions of the inputs' space, the samplers that fill them, the
//! choice of points where the residual is large, and weights that follow time.
//!
//! A region is a union of patches; each is the image of a unit cube under a map that preserves measure, or what is left of
//! that, and a sampler spreads points over the cube.

mod causal;
mod refine;
mod sampler;
mod sobol;
mod spec;
#[cfg(test)]
mod tests;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use causal::{Causal, CausalSpec};
pub use refine::{Refine, Resampling};
pub use sampler::Sampler;
pub use spec::PointsSpec;

pub use crate::domain::Variable;
use crate::domain::{Patch, Placed, Region};

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
/// own count in each patch, at least 1. Of a patch that is cut from its cube, so many points of the cube are taken that
/// enough are left.
///
/// The same arguments give the same points. Another `round`, counted at each resampling, gives other
/// points, and so must the caller's seed for each of its point sets. Two slices that fix the same
/// inputs at different values have, for one seed and round, points in pairs, where no shape cuts them.
///
/// # Panics
/// If the region has more dimensions than [`Sampler::most_inputs`].
pub fn sample(region: &Region, sampler: Sampler, count: usize, seed: u64, round: u64) -> Points {
    let mut inputs = vec![vec![]; region.inputs()];
    let mut normals = inputs.clone();
    let offset = random(*b"sharing.", seed, round, 0).random();
    for (part, (patch, share)) in region.patches().iter().zip(shares(region, sampler, count, offset)).enumerate() {
        if share == 0 {
            continue;
        }
        let place = |count: usize| {
            let mut random = random(*b"sampling", seed, round, part as u64);
            let dimensions = patch.dimensions();
            let cube = if dimensions == 0 { vec![] } else { sampler.unit_cube(dimensions, count, &mut random) };
            patch.place(region.inputs(), &cube)
        };
        let (own_inputs, own_normals) = placed(patch, sampler, share, place);
        inputs.iter_mut().zip(own_inputs).for_each(|(column, own)| column.extend(own));
        normals.iter_mut().zip(own_normals).for_each(|(column, own)| column.extend(own));
    }
    Points { inputs, normals: region.has_normals().then_some(normals) }
}

/// The first `count` points that are left of those of the cube, of which `place` takes a number; what is left of a grid.
fn placed(patch: &Patch, sampler: Sampler, count: usize, place: impl Fn(usize) -> Placed) -> Placed {
    // A share is known to a few hundredths.
    const SPARE: f64 = 1.1;
    const SPARE_POINTS: f64 = 16.0;
    const MOST_TRIES: usize = 8;
    if patch.dimensions() == 0 || !patch.is_cut() {
        return place(count);
    }
    let wanted = count as f64 / patch.share();
    if sampler == Sampler::Grid {
        return place(wanted.round().max(1.0) as usize);
    }
    let mut tried = wanted * SPARE + SPARE_POINTS;
    let mut found = place(tried as usize);
    for _ in 0..MOST_TRIES {
        if found.0[0].len() >= count {
            break;
        }
        tried *= 2.0;
        found = place(tried as usize);
    }
    let (mut inputs, mut normals) = found;
    inputs.iter_mut().chain(&mut normals).for_each(|column| column.truncate(count));
    (inputs, normals)
}

/// How many points each patch gets. Its exact share is rounded up or down by where `offset`, between
/// 0 and 1, lets the counted points fall, so that over many rounds even the smallest patch has its
/// share; a grid rounds to the nearest.
fn shares(region: &Region, sampler: Sampler, count: usize, offset: f64) -> Vec<usize> {
    let is_point = |patch: &Patch| patch.dimensions() == 0;
    let offset = if sampler == Sampler::Grid { 0.5 } else { offset };
    let mut sum = 0.0;
    let mut up_to = |patch: &Patch| {
        sum += if is_point(patch) { 0.0 } else { patch.measure() };
        sum
    };
    let sums: Vec<f64> = region.patches().iter().map(&mut up_to).collect();
    let total = sums.last().copied().filter(|total| *total > 0.0).unwrap_or(1.0);
    let mut counted = 0;
    let share = |(patch, sum): (&Patch, &f64)| {
        let before = counted;
        counted = ((sum / total * count as f64 + offset) as usize).min(count);
        match sampler {
            _ if is_point(patch) => 1,
            Sampler::Grid => (counted - before).max(1),
            _ => counted - before,
        }
    };
    region.patches().iter().zip(&sums).map(share).collect()
}

/// Random numbers of their own for each purpose, seed, round and part: all four are the key.
pub(crate) fn random(purpose: [u8; 8], seed: u64, round: u64, part: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    let words = [purpose, seed.to_le_bytes(), round.to_le_bytes(), part.to_le_bytes()];
    key.chunks_exact_mut(8).zip(words).for_each(|(place, word)| place.copy_from_slice(&word));
    ChaCha8Rng::from_seed(key)
}
