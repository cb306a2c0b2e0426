//! Activations with parameters, as those that jetfit has: exactly, with scales before and behind, and where a kink
//! remains as x + f(x).

use std::f64::consts::FRAC_PI_2;

use super::graph::{At, Graph};
use crate::error::{Error, Result};
use crate::jet::Activation;

/// An activation of another program.
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    /// One of jetfit's own.
    Own(Activation),
    /// z above 0, slope · z below; of each unit, or one.
    LeakyRelu(Vec<f64>),
    /// z above 0, α (exp z − 1) below.
    Elu(f64),
    /// z above 0, α (exp(z/α) − 1) below.
    Celu(f64),
    /// log(1 + exp(β z))/β
    Softplus(f64),
    /// z · sigmoid(β z)
    Swish(f64),
    /// log sigmoid z
    LogSigmoid,
    /// z − tanh z
    TanhShrink,
    /// cos z
    Cos,
}

impl Function {
    /// By the name that Keras, PyTorch or jetfit give it, with its usual parameters there. `None` for an unknown name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "exponential" => Self::Own(Activation::Exp),
            "swish" => Self::Own(Activation::Silu),
            "log_sigmoid" | "logsigmoid" => Self::LogSigmoid,
            "tanh_shrink" | "tanhshrink" => Self::TanhShrink,
            "celu" => Self::Celu(1.0),
            "cos" => Self::Cos,
            _ => Self::Own(name.parse().ok()?),
        })
    }

    /// Its steps.
    ///
    /// # Errors
    /// [`Error::Input`] at `place` for a parameter that no sum of activations gives.
    pub fn apply(&self, graph: &mut Graph, at: At, place: &str) -> Result<At> {
        let one = |name: &str, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(value),
            false => Err(Error::input(place, format!("{name} is {value}"), format!("use a {name} above 0"))),
        };
        match self {
            Self::Own(activation) => Ok(graph.activation(at, place, *activation)),
            Self::LeakyRelu(slopes) if slopes.iter().all(|slope| *slope == 0.01) => {
                Ok(graph.activation(at, place, Activation::LeakyRelu))
            }
            Self::LeakyRelu(slopes) => hinge(graph, at, place, slopes),
            Self::Elu(alpha) => {
                // elu α(z) = α e + (1 − α) relu(e) with e = elu(z), which has the sign of z.
                let elu = graph.activation(at, place, Activation::Elu);
                hinge(graph, elu, place, &[one("alpha", *alpha)?])
            }
            Self::Celu(alpha) => stretched(graph, at, place, Activation::Elu, 1.0 / one("alpha", *alpha)?),
            Self::Softplus(beta) => stretched(graph, at, place, Activation::Softplus, one("beta", *beta)?),
            Self::Swish(beta) => stretched(graph, at, place, Activation::Silu, one("beta", *beta)?),
            Self::LogSigmoid => {
                let negated = graph.scale(at, place, vec![-1.0], vec![0.0])?;
                let softplus = graph.activation(negated, place, Activation::Softplus);
                graph.scale(softplus, place, vec![-1.0], vec![0.0])
            }
            Self::TanhShrink => {
                let negated = graph.scale(at, place, vec![-1.0], vec![0.0])?;
                let tanh = graph.activation(negated, place, Activation::Tanh);
                graph.add(at, tanh, place)
            }
            Self::Cos => {
                let shifted = graph.scale(at, place, vec![1.0], vec![FRAC_PI_2])?;
                Ok(graph.activation(shifted, place, Activation::Sin))
            }
        }
    }
}

/// σ(β z)/β
fn stretched(graph: &mut Graph, at: At, place: &str, activation: Activation, beta: f64) -> Result<At> {
    if beta == 1.0 {
        return Ok(graph.activation(at, place, activation));
    }
    let stretched = graph.scale(at, place, vec![beta], vec![0.0])?;
    let activated = graph.activation(stretched, place, activation);
    graph.scale(activated, place, vec![1.0 / beta], vec![0.0])
}

/// z above 0 and s z below, as s z + (1 − s) relu(z): with p = ±s z that is ±(p + relu(q p)), where q is (1 − s)/s and
/// the sign that of 1 − s.
fn hinge(graph: &mut Graph, at: At, place: &str, slopes: &[f64]) -> Result<At> {
    if slopes.iter().all(|slope| *slope == 0.0) {
        return Ok(graph.activation(at, place, Activation::Relu));
    }
    if slopes.iter().all(|slope| *slope == 1.0) {
        return Ok(at);
    }
    if slopes.iter().any(|slope| *slope == 0.0 || !slope.is_finite()) {
        let problem = format!("its slopes below 0 are {slopes:?}");
        return Err(Error::input(place, problem, "use slopes that are all 0, or none"));
    }
    let signs: Vec<f64> = slopes.iter().map(|slope| if *slope <= 1.0 { 1.0 } else { -1.0 }).collect();
    let line = slopes.iter().zip(&signs).map(|(slope, sign)| sign * slope).collect();
    let line = graph.scale(at, place, line, vec![0.0])?;
    let steeper = slopes.iter().map(|slope| (1.0 - slope) / slope).collect();
    let steeper = graph.scale(line, place, steeper, vec![0.0])?;
    let kinked = graph.activation(steeper, place, Activation::Relu);
    let sum = graph.add(line, kinked, place)?;
    if signs.iter().all(|sign| *sign == 1.0) { Ok(sum) } else { graph.scale(sum, place, signs, vec![0.0]) }
}
