//! Closed meshes of triangles: which points they hold, and their map from the unit square by area.

use std::collections::HashMap;

use crate::error::{Error, Result};

type Corner = [f64; 3];

/// A closed surface of triangles that turn counterclockwise, seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mesh {
    triangles: Vec<[Corner; 3]>,
    /// The area up to the end of each triangle.
    areas: Vec<f64>,
    /// The box around it.
    pub low: Corner,
    pub high: Corner,
    /// Cells along the second and the third axis, and the triangles that each may hold a part of.
    side: usize,
    cells: Vec<Vec<u32>>,
}

/// A point nearer to a triangle than this, relative to the box, is known with its distance.
const NEAR: f64 = 1e-4;
const MOST_CELLS: usize = 512;

impl Mesh {
    /// From triangles that turn all in one direction.
    ///
    /// # Errors
    /// No triangles, an edge that does not lie between two triangles, triangles that turn differently.
    pub fn new(place: &str, triangles: &[[Corner; 3]]) -> Result<Self> {
        let is_flat = |[a, b, c]: &&[Corner; 3]| a == b || b == c || a == c;
        let mut triangles: Vec<[Corner; 3]> = triangles.iter().filter(|t| !is_flat(t)).copied().collect();
        if triangles.is_empty() {
            return Err(Error::input(place, "the mesh has no triangles", "give a closed mesh"));
        }
        let mut edges: HashMap<[[u64; 3]; 2], i32> = HashMap::new();
        // -0 is 0.
        let key = |corner: Corner| corner.map(|x| (x + 0.0).to_bits());
        for triangle in &triangles {
            for k in 0..3 {
                let (a, b) = (key(triangle[k]), key(triangle[(k + 1) % 3]));
                *edges.entry([a, b]).or_default() += 1;
                *edges.entry([b, a]).or_default() -= 1;
            }
        }
        let open = edges.iter().filter(|(_, count)| **count > 0).map(|(edge, _)| edge).min();
        if let Some([a, b]) = open {
            let [a, b] = [a, b].map(|corner| corner.map(f64::from_bits));
            let problem =
                format!("the mesh is not closed: the edge from {a:?} to {b:?} has a triangle on one side alone");
            let help = "repair it, so that each edge lies between two triangles that turn in one direction";
            return Err(Error::input(place, problem, help));
        }
        let volume: f64 = triangles.iter().map(|[a, b, c]| dot(*a, cross(*b, *c)) / 6.0).sum();
        if volume < 0.0 {
            triangles.iter_mut().for_each(|triangle| triangle.swap(1, 2));
        }
        let corners = || triangles.iter().flatten();
        let low = std::array::from_fn(|k| corners().map(|corner| corner[k]).fold(f64::INFINITY, f64::min));
        let high = std::array::from_fn(|k| corners().map(|corner| corner[k]).fold(f64::NEG_INFINITY, f64::max));
        let mut sum = 0.0;
        let area = |[a, b, c]: &[Corner; 3]| {
            sum += 0.5 * length(cross(minus(*b, *a), minus(*c, *a)));
            sum
        };
        let areas = triangles.iter().map(area).collect();
        let side = (triangles.len() as f64).sqrt().ceil().min(MOST_CELLS as f64) as usize;
        let mut mesh = Self { triangles, areas, low, high, side, cells: vec![vec![]; side * side] };
        let pad = mesh.near();
        for (index, triangle) in mesh.triangles.iter().enumerate() {
            let [rows, columns] = [1, 2].map(|axis| {
                let numbers = || triangle.iter().map(|corner| corner[axis]);
                let from = mesh.cell(axis, numbers().fold(f64::INFINITY, f64::min) - pad);
                from..=mesh.cell(axis, numbers().fold(f64::NEG_INFINITY, f64::max) + pad)
            });
            for row in rows {
                columns.clone().for_each(|column| mesh.cells[row * side + column].push(index as u32));
            }
        }
        Ok(mesh)
    }

    fn near(&self) -> f64 {
        NEAR * (0..3).map(|k| self.high[k] - self.low[k]).fold(f64::INFINITY, f64::min)
    }

    fn cell(&self, axis: usize, x: f64) -> usize {
        let part = (x - self.low[axis]) / (self.high[axis] - self.low[axis]);
        ((part * self.side as f64).max(0.0) as usize).min(self.side - 1)
    }

    /// The area of the surface.
    pub fn area(&self) -> f64 {
        self.areas[self.areas.len() - 1]
    }

    /// How far a point is from the surface, above 0 inside; what is farther than a ten thousandth of the box is
    /// only said to be that far.
    pub fn distance(&self, point: Corner) -> f64 {
        let near = self.near();
        if (0..3).any(|k| !(self.low[k] - near..=self.high[k] + near).contains(&point[k])) {
            return -near;
        }
        let cell = &self.cells[self.cell(1, point[1]) * self.side + self.cell(2, point[2])];
        let triangles = || cell.iter().map(|index| &self.triangles[*index as usize]);
        // A ray along the first axis.
        let crossings = triangles().filter(|triangle| crosses(triangle, point)).count();
        let nearest = triangles().map(|triangle| apart(triangle, point)).fold(near, f64::min);
        if crossings % 2 == 1 { nearest } else { -nearest }
    }

    /// The point of the unit square's point, with its outward unit normal.
    pub fn place(&self, [u, v]: [f64; 2]) -> (Corner, Corner) {
        let wanted = u * self.area();
        let index = self.areas.partition_point(|area| *area <= wanted).min(self.triangles.len() - 1);
        let before = if index == 0 { 0.0 } else { self.areas[index - 1] };
        let root = ((wanted - before) / (self.areas[index] - before)).clamp(0.0, 1.0).sqrt();
        let [a, b, c] = self.triangles[index];
        let at = std::array::from_fn(|k| a[k] + root * (b[k] - a[k]) + root * v * (c[k] - b[k]));
        let normal = cross(minus(b, a), minus(c, a));
        let size = length(normal);
        (at, normal.map(|n| n / size))
    }
}

/// Whether a ray from a point upwards along the first axis goes through a triangle: its shadow along that axis holds the
/// point, and the triangle is above it. An edge belongs to the triangle on one of its sides.
fn crosses(triangle: &[Corner; 3], point: Corner) -> bool {
    let mut is_in = false;
    for k in 0..3 {
        let (a, b) = (triangle[k], triangle[(k + 1) % 3]);
        // The same edge of two triangles is the same to the bit.
        let (a, b) = if (a[1], a[2]) <= (b[1], b[2]) { (a, b) } else { (b, a) };
        is_in ^= (a[2] > point[2]) != (b[2] > point[2])
            && point[1] < a[1] + (point[2] - a[2]) / (b[2] - a[2]) * (b[1] - a[1]);
    }
    let [a, b, c] = *triangle;
    let normal = cross(minus(b, a), minus(c, a));
    is_in && normal[0] != 0.0 && dot(normal, minus(a, point)) / normal[0] > 0.0
}

/// The distance of a point to a triangle (Ericson: Real-Time Collision Detection, 5.1.5).
fn apart(&[a, b, c]: &[Corner; 3], p: Corner) -> f64 {
    let (ab, ac, ap) = (minus(b, a), minus(c, a), minus(p, a));
    let normal = cross(ab, ac);
    let square = dot(normal, normal);
    let (v, w) = (dot(cross(ap, ac), normal) / square, dot(cross(ab, ap), normal) / square);
    if v >= 0.0 && w >= 0.0 && v + w <= 1.0 {
        return dot(ap, normal).abs() / square.sqrt();
    }
    let to_segment = |a: Corner, b: Corner| {
        let (ab, ap) = (minus(b, a), minus(p, a));
        let part = (dot(ap, ab) / dot(ab, ab)).clamp(0.0, 1.0);
        length(minus(ap, ab.map(|x| part * x)))
    };
    to_segment(a, b).min(to_segment(b, c)).min(to_segment(c, a))
}

fn minus(a: Corner, b: Corner) -> Corner {
    std::array::from_fn(|k| a[k] - b[k])
}

fn dot(a: Corner, b: Corner) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Corner, b: Corner) -> Corner {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn length(a: Corner) -> f64 {
    dot(a, a).sqrt()
}

/// A ball of triangles: an octahedron, each side cut into four over and over.
#[cfg(test)]
pub(super) fn ball(centre: Corner, radius: f64, cuts: usize) -> Vec<[Corner; 3]> {
    let axis = |k: usize, sign: f64| std::array::from_fn(|i| if i == k { sign } else { 0.0 });
    let mut sides: Vec<[Corner; 3]> = vec![];
    for signs in 0..8 {
        let sign = |k: usize| if signs >> k & 1 == 1 { 1.0 } else { -1.0 };
        let [x, y, z] = [0, 1, 2].map(|k| axis(k, sign(k)));
        sides.push(if sign(0) * sign(1) * sign(2) > 0.0 { [x, y, z] } else { [x, z, y] });
    }
    for _ in 0..cuts {
        let middle = |a: Corner, b: Corner| {
            let sum: Corner = std::array::from_fn(|k| a[k] + b[k]);
            let size = length(sum);
            sum.map(|x| x / size)
        };
        let cut = |[a, b, c]: [Corner; 3]| {
            let (ab, bc, ca) = (middle(a, b), middle(b, c), middle(c, a));
            [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
        };
        sides = sides.into_iter().flat_map(cut).collect();
    }
    let out = |corner: Corner| std::array::from_fn(|k| centre[k] + radius * corner[k]);
    sides.into_iter().map(|side| side.map(out)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ball_of_triangles_is_nearly_a_ball() {
        let centre = [0.1, -0.2, 0.3];
        let triangles = ball(centre, 0.5, 4);
        let turned: Vec<_> = triangles.iter().map(|[a, b, c]| [*a, *c, *b]).collect();
        for triangles in [&triangles, &turned] {
            let mesh = Mesh::new("mesh", triangles).unwrap();
            assert!((mesh.area() / std::f64::consts::PI - 1.0).abs() < 5e-3, "{}", mesh.area());
            let (mut inside, side) = (0, 40);
            for k in 0..side * side * side {
                let at = |k: usize| (k as f64 + 0.5) / side as f64 * 1.2 - 0.6;
                let off = [at(k % side), at(k / side % side), at(k / side / side)];
                let is_in = mesh.distance(std::array::from_fn(|k| centre[k] + off[k])) > 0.0;
                inside += usize::from(is_in);
                // The triangles lie within a ring of 1 % inside the sphere.
                let r = length(off) / 0.5;
                assert!((0.985..=1.0).contains(&r) || is_in == (r < 1.0), "{off:?}");
            }
            let volume = inside as f64 / (side * side * side) as f64 * 1.2f64.powi(3);
            assert!((volume / (std::f64::consts::PI / 6.0) - 1.0).abs() < 2e-2, "{volume}");
            for k in 0..100 {
                let (at, normal) = mesh.place([(k as f64 * 0.618).fract(), (k as f64 * 0.755).fract()]);
                let off = minus(at, centre);
                assert!(mesh.distance(at).abs() < 1e-12 && dot(off, normal) > 0.49, "{off:?} {normal:?}");
                let step: Corner = std::array::from_fn(|k| at[k] + 1e-6 * normal[k]);
                assert!((mesh.distance(step) + 1e-6).abs() < 1e-9, "{}", mesh.distance(step));
            }
        }
    }

    #[test]
    fn a_mesh_with_a_hole_is_refused() {
        let mut triangles = ball([0.0; 3], 1.0, 1);
        triangles.pop();
        assert!(Mesh::new("mesh", &triangles).unwrap_err().to_string().contains("not closed"));
        let mut triangles = ball([0.0; 3], 1.0, 1);
        triangles[3].swap(0, 1);
        assert!(Mesh::new("mesh", &triangles).unwrap_err().to_string().contains("not closed"));
        assert!(Mesh::new("mesh", &[]).unwrap_err().to_string().contains("no triangles"));
    }
}
