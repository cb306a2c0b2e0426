//! The inside of a domain, its boundary, and pieces of that by name.

use std::sync::Arc;

use super::bounds::Bounds;
use super::factor::{Ball, Factor};
use super::level::Level;
use super::region::{Cut, LEAST_SHARE, Patch, Region, Rule};
use super::set::Set;
use super::shape::Kind;
use super::variable::{self, Variable};
use super::{BOUNDARY, Domain};
use crate::error::{Error, Result, nearest};
use crate::expression::{self, Expression, Scope};

const PART_FORM: &str = "write \"boundary\", the name of a shape, or values of inputs, for example \"x = 0, y = high\"; \
                         comparisons restrict them: \"x = 0, y < 1\"";

/// One entry of `on`, read.
#[derive(Default)]
struct On {
    piece: Option<String>,
    fixed: Vec<(usize, f64)>,
    only: Vec<Level>,
}

impl Domain {
    /// All of it.
    ///
    /// # Errors
    /// A domain that is less than a ten thousandth of a box around it. `place` is the key that cuts it.
    pub fn inside(&self, place: &str) -> Result<Region> {
        let all: Vec<usize> = (0..self.variables.len()).collect();
        if self.is_box() {
            return Ok(self.whole(self.intervals(&all)));
        }
        if let Some(ball) = self.ball() {
            let others: Vec<usize> = all.into_iter().filter(|axis| !ball.axes.contains(axis)).collect();
            return Ok(self.whole(self.intervals(&others).into_iter().chain(Factor::ball(ball)).collect()));
        }
        let bounds = |axis: usize| {
            let of_shape = |shape: usize| self.shapes[shape].bounds(axis);
            self.factors.iter().map(|set| set.bounds(&of_shape)).fold(Bounds::EVERYTHING, Bounds::both)
        };
        let mut factors = self.intervals(&all);
        for factor in &mut factors {
            if let Factor::Interval { axis, low, high, .. } = factor
                && self.space.contains(axis)
            {
                let own = bounds(*axis);
                (*low, *high) = (low.max(own.low), high.min(own.high));
            }
        }
        let is_empty = factors.iter().any(|factor| matches!(factor, Factor::Interval { low, high, .. } if low >= high));
        let cut = Cut { domain: Arc::new(self.clone()), rule: Rule::Inside, only: vec![] };
        let patch = if is_empty { None } else { Patch::new(factors, self.variables.len(), Some(cut)) };
        let patch = patch.ok_or_else(|| {
            let problem = format!("the region is empty, or less than {LEAST_SHARE:e} of the box around it");
            Error::input(place, problem, "check its shapes, or choose [variables] that lie more closely around it")
        })?;
        Ok(Region::new(self.variables.len(), vec![patch]))
    }

    fn whole(&self, factors: Vec<Factor>) -> Region {
        Region::new(self.variables.len(), Patch::new(factors, self.variables.len(), None).into_iter().collect())
    }

    fn intervals(&self, axes: &[usize]) -> Vec<Factor> {
        let interval = |axis: &usize| {
            let Variable { low, high, is_logarithmic, .. } = self.variables[*axis];
            Factor::Interval { axis: *axis, low, high, is_logarithmic }
        };
        axes.iter().map(interval).collect()
    }

    /// The ball that it is, if it is one that fits into the box.
    fn ball(&self) -> Option<Ball> {
        let [_, Set::Shape(shape)] = self.factors[..] else { return None };
        let shape = &self.shapes[shape];
        let Kind::Ball(ball) = &shape.kind else { return None };
        let fits = |(centre, [low, high]): (&f64, &[f64; 2])| {
            // A ball that just fits may stick out by rounding.
            let slack = 1e-12 * (high - low);
            centre - ball.radius >= low - slack && centre + ball.radius <= high + slack
        };
        ball.centre.iter().zip(&shape.intervals).all(fits).then(|| ball.clone())
    }

    /// The part that one entry of `on` describes: `boundary`, the name of a shape, or values of inputs; and comparisons that
    /// restrict it.
    ///
    /// # Errors
    /// What describes no part, or one without points.
    pub fn on(&self, place: &str, text: &str) -> Result<Region> {
        let on = self.read_on(place, text.trim())?;
        let nothing = |help: String| Error::input(place, format!("no point of the domain lies on {text:?}"), help);
        if on.piece.is_none() {
            let extent = |(axis, _): &(usize, f64)| {
                let Variable { name, low, high, .. } = &self.variables[*axis];
                format!("{name} in [{low}, {high}]")
            };
            let extents = on.fixed.iter().map(extent).collect::<Vec<_>>().join(", ");
            let help = format!("the box is {extents}; for the boundary of a shape write its name");
            return self.slice(&on.fixed, on.only).ok_or_else(|| nothing(help));
        }
        if !on.fixed.is_empty() {
            let help = "restrict a boundary by comparisons, as in \"hole, y < 1\"";
            return Err(Error::input(place, format!("{text:?} is both a boundary and values of inputs"), help));
        }
        let name = on.piece.unwrap_or_default();
        if name == BOUNDARY && self.space.is_empty() {
            let help = "fix an input instead, for example \"t = 0\"";
            return Err(Error::input(place, "\"boundary\" needs an input other than t", help));
        }
        let all = self.shapes_in_set();
        let patches: Vec<Patch> = match name.as_str() {
            BOUNDARY => {
                let piece = |(k, shape): (usize, &usize)| self.piece(*shape, &all[..k], &on.only);
                all.iter().enumerate().flat_map(piece).collect()
            }
            _ => {
                let is_named = |shape: &&usize| self.shapes[**shape].name == name;
                all.iter().filter(is_named).flat_map(|shape| self.piece(*shape, &[], &on.only)).collect()
            }
        };
        match patches.is_empty() {
            true => {
                Err(nothing(format!("{name:?} does not bound the domain there; region = … says what the domain is")))
            }
            false => Ok(Region::new(self.variables.len(), patches)),
        }
    }

    fn read_on(&self, place: &str, text: &str) -> Result<On> {
        let names: Vec<String> = self.variables.iter().map(|variable| variable.name.clone()).collect();
        let mut on = On::default();
        for part in text.split(',').map(str::trim) {
            if expression::sides(part).is_some() {
                on.only.push(Level::read(place, part, &names)?);
                continue;
            }
            let Some((name, value)) = part.split_once('=') else {
                let known = [vec![BOUNDARY], self.names()].concat();
                if known.contains(&part) && on.piece.is_none() {
                    on.piece = Some(part.to_string());
                    continue;
                }
                let hint = nearest(part, known).map_or_else(String::new, |near| format!("did you mean {near:?}? "));
                let problem = format!("{part:?} does not describe a part of the domain");
                return Err(Error::input(place, problem, hint + PART_FORM));
            };
            let axis = variable::index(place, name.trim(), &self.variables)?;
            let Variable { low, high, .. } = self.variables[axis];
            let number = match value.trim() {
                "low" => Some(low),
                "high" => Some(high),
                text => Expression::value(place, text, &Scope::default()).ok().and_then(|number| number.constant()),
            };
            let Some(value) = number else {
                let problem = format!("{:?} is not a value for {}", value.trim(), name.trim());
                return Err(Error::input(place, problem, "use a number such as 0.5 or 2*pi, or low or high"));
            };
            if on.fixed.iter().any(|(other, _)| *other == axis) {
                let help = "write several parts as a list, for example [\"x = low\", \"x = high\"]";
                return Err(Error::input(place, format!("{} is given twice", name.trim()), help));
            }
            on.fixed.push((axis, value));
        }
        if on.piece.is_none() && on.fixed.is_empty() {
            let problem = format!("{text:?} does not describe a part of the boundary");
            return Err(Error::input(place, problem, format!("{PART_FORM}; points inside a part have `where`")));
        }
        Ok(on)
    }

    /// Where some inputs have fixed values. An input in space where the domain ends gives the points a normal; with several of
    /// them, on an edge, it is the unit vector between theirs. `None` where the domain has no such points.
    fn slice(&self, fixed: &[(usize, f64)], only: Vec<Level>) -> Option<Region> {
        let mut factors = vec![];
        for axis in 0..self.variables.len() {
            let Variable { low, high, .. } = self.variables[axis];
            match fixed.iter().find(|(input, _)| *input == axis) {
                Some((_, value)) if !(low..=high).contains(value) => return None,
                Some(&(axis, value)) => {
                    let side = f64::from(value == high) - f64::from(value == low);
                    let normal = if self.space.contains(&axis) { side } else { 0.0 };
                    factors.push(Factor::Point { axis, value, normal });
                }
                None => factors.extend(self.intervals(&[axis])),
            }
        }
        let axes = fixed.iter().map(|(axis, _)| *axis).filter(|axis| self.space.contains(axis)).collect();
        let cut = Cut { domain: Arc::new(self.clone()), rule: Rule::Slice { axes }, only };
        let cut = Some(cut).filter(|cut| !(self.is_box() && cut.only.is_empty()));
        let patch = Patch::new(factors, self.variables.len(), cut)?;
        Some(Region::new(self.variables.len(), vec![patch]))
    }

    /// The boundary of a shape as far as it bounds the domain, less what lies on earlier ones.
    pub(super) fn piece(&self, shape: usize, earlier: &[usize], only: &[Level]) -> Vec<Patch> {
        let own = &self.shapes[shape];
        let others: Vec<usize> = (0..self.variables.len()).filter(|axis| !own.axes.contains(axis)).collect();
        let faces: Vec<Vec<Factor>> = match &own.kind {
            Kind::Box(intervals) => {
                let sides: Vec<Factor> = own
                    .axes
                    .iter()
                    .zip(intervals)
                    .map(|(axis, interval)| match shape {
                        0 => self.intervals(&[*axis]).remove(0),
                        _ => Factor::interval(*axis, *interval),
                    })
                    .collect();
                let face = |k: usize, face: Factor| {
                    let mut factors = sides.clone();
                    factors[k] = face;
                    factors
                };
                let faces = |k: usize| sides[k].boundary().into_iter().map(move |side| (k, side));
                (0..sides.len()).flat_map(faces).map(|(k, side)| face(k, side)).collect()
            }
            Kind::Ball(ball) => {
                Factor::ball(ball.clone()).iter().flat_map(Factor::boundary).map(|factor| vec![factor]).collect()
            }
            _ => vec![vec![Factor::Surface(Arc::clone(own))]],
        };
        faces
            .into_iter()
            .filter_map(|face| {
                let mut factors = [face, self.intervals(&others)].concat();
                // Boxes have their inputs in order.
                factors.sort_by_key(|factor| factor.axes()[0]);
                let rule = Rule::Bounds { shape, earlier: earlier.to_vec() };
                let cut = Cut { domain: Arc::new(self.clone()), rule, only: only.to_vec() };
                let cut = Some(cut).filter(|cut| !(self.is_box() && cut.only.is_empty()));
                Patch::new(factors, self.variables.len(), cut)
            })
            .collect()
    }
}
