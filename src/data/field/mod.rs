//! Fields: numbers on a full grid, and the function that goes through them.

mod rows;
mod spline;

pub use self::rows::FieldColumns;
use crate::files::digest::Digest;

/// Axes that a grid has at most: a value is a sum over 4 to this power numbers.
pub const MOST_AXES: usize = 4;

/// How a field goes from node to node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interpolation {
    /// In each argument a straight line between two nodes.
    Linear,
    /// In each argument the cubic spline through all nodes, not-a-knot; its second derivatives are continuous.
    Cubic,
}

impl Interpolation {
    /// The highest derivative by one argument that does not jump.
    pub fn smoothness(self) -> usize {
        match self {
            Interpolation::Linear => 0,
            Interpolation::Cubic => 2,
        }
    }
}

/// A function on a grid of 1 to [`MOST_AXES`] axes, whose spacing may be uneven; without a value outside.
///
/// ```
/// use jetfit::data::{Field, Interpolation};
///
/// let field = Field::new(vec![vec![0.0, 1.0, 3.0]], vec![0.0, 1.0, 9.0], Interpolation::Cubic);
/// assert_eq!(field.value(&[0], &[2.0]), 4.0);
/// assert_eq!(field.value(&[1], &[2.0]), 4.0);
/// assert!(field.value(&[0], &[3.1]).is_nan());
/// ```
#[derive(Clone, Debug)]
pub struct Field {
    axes: Vec<Vec<f64>>,
    interpolation: Interpolation,
    /// The values at the nodes, the last axis running fastest; of a spline also its derivatives, once by each axis whose
    /// bit the table's number has.
    tables: Vec<Vec<f64>>,
    digest: String,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Field {
    /// Through `values` at the nodes of ascending `axes` of two nodes or more, the last axis running fastest.
    ///
    /// # Panics
    /// For numbers that do not fit.
    pub fn new(axes: Vec<Vec<f64>>, values: Vec<f64>, interpolation: Interpolation) -> Self {
        assert!((1..=MOST_AXES).contains(&axes.len()), "{} axes", axes.len());
        assert!(axes.iter().all(|axis| axis.len() > 1 && axis.windows(2).all(|pair| pair[0] < pair[1])));
        assert_eq!(values.len(), axes.iter().map(Vec::len).product::<usize>());
        let mut digest = Digest::default();
        axes.iter().chain([&values]).for_each(|numbers| digest.numbers(numbers));
        digest.part(&[interpolation.smoothness() as u8]);
        let mut field = Self { axes, interpolation, tables: vec![values], digest: digest.finish() };
        if interpolation == Interpolation::Cubic {
            for axis in 0..field.axes.len() {
                let slopes: Vec<_> = field.tables.iter().map(|table| field.slopes(table, axis)).collect();
                field.tables.extend(slopes);
            }
        }
        field
    }

    /// Its axes, ascending.
    pub fn axes(&self) -> &[Vec<f64>] {
        &self.axes
    }

    /// Its values at the nodes, the last axis running fastest.
    pub fn values(&self) -> &[f64] {
        &self.tables[0]
    }

    /// How it goes from node to node.
    pub fn interpolation(&self) -> Interpolation {
        self.interpolation
    }

    /// Equal for fields that are equal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The derivative that is taken `orders` times by each argument, at a point; NaN outside of the grid.
    pub fn value(&self, orders: &[usize], at: &[f64]) -> f64 {
        let mut corners = [[(0, 0, 0.0); 4]; MOST_AXES];
        let mut first = 0;
        let mut stride = self.values().len();
        for (k, axis) in self.axes.iter().enumerate() {
            stride /= axis.len();
            let found = match self.interpolation {
                Interpolation::Linear => spline::linear(axis, at[k], orders[k]),
                Interpolation::Cubic => spline::cubic(axis, at[k], orders[k]),
            };
            let Some((cell, weights)) = found else { return f64::NAN };
            first += cell * stride;
            corners[k] = weights.map(|(node, is_slope, weight)| (node * stride, usize::from(is_slope) << k, weight));
        }
        self.sum(&corners[..self.axes.len()], first, 0)
    }

    /// Σ over the corners of a cell.
    fn sum(&self, corners: &[[(usize, usize, f64); 4]], node: usize, table: usize) -> f64 {
        let Some((own, others)) = corners.split_first() else { return self.tables[table][node] };
        let wanted = own.iter().filter(|(_, _, weight)| *weight != 0.0);
        wanted.map(|(step, bit, weight)| weight * self.sum(others, node + step, table | bit)).sum()
    }

    /// The slopes along an axis of the splines through a table.
    fn slopes(&self, table: &[f64], axis: usize) -> Vec<f64> {
        let nodes = &self.axes[axis];
        let stride: usize = self.axes[axis + 1..].iter().map(Vec::len).product();
        let mut slopes = vec![0.0; table.len()];
        for first in (0..table.len()).filter(|node| (node / stride).is_multiple_of(nodes.len())) {
            let line: Vec<f64> = (0..nodes.len()).map(|k| table[first + k * stride]).collect();
            for (k, slope) in spline::slopes(nodes, &line).into_iter().enumerate() {
                slopes[first + k * stride] = slope;
            }
        }
        slopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uneven(interpolation: Interpolation) -> Field {
        let (x, y) = (vec![0.0, 0.3, 1.0, 1.2, 2.0], vec![-1.0, 0.0, 0.5, 2.0]);
        let value = |x: f64, y: f64| (2.0 * x).sin() * y.cos() + x * y * y;
        let values = x.iter().flat_map(|x| y.iter().map(move |y| value(*x, *y))).collect();
        Field::new(vec![x, y], values, interpolation)
    }

    #[test]
    fn a_tensor_spline_is_that_of_scipy() {
        // scipy.interpolate.RectBivariateSpline(x, y, values, s=0)(0.71, 1.13, dx, dy), and at (1.9, -0.35).
        let known = [
            ([0, 0], 1.362396104741934, -0.35467048436611825),
            ([1, 0], 1.4370494081826852, -1.375610297883271),
            ([0, 1], 0.7979206068732789, -1.5099241733216404),
            ([1, 1], 1.9765641772218885, -1.1588642447192625),
            ([2, 0], -1.6535672489036737, 2.453142803468827),
            ([0, 2], 0.9138686411618565, 4.413237760758724),
        ];
        let field = uneven(Interpolation::Cubic);
        for (orders, first, second) in known {
            for (at, known) in [([0.71, 1.13], first), ([1.9, -0.35], second)] {
                let value = field.value(&orders, &at);
                // Another basis: some roundings of numbers below 10.
                assert!((value - known).abs() < 1e-12, "{orders:?} at {at:?}: {value}, not {known}");
            }
        }
    }

    #[test]
    fn cubics_are_found_exactly_with_their_derivatives() {
        let axes = [vec![-1.0, -0.5, 0.1, 0.2, 2.0], vec![0.0, 1.0, 1.5, 4.0], vec![1.0, 2.0, 2.5, 7.0, 8.0]];
        let value = |x: f64, y: f64, z: f64| x.powi(3) * y * y - 2.0 * x * z.powi(3) + y * z + 1.0;
        let mut values = vec![];
        for x in &axes[0] {
            for y in &axes[1] {
                values.extend(axes[2].iter().map(|z| value(*x, *y, *z)));
            }
        }
        let field = Field::new(axes.to_vec(), values, Interpolation::Cubic);
        let [x, y, z]: [f64; 3] = [0.7, 3.3, 6.1];
        for (orders, exact) in [
            ([0, 0, 0], value(x, y, z)),
            ([1, 0, 0], 3.0 * x * x * y * y - 2.0 * z.powi(3)),
            ([2, 1, 0], 12.0 * x * y),
            ([3, 2, 0], 12.0),
            ([1, 0, 2], -12.0 * z),
            ([0, 0, 3], -12.0 * x),
            ([4, 0, 0], 0.0),
        ] {
            let value = field.value(&orders, &[x, y, z]);
            assert!((value - exact).abs() < 1e-10 * exact.abs().max(1.0), "{orders:?}: {value}, not {exact}");
        }
    }

    #[test]
    fn lines_meet_at_the_nodes_and_end_at_the_grid() {
        let field = uneven(Interpolation::Linear);
        for (node, x) in field.axes()[0].iter().enumerate() {
            assert_eq!(field.value(&[0, 0], &[*x, 0.5]), field.values()[node * 4 + 2]);
        }
        let [low, high] = [0.3, 1.0].map(|x| field.value(&[0, 0], &[x, 2.0]));
        assert!((field.value(&[0, 0], &[0.65, 2.0]) - 0.5 * (low + high)).abs() < 1e-15);
        assert!((field.value(&[1, 0], &[0.65, 2.0]) - (high - low) / 0.7).abs() < 1e-14);
        assert_eq!(field.value(&[2, 0], &[0.65, 2.0]), 0.0);
        for outside in [[-1e-6, 0.0], [2.0 + 1e-6, 0.0], [1.0, 2.1], [f64::NAN, 0.0]] {
            assert!(field.value(&[0, 0], &outside).is_nan(), "{outside:?}");
        }
        // Rounding is no outside.
        assert!(field.value(&[0, 0], &[2.0 + 1e-15, -1.0 - 1e-15]).is_finite());
    }
}
