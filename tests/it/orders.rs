//! Derivatives up to the fourth order against nested automatic differentiation in float64.

use crate::runs::{Place, example, relative_error};
use crate::support::normwise;
use assert_cmd::Command;
use jetfit::Fit;
use jetfit::backend::Batch;
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::jet::{Derivative, Entry, JetLayout, Normalizer, Scaling};
use jetfit::loss::{Loss, Term};
use jetfit::network::{Model, NetworkSpec, Transforms};
use jetfit::numbers::Precision;
use serde::Deserialize;
use serde_json::Value;

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

/// An example's job with other settings, trained in a place of its own.
fn solved(name: &str, flags: &[&str]) -> (Place, Value) {
    let place = Place::new("");
    let report = place.report(example(name), &[flags, &["--out", "run", "--threads", "1"]].concat());
    (place, report)
}

#[test]
fn a_beam_is_solved_predicted_and_certified() {
    let (place, report) = solved("beam/job.toml", &[]);
    // Measured: 7.8e-10 and 1.9e-7, at the ends 3.5e-6.
    assert!(relative_error(&report, "w") < 1e-8 && relative_error(&report, "d4w_dx4") < 1e-6, "{report:#}");
    let predictions = place.csv("run/predictions.csv");
    assert!(predictions["d4w_dx4"].iter().all(|load| (load - 1.0).abs() < 1e-5));
    let mut check = Command::cargo_bin("jetfit").unwrap();
    let check = check.current_dir(place.path("")).args(["check", "run", "--threads", "1", "--format", "json"]);
    let certificate: Value = serde_json::from_slice(&check.assert().success().get_output().stdout).unwrap();
    let orders = certificate["findings"].as_array().unwrap().iter().map(|finding| finding["order"].as_u64().unwrap());
    assert_eq!(orders.max(), Some(4));
    assert!(certificate["terms"].as_array().unwrap().iter().all(|term| term["gradient"].is_number()));
    assert!(std::fs::read_to_string(place.path("run/fit.svg")).unwrap().contains("d⁴w/dx⁴"));
}

#[test]
fn a_plate_and_a_soliton_come_near_in_few_steps() {
    // Measured: 5.2e-5 and 3.7e-5.
    for (name, steps, bar) in [("clamped_plate/job.toml", "15", 2e-4), ("kdv/job.toml", "40", 2e-4)] {
        let (_, report) = solved(name, &["--steps", steps]);
        assert!(relative_error(&report, "u") < bar, "{name} {report:#}");
    }
}

#[test]
fn measured_third_and_fourth_derivatives_are_fitted() {
    let x: Vec<f64> = (0..33).map(|k| f64::from(k) / 5.0).collect();
    let of = |f: fn(f64) -> f64| -> Vec<f64> { x.iter().map(|x| f(*x)).collect() };
    let fit = || {
        Fit::new(&[&x], &[of(f64::sin)])
            .hidden(&[16])
            .seed(1)
            .with("[optimizer]\nname = \"gauss-newton\"\n[training]\nsteps = 60\n[device]\nthreads = 1\n")
    };
    let more = fit()
        .derivative(0, Derivative::Third([0; 3]), of(|x| -x.cos()))
        .derivative(0, Derivative::Fourth([0; 4]), of(f64::sin))
        .with("[loss]\nthird = 0.5\nfourth = 0.25\n");
    let between: Vec<f64> = x.iter().take(32).map(|x| x + 0.1).collect();
    let error = |fit: Fit| {
        let fitted = fit.run().unwrap();
        let mut evaluator = fitted.model().on("cpu", Precision::F64).unwrap();
        let jets = evaluator.layout(&[&between], &JetLayout::pure(1, 4)).unwrap();
        let fourth = jets.entry(0, Derivative::Fourth([0; 4])).unwrap();
        fourth.iter().zip(&between).map(|(fourth, x)| (fourth - x.sin()).abs()).fold(0.0, f64::max)
    };
    let (more, plain) = (error(more), error(fit()));
    assert!(more < 0.3 * plain && more < 1e-2, "{more:e} {plain:e}");
    let refused = Fit::new(&[&x], &[of(f64::sin)]).derivative(0, Derivative::Biharmonic, of(f64::sin)).run();
    assert!(refused.unwrap_err().to_string().contains("Third or Fourth with ascending inputs"));
}
