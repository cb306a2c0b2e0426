//! What a network computes with everything around it, as a list of operations: the one thing that every format prints.
//!
//! An operation gives a block (R, H) at each point: R rows, as the tangents along R inputs, of H units. Operands of one
//! row or one unit stand for as many as the others have. A fixed block is the same at every point.

use std::collections::HashMap;

use super::interpreter;
use super::tensors::{Role, Tensor};

/// An operation, and the block that it gives: its number in [`Recipe::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub usize);

/// What an operation does; its operands stand before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The point, in the user's units (1, D).
    Input,
    /// [`Recipe::tensors`]
    Constant(usize),
    /// `W a` of each row (R, in) with the tensor W (out, in): (R, out).
    Linear(usize, Id),
    /// Some columns of the tensor W (out, in), as rows (R, out).
    Columns(usize, Vec<usize>),
    /// A function of each number.
    Unary(Unary, Id),
    /// An operation on each pair of numbers.
    Binary(Binary, Id, Id),
    /// The second where the first is not 0, the third elsewhere.
    Select(Id, Id, Id),
    /// Some of the rows, by index.
    Rows(Id, Vec<usize>),
    /// Some of the units, by index.
    Units(Id, Vec<usize>),
    /// The rows of all, one after the other.
    StackRows(Vec<Id>),
    /// The units of all, one after the other.
    StackUnits(Vec<Id>),
    /// The sum over the rows (1, H).
    SumRows(Id),
    /// A fixed block for each point.
    Spread(Id),
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// −x
    Negate,
    /// |x|
    Abs,
    /// √x
    Sqrt,
    /// exp x
    Exp,
    /// exp x − 1
    Expm1,
    /// log x
    Log,
    /// log(1 + x)
    Log1p,
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

impl Unary {
    /// Its usual name, from which formats differ here and there.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Negate => "negative",
            Unary::Abs => "abs",
            Unary::Sqrt => "sqrt",
            Unary::Exp => "exp",
            Unary::Expm1 => "expm1",
            Unary::Log => "log",
            Unary::Log1p => "log1p",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Asin => "asin",
            Unary::Acos => "acos",
            Unary::Atan => "atan",
            Unary::Sinh => "sinh",
            Unary::Cosh => "cosh",
            Unary::Tanh => "tanh",
            Unary::Erf => "erf",
            Unary::Sigmoid => "sigmoid",
            Unary::Floor => "floor",
            Unary::Ceil => "ceil",
        }
    }
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// a + b
    Add,
    /// a − b
    Subtract,
    /// a b
    Multiply,
    /// a/b
    Divide,
    /// a^b for a ≥ 0
    Power,
    /// the larger
    Max,
    /// the smaller
    Min,
    /// 1 where a < b, 0 elsewhere
    Less,
    /// 1 where a ≤ b, 0 elsewhere
    LessEqual,
}

/// An operation with what is known of its block.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What is done.
    pub operation: Operation,
    /// R
    pub rows: usize,
    /// H
    pub units: usize,
    /// Whether the block is the same at every point.
    pub is_fixed: bool,
    /// Its name, in letters, digits and underscores; no other has it.
    pub name: String,
}

/// The operations in an order in which they can be done, and their results.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// D
    pub inputs: usize,
    /// M
    pub outputs: usize,
    /// The operations.
    pub values: Vec<Value>,
    /// The numbers that they read.
    pub tensors: Vec<Tensor>,
    /// The values (1, M), then the first derivatives (D, M), then the second: (D, M), (1, M), or (D D, M).
    pub results: Vec<Id>,
}

impl Recipe {
    /// An operation.
    pub fn value(&self, id: Id) -> &Value {
        &self.values[id.0]
    }

    /// The number that a block is, if it is a known one, (1, 1).
    pub fn number(&self, id: Id) -> Option<f64> {
        match self.value(id).operation {
            Operation::Constant(tensor) => self.tensors[tensor].number(),
            _ => None,
        }
    }

    /// The operations that read each (·).
    pub fn readers(&self) -> Vec<Vec<Id>> {
        let mut readers = vec![vec![]; self.values.len()];
        for (index, value) in self.values.iter().enumerate() {
            value.operation.operands().into_iter().for_each(|operand| readers[operand.0].push(Id(index)));
        }
        readers
    }

    /// The recipe without what no result needs; with `fold`, fixed blocks are computed once and for all.
    pub fn finished(self, fold: bool) -> Self {
        let folded = if fold { interpreter::fixed(&self) } else { vec![None; self.values.len()] };
        let mut is_needed = vec![false; self.values.len()];
        self.results.iter().for_each(|id| is_needed[id.0] = true);
        for index in (0..self.values.len()).rev().filter(|index| folded[*index].is_none()) {
            if is_needed[index] {
                self.values[index].operation.operands().into_iter().for_each(|operand| is_needed[operand.0] = true);
            }
        }
        let mut names = Names::default();
        let (mut values, mut tensors): (Vec<Value>, Vec<Tensor>) = (vec![], vec![]);
        let (mut places, mut tensor_places) = (HashMap::new(), HashMap::new());
        let mut index_of = |tensor: usize, tensors: &mut Vec<Tensor>, names: &mut Names| {
            *tensor_places.entry(tensor).or_insert_with(|| {
                let name = names.unique(&self.tensors[tensor].name, "c");
                tensors.push(Tensor { name, ..self.tensors[tensor].clone() });
                tensors.len() - 1
            })
        };
        for (index, (value, numbers)) in self.values.iter().zip(folded).enumerate().filter(|(i, _)| is_needed[*i]) {
            let operation = match (&value.operation, numbers) {
                (Operation::Constant(tensor), _) => Operation::Constant(index_of(*tensor, &mut tensors, &mut names)),
                (_, Some(numbers)) => {
                    let (rows, units, name) = (value.rows, value.units, names.unique(&value.name, "c"));
                    tensors.push(Tensor { name, role: Role::Constant, rows, units, numbers });
                    Operation::Constant(tensors.len() - 1)
                }
                (Operation::Linear(tensor, of), None) => {
                    Operation::Linear(index_of(*tensor, &mut tensors, &mut names), places[of])
                }
                (Operation::Columns(tensor, columns), None) => {
                    Operation::Columns(index_of(*tensor, &mut tensors, &mut names), columns.clone())
                }
                (operation, None) => operation.with_operands(|operand| places[&operand]),
            };
            let name = match operation {
                Operation::Constant(tensor) => tensors[tensor].name.clone(),
                _ => names.unique(&value.name, "v"),
            };
            places.insert(Id(index), Id(values.len()));
            values.push(Value { operation, name, ..value.clone() });
        }
        let results = self.results.iter().map(|id| places[id]).collect();
        Self { values, tensors, results, ..self }
    }
}

impl Operation {
    /// The blocks that it reads.
    pub fn operands(&self) -> Vec<Id> {
        match self {
            Operation::Input | Operation::Constant(_) | Operation::Columns(..) => vec![],
            Operation::Linear(_, of) | Operation::Unary(_, of) | Operation::SumRows(of) | Operation::Spread(of) => {
                vec![*of]
            }
            Operation::Rows(of, _) | Operation::Units(of, _) => vec![*of],
            Operation::Binary(_, a, b) => vec![*a, *b],
            Operation::Select(condition, yes, no) => vec![*condition, *yes, *no],
            Operation::StackRows(parts) | Operation::StackUnits(parts) => parts.clone(),
        }
    }

    /// The same on other blocks.
    fn with_operands(&self, to: impl Fn(Id) -> Id) -> Self {
        match self.clone() {
            Operation::Linear(tensor, of) => Operation::Linear(tensor, to(of)),
            Operation::Unary(unary, of) => Operation::Unary(unary, to(of)),
            Operation::Binary(binary, a, b) => Operation::Binary(binary, to(a), to(b)),
            Operation::Select(condition, yes, no) => Operation::Select(to(condition), to(yes), to(no)),
            Operation::Rows(of, rows) => Operation::Rows(to(of), rows),
            Operation::Units(of, units) => Operation::Units(to(of), units),
            Operation::StackRows(parts) => Operation::StackRows(parts.into_iter().map(to).collect()),
            Operation::StackUnits(parts) => Operation::StackUnits(parts.into_iter().map(to).collect()),
            Operation::SumRows(of) => Operation::SumRows(to(of)),
            Operation::Spread(of) => Operation::Spread(to(of)),
            operation @ (Operation::Input | Operation::Constant(_) | Operation::Columns(..)) => operation,
        }
    }
}

/// Names that are given out once.
#[derive(Default)]
struct Names {
    taken: HashMap<String, usize>,
}

impl Names {
    /// The wish with a number behind it if it is taken; `letter` and a number where there is none.
    fn unique(&mut self, wish: &str, letter: &str) -> String {
        let count = self.taken.entry(if wish.is_empty() { letter } else { wish }.to_string()).or_default();
        *count += 1;
        match (wish.is_empty(), *count) {
            (true, count) => format!("{letter}{count}"),
            (false, 1) => wish.to_string(),
            (false, count) => format!("{wish}_{count}"),
        }
    }
}
