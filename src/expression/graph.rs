//! Expressions as a graph in which equal parts exist once, kept in a normal form.
//!
//! Sums are flat, `c + Σ wᵢ nᵢ` with constant weights, and products are flat, `Π nᵢ^eᵢ` with whole
//! exponents and their constant moved into the weight of a sum. So differences, negations and
//! quotients need no nodes of their own, equal terms meet, and the terms of a sum that depend on
//! point data alone can be told from the others. Constants are folded, 0 absorbs, and `n/n` is 1
//! (also where n is 0).
//!
//! A node's parts stand before it, so every pass is a walk over numbers, without recursion.

use std::collections::{BTreeMap, HashMap};

use super::field::FieldRead;
use super::function::Function;
use crate::expression::interpreter;
use crate::jet::Entry;

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(super) u32);

impl Id {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A number that can be a key: equal where its bits are.
#[derive(Clone, Copy)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl std::hash::Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What an expression reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// An input of the network, in the user's units.
    Input(usize),
    /// A column of the point set's file.
    Column(usize),
    /// A component of the outward normal.
    Normal(usize),
    /// A trainable coefficient.
    Coefficient(usize),
    /// An entry of the jet, in the user's units, at one of the places that [`super::places`] has
    /// counted; 0, the point itself, until it has.
    Entry(Entry, usize),
    /// A standardised entry of the jet, by its place in [`super::Residual::slots`].
    Slot(usize),
    /// A column that is computed before training, by its place in [`super::Residual::hoist`].
    Hoisted(usize),
}

impl Leaf {
    /// Whether it is known before training, from the point alone.
    pub fn is_point_data(self) -> bool {
        matches!(self, Leaf::Input(_) | Leaf::Column(_) | Leaf::Normal(_))
    }
}

/// The comparisons that are left when > and >= are turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    Less,
    LessEqual,
}

/// An operation on nodes that stand before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    Constant(Number),
    Leaf(Leaf),
    /// an entry of the jet at another point, which has these inputs
    Placed(Entry, Box<[Id]>),
    /// constant + Σ weight · node; no node is a constant or a sum
    Sum(Number, Box<[(Id, Number)]>),
    /// Π node^exponent; no node is a constant
    Product(Box<[(Id, i32)]>),
    Function(Function, Id),
    /// base^exponent by the logarithm: NaN for a negative base
    Power(Id, Id),
    /// 1 where it holds, 0 elsewhere
    Compare(Relation, Id, Id),
    /// the second where the first is not 0, the third elsewhere
    Select(Id, Id, Id),
    /// a field from a file at these arguments, which are point data
    Field(FieldRead, Box<[Id]>),
}

/// An arena of nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    known: HashMap<Node, Id>,
    /// Whether a node depends on a leaf that is not point data.
    varies: Vec<bool>,
}

/// Largest whole exponent that is written as products; the accuracy of repeated squaring falls with
/// it.
const LARGEST_PRODUCT: f64 = 1024.0;

impl Graph {
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.index()]
    }

    /// Whether it depends on the network or on a coefficient.
    pub fn varies(&self, id: Id) -> bool {
        self.varies[id.index()]
    }

    /// Its value, where it is a constant.
    pub fn value(&self, id: Id) -> Option<f64> {
        match self.node(id) {
            Node::Constant(number) => Some(number.0),
            _ => None,
        }
    }

    /// The number in it that is infinite or NaN, as of `1/0`, `u/0` or `u + log(-1)`.
    pub fn without_value(&self, id: Id) -> Option<f64> {
        let numbers = match self.node(id) {
            Node::Constant(number) => vec![*number],
            Node::Sum(constant, terms) => terms.iter().map(|(_, weight)| *weight).chain([*constant]).collect(),
            _ => vec![],
        };
        numbers.into_iter().map(|number| number.0).find(|value| !value.is_finite())
    }

    pub(super) fn intern(&mut self, node: Node) -> Id {
        if let Some(id) = self.known.get(&node) {
            return *id;
        }
        let id = Id(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        let varies = match &node {
            Node::Leaf(leaf) => !leaf.is_point_data(),
            Node::Placed(..) => true,
            node => parts(node).into_iter().any(|part| self.varies(part)),
        };
        self.varies.push(varies);
        self.nodes.push(node.clone());
        self.known.insert(node, id);
        id
    }

    pub fn constant(&mut self, value: f64) -> Id {
        // One zero alone, so that equal constants are one node.
        self.intern(Node::Constant(Number(if value == 0.0 { 0.0 } else { value })))
    }

    pub fn leaf(&mut self, leaf: Leaf) -> Id {
        self.intern(Node::Leaf(leaf))
    }

    /// constant + Σ weight · node
    pub fn sum(&mut self, constant: f64, terms: impl IntoIterator<Item = (Id, f64)>) -> Id {
        let mut constant = constant;
        let mut weights = BTreeMap::<Id, f64>::new();
        for (id, weight) in terms.into_iter().filter(|(_, weight)| *weight != 0.0) {
            match self.node(id) {
                Node::Constant(number) => constant += weight * number.0,
                Node::Sum(inner, terms) => {
                    constant += weight * inner.0;
                    for (id, inner) in terms {
                        *weights.entry(*id).or_default() += weight * inner.0;
                    }
                }
                _ => *weights.entry(id).or_default() += weight,
            }
        }
        weights.retain(|_, weight| *weight != 0.0);
        match weights.iter().next() {
            None => self.constant(constant),
            Some((id, weight)) if constant == 0.0 && *weight == 1.0 && weights.len() == 1 => *id,
            _ => {
                let constant = Number(if constant == 0.0 { 0.0 } else { constant });
                self.intern(Node::Sum(constant, weights.into_iter().map(|(id, w)| (id, Number(w))).collect()))
            }
        }
    }

    /// weight · node
    pub fn scaled(&mut self, id: Id, weight: f64) -> Id {
        self.sum(0.0, [(id, weight)])
    }

    /// Π node^exponent
    pub fn product(&mut self, factors: impl IntoIterator<Item = (Id, i32)>) -> Id {
        let mut weight = 1.0;
        let mut exponents = BTreeMap::<Id, i32>::new();
        // Exponents end at ±2^30: a power that high is 0, 1 or infinite.
        let mut multiply = |id: Id, exponent: i64| {
            let sum = exponents.entry(id).or_default();
            *sum = (i64::from(*sum) + exponent).clamp(-(1 << 30), 1 << 30) as i32;
        };
        for (id, exponent) in factors.into_iter().filter(|(_, exponent)| *exponent != 0) {
            let (id, scale) = self.unscaled(id);
            weight *= scale.powi(exponent);
            match &self.nodes[id.index()] {
                Node::Constant(number) => weight *= number.0.powi(exponent),
                Node::Product(factors) => {
                    factors.iter().for_each(|(id, inner)| multiply(*id, i64::from(*inner) * i64::from(exponent)));
                }
                _ => multiply(id, i64::from(exponent)),
            }
        }
        exponents.retain(|_, exponent| *exponent != 0);
        let product = match exponents.iter().next() {
            _ if weight == 0.0 => return self.constant(0.0),
            None => return self.constant(weight),
            Some((id, 1)) if exponents.len() == 1 => *id,
            _ => self.intern(Node::Product(exponents.into_iter().collect())),
        };
        self.scaled(product, weight)
    }

    /// The node of which this is a multiple, and what multiple.
    pub fn unscaled(&self, id: Id) -> (Id, f64) {
        match self.node(id) {
            Node::Sum(Number(0.0), terms) if terms.len() == 1 => (terms[0].0, terms[0].1.0),
            _ => (id, 1.0),
        }
    }

    pub fn function(&mut self, function: Function, x: Id) -> Id {
        match self.value(x) {
            Some(x) => {
                let mut value = [0.0];
                interpreter::function(function, &mut value, &[x]);
                self.constant(value[0])
            }
            None if function == Function::Sqrt => self.root_of_squares(x),
            None => self.intern(Node::Function(function, x)),
        }
    }

    /// √x; of squares the sizes of what is squared, whose kink is then known.
    fn root_of_squares(&mut self, x: Id) -> Id {
        let (own, weight) = self.unscaled(x);
        let factors = match self.node(own) {
            Node::Product(factors) if weight > 0.0 && factors.iter().all(|(_, exponent)| exponent % 2 == 0) => {
                factors.clone()
            }
            _ => return self.intern(Node::Function(Function::Sqrt, x)),
        };
        let half = |graph: &mut Self, (id, exponent): &(Id, i32)| match exponent % 4 {
            0 => (*id, exponent / 2),
            _ => (graph.function(Function::Abs, *id), exponent / 2),
        };
        let factors: Vec<_> = factors.iter().map(|factor| half(self, factor)).collect();
        let root = self.product(factors);
        self.scaled(root, weight.sqrt())
    }

    /// base^exponent: by products where the exponent is whole, by a square root where it is half of
    /// a whole number, otherwise by the logarithm.
    pub fn power(&mut self, base: Id, exponent: Id) -> Id {
        match (self.value(base), self.value(exponent)) {
            (Some(base), Some(exponent)) => self.constant(base.powf(exponent)),
            (None, Some(n)) if n.fract() == 0.0 && n.abs() <= LARGEST_PRODUCT => self.product([(base, n as i32)]),
            (None, Some(n)) if (2.0 * n).fract() == 0.0 && n.abs() <= LARGEST_PRODUCT => {
                let root = self.function(Function::Sqrt, base);
                // The root's own powers, so that a negative base stays NaN.
                self.product([(root, (2.0 * n) as i32)])
            }
            (Some(base), None) if base < 0.0 => self.constant(f64::NAN),
            (Some(base), None) if base > 0.0 => {
                let exponent = self.scaled(exponent, base.ln());
                self.function(Function::Exp, exponent)
            }
            _ => self.intern(Node::Power(base, exponent)),
        }
    }
}

/// The nodes that a node depends on directly.
pub fn parts(node: &Node) -> Vec<Id> {
    match node {
        Node::Constant(_) | Node::Leaf(_) => vec![],
        Node::Placed(_, arguments) => arguments.to_vec(),
        Node::Sum(_, terms) => terms.iter().map(|(id, _)| *id).collect(),
        Node::Product(factors) => factors.iter().map(|(id, _)| *id).collect(),
        Node::Function(_, x) => vec![*x],
        Node::Power(a, b) | Node::Compare(_, a, b) => vec![*a, *b],
        Node::Select(condition, yes, no) => vec![*condition, *yes, *no],
        Node::Field(_, arguments) => arguments.to_vec(),
    }
}
