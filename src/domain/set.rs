//! Sets of shapes: unions, differences and intersections.

use super::bounds::Bounds;
use crate::error::{Error, Result, suggest};
use crate::expression::is_name;

/// A set of points, made of shapes by their indices.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Set {
    /// The points of a shape.
    Shape(usize),
    /// All others.
    Not(Box<Set>),
    /// Those that lie in all of some sets.
    All(Vec<Set>),
    /// Those that lie in any.
    Any(Vec<Set>),
}

const FORM: &str =
    "write shapes with + for a union, - for a difference and & for an intersection, as in \"box - hole\"";
/// How deep parentheses may nest.
const MOST_DEPTH: usize = 100;

impl Set {
    /// Reads a set expression over shapes of these names: `&` binds tighter than `+`, `|` and `-`.
    ///
    /// # Errors
    /// What is no set expression, and a name that no shape has.
    pub fn parse(place: &str, text: &str, names: &[&str]) -> Result<Set> {
        let mut parser = Parser { place, text, rest: text, names };
        let set = parser.sum(0)?;
        match parser.peek() {
            None => Ok(set),
            Some(_) => Err(parser.unexpected()),
        }
    }

    /// What is above 0 inside and below 0 outside, from the levels of the shapes.
    pub fn level(&self, of_shape: &impl Fn(usize) -> f64) -> f64 {
        match self {
            Set::Shape(shape) => of_shape(*shape),
            Set::Not(set) => -set.level(of_shape),
            Set::All(sets) => sets.iter().map(|set| set.level(of_shape)).fold(f64::INFINITY, f64::min),
            Set::Any(sets) => sets.iter().map(|set| set.level(of_shape)).fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// The shapes that it names, each once, in order.
    pub fn shapes(&self) -> Vec<usize> {
        let mut shapes = vec![];
        self.visit(true, &mut |shape, _| {
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        });
        shapes
    }

    /// Whether a shape is taken away, not added; `None` where it is both or neither.
    pub fn takes_away(&self, shape: usize) -> Option<bool> {
        let mut found = [false; 2];
        self.visit(true, &mut |own, adds| found[usize::from(adds)] |= own == shape);
        match found {
            [true, false] => Some(true),
            [false, true] => Some(false),
            _ => None,
        }
    }

    fn visit(&self, adds: bool, seen: &mut impl FnMut(usize, bool)) {
        match self {
            Set::Shape(shape) => seen(*shape, adds),
            Set::Not(set) => set.visit(!adds, seen),
            Set::All(sets) | Set::Any(sets) => sets.iter().for_each(|set| set.visit(adds, seen)),
        }
    }

    /// An interval of an input that holds all of it, from those of the shapes; nothing holds what is not in a set.
    pub fn bounds(&self, of_shape: &impl Fn(usize) -> Bounds) -> Bounds {
        match self {
            Set::Shape(shape) => of_shape(*shape),
            Set::Not(_) => Bounds::EVERYTHING,
            Set::All(sets) => sets.iter().map(|set| set.bounds(of_shape)).fold(Bounds::EVERYTHING, Bounds::both),
            Set::Any(sets) => sets.iter().map(|set| set.bounds(of_shape)).fold(Bounds::NOTHING, Bounds::either),
        }
    }
}

struct Parser<'a> {
    place: &'a str,
    text: &'a str,
    rest: &'a str,
    names: &'a [&'a str],
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn next_is(&mut self, symbols: &[char]) -> Option<char> {
        let symbol = self.peek().filter(|symbol| symbols.contains(symbol))?;
        self.rest = &self.rest[symbol.len_utf8()..];
        Some(symbol)
    }

    fn sum(&mut self, depth: usize) -> Result<Set> {
        let mut set = self.product(depth)?;
        while let Some(symbol) = self.next_is(&['+', '|', '-']) {
            let right = self.product(depth)?;
            set = match (symbol, set) {
                ('-', Set::All(mut sets)) => {
                    sets.push(Set::Not(Box::new(right)));
                    Set::All(sets)
                }
                ('-', left) => Set::All(vec![left, Set::Not(Box::new(right))]),
                (_, Set::Any(mut sets)) => {
                    sets.push(right);
                    Set::Any(sets)
                }
                (_, left) => Set::Any(vec![left, right]),
            };
        }
        Ok(set)
    }

    fn product(&mut self, depth: usize) -> Result<Set> {
        let mut sets = vec![self.operand(depth)?];
        while self.next_is(&['&']).is_some() {
            sets.push(self.operand(depth)?);
        }
        Ok(if sets.len() == 1 { sets.remove(0) } else { Set::All(sets) })
    }

    fn operand(&mut self, depth: usize) -> Result<Set> {
        if self.next_is(&['(']).is_some() {
            if depth == MOST_DEPTH {
                return Err(Error::input(self.place, "too many parentheses", "name fewer shapes"));
            }
            let set = self.sum(depth + 1)?;
            return match self.next_is(&[')']) {
                Some(_) => Ok(set),
                None => Err(self.unexpected()),
            };
        }
        self.peek();
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if !is_name(name) {
            return Err(self.unexpected());
        }
        self.rest = rest;
        let shape = self.names.iter().position(|known| *known == name);
        let shape = shape.ok_or_else(|| {
            Error::input(self.place, format!("unknown shape {name:?} in {:?}", self.text), suggest(name, self.names))
        })?;
        Ok(Set::Shape(shape))
    }

    fn unexpected(&mut self) -> Error {
        let found = self.peek().map_or("its end".to_string(), |c| format!("{c:?}"));
        Error::input(self.place, format!("{:?} is not a set of shapes: {found} is misplaced", self.text), FORM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["box", "hole", "lens"];

    /// Which of the eight cases of being in each shape are in the set.
    fn cases(text: &str) -> u8 {
        let set = Set::parse("region", text, &NAMES).unwrap();
        let case = |case: u8| set.level(&|shape| if case >> shape & 1 == 1 { 1.0 } else { -1.0 }) > 0.0;
        (0..8).filter(|k| case(*k)).map(|k| 1 << k).sum()
    }

    #[test]
    fn sets_mean_what_they_say() {
        let (a, b, c) = (cases("box"), cases("hole"), cases("lens"));
        assert_eq!(cases("box - hole"), a & !b);
        assert_eq!(cases("box - hole - lens"), a & !b & !c);
        assert_eq!(cases("box - (hole - lens)"), a & !(b & !c));
        assert_eq!(cases("hole + lens & box"), b | (c & a));
        assert_eq!(cases("box - hole + lens"), (a & !b) | c);
        assert_eq!(cases("(hole|lens)&box"), (b | c) & a);
        let set = Set::parse("region", "box - (hole - lens)", &NAMES).unwrap();
        assert_eq!([0, 1, 2].map(|shape| set.takes_away(shape)), [Some(false), Some(true), Some(false)]);
        assert_eq!(Set::parse("region", "box - hole + hole", &NAMES).unwrap().takes_away(1), None);
    }

    #[test]
    fn what_is_no_set_is_named() {
        for (text, part) in [
            ("box -", "its end"),
            ("box hole", "'h'"),
            ("(box", "its end"),
            ("box - hol", "did you mean \"hole\""),
            ("", "its end"),
            ("box * hole", "'*'"),
        ] {
            let message = Set::parse("region", text, &NAMES).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let deep = "(".repeat(101);
        assert!(Set::parse("region", &deep, &NAMES).unwrap_err().to_string().contains("parentheses"));
    }
}
