//! Thousands of random expressions in real losses: each term's mean and the gradient on the GPU, and on the
//! CPU in f32, against the CPU in f64, to rounding.
//!
//! How much rounding there may be is known for each expression: it is evaluated naively, too, with
//! bounds of first order that say how far r and its derivatives may be off. Expressions are left out
//! whose bounds do not hold (near a jump or a pole) or are too wide for a mistake to show.

use jetfit::backend::{Backend, Batch, Gradient, SetId};
use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::error::Result;
use jetfit::expression::{Expression, Scope};
use jetfit::jet::{Activation, Derivative, Entry, JetLayout};
use jetfit::loss::{Loss, Term};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::gpu;
use crate::support::{random_model, random_points};
use crate::trees::dual::{Bounded, Dual, evaluate};
use crate::trees::{NAMES, Tree, print, trees};

/// Losses, the terms of each, and the expressions that each term is a sum of: 2048 in all. A software GPU
/// takes most of its time to compile them, and less for few large terms than for many small ones.
const LOSSES: usize = 8;
const TERMS: usize = 4;
const PIECES: usize = 64;

/// Devices that share them, each on a thread.
const DEVICES: usize = 2;

/// B; at more points fewer expressions are sure at all of them.
const POINTS: usize = 2;

/// ε in f32: the largest relative error of one rounding.
const EPSILON: f64 = f32::EPSILON as f64 / 2.0;

/// The largest errors, in ε, of the network's own part: of an entry of the jet, relative to its natural
/// scale, and of an entry's gradient, in norm. Measured: 0.8 and 6.4.
const JET: f64 = 4.0;
const BACK: f64 = 16.0;

/// The bounds are of first order, and programs add in another order.
const MARGIN: f64 = 4.0;

/// The widest bound of a mean or a gradient, relative to it: a wrong rule is wrong by more.
const WIDEST: f64 = 1e-3;

/// The values of the coefficients.
const COEFFICIENTS: [f64; 2] = [0.75, -1.5];

/// The entries that the trees name, in the order of [`NAMES`].
const ENTRIES: [Entry; 6] = [
    Entry { output: 0, derivative: Derivative::Value },
    Entry { output: 0, derivative: Derivative::First(0) },
    Entry { output: 0, derivative: Derivative::Second(0, 0) },
    Entry { output: 0, derivative: Derivative::Second(0, 1) },
    Entry { output: 1, derivative: Derivative::Value },
    Entry { output: 1, derivative: Derivative::First(1) },
];

/// A network at some points, and what the trees' names are there.
struct Stage {
    model: Model,
    points: PointSet,
    scope: Scope,
    /// By point: the value of each name, and its error in ε.
    names: Vec<Vec<(f64, f64)>>,
    /// By point: the norm of the gradient of each coefficient and entry by all parameters.
    norms: Vec<Vec<f64>>,
}

impl Stage {
    fn new() -> Self {
        let mut model = random_model(2, &[7], 2, Activation::Tanh, 3);
        let own = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        (model.inputs, model.outputs, model.coefficients) = (own(&["x", "t"]), own(&["u", "v"]), own(&["nu", "k"]));
        model.spec.coefficients = COEFFICIENTS.len();
        model.parameters.extend(COEFFICIENTS);
        let scope = Scope {
            inputs: model.inputs.clone(),
            outputs: model.outputs.clone(),
            coefficients: model.coefficients.clone(),
            columns: own(&["u_measured"]),
            normals: true,
            ..Scope::default()
        };
        let points = PointSet {
            inputs: random_points(&model, POINTS, 1),
            columns: vec![vec![0.5, -1.25]],
            normals: vec![vec![0.25, -0.75], vec![0.0; POINTS]],
            weights: None,
        };
        let mut stage = Self { model, points, scope, names: vec![], norms: vec![] };
        let mut exact = cpu::open(&stage.model, Precision::F64, 1).unwrap();
        for point in 0..POINTS {
            let PointSet { inputs, columns, normals, .. } = &stage.points;
            let known = [inputs[0][point], inputs[1][point], columns[0][point], normals[0][point]];
            let known = known.into_iter().chain([std::f64::consts::PI]).chain(COEFFICIENTS);
            let mut names: Vec<_> = known.map(|value| (value, value.abs())).collect();
            let mut norms = vec![1.0; COEFFICIENTS.len()];
            for entry in ENTRIES {
                let (value, slopes) = stage.entry(&mut *exact, point, entry);
                let mean = stage.model.normalizer.outputs.mean[entry.output].abs();
                let scale = entry.natural_scale(&stage.model.normalizer);
                names.push((value, 2.0 * (mean + value.abs()) + JET * scale));
                norms.push(norm(&slopes) * scale);
            }
            stage.names.push(names);
            stage.norms.push(norms);
        }
        stage
    }

    /// An entry at a point, and its gradient by all parameters in its natural scale.
    fn entry(&self, backend: &mut dyn Backend, point: usize, entry: Entry) -> (f64, Vec<f64>) {
        let inputs: Vec<_> = self.points.inputs.iter().map(|column| vec![column[point]]).collect();
        let jets = backend.evaluate(&inputs, &JetLayout::full(2)).unwrap();
        let value = jets.entry(entry.output, entry.derivative).unwrap()[0];
        let scale = entry.natural_scale(&self.model.normalizer);
        // A residual of 1, whose square has twice the gradient.
        let set = PointSet { inputs, columns: vec![vec![value - scale]], ..PointSet::default() };
        let loss = Loss { terms: vec![Term::misfit("entry", entry, Some(0), scale, 0.5)] };
        let id = backend.load(&set, &loss).unwrap();
        (value, gradient(backend, id, &set).gradient)
    }

    /// Whether a backend's network is as near as the bounds take it to be.
    fn keeps_to(&self, backend: &mut dyn Backend) -> bool {
        let mut exact = cpu::open(&self.model, Precision::F64, 1).unwrap();
        let all = (0..POINTS).flat_map(|point| ENTRIES.map(|entry| (point, entry)));
        all.into_iter().all(|(point, entry)| {
            let (found, truth) = (self.entry(backend, point, entry), self.entry(&mut *exact, point, entry));
            let mean = self.model.normalizer.outputs.mean[entry.output].abs();
            let jet = JET * entry.natural_scale(&self.model.normalizer) + mean + truth.0.abs();
            (found.0 - truth.0).abs() <= jet * EPSILON && apart(&found.1, &truth.1) <= BACK * EPSILON * norm(&truth.1)
        })
    }

    /// The names' values at a point, with their derivatives by the coefficients and the entries.
    fn duals(&self, point: usize) -> impl Fn(&str) -> Dual {
        let (names, count) = (&self.names[point], self.norms[point].len());
        move |name| {
            let index = NAMES.iter().position(|known| *known == name).expect("a known name");
            let one = |by: usize| if index == NAMES.len() - count + by { 1.0 } else { 0.0 };
            let slopes = (0..count).map(|by| Bounded::new(one(by), one(by), EPSILON)).collect();
            Dual { value: Bounded::new(names[index].0, names[index].1, EPSILON), slopes }
        }
    }

    /// The mean of r² and the size of its gradient, each with its bound; `None` where there is none, or
    /// too wide a one.
    fn bounds(&self, tree: &Tree) -> Option<[(f64, f64); 2]> {
        let off = |number: &Bounded| MARGIN * EPSILON * number.error;
        let [mut mean, mut gradient] = [(0.0, 0.0); 2];
        for (point, norms) in self.norms.iter().enumerate() {
            let Dual { value: r, slopes } = evaluate(tree, &self.duals(point));
            if !r.sure || slopes.iter().any(|slope| !slope.sure) {
                return None;
            }
            let (size, error) = (r.value.abs(), off(&r));
            mean.0 += size * size / POINTS as f64;
            mean.1 += (2.0 * size * error + error * error + MARGIN * EPSILON * size * size) / POINTS as f64;
            for (slope, norm) in slopes.iter().zip(norms) {
                let product = size * slope.value.abs();
                let most = (size + error) * (slope.value.abs() + off(slope));
                gradient.0 += 2.0 * norm * product / POINTS as f64;
                gradient.1 += 2.0 * norm * (most - product + BACK * EPSILON * product) / POINTS as f64;
            }
        }
        // Their squares lie within the range of f32, too.
        let fits = |(size, bound): (f64, f64)| (1e-20..1e20).contains(&size) && bound < WIDEST * size;
        (fits(mean) && fits(gradient)).then_some([mean, gradient])
    }

    fn residual(&self, tree: &Tree) -> Result<Expression> {
        Expression::residual("test", &print(tree), &self.scope)
    }

    /// A random expression that training could change, scaled to size 1.
    fn piece(&self, draw: &mut impl FnMut() -> Tree) -> Tree {
        loop {
            let tree = draw();
            let Some([mean, gradient]) = self.bounds(&tree) else { continue };
            // Of one that is nearly constant the slopes would not show beside those of others.
            if (0.1..100.0).contains(&(gradient.0 / mean.0)) && self.residual(&tree).is_ok() {
                return Tree::Binary("*", Tree::Number(1.0 / mean.0.sqrt()).into(), tree.into());
            }
        }
    }

    /// A term that is a sum of pieces and weighs as much as any other, with the bounds of its mean and of
    /// its part of the gradient.
    fn term(&self, draw: &mut impl FnMut() -> Tree) -> (Term, (f64, f64)) {
        loop {
            let pieces = (0..PIECES).map(|_| self.piece(draw));
            let tree = pieces.reduce(|sum, piece| Tree::Binary("+", sum.into(), piece.into())).expect("a piece");
            if let Some([mean, gradient]) = self.bounds(&tree) {
                let residual = self.residual(&tree).unwrap();
                let term = Term { name: print(&tree), residual, scale: 1.0, weight: 1.0 / gradient.0 };
                return (term, (mean.1, gradient.1 / gradient.0));
            }
        }
    }
}

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// ‖a − b‖, infinite where that is no number.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let distance = norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
    if distance.is_nan() { f64::INFINITY } else { distance }
}

fn gradient(backend: &mut dyn Backend, set: SetId, points: &PointSet) -> Gradient {
    backend.gradient(&[Batch { set, start: 0, count: points.points() }]).unwrap()
}

#[test]
fn random_expressions_agree_with_the_cpu() {
    let stage = Stage::new();
    let (mut runner, strategy) = (TestRunner::deterministic(), trees(&NAMES));
    let mut draw = || strategy.new_tree(&mut runner).expect("a tree").current();
    let losses = (0..LOSSES).map(|_| {
        let (terms, bounds) = (0..TERMS).map(|_| stage.term(&mut draw)).unzip::<_, _, Vec<_>, Vec<_>>();
        (Loss { terms }, bounds)
    });
    let losses: Vec<_> = losses.collect();
    let check = |losses: &[(Loss, Vec<(f64, f64)>)]| {
        let [mut exact, mut single, mut gpu]: [Box<dyn Backend>; 3] = [
            cpu::open(&stage.model, Precision::F64, 1).unwrap(),
            cpu::open(&stage.model, Precision::F32, 1).unwrap(),
            Box::new(gpu(&stage.model)),
        ];
        for backend in [&mut single, &mut gpu] {
            assert!(stage.keeps_to(backend.as_mut()), "{}: the network itself is off", backend.device());
        }
        for (loss, bounds) in losses {
            let [truth, others @ ..] = [&mut exact, &mut single, &mut gpu].map(|backend| {
                let set = backend.load(&stage.points, loss).unwrap();
                (backend.device(), gradient(backend.as_mut(), set, &stage.points))
            });
            for (device, found) in others {
                for ((term, (bound, _)), (ours, exact)) in
                    loss.terms.iter().zip(bounds).zip(found.losses.iter().zip(&truth.1.losses))
                {
                    let what = format!("{device}: {}: {ours:e}, not {exact:e} within {bound:e}", term.name);
                    assert!((ours - exact).abs() <= *bound, "{what}");
                }
                let (off, bound) =
                    (apart(&found.gradient, &truth.1.gradient), bounds.iter().map(|bound| bound.1).sum());
                let names: Vec<_> = loss.terms.iter().map(|term| &term.name).collect();
                assert!(off <= bound, "{device}: the gradient is off by {off:e}, more than {bound:e}: {names:#?}");
            }
        }
    };
    std::thread::scope(|scope| {
        losses.chunks(LOSSES.div_ceil(DEVICES)).for_each(|part| drop(scope.spawn(|| check(part))));
    });
}
