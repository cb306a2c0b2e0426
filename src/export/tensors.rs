//! Numbers that are known when a file is written: weights, scales, factors.

use super::recipe::{Operation, Recipe};

/// A table of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name, in letters, digits and underscores; no other tensor and no value has it.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// R
    pub rows: usize,
    /// H
    pub units: usize,
    /// (R, H)
    pub numbers: Vec<f64>,
}

/// What a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// W (out, in) of an affine layer, counted from 0.
    Weight(usize),
    /// Its b (1, out).
    Bias(usize),
    /// Another W (out, in), which is not trained.
    Matrix,
    /// Anything else.
    Constant,
}

impl Tensor {
    /// The number that it is, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self.numbers.as_slice() {
            [number] if self.role == Role::Constant => Some(*number),
            _ => None,
        }
    }

    /// Whether it is multiplied by, as a matrix.
    pub fn is_matrix(&self) -> bool {
        matches!(self.role, Role::Weight(_) | Role::Matrix)
    }

    /// Its numbers (H, R).
    pub fn transposed(&self) -> Vec<f64> {
        (0..self.units).flat_map(|j| (0..self.rows).map(move |i| self.numbers[i * self.units + j])).collect()
    }

    /// Whether another has the same role and the same bits.
    pub fn is_same(&self, other: &Self) -> bool {
        let bits = |tensor: &Self| tensor.numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        (self.role, self.rows, self.units) == (other.role, other.rows, other.units) && bits(self) == bits(other)
    }
}

/// The tensors of the recipes of one file, each once, but for numbers; the recipes then call them by their names there.
pub fn shared(recipes: &mut [&mut Recipe]) -> Vec<Tensor> {
    let mut all: Vec<Tensor> = vec![];
    for recipe in recipes {
        for tensor in recipe.tensors.iter_mut().filter(|tensor| tensor.number().is_none()) {
            if let Some(known) = all.iter().find(|known| known.is_same(tensor)) {
                tensor.name.clone_from(&known.name);
                continue;
            }
            while all.iter().any(|known| known.name == tensor.name) {
                tensor.name.push_str("_b");
            }
            all.push(tensor.clone());
        }
        for value in &mut recipe.values {
            if let Operation::Constant(tensor) = value.operation {
                value.name.clone_from(&recipe.tensors[tensor].name);
            }
        }
    }
    all
}
