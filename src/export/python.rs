//! A recipe as a Python file: for NumPy alone, or a `torch.nn.Module`. A block (R, H) at B points is an array (R, B, H).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Export;
use super::recipe::{Binary, Id, Operation, Recipe, Unary};
use super::tensors::{self, Role, Tensor};
use crate::error::Result;
use crate::network::Model;
use crate::numbers::Precision;

/// How a library is spoken to.
pub struct Dialect {
    /// The functions that it lacks.
    pub lacking: &'static [Unary],
    /// The library's name in the file.
    library: &'static str,
    /// What stands before the file's functions and around them.
    template: &'static str,
    /// Whether weights stay what they are, to be trained.
    is_trainable: bool,
    axis: &'static str,
    keep: &'static str,
    stack: &'static str,
    names: fn(Unary) -> &'static str,
}

/// NumPy.
pub const NUMPY: Dialect = Dialect {
    lacking: &[Unary::Erf, Unary::Sigmoid],
    library: "np",
    template: include_str!("numpy.py.txt"),
    is_trainable: false,
    axis: "axis",
    keep: "keepdims",
    stack: "concatenate",
    names: numpy_name,
};

/// PyTorch.
pub const TORCH: Dialect = Dialect {
    lacking: &[],
    library: "torch",
    template: include_str!("torch.py.txt"),
    is_trainable: true,
    axis: "dim",
    keep: "keepdim",
    stack: "cat",
    names: Unary::name,
};

/// The file's text.
pub fn text(export: &Export, model: &Model, dialect: &'static Dialect) -> Result<String> {
    let value_alone = Export { order: 0, ..export.clone() };
    let mut value = value_alone.recipe(model, dialect.lacking)?.finished(!dialect.is_trainable);
    let mut jets = export.recipe(model, dialect.lacking)?.finished(!dialect.is_trainable);
    let tensors = tensors::shared(&mut [&mut value, &mut jets]);
    let is_f64 = export.precision == Precision::F64;
    let shapes = export.shapes(model);
    let returns: Vec<&str> = shapes.iter().map(|(name, _)| *name).collect();
    let shape = |(name, shape): &(&str, Vec<usize>)| {
        let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
        format!("{name} (B, {})", extents.join(", "))
    };
    let described: Vec<String> = shapes.iter().map(shape).collect();
    let list = |names: &[String]| serde_json::to_string(names).expect("names are JSON");
    let text = dialect.template;
    let text = text.replace("{{version}}", env!("CARGO_PKG_VERSION"));
    let text = text.replace("{{summary}}", &export.summary(model).replace('\\', "\\\\").replace('"', "'"));
    let text = text.replace("{{inputs}}", &list(&model.inputs)).replace("{{outputs}}", &list(&model.outputs));
    let text = text.replace("{{D}}", &model.inputs.len().to_string());
    let text = text.replace("{{M}}", &model.outputs.len().to_string());
    let text = text.replace("{{layers}}", &model.spec.layers().len().to_string());
    let text = text.replace("{{returns}}", &returns.join(", "));
    let text = text.replace("{{shapes}}", &described.join(", "));
    let text = text.replace("{{block}}", &block_points(&jets).to_string());
    let text = text.replace("{{dtype}}", if is_f64 { "<f8" } else { "<f4" });
    let text = text.replace("{{float}}", if is_f64 { "float64" } else { "float32" });
    let text = text.replace("{{value}}", &Printer { dialect, recipe: &value }.body(&shapes[..1]));
    let text = text.replace("{{jets}}", &Printer { dialect, recipe: &jets }.body(&shapes));
    Ok(text.replace("{{tensors}}", &tables(&tensors, dialect, is_f64)))
}

/// Points of a block in NumPy: as many as let its largest array stay in a core's cache, and below what an allocator takes
/// from the system anew each time. Three times as fast as 4096 points in a network of 64 units.
fn block_points(jets: &Recipe) -> usize {
    let widest = jets.values.iter().map(|value| value.rows * value.units).max().unwrap_or(1);
    ((1 << 14) / widest).clamp(32, 4096)
}

/// The statements that make tensors.
fn tables(tensors: &[Tensor], dialect: &Dialect, is_f64: bool) -> String {
    let mut text = String::new();
    for tensor in tensors {
        let bytes: Vec<u8> = match is_f64 {
            true => tensor.numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            false => tensor.numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect(),
        };
        let encoded = STANDARD.encode(bytes);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(100).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
        let code = match lines.as_slice() {
            [line] => format!("\"{line}\""),
            lines => format!("\"\"\"\n{}\n\"\"\"", lines.join("\n")),
        };
        let Tensor { name, rows, units, .. } = tensor;
        let shape = match tensor.role {
            Role::Weight(_) | Role::Matrix => format!("{rows}, {units}"),
            Role::Bias(_) => format!("{units}"),
            Role::Constant => format!("{rows}, 1, {units}"),
        };
        let line = match dialect.is_trainable {
            false => format!("_{name} = _array({code}, {shape})"),
            true => format!("    \"{name}\": ({code}, ({shape},)),"),
        };
        writeln!(text, "{line}").expect("writing to a string");
    }
    text.trim_end().to_string()
}
struct Printer<'a> {
    dialect: &'a Dialect,
    recipe: &'a Recipe,
}

impl Printer<'_> {
    /// The statements of a function, and what it returns.
    fn body(&self, shapes: &[(&str, Vec<usize>)]) -> String {
        let mut lines = vec![];
        for (index, value) in self.recipe.values.iter().enumerate() {
            if let Some(code) = self.code(Id(index)) {
                lines.push(format!("{} = {code}", value.name));
            }
        }
        let result = |(id, (_, shape)): (&Id, &(&str, Vec<usize>))| {
            let block = self.name(*id);
            match shape.as_slice() {
                [_] => format!("{block}[0]"),
                [_, _] => format!("{block}{}", self.turned()),
                shape => {
                    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
                    format!("{block}{}.reshape(-1, {})", self.turned(), extents.join(", "))
                }
            }
        };
        let results: Vec<String> = self.recipe.results.iter().zip(shapes).map(result).collect();
        // What NumPy's file does block by block takes several results.
        lines.push(match results.as_slice() {
            [one] if !self.dialect.is_trainable => format!("return ({one},)"),
            results => format!("return {}", results.join(", ")),
        });
        let indent = if self.dialect.is_trainable { "        " } else { "    " };
        lines.iter().map(|line| format!("{indent}{line}\n")).collect::<String>().trim_end().to_string()
    }

    /// From (R, B, M) to (B, M, R).
    fn turned(&self) -> &'static str {
        if self.dialect.is_trainable { ".permute(1, 2, 0)" } else { ".transpose(1, 2, 0)" }
    }

    fn name(&self, id: Id) -> String {
        match self.recipe.value(id).operation {
            Operation::Constant(tensor) => self.tensor(tensor),
            _ => self.recipe.value(id).name.clone(),
        }
    }

    fn tensor(&self, index: usize) -> String {
        let tensor = &self.recipe.tensors[index];
        if let Some(number) = tensor.number() {
            return literal(number);
        }
        let name = &tensor.name;
        match (self.dialect.is_trainable, tensor.role) {
            (true, Role::Weight(layer)) => format!("self.linears[{layer}].weight"),
            (true, Role::Bias(layer)) => format!("self.linears[{layer}].bias"),
            (true, _) => format!("self.{name}"),
            (false, _) => format!("_{name}"),
        }
    }

    /// What gives a block; nothing for one that has a name already.
    fn code(&self, id: Id) -> Option<String> {
        let Dialect { library, axis, keep, stack, .. } = *self.dialect;
        let operation = &self.recipe.value(id).operation;
        let list = |indices: &[usize]| format!("{indices:?}");
        let is_run = |indices: &[usize]| indices.iter().copied().eq(indices[0]..=indices[indices.len() - 1]);
        let range = |indices: &[usize]| match is_run(indices) {
            true => format!("{}:{}", indices[0], indices[indices.len() - 1] + 1),
            false => list(indices),
        };
        let parts = |ids: &[Id]| ids.iter().map(|id| self.name(*id)).collect::<Vec<_>>().join(", ");
        Some(match operation {
            Operation::Input => "x[None]".to_string(),
            Operation::Constant(_) => return None,
            Operation::Linear(tensor, of) => format!("{} @ {}.T", self.name(*of), self.tensor(*tensor)),
            Operation::Columns(tensor, columns) => format!("{}[:, {}].T[:, None]", self.tensor(*tensor), list(columns)),
            Operation::Unary(Unary::Negate, x) => format!("-{}", self.name(*x)),
            Operation::Unary(unary, x) => format!("{library}.{}({})", (self.dialect.names)(*unary), self.name(*x)),
            Operation::Binary(binary, a, b) => self.binary(*binary, *a, *b),
            Operation::Select(condition, yes, no) => {
                // Of two bare numbers a library would make its own type.
                let is_bare = self.recipe.number(*yes).is_some() && self.recipe.number(*no).is_some();
                let yes = if is_bare { self.array(*yes) } else { self.name(*yes) };
                format!("{library}.where({} != 0, {yes}, {})", self.name(*condition), self.name(*no))
            }
            Operation::Rows(of, rows) => format!("{}[{}]", self.name(*of), range(rows)),
            Operation::Units(of, units) => format!("{}[..., {}]", self.name(*of), range(units)),
            Operation::StackRows(blocks) => format!("{library}.{stack}([{}], {axis}=0)", parts(blocks)),
            Operation::StackUnits(blocks) => format!("{library}.{stack}([{}], {axis}=2)", parts(blocks)),
            Operation::SumRows(of) => format!("{}.sum({axis}=0, {keep}=True)", self.name(*of)),
            Operation::Spread(of) => {
                let value = self.recipe.value(*of);
                let shape = format!("({}, x.shape[-2], {})", value.rows, value.units);
                match self.recipe.number(*of) {
                    Some(number) => format!("{} + {library}.zeros_like(x[..., :1])", literal(number)),
                    None => format!("{library}.broadcast_to({}, {shape})", self.name(*of)),
                }
            }
        })
    }

    fn binary(&self, binary: Binary, a: Id, b: Id) -> String {
        let library = self.dialect.library;
        let (left, right) = (self.name(a), self.name(b));
        let float = |truth: String| match self.dialect.is_trainable {
            true => format!("({truth}).to(x.dtype)"),
            false => format!("({truth}).astype(x.dtype)"),
        };
        match binary {
            Binary::Add => format!("{left} + {right}"),
            Binary::Subtract => format!("{left} - {right}"),
            Binary::Multiply => format!("{left} * {right}"),
            Binary::Divide => format!("{left} / {right}"),
            Binary::Less => float(format!("{left} < {right}")),
            Binary::LessEqual => float(format!("{left} <= {right}")),
            Binary::Power if self.dialect.is_trainable => format!("torch.pow({left}, {right})"),
            Binary::Power => format!("{library}.power({left}, {right})"),
            Binary::Max => format!("{library}.maximum({}, {})", self.array(a), self.array(b)),
            Binary::Min => format!("{library}.minimum({}, {})", self.array(a), self.array(b)),
        }
    }

    /// A block as an array of the points' type, also where it is a number.
    fn array(&self, id: Id) -> String {
        match (self.recipe.number(id), self.dialect.is_trainable) {
            (None, _) => self.name(id),
            (Some(number), true) => format!("torch.as_tensor({}, dtype=x.dtype, device=x.device)", literal(number)),
            (Some(number), false) => format!("x.dtype.type({})", literal(number)),
        }
    }
}

/// A number as Python reads it.
fn literal(number: f64) -> String {
    match number {
        number if number.is_nan() => "float(\"nan\")".to_string(),
        number if number.is_infinite() => format!("float(\"{}\")", if number > 0.0 { "inf" } else { "-inf" }),
        number if number < 0.0 => format!("({number:?})"),
        number => format!("{number:?}"),
    }
}

fn numpy_name(unary: Unary) -> &'static str {
    match unary {
        Unary::Asin => "arcsin",
        Unary::Acos => "arccos",
        Unary::Atan => "arctan",
        other => other.name(),
    }
}
