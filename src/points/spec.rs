//! What a job says of a term's points, and the region that it means.

use std::borrow::Cow;

use super::{CausalSpec, Refine, Sampler};
use crate::domain::{Domain, Region};
use crate::error::{Error, Result};

/// What one set of points may hold in memory.
const MOST_POINTS: usize = 100_000_000;

/// A term's points, as a job states them.
#[derive(Clone, Debug, PartialEq)]
pub struct PointsSpec {
    /// How they spread.
    pub sampler: Sampler,
    /// How many, at least 1.
    pub count: usize,
    /// The parts of the domain that they lie on, all of which count: `boundary`, the name of a shape, or `x = 0`, or with
    /// several inputs fixed at once `x = 0, y = high`; restricted by comparisons, as in `x = 0, y < 1`. Empty for the
    /// inside.
    pub on: Vec<String>,
    /// A set expression of the domain's shapes: their part of the domain.
    pub region: Option<String>,
    /// Comparisons of inputs in space that hold in their part of the domain.
    pub conditions: Vec<String>,
    /// After how many steps new points are drawn; 0 for never.
    pub resample_every: u64,
    /// Whether the new points go where the residual is large.
    pub refine: Option<Refine>,
    /// Whether later points count once the earlier are learned.
    pub causal: Option<CausalSpec>,
}

impl PointsSpec {
    /// `count` points in the whole domain.
    pub fn inside(sampler: Sampler, count: usize) -> Self {
        Self {
            sampler,
            count,
            on: vec![],
            region: None,
            conditions: vec![],
            resample_every: 0,
            refine: None,
            causal: None,
        }
    }

    /// Whether they lie anywhere in the domain.
    pub fn is_everywhere(&self) -> bool {
        self.on.is_empty() && self.region.is_none() && self.conditions.is_empty()
    }

    /// The part of the domain that `region` and `where` describe.
    ///
    /// # Errors
    /// Those of [`Domain::part`].
    pub fn part<'a>(&self, place: &str, domain: &'a Domain) -> Result<Cow<'a, Domain>> {
        match (&self.region, &self.conditions[..]) {
            (None, []) => Ok(Cow::Borrowed(domain)),
            (region, conditions) => {
                let place = |key: &str| format!("{place}.{key}");
                domain.part(&place, region.as_deref(), conditions).map(Cow::Owned)
            }
        }
    }

    /// Checks every key and returns the part of the domain that they describe. `place` is the position in the job,
    /// such as `job.toml: term[0].points`.
    ///
    /// # Errors
    /// What does not hold, with its key.
    pub fn validate(&self, place: &str, domain: &Domain) -> Result<Region> {
        let bad = |key: &str, problem: String, help: &str| Err(Error::input(format!("{place}.{key}"), problem, help));
        if self.count == 0 || self.count > MOST_POINTS {
            return bad("count", format!("{} points are out of range", self.count), &format!("use 1 to {MOST_POINTS}"));
        }
        if self.sampler == Sampler::Grid && self.resample_every > 0 && self.refine.is_none() {
            let problem = "a grid has the same points at every resampling".to_owned();
            return bad("resample_every", problem, "set it to 0, or use another sampler");
        }
        if let Some(refine) = self.refine {
            if self.resample_every == 0 {
                let problem = "refinement happens when points are resampled, and resample_every is 0".to_owned();
                return bad(
                    "resample_every",
                    problem,
                    "set it to the number of steps between refinements, for example 1000",
                );
            }
            if refine.candidates <= self.count || refine.candidates > MOST_POINTS {
                let problem = format!("{} candidates for {} points are out of range", refine.candidates, self.count);
                return bad(
                    "refine.candidates",
                    problem,
                    &format!("use more candidates than points, and at most {MOST_POINTS}"),
                );
            }
            for (key, value) in [("exponent", refine.exponent), ("offset", refine.offset)] {
                if !(value >= 0.0 && value.is_finite()) {
                    return bad(
                        &format!("refine.{key}"),
                        format!("{value} is out of range"),
                        "use a number of at least 0",
                    );
                }
            }
        }
        if let Some(causal) = &self.causal {
            causal.over(&format!("{place}.causal"), domain.variables())?;
            let is_fixed = |part: &str| part.split_once('=').is_some_and(|(name, _)| name.trim() == causal.input);
            if self.on.iter().any(|part| part.split(',').any(is_fixed)) {
                let problem = format!("all these points have the same {}, so none comes before another", causal.input);
                return bad("causal", problem, "remove it: causal weights are for equations in the interior");
            }
        }
        let domain = self.part(place, domain)?;
        let on = format!("{place}.on");
        // A union has each part once.
        let others = self.on.iter().enumerate().filter(|(k, text)| !self.on[..*k].contains(text));
        let parts = others.map(|(_, text)| domain.on(&on, text));
        let region = match parts.reduce(|all, part| Ok(all?.union(part?))) {
            Some(region) => region?,
            None => domain.inside(place)?,
        };
        if self.count as f64 / region.least_share() > MOST_POINTS as f64 {
            let problem = format!("{} points are out of range where so little of a box is left", self.count);
            return bad("count", problem, "use fewer, or choose [variables] that lie more closely around the region");
        }
        match self.sampler.most_inputs() {
            Some(most) if region.dimensions() > most => {
                let problem = format!(
                    "{} supports at most {most} dimensions, and these points have {}",
                    self.sampler,
                    region.dimensions()
                );
                bad("sampler", problem, "use halton, latin_hypercube or uniform")
            }
            _ => Ok(region),
        }
    }
}
