//! A recipe in f64, here: what is fixed is computed with it, and tests compare it with the kernels.

use super::recipe::{Binary, Id, Operation, Recipe, Unary};

/// A block at some points (R, B, H); B is 1 where it is fixed.
type Numbers = Option<Vec<f64>>;

/// The fixed blocks.
pub fn fixed(recipe: &Recipe) -> Vec<Numbers> {
    blocks(recipe, None)
}

/// The results at points (B, D), each (R, B, H).
#[cfg(test)]
pub fn results(recipe: &Recipe, points: &[f64]) -> Vec<Vec<f64>> {
    let mut blocks = blocks(recipe, Some(points));
    recipe.results.iter().map(|id| blocks[id.0].take().expect("every block is there")).collect()
}

/// All blocks, or only the fixed ones where there are no points.
fn blocks(recipe: &Recipe, points: Option<&[f64]>) -> Vec<Numbers> {
    let count = points.map_or(1, |points| points.len() / recipe.inputs);
    let mut blocks: Vec<Numbers> = vec![];
    for value in &recipe.values {
        let points_here = if value.is_fixed { 1 } else { count };
        let block = (value.is_fixed || points.is_some()).then(|| {
            let mut numbers = Vec::with_capacity(value.rows * points_here * value.units);
            let at = At { recipe, blocks: &blocks, points: points.unwrap_or(&[]), count };
            for row in 0..value.rows {
                for point in 0..points_here {
                    numbers.extend((0..value.units).map(|unit| at.number(&value.operation, row, point, unit)));
                }
            }
            numbers
        });
        blocks.push(block);
    }
    blocks
}

struct At<'a> {
    recipe: &'a Recipe,
    blocks: &'a [Numbers],
    points: &'a [f64],
    count: usize,
}

impl At<'_> {
    /// A number of a block that is there; one row, point or unit stands for all.
    fn read(&self, id: Id, row: usize, point: usize, unit: usize) -> f64 {
        let value = self.recipe.value(id);
        let count = if value.is_fixed { 1 } else { self.count };
        let index = |extent: usize, index: usize| if extent == 1 { 0 } else { index };
        let place = index(value.rows, row) * count + index(count, point);
        self.blocks[id.0].as_ref().expect("operands stand before")[place * value.units + index(value.units, unit)]
    }

    fn number(&self, operation: &Operation, row: usize, point: usize, unit: usize) -> f64 {
        let tensors = &self.recipe.tensors;
        let read = |id: Id| self.read(id, row, point, unit);
        match operation {
            Operation::Input => self.points[point * self.recipe.inputs + unit],
            Operation::Constant(tensor) => tensors[*tensor].numbers[row * tensors[*tensor].units + unit],
            Operation::Linear(tensor, of) => {
                let width = tensors[*tensor].units;
                let weights = &tensors[*tensor].numbers[unit * width..][..width];
                weights.iter().enumerate().map(|(k, weight)| weight * self.read(*of, row, point, k)).sum()
            }
            Operation::Columns(tensor, columns) => {
                tensors[*tensor].numbers[unit * tensors[*tensor].units + columns[row]]
            }
            Operation::Unary(unary, x) => self::unary(*unary, read(*x)),
            Operation::Binary(binary, a, b) => self::binary(*binary, read(*a), read(*b)),
            Operation::Select(condition, yes, no) => read(if read(*condition) != 0.0 { *yes } else { *no }),
            Operation::Rows(of, rows) => self.read(*of, rows[row], point, unit),
            Operation::Units(of, units) => self.read(*of, row, point, units[unit]),
            Operation::StackRows(parts) => {
                let mut row = row;
                let part = parts.iter().find(|part| match self.recipe.value(**part).rows {
                    rows if row < rows => true,
                    rows => {
                        row -= rows;
                        false
                    }
                });
                self.read(*part.expect("a row of a part"), row, point, unit)
            }
            Operation::StackUnits(parts) => {
                let mut unit = unit;
                let part = parts.iter().find(|part| match self.recipe.value(**part).units {
                    units if unit < units => true,
                    units => {
                        unit -= units;
                        false
                    }
                });
                self.read(*part.expect("a unit of a part"), row, point, unit)
            }
            Operation::SumRows(of) => {
                (0..self.recipe.value(*of).rows).map(|row| self.read(*of, row, point, unit)).sum()
            }
            Operation::Spread(of) => read(*of),
        }
    }
}

/// A function of a number.
pub fn unary(unary: Unary, x: f64) -> f64 {
    match unary {
        Unary::Negate => -x,
        Unary::Abs => x.abs(),
        Unary::Sqrt => x.sqrt(),
        Unary::Exp => x.exp(),
        Unary::Expm1 => x.exp_m1(),
        Unary::Log => x.ln(),
        Unary::Log1p => x.ln_1p(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Asin => x.asin(),
        Unary::Acos => x.acos(),
        Unary::Atan => x.atan(),
        Unary::Sinh => x.sinh(),
        Unary::Cosh => x.cosh(),
        Unary::Tanh => x.tanh(),
        Unary::Erf => libm::erf(x),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
    }
}

/// An operation on two numbers.
pub fn binary(binary: Binary, a: f64, b: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match binary {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Power => a.powf(b),
        Binary::Max => a.max(b),
        Binary::Min => a.min(b),
        Binary::Less => truth(a < b),
        Binary::LessEqual => truth(a <= b),
    }
}
