//! Where points may lie: the domain of a problem, its slices and its boundary.

use super::factor::{Ball, Factor};
use crate::error::{Error, Result};
use crate::expression::is_time;

/// An input and its interval, in the user's units.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where it starts.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// Whether points lie evenly over its decades; it then starts above 0.
    pub is_logarithmic: bool,
}

impl Variable {
    /// An input with its interval.
    ///
    /// # Errors
    /// An interval that has no length, or none that f64 can hold.
    pub fn new(name: &str, low: f64, high: f64) -> Result<Self> {
        if low < high && (high - low).is_finite() {
            return Ok(Variable { name: name.into(), low, high, is_logarithmic: false });
        }
        let place = format!("variables.{name}");
        Err(Error::input(
            place,
            format!("[{low}, {high}] is not a valid interval"),
            "write it as [low, high] with low below high",
        ))
    }

    /// The same with points that lie evenly over its decades.
    ///
    /// # Errors
    /// An interval that does not start above 0.
    pub fn over_decades(self) -> Result<Self> {
        if self.low > 0.0 {
            return Ok(Variable { is_logarithmic: true, ..self });
        }
        let problem = format!("an interval from {} has no decades", self.low);
        Err(Error::input(format_args!("variables.{}", self.name), problem, "start it above 0, or remove \"log\""))
    }

    /// True for `t` and `time`: the ends of these are no part of the boundary in space.
    pub fn is_time(&self) -> bool {
        Self::is_time_name(&self.name)
    }

    /// Whether an input of this name is a time.
    pub fn is_time_name(name: &str) -> bool {
        is_time(name)
    }
}

/// The set on which a problem is posed: the product of its inputs' intervals, or of a ball in some
/// of them and the intervals of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    factors: Vec<Factor>,
    /// (D).
    time: Vec<bool>,
}

/// A part of a [`Domain`] that points may lie in: a union of products.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// D.
    pub(super) inputs: usize,
    pub(super) patches: Vec<Vec<Factor>>,
}

impl Domain {
    /// The product of the intervals, or with a ball in place of those of its inputs.
    pub fn new(variables: &[Variable], ball: Option<Ball>) -> Self {
        let round = |axis: &usize| ball.as_ref().is_some_and(|ball| ball.axes.contains(axis));
        let straight = (0..variables.len()).filter(|axis| !round(axis));
        let interval = |axis: usize| {
            let Variable { low, high, is_logarithmic, .. } = variables[axis];
            Factor::Interval { axis, low, high, is_logarithmic }
        };
        let mut factors: Vec<Factor> = straight.map(interval).collect();
        factors.extend(ball.and_then(Factor::ball));
        Domain { factors, time: variables.iter().map(Variable::is_time).collect() }
    }

    /// All of it.
    pub fn inside(&self) -> Region {
        self.region(vec![self.factors.clone()])
    }

    /// The lowest and the highest value of an input.
    pub fn extent(&self, input: usize) -> (f64, f64) {
        let extent = |factor: &Factor| match factor {
            Factor::Interval { axis, low, high, .. } if *axis == input => Some((*low, *high)),
            Factor::Ball(ball) => {
                let centre = ball.centre[ball.axes.iter().position(|axis| *axis == input)?];
                Some((centre - ball.radius, centre + ball.radius))
            }
            _ => None,
        };
        self.factors.iter().find_map(extent).unwrap_or((f64::NAN, f64::NAN))
    }

    /// Where some inputs have fixed values. An input in space at the end of its interval gives the
    /// points a normal; with several of them, on an edge, it is the unit vector between theirs. `None`
    /// where the domain has no such points, or a ball touches them in one alone.
    pub fn slice(&self, fixed: &[(usize, f64)]) -> Option<Region> {
        let mut factors = vec![];
        for factor in &self.factors {
            match factor {
                Factor::Interval { axis, low, high, .. } => match fixed.iter().find(|(input, _)| input == axis) {
                    Some((_, value)) if !(*low..=*high).contains(value) => return None,
                    Some(&(axis, value)) => {
                        let side = f64::from(value == *high) - f64::from(value == *low);
                        let normal = if self.time[axis] { 0.0 } else { side };
                        factors.push(Factor::Point { axis, value, normal });
                    }
                    None => factors.push(factor.clone()),
                },
                Factor::Ball(ball) => {
                    let mut left = ball.clone();
                    for &(axis, value) in fixed.iter().filter(|(axis, _)| ball.axes.contains(axis)) {
                        left = left.section(axis, value);
                        factors.push(Factor::Point { axis, value, normal: 0.0 });
                    }
                    if left.radius.is_nan() || (left.radius == 0.0 && !left.axes.is_empty()) {
                        return None;
                    }
                    factors.extend(Factor::ball(left));
                }
                Factor::Point { .. } | Factor::Sphere(_) => factors.push(factor.clone()),
            }
        }
        Some(self.region(vec![factors]))
    }

    /// The faces of the intervals in space, and the sphere of the ball; all times. `None` where no input
    /// is in space.
    pub fn boundary(&self) -> Option<Region> {
        let mut patches = vec![];
        for (k, factor) in self.factors.iter().enumerate() {
            if matches!(factor, Factor::Interval { axis, .. } if self.time[*axis]) {
                continue;
            }
            for face in factor.boundary() {
                let mut patch = self.factors.clone();
                patch[k] = face;
                patches.push(patch);
            }
        }
        (!patches.is_empty()).then(|| self.region(patches))
    }

    fn region(&self, patches: Vec<Vec<Factor>>) -> Region {
        Region { inputs: self.time.len(), patches }
    }
}

impl Region {
    /// Both regions of one domain; what lies in both counts twice.
    pub fn union(mut self, other: Region) -> Region {
        self.patches.extend(other.patches);
        self
    }

    /// Whether a point (D) lies in it, rounding aside.
    pub fn contains(&self, point: &[f64]) -> bool {
        self.patches.iter().any(|patch| patch.iter().all(|factor| factor.contains(point)))
    }

    /// The most dimensions of one of its patches: 2 for a box in x, y, 1 for its boundary.
    pub fn dimensions(&self) -> usize {
        self.patches.iter().map(|patch| dimensions(patch)).max().unwrap_or(0)
    }

    /// True where its points have outward normals.
    pub fn has_normals(&self) -> bool {
        self.patches.iter().flatten().any(Factor::has_normal)
    }
}

/// The dimensions of a product.
pub(super) fn dimensions(patch: &[Factor]) -> usize {
    patch.iter().map(Factor::dimensions).sum()
}
