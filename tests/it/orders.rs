//! Derivatives up to the fourth order against nested automatic differentiation in float64.

use crate::support::normwise;
use jetfit::backend::Batch;
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::jet::{Derivative, Entry, JetLayout, Normalizer, Scaling};
use jetfit::loss::{Loss, Term};
use jetfit::network::{Model, NetworkSpec, Transforms};
use jetfit::numbers::Precision;
use serde::Deserialize;

/// One file of `tests/reference/orders`; its README gives the shapes.
#[derive(Deserialize)]
struct Case {
    name: String,
    hidden: Vec<usize>,
    activation: String,
    parameters: Vec<f64>,
    normalizer: Scalings,
    points: Vec<Vec<f64>>,
    by: Vec<Vec<usize>>,
    values: Vec<Vec<Vec<f64>>>,
    weights: Vec<Vec<f64>>,
    targets: Vec<Vec<Vec<f64>>>,
    loss: f64,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct Scalings {
    x_mean: Vec<f64>,
    x_scale: Vec<f64>,
    y_mean: Vec<f64>,
    y_scale: Vec<f64>,
}

impl Case {
    fn all() -> Vec<Case> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/orders");
        let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
        ["tanh_1d", "sin_2d", "gelu_2d", "softplus_3d"].map(|name| serde_json::from_str(&read(name)).unwrap()).into()
    }

    fn inputs(&self) -> usize {
        self.points.len()
    }

    fn outputs(&self) -> usize {
        self.normalizer.y_mean.len()
    }

    fn model(&self, precision: Precision) -> Model {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let scaling = |mean: &[f64], scale: &[f64]| Scaling { mean: mean.to_vec(), scale: scale.to_vec() };
        let Scalings { x_mean, x_scale, y_mean, y_scale } = &self.normalizer;
        Model {
            inputs: (0..inputs).map(|i| format!("x{i}")).collect(),
            outputs: (0..outputs).map(|i| format!("u{i}")).collect(),
            coefficients: vec![],
            transforms: Transforms::default(),
            spec: NetworkSpec::uniform(inputs, &self.hidden, self.activation.parse().unwrap(), outputs),
            normalizer: Normalizer {
                inputs: scaling(x_mean, x_scale),
                outputs: scaling(y_mean, y_scale),
                coefficients: vec![],
            },
            precision,
            parameters: self.parameters.clone(),
            ranges: vec![],
        }
    }

    /// A derivative of an output at every point (B); a collapsed one is a sum.
    fn truth(&self, output: usize, derivative: Derivative) -> Vec<f64> {
        let of = |by: &[usize]| {
            let mut by = by.to_vec();
            by.sort_unstable();
            let place = self.by.iter().position(|known| *known == by).expect("all derivatives are there");
            &self.values[place][output]
        };
        let inputs = self.inputs();
        let parts: Vec<Vec<usize>> = match derivative {
            Derivative::Laplacian => (0..inputs).map(|i| vec![i, i]).collect(),
            Derivative::LaplacianFirst(j) => (0..inputs).map(|i| vec![i, i, j]).collect(),
            Derivative::Biharmonic => (0..inputs).flat_map(|i| (0..inputs).map(move |j| vec![i, i, j, j])).collect(),
            _ => vec![derivative.inputs().unwrap()],
        };
        let at = |point: usize| parts.iter().map(|by| of(by)[point]).sum();
        (0..self.points[0].len()).map(at).collect()
    }

    fn layouts(&self) -> Vec<JetLayout> {
        let inputs = self.inputs();
        let top = Derivative::by(&[0, 0, 0, inputs - 1]).unwrap();
        vec![
            JetLayout::all(inputs, 4),
            JetLayout::all(inputs, 3),
            JetLayout::pure(inputs, 4),
            JetLayout::selected(inputs, [Derivative::Biharmonic]),
            JetLayout::selected(inputs, [top, Derivative::First(inputs - 1)]),
        ]
    }

    /// The loss over all derivatives with its points.
    fn loss(&self) -> (PointSet, Loss) {
        let mut set = PointSet { inputs: self.points.clone(), ..PointSet::default() };
        let mut terms = vec![];
        for (place, by) in self.by.iter().enumerate() {
            let derivative = Derivative::by(by).unwrap();
            for output in 0..self.outputs() {
                let (column, weight) = (set.columns.len(), self.weights[place][output]);
                let name = format!("{by:?} of {output}");
                terms.push(Term::misfit(name, Entry { output, derivative }, Some(column), 1.0, weight));
                set.columns.push(self.targets[place][output].clone());
            }
        }
        (set, Loss { terms })
    }
}

/// Rounding in f64 and f32, over all points of an entry. Fourth derivatives are sums of hundreds of products, larger
/// than the sum; gradients more so.
const TOLERANCES: [(Precision, f64); 2] = [(Precision::F64, 1e-12), (Precision::F32, 2e-4)];

#[test]
fn jets_up_to_the_fourth_order_are_those_of_nested_differentiation() {
    for (case, (precision, tolerance)) in Case::all().iter().flat_map(|case| TOLERANCES.map(|by| (case, by))) {
        let mut cpu = cpu::open(&case.model(precision), precision, 1).unwrap();
        for layout in case.layouts() {
            let jets = cpu.evaluate(&case.points, &layout).unwrap();
            for (output, derivative) in (0..case.outputs()).flat_map(|o| layout.derivatives().map(move |d| (o, d))) {
                let error = normwise(jets.entry(output, derivative).unwrap(), &case.truth(output, derivative));
                assert!(error < tolerance, "{} {precision} {derivative:?} of {output}: {error:e}", case.name);
            }
        }
    }
}

#[test]
fn so_are_gradients_of_a_loss_over_all_of_them() {
    for (case, (precision, tolerance)) in Case::all().iter().flat_map(|case| TOLERANCES.map(|by| (case, by))) {
        let (set, loss) = case.loss();
        let mut cpu = cpu::open(&case.model(precision), precision, 1).unwrap();
        let id = cpu.load(&set, &loss).unwrap();
        let answer = cpu.gradient(&[Batch { set: id, start: 0, count: set.points() }]).unwrap();
        let total = loss.total(&answer.losses);
        assert!((total / case.loss - 1.0).abs() < tolerance, "{} {precision}: {total} {}", case.name, case.loss);
        let error = normwise(&answer.gradient, &case.gradient);
        assert!(error < tolerance, "{} {precision}: gradient {error:e}", case.name);
    }
}
