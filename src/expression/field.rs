//! Fields from files in expressions: `interp("k.csv", x, y)`, `interp_cubic("k.csv", "value", x, y)`.
//!
//! Their arguments are known before training, so that kernels find their values in columns as they find all point data.
//! The files are read by whoever makes the [`Scope`](super::Scope): [`field_calls`] tells which, from the text alone.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::graph::{Graph, Id, Node};
use super::parser::parse;
use super::read::{Reader, usage};
use super::syntax::{Kind, Syntax, TEXT_FUNCTIONS};
use super::token::{Token, tokens};
use crate::data::{Field, FieldColumns, Interpolation, MOST_AXES};
use crate::expression::diagnostic::{Fault, Span};

/// A call of `interp`, as far as it says which numbers of a file are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldCall {
    /// The file, as it is written.
    pub file: String,
    /// Its columns.
    pub columns: FieldColumns,
    /// How the field goes from node to node.
    pub interpolation: Interpolation,
}

impl FieldCall {
    /// The call of a function with these arguments; `None` where its texts or arguments are too few or too many.
    fn of(name: &str, arguments: &[&Kind]) -> Option<Self> {
        let text = |kind: &&&Kind| matches!(kind, Kind::Text(_));
        let texts = arguments.iter().take_while(text).count();
        let (texts, arguments) = arguments.split_at(texts);
        let [Kind::Text(file), value @ ..] = texts else { return None };
        let value = match value {
            [] => None,
            [Kind::Text(value)] => Some(value.clone()),
            _ => return None,
        };
        let name_of = |kind: &&Kind| if let Kind::Name(name) = kind { Some(name.clone()) } else { None };
        let columns = FieldColumns { arguments: arguments.iter().map(name_of).collect(), value };
        let interpolation = if name == TEXT_FUNCTIONS[0] { Interpolation::Linear } else { Interpolation::Cubic };
        let fits =
            (1..=MOST_AXES).contains(&arguments.len()) && !arguments.iter().any(|kind| matches!(kind, Kind::Text(_)));
        fits.then(|| Self { file: file.clone(), columns, interpolation })
    }
}

/// The fields that expressions may call.
#[derive(Clone, Debug, Default)]
pub struct Fields(Arc<BTreeMap<FieldCall, Arc<Field>>>);

impl Fields {
    /// Those of some calls.
    pub fn new(fields: impl IntoIterator<Item = (FieldCall, Arc<Field>)>) -> Self {
        Self(Arc::new(fields.into_iter().collect()))
    }

    /// The calls with their fields.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldCall, &Arc<Field>)> {
        self.0.iter()
    }

    /// Those that some texts call.
    pub fn called_by<'a>(&self, texts: impl IntoIterator<Item = &'a String>) -> Self {
        let calls: Vec<FieldCall> = texts.into_iter().flat_map(|text| field_calls(text)).collect();
        Self::new(
            self.iter().filter(|(call, _)| calls.contains(call)).map(|(call, field)| (call.clone(), field.clone())),
        )
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// The fields that a text calls, each call once; none for a text that is no expression.
pub fn field_calls(text: &str) -> Vec<FieldCall> {
    let Ok(syntax) = parse(text, true) else { return vec![] };
    let call = |kind: &Kind| match kind {
        Kind::Call(name, arguments) if TEXT_FUNCTIONS.contains(&name.as_str()) => {
            FieldCall::of(name, &syntax.kinds(arguments))
        }
        _ => None,
    };
    let mut calls: Vec<_> = syntax.parts.iter().filter_map(|part| call(&part.kind)).collect();
    calls.sort();
    calls.dedup();
    calls
}

/// A text with other names for the files of its fields.
pub fn with_files(text: &str, name: impl Fn(&str) -> String) -> String {
    let Ok(tokens) = tokens(text) else { return text.to_string() };
    let mut renamed = String::new();
    let mut from = 0;
    for window in tokens.windows(3) {
        let [(Token::Name(function), _), (Token::Symbol("("), _), (Token::Text(file), span)] = window else { continue };
        if TEXT_FUNCTIONS.contains(&function.as_str()) {
            let name = name(file);
            let mark = if name.contains('"') { '\'' } else { '"' };
            renamed += &format!("{}{mark}{name}{mark}", &text[from..span.start]);
            from = span.end;
        }
    }
    renamed + &text[from..]
}

impl Syntax {
    fn kinds(&self, parts: &[usize]) -> Vec<&Kind> {
        parts.iter().map(|part| &self.parts[*part].kind).collect()
    }
}

/// What a node reads of a field: a derivative of it.
#[derive(Clone, Debug)]
pub struct FieldRead {
    /// The field.
    pub field: Arc<Field>,
    /// The file, for messages.
    pub file: Arc<str>,
    /// How often it is derived by each argument.
    pub orders: [usize; MOST_AXES],
}

impl PartialEq for FieldRead {
    fn eq(&self, other: &Self) -> bool {
        self.orders == other.orders && self.field == other.field && self.file == other.file
    }
}

impl Eq for FieldRead {}

impl Hash for FieldRead {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.field.digest(), self.orders).hash(state);
    }
}

impl FieldRead {
    /// Its value at a point; NaN outside of the grid.
    pub fn value(&self, at: &[f64]) -> f64 {
        self.field.value(&self.orders, at)
    }

    /// The function that reads it.
    pub fn function(&self) -> &'static str {
        match self.field.interpolation() {
            Interpolation::Linear => TEXT_FUNCTIONS[0],
            Interpolation::Cubic => TEXT_FUNCTIONS[1],
        }
    }

    /// Derived once more by an argument.
    pub fn derived(&self, argument: usize) -> Self {
        let mut derived = self.clone();
        derived.orders[argument] += 1;
        derived
    }

    /// Whether one more derivative by an argument goes through jumps.
    pub fn is_rough(&self, argument: usize) -> bool {
        self.orders[argument] >= self.field.interpolation().smoothness()
    }

    /// Whether it jumps itself.
    pub fn jumps(&self) -> bool {
        self.orders.iter().any(|order| *order > self.field.interpolation().smoothness())
    }

    /// Why one more derivative is refused.
    pub fn no_derivative(&self, by: &str) -> String {
        let (file, function) = (&self.file, self.function());
        match self.field.interpolation() {
            Interpolation::Linear => format!(
                "this derivative with respect to {by} goes through {function} of {file:?}, which is straight between its \
                 nodes: its slope jumps at each"
            ),
            Interpolation::Cubic => format!(
                "this is the third derivative with respect to {by} of {function} of {file:?}, which jumps at its nodes"
            ),
        }
    }

    /// What has that derivative.
    pub fn smoother(&self) -> &'static str {
        match self.field.interpolation() {
            Interpolation::Linear => "use interp_cubic, which has first and second derivatives",
            Interpolation::Cubic => "use a formula",
        }
    }

    /// Where it has values: `x from 0 to 1, y from 0 to 2`.
    pub fn extent(&self, arguments: &[String]) -> String {
        let axis = |(name, axis): (&String, &Vec<f64>)| {
            format!("{name} from {} to {}", crate::error::number(axis[0]), crate::error::number(axis[axis.len() - 1]))
        };
        arguments.iter().zip(self.field.axes()).map(axis).collect::<Vec<_>>().join(", ")
    }

    /// How a call stays inside the grid.
    pub fn advice(&self, arguments: &[String]) -> String {
        format!(
            "the grid of {} has {}; keep the arguments inside, or continue it as a constant, as with min(max(x, low), high) \
             for an argument x",
            self.file,
            self.extent(arguments)
        )
    }
}

impl Reader<'_> {
    /// A call of one of [`TEXT_FUNCTIONS`], whose arguments are these parts of the text.
    pub(super) fn interp(
        &mut self,
        syntax: &Syntax,
        name: &str,
        arguments: &[usize],
        ids: &[Id],
        span: &Span,
    ) -> Result<Id, Fault> {
        let kinds = syntax.kinds(arguments);
        let Some(call) = FieldCall::of(name, &kinds) else {
            let problem = match kinds.first() {
                Some(Kind::Text(_)) => format!("{name} takes a file, perhaps a column, and 1 to {MOST_AXES} arguments"),
                _ => format!("the first argument of {name} is the name of a file between quotes"),
            };
            return Err(Fault::new(span.clone(), problem, usage(name)));
        };
        let span_of = |part: usize| syntax.parts[part].span.clone();
        let places = &arguments[arguments.len() - call.columns.arguments.len()..];
        if let Some(trained) = places.iter().find(|part| self.graph.varies(ids[**part])) {
            return Err(Fault::new(
                span_of(*trained),
                "this depends on trained quantities, and a field is read before training",
                "use inputs, columns and numbers; write a law of an output as a formula",
            ));
        }
        let Some(field) = self.scope.fields.0.get(&call) else {
            let problem = format!("no file {:?} is known here", call.file);
            return Err(Fault::new(span_of(arguments[0]), problem, "use fields in the expressions of a job"));
        };
        let read = FieldRead { field: field.clone(), file: call.file.as_str().into(), orders: [0; MOST_AXES] };
        let places: Vec<Id> = places.iter().map(|part| ids[*part]).collect();
        let names: Vec<String> = places.iter().map(|id| super::print::print(self.graph, *id, self.scope)).collect();
        let help = read.advice(&names);
        let id = self.graph.field(read, &places);
        match self.graph.value(id) {
            Some(value) if value.is_nan() => Err(Fault::new(span.clone(), "this is outside of the grid", help)),
            _ => Ok(id),
        }
    }
}

impl Graph {
    /// A field at these arguments.
    pub fn field(&mut self, read: FieldRead, arguments: &[Id]) -> Id {
        let known: Option<Vec<f64>> = arguments.iter().map(|argument| self.value(*argument)).collect();
        match known {
            Some(at) => self.constant(read.value(&at)),
            None => self.intern(Node::Field(read, arguments.into())),
        }
    }

    /// Whether a root reads a field.
    pub fn reads_field(&self, root: Id) -> bool {
        self.reachable(&[root]).into_iter().any(|id| matches!(self.node(id), Node::Field(..)))
    }
}
