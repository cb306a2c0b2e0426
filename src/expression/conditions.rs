//! Conditions: numbers that are 1 where they hold and 0 elsewhere, and what they choose.

use std::collections::HashMap;

use super::graph::{Graph, Id, Node, Relation};
use super::read::Reader;
use super::syntax::Comparison;

impl Reader<'_> {
    pub(super) fn compare(&mut self, comparison: Comparison, left: Id, right: Id) -> Id {
        match comparison {
            Comparison::Less => self.graph.compare(Relation::Less, left, right),
            Comparison::LessEqual => self.graph.compare(Relation::LessEqual, left, right),
            Comparison::Greater => self.graph.compare(Relation::Less, right, left),
            Comparison::GreaterEqual => self.graph.compare(Relation::LessEqual, right, left),
            Comparison::Equal => {
                let [below, above] =
                    [(left, right), (right, left)].map(|(a, b)| self.graph.compare(Relation::LessEqual, a, b));
                self.graph.and(below, above)
            }
            Comparison::NotEqual => {
                let equal = self.compare(Comparison::Equal, left, right);
                self.graph.not(equal)
            }
        }
    }
}

impl Graph {
    /// 1 where the relation holds, 0 elsewhere.
    pub fn compare(&mut self, relation: Relation, left: Id, right: Id) -> Id {
        let holds = match (self.value(left), self.value(right)) {
            (Some(left), Some(right)) => Some(match relation {
                Relation::Less => left < right,
                Relation::LessEqual => left <= right,
            }),
            _ if left == right => Some(relation == Relation::LessEqual),
            _ => None,
        };
        match holds {
            Some(holds) => self.constant(f64::from(u8::from(holds))),
            None => self.intern(Node::Compare(relation, left, right)),
        }
    }

    /// `yes` where `condition` is not 0, `no` elsewhere.
    pub fn select(&mut self, condition: Id, yes: Id, no: Id) -> Id {
        match (self.value(condition), self.value(yes), self.value(no)) {
            _ if yes == no => yes,
            (Some(0.0), ..) => no,
            (Some(_), ..) => yes,
            // A comparison is 1 or 0 itself.
            (None, Some(1.0), Some(0.0)) if matches!(self.node(condition), Node::Compare(..)) => condition,
            _ if matches!(self.node(condition), Node::Select(..)) => self.select_by_choice(condition, yes, no),
            _ => self.intern(Node::Select(condition, yes, no)),
        }
    }

    /// The same where the condition is a choice itself: each of its ends chooses, so that every condition of the result
    /// is a comparison, of which it is known where it turns.
    fn select_by_choice(&mut self, condition: Id, yes: Id, no: Id) -> Id {
        let branches = |node: &Node| if let Node::Select(_, a, b) = node { vec![*a, *b] } else { vec![] };
        let mut chosen = HashMap::new();
        for id in self.reachable_by(&[condition], branches) {
            let choice = match *self.node(id) {
                Node::Select(own, a, b) => self.select(own, chosen[&a], chosen[&b]),
                _ => self.select(id, yes, no),
            };
            chosen.insert(id, choice);
        }
        chosen[&condition]
    }

    /// 1 where both conditions hold, 0 elsewhere.
    pub fn and(&mut self, a: Id, b: Id) -> Id {
        let zero = self.constant(0.0);
        self.select(a, b, zero)
    }

    /// 1 where one of the conditions holds, 0 elsewhere.
    pub fn or(&mut self, a: Id, b: Id) -> Id {
        let one = self.constant(1.0);
        self.select(a, one, b)
    }

    /// 1 where a condition does not hold, 0 elsewhere.
    pub fn not(&mut self, condition: Id) -> Id {
        let [zero, one] = [0.0, 1.0].map(|value| self.constant(value));
        self.select(condition, zero, one)
    }

    /// 1, 0 or −1
    pub fn sign(&mut self, x: Id) -> Id {
        let zero = self.constant(0.0);
        let positive = self.compare(Relation::Less, zero, x);
        let negative = self.compare(Relation::Less, x, zero);
        self.sum(0.0, [(positive, 1.0), (negative, -1.0)])
    }
}
