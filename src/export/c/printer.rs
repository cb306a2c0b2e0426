//! The statements of a function.

use std::fmt::Write;
use std::ops::Range;

use super::super::recipe::{Binary, Id, Operation, Recipe, Unary};
use super::places::{self, Place};
use super::words;

/// Prints a recipe.
pub struct Printer<'a> {
    recipe: &'a Recipe,
    is_f64: bool,
    /// For each block the loop in which it is made.
    loops: Vec<usize>,
    places: Vec<Place>,
}

/// A statement at an indentation of so many steps.
macro_rules! line {
    ($text:expr, $steps:expr, $($arguments:tt)*) => {{
        let text: &mut String = &mut $text;
        text.push_str(&"    ".repeat($steps));
        writeln!(text, $($arguments)*).expect("writing to a string");
    }};
}

impl<'a> Printer<'a> {
    /// For numbers of f64 or f32.
    pub fn new(recipe: &'a Recipe, is_f64: bool) -> Self {
        let loops = places::loops(recipe);
        let places = places::places(recipe, &loops);
        Self { recipe, is_f64, loops, places }
    }

    /// The function's statements.
    pub fn body(&self) -> String {
        let mut text = String::new();
        let count = self.recipe.values.len();
        let mut index = 0;
        while index < count {
            let value = &self.recipe.values[index];
            if places::is_by_units(&value.operation) && value.units > 1 {
                let is_next = |next: &usize| self.loops[*next] != self.loops[index];
                let end = (index..count).find(is_next).unwrap_or(count);
                text.push_str(&self.loop_over_units(index..end));
                index = end;
            } else {
                text.push_str(&self.statement(Id(index)));
                index += 1;
            }
        }
        text + &self.returns()
    }

    /// One loop in which several blocks are made.
    fn loop_over_units(&self, blocks: Range<usize>) -> String {
        let units = self.recipe.values[blocks.start].units;
        let (mut before, mut inside) = (String::new(), String::new());
        for id in blocks.map(Id) {
            let value = self.recipe.value(id);
            if let Operation::Rows(_, rows) = &value.operation {
                before.push_str(&words::part_table(&value.name, rows));
            }
            match (self.places[id.0], &value.operation) {
                (_, Operation::Constant(_)) | (Place::Alias | Place::Number, _) => {}
                (Place::Array, _) => {
                    before.push_str(&self.declaration(id));
                    inside.push_str(&self.filling(id, "i", 2));
                }
                (Place::Local, _) => match self.single(id, "i") {
                    Some(number) => line!(inside, 2, "const {} {} = {number};", self.number(), value.name),
                    None => {
                        let rows = if value.rows > 1 { format!("[{}]", value.rows) } else { String::new() };
                        line!(inside, 2, "{} {}{rows};", self.number(), value.name);
                        inside.push_str(&self.filling(id, "i", 2));
                    }
                },
            }
        }
        match inside.is_empty() {
            true => before,
            false => format!("{before}    for (int i = 0; i < {units}; i++) {{\n{inside}    }}\n"),
        }
    }

    /// A block outside of loops over units.
    fn statement(&self, id: Id) -> String {
        let value = self.recipe.value(id);
        let mut text = String::new();
        match &value.operation {
            Operation::Input | Operation::Constant(_) => {}
            Operation::Columns(..) => unreachable!("fixed blocks are constants here"),
            Operation::Rows(_, rows) if self.places[id.0] == Place::Alias => {
                return words::part_table(&value.name, rows);
            }
            _ if self.places[id.0] == Place::Alias => {}
            Operation::Linear(tensor, of) => {
                let tensor = &self.recipe.tensors[*tensor];
                let (rows, units, inputs) = (value.rows, value.units, tensor.units);
                let (a, w, z) = (self.pointer(*of), &tensor.name, self.pointer(id));
                text.push_str(&self.declaration(id));
                line!(text, 1, "linear({rows}, {inputs}, {units}, {a}, {w}, {z});");
            }
            Operation::Units(of, units) => {
                text.push_str(&words::index_table(&value.name, units));
                text.push_str(&self.declaration(id));
                for row in (0..value.rows).map(|row| row.to_string()) {
                    let from = self.element(*of, &row, &format!("{}_of[i]", value.name));
                    line!(text, 1, "for (int i = 0; i < {}; i++)", units.len());
                    line!(text, 2, "{} = {from};", self.element(id, &row, "i"));
                }
            }
            Operation::StackUnits(parts) => {
                text.push_str(&self.declaration(id));
                self.stack_units(&mut text, id, parts);
            }
            Operation::Rows(_, rows) => {
                text.push_str(&words::part_table(&value.name, rows));
                text.push_str(&(self.declaration(id) + &self.filling(id, "0", 1)));
            }
            _ => match self.single(id, "0") {
                Some(number) => line!(text, 1, "const {} {} = {number};", self.number(), value.name),
                None => text.push_str(&(self.declaration(id) + &self.filling(id, "0", 1))),
            },
        }
        text
    }

    fn stack_units(&self, text: &mut String, id: Id, parts: &[Id]) {
        for row in (0..self.recipe.value(id).rows).map(|row| row.to_string()) {
            let mut first = 0;
            for part in parts {
                let units = self.recipe.value(*part).units;
                let (steps, unit) = if units > 1 { (2, "i") } else { (1, "0") };
                if units > 1 {
                    line!(*text, 1, "for (int i = 0; i < {units}; i++)");
                }
                let (to, from) =
                    (self.element(id, &row, &words::shifted(unit, first)), self.element(*part, &row, unit));
                line!(*text, steps, "{to} = {from};");
                first += units;
            }
        }
    }

    fn declaration(&self, id: Id) -> String {
        let value = self.recipe.value(id);
        let brackets = [value.rows, value.units].into_iter().filter(|extent| *extent > 1);
        let brackets: String = brackets.map(|extent| format!("[{extent}]")).collect();
        format!("    {} {}{brackets};\n", self.number(), value.name)
    }

    /// A block of one row at one unit, where that is one expression.
    fn single(&self, id: Id, unit: &str) -> Option<String> {
        let is_one = self.recipe.value(id).rows == 1;
        if is_one { self.expression(id, "0", unit) } else { None }
    }

    /// The statements that fill a block at one unit.
    fn filling(&self, id: Id, unit: &str, steps: usize) -> String {
        let value = self.recipe.value(id);
        let mut text = String::new();
        match &value.operation {
            Operation::StackRows(parts) => {
                let mut first = 0;
                for part in parts {
                    let rows = self.recipe.value(*part).rows;
                    let row = if rows > 1 { "r" } else { "0" };
                    let (to, from) =
                        (self.element(id, &words::shifted(row, first), unit), self.element(*part, row, unit));
                    self.for_rows(&mut text, rows, steps, &format!("{to} = {from};"));
                    first += rows;
                }
            }
            Operation::SumRows(of) => {
                let to = self.element(id, "0", unit);
                line!(text, steps, "{to} = 0;");
                let rows = self.recipe.value(*of).rows;
                self.for_rows(&mut text, rows, steps, &format!("{to} += {};", self.element(*of, "r", unit)));
            }
            _ => {
                let row = if value.rows > 1 { "r" } else { "0" };
                let number = self.expression(id, row, unit).expect("an operation on single numbers");
                let statement = format!("{} = {number};", self.element(id, row, unit));
                self.for_rows(&mut text, value.rows, steps, &statement);
            }
        }
        text
    }

    fn for_rows(&self, text: &mut String, rows: usize, steps: usize, statement: &str) {
        if rows > 1 {
            line!(*text, steps, "for (int r = 0; r < {rows}; r++)");
        }
        line!(*text, steps + usize::from(rows > 1), "{statement}");
    }

    /// How a number of a block is computed from others at the same unit, if it is so.
    fn expression(&self, id: Id, row: &str, unit: &str) -> Option<String> {
        let value = self.recipe.value(id);
        let read = |id: &Id| self.element(*id, row, unit);
        let suffix = if self.is_f64 { "" } else { "f" };
        Some(match &value.operation {
            Operation::Rows(of, rows) => self.element(*of, &words::part(&value.name, rows, row), unit),
            Operation::Units(of, units) => self.element(*of, row, &units[0].to_string()),
            Operation::Spread(of) => read(of),
            Operation::Unary(Unary::Negate, x) => format!("-{}", read(x)),
            Operation::Unary(unary, x) => format!("{}{suffix}({})", words::function(*unary), read(x)),
            Operation::Binary(binary, a, b) => {
                let (a, b) = (read(a), read(b));
                match binary {
                    Binary::Add => format!("{a} + {b}"),
                    Binary::Subtract => format!("{a} - {b}"),
                    Binary::Multiply => format!("{a} * {b}"),
                    Binary::Divide => format!("{a} / {b}"),
                    Binary::Power => format!("pow{suffix}({a}, {b})"),
                    Binary::Max => format!("fmax{suffix}({a}, {b})"),
                    Binary::Min => format!("fmin{suffix}({a}, {b})"),
                    Binary::Less => format!("{a} < {b} ? 1 : 0"),
                    Binary::LessEqual => format!("{a} <= {b} ? 1 : 0"),
                }
            }
            Operation::Select(condition, yes, no) => {
                format!("{} != 0 ? {} : {}", read(condition), read(yes), read(no))
            }
            _ => return None,
        })
    }

    /// A number of a block, at a row and a unit.
    fn element(&self, id: Id, row: &str, unit: &str) -> String {
        let value = self.recipe.value(id);
        if let Some(number) = self.recipe.number(id) {
            return words::literal(number, self.is_f64);
        }
        if self.places[id.0] == Place::Alias {
            return self.expression(id, row, unit).expect("a part of another block");
        }
        let is_wide = value.units > 1 && self.places[id.0] != Place::Local;
        if value.operation == Operation::Input {
            return format!("x[{}]", if is_wide { unit } else { "0" });
        }
        let row = if value.rows > 1 { format!("[{row}]") } else { String::new() };
        let unit = if is_wide { format!("[{unit}]") } else { String::new() };
        format!("{}{row}{unit}", value.name)
    }

    /// Where a block's numbers start.
    fn pointer(&self, id: Id) -> String {
        let value = self.recipe.value(id);
        match (&value.operation, value.rows > 1, value.units > 1) {
            (Operation::Input, ..) => "x".to_string(),
            (_, true, true) => format!("&{}[0][0]", value.name),
            (_, false, false) => format!("&{}", value.name),
            _ => value.name.clone(),
        }
    }

    fn number(&self) -> &'static str {
        words::number(self.is_f64)
    }

    /// From blocks (R, M) to u[M], du[M][D] and d2u[M][…].
    fn returns(&self) -> String {
        let mut text = String::new();
        let outputs = self.recipe.outputs;
        for (id, name) in self.recipe.results.iter().zip(["u", "du", "d2u"]) {
            let rows = self.recipe.value(*id).rows;
            let (m, r) = (if outputs > 1 { "m" } else { "0" }, if rows > 1 { "r" } else { "0" });
            if outputs > 1 {
                line!(text, 1, "for (int m = 0; m < {outputs}; m++)");
            }
            let place = match (outputs, rows) {
                (1, _) => r.to_string(),
                (_, 1) => m.to_string(),
                _ => format!("{m} * {rows} + {r}"),
            };
            let statement = format!("{name}[{place}] = {};", self.element(*id, r, m));
            self.for_rows(&mut text, rows, 1 + usize::from(outputs > 1), &statement);
        }
        text
    }
}
