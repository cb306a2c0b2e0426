//! Features, transforms and places as operations of a recipe: expressions of the inputs and of the network's jets.

use super::builder::Builder;
use super::lower::Jet;
use super::recipe::{Binary, Id, Unary};
use crate::expression::{Algebra, Function, Leaf, Operation};
use crate::jet::JetLayout;

/// What expressions read, each a number at every point, and where their operations go.
pub struct Expressions<'a> {
    /// Where operations go.
    pub builder: &'a mut Builder,
    /// The point (1, D).
    pub point: Id,
    /// In the user's units (K).
    pub coefficients: &'a [f64],
    /// The network's own jet at each place, in the user's units.
    pub jets: &'a [Jet],
    /// Which channels it has.
    pub layout: &'a JetLayout,
}

impl Algebra for Expressions<'_> {
    type Value = Id;

    fn constant(&mut self, value: f64) -> Id {
        self.builder.number(value)
    }

    fn read(&mut self, leaf: Leaf) -> Id {
        match leaf {
            Leaf::Input(input) => self.builder.units(self.point, &[input]),
            Leaf::Coefficient(k) => self.builder.number(self.coefficients[k]),
            Leaf::Entry(entry, place) => {
                let channel = self.layout.channel(entry.derivative).expect("a channel of the layout");
                let (block, row) = self.jets[place].channel(channel, self.layout);
                match block {
                    None => self.builder.number(0.0),
                    Some(block) => {
                        let row = self.builder.rows(block, &[row]);
                        self.builder.units(row, &[entry.output])
                    }
                }
            }
            Leaf::Column(_) | Leaf::Normal(_) | Leaf::Slot(_) | Leaf::Hoisted(_) => {
                unreachable!("a model's expressions are functions of the inputs")
            }
        }
    }

    fn function(&mut self, function: Function, x: Id) -> Id {
        let unary = match function {
            Function::Sqrt => Unary::Sqrt,
            Function::Abs => Unary::Abs,
            Function::Exp => Unary::Exp,
            Function::Log => Unary::Log,
            Function::Sin => Unary::Sin,
            Function::Cos => Unary::Cos,
            Function::Asin => Unary::Asin,
            Function::Acos => Unary::Acos,
            Function::Atan => Unary::Atan,
            Function::Sinh => Unary::Sinh,
            Function::Cosh => Unary::Cosh,
            Function::Tanh => Unary::Tanh,
            Function::Erf => Unary::Erf,
            Function::Sigmoid => Unary::Sigmoid,
            Function::Floor => Unary::Floor,
            Function::Ceil => Unary::Ceil,
        };
        self.builder.unary(unary, x)
    }

    fn binary(&mut self, operation: Operation, a: Id, b: Id) -> Id {
        let binary = match operation {
            Operation::Add => Binary::Add,
            Operation::Subtract => Binary::Subtract,
            Operation::Multiply => Binary::Multiply,
            Operation::Divide => Binary::Divide,
            Operation::Less => Binary::Less,
            Operation::LessEqual => Binary::LessEqual,
            Operation::Power => {
                // Of a negative base the language has no power, other programs one of whole exponents.
                let power = self.builder.binary(Binary::Power, a, b);
                let (zero, none) = (self.builder.number(0.0), self.builder.number(f64::NAN));
                let is_negative = self.builder.binary(Binary::Less, a, zero);
                return self.builder.select(is_negative, none, power);
            }
        };
        self.builder.binary(binary, a, b)
    }

    fn select(&mut self, condition: Id, yes: Id, no: Id) -> Id {
        self.builder.select(condition, yes, no)
    }
}
