//! Walks over a graph: what a node depends on, and the same graph rebuilt with some nodes replaced.

use std::collections::HashMap;

use crate::expression::graph::{Graph, Id, Leaf, Node, parts};

impl Graph {
    /// Every node that the roots depend on, themselves included, parts before wholes.
    pub fn reachable(&self, roots: &[Id]) -> Vec<Id> {
        self.reachable_by(roots, parts)
    }

    /// The same along some parts of each node alone.
    pub fn reachable_by(&self, roots: &[Id], parts: impl Fn(&Node) -> Vec<Id>) -> Vec<Id> {
        let mut wanted = vec![false; roots.iter().map(|root| root.index() + 1).max().unwrap_or(0)];
        roots.iter().for_each(|root| wanted[root.index()] = true);
        for index in (0..wanted.len()).rev() {
            if wanted[index] {
                parts(&self.nodes[index]).into_iter().for_each(|part| wanted[part.index()] = true);
            }
        }
        (0..wanted.len()).filter(|index| wanted[*index]).map(|index| Id(index as u32)).collect()
    }

    /// What the roots read, in the order of first mention.
    pub fn leaves(&self, roots: &[Id]) -> Vec<Leaf> {
        let leaf = |id| match self.node(id) {
            Node::Leaf(leaf) => Some(*leaf),
            _ => None,
        };
        self.reachable(roots).into_iter().filter_map(leaf).collect()
    }

    /// The node rebuilt on other parts.
    pub fn rebuilt(&mut self, node: &Node, part: impl Fn(Id) -> Id) -> Id {
        match node {
            Node::Constant(number) => self.constant(number.0),
            Node::Leaf(leaf) => self.leaf(*leaf),
            Node::Placed(entry, arguments) => {
                let arguments: Vec<_> = arguments.iter().map(|argument| part(*argument)).collect();
                self.placed(*entry, &arguments)
            }
            Node::Sum(constant, terms) => self.sum(constant.0, terms.iter().map(|(id, weight)| (part(*id), weight.0))),
            Node::Product(factors) => self.product(factors.iter().map(|(id, exponent)| (part(*id), *exponent))),
            Node::Function(function, x) => self.function(*function, part(*x)),
            Node::Power(base, exponent) => self.power(part(*base), part(*exponent)),
            Node::Compare(relation, left, right) => self.compare(*relation, part(*left), part(*right)),
            Node::Select(condition, yes, no) => self.select(part(*condition), part(*yes), part(*no)),
            Node::Field(read, arguments) => {
                let arguments: Vec<_> = arguments.iter().map(|argument| part(*argument)).collect();
                self.field(read.clone(), &arguments)
            }
        }
    }

    /// Nodes of another graph in this one, where they may be already.
    pub fn taken(&mut self, other: &Graph, roots: &[Id]) -> Vec<Id> {
        let mut own = HashMap::new();
        for id in other.reachable(roots) {
            own.insert(id, self.rebuilt(other.node(id), |part| own[&part]));
        }
        roots.iter().map(|root| own[root]).collect()
    }

    /// A root rewritten from its leaves up: `rule` gives a node's substitute, or `None` to rebuild
    /// it on the substitutes of its parts, which it finds in the map.
    pub fn rewritten(&mut self, root: Id, mut rule: impl FnMut(&mut Graph, Id, &HashMap<Id, Id>) -> Option<Id>) -> Id {
        let mut substitutes = HashMap::new();
        for id in self.reachable(&[root]) {
            let substitute = rule(self, id, &substitutes).unwrap_or_else(|| {
                let node = self.node(id).clone();
                self.rebuilt(&node, |part| substitutes[&part])
            });
            substitutes.insert(id, substitute);
        }
        substitutes[&root]
    }
}
