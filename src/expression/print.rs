//! Parts of an expression as text, for messages: in the names of a scope and the normal form of the graph.

use std::collections::HashMap;

use super::graph::{Graph, Id, Leaf, Node, Relation, parts};
use super::scope::{NET, Scope};
use crate::error::number;
use crate::jet::{Derivative, Entry};

/// How tightly a text holds together: what is looser than its place wants stands in parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Comparison,
    Sum,
    Product,
    Power,
    Atom,
}

/// Characters of a text at most.
const MOST_CHARACTERS: usize = 100;

/// The text of a node.
pub fn print(graph: &Graph, id: Id, scope: &Scope) -> String {
    let mut texts: HashMap<Id, (String, Binding)> = HashMap::new();
    // Parts stand before wholes, and a text that is cut stays short however often it is used.
    for id in graph.reachable(&[id]) {
        let within = |part: Id, least: Binding| {
            let (text, binding) = &texts[&part];
            if *binding < least { format!("({text})") } else { text.clone() }
        };
        let (text, binding) = node(graph, id, scope, within);
        let text = match text.char_indices().nth(MOST_CHARACTERS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
        texts.insert(id, (text, binding));
    }
    texts.remove(&id).expect("a root is reachable from itself").0
}

fn node(graph: &Graph, id: Id, scope: &Scope, within: impl Fn(Id, Binding) -> String) -> (String, Binding) {
    match graph.node(id) {
        Node::Constant(value) if value.0 < 0.0 => (number(value.0), Binding::Sum),
        Node::Constant(value) => (number(value.0), Binding::Atom),
        Node::Leaf(read) => (leaf(*read, scope), Binding::Atom),
        Node::Placed(entry, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(|argument| within(*argument, Binding::Sum)).collect();
            (format!("{}({})", leaf(Leaf::Entry(*entry, 0), scope), arguments.join(", ")), Binding::Atom)
        }
        Node::Sum(constant, terms) => {
            let mut terms: Vec<(bool, String)> = terms
                .iter()
                .map(|(id, weight)| {
                    let (weight, text) = (weight.0, within(*id, Binding::Product));
                    (weight < 0.0, if weight.abs() == 1.0 { text } else { format!("{}*{text}", number(weight.abs())) })
                })
                .collect();
            if constant.0 != 0.0 {
                terms.push((constant.0 < 0.0, number(constant.0.abs())));
            }
            // 1 − x and x − 1, as people write.
            terms.sort_by_key(|(is_negative, _)| *is_negative);
            let is_alone = terms.len() == 1 && !terms[0].0;
            let mut sum = String::new();
            for (k, (is_negative, text)) in terms.into_iter().enumerate() {
                sum += match (k, is_negative) {
                    (0, false) => "",
                    (0, true) => "-",
                    (_, false) => " + ",
                    (_, true) => " - ",
                };
                sum += &text;
            }
            (sum, if is_alone { Binding::Product } else { Binding::Sum })
        }
        Node::Product(factors) => {
            let side = |is_above: bool| -> Vec<String> {
                let own = factors.iter().filter(|(_, exponent)| (*exponent > 0) == is_above);
                own.map(|(id, exponent)| match exponent.unsigned_abs() {
                    1 => within(*id, if is_above { Binding::Product } else { Binding::Power }),
                    exponent => format!("{}^{exponent}", within(*id, Binding::Atom)),
                })
                .collect()
            };
            let (above, below) = (side(true), side(false));
            let above = if above.is_empty() { "1".to_string() } else { above.join("*") };
            let text = match below.len() {
                0 => above,
                1 => format!("{above}/{}", below[0]),
                _ => format!("{above}/({})", below.join("*")),
            };
            let is_power = factors.len() == 1 && factors[0].1 > 0;
            (text, if is_power { Binding::Power } else { Binding::Product })
        }
        Node::Function(function, x) => (format!("{}({})", function.name(), within(*x, Binding::Sum)), Binding::Atom),
        Node::Power(base, exponent) => {
            (format!("{}^{}", within(*base, Binding::Atom), within(*exponent, Binding::Atom)), Binding::Power)
        }
        Node::Compare(relation, left, right) => {
            let sign = if *relation == Relation::Less { "<" } else { "<=" };
            let text = format!("{} {sign} {}", within(*left, Binding::Sum), within(*right, Binding::Sum));
            (text, Binding::Comparison)
        }
        node @ Node::Select(..) => {
            let arguments: Vec<_> = parts(node).into_iter().map(|part| within(part, Binding::Comparison)).collect();
            (format!("if({})", arguments.join(", ")), Binding::Atom)
        }
        Node::Field(read, arguments) => {
            let texts: Vec<_> = arguments.iter().map(|argument| within(*argument, Binding::Sum)).collect();
            let field = format!("{}({:?}, {})", read.function(), read.file, texts.join(", "));
            let by = texts.iter().zip(read.orders).flat_map(|(text, order)| std::iter::repeat_n(text.as_str(), order));
            let by: Vec<&str> = by.collect();
            let text = if by.is_empty() { field } else { format!("d({field}, {})", by.join(", ")) };
            (text, Binding::Atom)
        }
    }
}

/// The name of what an expression reads; `(…)` behind it where the network is read at another point.
pub fn leaf(leaf: Leaf, scope: &Scope) -> String {
    let of = |names: &[String], index: usize| names.get(index).cloned().unwrap_or_else(|| "?".to_string());
    match leaf {
        Leaf::Input(i) => of(&scope.inputs, i),
        Leaf::Column(i) => of(&scope.columns, i),
        Leaf::Normal(i) => format!("n_{}", of(&scope.inputs, i)),
        Leaf::Coefficient(i) => of(&scope.coefficients, i),
        Leaf::Entry(entry, place) => entry_name(entry, scope) + if place > 0 { "(…)" } else { "" },
        Leaf::Slot(i) | Leaf::Hoisted(i) => format!("#{i}"),
    }
}

fn entry_name(entry: Entry, scope: &Scope) -> String {
    let output = &scope.outputs[entry.output];
    let output = if scope.transforms.contains_key(output) { NET } else { output };
    let by = match (entry.derivative, entry.derivative.inputs()) {
        (_, Some(by)) if by.is_empty() => return output.to_string(),
        (_, Some(by)) => by,
        (Derivative::LaplacianFirst(i), _) => return format!("d(laplacian of {output}, {})", scope.inputs[i]),
        (Derivative::Biharmonic, _) => return format!("biharmonic of {output}"),
        _ => return format!("laplacian of {output}"),
    };
    let names: Vec<&str> = by.into_iter().map(|i| scope.inputs[i].as_str()).collect();
    match output != NET && names.iter().all(|name| name.chars().count() == 1) {
        true => format!("{output}_{}", names.concat()),
        false => format!("d({output}, {})", names.join(", ")),
    }
}
