//! The boundaries of shapes, and their maps from the unit cube: by length or area where there is such a map, else by
//! what falls near and is moved onto them.

use super::shape::{Kind, Shape};

/// How far from a level's zero points may fall that are moved onto it, in sizes of the shape.
const SHELL_DEPTH: f64 = 0.02;
/// Newton's steps on the way there.
const MOST_STEPS: usize = 30;

impl Shape {
    /// The dimensions of the unit cube that maps onto its boundary, or beside it.
    pub fn surface_dimensions(&self) -> usize {
        match &self.kind {
            Kind::Level { curve: None, plane: None, .. } => self.axes.len(),
            _ => self.axes.len() - 1,
        }
    }

    /// The length or area of the boundary; where points of the cube fall beside it, over the part of them that fall on it.
    pub fn surface_measure(&self) -> f64 {
        let widths = |skipped: Option<usize>| -> f64 {
            let kept = self.intervals.iter().enumerate().filter(|(k, _)| Some(*k) != skipped);
            kept.map(|(_, [low, high])| high - low).product()
        };
        match &self.kind {
            Kind::Polygon(polygon) => super::outline::length(polygon),
            Kind::Star { curve, .. } | Kind::Curve { curve, .. } | Kind::Level { curve: Some(curve), .. } => {
                curve.length()
            }
            Kind::Mesh(mesh) => mesh.area(),
            Kind::Level { plane: Some((normal, _)), .. } => {
                let solved = self.solved(normal);
                let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
                widths(Some(solved)) * length / normal[solved].abs()
            }
            Kind::Level { .. } => widths(None) / (2.0 * SHELL_DEPTH * self.size),
            Kind::Box(_) | Kind::Ball(_) => unreachable!("made of factors"),
        }
    }

    /// The input, of its own, that follows from the others on a plane.
    fn solved(&self, normal: &[f64]) -> usize {
        let slope = |k: &usize| normal[*k].abs() * (self.intervals[*k][1] - self.intervals[*k][0]);
        (0..normal.len()).max_by(|a, b| slope(a).total_cmp(&slope(b))).expect("a plane has a normal")
    }

    /// Writes its inputs of points (D, B), and its part of their normals (D, B), from their places in the cube, and
    /// unmarks those that fall beside it.
    pub fn place(&self, cube: &[Vec<f64>], points: &mut [Vec<f64>], normals: &mut [Vec<f64>], are_kept: &mut [bool]) {
        let mut write = |row: usize, at: &[f64], normal: &[f64]| {
            for (k, axis) in self.axes.iter().enumerate() {
                points[*axis][row] = at[k];
                normals[*axis][row] = normal[k];
            }
        };
        match &self.kind {
            Kind::Polygon(polygon) => {
                let placed = super::outline::along(polygon, &cube[0]);
                placed.iter().enumerate().for_each(|(row, (at, normal))| write(row, at, normal));
            }
            Kind::Star { curve, .. } | Kind::Curve { curve, .. } | Kind::Level { curve: Some(curve), .. } => {
                let placed = curve.place(&cube[0]);
                placed.iter().enumerate().for_each(|(row, (at, normal))| write(row, at, normal));
            }
            Kind::Mesh(mesh) => {
                for (row, (u, v)) in cube[0].iter().zip(&cube[1]).enumerate() {
                    let (at, normal) = mesh.place([*u, *v]);
                    write(row, &at, &normal);
                }
            }
            Kind::Level { plane: Some((normal, offset)), .. } => {
                let solved = self.solved(normal);
                let others: Vec<usize> = (0..self.axes.len()).filter(|k| *k != solved).collect();
                let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
                let unit: Vec<f64> = normal.iter().map(|n| n / length).collect();
                for (row, is_kept) in are_kept.iter_mut().enumerate() {
                    let mut at = vec![0.0; self.axes.len()];
                    for (k, u) in others.iter().zip(cube) {
                        let [low, high] = self.intervals[*k];
                        at[*k] = low + (high - low) * u[row];
                    }
                    let rest: f64 = others.iter().map(|k| normal[*k] * at[*k]).sum();
                    at[solved] = (offset - rest) / normal[solved];
                    *is_kept &= self.is_in_box(&at);
                    write(row, &at, &unit);
                }
            }
            Kind::Level { .. } => self.place_near(cube, points, normals, are_kept),
            Kind::Box(_) | Kind::Ball(_) => unreachable!("made of factors"),
        }
    }

    fn is_in_box(&self, at: &[f64]) -> bool {
        at.iter().zip(&self.intervals).all(|(x, [low, high])| (low..=high).contains(&x))
    }

    /// Points of the box that fall near a level's zero are moved onto it along its gradient: of a shell of even depth equal
    /// volumes stand over equal areas, to the first order of the depth.
    fn place_near(&self, cube: &[Vec<f64>], points: &mut [Vec<f64>], normals: &mut [Vec<f64>], are_kept: &mut [bool]) {
        let Kind::Level { level, .. } = &self.kind else { unreachable!("a level") };
        for ((axis, [low, high]), u) in self.axes.iter().zip(&self.intervals).zip(cube) {
            points[*axis].iter_mut().zip(u).for_each(|(x, u)| *x = low + (high - low) * u);
        }
        let depth = SHELL_DEPTH * self.size;
        let near: Vec<usize> = level
            .distances(&self.axes, points)
            .iter()
            .enumerate()
            .filter(|(_, distance)| distance.abs() < depth)
            .map(|(row, _)| row)
            .collect();
        let mut moved: Vec<Vec<f64>> =
            points.iter().map(|column| near.iter().map(|row| column[*row]).collect()).collect();
        let mut slopes = level.slopes(&self.axes, &moved);
        for _ in 0..MOST_STEPS {
            for row in 0..near.len() {
                let square: f64 = slopes[1..].iter().map(|slope| slope[row].powi(2)).sum();
                for (axis, slope) in self.axes.iter().zip(&slopes[1..]) {
                    let step = slopes[0][row] * slope[row] / square;
                    moved[*axis][row] -= if step.is_finite() { step } else { 0.0 };
                }
            }
            slopes = level.slopes(&self.axes, &moved);
        }
        are_kept.fill(false);
        for (k, row) in near.into_iter().enumerate() {
            let length = slopes[1..].iter().map(|slope| slope[k].powi(2)).sum::<f64>().sqrt();
            let at: Vec<f64> = self.axes.iter().map(|axis| moved[*axis][k]).collect();
            let rounding =
                1e-12 * self.size + 8.0 * f64::EPSILON * at.iter().fold(0.0, |most, x| f64::max(most, x.abs()));
            are_kept[row] = slopes[0][k].abs() <= rounding * length && self.is_in_box(&at);
            for ((axis, x), slope) in self.axes.iter().zip(at).zip(&slopes[1..]) {
                points[*axis][row] = x;
                normals[*axis][row] = -slope[k] / length;
            }
        }
    }
}
