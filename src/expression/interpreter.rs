//! Programs over a tile of points: each instruction is one tight loop over rows.
//!
//! Everything is inlined into the caller, so that a kernel which is compiled for an instruction set
//! has these loops for it too.

use crate::expression::function::Function;
use crate::expression::program::{Instruction, Operand, Operation, Program};
use crate::numbers::Real;

/// What a program reads or gives: a number for each point, or one for all.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a, T> {
    /// (P)
    Points(&'a [T]),
    /// The same at every point.
    Same(T),
}

impl<T: Copy> Row<'_, T> {
    /// The number at one point.
    #[inline(always)]
    pub fn at(&self, point: usize) -> T {
        match self {
            Row::Points(row) => row[point],
            Row::Same(value) => *value,
        }
    }
}

/// The memory that programs work in: rows of P numbers.
#[derive(Clone, Debug)]
pub struct Registers<T> {
    rows: Vec<Vec<T>>,
}

impl<T: Real> Registers<T> {
    /// For programs of at most so many registers, on tiles of so many points.
    pub fn new(registers: usize, points: usize) -> Self {
        Self { rows: vec![vec![T::ZERO; points]; registers] }
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.rows.iter().map(|row| size_of_val(row.as_slice())).sum()
    }

    #[inline(always)]
    fn row<'a>(&'a self, program: &Program, reads: &[Row<'a, T>], operand: Operand, points: usize) -> Row<'a, T> {
        match operand {
            Operand::Read(read) => reads[read],
            Operand::Value(value) => Row::Points(&self.rows[program.registers[value]][..points]),
            Operand::Constant(number) => Row::Same(T::of(number.0)),
        }
    }
}

impl Program {
    /// Computes the first `outputs` outputs for `points` points; `reads` has a row for each of
    /// [`Program::reads`].
    #[inline(always)]
    pub fn run<T: Real>(&self, outputs: usize, reads: &[Row<'_, T>], points: usize, registers: &mut Registers<T>) {
        for value in 0..self.instructions(outputs) {
            // The row is taken out while it is written; no instruction reads what it writes.
            let mut row = std::mem::take(&mut registers.rows[self.registers[value]]);
            let to = &mut row[..points];
            let from = |operand: Operand| registers.row(self, reads, operand, points);
            match self.instructions[value] {
                Instruction::Function(f, x) => match from(x) {
                    Row::Points(x) => function(f, to, x),
                    Row::Same(x) => {
                        function(f, &mut to[..1], &[x]);
                        to.fill(to[0]);
                    }
                },
                Instruction::Binary(operation, a, b) => binary(operation, to, from(a), from(b)),
                Instruction::Select(condition, yes, no) => select(to, from(condition), from(yes), from(no)),
                Instruction::Field(field, arguments) => {
                    let arguments = arguments.map(from);
                    for (point, to) in to.iter_mut().enumerate() {
                        *to = T::of(self.fields[field].value(&arguments.map(|x| x.at(point).to_f64())));
                    }
                }
            }
            registers.rows[self.registers[value]] = row;
        }
    }

    /// An output that [`Program::run`] has computed.
    #[inline(always)]
    pub fn output<'a, T: Real>(
        &self,
        output: usize,
        reads: &[Row<'a, T>],
        points: usize,
        registers: &'a Registers<T>,
    ) -> Row<'a, T> {
        registers.row(self, reads, self.outputs[output], points)
    }
}

/// A function of every number of a row.
#[inline(always)]
pub fn function<T: Real>(function: Function, to: &mut [T], x: &[T]) {
    macro_rules! each {
        (|$x:ident| $value:expr) => {
            for (to, $x) in to.iter_mut().zip(x) {
                *to = $value;
            }
        };
    }
    match function {
        Function::Sqrt => each!(|x| x.sqrt()),
        Function::Abs => each!(|x| x.abs()),
        Function::Exp => each!(|x| x.exp()),
        Function::Log => each!(|x| x.log()),
        Function::Sin => each!(|x| x.sin_cos().0),
        Function::Cos => each!(|x| x.sin_cos().1),
        Function::Asin => each!(|x| x.asin()),
        Function::Acos => each!(|x| x.acos()),
        Function::Atan => each!(|x| x.atan()),
        Function::Sinh => each!(|x| x.sinh()),
        Function::Cosh => each!(|x| x.cosh()),
        Function::Tanh => each!(|x| x.tanh()),
        Function::Erf => each!(|x| x.erf()),
        Function::Sigmoid => each!(|x| x.sigmoid()),
        Function::Floor => each!(|x| x.floor()),
        Function::Ceil => each!(|x| x.ceil()),
    }
}

#[inline(always)]
fn binary<T: Real>(operation: Operation, to: &mut [T], a: Row<'_, T>, b: Row<'_, T>) {
    macro_rules! each {
        (|$a:ident, $b:ident| $value:expr) => {
            match (a, b) {
                (Row::Points(a), Row::Points(b)) => {
                    for ((to, $a), $b) in to.iter_mut().zip(a.iter().copied()).zip(b.iter().copied()) {
                        *to = $value;
                    }
                }
                (Row::Points(a), Row::Same($b)) => {
                    for (to, $a) in to.iter_mut().zip(a.iter().copied()) {
                        *to = $value;
                    }
                }
                (Row::Same($a), Row::Points(b)) => {
                    for (to, $b) in to.iter_mut().zip(b.iter().copied()) {
                        *to = $value;
                    }
                }
                (Row::Same($a), Row::Same($b)) => to.fill($value),
            }
        };
    }
    let truth = |holds: bool| if holds { T::ONE } else { T::ZERO };
    match operation {
        Operation::Add => each!(|a, b| a + b),
        Operation::Subtract => each!(|a, b| a - b),
        Operation::Multiply => each!(|a, b| a * b),
        Operation::Divide => each!(|a, b| a / b),
        Operation::Power => each!(|a, b| a.pow(b)),
        Operation::Less => each!(|a, b| truth(a < b)),
        Operation::LessEqual => each!(|a, b| truth(a <= b)),
    }
}

#[inline(always)]
fn select<T: Real>(to: &mut [T], condition: Row<'_, T>, yes: Row<'_, T>, no: Row<'_, T>) {
    macro_rules! each {
        ($condition:ident, $yes:expr, $no:expr) => {
            for (((to, condition), yes), no) in to.iter_mut().zip($condition).zip($yes).zip($no) {
                *to = if *condition != T::ZERO { *yes } else { *no };
            }
        };
    }
    use std::iter::repeat;
    match (condition, yes, no) {
        (Row::Same(condition), yes, no) => match if condition != T::ZERO { yes } else { no } {
            Row::Points(row) => to.copy_from_slice(row),
            Row::Same(value) => to.fill(value),
        },
        (Row::Points(condition), Row::Points(yes), Row::Points(no)) => each!(condition, yes, no),
        (Row::Points(condition), Row::Points(yes), Row::Same(no)) => each!(condition, yes, repeat(&no)),
        (Row::Points(condition), Row::Same(yes), Row::Points(no)) => each!(condition, repeat(&yes), no),
        (Row::Points(condition), Row::Same(yes), Row::Same(no)) => each!(condition, repeat(&yes), repeat(&no)),
    }
}
