//! Programs as WGSL: one function of straight-line `let` statements.

use std::fmt::Write;

use super::function::Function;
use super::graph::Leaf;
use super::program::{Instruction, Operand, Operation, Program};

impl Program {
    /// `fn name(…) -> array<f32, outputs>` that computes the first `outputs` outputs at one point. It
    /// takes an f32 for each of [`Program::reads`], in their order, and calls the functions of
    /// `shaders/numbers/math_f32.wgsl` and `shaders/numbers/functions_f32.wgsl`.
    ///
    /// Constants are in decimals that read back as the same f32; those beyond its range become its
    /// largest number, and subnormal ones 0, as some devices read them.
    pub fn wgsl(&self, name: &str, outputs: usize) -> String {
        let parameters: Vec<_> = (0..self.reads.len()).map(|read| format!("{}: f32", self.parameter(read))).collect();
        let mut text = format!("fn {name}({}) -> array<f32, {outputs}> {{\n", parameters.join(", "));
        for (value, instruction) in self.instructions[..self.instructions(outputs)].iter().enumerate() {
            writeln!(text, "    let v{value} = {};", self.right_side(instruction)).expect("writing to a string");
        }
        let results: Vec<_> = self.outputs[..outputs].iter().map(|output| self.operand(*output)).collect();
        writeln!(text, "    return array<f32, {outputs}>({});\n}}", results.join(", ")).expect("writing to a string");
        text
    }

    /// z for a slot, h for a hoisted column, c for a coefficient, with their numbers; p for others.
    fn parameter(&self, read: usize) -> String {
        match self.reads[read] {
            Leaf::Slot(slot) => format!("z{slot}"),
            Leaf::Hoisted(column) => format!("h{column}"),
            Leaf::Coefficient(coefficient) => format!("c{coefficient}"),
            Leaf::Input(_) | Leaf::Column(_) | Leaf::Normal(_) | Leaf::Entry(..) => format!("p{read}"),
        }
    }

    fn operand(&self, operand: Operand) -> String {
        match operand {
            Operand::Read(read) => self.parameter(read),
            Operand::Value(value) => format!("v{value}"),
            // WGSL has no literal for it, but this has no value either.
            Operand::Constant(number) if number.0.is_nan() => "log_f32(-1.0)".to_string(),
            Operand::Constant(number) => {
                let value = number.0 as f32;
                let flushed = if value.is_subnormal() { 0.0 } else { value };
                let digits = format!("{:?}f", flushed.clamp(f32::MIN, f32::MAX));
                if value < 0.0 { format!("({digits})") } else { digits }
            }
        }
    }

    fn right_side(&self, instruction: &Instruction) -> String {
        match *instruction {
            Instruction::Function(function, x) => {
                let x = self.operand(x);
                match function {
                    Function::Sqrt => format!("sqrt({x})"),
                    Function::Abs => format!("abs({x})"),
                    Function::Exp => format!("exp_f32({x})"),
                    Function::Log => format!("log_f32({x})"),
                    Function::Sin => format!("sin_cos({x}).x"),
                    Function::Cos => format!("sin_cos({x}).y"),
                    Function::Asin => format!("asin_f32({x})"),
                    Function::Acos => format!("acos_f32({x})"),
                    Function::Atan => format!("atan_f32({x})"),
                    Function::Sinh => format!("sinh_f32({x})"),
                    Function::Cosh => format!("cosh_f32({x})"),
                    Function::Tanh => format!("tanh_f32({x})"),
                    Function::Erf => format!("erf({x})"),
                    Function::Sigmoid => format!("sigmoid({x})"),
                    Function::Floor => format!("floor({x})"),
                    Function::Ceil => format!("ceil({x})"),
                }
            }
            Instruction::Binary(operation, a, b) => {
                let (a, b) = (self.operand(a), self.operand(b));
                match operation {
                    Operation::Add => format!("{a} + {b}"),
                    Operation::Subtract => format!("{a} - {b}"),
                    Operation::Multiply => format!("{a} * {b}"),
                    Operation::Divide => format!("{a} / {b}"),
                    Operation::Power => format!("pow_f32({a}, {b})"),
                    Operation::Less => format!("select(0.0, 1.0, {a} < {b})"),
                    Operation::LessEqual => format!("select(0.0, 1.0, {a} <= {b})"),
                }
            }
            Instruction::Select(condition, yes, no) => {
                let (condition, yes, no) = (self.operand(condition), self.operand(yes), self.operand(no));
                format!("select({no}, {yes}, {condition} != 0.0)")
            }
            Instruction::Field(..) => unreachable!("a field is a column by then"),
        }
    }
}
