//! Smooth functions of the inputs that are 0 on a boundary, above 0 on the domain's side of it, and have a normal derivative
//! of about 1 there, as expressions.
//!
//! Sets are joined by R-functions (Rvachev; Shapiro: Acta Numerica 16, 2007): `rmin(a, b)` is above 0 where both are, and has
//! the slope of the one that is 0. Where two boundaries meet in a corner of the domain, `rmin(a, b, c)` is smooth over a
//! length c, so that what is multiplied by it may be smooth, too.

use std::collections::BTreeMap;

use super::convex::Hull;
use super::set::Set;
use super::shape::{Kind, Shape};
use super::{BOUNDARY, BOX, Domain, WHERE};
use crate::expression;

/// Expressions of the inputs by the name of a boundary, or why there is none.
pub type Distances = BTreeMap<String, Result<String, String>>;

/// The length over which corners are rounded, in sizes of the shape.
const ROUNDING: f64 = 0.1;
/// Beyond this expressions would be too long.
const MOST_CORNERS: usize = 150;

impl Domain {
    /// The distances of all shapes, of the conditions, and of the boundary.
    pub(super) fn all_distances(&self) -> Distances {
        let mut distances = Distances::new();
        if self.space.is_empty() {
            return distances;
        }
        for (k, shape) in self.shapes.iter().enumerate().filter(|(_, shape)| shape.name != WHERE) {
            let away = self.factors.iter().filter_map(|set| set.takes_away(k)).next().unwrap_or(false);
            distances.insert(shape.name.clone(), self.of_shape(k, away, k == 0));
        }
        let conditions =
            self.factors.iter().filter(|set| matches!(set, Set::Shape(k) if self.shapes[*k].name == WHERE));
        let conditions: Vec<&Set> = conditions.collect();
        if !conditions.is_empty() {
            distances.insert(WHERE.to_string(), self.all(&conditions, true));
        }
        // A box that lies beyond the shapes, or only touches them, bounds nothing.
        let bounds = self.is_box() || self.on(BOX, BOX).is_ok() && !self.box_is_covered();
        let sets: Vec<&Set> = self.factors.iter().filter(|set| bounds || **set != Set::Shape(0)).collect();
        distances.insert(BOUNDARY.to_string(), self.all(&sets, true));
        distances
    }

    /// Whether what is left of the box's faces lies on the boundaries of other shapes.
    fn box_is_covered(&self) -> bool {
        let all = self.shapes_in_set();
        self.piece(0, &all[..all.len() - 1], &[]).is_empty()
    }

    /// `is_open` says that it is above 0 in all of the domain, as are all that it is made of.
    fn of_set(&self, set: &Set, is_open: bool) -> Result<String, String> {
        match set {
            Set::Shape(shape) => self.of_shape(*shape, false, is_open),
            Set::Not(set) => match &**set {
                Set::Shape(shape) => self.of_shape(*shape, true, false),
                set => Ok(format!("(-{})", self.of_set(set, false)?)),
            },
            Set::All(sets) => self.all(&sets.iter().collect::<Vec<_>>(), is_open),
            Set::Any(sets) => {
                let texts = sets.iter().map(|set| self.of_set(set, false)).collect::<Result<Vec<_>, _>>()?;
                Ok(join("rmax", texts, ""))
            }
        }
    }

    fn all(&self, sets: &[&Set], is_open: bool) -> Result<String, String> {
        let mut all: Option<(String, Vec<usize>)> = None;
        for set in sets {
            let (text, shapes) = (self.of_set(set, is_open)?, set.shapes());
            all = Some(match all {
                None => (text, shapes),
                Some((before, known)) => {
                    let meet = known.iter().any(|a| shapes.iter().any(|b| self.meet(*a, *b)));
                    let size = known.iter().chain(&shapes).map(|k| self.shapes[*k].size).fold(f64::INFINITY, f64::min);
                    let rounding = if is_open && meet { format!(", {:?}", ROUNDING * size) } else { String::new() };
                    (format!("rmin({before}, {text}{rounding})"), [known, shapes].concat())
                }
            });
        }
        all.map(|(text, _)| text).ok_or_else(|| "nothing bounds the domain".to_string())
    }

    /// Whether the boundaries of two shapes come near to each other.
    fn meet(&self, a: usize, b: usize) -> bool {
        const NEAR: f64 = 0.01;
        const PROBES: usize = 1 << 10;
        let alone = Domain { factors: vec![Set::Shape(0), Set::Shape(a)], ..self.clone() };
        alone.piece(a, &[], &[]).iter().any(|patch| {
            let (points, _) = patch.place(self.variables.len(), &patch.probes(PROBES));
            let levels = if points[0].is_empty() { vec![] } else { self.shapes[b].levels(&points) };
            let is_in = |level: &f64| *level > 0.0;
            levels.iter().any(|level| level.abs() < NEAR) || (levels.iter().any(is_in) && !levels.iter().all(is_in))
        })
    }

    fn of_shape(&self, shape: usize, away: bool, is_open: bool) -> Result<String, String> {
        let shape = &self.shapes[shape];
        let name = |axis: &usize| format!("`{}`", self.variables[*axis].name);
        let names: Vec<String> = shape.axes.iter().map(name).collect();
        let off = |centre: &[f64]| -> Vec<String> {
            names.iter().zip(centre).map(|(name, centre)| minus(name, *centre)).collect()
        };
        let signed = |text: String| if away { format!("(-{text})") } else { text };
        match &shape.kind {
            Kind::Box(intervals) => {
                let side = |(name, [low, high]): (&String, &[f64; 2])| {
                    format!("{}*{}/{:?}", minus(name, *low), minus_from(*high, name), high - low)
                };
                let sides = names.iter().zip(intervals).map(side).collect();
                let rounding = if is_open && !away { format!(", {:?}", ROUNDING * shape.size) } else { String::new() };
                Ok(signed(join("rmin", sides, &rounding)))
            }
            Kind::Ball(ball) => {
                let squares: Vec<String> = off(&ball.centre).iter().map(|x| format!("{x}^2")).collect();
                let (square, radius) = (squares.join(" + "), ball.radius);
                Ok(match away {
                    // Smooth in the centre, and smooth outside of it.
                    false => format!("({:?} - ({square}))/{:?}", radius * radius, 2.0 * radius),
                    true => format!("(sqrt({square}) - {radius:?})"),
                })
            }
            Kind::Polygon(polygon) if polygon.corners.len() > MOST_CORNERS => {
                Err(format!("a polygon of more than {MOST_CORNERS} corners would give too long an expression"))
            }
            Kind::Polygon(polygon) => Ok(signed(of_hull(&Hull::of(polygon), &names, is_open && !away))),
            Kind::Star { centre, text, .. } => {
                let off = off(centre);
                Ok(signed(normalised(&star(&off[0], &off[1], text, shape.size), &names, shape.size)))
            }
            Kind::Level { plane: Some((normal, offset)), .. } => {
                let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
                let parts: Vec<String> =
                    normal.iter().zip(&names).map(|(n, name)| format!("({:?})*{name}", -n / length)).collect();
                Ok(signed(format!("({:?} + {})", offset / length, parts.join(" + "))))
            }
            Kind::Level { level, .. } => Ok(signed(normalised(&level.difference, &names, shape.size))),
            Kind::Curve { .. } | Kind::Mesh(_) => Err(Self::without(shape)),
        }
    }

    fn without(shape: &Shape) -> String {
        let (name, other) = match shape.kind {
            Kind::Curve { .. } => ("a curve", "radius_of_angle, a polygon"),
            _ => ("a mesh", "balls, boxes"),
        };
        format!(
            "{:?} is {name}, which has no expression: make it of {other} or a comparison, or give its values by a term",
            shape.name
        )
    }
}

fn minus(name: &str, number: f64) -> String {
    match number {
        0.0 => name.to_string(),
        number if number < 0.0 => format!("({name} + {:?})", -number),
        number => format!("({name} - {number:?})"),
    }
}

fn minus_from(number: f64, name: &str) -> String {
    format!("({number:?} - {name})")
}

/// Joins texts two by two, so that they do not nest deeply.
fn join(function: &str, mut texts: Vec<String>, rounding: &str) -> String {
    while texts.len() > 1 {
        let pair = |pair: &[String]| match pair {
            [a, b] => format!("{function}({a}, {b}{rounding})"),
            rest => rest[0].clone(),
        };
        texts = texts.chunks(2).map(pair).collect();
    }
    texts.remove(0)
}

/// A function over the length of its gradient where it is 0, and no larger than a length elsewhere.
fn normalised(function: &str, names: &[String], length: f64) -> String {
    let squares: Vec<String> = names.iter().map(|name| format!("d({function}, {name})^2")).collect();
    format!("(({function})/sqrt({} + (({function})/{length:?})^2))", squares.join(" + "))
}

fn of_hull(hull: &Hull, names: &[String], is_open: bool) -> String {
    let edge = |[[ax, ay], [bx, by]]: &[[f64; 2]; 2]| {
        let length = (bx - ax).hypot(by - ay);
        let (nx, ny) = ((ay - by) / length, (bx - ax) / length);
        // 0 is not written as −0.
        format!("(({:?})*{} + ({:?})*{})", nx + 0.0, minus(&names[0], *ax), ny + 0.0, minus(&names[1], *ay))
    };
    let pocket = |pocket: &Hull| format!("(-{})", of_hull(pocket, names, false));
    let shortest = hull.edges.iter().map(|[[ax, ay], [bx, by]]| (bx - ax).hypot(by - ay)).fold(f64::INFINITY, f64::min);
    let is_rounded = is_open && shortest.is_finite();
    let rounding = if is_rounded { format!(", {:?}", ROUNDING * shortest) } else { String::new() };
    join("rmin", hull.edges.iter().map(edge).chain(hull.pockets.iter().map(pocket)).collect(), &rounding)
}

/// 1 − (ρ/r(θ))⁶, which is smooth in the centre. The angle is measured once from the right and once from the left, each
/// where it does not jump, and the radius is blended between them: both are the same, and so is what is between.
fn star(x: &str, y: &str, radius: &str, size: f64) -> String {
    let square = format!("({x}^2 + {y}^2)");
    // What is added to keep the centre finite is below rounding.
    let root = format!("sqrt({square} + {:?})", 1e-30 * size * size);
    let guard = 1e-15 * size;
    let right = format!("(2*atan({y}/({root} + {x} + {guard:?})))");
    let left = format!("(pi - 2*atan({y}/({root} - {x} + {guard:?})))");
    let [to_right, to_left] = ["+", "-"].map(|sign| format!("(1 {sign} {x}/{root})^4"));
    let [on_right, on_left] = [right, left].map(|angle| expression::with_name(radius, "theta", &angle));
    let radius = format!("((({on_right})*{to_right} + ({on_left})*{to_left})/({to_right} + {to_left}))");
    format!("1 - ({square}/{radius}^2)^3")
}
