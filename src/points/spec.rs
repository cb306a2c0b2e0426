//! What a job says of a term's points, and the region that it means.

use super::{Ball, CausalSpec, Domain, Refine, Region, Sampler, Variable};
use crate::error::{Error, Result, nearest, suggest};
use crate::expression::{Expression, Scope};

/// What one set of points may hold in memory.
const MOST_POINTS: usize = 100_000_000;

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
    /// `count` points in the whole box.
    pub fn inside(sampler: Sampler, count: usize) -> Self {
        Self { sampler, count, on: vec![], ball: None, resample_every: 0, refine: None, causal: None }
    }

    /// Checks every key and returns the region that `on` and `ball` describe. `place` is the position in the job,
    /// such as `job.toml: term[0].points`.
    ///
    /// # Errors
    /// What does not hold, with its key.
    pub fn validate(&self, place: &str, variables: &[Variable]) -> Result<Region> {
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
            causal.over(&format!("{place}.causal"), variables)?;
            let is_fixed = |part: &str| part.split_once('=').is_some_and(|(name, _)| name.trim() == causal.input);
            if self.on.iter().any(|part| part.split(',').any(is_fixed)) {
                let problem = format!("all these points have the same {}, so none comes before another", causal.input);
                return bad("causal", problem, "remove it: causal weights are for equations in the interior");
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

impl BallSpec {
    fn resolve(&self, place: &str, variables: &[Variable]) -> Result<Ball> {
        let bad = |key: &str, problem: String, help: String| Err(Error::input(format!("{place}.{key}"), problem, help));
        let axes: Vec<usize> = if self.inputs.is_empty() {
            (0..variables.len()).filter(|axis| !variables[*axis].is_time()).collect()
        } else {
            self.inputs.iter().map(|name| input(&format!("{place}.inputs"), name, variables)).collect::<Result<_>>()?
        };
        if let Some(k) = (1..axes.len()).find(|k| axes[..*k].contains(&axes[*k])) {
            return bad(
                "inputs",
                format!("{:?} appears twice", variables[axes[k]].name),
                "list each input once".into(),
            );
        }
        if axes.is_empty() || axes.len() != self.centre.len() {
            let problem =
                format!("the centre has {} numbers, and the ball has {} inputs", self.centre.len(), axes.len());
            return bad("centre", problem, "give one number per input".into());
        }
        if !(self.radius > 0.0 && self.radius.is_finite()) {
            return bad("radius", format!("{} is not a valid radius", self.radius), "use a number above 0".into());
        }
        for (axis, centre) in axes.iter().zip(&self.centre) {
            let Variable { name, low, high, .. } = &variables[*axis];
            // A ball that just fits may stick out by rounding.
            let slack = 1e-12 * (high - low);
            if !(centre - self.radius >= low - slack && centre + self.radius <= high + slack) {
                let problem = format!("the ball extends beyond {name} = [{low}, {high}]");
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
    index.ok_or_else(|| Error::input(place, format!("unknown variable {name:?}"), suggest(name, &names)))
}

/// One entry of `on`.
fn part(place: &str, text: &str, variables: &[Variable], domain: &Domain) -> Result<Region> {
    const PART_FORM: &str = "write \"boundary\", or values of inputs, for example \"x = 0, y = high\"";
    let text = text.trim();
    if text == "boundary" {
        return domain.boundary().ok_or_else(|| {
            let help = "fix an input instead, for example \"t = 0\"";
            Error::input(place, "\"boundary\" needs an input other than t", help)
        });
    }
    let mut fixed: Vec<(usize, f64)> = vec![];
    for equation in text.split(',') {
        let Some((name, value)) = equation.split_once('=') else {
            let hint = nearest(text, ["boundary"]).map_or_else(String::new, |near| format!("did you mean {near:?}? "));
            return Err(Error::input(
                place,
                format!("{:?} does not describe a part of the domain", equation.trim()),
                hint + PART_FORM,
            ));
        };
        let axis = input(place, name.trim(), variables)?;
        let (low, high) = domain.extent(axis);
        let number = match value.trim() {
            "low" => Some(low),
            "high" => Some(high),
            text => Expression::value(place, text, &Scope::default()).ok().and_then(|number| number.constant()),
        };
        let Some(value) = number else {
            let problem = format!("{:?} is not a value for {}", value.trim(), name.trim());
            return Err(Error::input(place, problem, "use a number such as 0.5 or 2*pi, or low or high"));
        };
        if fixed.iter().any(|(other, _)| *other == axis) {
            let help = "write several parts as a list, for example [\"x = low\", \"x = high\"]";
            return Err(Error::input(place, format!("{} is given twice", name.trim()), help));
        }
        fixed.push((axis, value));
    }
    domain.slice(&fixed).ok_or_else(|| {
        let extent = |(axis, _): &(usize, f64)| {
            let (low, high) = domain.extent(*axis);
            format!("{} in [{low}, {high}]", variables[*axis].name)
        };
        let extents = fixed.iter().map(extent).collect::<Vec<_>>().join(", ");
        let help = format!("the domain is {extents}; for the sphere around a ball write \"boundary\"");
        Error::input(place, format!("no point of the domain lies on {text:?}"), help)
    })
}
