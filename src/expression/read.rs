//! Text to graph: names are looked up, definitions put in their place, derivatives taken.

use std::collections::HashMap;

use super::derive::total_derivative;
use super::function::Function;
use super::graph::{Graph, Id, Leaf, Node, Relation};
use super::scope::{Meaning, Scope};
use super::syntax::{Binary, Comparison, Kind, parse};
use crate::error::{Error, nearest};
use crate::expression::diagnostic::{Fault, Span};
use crate::jet::Entry;

/// How deep definitions may use one another.
const MOST_DEPTH: usize = 100;

/// The functions that are made of others, with the number of their arguments; and `if` and `d`.
const COMPOSED_FUNCTIONS: [(&str, usize, usize); 8] = [
    ("tan", 1, 1),
    ("sign", 1, 1),
    ("heaviside", 1, 1),
    ("min", 2, 2),
    ("max", 2, 2),
    ("pow", 2, 2),
    ("if", 3, 3),
    ("d", 2, 3),
];

/// Reads texts into one graph.
pub struct Reader<'a> {
    pub graph: &'a mut Graph,
    pub scope: &'a Scope,
    /// The definitions met so far; `None` while one is being read.
    definitions: HashMap<String, Option<Id>>,
}

impl<'a> Reader<'a> {
    pub fn new(graph: &'a mut Graph, scope: &'a Scope) -> Self {
        Self { graph, scope, definitions: HashMap::new() }
    }

    /// The node that a text stands for; `lhs = rhs` is lhs − rhs where an equation may stand.
    pub fn read(&mut self, text: &str, equation: bool) -> Result<Id, Fault> {
        let syntax = parse(text, equation)?;
        let mut ids: Vec<Id> = Vec::with_capacity(syntax.parts.len());
        for part in &syntax.parts {
            let id = match &part.kind {
                Kind::Number(value) => self.graph.constant(*value),
                Kind::Name(name) => self.name(name, &part.span)?,
                Kind::Negate(x) => self.graph.scaled(ids[*x], -1.0),
                Kind::Binary(operator, left, right) => self.binary(*operator, ids[*left], ids[*right]),
                Kind::Compare(comparison, left, right) => self.compare(*comparison, ids[*left], ids[*right]),
                Kind::Call(name, arguments) => {
                    let spans: Vec<_> = arguments.iter().map(|argument| syntax.parts[*argument].span.clone()).collect();
                    let arguments: Vec<_> = arguments.iter().map(|argument| ids[*argument]).collect();
                    self.call(name, &arguments, &part.span, &spans)?
                }
            };
            if let Some(value) = self.graph.without_value(id) {
                let problem = if value.is_nan() { "this is undefined (NaN)" } else { "this is infinite" };
                return Err(Fault::new(part.span.clone(), problem, "a constant part must be a finite number"));
            }
            ids.push(id);
        }
        Ok(*ids.last().expect("a parsed text has a root"))
    }

    fn binary(&mut self, operator: Binary, left: Id, right: Id) -> Id {
        match operator {
            Binary::Add => self.graph.sum(0.0, [(left, 1.0), (right, 1.0)]),
            Binary::Subtract => self.graph.sum(0.0, [(left, 1.0), (right, -1.0)]),
            Binary::Multiply => self.graph.product([(left, 1), (right, 1)]),
            Binary::Divide => self.graph.product([(left, 1), (right, -1)]),
            Binary::Power => self.graph.power(left, right),
        }
    }

    fn compare(&mut self, comparison: Comparison, left: Id, right: Id) -> Id {
        match comparison {
            Comparison::Less => self.graph.compare(Relation::Less, left, right),
            Comparison::LessEqual => self.graph.compare(Relation::LessEqual, left, right),
            Comparison::Greater => self.graph.compare(Relation::Less, right, left),
            Comparison::GreaterEqual => self.graph.compare(Relation::LessEqual, right, left),
        }
    }

    fn name(&mut self, name: &str, span: &Span) -> Result<Id, Fault> {
        match self.scope.meaning(name) {
            Some(meaning) => self.meaning(meaning, span),
            None if is_function(name) => Err(Fault::new(
                span.clone(),
                format!("{name:?} is a function"),
                format!("write its argument in parentheses: {name}(…)"),
            )),
            None => Err(Fault::new(span.clone(), format!("unknown name {name:?}"), self.scope.advice(name))),
        }
    }

    pub(super) fn meaning(&mut self, meaning: Meaning<'_>, span: &Span) -> Result<Id, Fault> {
        match meaning {
            Meaning::Leaf(leaf) => Ok(self.graph.leaf(leaf)),
            Meaning::Constant(value) => Ok(self.graph.constant(value)),
            Meaning::Definition(name, text) => self.definition(name, text, span),
            Meaning::Transform(output, text) => self.transform(output, text),
            Meaning::Derivative(base, inputs) => {
                let base = self.meaning(*base, span)?;
                self.derivative(base, &inputs, span)
            }
        }
    }

    fn definition(&mut self, name: &str, text: &str, span: &Span) -> Result<Id, Fault> {
        match self.definitions.get(name) {
            Some(Some(id)) => return Ok(*id),
            Some(None) => {
                return Err(Fault::new(
                    span.clone(),
                    format!("the definition {name:?} refers to itself, directly or through another definition"),
                    "break the cycle",
                ));
            }
            None => {}
        }
        if self.definitions.values().filter(|known| known.is_none()).count() >= MOST_DEPTH {
            return Err(Fault::new(
                span.clone(),
                format!("definitions are nested more than {MOST_DEPTH} deep"),
                "merge some of them",
            ));
        }
        self.definitions.insert(name.to_string(), None);
        let id = self.read(text, false).map_err(|fault| fault.within(format_args!("definition {name:?}"), text))?;
        self.definitions.insert(name.to_string(), Some(id));
        Ok(id)
    }

    /// An output: the network's own, or its transform.
    pub fn output(&mut self, output: usize) -> Result<Id, Fault> {
        let scope = self.scope;
        self.meaning(scope.output(output), &(0..0))
    }

    /// Nodes are shared in the graph, so that reading it again costs time alone.
    fn transform(&mut self, output: usize, text: &str) -> Result<Id, Fault> {
        let (scope, name) = (self.scope.of_transform(output), &self.scope.outputs[output]);
        let read = Reader::new(self.graph, &scope).read(text, false);
        read.map_err(|fault| fault.within(format_args!("transform of {name:?}"), text))
    }

    fn call(&mut self, name: &str, arguments: &[Id], span: &Span, spans: &[Span]) -> Result<Id, Fault> {
        let (least, most) = match (Function::named(name), COMPOSED_FUNCTIONS.iter().find(|known| known.0 == name)) {
            (Some(_), _) => (1, 1),
            (_, Some((_, least, most))) => (*least, *most),
            (None, None) => return self.placed(name, arguments, span, spans),
        };
        if name == "d" && arguments.len() > most {
            return Err(third(span));
        }
        if !(least..=most).contains(&arguments.len()) {
            let count = if least == most { least.to_string() } else { format!("{least} or {most}") };
            let plural = if most == 1 { "" } else { "s" };
            return Err(Fault::new(
                span.clone(),
                format!("{name} takes {count} argument{plural}, not {}", arguments.len()),
                usage(name),
            ));
        }
        if let Some(function) = Function::named(name) {
            return Ok(self.graph.function(function, arguments[0]));
        }
        let zero = self.graph.constant(0.0);
        Ok(match (name, arguments) {
            ("tan", [x]) => {
                let (sin, cos) = (self.graph.function(Function::Sin, *x), self.graph.function(Function::Cos, *x));
                self.graph.product([(sin, 1), (cos, -1)])
            }
            ("sign", [x]) => self.graph.sign(*x),
            ("heaviside", [x]) => self.graph.compare(Relation::LessEqual, zero, *x),
            ("min", [a, b]) => {
                let less = self.graph.compare(Relation::Less, *a, *b);
                self.graph.select(less, *a, *b)
            }
            ("max", [a, b]) => {
                let less = self.graph.compare(Relation::Less, *b, *a);
                self.graph.select(less, *a, *b)
            }
            ("pow", [base, exponent]) => self.graph.power(*base, *exponent),
            ("if", [condition, yes, no]) => self.graph.select(*condition, *yes, *no),
            (_, [x, by @ ..]) => {
                let mut inputs = vec![];
                for (id, span) in by.iter().zip(&spans[1..]) {
                    let Node::Leaf(Leaf::Input(input)) = self.graph.node(*id) else {
                        return Err(Fault::new(
                            span.clone(),
                            "this is not an input, and derivatives are taken with respect to inputs",
                            format!("use one of: {}", self.scope.inputs.join(", ")),
                        ));
                    };
                    inputs.push(*input);
                }
                return self.derivative(*x, &inputs, span);
            }
            _ => unreachable!("the number of arguments was checked"),
        })
    }

    pub(super) fn no_function(&self, name: &str, span: &Span) -> Fault {
        let span = span.start..span.start + name.len();
        if self.scope.meaning(name).is_some() {
            return Fault::new(
                span,
                format!("{name:?} is not a function"),
                format!("write {name}*(…) for a product; a plain name is its value at the point"),
            );
        }
        let mut known: Vec<&str> = functions().collect();
        known.extend(self.scope.outputs.iter().chain(self.scope.definitions.keys()).map(String::as_str));
        let advice = match nearest(name, known.iter().copied()) {
            Some(candidate) => format!("did you mean {candidate:?}? Known: {}", known.join(", ")),
            None => format!("use one of: {}", known.join(", ")),
        };
        Fault::new(span, format!("unknown function {name:?}"), advice)
    }

    /// The total derivative by these inputs, one after the other.
    fn derivative(&mut self, root: Id, inputs: &[usize], span: &Span) -> Result<Id, Fault> {
        let mut id = root;
        for by in inputs {
            if !self.scope.allow_rough && self.graph.jumps(id, Some(*by)) {
                return Err(through_jump(&self.scope.inputs[*by], span));
            }
            id = total_derivative(self.graph, id, *by).map_err(|leaf| match leaf {
                Leaf::Entry(..) => third(span),
                leaf => {
                    let help = "differentiate only the other parts, or provide the derivative as a column";
                    known_alone(self.scope, leaf, span, "it cannot be differentiated", help)
                }
            })?;
        }
        let is_second = |entry: &Entry| entry.derivative.order() >= 2;
        if let Some(entry) = self
            .graph
            .entries(id)
            .filter(is_second)
            .find(|entry| self.scope.fed.iter().any(|(fed, _)| *fed == entry.output))
        {
            let problem = "this is a second derivative of the output of a network that reads other outputs";
            let name = &self.scope.outputs[entry.output];
            let help = format!("use {name} and its first derivatives, or make one of these an output of its own");
            return Err(Fault::new(span.clone(), problem, help));
        }
        if self.scope.allow_rough {
            return Ok(id);
        }
        if self.graph.entries(id).any(|entry| self.scope.lost.contains(&entry)) {
            let problem = "this derivative crosses a jump of network.features and would miss the impulse there";
            return Err(Fault::new(span.clone(), problem, format!("use smooth features, {ALLOW_ROUGH_HELP}")));
        }
        for entry in self.graph.entries(id).filter(is_second) {
            if let Some(activation) = self.scope.activations.get(entry.output)
                && let Err(Error::Input(error)) = activation.supports(2, "")
            {
                return Err(Fault::new(span.clone(), error.problem, error.help));
            }
        }
        Ok(id)
    }
}

/// How to have a derivative that does not exist.
const ALLOW_ROUGH_HELP: &str = "or ignore the impulses with allow_rough = true in [[term]], [loss] or [predictions]";

fn through_jump(by: &str, span: &Span) -> Fault {
    let problem = format!(
        "this derivative with respect to {by} crosses a jump: if, heaviside and sign jump, and so do the first \
         derivatives of abs, min and max; the derivative of a jump is an impulse that no point can sample, and 0 \
         elsewhere"
    );
    let help = format!(
        "make the inner quantity an output of its own with a term such as \"q = k*d(T, {by})\", then write d(q, \
         {by}); {ALLOW_ROUGH_HELP}"
    );
    Fault::new(span.clone(), problem, help)
}

fn third(span: &Span) -> Fault {
    Fault::new(
        span.clone(),
        "this is a third or higher derivative: only first and second derivatives are available",
        "make a first derivative an output of its own with a term such as \"p = u_x\", then differentiate p",
    )
}

/// The fault of taking what is known at the points alone for a function.
pub fn known_alone(scope: &Scope, leaf: Leaf, span: &Span, so: &str, help: impl Into<String>) -> Fault {
    let name = match leaf {
        Leaf::Column(column) => format!("the column {:?}", scope.columns[column]),
        _ => "the normal".to_string(),
    };
    Fault::new(span.clone(), format!("{name} is known only at the points, not as a function, so {so}"), help)
}

fn functions() -> impl Iterator<Item = &'static str> {
    let composed = COMPOSED_FUNCTIONS.into_iter().map(|known| known.0);
    Function::ALL.into_iter().map(Function::name).chain([Function::LN]).chain(composed)
}

/// Whether an expression could call `name`.
pub fn is_function(name: &str) -> bool {
    functions().any(|known| known == name)
}

fn usage(name: &str) -> String {
    match name {
        "if" => "write if(condition, a, b): a where the condition holds, b elsewhere".to_string(),
        "d" => "write d(u, x) or d(u, x, y) with inputs x and y".to_string(),
        "min" | "max" => format!("write {name}(a, b)"),
        "pow" => "write pow(base, exponent) or base^exponent".to_string(),
        _ => format!("write {name}(x)"),
    }
}
