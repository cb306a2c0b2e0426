//! Formulas of one unit. Exporters write an activation as they like: SiLU as z · sigmoid z, GELU with erf, erfc or tanh,
//! Mish as z · tanh(softplus z). A formula is kept as it stands until something reads its value; then it is compared with
//! the activations that jetfit has, number by number, and what is left of it is scales and sums.

use std::collections::HashMap;
use std::rc::Rc;

use super::operators::{Binary, SAMPLES, Unary, value};

use crate::error::{Error, Result};
use crate::import::functions::Function;
use crate::import::graph::{At, Graph};
use crate::jet::Activation;

/// How far formulas may differ that are the same: constants such as √2 are rounded to f32.
const TOLERANCE: f64 = 2e-7;

/// More operations than any activation is written with.
const LARGEST: usize = 64;

/// A formula of the unit z.
#[derive(Clone, Debug)]
pub struct Expression {
    node: Rc<Node>,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    /// Nodes, each as often as it is used.
    size: usize,
}

#[derive(Debug)]
enum Kind {
    Unit,
    Constant(f64),
    Unary(Unary, Expression),
    Binary(Binary, Expression, Expression),
    /// c ? a : b
    Where(Expression, Expression, Expression),
}

impl Expression {
    fn new(kind: Kind) -> Self {
        let size = match &kind {
            Kind::Unit | Kind::Constant(_) => 1,
            Kind::Unary(_, a) => 1 + a.node.size,
            Kind::Binary(_, a, b) => 1 + a.node.size + b.node.size,
            Kind::Where(c, a, b) => 1 + c.node.size + a.node.size + b.node.size,
        };
        Self { node: Rc::new(Node { kind, size }) }
    }

    /// z itself.
    pub fn unit() -> Self {
        Self::new(Kind::Unit)
    }

    /// A number.
    pub fn constant(value: f64) -> Self {
        Self::new(Kind::Constant(value))
    }

    /// A function of a formula.
    pub fn unary(function: Unary, a: &Self) -> Self {
        Self::new(Kind::Unary(function, a.clone()))
    }

    /// A function of two.
    pub fn binary(function: Binary, a: &Self, b: &Self) -> Self {
        Self::new(Kind::Binary(function, a.clone(), b.clone()))
    }

    /// c ? a : b
    pub fn choice(c: &Self, a: &Self, b: &Self) -> Self {
        Self::new(Kind::Where(c.clone(), a.clone(), b.clone()))
    }

    /// Whether it has more parts than any activation.
    pub fn is_large(&self) -> bool {
        self.node.size > LARGEST
    }

    fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.node, &other.node)
    }

    fn parts(&self) -> Vec<&Self> {
        match &self.node.kind {
            Kind::Unit | Kind::Constant(_) => vec![],
            Kind::Unary(_, a) => vec![a],
            Kind::Binary(_, a, b) => vec![a, b],
            Kind::Where(c, a, b) => vec![c, a, b],
        }
    }

    fn number(&self) -> Option<f64> {
        if let Kind::Constant(value) = self.node.kind { Some(value) } else { None }
    }

    /// Its value where the formula `of` has the value z; not a number where z is read otherwise.
    fn at(&self, of: &Self, z: f64) -> f64 {
        if self.is(of) {
            return z;
        }
        match &self.node.kind {
            Kind::Unit => f64::NAN,
            Kind::Constant(value) => *value,
            Kind::Unary(function, a) => function.at(a.at(of, z)),
            Kind::Binary(function, a, b) => function.at(a.at(of, z), b.at(of, z)),
            Kind::Where(c, a, b) if c.at(of, z) != 0.0 => a.at(of, z),
            Kind::Where(_, _, b) => b.at(of, z),
        }
    }

    /// All formulas in it, the smallest first, each once; constants are none.
    fn inner(&self) -> Vec<Self> {
        let mut found: Vec<Self> = vec![];
        let mut open = vec![self];
        while let Some(next) = open.pop() {
            if next.number().is_none() && !found.iter().any(|known| known.is(next)) {
                found.push(next.clone());
                open.extend(next.parts());
            }
        }
        found.sort_by_key(|found| found.node.size);
        found
    }

    /// The activation f with this = f(`of`), if jetfit has one.
    fn function_of(&self, of: &Self) -> Option<Function> {
        let is = |function: &Function| {
            SAMPLES.iter().all(|z| {
                let (own, other) = (self.at(of, *z), value(function, *z));
                (own - other).abs() <= TOLERANCE * (1.0 + other.abs())
            })
        };
        let plain = Activation::ALL.into_iter().filter(|own| *own != Activation::Linear).map(Function::Own);
        let plain = plain.chain([Function::LogSigmoid, Function::TanhShrink, Function::Cos]);
        // Those with a parameter have it among the constants of the formula.
        let constants = self.constants().into_iter().filter(|c| c.is_finite() && *c > 0.0);
        let with_parameter = constants.flat_map(|c| {
            let both = move |function: fn(f64) -> Function| [function(c), function(1.0 / c)];
            let softplus = both(Function::Softplus).into_iter().chain(both(Function::Swish));
            softplus.chain([Function::LeakyRelu(vec![c]), Function::Elu(c)]).chain(both(Function::Celu))
        });
        let own = match &self.node.kind {
            Kind::Unary(Unary::Function(function), a) if a.is(of) => Some(function.clone()),
            _ => None,
        };
        own.or_else(|| plain.chain(with_parameter).find(is))
    }

    fn constants(&self) -> Vec<f64> {
        let own = self.number();
        own.into_iter().chain(self.parts().into_iter().flat_map(Self::constants)).collect()
    }

    /// The point of this formula, with the steps that lead to it; `points` has those that are known, of z at least.
    ///
    /// # Errors
    /// [`Error::Input`] at `place` for a formula that is no composition of activations, scales and sums.
    pub fn apply(&self, graph: &mut Graph, points: &mut Points, place: &str) -> Result<At> {
        if let Some((_, at)) = points.get(&self.address()) {
            return Ok(*at);
        }
        let at = self.steps(graph, points, place)?;
        points.insert(self.address(), (self.clone(), at));
        Ok(at)
    }

    /// What tells it from all others that live.
    pub fn address(&self) -> usize {
        Rc::as_ptr(&self.node) as usize
    }

    fn steps(&self, graph: &mut Graph, points: &mut Points, place: &str) -> Result<At> {
        for of in self.inner().iter().filter(|of| !of.is(self)) {
            if let Some(function) = self.function_of(of) {
                let at = of.apply(graph, points, place)?;
                return function.apply(graph, at, place);
            }
        }
        let unknown = || {
            let problem = "this formula is no activation that jetfit has, and no sum x + f(x)";
            let names = Activation::ALL.map(Activation::name).join(", ");
            Err(Error::input(place, problem, format!("use one of {names}, or Gemm, MatMul and Add")))
        };
        let mut point = |part: &Self, graph: &mut Graph| part.apply(graph, points, place);
        let (function, a, b) = match &self.node.kind {
            Kind::Unary(Unary::Neg, a) => {
                let at = point(a, graph)?;
                return graph.scale(at, place, vec![-1.0], vec![0.0]);
            }
            Kind::Binary(function, a, b) => (function, a, b),
            _ => return unknown(),
        };
        let (part, factor, shift) = match (function, a.number(), b.number()) {
            (Binary::Add, Some(c), _) => (b, 1.0, c),
            (Binary::Add, _, Some(c)) => (a, 1.0, c),
            (Binary::Sub, Some(c), _) => (b, -1.0, c),
            (Binary::Mul, Some(c), _) => (b, c, 0.0),
            (Binary::Mul, _, Some(c)) => (a, c, 0.0),
            (Binary::Sub, _, Some(c)) => {
                let at = point(a, graph)?;
                return graph.standardise(at, place, vec![c], vec![1.0]);
            }
            (Binary::Div, _, Some(c)) => {
                let at = point(a, graph)?;
                return graph.standardise(at, place, vec![0.0], vec![c]);
            }
            (Binary::Add | Binary::Sub, None, None) => {
                // The shorter is what the longer one starts with.
                let is_first = a.node.size <= b.node.size;
                let (short, long) = if is_first { (a, b) } else { (b, a) };
                let (short, mut long) = (point(short, graph)?, point(long, graph)?);
                if *function == Binary::Add {
                    return graph.add(short, long, place);
                }
                long = graph.scale(long, place, vec![-1.0], vec![0.0])?;
                let sum = graph.add(short, long, place)?;
                return if is_first { Ok(sum) } else { graph.scale(sum, place, vec![-1.0], vec![0.0]) };
            }
            _ => return unknown(),
        };
        let at = point(part, graph)?;
        graph.scale(at, place, vec![factor], vec![shift])
    }
}

/// The points of formulas, by their addresses; holding them keeps these from being used again.
pub type Points = HashMap<usize, (Expression, At)>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::onnx::operators::Unary;

    fn unary(function: Unary, a: &Expression) -> Expression {
        Expression::unary(function, a)
    }

    fn own(activation: Activation, a: &Expression) -> Expression {
        unary(Unary::Function(Function::Own(activation)), a)
    }

    fn binary(a: &Expression, function: Binary, b: &Expression) -> Expression {
        Expression::binary(function, a, b)
    }

    fn number(value: f64) -> Expression {
        Expression::constant(value)
    }

    #[test]
    fn activations_are_recognised_however_they_are_written() {
        let z = &Expression::unit();
        let exp = |a: &Expression| own(Activation::Exp, a);
        let one = &number(1.0);
        // 1/√2 and others as f32 holds them.
        let erf =
            binary(&unary(Unary::Erf, &binary(z, Binary::Mul, &number(0.707_106_769_084_930_4))), Binary::Add, one);
        let sigmoid = unary(Unary::Reciprocal, &binary(one, Binary::Add, &exp(&unary(Unary::Neg, z))));
        let stretched = own(Activation::Sigmoid, &binary(z, Binary::Mul, &number(1.702)));
        let softplus = unary(Unary::Log, &binary(one, Binary::Add, &exp(&binary(z, Binary::Min, &number(600.0)))));
        let cases = [
            (binary(z, Binary::Mul, &binary(&erf, Binary::Mul, &number(0.5))), Function::Own(Activation::Gelu)),
            (binary(z, Binary::Mul, &sigmoid), Function::Own(Activation::Silu)),
            (binary(&stretched, Binary::Mul, z), Function::Swish(1.702)),
            (sigmoid.clone(), Function::Own(Activation::Sigmoid)),
            (softplus.clone(), Function::Own(Activation::Softplus)),
            (binary(z, Binary::Mul, &own(Activation::Tanh, &softplus)), Function::Own(Activation::Mish)),
            (binary(z, Binary::Max, &binary(z, Binary::Mul, &number(0.2))), Function::LeakyRelu(vec![0.2])),
            (binary(z, Binary::Max, &number(0.0)), Function::Own(Activation::Relu)),
            (binary(z, Binary::Sub, &own(Activation::Tanh, z)), Function::TanhShrink),
        ];
        for (formula, function) in cases {
            assert_eq!(formula.function_of(z), Some(function));
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        let z = &Expression::unit();
        let clipped = binary(&own(Activation::Relu, z), Binary::Min, &number(6.0));
        let square = binary(z, Binary::Mul, z);
        let double = binary(&own(Activation::Tanh, z), Binary::Mul, &number(1.000_01));
        for formula in [&clipped, &square, &double, z] {
            assert_eq!(formula.function_of(z), None);
        }
        let (mut graph, at) = Graph::new(Some(3));
        let mut points = Points::from([(z.address(), (z.clone(), at))]);
        let message = clipped.apply(&mut graph, &mut points, "node").unwrap_err().to_string();
        assert!(message.contains("no activation that jetfit has"), "{message}");
        assert!(double.apply(&mut graph, &mut points, "node").is_ok());
    }
}
