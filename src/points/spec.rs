//! What a job says of a term's points, and the region that it means.

use super::{Ball, CausalSpec, Domain, Refine, Region, Sampler, Variable};
use crate::error::{Error, Result, nearest, suggest};
use crate::expression::{Expression, Scope};

/// What one set of points may hold in memory.
const MOST: usize = 100_000_000;

/// A term's points, as a job states them.
#[derive(Clone, Debug, PartialEq)]
pub struct PointsSpec {
    /// How they spread.
    pub sampler: Sampler,
    /// How many, at least 1.
    pub count: usize,
    /// The parts of the domain that they lie on, all of which count: `boundary`, or `x = 0`, or with
    /// several inputs fixed at once `x = 0, y = high`. Empty for the inside.
    pub on: Vec<String>,
    /// A ball that stands for the intervals of its inputs.
    pub ball: Option<BallSpec>,
    /// After how many steps new points are drawn; 0 for never.
    pub resample_every: u64,
    /// Whether the new points go where the residual is large.
    pub refine: Option<Refine>,
    /// Whether later points count once the earlier are learned.
    pub causal: Option<CausalSpec>,
}

/// A ball as a job states it.
#[derive(Clone, Debug, PartialEq)]
pub struct BallSpec {
    /// The inputs that it lies in; empty for all that are not times.
    pub inputs: Vec<String>,
    /// A number for each of them.
    pub centre: Vec<f64>,
    /// Above 0.
    pub radius: f64,
}

impl PointsSpec {
    /// So many points of the whole box.
    pub fn inside(sampler: Sampler, count: usize) -> Self {
        Self { sampler, count, on: vec![], ball: None, resample_every: 0, refine: None, causal: None }
    }

    /// Checks every key, and gives the region that `on` and `ball` mean. `place` is where the points
    /// stand in the job, as in `job.toml: term[0].points`.
    ///
    /// # Errors
    /// What does not hold, with its key.
    pub fn validate(&self, place: &str, variables: &[Variable]) -> Result<Region> {
        let bad = |key: &str, problem: String, help: &str| Err(Error::input(format!("{place}.{key}"), problem, help));
        if self.count == 0 || self.count > MOST {
            return bad("count", format!("{} points", self.count), &format!("take 1 to {MOST}"));
        }
        if self.sampler == Sampler::Grid && self.resample_every > 0 && self.refine.is_none() {
            let problem = "a grid is the same at every resampling".to_owned();
            return bad("resample_every", problem, "set it to 0, or take another sampler");
        }
        if let Some(refine) = self.refine {
            if self.resample_every == 0 {
                let problem = "points are refined when they are resampled, which is never".to_owned();
                return bad("resample_every", problem, "set it to the steps between two refinements, such as 1000");
            }
            if refine.candidates <= self.count || refine.candidates > MOST {
                let problem = format!("{} candidates for {} points", refine.candidates, self.count);
                return bad("refine.candidates", problem, &format!("take more than the points, and at most {MOST}"));
            }
            for (key, value) in [("exponent", refine.exponent), ("offset", refine.offset)] {
                if !(value >= 0.0 && value.is_finite()) {
                    return bad(&format!("refine.{key}"), format!("{value} is out of range"), "take a number from 0");
                }
            }
        }
        if let Some(causal) = &self.causal {
            causal.over(&format!("{place}.causal"), variables)?;
            let is_fixed = |part: &str| part.split_once('=').is_some_and(|(name, _)| name.trim() == causal.input);
            if self.on.iter().any(|part| part.split(',').any(is_fixed)) {
                let problem = format!("the points lie at one {} each, so that none comes before another", causal.input);
                return bad("causal", problem, "remove it here; it is for the equation inside");
            }
        }
        let ball = self.ball.as_ref().map(|ball| ball.resolve(&format!("{place}.ball"), variables)).transpose()?;
        let domain = Domain::new(variables, ball);
        let on = format!("{place}.on");
        let parts = self.on.iter().map(|text| part(&on, text, variables, &domain));
        let region = match parts.reduce(|all, part| Ok(all?.union(part?))) {
            Some(region) => region?,
            None => domain.inside(),
        };
        match self.sampler.most_inputs() {
            Some(most) if region.dimensions() > most => {
                let problem =
                    format!("{} points have at most {most} dimensions, these {}", self.sampler, region.dimensions());
                bad("sampler", problem, "take halton, latin_hypercube or uniform")
            }
            _ => Ok(region),
        }
    }
}

impl BallSpec {
    fn resolve(&self, place: &str, variables: &[Variable]) -> Result<Ball> {
        let bad = |key: &str, problem: String, help: String| Err(Error::input(format!("{place}.{key}"), problem, help));
        let axes: Vec<usize> = if self.inputs.is_empty() {
            (0..variables.len()).filter(|axis| !variables[*axis].is_time()).collect()
        } else {
            self.inputs.iter().map(|name| input(&format!("{place}.inputs"), name, variables)).collect::<Result<_>>()?
        };
        if let Some(k) = (1..axes.len()).find(|k| axes[..*k].contains(&axes[*k])) {
            return bad("inputs", format!("{:?} is named twice", variables[axes[k]].name), "name it once".into());
        }
        if axes.is_empty() || axes.len() != self.centre.len() {
            let problem = format!("{} numbers for the {} inputs of the ball", self.centre.len(), axes.len());
            return bad("centre", problem, "give a number for each".into());
        }
        if !(self.radius > 0.0 && self.radius.is_finite()) {
            return bad("radius", format!("{} is no radius", self.radius), "take a number above 0".into());
        }
        for (axis, centre) in axes.iter().zip(&self.centre) {
            let Variable { name, low, high } = &variables[*axis];
            // A ball that just fits may stick out by rounding.
            let slack = 1e-12 * (high - low);
            if !(centre - self.radius >= low - slack && centre + self.radius <= high + slack) {
                let problem = format!("the ball reaches beyond {name} = [{low}, {high}]");
                return bad("radius", problem, format!("widen variables.{name}, or make the ball smaller"));
            }
        }
        Ok(Ball { axes, centre: self.centre.clone(), radius: self.radius })
    }
}

/// The index of a named input.
fn input(place: &str, name: &str, variables: &[Variable]) -> Result<usize> {
    let names: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
    let index = names.iter().position(|known| *known == name);
    index.ok_or_else(|| Error::input(place, format!("{name:?} is no variable"), suggest(name, &names)))
}

/// One entry of `on`.
fn part(place: &str, text: &str, variables: &[Variable], domain: &Domain) -> Result<Region> {
    const FORM: &str = "write \"boundary\", or inputs with their values as in \"x = 0, y = high\"";
    let text = text.trim();
    if text == "boundary" {
        return domain.boundary().ok_or_else(|| {
            let help = "name an end instead, as in \"t = 0\"";
            Error::input(place, "no input is in space, so that there is no boundary", help)
        });
    }
    let mut fixed: Vec<(usize, f64)> = vec![];
    for equation in text.split(',') {
        let Some((name, value)) = equation.split_once('=') else {
            let hint = nearest(text, ["boundary"]).map_or_else(String::new, |near| format!("did you mean {near:?}? "));
            return Err(Error::input(place, format!("{:?} is no part of the domain", equation.trim()), hint + FORM));
        };
        let axis = input(place, name.trim(), variables)?;
        let (low, high) = domain.extent(axis);
        let number = match value.trim() {
            "low" => Some(low),
            "high" => Some(high),
            text => Expression::value(place, text, &Scope::default()).ok().and_then(|number| number.constant()),
        };
        let Some(value) = number else {
            let problem = format!("{:?} is no value of {}", value.trim(), name.trim());
            return Err(Error::input(place, problem, "take a number such as 0.5 or 2*pi, low or high"));
        };
        if fixed.iter().any(|(other, _)| *other == axis) {
            let help = "for several parts write a list, as in [\"x = low\", \"x = high\"]";
            return Err(Error::input(place, format!("{} is fixed twice", name.trim()), help));
        }
        fixed.push((axis, value));
    }
    domain.slice(&fixed).ok_or_else(|| {
        let extent = |(axis, _): &(usize, f64)| {
            let (low, high) = domain.extent(*axis);
            format!("{} in [{low}, {high}]", variables[*axis].name)
        };
        let extents = fixed.iter().map(extent).collect::<Vec<_>>().join(", ");
        let help = format!("the domain has {extents}; for a ball's sphere write \"boundary\"");
        Error::input(place, format!("no points of the domain lie on {text:?}"), help)
    })
}
