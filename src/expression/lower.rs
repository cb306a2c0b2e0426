//! Programs in the operations of somebody else: the same steps, on whatever values they compute with.

use super::function::Function;
use super::graph::{Graph, Leaf};
use super::program::{Instruction, Operand, Operation, Program};
use super::{Expression, PointFunctions, PointJets};

/// What a program is computed with.
pub trait Algebra {
    /// A number at every point.
    type Value: Copy;

    /// A number that is the same at every point.
    fn constant(&mut self, value: f64) -> Self::Value;
    /// What an expression reads.
    fn read(&mut self, leaf: Leaf) -> Self::Value;
    /// A function of one argument.
    fn function(&mut self, function: Function, x: Self::Value) -> Self::Value;
    /// An operation on two numbers.
    fn binary(&mut self, operation: Operation, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `yes` where the condition is not 0, `no` elsewhere.
    fn select(&mut self, condition: Self::Value, yes: Self::Value, no: Self::Value) -> Self::Value;
}

impl Program {
    /// Several expressions in one program, which computes what they have in common once.
    pub fn of(expressions: &[Expression]) -> Self {
        let mut graph = Graph::default();
        let taken = expressions.iter().flat_map(|expression| graph.taken(&expression.graph, &[expression.root]));
        let roots: Vec<_> = taken.collect();
        Self::new(&graph, &roots)
    }

    /// Its outputs in an algebra.
    pub fn lower<A: Algebra>(&self, algebra: &mut A) -> Vec<A::Value> {
        let reads: Vec<_> = self.reads.iter().map(|leaf| algebra.read(*leaf)).collect();
        let mut values: Vec<A::Value> = vec![];
        for instruction in &self.instructions {
            let operand = |algebra: &mut A, operand: Operand| match operand {
                Operand::Read(read) => reads[read],
                Operand::Value(value) => values[value],
                Operand::Constant(number) => algebra.constant(number.0),
            };
            let value = match *instruction {
                Instruction::Function(function, x) => {
                    let x = operand(algebra, x);
                    algebra.function(function, x)
                }
                Instruction::Binary(operation, a, b) => {
                    let (a, b) = (operand(algebra, a), operand(algebra, b));
                    algebra.binary(operation, a, b)
                }
                Instruction::Select(condition, yes, no) => {
                    let [condition, yes, no] = [condition, yes, no].map(|each| operand(algebra, each));
                    algebra.select(condition, yes, no)
                }
                Instruction::Field(..) => unreachable!("what reads a file is not exported"),
            };
            values.push(value);
        }
        let output = |output: &Operand| match *output {
            Operand::Read(read) => reads[read],
            Operand::Value(value) => values[value],
            Operand::Constant(number) => algebra.constant(number.0),
        };
        self.outputs.iter().map(output).collect()
    }
}

impl Expression {
    /// Whether it reads a field from a file.
    pub fn reads_field(&self) -> bool {
        self.graph.reads_field(self.root)
    }
}

impl PointFunctions {
    /// Whether one of them reads a field from a file.
    pub fn reads_field(&self) -> bool {
        self.roots.iter().any(|root| self.graph.reads_field(*root))
    }
}

impl PointJets {
    /// The program that computes them: (F C) outputs.
    pub fn program(&self) -> &Program {
        &self.program
    }
}
