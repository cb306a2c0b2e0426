//! The functions of one argument that programs compute: by name, in f64, and their derivatives.
//!
//! Outside its domain a function is NaN, and at a pole infinite, as in IEEE arithmetic: `log(0)` is
//! −∞, `log(-1)`, `sqrt(-1)` and `asin(2)` are NaN. A WGSL compiler may assume that neither occurs,
//! so on a GPU the value is then unspecified.

use super::graph::{Graph, Id};

/// A function of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// √x
    Sqrt,
    /// |x|
    Abs,
    /// exp x
    Exp,
    /// log x
    Log,
    /// sin x
    Sin,
    /// cos x
    Cos,
    /// asin x
    Asin,
    /// acos x
    Acos,
    /// atan x
    Atan,
    /// sinh x
    Sinh,
    /// cosh x
    Cosh,
    /// tanh x
    Tanh,
    /// erf x
    Erf,
    /// 1/(1 + exp(−x))
    Sigmoid,
    /// the largest whole number that is not above x
    Floor,
    /// the smallest whole number that is not below x
    Ceil,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 16] = [
        Function::Sqrt,
        Function::Abs,
        Function::Exp,
        Function::Log,
        Function::Sin,
        Function::Cos,
        Function::Asin,
        Function::Acos,
        Function::Atan,
        Function::Sinh,
        Function::Cosh,
        Function::Tanh,
        Function::Erf,
        Function::Sigmoid,
        Function::Floor,
        Function::Ceil,
    ];

    /// Its name in expressions.
    pub fn name(self) -> &'static str {
        match self {
            Function::Sqrt => "sqrt",
            Function::Abs => "abs",
            Function::Exp => "exp",
            Function::Log => "log",
            Function::Sin => "sin",
            Function::Cos => "cos",
            Function::Asin => "asin",
            Function::Acos => "acos",
            Function::Atan => "atan",
            Function::Sinh => "sinh",
            Function::Cosh => "cosh",
            Function::Tanh => "tanh",
            Function::Erf => "erf",
            Function::Sigmoid => "sigmoid",
            Function::Floor => "floor",
            Function::Ceil => "ceil",
        }
    }

    /// The natural logarithm's other name.
    pub const LN: &str = "ln";

    /// The function of this name.
    pub fn named(name: &str) -> Option<Function> {
        let name = if name == Self::LN { Function::Log.name() } else { name };
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether it jumps.
    pub fn jumps(self) -> bool {
        matches!(self, Function::Floor | Function::Ceil)
    }

    /// Its derivative at `x`, where it has the value `value`.
    pub fn derivative(self, graph: &mut Graph, x: Id, value: Id) -> Id {
        match self {
            Function::Sqrt => {
                let inverse = graph.product([(value, -1)]);
                graph.scaled(inverse, 0.5)
            }
            Function::Abs => graph.sign(x),
            Function::Exp => value,
            Function::Log => graph.product([(x, -1)]),
            Function::Sin => graph.function(Function::Cos, x),
            Function::Cos => {
                let sin = graph.function(Function::Sin, x);
                graph.scaled(sin, -1.0)
            }
            Function::Asin | Function::Acos => {
                let square = graph.product([(x, 2)]);
                let rest = graph.sum(1.0, [(square, -1.0)]);
                let root = graph.function(Function::Sqrt, rest);
                let slope = graph.product([(root, -1)]);
                graph.scaled(slope, if self == Function::Asin { 1.0 } else { -1.0 })
            }
            Function::Atan => {
                let square = graph.product([(x, 2)]);
                let rest = graph.sum(1.0, [(square, 1.0)]);
                graph.product([(rest, -1)])
            }
            Function::Sinh => graph.function(Function::Cosh, x),
            Function::Cosh => graph.function(Function::Sinh, x),
            Function::Tanh => {
                let square = graph.product([(value, 2)]);
                graph.sum(1.0, [(square, -1.0)])
            }
            Function::Erf => {
                let square = graph.product([(x, 2)]);
                let exponent = graph.scaled(square, -1.0);
                let bell = graph.function(Function::Exp, exponent);
                graph.scaled(bell, std::f64::consts::FRAC_2_SQRT_PI)
            }
            Function::Sigmoid => {
                let rest = graph.sum(1.0, [(value, -1.0)]);
                graph.product([(value, 1), (rest, 1)])
            }
            Function::Floor | Function::Ceil => graph.constant(0.0),
        }
    }
}
