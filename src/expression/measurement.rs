//! Residuals that compare an output with what was measured.

use super::graph::{Leaf, Node};
use super::{Expression, PointData};
use crate::jet::Entry;

/// An entry of the jet and its measured values.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Which entry.
    pub entry: Entry,
    measured: Expression,
}

impl Expression {
    /// The measurement that a residual compares an entry with, `u = u_measured` or `2*u_x = slope + offset`: where it is a
    /// multiple of one entry at the point itself, less what columns say.
    pub fn measurement(&self) -> Option<Measurement> {
        let Node::Sum(constant, terms) = self.graph.node(self.root) else { return None };
        let (trained, known): (Vec<_>, Vec<_>) = terms.iter().partition(|(id, _)| self.graph.varies(*id));
        let [(id, weight)] = trained[..] else { return None };
        let Node::Leaf(Leaf::Entry(entry, 0)) = *self.graph.node(id) else { return None };
        let mut graph = self.graph.clone();
        let factor = -1.0 / weight.0;
        let root = graph.sum(factor * constant.0, known.iter().map(|(id, weight)| (*id, factor * weight.0)));
        let measured = Expression { graph, root };
        (!measured.columns().is_empty()).then_some(Measurement { entry, measured })
    }
}

impl Measurement {
    /// What was measured at some points (B).
    pub fn values(&self, points: &PointData<'_>) -> Vec<f64> {
        self.measured.evaluate(points, &[], None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Scope;
    use crate::jet::Derivative;

    #[test]
    fn comparisons_with_columns_are_measurements_and_equations_are_not() {
        let scope = Scope {
            inputs: vec!["x".to_string()],
            outputs: vec!["u".to_string(), "v".to_string()],
            coefficients: vec!["k".to_string()],
            columns: vec!["a".to_string(), "b".to_string()],
            ..Scope::default()
        };
        let of = |text: &str| Expression::residual("test", text, &scope).unwrap().measurement();
        let columns = [vec![1.0, 2.0], vec![10.0, 20.0]];
        let inputs = [vec![0.5, 0.5]];
        let points = PointData { inputs: &inputs, columns: &columns, normals: &[] };
        let (value, slope) = (Derivative::Value, Derivative::First(0));
        for (text, output, derivative, expected) in [
            ("u = a", 0, value, [1.0, 2.0]),
            ("a - v", 1, value, [1.0, 2.0]),
            ("(u - a)/b", 0, value, [f64::NAN; 2]),
            ("2*v_x = a*b + x - 1", 1, slope, [4.75, 19.75]),
        ] {
            match of(text) {
                None => assert!(expected[0].is_nan(), "{text}"),
                Some(measurement) => {
                    assert_eq!(measurement.entry, Entry { output, derivative }, "{text}");
                    assert_eq!(measurement.values(&points), expected, "{text}");
                }
            }
        }
        for text in ["u - 1", "u + v = a", "k*u = a", "u^2 = a", "u(x + 1) = a", "k = a", "u_xx + a*u"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
