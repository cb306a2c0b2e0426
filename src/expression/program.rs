//! A graph as a straight-line program: what the evaluator runs over tiles and WGSL is printed from.

use std::collections::HashMap;

use super::field::FieldRead;
use super::function::Function;
use super::graph::{Graph, Id, Leaf, Node, Number, Relation, parts};
use crate::data::MOST_AXES;

/// Where an instruction takes a number from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// [`Program::reads`]
    Read(usize),
    /// The result of an instruction.
    Value(usize),
    /// A number known when the program was made.
    Constant(Number),
}

/// Operations on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// a + b
    Add,
    /// a − b
    Subtract,
    /// a b
    Multiply,
    /// a/b
    Divide,
    /// a^b by the logarithm: NaN for a < 0, 1 for b = 0
    Power,
    /// 1 where a < b, 0 elsewhere
    Less,
    /// 1 where a ≤ b, 0 elsewhere
    LessEqual,
}

/// One step of a program; its result is the value of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instruction {
    Function(Function, Operand),
    Binary(Operation, Operand, Operand),
    /// The second where the first is not 0, the third elsewhere.
    Select(Operand, Operand, Operand),
    /// One of [`Program::fields`] at arguments, of which it takes as many as it has axes.
    Field(usize, [Operand; MOST_AXES]),
}

impl Instruction {
    fn operands(&self) -> Vec<Operand> {
        match *self {
            Instruction::Function(_, x) => vec![x],
            Instruction::Binary(_, a, b) => vec![a, b],
            Instruction::Select(condition, yes, no) => vec![condition, yes, no],
            Instruction::Field(_, arguments) => arguments.to_vec(),
        }
    }
}

/// A straight-line program with several outputs, of which a caller may want the first few alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// What it reads; a caller passes one row for each.
    pub(super) reads: Vec<Leaf>,
    pub(super) instructions: Vec<Instruction>,
    /// The fields that it reads, on the host alone: kernels find them in columns.
    pub(super) fields: Vec<FieldRead>,
    /// For each instruction, the register that its result is kept in.
    pub(super) registers: Vec<usize>,
    pub(super) outputs: Vec<Operand>,
    /// For each output, the number of instructions after which it and those before it are there.
    pub(super) ends: Vec<usize>,
}

impl Program {
    /// The program that computes these nodes.
    pub(super) fn new(graph: &Graph, roots: &[Id]) -> Self {
        let mut lowering = Lowering {
            graph,
            reads: vec![],
            instructions: vec![],
            fields: vec![],
            known: HashMap::new(),
            operands: HashMap::new(),
        };
        let (mut outputs, mut ends) = (vec![], vec![]);
        for root in roots {
            outputs.push(lowering.root(*root));
            ends.push(lowering.instructions.len());
        }
        let Lowering { reads, instructions, fields, .. } = lowering;
        let registers = registers(&instructions, &outputs);
        Self { reads, instructions, fields, registers, outputs, ends }
    }

    /// What it reads, each once.
    pub fn reads(&self) -> &[Leaf] {
        &self.reads
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The number of registers that it needs.
    pub fn registers(&self) -> usize {
        self.registers.iter().map(|register| register + 1).max().unwrap_or(0)
    }

    /// The number of instructions for the first `outputs` outputs.
    pub fn instructions(&self, outputs: usize) -> usize {
        outputs.checked_sub(1).map_or(0, |last| self.ends[last])
    }
}

/// A register for each value, free again after its last use; outputs stay. An instruction never
/// writes where it reads.
fn registers(instructions: &[Instruction], outputs: &[Operand]) -> Vec<usize> {
    let mut last_use: Vec<_> = (0..instructions.len()).collect();
    for (at, instruction) in instructions.iter().enumerate() {
        for operand in instruction.operands() {
            if let Operand::Value(value) = operand {
                last_use[value] = at;
            }
        }
    }
    for output in outputs {
        if let Operand::Value(value) = output {
            last_use[*value] = usize::MAX;
        }
    }
    let mut free = vec![];
    let mut registers: Vec<usize> = vec![];
    let mut count = 0;
    for (at, instruction) in instructions.iter().enumerate() {
        registers.push(free.pop().unwrap_or_else(|| {
            count += 1;
            count - 1
        }));
        let mut ended: Vec<_> = instruction.operands();
        ended.dedup();
        for operand in ended {
            match operand {
                Operand::Value(value) if last_use[value] == at && !free.contains(&registers[value]) => {
                    free.push(registers[value]);
                }
                _ => {}
            }
        }
    }
    registers
}

struct Lowering<'a> {
    graph: &'a Graph,
    reads: Vec<Leaf>,
    instructions: Vec<Instruction>,
    fields: Vec<FieldRead>,
    known: HashMap<Instruction, usize>,
    operands: HashMap<Id, Operand>,
}

impl Lowering<'_> {
    fn root(&mut self, root: Id) -> Operand {
        for id in self.graph.reachable(&[root]) {
            if !self.operands.contains_key(&id) {
                let operand = self.node(id);
                self.operands.insert(id, operand);
            }
        }
        self.operands[&root]
    }

    fn node(&mut self, id: Id) -> Operand {
        let graph = self.graph;
        let operands: Vec<_> = parts(graph.node(id)).into_iter().map(|part| self.operands[&part]).collect();
        match (graph.node(id), operands.as_slice()) {
            (Node::Constant(number), _) => Operand::Constant(*number),
            (Node::Leaf(leaf), _) => {
                self.reads.push(*leaf);
                Operand::Read(self.reads.len() - 1)
            }
            (Node::Placed(..), _) => unreachable!("places are counted before a program is made"),
            (Node::Sum(constant, terms), operands) => {
                let weights = terms.iter().map(|(_, weight)| weight.0);
                self.sum(constant.0, operands.iter().copied().zip(weights).collect())
            }
            (Node::Product(factors), operands) => {
                let exponents = factors.iter().map(|(_, exponent)| *exponent);
                self.product(operands.iter().copied().zip(exponents).collect())
            }
            (Node::Function(function, _), [x]) => self.emit(Instruction::Function(*function, *x)),
            (Node::Power(..), [base, exponent]) => self.binary(Operation::Power, *base, *exponent),
            (Node::Compare(Relation::Less, ..), [a, b]) => self.binary(Operation::Less, *a, *b),
            (Node::Compare(Relation::LessEqual, ..), [a, b]) => self.binary(Operation::LessEqual, *a, *b),
            (Node::Select(..), [condition, yes, no]) => self.emit(Instruction::Select(*condition, *yes, *no)),
            (Node::Field(read, _), arguments) => {
                let field = self.fields.iter().position(|known| known == read).unwrap_or_else(|| {
                    self.fields.push(read.clone());
                    self.fields.len() - 1
                });
                let argument = |k: usize| arguments.get(k).copied().unwrap_or(number(0.0));
                self.emit(Instruction::Field(field, std::array::from_fn(argument)))
            }
            _ => unreachable!("a node has as many operands as parts"),
        }
    }

    fn emit(&mut self, instruction: Instruction) -> Operand {
        let instructions = &mut self.instructions;
        Operand::Value(*self.known.entry(instruction).or_insert_with(|| {
            instructions.push(instruction);
            instructions.len() - 1
        }))
    }

    fn binary(&mut self, operation: Operation, a: Operand, b: Operand) -> Operand {
        self.emit(Instruction::Binary(operation, a, b))
    }

    /// constant + Σ weight · term: additions first, so that differences need no sign.
    fn sum(&mut self, constant: f64, mut terms: Vec<(Operand, f64)>) -> Operand {
        // A weight that all terms have is multiplied once.
        let common = terms[0].1.abs();
        if constant == 0.0 && terms.len() > 1 && common != 1.0 && terms.iter().all(|term| term.1.abs() == common) {
            terms.iter_mut().for_each(|term| term.1 = term.1.signum());
            let sum = self.sum(0.0, terms);
            return self.binary(Operation::Multiply, sum, number(common));
        }
        terms.sort_by_key(|(_, weight)| *weight < 0.0);
        let mut terms = terms.into_iter();
        let mut sum = match terms.next() {
            Some((term, 1.0)) => term,
            Some((term, weight)) if weight > 0.0 || constant == 0.0 => {
                self.binary(Operation::Multiply, term, number(weight))
            }
            // All are subtracted from the constant.
            Some((term, weight)) => {
                let term = self.weighted(term, -weight);
                let sum = self.binary(Operation::Subtract, number(constant), term);
                return terms.fold(sum, |sum, (term, weight)| self.added(sum, term, weight));
            }
            None => unreachable!("a sum has a term"),
        };
        sum = terms.fold(sum, |sum, (term, weight)| self.added(sum, term, weight));
        if constant == 0.0 { sum } else { self.binary(Operation::Add, sum, number(constant)) }
    }

    /// sum + weight · term
    fn added(&mut self, sum: Operand, term: Operand, weight: f64) -> Operand {
        let term = self.weighted(term, weight.abs());
        self.binary(if weight < 0.0 { Operation::Subtract } else { Operation::Add }, sum, term)
    }

    fn weighted(&mut self, term: Operand, weight: f64) -> Operand {
        if weight == 1.0 { term } else { self.binary(Operation::Multiply, term, number(weight)) }
    }

    /// Π factor^exponent as one quotient. The parts made last come first, as derivatives by several
    /// slots have them in common.
    fn product(&mut self, factors: Vec<(Operand, i32)>) -> Operand {
        let mut halves = [None, None];
        for (factor, exponent) in factors.into_iter().rev() {
            let power = self.whole_power(factor, exponent.unsigned_abs());
            let half = &mut halves[usize::from(exponent < 0)];
            *half = Some(match *half {
                Some(product) => self.binary(Operation::Multiply, product, power),
                None => power,
            });
        }
        match halves {
            [Some(product), None] => product,
            [above, Some(below)] => self.binary(Operation::Divide, above.unwrap_or(number(1.0)), below),
            [None, None] => unreachable!("a product has a factor"),
        }
    }

    /// By repeated squaring.
    fn whole_power(&mut self, base: Operand, exponent: u32) -> Operand {
        if exponent == 1 {
            return base;
        }
        let (half, other) = if exponent.is_multiple_of(2) {
            let half = self.whole_power(base, exponent / 2);
            (half, half)
        } else {
            (self.whole_power(base, exponent - 1), base)
        };
        self.binary(Operation::Multiply, half, other)
    }
}

fn number(value: f64) -> Operand {
    Operand::Constant(Number(value))
}
