//! Which points lie in a domain or bound it. A step to either side of a boundary tells: what bounds the domain has it on
//! one side alone.

use super::Domain;
use super::region::{Cut, Rule};

/// Points of a domain's boundary belong to it, rounding aside; in sizes of a shape.
const SLACK: f64 = 1e-9;
/// The step to either side of a boundary, in sizes of a shape.
const STEP: f64 = 1e-6;
/// Boundaries nearer than this to a point are the same there.
const TOUCH: f64 = 1e-6;

impl Domain {
    /// Whether points (D, B) lie in it or on its boundary, rounding aside.
    pub fn contains(&self, points: &[Vec<f64>]) -> Vec<bool> {
        self.levels(points, None).into_iter().map(|level| level >= -SLACK).collect()
    }

    /// Above 0 inside and below 0 outside; near the boundary about the distance, in widths of a shape. At points (D, B).
    pub fn depths(&self, points: &[Vec<f64>]) -> Vec<f64> {
        self.levels(points, None).into_iter().map(|level| (level + SLACK).clamp(-1.0, 1.0)).collect()
    }

    /// Whether points (D, B) lie in it, and their other inputs, such as times, in their intervals.
    pub fn holds(&self, points: &[Vec<f64>]) -> Vec<bool> {
        let mut are_in = self.contains(points);
        for (axis, variable) in self.variables.iter().enumerate().filter(|(axis, _)| !self.space.contains(axis)) {
            let slack = SLACK * variable.width();
            let interval = variable.low - slack..=variable.high + slack;
            are_in.iter_mut().zip(&points[axis]).for_each(|(is_in, x)| *is_in &= interval.contains(x));
        }
        are_in
    }

    /// Above 0 inside, from points (D, B), or with one shape's level as it is given.
    pub(super) fn levels(&self, points: &[Vec<f64>], given: Option<(usize, f64)>) -> Vec<f64> {
        let known = given.map(|(shape, _)| shape);
        let mut of_shapes = vec![vec![]; self.shapes.len()];
        for shape in self.shapes_in_set().into_iter().filter(|shape| Some(*shape) != known) {
            of_shapes[shape] = self.shapes[shape].levels(points);
        }
        let level = |row: usize| {
            let of_shape = |shape: usize| match given {
                Some((known, level)) if known == shape => level,
                _ => of_shapes[shape][row],
            };
            self.factors.iter().map(|set| set.level(&of_shape)).fold(f64::INFINITY, f64::min)
        };
        (0..points[0].len()).map(level).collect()
    }
}

impl Cut {
    /// Which points (D, B) are kept; their normals (D, B) become those of the domain.
    pub fn keeps(&self, points: &[Vec<f64>], normals: &mut [Vec<f64>]) -> Vec<bool> {
        let mut are_kept = match &self.rule {
            Rule::Inside => self.domain.levels(points, None).into_iter().map(|level| level > 0.0).collect(),
            Rule::Bounds { shape, earlier } => self.bounds(*shape, earlier, points, normals),
            Rule::Slice { axes } => self.slice(axes, points, normals),
        };
        for level in &self.only {
            are_kept.iter_mut().zip(level.holds(points)).for_each(|(kept, holds)| *kept &= holds);
        }
        are_kept
    }

    /// Points on the boundary of a shape bound the domain if it is in on one side of the shape alone.
    fn bounds(&self, shape: usize, earlier: &[usize], points: &[Vec<f64>], normals: &mut [Vec<f64>]) -> Vec<bool> {
        let step = STEP * self.domain.shapes[shape].size;
        let is_in = |side: f64| {
            let move_to = |(column, normal): (&Vec<f64>, &Vec<f64>)| {
                column.iter().zip(normal).map(|(x, n)| x + side * step * n).collect::<Vec<_>>()
            };
            let moved: Vec<Vec<f64>> = points.iter().zip(&*normals).map(move_to).collect();
            // The shape itself is known to the bit.
            self.domain.levels(&moved, Some((shape, -side)))
        };
        let (outer, inner) = (is_in(1.0), is_in(-1.0));
        let mut are_kept: Vec<bool> = outer.iter().zip(&inner).map(|(a, b)| (*a > 0.0) != (*b > 0.0)).collect();
        for (row, outer) in outer.iter().enumerate().filter(|(_, outer)| **outer > 0.0) {
            debug_assert!(outer.is_sign_positive());
            normals.iter_mut().for_each(|column| column[row] = -column[row]);
        }
        for other in earlier {
            let levels = self.domain.shapes[*other].levels(points);
            are_kept.iter_mut().zip(levels).for_each(|(kept, level)| *kept &= level.abs() > TOUCH);
        }
        are_kept
    }

    /// Points at a value of some inputs have a normal along those where the domain ends there.
    fn slice(&self, axes: &[usize], points: &[Vec<f64>], normals: &mut [Vec<f64>]) -> Vec<bool> {
        for axis in axes {
            let variable = &self.domain.variables[*axis];
            let mut moved = points.to_vec();
            let [high, low] = [1.0, -1.0].map(|side| {
                moved[*axis].clone_from(&points[*axis]);
                moved[*axis].iter_mut().for_each(|x| *x += side * STEP * variable.width());
                self.domain.levels(&moved, None)
            });
            for (row, (high, low)) in high.into_iter().zip(low).enumerate() {
                normals[*axis][row] = f64::from(low > 0.0 && high <= 0.0) - f64::from(high > 0.0 && low <= 0.0);
            }
        }
        self.domain.contains(points)
    }
}
