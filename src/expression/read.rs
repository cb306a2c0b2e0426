//! Text to graph: names are looked up, definitions put in their place, derivatives taken.

use std::collections::HashMap;

use super::derive::total_derivative;
use super::faults::{ALLOW_ROUGH_HELP, known_alone};
use super::function::Function;
use super::graph::{Graph, Id, Leaf, Node, Relation};
use super::integral::Bound;
use super::parser::parse;
use super::scope::{Meaning, Scope};
use super::syntax::{Binary, Kind, Part, TEXT_FUNCTIONS, Word};
use crate::error::{Error, nearest};
use crate::expression::diagnostic::{Fault, Span};
use crate::jet::{Derivative, Entry};

/// How deep definitions may use one another.
const MOST_DEPTH: usize = 100;

/// The number of arguments of functions that take as many as there are.
const MANY: usize = usize::MAX;

/// The functions that are made of others, with the number of their arguments; and `if`, `d` and what is like them.
const COMPOSED_FUNCTIONS: [(&str, usize, usize); 17] = [
    ("tan", 1, 1),
    ("sign", 1, 1),
    ("heaviside", 1, 1),
    ("min", 2, 2),
    ("max", 2, 2),
    ("rmin", 2, 3),
    ("rmax", 2, 3),
    ("pow", 2, 2),
    ("mod", 2, 2),
    ("if", 3, 3),
    ("d", 2, 1 + Derivative::MOST),
    ("laplacian", 1, MANY),
    ("div", 1, MANY),
    ("grad_n", 1, 1),
    ("integral", 4, 5),
    ("interp", 2, MANY),
    ("interp_cubic", 2, MANY),
];

/// Reads texts into one graph.
pub struct Reader<'a> {
    pub graph: &'a mut Graph,
    pub scope: &'a Scope,
    /// The definitions met so far; `None` while one is being read.
    definitions: HashMap<String, Option<Id>>,
    /// The variables of integrals, with the parts of the text that know them.
    pub(super) bound: Vec<Bound>,
}

impl<'a> Reader<'a> {
    pub fn new(graph: &'a mut Graph, scope: &'a Scope) -> Self {
        Self { graph, scope, definitions: HashMap::new(), bound: vec![] }
    }

    /// The node that a text stands for; `lhs = rhs` is lhs − rhs where an equation may stand.
    pub fn read(&mut self, text: &str, equation: bool) -> Result<Id, Fault> {
        let syntax = parse(text, equation)?;
        let boundaries = self.boundaries(&syntax);
        // A definition does not know the variables of an integral that it stands in.
        let outer = std::mem::replace(&mut self.bound, syntax.bound(self.scope));
        let mut ids: Vec<Id> = Vec::with_capacity(syntax.parts.len());
        for (at, part) in syntax.parts.iter().enumerate() {
            let id = match &part.kind {
                Kind::Name(_) if boundaries.contains(&at) => self.graph.constant(0.0),
                Kind::Call(_, arguments) if boundaries.contains(arguments.first().unwrap_or(&at)) => {
                    let Part { kind: Kind::Name(name), span } = &syntax.parts[arguments[0]] else {
                        unreachable!("a boundary is a name")
                    };
                    self.distance(name, span)?
                }
                Kind::Number(value) => self.graph.constant(*value),
                Kind::Name(name) => match self.bound_name(name, at) {
                    Some(variable) => variable,
                    None => self.name(name, &part.span)?,
                },
                // Whoever takes it reads the text itself.
                Kind::Text(_) => self.graph.constant(0.0),
                Kind::Negate(x) => self.graph.scaled(ids[*x], -1.0),
                Kind::Binary(operator, left, right) => self.binary(*operator, ids[*left], ids[*right]),
                Kind::Compare(comparison, left, right) => self.compare(*comparison, ids[*left], ids[*right]),
                Kind::Join(Word::And, left, right) => self.graph.and(ids[*left], ids[*right]),
                Kind::Join(Word::Or, left, right) => self.graph.or(ids[*left], ids[*right]),
                Kind::Not(condition) => self.graph.not(ids[*condition]),
                Kind::Call(name, arguments) if TEXT_FUNCTIONS.contains(&name.as_str()) => {
                    self.interp(&syntax, name, arguments, &ids, &part.span)?
                }
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
        self.bound = outer;
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

    pub(super) fn definition(&mut self, name: &str, text: &str, span: &Span) -> Result<Id, Fault> {
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
            return Err(too_high(span));
        }
        if !(least..=most).contains(&arguments.len()) {
            let count = match most {
                MANY => format!("{least} or more"),
                most if least == most => least.to_string(),
                most if most == least + 1 => format!("{least} or {most}"),
                most => format!("{least} to {most}"),
            };
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
            ("rmin", [a, b, rounding @ ..]) => self.joined(*a, *b, rounding),
            ("rmax", [a, b, rounding @ ..]) => {
                let [a, b] = [*a, *b].map(|id| self.graph.scaled(id, -1.0));
                let joined = self.joined(a, b, rounding);
                self.graph.scaled(joined, -1.0)
            }
            ("pow", [base, exponent]) => self.graph.power(*base, *exponent),
            ("mod", [a, b]) => {
                let quotient = self.graph.product([(*a, 1), (*b, -1)]);
                let whole = self.graph.function(Function::Floor, quotient);
                let below = self.graph.product([(whole, 1), (*b, 1)]);
                self.graph.sum(0.0, [(*a, 1.0), (below, -1.0)])
            }
            ("laplacian", [of, by @ ..]) => return self.laplacian(*of, by, span, spans),
            ("div", parts) => return self.divergence(parts, span),
            ("grad_n", [of]) => return self.along_normal(*of, span),
            ("integral", arguments) => return self.integral(arguments, span, spans),
            ("if", [condition, yes, no]) => self.graph.select(*condition, *yes, *no),
            (_, [x, by @ ..]) => {
                let inputs = self.inputs(by, &spans[1..])?;
                return self.derivative(*x, &inputs, span);
            }
            _ => unreachable!("the number of arguments was checked"),
        })
    }

    /// The inputs that arguments are.
    pub(super) fn inputs(&self, by: &[Id], spans: &[Span]) -> Result<Vec<usize>, Fault> {
        let input = |(id, span): (&Id, &Span)| match self.graph.node(*id) {
            Node::Leaf(Leaf::Input(input)) if *input < self.scope.inputs.len() => Ok(*input),
            _ => Err(Fault::new(
                span.clone(),
                "this is not an input, and derivatives are taken with respect to inputs",
                format!("use one of: {}", self.scope.inputs.join(", ")),
            )),
        };
        by.iter().zip(spans).map(input).collect()
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
    pub(super) fn derivative(&mut self, root: Id, inputs: &[usize], span: &Span) -> Result<Id, Fault> {
        let mut id = root;
        for by in inputs {
            if let Some(jump) = self.graph.jump(id, Some(*by)).filter(|_| !self.scope.allow_rough) {
                return Err(self.through_jump(jump, &self.scope.inputs[*by], span));
            }
            id = total_derivative(self.graph, id, *by).map_err(|leaf| match leaf {
                Leaf::Entry(..) => too_high(span),
                leaf => {
                    let help = "differentiate only the other parts, or provide the derivative as a column";
                    known_alone(self.scope, leaf, span, "it cannot be differentiated", help)
                }
            })?;
        }
        // Training needs the next derivative by what feeds the network.
        let is_highest = |entry: &Entry| entry.derivative.order() >= Derivative::MOST;
        if let Some(entry) = self
            .graph
            .entries(id)
            .filter(is_highest)
            .find(|entry| self.scope.fed.iter().any(|(fed, _)| *fed == entry.output))
        {
            let problem = "this is a fourth derivative of the output of a network that reads other outputs";
            let name = &self.scope.outputs[entry.output];
            let help =
                format!("use {name} and its derivatives up to the third, or make one of these an output of its own");
            return Err(Fault::new(span.clone(), problem, help));
        }
        if self.scope.allow_rough {
            return Ok(id);
        }
        if self.graph.entries(id).any(|entry| self.scope.loses(entry)) {
            let problem = "this derivative crosses a jump of network.features and would miss the impulse there";
            return Err(Fault::new(span.clone(), problem, format!("use smooth features, {ALLOW_ROUGH_HELP}")));
        }
        for entry in self.graph.entries(id) {
            if let Some(activation) = self.scope.activations.get(entry.output)
                && let Err(Error::Input(error)) = activation.supports(entry.derivative.order(), "")
            {
                return Err(Fault::new(span.clone(), error.problem, error.help));
            }
        }
        Ok(id)
    }
}

fn too_high(span: &Span) -> Fault {
    Fault::new(
        span.clone(),
        "this is a fifth or higher derivative: derivatives are available up to the fourth",
        "make a lower derivative an output of its own with a term such as \"p = u_xx\", then differentiate p",
    )
}

fn functions() -> impl Iterator<Item = &'static str> {
    let composed = COMPOSED_FUNCTIONS.into_iter().map(|known| known.0);
    Function::ALL.into_iter().map(Function::name).chain([Function::LN]).chain(composed)
}

/// Whether an expression could call `name`.
pub fn is_function(name: &str) -> bool {
    functions().any(|known| known == name)
}

pub(super) fn usage(name: &str) -> String {
    match name {
        "if" => "write if(condition, a, b): a where the condition holds, b elsewhere".to_string(),
        "d" => "write d(u, x) or d(u, x, y), with up to four inputs".to_string(),
        "min" | "max" => format!("write {name}(a, b)"),
        "rmin" | "rmax" => format!("write {name}(a, b), or {name}(a, b, length) to round corners"),
        "pow" => "write pow(base, exponent) or base^exponent".to_string(),
        "mod" => "write mod(a, b): what is left of a over multiples of b".to_string(),
        "laplacian" => "write laplacian(u), or laplacian(u, x, y) with the inputs that count".to_string(),
        "div" => "write div(p, q) with a component for each input that is not a time".to_string(),
        "grad_n" => "write grad_n(u), the derivative along the outward normal".to_string(),
        "integral" => "write integral(u, x, 0, 1) or integral(u, x, 0, 1, 16), with 16 Gauss points".to_string(),
        "interp" | "interp_cubic" => {
            format!("write {name}(\"k.csv\", x, y): a file, and an argument for each axis of its grid")
        }
        _ => format!("write {name}(x)"),
    }
}
