//! Polygons: which points they hold, how far these are from the edges, and where edges turn inwards.

use crate::error::{Error, Result};

/// A simple polygon, counterclockwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Polygon {
    /// At least 3.
    pub corners: Vec<[f64; 2]>,
}

/// Corners beyond which crossing edges are not looked for: the search takes the square of their number.
const MOST_CHECKED: usize = 5000;

impl Polygon {
    /// From corners in either order; the last may repeat the first.
    ///
    /// # Errors
    /// Fewer than three corners, no area, and edges that cross.
    pub fn new(place: &str, corners: &[[f64; 2]]) -> Result<Self> {
        let mut corners = corners.to_vec();
        corners.dedup();
        if corners.len() > 1 && corners.first() == corners.last() {
            corners.pop();
        }
        if corners.len() < 3 {
            let problem = format!("a polygon with {} different corners has no inside", corners.len());
            return Err(Error::input(place, problem, "give at least three corners [x, y]"));
        }
        let mut polygon = Self { corners };
        if let Some((first, second)) = polygon.crossing() {
            let edge = |k: usize| format!("{:?} to {:?}", polygon.corners[k], polygon.corner(k + 1));
            let problem = format!("the edges from {} and from {} meet", edge(first), edge(second));
            return Err(Error::input(place, problem, "list the corners in order around the polygon"));
        }
        let area = polygon.area();
        if area == 0.0 || !area.is_finite() {
            return Err(Error::input(place, "the polygon has no area", "list the corners in order around the polygon"));
        }
        if area < 0.0 {
            polygon.corners.reverse();
        }
        Ok(polygon)
    }

    /// The polygon of corners that were made, not given, in either order.
    pub fn of_curve(mut corners: Vec<[f64; 2]>) -> Self {
        if (Self { corners: corners.clone() }).area() < 0.0 {
            corners.reverse();
        }
        Self { corners }
    }

    /// A corner, counted on after the last.
    pub fn corner(&self, k: usize) -> [f64; 2] {
        self.corners[k % self.corners.len()]
    }

    /// Above 0 for counterclockwise corners.
    pub fn area(&self) -> f64 {
        let [x0, y0] = self.corners[0];
        let part = |[[ax, ay], [bx, by]]: [[f64; 2]; 2]| (ax - x0) * (by - y0) - (bx - x0) * (ay - y0);
        0.5 * self.edges().map(part).sum::<f64>()
    }

    /// Each edge with its ends.
    pub fn edges(&self) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
        (0..self.corners.len()).map(|k| [self.corners[k], self.corner(k + 1)])
    }

    /// How far a point is from the edges, above 0 inside; and the nearest edge.
    pub fn distance(&self, [x, y]: [f64; 2]) -> (f64, usize) {
        let (mut nearest, mut edge, mut is_inside) = (f64::INFINITY, 0, false);
        for (k, [[ax, ay], [bx, by]]) in self.edges().enumerate() {
            let (dx, dy) = (bx - ax, by - ay);
            let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
            let square = (x - ax - along * dx).powi(2) + (y - ay - along * dy).powi(2);
            if square < nearest {
                (nearest, edge) = (square, k);
            }
            // A ray to the right crosses it.
            is_inside ^= (ay > y) != (by > y) && x < ax + (y - ay) / dy * dx;
        }
        (if is_inside { nearest.sqrt() } else { -nearest.sqrt() }, edge)
    }

    /// Two edges that are no neighbours and meet, or neighbours that lie on each other.
    fn crossing(&self) -> Option<(usize, usize)> {
        let count = self.corners.len();
        if count > MOST_CHECKED {
            return None;
        }
        let edges: Vec<_> = self.edges().collect();
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
        pairs.into_iter().find(|&(a, b)| {
            let are_neighbours = b == a + 1 || (a == 0 && b == count - 1);
            match are_neighbours {
                true => {
                    let ([p, q], r) = if b == a + 1 { (edges[a], edges[b][1]) } else { (edges[b], edges[a][1]) };
                    turn(p, q, r) == 0.0 && (q[0] - p[0]) * (r[0] - q[0]) + (q[1] - p[1]) * (r[1] - q[1]) < 0.0
                }
                false => meet(edges[a], edges[b]),
            }
        })
    }
}

/// Above 0 where the way from `a` over `b` to `c` turns left.
pub(super) fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Whether two segments have a point in common.
fn meet([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> bool {
    let within =
        |p: [f64; 2], q: [f64; 2], r: [f64; 2]| (0..2).all(|k| (p[k].min(q[k])..=p[k].max(q[k])).contains(&r[k]));
    let turns = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
    let apart = |first: f64, second: f64| (first > 0.0 && second < 0.0) || (first < 0.0 && second > 0.0);
    (apart(turns[0], turns[1]) && apart(turns[2], turns[3]))
        || (turns[0] == 0.0 && within(a, b, c))
        || (turns[1] == 0.0 && within(a, b, d))
        || (turns[2] == 0.0 && within(c, d, a))
        || (turns[3] == 0.0 && within(c, d, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELL: [[f64; 2]; 6] = [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0], [1.0, 2.0], [0.0, 2.0]];

    #[test]
    fn points_are_told_apart_with_their_distance() {
        for corners in [ELL.to_vec(), ELL.iter().rev().copied().collect(), [&ELL[..], &ELL[..1]].concat()] {
            let ell = Polygon::new("polygon", &corners).unwrap();
            assert_eq!((ell.area(), ell.corners.len()), (3.0, 6));
            for (point, distance) in [
                ([0.5, 0.5], 0.5),
                ([1.5, 1.5], -0.5),
                ([1.5, 0.75], 0.25),
                ([3.0, 2.0], -(2f64.sqrt())),
                ([1.0, 1.0], 0.0),
            ] {
                assert!((ell.distance(point).0 - distance).abs() < 1e-15, "{point:?}");
            }
        }
    }

    #[test]
    fn what_is_no_polygon_is_said() {
        for (corners, part) in [
            (vec![[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]], "2 different corners"),
            (vec![[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], "meet"),
            (vec![[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], "meet"),
            (vec![[0.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.0, 1.0]], "meet"),
        ] {
            let message = Polygon::new("polygon", &corners).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
