//! Functions of the inputs whose zero set is a boundary: comparisons, as in `x^2 + y^2 > 0.09`.

use super::variable::Variable;
use crate::error::{Error, Result};
use crate::expression::{self, PointFunctions, Scope};
use crate::jet::{Derivative, JetLayout};

/// The greater side of a comparison less the smaller one, over all inputs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level {
    /// The comparison.
    text: String,
    /// The difference as an expression.
    pub difference: String,
    function: PointFunctions,
    inputs: usize,
    is_strict: bool,
}

/// A difference is taken for linear if it differs by less from its linear part, relative to its size.
const LINEAR_ERROR: f64 = 1e-12;

impl Level {
    /// Reads a comparison of inputs of these names.
    ///
    /// # Errors
    /// What is no comparison, and every mistake in its sides.
    pub fn read(place: &str, text: &str, inputs: &[String]) -> Result<Self> {
        let Some((smaller, greater, is_strict)) = expression::sides(text) else {
            let problem = format!("{text:?} is not a comparison");
            return Err(Error::input(place, problem, "write one with < or >, for example \"x^2 + y^2 > 0.09\""));
        };
        let difference = format!("({}) - ({})", greater.trim(), smaller.trim());
        let scope = Scope { inputs: inputs.to_vec(), allow_rough: true, ..Scope::default() };
        let function = PointFunctions::read(place, std::slice::from_ref(&difference), &scope)?;
        Ok(Self { text: text.to_string(), difference, function, inputs: inputs.len(), is_strict })
    }

    /// The input among these that it reads, if there is one.
    pub fn reads(&self, inputs: &[usize], variables: &[Variable]) -> Option<usize> {
        let names = expression::names(&self.text);
        inputs.iter().copied().find(|input| names.contains(&variables[*input].name))
    }

    /// Whether it holds at points (D, B).
    pub fn holds(&self, points: &[Vec<f64>]) -> Vec<bool> {
        let values = self.function.jets(&JetLayout::value(self.inputs)).at(points).remove(0);
        values.into_iter().map(|value| value > 0.0 || (value == 0.0 && !self.is_strict)).collect()
    }

    /// The difference and its gradient over `axes` at points (D, B): (1 + A, B).
    pub fn slopes(&self, axes: &[usize], points: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let derivatives = [Derivative::Value].into_iter().chain(axes.iter().map(|axis| Derivative::First(*axis)));
        let layout = JetLayout::selected(self.inputs, derivatives.clone());
        let channels = self.function.jets(&layout).at(points);
        let order: Vec<Derivative> = layout.derivatives().collect();
        let channel = |wanted| order.iter().position(|known| *known == wanted).expect("a channel of the layout");
        derivatives.map(|wanted| channels[channel(wanted)].clone()).collect()
    }

    /// The difference over the length of its gradient over `axes`, which near 0 is the distance (B).
    pub fn distances(&self, axes: &[usize], points: &[Vec<f64>]) -> Vec<f64> {
        let slopes = self.slopes(axes, points);
        let distance = |row: usize| {
            let length = slopes[1..].iter().map(|slope| slope[row].powi(2)).sum::<f64>().sqrt();
            match slopes[0][row] / length {
                distance if distance.is_finite() => distance,
                // What has no gradient or no value is far from its zero.
                _ if slopes[0][row] > 0.0 => f64::INFINITY,
                _ => f64::NEG_INFINITY,
            }
        };
        (0..slopes[0].len()).map(distance).collect()
    }

    /// The normal towards where it does not hold, over `axes`, and the offset of a linear difference: it is
    /// offset − normal · x.
    pub fn plane(&self, axes: &[usize], variables: &[Variable]) -> Option<(Vec<f64>, f64)> {
        // Places that lie in no simple relation to each other.
        const PLACES: usize = 7;
        let place = |axis: usize, k: usize| {
            let part = ((k * k + 1) as f64 * 0.618_033_988_75 * (axis as f64 + 1.3)).fract();
            variables[axis].low + part * variables[axis].width()
        };
        let points: Vec<Vec<f64>> =
            (0..self.inputs).map(|axis| (0..PLACES).map(|k| place(axis, k)).collect()).collect();
        let slopes = self.slopes(axes, &points);
        let normal: Vec<f64> = slopes[1..].iter().map(|slope| -slope[0]).collect();
        let along = |row: usize| axes.iter().zip(&normal).map(|(axis, n)| n * points[*axis][row]).sum::<f64>();
        let offset = slopes[0][0] + along(0);
        let sizes = axes.iter().zip(&normal).map(|(axis, n)| (n * points[*axis][0]).abs());
        let size = sizes.fold(offset.abs(), f64::max).max(slopes[0][0].abs());
        let is_linear = (0..PLACES).all(|row| (slopes[0][row] + along(row) - offset).abs() <= LINEAR_ERROR * size)
            && slopes[1..].iter().zip(&normal).all(|(slope, n)| slope.iter().all(|s| (s + n).abs() <= 1e-12 * n.abs()));
        (is_linear && normal.iter().any(|n| *n != 0.0)).then_some((normal, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_differences() {
        let variables = [Variable::new("x", -1.0, 2.0).unwrap(), Variable::new("y", 0.0, 1.0).unwrap()];
        let inputs = ["x", "y"].map(str::to_string);
        let level = Level::read("where", "x^2 + y^2 > 0.25", &inputs).unwrap();
        assert_eq!(level.holds(&[vec![0.0, 0.5, 1.0], vec![0.0, 0.0, 0.0]]), [false, false, true]);
        let equal = Level::read("where", "0.25 <= x^2 + y^2", &inputs).unwrap();
        assert_eq!(equal.holds(&[vec![0.0, 0.5, 1.0], vec![0.0, 0.0, 0.0]]), [false, true, true]);
        let distance = level.distances(&[0, 1], &[vec![0.501], vec![0.0]])[0];
        assert!((distance - 0.001).abs() < 1e-5, "{distance}");
        assert_eq!(level.plane(&[0, 1], &variables), None);
        let level = Level::read("where", "x + 2*y < 1", &inputs).unwrap();
        let (normal, offset) = level.plane(&[0, 1], &variables).unwrap();
        assert!((normal[0] - 1.0).abs() + (normal[1] - 2.0).abs() + (offset - 1.0).abs() < 1e-14);
        for (text, part) in [("x + y", "not a comparison"), ("x < y < 1", "not a comparison"), ("z < 1", "\"z\"")] {
            let message = Level::read("domain.where", text, &inputs).unwrap_err().to_string();
            assert!(message.starts_with("domain.where") && message.contains(part), "{message}");
        }
    }
}
