//! A recipe as C99 that is C++, too: no allocation, one loop over the units of each layer.

use std::fmt::Write;

use super::Export;
use super::recipe::{Binary, Id, Operation, Recipe, Role, Unary};
use crate::error::{Error, Result};
use crate::network::Model;
use crate::numbers::Precision;

/// What math.h has no function for.
pub const LACKING: &[Unary] = &[Unary::Sigmoid];

/// The file's text.
pub fn text(export: &Export, model: &Model) -> Result<String> {
    let name = &export.name;
    check_name(name)?;
    let is_f64 = export.precision == Precision::F64;
    let value_alone = Export { order: 0, ..export.clone() };
    let value = value_alone.recipe(model, &value_alone.layout(model), LACKING)?.finished(true);
    let jet = export.recipe(model, &export.layout(model), LACKING)?.finished(true);
    let number = if is_f64 { "double" } else { "float" };
    let mut text = head(export, model);
    let shapes = export.shapes(model);
    let parameters: Vec<String> = shapes.iter().map(|(name, _)| format!("{number} *{name}")).collect();
    let signatures = [
        format!("void {name}_value(const {number} *x, {number} *u)"),
        format!("void {name}_jet(const {number} *x, {})", parameters.join(", ")),
    ];
    write!(
        text,
        "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n{};\n{};\n#ifdef __cplusplus\n}}\n#endif\n\n",
        signatures[0], signatures[1]
    )
    .expect("writing to a string");
    text.push_str(&LINEAR.replace("double", number));
    for (signature, recipe) in signatures.iter().zip([&value, &jet]) {
        let printer = Printer::new(recipe, is_f64);
        write!(text, "\n{signature}\n{{\n{}}}\n", printer.body()).expect("writing to a string");
    }
    Ok(text)
}

/// The product of matrices of a layer, written so that a compiler can use vectors without changing the order of a sum.
const LINEAR: &str = "\
/* z = a w for rows of a (rows, in), w (in, out) and z (rows, out) */
static void linear(int rows, int in, int out, const double *a, const double *w, double *z)
{
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < out; i++)
            z[r * out + i] = 0;
        for (int j = 0; j < in; j++)
            for (int i = 0; i < out; i++)
                z[r * out + i] += a[r * in + j] * w[j * out + i];
    }
}
";

fn check_name(name: &str) -> Result<()> {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    match is_name {
        true => Ok(()),
        false => {
            let problem = format!("{name:?} is no name in C");
            Err(Error::input("--name", problem, "use letters, digits and underscores, for example heat"))
        }
    }
}

/// The comment at the top, and what is included.
fn head(export: &Export, model: &Model) -> String {
    let shapes = export.shapes(model).into_iter().map(|(name, shape)| {
        let extents: Vec<String> = shape.iter().map(|extent| format!("[{extent}]")).collect();
        format!("{name}{}", extents.concat())
    });
    let lines = [
        format!("A network and its exact derivatives, written by jetfit {}.", env!("CARGO_PKG_VERSION")),
        String::new(),
        export.summary(model),
        String::new(),
        format!("{}_value gives u[{}] at the point x[{}],", export.name, model.outputs.len(), model.inputs.len()),
        format!("{}_jet gives {}, the last index running fastest.", export.name, shapes.collect::<Vec<_>>().join(", ")),
        "Link with -lm. Nothing is allocated, and both may be called by several threads.".to_string(),
    ];
    let comment: String = lines.join("\n").replace("*/", "* /").lines().map(|line| format!(" * {line}\n")).collect();
    let comment: String = comment.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    format!("/*\n{comment} */\n#include <math.h>\n\n")
}

/// Where a block is while the function runs.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In the code: a number.
    Number,
    /// A table of the file's, or an array of the function's.
    Array,
    /// A variable inside of a loop over units.
    Local,
    /// It is part of another block.
    Alias,
}

struct Printer<'a> {
    recipe: &'a Recipe,
    is_f64: bool,
    /// For each block the loop in which it is made.
    loops: Vec<usize>,
    places: Vec<Place>,
}

impl<'a> Printer<'a> {
    fn new(recipe: &'a Recipe, is_f64: bool) -> Self {
        let mut printer = Self { recipe, is_f64, loops: vec![], places: vec![] };
        printer.loops = printer.find_loops();
        printer.places = printer.find_places();
        printer
    }

    /// Whether an operation is done unit by unit.
    fn is_by_units(&self, id: Id) -> bool {
        use Operation as Op;
        let operation = &self.recipe.value(id).operation;
        matches!(operation, Op::Unary(..) | Op::Binary(..) | Op::Select(..) | Op::Rows(..) | Op::StackRows(_))
            || matches!(operation, Op::SumRows(_) | Op::Spread(_))
    }

    /// Neighbours that are made unit by unit of equally many share a loop.
    fn find_loops(&self) -> Vec<usize> {
        let mut loops: Vec<usize> = vec![];
        let mut last = None;
        for (index, value) in self.recipe.values.iter().enumerate() {
            let kind = self.is_by_units(Id(index)).then_some(value.units);
            // A constant does not end a loop.
            let is_constant = matches!(value.operation, Operation::Constant(_));
            let number = loops.last().copied().unwrap_or(0);
            loops.push(if is_constant || (kind.is_some() && kind == last) { number } else { number + 1 });
            if !is_constant {
                last = kind;
            }
        }
        loops
    }

    fn find_places(&self) -> Vec<Place> {
        let recipe = self.recipe;
        let mut places = vec![];
        for (index, value) in recipe.values.iter().enumerate() {
            places.push(match &value.operation {
                Operation::Constant(tensor) if recipe.tensors[*tensor].number().is_some() => Place::Number,
                Operation::Rows(..) | Operation::Spread(_) => Place::Alias,
                Operation::Units(_, units) if units.len() == 1 => Place::Alias,
                _ if self.is_by_units(Id(index)) && value.units > 1 => Place::Local,
                _ => Place::Array,
            });
        }
        // What is read in another loop, or at other units, outlives its own.
        for (index, value) in recipe.values.iter().enumerate() {
            let keeps = !self.is_by_units(Id(index));
            for operand in value.operation.operands() {
                let own = self.loops[index];
                if matches!(value.operation, Operation::Linear(..)) && places[operand.0] == Place::Alias {
                    places[operand.0] = Place::Array;
                }
                self.outlive(operand, keeps, own, &mut places);
            }
        }
        recipe.results.iter().for_each(|id| self.outlive(*id, true, usize::MAX, &mut places));
        // A copy of an alias reads it in its own loop.
        for index in 0..recipe.values.len() {
            let value = &recipe.values[index];
            let is_copy = matches!(value.operation, Operation::Rows(..) | Operation::Spread(_) | Operation::Units(..));
            if is_copy && places[index] == Place::Array {
                value.operation.operands().into_iter().for_each(|of| self.outlive(of, true, usize::MAX, &mut places));
            }
        }
        places
    }

    /// A block that is read in the loop `reader`, or as a whole.
    fn outlive(&self, id: Id, as_whole: bool, reader: usize, places: &mut [Place]) {
        match (places[id.0], &self.recipe.value(id).operation) {
            (Place::Alias, Operation::Units(of, _)) => self.outlive(*of, true, reader, places),
            (Place::Alias, operation) => {
                operation.operands().into_iter().for_each(|of| self.outlive(of, as_whole, reader, places));
            }
            (Place::Local, _) if as_whole || self.loops[id.0] != reader => places[id.0] = Place::Array,
            _ => {}
        }
    }

    fn number(&self) -> &'static str {
        if self.is_f64 { "double" } else { "float" }
    }

    /// A number in the code.
    fn literal(&self, number: f64) -> String {
        let digits = match number {
            number if number.is_nan() => return "NAN".to_string(),
            number if number.is_infinite() => {
                return if number > 0.0 { "INFINITY" } else { "(-INFINITY)" }.to_string();
            }
            number if self.is_f64 => format!("{number:?}"),
            number => format!("{:?}f", number as f32),
        };
        if number < 0.0 { format!("({digits})") } else { digits }
    }

    /// A table of the file's.
    fn table(&self, name: &str, extents: &[usize], numbers: &[f64]) -> String {
        let brackets: String = extents.iter().map(|extent| format!("[{extent}]")).collect();
        let mut text = format!("    static const {} {name}{brackets} = {{", self.number());
        let width = extents[extents.len() - 1];
        let is_nested = extents.len() > 1;
        for row in numbers.chunks(width) {
            text.push_str(if is_nested { "\n        {" } else { "" });
            let indent = if is_nested { "         " } else { "        " };
            let mut column = usize::MAX;
            for (index, number) in row.iter().enumerate() {
                let digits = self.literal(*number);
                let digits = digits.trim_start_matches('(').trim_end_matches(')');
                if column > 100 - digits.len().min(90) {
                    if index > 0 || !is_nested {
                        write!(text, "\n{indent}").expect("writing to a string");
                    }
                    column = indent.len();
                }
                write!(text, "{digits}{}", if index + 1 < row.len() { ", " } else { "" }).expect("writing");
                column += digits.len() + 2;
            }
            text.push_str(if is_nested { "}," } else { "" });
        }
        text.push_str("\n    };\n");
        text
    }

    /// A whole-number table: which rows or units another block is made of.
    fn indices(name: &str, indices: &[usize]) -> String {
        let list: Vec<String> = indices.iter().map(usize::to_string).collect();
        format!("    static const int {name}_of[{}] = {{{}}};\n", indices.len(), list.join(", "))
    }

    /// A number of a block, in the code at a row and a unit.
    fn element(&self, id: Id, row: &str, unit: &str) -> String {
        let value = self.recipe.value(id);
        let place = self.places[id.0];
        if let Some(number) = self.recipe.number(id) {
            return self.literal(number);
        }
        match (place, &value.operation) {
            (Place::Alias, Operation::Spread(of)) => self.element(*of, row, unit),
            (Place::Alias, Operation::Rows(of, rows)) => self.element(*of, &part(&value.name, rows, row), unit),
            (Place::Alias, Operation::Units(of, units)) => self.element(*of, row, &units[0].to_string()),
            _ => {
                let row = if value.rows > 1 { format!("[{row}]") } else { String::new() };
                let is_wide = value.units > 1 && place != Place::Local;
                let unit = if is_wide { format!("[{unit}]") } else { String::new() };
                match value.operation {
                    Operation::Input => format!("x[{}]", if is_wide { unit.trim_matches(['[', ']']) } else { "0" }),
                    _ => format!("{}{row}{unit}", value.name),
                }
            }
        }
    }

    /// A block's first number.
    fn pointer(&self, id: Id) -> String {
        let value = self.recipe.value(id);
        match (&value.operation, value.rows > 1, value.units > 1) {
            (Operation::Input, ..) => "x".to_string(),
            (_, true, true) => format!("&{}[0][0]", value.name),
            (_, false, false) => format!("&{}", value.name),
            _ => value.name.clone(),
        }
    }

    fn extents(&self, id: Id) -> String {
        let value = self.recipe.value(id);
        let bracket = |extent: usize| if extent > 1 { format!("[{extent}]") } else { String::new() };
        format!("{}{}", bracket(value.rows), bracket(value.units))
    }

    /// The function's statements.
    fn body(&self) -> String {
        let recipe = self.recipe;
        let mut text = String::new();
        for tensor in recipe.tensors.iter().filter(|tensor| tensor.number().is_none()) {
            let (rows, units, numbers) = (tensor.rows, tensor.units, &tensor.numbers);
            let is_weight = matches!(tensor.role, Role::Weight(_) | Role::Matrix);
            let transposed: Vec<f64> =
                (0..units).flat_map(|j| (0..rows).map(move |i| numbers[i * units + j])).collect();
            let (extents, numbers) =
                if is_weight { ([units, rows], &transposed) } else { ([rows, units], numbers) };
            // The same brackets as those of a block.
            let extents: Vec<usize> = extents.into_iter().filter(|extent| is_weight || *extent > 1).collect();
            let extents = if extents.is_empty() { vec![1] } else { extents };
            text.push_str(&self.table(&tensor.name, &extents, numbers));
        }
        let mut index = 0;
        while index < recipe.values.len() {
            let id = Id(index);
            if self.is_by_units(id) && recipe.value(id).units > 1 {
                let end = (index..recipe.values.len())
                    .find(|next| self.loops[*next] != self.loops[index])
                    .unwrap_or(recipe.values.len());
                text.push_str(&self.loop_over_units(index..end));
                index = end;
            } else {
                text.push_str(&self.statement(id));
                index += 1;
            }
        }
        text.push_str(&self.returns());
        text
    }

    /// One loop in which several blocks are made.
    fn loop_over_units(&self, blocks: std::ops::Range<usize>) -> String {
        let units = self.recipe.values[blocks.start].units;
        let (mut before, mut inside) = (String::new(), String::new());
        for index in blocks {
            let id = Id(index);
            let value = self.recipe.value(id);
            match (self.places[index], &value.operation) {
                (_, Operation::Constant(_)) => {}
                (Place::Alias, Operation::Rows(_, rows)) => before.push_str(&part_table(&value.name, rows)),
                (Place::Alias, _) => {}
                (Place::Array, _) => {
                    if let Operation::Rows(_, rows) = &value.operation {
                        before.push_str(&part_table(&value.name, rows));
                    }
                    writeln!(before, "    {} {}{};", self.number(), value.name, self.extents(id)).expect("writing");
                    inside.push_str(&self.assignments(id, "i", "        "));
                }
                (Place::Local, _) => {
                    if value.rows > 1 {
                        writeln!(inside, "        {} {}[{}];", self.number(), value.name, value.rows).expect("writing");
                        inside.push_str(&self.assignments(id, "i", "        "));
                    } else {
                        let line = self.assignments(id, "i", "        ");
                        let line = line.replacen(&value.name, &format!("const {} {}", self.number(), value.name), 1);
                        // A sum is more than one statement.
                        match line.lines().count() {
                            1 => inside.push_str(&line),
                            _ => {
                                writeln!(inside, "        {} {};", self.number(), value.name).expect("writing");
                                inside.push_str(&self.assignments(id, "i", "        "));
                            }
                        }
                    }
                }
                (Place::Number, _) => {}
            }
        }
        if inside.is_empty() {
            return before;
        }
        format!("{before}    for (int i = 0; i < {units}; i++) {{\n{inside}    }}\n")
    }

    /// A block outside of loops over units.
    fn statement(&self, id: Id) -> String {
        let value = self.recipe.value(id);
        let declared = || format!("    {} {}{};\n", self.number(), value.name, self.extents(id));
        match &value.operation {
            Operation::Input | Operation::Constant(_) => String::new(),
            Operation::Columns(..) => unreachable!("fixed blocks are constants here"),
            Operation::Linear(tensor, of) => {
                let tensor = &self.recipe.tensors[*tensor];
                let (rows, units, inputs) = (value.rows, value.units, tensor.units);
                let (a, w, z) = (self.pointer(*of), format!("&{}[0][0]", tensor.name), self.pointer(id));
                format!("{}    linear({rows}, {inputs}, {units}, {a}, {w}, {z});\n", declared())
            }
            Operation::Rows(_, rows) if self.places[id.0] == Place::Alias => part_table(&value.name, rows),
            _ if self.places[id.0] == Place::Alias => String::new(),
            Operation::Units(of, units) => {
                let table = Self::indices(&value.name, units);
                let from = |row: &str| self.element(*of, row, &format!("{}_of[i]", value.name));
                let to = |row: &str| self.element(id, row, "i");
                let inner = |row: &str| format!("for (int i = 0; i < {}; i++)\n", units.len()) + &format!("            {} = {};\n", to(row), from(row));
                match value.rows {
                    1 => format!("{table}{}    {}", declared(), inner("0")),
                    rows => format!("{table}{}    for (int r = 0; r < {rows}; r++)\n        {}", declared(), inner("r")),
                }
            }
            Operation::StackUnits(parts) => {
                let mut text = declared();
                let mut first = 0;
                for part in parts {
                    let units = self.recipe.value(*part).units;
                    for row in 0..value.rows {
                        let row = row.to_string();
                        if units == 1 {
                            let to = self.element(id, &row, &first.to_string());
                            writeln!(text, "    {to} = {};", self.element(*part, &row, "0")).expect("writing");
                        } else {
                            let to = self.element(id, &row, &shifted("i", first));
                            let from = self.element(*part, &row, "i");
                            writeln!(text, "    for (int i = 0; i < {units}; i++)\n        {to} = {from};").expect("writing");
                        }
                    }
                    first += units;
                }
                text
            }
            _ => {
                let lines = self.assignments(id, "0", "    ");
                match lines.lines().count() {
                    1 if value.rows == 1 => format!("    const {} {}", self.number(), lines.trim_start()),
                    _ => declared() + &lines,
                }
            }
        }
    }

    /// The statements that fill a block at one unit.
    fn assignments(&self, id: Id, unit: &str, indent: &str) -> String {
        let value = self.recipe.value(id);
        let mut text = String::new();
        match &value.operation {
            Operation::StackRows(parts) => {
                let mut first = 0;
                for part in parts {
                    let rows = self.recipe.value(*part).rows;
                    let (row, to_row) = match rows {
                        1 => ("0".to_string(), first.to_string()),
                        _ => ("r".to_string(), shifted("r", first)),
                    };
                    let (to, from) = (self.element(id, &to_row, unit), self.element(*part, &row, unit));
                    match rows {
                        1 => writeln!(text, "{indent}{to} = {from};"),
                        rows => writeln!(text, "{indent}for (int r = 0; r < {rows}; r++)\n{indent}    {to} = {from};"),
                    }
                    .expect("writing to a string");
                    first += rows;
                }
            }
            Operation::SumRows(of) => {
                let (to, rows) = (self.element(id, "0", unit), self.recipe.value(*of).rows);
                let from = self.element(*of, "r", unit);
                writeln!(text, "{indent}{to} = 0;\n{indent}for (int r = 0; r < {rows}; r++)\n{indent}    {to} += {from};")
                    .expect("writing to a string");
            }
            operation => {
                let row = if value.rows > 1 { "r" } else { "0" };
                let to = self.element(id, row, unit);
                let from = match operation {
                    Operation::Rows(of, rows) => self.element(*of, &part(&value.name, rows, row), unit),
                    Operation::Units(of, units) => self.element(*of, row, &units[0].to_string()),
                    Operation::Spread(of) => self.element(*of, row, unit),
                    operation => self.expression(operation, row, unit),
                };
                match value.rows {
                    1 => writeln!(text, "{indent}{to} = {from};"),
                    rows => writeln!(text, "{indent}for (int r = 0; r < {rows}; r++)\n{indent}    {to} = {from};"),
                }
                .expect("writing to a string");
            }
        }
        text
    }

    fn expression(&self, operation: &Operation, row: &str, unit: &str) -> String {
        let read = |id: &Id| self.element(*id, row, unit);
        let suffix = if self.is_f64 { "" } else { "f" };
        match operation {
            Operation::Unary(Unary::Negate, x) => format!("-{}", read(x)),
            Operation::Unary(unary, x) => format!("{}{suffix}({})", function(*unary), read(x)),
            Operation::Binary(binary, a, b) => {
                let (a, b) = (read(a), read(b));
                let (one, zero) = (self.literal(1.0), self.literal(0.0));
                match binary {
                    Binary::Add => format!("{a} + {b}"),
                    Binary::Subtract => format!("{a} - {b}"),
                    Binary::Multiply => format!("{a} * {b}"),
                    Binary::Divide => format!("{a} / {b}"),
                    Binary::Power => format!("pow{suffix}({a}, {b})"),
                    Binary::Max => format!("fmax{suffix}({a}, {b})"),
                    Binary::Min => format!("fmin{suffix}({a}, {b})"),
                    Binary::Less => format!("{a} < {b} ? {one} : {zero}"),
                    Binary::LessEqual => format!("{a} <= {b} ? {one} : {zero}"),
                }
            }
            Operation::Select(condition, yes, no) => {
                format!("{} != 0 ? {} : {}", read(condition), read(yes), read(no))
            }
            _ => unreachable!("no operation of single numbers"),
        }
    }

    /// From blocks (R, M) to u[M], du[M][D] and d2u[M][…].
    fn returns(&self) -> String {
        let mut text = String::new();
        let outputs = self.recipe.outputs;
        for (id, name) in self.recipe.results.iter().zip(["u", "du", "d2u"]) {
            let rows = self.recipe.value(*id).rows;
            for_each(&mut text, outputs, rows, |m, r| {
                let to = match (rows, m) {
                    (1, m) => format!("{name}[{m}]"),
                    (rows, "0") => { let _ = rows; format!("{name}[{r}]") }
                    (rows, m) => format!("{name}[{m} * {rows} + {r}]"),
                };
                format!("{to} = {};", self.element(*id, r, m))
            });
        }
        text
    }
}

/// Loops over outputs and rows where there is more than one.
fn for_each(text: &mut String, outputs: usize, rows: usize, statement: impl Fn(&str, &str) -> String) {
    let mut indent = "    ".to_string();
    let (m, r) = (if outputs > 1 { "m" } else { "0" }, if rows > 1 { "r" } else { "0" });
    for (name, count) in [("m", outputs), ("r", rows)].into_iter().filter(|(_, count)| *count > 1) {
        writeln!(text, "{indent}for (int {name} = 0; {name} < {count}; {name}++)").expect("writing to a string");
        indent.push_str("    ");
    }
    writeln!(text, "{indent}{}", statement(m, r)).expect("writing to a string");
}

/// The index of a row among those of the block that it is taken from.
fn part(name: &str, indices: &[usize], row: &str) -> String {
    match indices {
        [index] => index.to_string(),
        [first, ..] if is_run(indices) => shifted(row, *first),
        _ => match row.parse::<usize>() {
            Ok(row) => indices[row].to_string(),
            Err(_) => format!("{name}_of[{row}]"),
        },
    }
}

/// The table that `part` reads, if it reads one.
fn part_table(name: &str, indices: &[usize]) -> String {
    if is_run(indices) { String::new() } else { Printer::indices(name, indices) }
}

fn is_run(indices: &[usize]) -> bool {
    indices.iter().copied().eq(indices[0]..=indices[indices.len() - 1])
}

/// `r + first`
fn shifted(index: &str, first: usize) -> String {
    match (first, index.parse::<usize>()) {
        (0, _) => index.to_string(),
        (first, Ok(index)) => (index + first).to_string(),
        (first, Err(_)) => format!("{index} + {first}"),
    }
}

fn function(unary: Unary) -> &'static str {
    match unary {
        Unary::Negate => unreachable!("a sign"),
        Unary::Abs => "fabs",
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
        Unary::Sigmoid => unreachable!("written out for C"),
    }
}
