//! Where the points of sampled sets come from: those that are trained on, those that refinement chooses from, and those
//! that judge.

use crate::data::PointSet;
use crate::domain::Region;
use crate::points::{Causal, Points, PointsSpec, Resampling, Sampler, sample};

/// Where sampled points come from.
#[derive(Clone, Debug)]
pub struct Source {
    pub(super) spec: PointsSpec,
    pub(super) causal: Option<Causal>,
    region: Region,
}

/// What tells the seeds of points that judge from those of points that are trained on.
const FRESH_SEED: u64 = 0x5DEE_CE66_D1CE_4E5B;

impl Source {
    pub(super) fn new(spec: PointsSpec, region: Region, causal: Option<Causal>) -> Self {
        Self { spec, causal, region }
    }

    /// When new points are drawn where a stage says `of_stage`, and how: a grid is the same every time, and what is fixed
    /// stays.
    pub(super) fn resampling(&self, of_stage: Option<Resampling>) -> Resampling {
        let own = Resampling { every: self.spec.resample_every, refine: self.spec.refine };
        let Some(of_stage) = of_stage else { return own };
        let refine = of_stage.refine.filter(|refine| refine.candidates > self.spec.count && self.has_others());
        let moves = refine.is_some() || (self.spec.sampler != Sampler::Grid && self.has_others());
        Resampling { every: if moves { of_stage.every } else { 0 }, refine }
    }

    pub(super) fn draw(&self, seed: u64, set: usize, round: u64) -> PointSet {
        point_set(self.sample(self.spec.sampler, self.spec.count, seed, set, round))
    }

    /// What refinement chooses from.
    pub(super) fn candidates(&self, count: usize, seed: u64, set: usize, round: u64) -> Points {
        self.sample(self.spec.sampler, count, seed, set, round)
    }

    /// Whether the points are more than a few that are fixed, so that there are others between them.
    pub fn has_others(&self) -> bool {
        self.region.dimensions() > 0
    }

    /// Whether they lie anywhere in the domain, with no normals.
    pub fn is_inside(&self) -> bool {
        self.spec.is_everywhere()
    }

    /// As many points of the same region that are never trained on; those of a grid lie anywhere between its own.
    pub(super) fn fresh(&self, seed: u64, set: usize, round: u64) -> PointSet {
        let sampler = match self.spec.sampler {
            Sampler::Grid if self.region.dimensions() <= Sampler::Sobol.most_inputs().unwrap_or(usize::MAX) => {
                Sampler::Sobol
            }
            Sampler::Grid => Sampler::Uniform,
            sampler => sampler,
        };
        point_set(self.sample(sampler, self.spec.count, seed ^ FRESH_SEED, set, round))
    }

    /// Every set has a seed of its own, so that no two have their points in pairs.
    fn sample(&self, sampler: Sampler, count: usize, seed: u64, set: usize, round: u64) -> Points {
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(set as u64);
        sample(&self.region, sampler, count, seed, round)
    }
}

pub(super) fn point_set(points: Points) -> PointSet {
    PointSet { inputs: points.inputs, normals: points.normals.unwrap_or_default(), ..PointSet::default() }
}
