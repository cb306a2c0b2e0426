//! Writes recipes: keeps shapes, leaves out what changes nothing, and writes out the functions that a format lacks.

use std::collections::HashMap;

use super::interpreter;
use super::recipe::{Binary, Id, Operation, Recipe, Unary, Value};
use super::tensors::{Role, Tensor};

/// A recipe in the making.
pub struct Builder {
    values: Vec<Value>,
    tensors: Vec<Tensor>,
    /// Equal operations are done once.
    known: HashMap<Operation, Id>,
    lacking: &'static [Unary],
}

impl Builder {
    /// An empty one for a format that lacks some functions.
    pub fn new(lacking: &'static [Unary]) -> Self {
        Self { values: vec![], tensors: vec![], known: HashMap::new(), lacking }
    }

    /// The recipe of `inputs` inputs and `outputs` outputs with these results.
    pub fn recipe(mut self, inputs: usize, outputs: usize, results: Vec<Id>) -> Recipe {
        let results = results.into_iter().map(|id| self.spread(id)).collect();
        Recipe { inputs, outputs, values: self.values, tensors: self.tensors, results }
    }

    fn push(&mut self, operation: Operation, rows: usize, units: usize) -> Id {
        if let Some(id) = self.known.get(&operation) {
            return *id;
        }
        let operands = operation.operands();
        let is_fixed = match operation {
            Operation::Input | Operation::Spread(_) => false,
            _ => operands.iter().all(|operand| self.values[operand.0].is_fixed),
        };
        let id = Id(self.values.len());
        self.values.push(Value { operation: operation.clone(), rows, units, is_fixed, name: String::new() });
        self.known.insert(operation, id);
        id
    }

    fn shape(&self, id: Id) -> (usize, usize) {
        (self.values[id.0].rows, self.values[id.0].units)
    }

    /// A name for a block that has none.
    pub fn name(&mut self, id: Id, name: &str) -> Id {
        let value = &mut self.values[id.0];
        if value.name.is_empty() {
            value.name = name.to_string();
        }
        id
    }

    /// The point (1, D).
    pub fn input(&mut self, inputs: usize) -> Id {
        self.push(Operation::Input, 1, inputs)
    }

    /// A number.
    pub fn number(&mut self, number: f64) -> Id {
        self.constant("", 1, vec![number])
    }

    /// Known numbers (R, H).
    pub fn constant(&mut self, name: &str, rows: usize, numbers: Vec<f64>) -> Id {
        let units = numbers.len() / rows;
        let tensor = self.tensor(Tensor { name: name.to_string(), role: Role::Constant, rows, units, numbers });
        self.push(Operation::Constant(tensor), rows, units)
    }

    /// The number of a tensor for [`Builder::linear`].
    pub fn tensor(&mut self, tensor: Tensor) -> usize {
        self.tensors.iter().position(|known| known.is_same(&tensor)).unwrap_or_else(|| {
            self.tensors.push(tensor);
            self.tensors.len() - 1
        })
    }

    /// `W a` of each row.
    pub fn linear(&mut self, weight: usize, of: Id) -> Id {
        let (rows, units) = (self.shape(of).0, self.tensors[weight].rows);
        self.push(Operation::Linear(weight, of), rows, units)
    }

    /// A tensor as a block: b of a layer.
    pub fn bias(&mut self, tensor: usize) -> Id {
        let units = self.tensors[tensor].units;
        self.push(Operation::Constant(tensor), 1, units)
    }

    /// Some columns of W, as rows.
    pub fn columns(&mut self, weight: usize, columns: &[usize]) -> Id {
        let units = self.tensors[weight].rows;
        self.push(Operation::Columns(weight, columns.to_vec()), columns.len(), units)
    }

    /// A function of each number.
    pub fn unary(&mut self, unary: Unary, x: Id) -> Id {
        if let Some(x) = self.known_number(x) {
            return self.number(interpreter::unary(unary, x));
        }
        if self.lacking.contains(&unary) {
            return self.written_out(unary, x);
        }
        let (rows, units) = self.shape(x);
        self.push(Operation::Unary(unary, x), rows, units)
    }

    /// An operation on each pair of numbers.
    pub fn binary(&mut self, binary: Binary, a: Id, b: Id) -> Id {
        if let (Some(a), Some(b)) = (self.known_number(a), self.known_number(b)) {
            return self.number(interpreter::binary(binary, a, b));
        }
        if let Some(same) = self.unchanged(binary, a, b) {
            return same;
        }
        let (rows, units) = self.common(&[a, b]);
        self.push(Operation::Binary(binary, a, b), rows, units)
    }

    /// The number that a block is, if it is one.
    fn known_number(&self, id: Id) -> Option<f64> {
        match self.values[id.0].operation {
            Operation::Constant(tensor) => self.tensors[tensor].number(),
            _ => None,
        }
    }

    /// The operand that the other one does not change.
    fn unchanged(&self, binary: Binary, a: Id, b: Id) -> Option<Id> {
        let is = |id: Id, number: f64| match self.values[id.0].operation {
            Operation::Constant(tensor) if self.tensors[tensor].role == Role::Constant => {
                self.tensors[tensor].numbers.iter().all(|own| *own == number)
            }
            _ => false,
        };
        let neutral = match binary {
            Binary::Add | Binary::Subtract => 0.0,
            Binary::Multiply | Binary::Divide => 1.0,
            _ => return None,
        };
        if is(b, neutral) && self.common(&[a, b]) == self.shape(a) {
            return Some(a);
        }
        let commutes = matches!(binary, Binary::Add | Binary::Multiply);
        (commutes && is(a, neutral) && self.common(&[a, b]) == self.shape(b)).then_some(b)
    }

    /// `yes` where the condition is not 0, `no` elsewhere.
    pub fn select(&mut self, condition: Id, yes: Id, no: Id) -> Id {
        if let Some(condition) = self.known_number(condition) {
            return if condition != 0.0 { yes } else { no };
        }
        let (rows, units) = self.common(&[condition, yes, no]);
        self.push(Operation::Select(condition, yes, no), rows, units)
    }

    /// The shape of blocks together.
    fn common(&self, ids: &[Id]) -> (usize, usize) {
        let shapes = ids.iter().map(|id| self.shape(*id));
        shapes.fold((1, 1), |(rows, units), (r, h)| {
            assert!([1, r].contains(&rows) || r == 1, "{rows} and {r} rows");
            assert!([1, h].contains(&units) || h == 1, "{units} and {h} units");
            (rows.max(r), units.max(h))
        })
    }

    /// Some of the rows.
    pub fn rows(&mut self, of: Id, rows: &[usize]) -> Id {
        match rows.iter().copied().eq(0..self.shape(of).0) {
            true => of,
            false => self.push(Operation::Rows(of, rows.to_vec()), rows.len(), self.shape(of).1),
        }
    }

    /// Some of the units.
    pub fn units(&mut self, of: Id, units: &[usize]) -> Id {
        match units.iter().copied().eq(0..self.shape(of).1) {
            true => of,
            false => self.push(Operation::Units(of, units.to_vec()), self.shape(of).0, units.len()),
        }
    }

    /// The rows of all.
    pub fn stack_rows(&mut self, parts: &[Id]) -> Id {
        let [first, _, ..] = parts else { return parts[0] };
        let units = self.shape(*first).1;
        let rows = parts.iter().map(|part| self.shape(*part).0).sum();
        if let Some(known) = self.known_numbers(parts) {
            return self.constant("", rows, known.concat());
        }
        let parts = self.alike(parts);
        self.push(Operation::StackRows(parts), rows, units)
    }

    /// The units of all.
    pub fn stack_units(&mut self, parts: &[Id]) -> Id {
        let [first, _, ..] = parts else { return parts[0] };
        let rows = self.shape(*first).0;
        let units = parts.iter().map(|part| self.shape(*part).1).sum();
        if let Some(known) = self.known_numbers(parts) {
            let row =
                |row: usize| known.iter().flat_map(move |part| &part[row * part.len() / rows..][..part.len() / rows]);
            let numbers = (0..rows).flat_map(row).copied().collect();
            return self.constant("", rows, numbers);
        }
        let parts = self.alike(parts);
        self.push(Operation::StackUnits(parts), rows, units)
    }

    /// The numbers of blocks that are all known.
    fn known_numbers(&self, ids: &[Id]) -> Option<Vec<Vec<f64>>> {
        let known = |id: &Id| match self.values[id.0].operation {
            Operation::Constant(tensor) if self.tensors[tensor].role == Role::Constant => {
                Some(self.tensors[tensor].numbers.clone())
            }
            _ => None,
        };
        ids.iter().map(known).collect()
    }

    /// All spread where one is.
    fn alike(&mut self, parts: &[Id]) -> Vec<Id> {
        match parts.iter().all(|part| self.values[part.0].is_fixed) {
            true => parts.to_vec(),
            false => parts.iter().map(|part| self.spread(*part)).collect(),
        }
    }

    fn spread(&mut self, of: Id) -> Id {
        let Value { rows, units, is_fixed, .. } = self.values[of.0];
        if is_fixed { self.push(Operation::Spread(of), rows, units) } else { of }
    }

    /// The sum over the rows.
    pub fn sum_rows(&mut self, of: Id) -> Id {
        match self.shape(of) {
            (1, _) => of,
            (_, units) => self.push(Operation::SumRows(of), 1, units),
        }
    }

    /// a + b
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Add, a, b)
    }

    /// a − b
    pub fn subtract(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Subtract, a, b)
    }

    /// a b
    pub fn multiply(&mut self, a: Id, b: Id) -> Id {
        self.binary(Binary::Multiply, a, b)
    }

    /// number · x
    pub fn scaled(&mut self, number: f64, x: Id) -> Id {
        let number = self.number(number);
        self.multiply(number, x)
    }

    /// number + x
    pub fn shifted(&mut self, number: f64, x: Id) -> Id {
        let number = self.number(number);
        self.add(number, x)
    }

    /// number − x
    pub fn from(&mut self, number: f64, x: Id) -> Id {
        let number = self.number(number);
        self.subtract(number, x)
    }
}
