//! What several test files share: the float64 reference cases, random models, error norms.

use jetfit::backend::{Backend, Batch, Gradient, OptimizerState, SetId, StepReport, Update, Vector, Vectors};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::error::Result;
use jetfit::jet::{Activation, Derivative, Entry, JetLayout, Jets, Normalizer, Scaling};
use jetfit::loss::{Loss, Term};
use jetfit::network::{Hidden, Model, NetworkSpec, Perceptron, Transforms};
use jetfit::numbers::Precision;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

/// One file of `tests/reference`; its README gives the shapes.
#[derive(Deserialize)]
pub struct Reference {
    pub name: String,
    pub inputs: usize,
    pub hidden: Vec<usize>,
    pub outputs: usize,
    pub activation: String,
    weights: Vec<Vec<Vec<f64>>>,
    biases: Vec<Vec<f64>>,
    normalizer: ReferenceNormalizer,
    pub points: Vec<Vec<f64>>,
    pub value: Vec<Vec<f64>>,
    pub gradient: Vec<Vec<Vec<f64>>>,
    pub hessian: Vec<Vec<Vec<Vec<f64>>>>,
    pub loss: ReferenceLoss,
}

#[derive(Deserialize)]
struct ReferenceNormalizer {
    x_mean: Vec<f64>,
    x_scale: Vec<f64>,
    y_mean: Vec<f64>,
    y_scale: Vec<f64>,
}

#[derive(Deserialize)]
pub struct ReferenceLoss {
    pub loss: f64,
    weights: ReferenceWeights,
    value_target: Vec<Vec<f64>>,
    first_target: Vec<Vec<Vec<f64>>>,
    second_target: Vec<Vec<Vec<f64>>>,
    weight_gradients: Vec<Vec<Vec<f64>>>,
    bias_gradients: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct ReferenceWeights {
    value: f64,
    first: f64,
    second: f64,
}

/// The parameter block: each layer's weights row by row, then its biases.
fn block(weights: &[Vec<Vec<f64>>], biases: &[Vec<f64>]) -> Vec<f64> {
    weights.iter().zip(biases).flat_map(|(w, b)| w.iter().flatten().chain(b).copied().collect::<Vec<_>>()).collect()
}

impl Reference {
    /// All cases.
    pub fn all() -> Vec<Reference> {
        let mut paths: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        paths.sort();
        assert!(!paths.is_empty());
        paths.iter().map(|p| serde_json::from_str(&std::fs::read_to_string(p).unwrap()).unwrap()).collect()
    }

    pub fn model(&self) -> Model {
        let activation: Activation = self.activation.parse().unwrap();
        let scaling = |mean: &Vec<f64>, scale: &Vec<f64>| Scaling { mean: mean.clone(), scale: scale.clone() };
        let n = &self.normalizer;
        Model {
            inputs: (0..self.inputs).map(|i| format!("x{i}")).collect(),
            outputs: (0..self.outputs).map(|i| format!("u{i}")).collect(),
            coefficients: vec![],
            transforms: Transforms::default(),
            spec: NetworkSpec::uniform(self.inputs, &self.hidden, activation, self.outputs),
            normalizer: Normalizer {
                inputs: scaling(&n.x_mean, &n.x_scale),
                outputs: scaling(&n.y_mean, &n.y_scale),
                coefficients: vec![],
            },
            precision: Precision::F64,
            parameters: block(&self.weights, &self.biases),
            ranges: vec![],
        }
    }

    /// The points as columns (D, B).
    pub fn columns(&self) -> Vec<Vec<f64>> {
        (0..self.inputs).map(|d| self.points.iter().map(|p| p[d]).collect()).collect()
    }

    /// One entry of one output's jet at every point.
    pub fn truth(&self, output: usize, derivative: Derivative) -> Vec<f64> {
        let at = |b: usize| match derivative {
            Derivative::Value => self.value[b][output],
            Derivative::First(i) => self.gradient[b][output][i],
            Derivative::Second(i, j) => self.hessian[b][output][i][j],
            Derivative::Laplacian => (0..self.inputs).map(|i| self.hessian[b][output][i][i]).sum(),
            _ => unreachable!("the reference ends at the second derivatives"),
        };
        (0..self.points.len()).map(at).collect()
    }

    /// The reference's loss: a term for each entry, whose weight is the class's weight over the
    /// number of entries that it is a mean of.
    pub fn loss(&self) -> (PointSet, Loss) {
        let mut set = PointSet { inputs: self.columns(), ..PointSet::default() };
        let mut terms = vec![];
        let (w, entries) = (&self.loss.weights, self.outputs as f64);
        for output in 0..self.outputs {
            let mut push = |derivative: Derivative, weight: f64, target: Vec<f64>| {
                if weight != 0.0 {
                    let name = format!("{derivative:?} of {output}");
                    terms.push(Term::misfit(name, Entry { output, derivative }, Some(set.columns.len()), 1.0, weight));
                    set.columns.push(target);
                }
            };
            let l = &self.loss;
            push(Derivative::Value, w.value / entries, l.value_target.iter().map(|t| t[output]).collect());
            for i in 0..self.inputs {
                let entries = entries * self.inputs as f64;
                push(Derivative::First(i), w.first / entries, l.first_target.iter().map(|t| t[output][i]).collect());
                let target = l.second_target.iter().map(|t| t[output][i]).collect();
                push(Derivative::Second(i, i), w.second / entries, target);
            }
        }
        (set, Loss { terms })
    }

    /// ∂loss/∂parameters, as the parameter block lies.
    pub fn loss_gradient(&self) -> Vec<f64> {
        block(&self.loss.weight_gradients, &self.loss.bias_gradients)
    }
}

/// A model with random weights of a sensible size and a scaling that is not trivial.
pub fn random_model(inputs: usize, hidden: &[usize], outputs: usize, activation: Activation, seed: u64) -> Model {
    model_of(NetworkSpec::uniform(inputs, hidden, activation, outputs), seed)
}

/// One whose layers differ, with skips: two that end at one layer's successors, one that begins where another ends.
pub fn mixed_model(inputs: usize, outputs: usize) -> Model {
    use Activation::{Gelu, Linear, Sigmoid, Silu, Sin, Tanh};
    let layer = |width, activation, skip| Hidden { width, activation, skip };
    let hidden = vec![
        layer(7, Tanh, None),
        layer(7, Linear, Some(0)),
        layer(33, Sin, None),
        layer(7, Silu, Some(1)),
        layer(33, Sigmoid, Some(2)),
        layer(7, Gelu, Some(1)),
    ];
    model_of(NetworkSpec::of_one(Perceptron { inputs, hidden, outputs, wiring: None }), 3)
}

/// A model of this shape, whose weights are random.
fn model_of(spec: NetworkSpec, seed: u64) -> Model {
    let (inputs, outputs) = (spec.networks[0].inputs, spec.outputs());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = |low: f64, high: f64| rng.random_range(low..high);
    let mut parameters = vec![0.0; spec.parameters()];
    for layer in spec.layers() {
        let bound = (3.0 / layer.inputs as f64).sqrt();
        parameters[layer.weights()].fill_with(|| uniform(-bound, bound));
        parameters[layer.biases()].fill_with(|| uniform(-0.5, 0.5));
    }
    let scaling = |columns: usize, uniform: &mut dyn FnMut(f64, f64) -> f64| Scaling {
        mean: (0..columns).map(|_| uniform(-2.0, 2.0)).collect(),
        scale: (0..columns).map(|_| uniform(0.3, 3.0)).collect(),
    };
    let normalizer = Normalizer {
        inputs: scaling(inputs, &mut uniform),
        outputs: scaling(outputs, &mut uniform),
        coefficients: vec![],
    };
    // f32 numbers, so that both precisions hold the same network.
    parameters.iter_mut().for_each(|p| *p = f64::from(*p as f32));
    Model {
        inputs: (0..inputs).map(|i| format!("x{i}")).collect(),
        outputs: (0..outputs).map(|i| format!("u{i}")).collect(),
        coefficients: vec![],
        transforms: Transforms::default(),
        spec,
        normalizer,
        precision: Precision::F32,
        parameters,
        ranges: vec![],
    }
}

/// Random points (D, B) over the model's range.
pub fn random_points(model: &Model, points: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scaling = &model.normalizer.inputs;
    let mut column =
        |d: usize| (0..points).map(|_| scaling.mean[d] + scaling.scale[d] * rng.random_range(-1.7..1.7)).collect();
    (0..model.inputs.len()).map(&mut column).collect()
}

/// A loss over every entry of the layout, with random targets.
pub fn random_loss(model: &Model, layout: &JetLayout, points: usize, seed: u64) -> (PointSet, Loss) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut set = PointSet { inputs: random_points(model, points, seed + 1), ..PointSet::default() };
    let mut terms = vec![];
    for output in 0..model.outputs.len() {
        let factors = layout.factors(&model.normalizer, output);
        for (derivative, factor) in layout.derivatives().zip(factors) {
            let shift = if derivative == Derivative::Value { model.normalizer.outputs.mean[output] } else { 0.0 };
            let name = derivative.column(&model.outputs[output], &model.inputs);
            let weight = rng.random_range(0.5..1.5);
            terms.push(Term::misfit(name, Entry { output, derivative }, Some(set.columns.len()), factor, weight));
            set.columns.push((0..points).map(|_| shift + factor * rng.random_range(-1.0..1.0)).collect());
        }
    }
    (set, Loss { terms })
}

/// ‖a − b‖ / ‖b‖, or ‖a − b‖ where b is 0.
pub fn normwise(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| a - b));
    let size = norm(&mut b.iter().copied());
    if size == 0.0 { difference } else { difference / size }
}

/// The largest normwise difference over the entries of two jets.
pub fn jets_apart(a: &Jets, b: &Jets) -> f64 {
    assert_eq!((a.outputs, &a.layout), (b.outputs, &b.layout));
    let entries = (0..a.outputs).flat_map(|output| a.layout.derivatives().map(move |d| (output, d)));
    entries.map(|(output, d)| normwise(a.entry(output, d).unwrap(), b.entry(output, d).unwrap())).fold(0.0, f64::max)
}

/// Changes the values of one entry.
type Tamper = Box<dyn Fn(Derivative, &mut [f64]) + Send>;

/// Changes a gradient.
type TamperGradient = Box<dyn Fn(&mut [f64]) + Send>;

/// A CPU that is not what it should be.
pub struct Tampered {
    inner: Box<dyn Backend>,
    /// Sees each entry of every jet before the caller does.
    pub tamper: Tamper,
    /// What it takes a loss for.
    pub tamper_loss: Box<dyn Fn(&mut Loss) + Send>,
    /// Sees each gradient before the caller does.
    pub tamper_gradient: TamperGradient,
    /// What its own clock says of a step, if it has one.
    pub clock: Option<f64>,
}

impl Tampered {
    /// A sound one without a clock.
    pub fn new(model: &Model) -> Self {
        Self {
            inner: cpu::open(model, Precision::F32, 1).unwrap(),
            tamper: Box::new(|_, _| {}),
            tamper_loss: Box::new(|_| {}),
            tamper_gradient: Box::new(|_| {}),
            clock: None,
        }
    }

    fn tampered(&self, loss: &Loss) -> Loss {
        let mut loss = loss.clone();
        (self.tamper_loss)(&mut loss);
        loss
    }
}

impl Vectors for Tampered {
    fn allocate_vectors(&mut self, count: usize) -> Result<()> {
        self.inner.allocate_vectors(count)
    }
    fn vector(&mut self, vector: Vector) -> Result<Vec<f64>> {
        self.inner.vector(vector)
    }
    fn set_kept(&mut self, kept: usize, numbers: &[f64]) -> Result<()> {
        self.inner.set_kept(kept, numbers)
    }
    fn dots(&mut self, left: &[Vector], right: &[Vector]) -> Result<Vec<f64>> {
        self.inner.dots(left, right)
    }
    fn combine(&mut self, into: Vector, parts: &[(f64, Vector)]) -> Result<()> {
        self.inner.combine(into, parts)
    }
}

impl Backend for Tampered {
    fn evaluate(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        let mut jets = self.inner.evaluate(points, layout)?;
        let count = jets.points();
        let entries = (0..jets.outputs).flat_map(|_| layout.derivatives());
        entries.zip(jets.values.chunks_mut(count)).for_each(|(entry, values)| (self.tamper)(entry, values));
        Ok(jets)
    }
    fn timed_steps(&mut self, batch: Batch, update: &Update, repeats: usize) -> Result<Option<Vec<f64>>> {
        let Some(seconds) = self.clock else { return Ok(None) };
        self.inner.step(&[batch], update)?;
        Ok(Some(vec![seconds; repeats]))
    }

    fn device(&self) -> String {
        self.inner.device()
    }
    fn load(&mut self, set: &PointSet, loss: &Loss) -> Result<SetId> {
        self.inner.load(set, &self.tampered(loss))
    }
    fn refill(&mut self, set: SetId, points: &PointSet, loss: &Loss) -> Result<()> {
        self.inner.refill(set, points, &self.tampered(loss))
    }
    fn set_term_weights(&mut self, set: SetId, weights: &[f64]) -> Result<()> {
        self.inner.set_term_weights(set, weights)
    }
    fn set_order(&mut self, set: SetId, rows: &[u32]) -> Result<()> {
        self.inner.set_order(set, rows)
    }
    fn losses(&mut self, set: SetId) -> Result<Vec<f64>> {
        self.inner.losses(set)
    }
    fn differentiate(&mut self, batches: &[Batch]) -> Result<Vec<f64>> {
        self.inner.differentiate(batches)
    }
    fn gradient(&mut self, batches: &[Batch]) -> Result<Gradient> {
        let mut found = self.inner.gradient(batches)?;
        (self.tamper_gradient)(&mut found.gradient);
        Ok(found)
    }
    fn step(&mut self, batches: &[Batch], update: &Update) -> Result<()> {
        self.inner.step(batches, update)
    }
    fn report(&mut self) -> Result<StepReport> {
        self.inner.report()
    }
    fn parameters(&mut self) -> Result<Vec<f64>> {
        self.inner.parameters()
    }
    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.inner.set_parameters(parameters)
    }
    fn optimizer_state(&mut self) -> Result<OptimizerState> {
        self.inner.optimizer_state()
    }
    fn set_optimizer_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.inner.set_optimizer_state(state)
    }
    fn working_bytes(&self) -> usize {
        self.inner.working_bytes()
    }
}
