//! Where the blocks of a recipe are in C: what shares a loop, and what has to outlive it.

use super::super::recipe::{Id, Operation, Recipe, Value};

/// Where a block is while the function runs.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    /// In the code: a number.
    Number,
    /// An array or a number of the function's.
    Array,
    /// A variable inside of a loop over units, for one of them.
    Local,
    /// It is part of another block.
    Alias,
}

/// Whether an operation is done unit by unit.
pub fn is_by_units(operation: &Operation) -> bool {
    use Operation as Op;
    matches!(operation, Op::Unary(..) | Op::Binary(..) | Op::Select(..) | Op::Rows(..) | Op::StackRows(_))
        || matches!(operation, Op::SumRows(_) | Op::Spread(_))
}

/// For each block the loop in which it is made: neighbours that are made unit by unit of equally many units share one.
pub fn loops(recipe: &Recipe) -> Vec<usize> {
    let mut loops: Vec<usize> = vec![];
    let (mut count, mut last) = (0, None);
    for value in &recipe.values {
        // A constant does not end a loop.
        if !matches!(value.operation, Operation::Constant(_)) {
            let kind = is_by_units(&value.operation).then_some(value.units);
            count += usize::from(kind.is_none() || kind != last);
            last = kind;
        }
        loops.push(count);
    }
    loops
}

/// The place of each block.
pub fn places(recipe: &Recipe, loops: &[usize]) -> Vec<Place> {
    let mut places = Places { recipe, loops, places: recipe.values.iter().map(|value| first(recipe, value)).collect() };
    for value in &recipe.values {
        // A product of matrices reads numbers side by side.
        if let Operation::Linear(_, of) = value.operation
            && places.places[of.0] == Place::Alias
        {
            places.places[of.0] = Place::Array;
        }
    }
    for (index, value) in recipe.values.iter().enumerate() {
        let is_alias = places.places[index] == Place::Alias;
        let is_whole = !is_by_units(&value.operation);
        for operand in value.operation.operands().into_iter().filter(|_| !is_alias) {
            places.outlive(operand, is_whole, loops[index]);
        }
    }
    recipe.results.iter().for_each(|id| places.outlive(*id, true, usize::MAX));
    places.places
}

/// Where a block would be best.
fn first(recipe: &Recipe, value: &Value) -> Place {
    match &value.operation {
        Operation::Constant(tensor) if recipe.tensors[*tensor].number().is_some() => Place::Number,
        Operation::Rows(..) | Operation::Spread(_) => Place::Alias,
        Operation::Units(_, units) if units.len() == 1 => Place::Alias,
        operation if is_by_units(operation) && value.units > 1 => Place::Local,
        _ => Place::Array,
    }
}

struct Places<'a> {
    recipe: &'a Recipe,
    loops: &'a [usize],
    places: Vec<Place>,
}

impl Places<'_> {
    /// A block is read in the loop `reader`, or as a whole: by another loop than its own it is read as an array.
    fn outlive(&mut self, id: Id, is_whole: bool, reader: usize) {
        let operation = &self.recipe.value(id).operation;
        match self.places[id.0] {
            Place::Alias => {
                let is_whole = is_whole || matches!(operation, Operation::Units(..));
                operation.operands().into_iter().for_each(|of| self.outlive(of, is_whole, reader));
            }
            Place::Local if is_whole || self.loops[id.0] != reader => self.places[id.0] = Place::Array,
            _ => {}
        }
    }
}
