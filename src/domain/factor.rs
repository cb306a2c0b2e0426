//! The pieces that regions are products of, and their maps from the unit cube.
//!
//! Every map preserves measure, but that of an interval over decades, which preserves that of its logarithm: equal parts
//! of the cube go to equal parts of the piece, so points spread evenly in the cube lie evenly in the piece, and none is
//! thrown away. Some surfaces of shapes have no such map, and say which points fall beside them.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use super::shape::Shape;

/// A ball in some of the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Ball {
    /// The inputs that it lies in.
    pub axes: Vec<usize>,
    /// Its centre, a number for each axis.
    pub centre: Vec<f64>,
    /// Its radius, above 0.
    pub radius: f64,
}

/// A piece in one or several inputs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Factor {
    /// One value of one input; `normal` is −1 or 1 at the low or high end of an interval, else 0.
    Point { axis: usize, value: f64, normal: f64 },
    Interval {
        axis: usize,
        low: f64,
        high: f64,
        /// Whether equal parts of the cube go to equal ratios, not to equal lengths.
        is_logarithmic: bool,
    },
    /// In at least two inputs.
    Ball(Ball),
    /// The boundary of a ball in at least two inputs.
    Sphere(Ball),
    /// The boundary of another shape.
    Surface(Arc<Shape>),
}

impl Factor {
    /// An interval of an input.
    pub(super) fn interval(axis: usize, [low, high]: [f64; 2]) -> Factor {
        Factor::Interval { axis, low, high, is_logarithmic: false }
    }

    /// A ball in any number of inputs: in one it is an interval, in none nothing is left to place.
    pub(super) fn ball(ball: Ball) -> Option<Factor> {
        match (ball.axes.as_slice(), ball.centre.as_slice()) {
            ([], _) => None,
            (&[axis], &[centre]) => Some(Factor::interval(axis, [centre - ball.radius, centre + ball.radius])),
            _ => Some(Factor::Ball(ball)),
        }
    }

    /// The dimensions of the unit cube that maps onto it.
    pub(super) fn dimensions(&self) -> usize {
        match self {
            Factor::Point { .. } => 0,
            Factor::Interval { .. } => 1,
            Factor::Ball(ball) => ball.axes.len(),
            Factor::Sphere(ball) => ball.axes.len() - 1,
            Factor::Surface(shape) => shape.surface_dimensions(),
        }
    }

    /// Its length, area, volume, …; 1 for a point.
    pub(super) fn measure(&self) -> f64 {
        match self {
            Factor::Point { .. } => 1.0,
            Factor::Interval { low, high, .. } => high - low,
            Factor::Ball(ball) => unit_volume(ball.axes.len()) * ball.radius.powi(ball.axes.len() as i32),
            Factor::Sphere(ball) => {
                let d = ball.axes.len();
                d as f64 * unit_volume(d) * ball.radius.powi(d as i32 - 1)
            }
            Factor::Surface(shape) => shape.surface_measure(),
        }
    }

    /// Its boundary: the faces of an interval, the sphere of a ball.
    pub(super) fn boundary(&self) -> Vec<Factor> {
        match self {
            Factor::Interval { axis, low, high, .. } => [(low, -1.0), (high, 1.0)]
                .map(|(value, normal)| Factor::Point { axis: *axis, value: *value, normal })
                .into(),
            Factor::Ball(ball) => vec![Factor::Sphere(ball.clone())],
            Factor::Point { .. } | Factor::Sphere(_) | Factor::Surface(_) => vec![],
        }
    }

    /// True where its points have an outward normal.
    pub(super) fn has_normal(&self) -> bool {
        matches!(self, Factor::Sphere(_) | Factor::Surface(_))
            || matches!(self, Factor::Point { normal, .. } if *normal != 0.0)
    }

    /// Writes its inputs of points (D, B), and its part of their normals (D, B), from their places in the cube (·, B), and
    /// unmarks points that fall beside it (B).
    pub(super) fn place(
        &self,
        cube: &[Vec<f64>],
        points: &mut [Vec<f64>],
        normals: &mut [Vec<f64>],
        are_kept: &mut [bool],
    ) {
        if let Factor::Surface(shape) = self {
            return shape.place(cube, points, normals, are_kept);
        }
        let (mut point, mut normal) = (vec![0.0; points.len()], vec![0.0; points.len()]);
        let axes = self.axes();
        for row in 0..are_kept.len() {
            let unit: Vec<f64> = cube.iter().map(|column| column[row]).collect();
            self.place_one(&unit, &mut point, &mut normal);
            for axis in &axes {
                points[*axis][row] = point[*axis];
                normals[*axis][row] = normal[*axis];
            }
        }
    }

    /// The inputs that it says where to be.
    pub(super) fn axes(&self) -> Vec<usize> {
        match self {
            Factor::Point { axis, .. } | Factor::Interval { axis, .. } => vec![*axis],
            Factor::Ball(ball) | Factor::Sphere(ball) => ball.axes.clone(),
            Factor::Surface(shape) => shape.axes.clone(),
        }
    }

    fn place_one(&self, unit: &[f64], point: &mut [f64], normal: &mut [f64]) {
        match self {
            Factor::Point { axis, value, normal: side } => {
                point[*axis] = *value;
                normal[*axis] = *side;
            }
            // The clamp takes back what rounding may add.
            Factor::Interval { axis, low, high, is_logarithmic } => {
                let x = match is_logarithmic {
                    true => low * (high / low).powf(unit[0]),
                    false => low + (high - low) * unit[0],
                };
                point[*axis] = x.clamp(*low, *high);
            }
            Factor::Ball(ball) => {
                for ((axis, centre), x) in ball.axes.iter().zip(&ball.centre).zip(unit_ball(unit)) {
                    point[*axis] = centre + ball.radius * x;
                }
            }
            Factor::Sphere(ball) => {
                for ((axis, centre), x) in ball.axes.iter().zip(&ball.centre).zip(unit_sphere(unit)) {
                    point[*axis] = centre + ball.radius * x;
                    normal[*axis] = x;
                }
            }
            Factor::Surface(_) => unreachable!("surfaces place many points at once"),
        }
    }
}

/// The volume of the unit ball in `d` dimensions.
fn unit_volume(d: usize) -> f64 {
    match d {
        0 => 1.0,
        1 => 2.0,
        _ => TAU / d as f64 * unit_volume(d - 2),
    }
}

/// From the unit cube (d) onto the unit ball (d), two coordinates after two: the pair's distance ρ
/// from the centre exceeds r in a fraction (1 − r²)^(d/2) of the volume, and what is left is a ball
/// of d − 2 dimensions with the radius √(1 − ρ²).
fn unit_ball(unit: &[f64]) -> Vec<f64> {
    let (mut point, mut radius) = (Vec::with_capacity(unit.len()), 1.0);
    for (k, pair) in unit.chunks(2).enumerate() {
        if let [u, v] = pair {
            let left = u.powf(1.0 / (unit.len() - 2 * k) as f64);
            polar(radius * (1.0 - left * left).sqrt(), *v, &mut point);
            radius *= left;
        } else {
            point.push(radius * (2.0 * pair[0] - 1.0));
        }
    }
    point
}

/// From the unit cube (d − 1) onto the unit sphere (d ≥ 2), likewise: here the fraction is
/// (1 − r²)^((d − 2)/2); the last two dimensions are a circle, the last three Archimedes' cylinder.
fn unit_sphere(unit: &[f64]) -> Vec<f64> {
    let (mut point, mut radius) = (Vec::with_capacity(unit.len() + 1), 1.0);
    for (k, pair) in unit.chunks(2).enumerate() {
        match (pair, unit.len() + 1 - 2 * k) {
            ([u, v], 3) => {
                let z = 2.0 * u - 1.0;
                polar(radius * (1.0 - z * z).sqrt(), *v, &mut point);
                point.push(radius * z);
            }
            ([u, v], d) => {
                let left = u.powf(1.0 / (d - 2) as f64);
                polar(radius * (1.0 - left * left).sqrt(), *v, &mut point);
                radius *= left;
            }
            (rest, _) => polar(radius, rest[0], &mut point),
        }
    }
    point
}

/// Adds the point of a circle at a fraction of its turn.
fn polar(radius: f64, turn: f64, point: &mut Vec<f64>) {
    let (sin, cos) = (2.0 * PI * turn).sin_cos();
    point.extend([radius * cos, radius * sin]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::points::{Sampler, random};

    /// A uniform point of the ball of d dimensions has E |x|² = d/(d + 2) and E xᵢ² = 1/(d + 2), of the
    /// sphere E xᵢ² = 1/d and E xᵢ⁴ = 3/(d(d + 2)). 2¹⁴ Sobol points give them to better than 1e-3.
    #[test]
    fn balls_and_spheres_are_filled_evenly() {
        const COUNT: usize = 1 << 14;
        let mean =
            |points: &[Vec<f64>], f: &dyn Fn(&[f64]) -> f64| points.iter().map(|x| f(x)).sum::<f64>() / COUNT as f64;
        let map = |dimensions: usize, to: fn(&[f64]) -> Vec<f64>| -> Vec<Vec<f64>> {
            let unit = Sampler::Sobol.unit_cube(dimensions, COUNT, &mut random(*b"testing.", 1, 0, 0));
            (0..COUNT).map(|point| to(&unit.iter().map(|u| u[point]).collect::<Vec<_>>())).collect()
        };
        for d in 2..=7 {
            let (ball, sphere, n) = (map(d, unit_ball), map(d - 1, unit_sphere), d as f64);
            assert!(ball.iter().all(|x| x.len() == d && x.iter().map(|x| x * x).sum::<f64>() <= 1.0 + 1e-12));
            assert!(sphere.iter().all(|x| x.len() == d && (x.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12));
            for k in 0..d {
                for (found, expected) in [
                    (mean(&ball, &|x| x[k]), 0.0),
                    (mean(&ball, &|x| x[k].powi(2)), 1.0 / (n + 2.0)),
                    (mean(&sphere, &|x| x[k]), 0.0),
                    (mean(&sphere, &|x| x[k].powi(2)), 1.0 / n),
                    (mean(&sphere, &|x| x[k].powi(4)), 3.0 / (n * (n + 2.0))),
                ] {
                    assert!((found - expected).abs() < 1e-3, "d = {d}, input {k}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn measures_are_the_known_ones() {
        let ball = |d: usize| Ball { axes: (0..d).collect(), centre: vec![0.0; d], radius: 2.0 };
        for (found, expected) in [
            (Factor::Ball(ball(2)).measure(), 4.0 * PI),
            (Factor::Sphere(ball(2)).measure(), 4.0 * PI),
            (Factor::Ball(ball(3)).measure(), 32.0 / 3.0 * PI),
            (Factor::Sphere(ball(3)).measure(), 16.0 * PI),
            (Factor::Ball(ball(4)).measure(), 8.0 * PI * PI),
        ] {
            assert!((found - expected).abs() < 1e-12 * expected);
        }
    }
}
