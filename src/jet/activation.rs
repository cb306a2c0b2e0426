//! The activations by name, and how smooth each is. Their numerics stand in `cpu/rules/activation.rs`
//! and `shaders/rules/activations/`.

use std::fmt;
use std::str::FromStr;

use super::Derivative;
use crate::error::{Error, Result, suggest};

/// An activation σ of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// tanh z
    Tanh,
    /// 1 / (1 + exp(−z))
    Sigmoid,
    /// sin z (SIREN; its frequency lives in the initial weights of the first layer)
    Sin,
    /// log(1 + exp z)
    Softplus,
    /// z · sigmoid z
    Silu,
    /// z · Φ(z), with the exact Φ (erf)
    Gelu,
    /// z for z > 0, exp z − 1 otherwise
    Elu,
    /// max(z, 0)
    Relu,
    /// z for z > 0, 0.01 z otherwise
    LeakyRelu,
    /// z/2 · (1 + tanh(√(2/π) (z + 0.044715 z³))), which approximates GELU
    GeluTanh,
    /// λ z for z > 0, λ α (exp z − 1) otherwise, with λ = 1.0507… and α = 1.6732…
    Selu,
    /// z · tanh(log(1 + exp z))
    Mish,
    /// z / (1 + |z|)
    Softsign,
    /// exp z
    Exp,
    /// z
    Linear,
}

/// How often an activation can be differentiated everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Smoothness {
    /// Continuous; its first derivative jumps.
    C0,
    /// Once; its second derivative jumps.
    C1,
    /// Any number of times.
    Infinite,
}

impl Smoothness {
    /// The highest order of derivative that is continuous, of those that a jet has.
    pub fn order(self) -> usize {
        match self {
            Smoothness::C0 => 0,
            Smoothness::C1 => 1,
            Smoothness::Infinite => Derivative::MOST,
        }
    }
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 15] = [
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Sin,
        Activation::Softplus,
        Activation::Silu,
        Activation::Gelu,
        Activation::Elu,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::GeluTanh,
        Activation::Selu,
        Activation::Mish,
        Activation::Softsign,
        Activation::Exp,
        Activation::Linear,
    ];

    /// Its name in jobs and model files.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Sin => "sin",
            Activation::Softplus => "softplus",
            Activation::Silu => "silu",
            Activation::Gelu => "gelu",
            Activation::Elu => "elu",
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky_relu",
            Activation::GeluTanh => "gelu_tanh",
            Activation::Selu => "selu",
            Activation::Mish => "mish",
            Activation::Softsign => "softsign",
            Activation::Exp => "exp",
            Activation::Linear => "linear",
        }
    }

    /// Its class: the highest order of derivative that exists everywhere and is continuous.
    pub fn smoothness(self) -> Smoothness {
        match self {
            Activation::Relu | Activation::LeakyRelu | Activation::Selu => Smoothness::C0,
            Activation::Elu | Activation::Softsign => Smoothness::C1,
            _ => Smoothness::Infinite,
        }
    }

    /// An error if a network with this activation has no derivative of `order`. `place` is the key or flag that
    /// requests it.
    pub fn supports(self, order: usize, place: &str) -> Result<()> {
        if order < 2 || self.smoothness() == Smoothness::Infinite {
            return Ok(());
        }
        let smooth: Vec<_> =
            Self::ALL.iter().filter(|a| a.smoothness() == Smoothness::Infinite).map(|a| a.name()).collect();
        Err(Error::input(
            place,
            format!("a network with activation {:?} has no second derivative: {}", self.name(), self.why_rough()),
            format!("use a smooth activation ({}), or request only values and first derivatives", smooth.join(", ")),
        ))
    }

    /// The warning for a second derivative that does not exist but the user allows.
    pub fn rough_warning(self) -> String {
        format!("the second derivatives of this network are meaningless: {}", self.why_rough())
    }

    /// Why a network of this activation has no second derivative.
    fn why_rough(self) -> String {
        let name = self.name();
        match self.smoothness() {
            Smoothness::C0 if self == Activation::Selu => format!(
                "the first derivative of {name} jumps at 0, so that of the network jumps at every kink of every unit, \
                 where the second does not exist"
            ),
            Smoothness::C0 => format!(
                "a network of {name} units alone is piecewise linear: its second derivative is 0 almost everywhere and \
                 does not exist at the kinks, so it says nothing about the data, and its first derivative is a staircase"
            ),
            _ => format!(
                "the second derivative of {name} jumps at 0, so that of a {name} network jumps at every kink of every \
                 unit"
            ),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.map(Activation::name);
        Self::ALL.into_iter().find(|a| a.name() == name).ok_or_else(|| {
            Error::input("network.activation", format!("unknown activation {name:?}"), suggest(name, &known))
        })
    }
}

impl fmt::Display for Smoothness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Smoothness::C0 => "C0",
            Smoothness::C1 => "C1",
            Smoothness::Infinite => "C∞",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for activation in Activation::ALL {
            assert_eq!(activation.name().parse::<Activation>().unwrap(), activation);
        }
        assert!("tanhh".parse::<Activation>().unwrap_err().to_string().contains("did you mean \"tanh\""));
    }

    #[test]
    fn only_smooth_activations_have_a_second_derivative() {
        assert!(Activation::Softplus.supports(2, "x").is_ok());
        assert!(Activation::Relu.supports(1, "x").is_ok());
        let message = Activation::Relu.supports(2, "predictions.order").unwrap_err().to_string();
        assert!(message.contains("piecewise linear") && message.contains("tanh"), "{message}");
        assert!(Activation::Elu.supports(2, "x").is_err());
    }
}
