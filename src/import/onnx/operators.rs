//! The values of operators on one unit and of the activations, to compare formulas by.

use libm::{erf, erfc};

use crate::import::functions::Function;
use crate::jet::Activation;

/// A function of one number.
#[derive(Clone, Debug, PartialEq)]
pub enum Unary {
    /// An activation.
    Function(Function),
    /// −z
    Neg,
    /// |z|
    Abs,
    /// erf z
    Erf,
    /// 1 − erf z
    Erfc,
    /// 1/z
    Reciprocal,
    /// √z
    Sqrt,
    /// log z
    Log,
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binary {
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a · b
    Mul,
    /// a/b
    Div,
    /// a to the power b
    Pow,
    /// The larger of the two
    Max,
    /// The smaller of the two
    Min,
    /// Whether a > b
    Greater,
    /// Whether a < b
    Less,
}

/// Where formulas are compared: beyond the bounds of what is clipped, too.
pub const SAMPLES: [f64; 28] = [
    -500.0, -40.0, 40.0, 500.0, -9.0, -6.5, -5.03, -4.1, -3.3, -2.7, -2.0, -1.55, -1.1, -0.75, -0.4, -0.13, 0.07, 0.35,
    0.6, 1.0, 1.45, 1.9, 2.4, 3.1, 4.2, 5.3, 6.8, 9.0,
];

impl Unary {
    /// Its value.
    pub fn at(&self, z: f64) -> f64 {
        match self {
            Self::Function(function) => value(function, z),
            Self::Neg => -z,
            Self::Abs => z.abs(),
            Self::Erf => erf(z),
            Self::Erfc => erfc(z),
            Self::Reciprocal => 1.0 / z,
            Self::Sqrt => z.sqrt(),
            Self::Log => z.ln(),
        }
    }
}

impl Binary {
    /// Its value.
    pub fn at(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Pow => a.powf(b),
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::Greater => f64::from(a > b),
            Self::Less => f64::from(a < b),
        }
    }
}

/// f(z)
pub fn value(function: &Function, z: f64) -> f64 {
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let softplus = |z: f64| z.max(0.0) + (-z.abs()).exp().ln_1p();
    let elu = |z: f64| if z > 0.0 { z } else { z.exp_m1() };
    match function {
        Function::LeakyRelu(slopes) => {
            if z > 0.0 {
                z
            } else {
                slopes[0] * z
            }
        }
        Function::Elu(alpha) => {
            if z > 0.0 {
                z
            } else {
                alpha * z.exp_m1()
            }
        }
        Function::Celu(alpha) => alpha * elu(z / alpha),
        Function::Softplus(beta) => softplus(beta * z) / beta,
        Function::Swish(beta) => z * sigmoid(beta * z),
        Function::LogSigmoid => -softplus(-z),
        Function::TanhShrink => z - z.tanh(),
        Function::Cos => z.cos(),
        Function::Own(activation) => match activation {
            Activation::Linear => z,
            Activation::Tanh => z.tanh(),
            Activation::Sigmoid => sigmoid(z),
            Activation::Sin => z.sin(),
            Activation::Softplus => softplus(z),
            Activation::Silu => z * sigmoid(z),
            Activation::Gelu => 0.5 * z * (1.0 + erf(z / std::f64::consts::SQRT_2)),
            Activation::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (z + 0.044715 * z.powi(3));
                0.5 * z * (1.0 + inner.tanh())
            }
            Activation::Elu => elu(z),
            Activation::Relu => z.max(0.0),
            Activation::LeakyRelu => {
                if z > 0.0 {
                    z
                } else {
                    0.01 * z
                }
            }
            Activation::Selu => {
                1.050_700_987_355_480_5 * if z > 0.0 { z } else { 1.673_263_242_354_377_2 * z.exp_m1() }
            }
            Activation::Mish => z * softplus(z).tanh(),
            Activation::Exp => z.exp(),
            Activation::Softsign => z / (1.0 + z.abs()),
        },
    }
}
