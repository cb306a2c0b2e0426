//! Closed curves in a plane, and their maps from the unit interval by arc length.

use super::polygon::Polygon;
use crate::error::{Error, Result};
use crate::expression::{PointFunctions, Scope};
use crate::jet::{Derivative, JetLayout};

/// Pieces in which the length of a curve is measured.
const PIECES: usize = 4096;
/// A curve is closed if its ends are nearer than this, relative to its size.
const CLOSED: f64 = 1e-9;

/// A closed curve of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// Two functions of the parameter.
    functions: PointFunctions,
    from: f64,
    to: f64,
    /// 1 for counterclockwise, else −1.
    turn: f64,
    /// Points of it, evenly in the parameter.
    pub nodes: Vec<[f64; 2]>,
    /// The length up to each node.
    lengths: Vec<f64>,
}

/// Where a curve is, and where it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// The point.
    pub at: [f64; 2],
    /// Its derivatives by the parameter.
    pub slope: [f64; 2],
    pub bend: [f64; 2],
}

impl Curve {
    /// From two expressions of `parameter`, which goes from one number to another.
    ///
    /// # Errors
    /// Mistakes in the expressions, a curve that has no finite value somewhere, or is not closed.
    pub fn new(place: &str, texts: &[String; 2], parameter: &str, [from, to]: [f64; 2]) -> Result<Self> {
        if from.partial_cmp(&to) != Some(std::cmp::Ordering::Less) {
            let problem = format!("[{from}, {to}] is not a valid interval");
            return Err(Error::input(place, problem, "write it as [low, high] with low below high"));
        }
        let scope = Scope { inputs: vec![parameter.to_string()], allow_rough: true, ..Scope::default() };
        let functions = PointFunctions::read(place, texts, &scope)?;
        let mut curve = Self { functions, from, to, turn: 1.0, nodes: vec![], lengths: vec![0.0] };
        let step = (to - from) / PIECES as f64;
        // Ends and middles of pieces, for Simpson's rule.
        let sites = curve.sites(&(0..=2 * PIECES).map(|k| from + 0.5 * step * k as f64).collect::<Vec<_>>());
        if let Some(k) = sites.iter().position(|site| !site.at.iter().all(|x| x.is_finite())) {
            let s = from + 0.5 * step * k as f64;
            let problem = format!("the curve has no finite point at {parameter} = {s}");
            return Err(Error::input(place, problem, "give expressions that are finite everywhere"));
        }
        curve.nodes = sites.iter().step_by(2).map(|site| site.at).collect();
        let apart = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let speed = |k: usize| sites[k].slope[0].hypot(sites[k].slope[1]);
        for k in 0..PIECES {
            let length = step / 6.0 * (speed(2 * k) + 4.0 * speed(2 * k + 1) + speed(2 * k + 2));
            // A kink, or a slope that is not finite, leaves the chord.
            let chord = apart(curve.nodes[k], curve.nodes[k + 1]);
            let length = if length.is_finite() { length } else { chord };
            curve.lengths.push(curve.lengths[k] + length);
        }
        let (first, last) = (curve.nodes[0], curve.nodes[PIECES]);
        if apart(first, last) > CLOSED * curve.length() {
            let problem = format!("the curve is not closed: it goes from {first:?} to {last:?}");
            return Err(Error::input(place, problem, "let it end where it begins"));
        }
        let area = Polygon { corners: curve.nodes[..PIECES].to_vec() }.area();
        if area == 0.0 {
            return Err(Error::input(place, "the curve encloses no area", "give a curve that goes around an area"));
        }
        curve.turn = area.signum();
        Ok(curve)
    }

    pub fn length(&self) -> f64 {
        self.lengths[PIECES]
    }

    /// The sites at parameters.
    pub fn sites(&self, parameters: &[f64]) -> Vec<Site> {
        let derivatives = [Derivative::Value, Derivative::First(0), Derivative::Second(0, 0)];
        let layout = JetLayout::selected(1, derivatives);
        let order: Vec<Derivative> = layout.derivatives().collect();
        let jets = self.functions.jets(&layout).at(&[parameters.to_vec()]);
        let channel = |function: usize, wanted: Derivative| {
            &jets[function * order.len() + order.iter().position(|known| *known == wanted).expect("it was selected")]
        };
        let pair = |wanted: Derivative| [channel(0, wanted), channel(1, wanted)];
        let [at, slope, bend] = derivatives.map(pair);
        let pick = |pair: [&Vec<f64>; 2], row: usize| pair.map(|column| column[row]);
        (0..parameters.len())
            .map(|row| Site { at: pick(at, row), slope: pick(slope, row), bend: pick(bend, row) })
            .collect()
    }

    /// The parameter where a part of its length, from 0 to 1, lies behind.
    fn parameter(&self, part: f64) -> f64 {
        let length = part * self.length();
        let piece = self.lengths.partition_point(|known| *known <= length).clamp(1, PIECES) - 1;
        let (start, end) = (self.lengths[piece], self.lengths[piece + 1]);
        let within = if end > start { ((length - start) / (end - start)).clamp(0.0, 1.0) } else { 0.0 };
        self.from + (self.to - self.from) * (piece as f64 + within) / PIECES as f64
    }

    /// Points that lie at parts of its length, with their outward unit normals.
    pub fn place(&self, parts: &[f64]) -> Vec<([f64; 2], [f64; 2])> {
        let sites = self.sites(&parts.iter().map(|part| self.parameter(*part)).collect::<Vec<_>>());
        sites.into_iter().map(|site| (site.at, self.normal(&site))).collect()
    }

    fn normal(&self, site: &Site) -> [f64; 2] {
        let [dx, dy] = site.slope;
        let length = dx.hypot(dy);
        [self.turn * dy / length, -self.turn * dx / length]
    }

    /// How far points are from the curve, above 0 inside, found from the nearest of the polygon's edges, of which there are
    /// fewer than pieces.
    pub fn distances(&self, polygon: &Polygon, points: &[[f64; 2]]) -> Vec<f64> {
        const STEPS: usize = 8;
        let edges = polygon.corners.len();
        let step = (self.to - self.from) / edges as f64;
        let (mut distances, starts): (Vec<f64>, Vec<usize>) =
            points.iter().map(|point| polygon.distance(*point)).unzip();
        // The chord of an edge is off the curve by the square of its length over 8 radii.
        let reach = self.length() / edges as f64;
        let near: Vec<usize> = (0..points.len()).filter(|row| distances[*row].abs() <= reach).collect();
        // The edges of a clockwise curve were reversed.
        let edge = |row: &usize| if self.turn > 0.0 { starts[*row] } else { (2 * edges - 2 - starts[*row]) % edges };
        let mut parameters: Vec<f64> = near.iter().map(|row| self.from + step * (edge(row) as f64 + 0.5)).collect();
        let mut sites = self.sites(&parameters);
        for _ in 0..STEPS {
            for ((row, s), site) in near.iter().zip(&mut parameters).zip(&sites) {
                let off = [site.at[0] - points[*row][0], site.at[1] - points[*row][1]];
                let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
                let change = dot(off, site.slope) / (dot(site.slope, site.slope) + dot(off, site.bend));
                *s -= if change.is_finite() { change.clamp(-step, step) } else { 0.0 };
            }
            sites = self.sites(&parameters);
        }
        for (row, site) in near.into_iter().zip(&sites) {
            let ([nx, ny], [x, y]) = (self.normal(site), points[row]);
            let fine = nx * (site.at[0] - x) + ny * (site.at[1] - y);
            // At a kink the chord is as good.
            if fine.is_finite() && (fine - distances[row]).abs() <= reach {
                distances[row] = fine;
            }
        }
        distances
    }
}

/// Points at parts of a polygon's length, with their outward unit normals.
pub(super) fn along(polygon: &Polygon, parts: &[f64]) -> Vec<([f64; 2], [f64; 2])> {
    let edges: Vec<[[f64; 2]; 2]> = polygon.edges().collect();
    let mut sums = vec![0.0];
    for [a, b] in &edges {
        sums.push(sums[sums.len() - 1] + (b[0] - a[0]).hypot(b[1] - a[1]));
    }
    let whole = sums[edges.len()];
    let place = |part: &f64| {
        let length = part * whole;
        let k = sums.partition_point(|known| *known <= length).clamp(1, edges.len()) - 1;
        let [[ax, ay], [bx, by]] = edges[k];
        let side = sums[k + 1] - sums[k];
        let within = ((length - sums[k]) / side).clamp(0.0, 1.0);
        ([ax + within * (bx - ax), ay + within * (by - ay)], [(by - ay) / side, (ax - bx) / side])
    };
    parts.iter().map(place).collect()
}

/// The length of a polygon's outline.
pub(super) fn length(polygon: &Polygon) -> f64 {
    polygon.edges().map(|[a, b]| (b[0] - a[0]).hypot(b[1] - a[1])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};

    #[test]
    fn a_curve_is_walked_evenly() {
        // An ellipse, clockwise, whose length is 4 a E(e).
        let texts = ["2*sin(s)", "cos(s)"].map(str::to_string);
        let curve = Curve::new("curve", &texts, "s", [0.0, TAU]).unwrap();
        assert!((curve.length() - 9.688448220547675).abs() < 1e-10, "{}", curve.length());
        let parts: Vec<f64> = (0..1000).map(|k| k as f64 / 1000.0).collect();
        let placed = curve.place(&parts);
        let chord = |k: usize| {
            let ([ax, ay], [bx, by]) = (placed[k].0, placed[(k + 1) % 1000].0);
            (ax - bx).hypot(ay - by)
        };
        for (k, ([x, y], [nx, ny])) in placed.iter().enumerate() {
            assert!((x * x / 4.0 + y * y - 1.0).abs() < 1e-14);
            let length = (x / 4.0).hypot(*y);
            assert!((nx - x / 4.0 / length).abs() + (ny - y / length).abs() < 1e-12);
            assert!((chord(k) / (curve.length() / 1000.0) - 1.0).abs() < 1e-4, "{k}");
        }
    }

    #[test]
    fn distances_are_those_of_the_curve_not_of_its_chords() {
        let texts = ["3 + cos(s)", "sin(s)"].map(str::to_string);
        for s in [[0.0, TAU], [PI, 3.0 * PI]] {
            let curve = Curve::new("curve", &texts, "s", s).unwrap();
            let polygon = Polygon::of_curve(curve.nodes[..PIECES].iter().step_by(8).copied().collect());
            for k in 0..100 {
                let (angle, radius) = (k as f64 * 0.63, 1.0 + 1e-4 * (k as f64 - 50.0) + 1e-9);
                let distance = curve.distances(&polygon, &[[3.0 + radius * angle.cos(), radius * angle.sin()]])[0];
                assert!((distance - (1.0 - radius)).abs() < 1e-13, "{k}: {distance:e} {:e}", 1.0 - radius);
            }
        }
    }

    #[test]
    fn open_curves_are_refused() {
        let message = |x: &str, to: f64| {
            let texts = [x, "sin(s)"].map(str::to_string);
            Curve::new("curve", &texts, "s", [0.0, to]).unwrap_err().to_string()
        };
        assert!(message("cos(s)", 6.2).contains("not closed"));
        assert!(message("0*s", TAU).contains("no area"));
        assert!(message("1/(s - 1)^2", TAU).contains("not closed") || message("log(s)", TAU).contains("no finite"));
        assert!(message("cos(z)", TAU).contains("\"z\""));
        assert!(message("cos(s)", -1.0).contains("valid interval"));
    }
}
