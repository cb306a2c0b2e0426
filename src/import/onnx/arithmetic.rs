//! Operators on one number or two: of formulas of the same point, of constants, of a point with a constant for each unit,
//! and sums of two points.

use super::expression::Expression;
use super::nodes::Node;
use super::operators::{Binary, Unary};
use super::{Reader, Value};
use crate::error::Result;
use crate::files::safetensors_file::Tensor;
use crate::import::graph::At;

impl Reader<'_> {
    /// A function of one number.
    pub fn unary(&mut self, node: &Node, function: Unary) -> Result<Value> {
        match self.value(node.needed(0)?, &node.place)? {
            Value::Constant(mut tensor) => {
                tensor.values.iter_mut().for_each(|x| *x = function.at(*x));
                Ok(Value::Constant(tensor))
            }
            Value::Formula(at, formula) => self.formula(node, at, Expression::unary(function, &formula)),
            Value::Input => Err(self.unjoined(&node.place)),
        }
    }

    /// A function of two.
    pub fn binary(&mut self, node: &Node, function: Binary) -> Result<Value> {
        if node.proto.input.len() != 2 {
            return Err(node.wrong(format!("it has {} inputs", node.proto.input.len()), "use two"));
        }
        let (a, b) = (self.value(node.needed(0)?, &node.place)?, self.value(node.needed(1)?, &node.place)?);
        for value in [&a, &b] {
            if let Value::Constant(tensor) = value {
                self.learn(tensor);
            }
        }
        match (&a, &b) {
            (Value::Constant(a), Value::Constant(b)) => self.constants(node, function, a, b),
            (Value::Constant(c), Value::Formula(at, formula)) => match c.values.as_slice() {
                [c] => self.formula(node, *at, Expression::binary(function, &Expression::constant(*c), formula)),
                _ => self.with_vector(node, function, &b, c, true),
            },
            (Value::Formula(at, formula), Value::Constant(c)) => match c.values.as_slice() {
                [c] => self.formula(node, *at, Expression::binary(function, formula, &Expression::constant(*c))),
                _ => self.with_vector(node, function, &a, c, false),
            },
            (Value::Formula(x, f), Value::Formula(y, g)) if x == y => {
                self.formula(node, *x, Expression::binary(function, f, g))
            }
            (Value::Formula(..), Value::Formula(..)) if function == Binary::Add => {
                let (a, b) = (self.point(&a, &node.place)?, self.point(&b, &node.place)?);
                let at = self.graph.add(a, b, &node.place)?;
                Ok(self.at(at))
            }
            (Value::Input, _) | (_, Value::Input) => Err(self.unjoined(&node.place)),
            _ => Err(node.wrong(
                "it joins two branches by other means than a sum",
                "only chains of layers and sums x + f(x) can be imported",
            )),
        }
    }

    /// A number for each unit.
    fn with_vector(
        &mut self,
        node: &Node,
        function: Binary,
        value: &Value,
        c: &Tensor,
        is_first: bool,
    ) -> Result<Value> {
        if c.shape.iter().rev().skip(1).any(|extent| *extent != 1) {
            let problem = format!("its constant has the shape {:?}, not one number for each unit", c.shape);
            return Err(node.wrong(problem, "use constants of shape (D,)"));
        }
        let at = self.point(value, &node.place)?;
        let (c, place) = (c.values.clone(), &node.place);
        let at = match (function, is_first) {
            (Binary::Add, _) => self.graph.scale(at, place, vec![1.0], c),
            (Binary::Sub, false) => self.graph.standardise(at, place, c, vec![1.0]),
            (Binary::Sub, true) => self.graph.scale(at, place, vec![-1.0], c),
            (Binary::Mul, _) => self.graph.scale(at, place, c, vec![0.0]),
            (Binary::Div, false) => self.graph.standardise(at, place, vec![0.0], c),
            _ => Err(node.wrong("it is no scaling by constants", "use Add, Sub, Mul and Div with constants")),
        }?;
        Ok(self.at(at))
    }

    /// Arithmetic among constants: of one shape, or of one number.
    fn constants(&mut self, node: &Node, function: Binary, a: &Tensor, b: &Tensor) -> Result<Value> {
        let long = if a.values.len() >= b.values.len() { a } else { b };
        let fits = |part: &Tensor| part.values.len() == 1 || part.values.len() == long.values.len();
        if !fits(a) || !fits(b) || long.values.is_empty() {
            return Err(node.wrong("its constants differ in shape", "export with constants folded"));
        }
        let of = |part: &Tensor, index: usize| part.values[if part.values.len() == 1 { 0 } else { index }];
        let values = (0..long.values.len()).map(|index| function.at(of(a, index), of(b, index))).collect();
        Ok(Value::Constant(Tensor { shape: long.shape.clone(), precision: long.precision, values }))
    }

    /// c ? a : b
    pub fn choice(&mut self, node: &Node) -> Result<Value> {
        let mut base = None;
        let mut parts = vec![];
        for index in 0..3 {
            let part = match self.value(node.needed(index)?, &node.place)? {
                Value::Constant(c) if c.values.len() == 1 => Expression::constant(c.values[0]),
                Value::Formula(at, formula) if *base.get_or_insert(at) == at => formula,
                _ => return Err(node.wrong("it chooses between branches", "use activations of one unit")),
            };
            parts.push(part);
        }
        match base {
            Some(at) => self.formula(node, at, Expression::choice(&parts[0], &parts[1], &parts[2])),
            None => Err(node.wrong("it chooses between constants", "export with constants folded")),
        }
    }

    /// A formula that no activation is as long as would grow for ever.
    fn formula(&mut self, node: &Node, at: At, formula: Expression) -> Result<Value> {
        if !formula.is_large() {
            return Ok(Value::Formula(at, formula));
        }
        let at = formula.apply(&mut self.graph, &mut self.points, &node.place)?;
        Ok(self.at(at))
    }
}
