//! The names that an expression may use, and what they stand for.

use std::collections::BTreeMap;

use super::PointFunctions;
use super::field::Fields;
use super::graph::Leaf;
use super::token::is_name;
use crate::error::nearest;
use crate::jet::{Activation, Derivative, Entry, Source, Wiring};

/// The names that an expression may use. The caller checks that no name has two meanings; otherwise the first in the
/// order below wins.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Columns of the point set's file. Those that are no names stand between backticks.
    pub columns: Vec<String>,
    /// Trainable coefficients.
    pub coefficients: Vec<String>,
    /// Expressions by name.
    pub definitions: BTreeMap<String, String>,
    /// The network's inputs.
    pub inputs: Vec<String>,
    /// The network's outputs.
    pub outputs: Vec<String>,
    /// Outputs that are an expression of `net`, the network's own value, by name.
    pub transforms: BTreeMap<String, String>,
    /// The output whose network `net` is, where a transform is read.
    pub net: Option<usize>,
    /// Whether the points lie on a boundary, so that `n_x` is there for each input x.
    pub normals: bool,
    /// The activation of each output's network, which may have no second derivative (M); empty where that does not matter.
    pub activations: Vec<Activation>,
    /// What each network reads and gives, and its features, which may jump; empty where that does not matter.
    pub features: Vec<(Wiring, Option<PointFunctions>)>,
    /// Outputs whose network reads other outputs, so that their derivatives need those of a higher order; and what it
    /// reads.
    pub fed: Vec<(usize, Vec<Source>)>,
    /// Whether derivatives across jumps are allowed, ignoring the impulses.
    pub allow_rough: bool,
    /// What `interp` may read.
    pub fields: Fields,
    /// Expressions of the inputs that are 0 on a boundary, by its name; or why there is none.
    pub distances: BTreeMap<String, Result<String, String>>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning<'a> {
    Leaf(Leaf),
    Constant(f64),
    /// The name and the text of a definition.
    Definition(&'a str, &'a str),
    /// An output with the text of its transform.
    Transform(usize, &'a str),
    /// Subscripts: the derivative of an output or a definition by these inputs.
    Derivative(Box<Meaning<'a>>, Vec<usize>),
}

impl Meaning<'_> {
    /// Whether it is a function of the inputs, which has derivatives and values at other points.
    pub fn is_function(&self) -> bool {
        match self {
            Meaning::Leaf(leaf) => matches!(leaf, Leaf::Entry(..)),
            Meaning::Definition(..) | Meaning::Transform(..) | Meaning::Derivative(..) => true,
            Meaning::Constant(_) => false,
        }
    }
}

/// The constants that are known where no name of the user's is the same.
pub const CONSTANTS: [(&str, f64); 2] = [("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

/// The network's own value of an output, where its transform is read.
pub const NET: &str = "net";

/// The function of a boundary's name that [`Scope::distances`] has.
pub const DISTANCE: &str = "distance";

impl Scope {
    /// The meaning of a name: exactly, else as an output or definition with subscripts.
    pub fn meaning(&self, name: &str) -> Option<Meaning<'_>> {
        self.exact(name).or_else(|| self.subscripts(name))
    }

    /// Whether other names give this one a meaning: `u_x` and `n_x`.
    pub fn implies(&self, name: &str) -> bool {
        self.normal(name).is_some() || self.subscripts(name).is_some()
    }

    fn subscripts(&self, name: &str) -> Option<Meaning<'_>> {
        let (base, subscripts) = name.rsplit_once('_')?;
        let base = self.exact(base).filter(Meaning::is_function)?;
        let one_letter = |c: char| self.inputs.iter().position(|input| *input == c.to_string());
        let inputs: Vec<_> = subscripts.chars().map(one_letter).collect::<Option<_>>()?;
        (!inputs.is_empty()).then(|| Meaning::Derivative(Box::new(base), inputs))
    }

    fn normal(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|input| self.normals && name.strip_prefix("n_") == Some(input))
    }

    /// Whether a network does not have an entry because a feature jumps, its own or one of a network that feeds it.
    pub fn loses(&self, entry: Entry) -> bool {
        let Some((wiring, own)) = self.features.iter().find(|(wiring, _)| wiring.gives.contains(&entry.output)) else {
            return false;
        };
        let derivative = wiring.own_derivative(entry.derivative);
        let is_lost = derivative.zip(own.as_ref()).is_some_and(|(derivative, own)| own.loses(derivative, &[]));
        is_lost || wiring.fed().any(|(_, output)| self.loses(Entry { output, ..entry }))
    }

    /// Whether a name has a meaning.
    pub fn has(&self, name: &str) -> bool {
        self.meaning(name).is_some()
    }

    fn exact(&self, name: &str) -> Option<Meaning<'_>> {
        let place = |names: &[String]| names.iter().position(|known| known == name);
        None.or_else(|| place(&self.columns).map(|i| Meaning::Leaf(Leaf::Column(i))))
            .or_else(|| place(&self.coefficients).map(|i| Meaning::Leaf(Leaf::Coefficient(i))))
            .or_else(|| self.definitions.get_key_value(name).map(|(name, text)| Meaning::Definition(name, text)))
            .or_else(|| place(&self.inputs).map(|i| Meaning::Leaf(Leaf::Input(i))))
            .or_else(|| place(&self.outputs).map(|i| self.output(i)))
            .or_else(|| self.net.filter(|_| name == NET).map(|i| Meaning::Leaf(Leaf::Entry(Entry::value(i), 0))))
            .or_else(|| self.normal(name).map(|i| Meaning::Leaf(Leaf::Normal(i))))
            .or_else(|| CONSTANTS.into_iter().find(|known| known.0 == name).map(|known| Meaning::Constant(known.1)))
    }

    /// An output: the network's own, or its transform.
    pub fn output(&self, output: usize) -> Meaning<'_> {
        match self.transforms.get(&self.outputs[output]) {
            Some(text) => Meaning::Transform(output, text),
            None => Meaning::Leaf(Leaf::Entry(Entry::value(output), 0)),
        }
    }

    /// The names that the transform of an output may use: inputs, coefficients, definitions of them, and
    /// the network's own value of this output.
    pub fn of_transform(&self, output: usize) -> Scope {
        Scope {
            coefficients: self.coefficients.clone(),
            definitions: self.definitions.clone(),
            inputs: self.inputs.clone(),
            net: Some(output),
            allow_rough: self.allow_rough,
            fields: self.fields.clone(),
            distances: self.distances.clone(),
            ..Scope::default()
        }
    }

    /// The names that functions of the inputs alone may use.
    pub fn of_features(&self) -> Scope {
        Scope {
            definitions: self.definitions.clone(),
            inputs: self.inputs.clone(),
            allow_rough: self.allow_rough,
            fields: self.fields.clone(),
            distances: self.distances.clone(),
            ..Scope::default()
        }
    }

    /// The definitions, and beside them as `distance(NAME)` the distances that they and `texts` read: what a file holds that
    /// knows of no domain.
    pub fn definitions_with_distances<'a>(
        &'a self,
        texts: impl IntoIterator<Item = &'a String>,
    ) -> BTreeMap<String, String> {
        let read = texts.into_iter().chain(self.definitions.values()).flat_map(|text| super::distances(text));
        let known = read.filter_map(|name| {
            let text = self.distances.get(&name)?.as_ref().ok()?;
            Some((format!("{DISTANCE}({name})"), text.clone()))
        });
        self.definitions.clone().into_iter().chain(known).collect()
    }

    /// The same with definitions that hold distances.
    pub fn with_definitions(mut self, definitions: &BTreeMap<String, String>) -> Scope {
        for (name, text) in definitions {
            let boundary = name.strip_prefix(DISTANCE).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
            if let Some(boundary) = boundary {
                self.distances.insert(boundary.to_string(), Ok(text.clone()));
            } else {
                self.definitions.insert(name.clone(), text.clone());
            }
        }
        self
    }

    /// How to fix a name that has no meaning.
    pub fn advice(&self, name: &str) -> String {
        if let Some(entry) = Entry::named(name, &self.inputs, &self.outputs) {
            let by = entry.derivative.inputs().unwrap_or_default();
            let by: String = by.into_iter().map(|i| format!(", {}", self.inputs[i])).collect();
            return format!("write this derivative as d({}{by})", self.outputs[entry.output]);
        }
        if let Some((base, input)) = self.long_subscript(name) {
            return format!("subscripts are single-letter inputs; write d({base}, {input})");
        }
        if let Some(advice) = self.unknown_subscript(name) {
            return advice;
        }
        let plain = self.plain();
        let subscripted = self.subscripted(name);
        match nearest(name, plain.iter().chain(&subscripted).map(String::as_str)) {
            Some(candidate) => format!("did you mean {candidate:?}? Known: {}", plain.join(", ")),
            None => format!("use one of: {}; write derivatives as u_x, u_xy or d(u, x)", plain.join(", ")),
        }
    }

    /// `u_theta` where theta is an input.
    fn long_subscript<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let split = |(at, _): (usize, &str)| Some((&name[..at], &name[at + 1..]));
        let known = |(base, input): &(&str, &str)| {
            self.outputs.iter().any(|output| output == base) && self.inputs.iter().any(|known| known == input)
        };
        name.match_indices('_').filter_map(split).find(known)
    }

    /// `u_y` or `u_xy` where u is an output and y no input.
    fn unknown_subscript(&self, name: &str) -> Option<String> {
        let (base, subscripts) = name.rsplit_once('_')?;
        let is_input = |c: &char| self.inputs.iter().any(|input| *input == c.to_string());
        let unknown = subscripts.chars().find(|c| !is_input(c))?;
        let count = subscripts.chars().count();
        // A longer one is rather another name, unless some of it are inputs.
        let is_meant = count <= 2 || count <= Derivative::MOST && subscripts.chars().any(|c| is_input(&c));
        let known = is_meant && self.outputs.iter().any(|output| output == base);
        let letters: Vec<_> = self.inputs.iter().filter(|input| input.chars().count() == 1).cloned().collect();
        (known && !letters.is_empty())
            .then(|| format!("{:?} is not an input; use subscripts from: {}", unknown.to_string(), letters.join(", ")))
    }

    /// Every name that stands alone.
    fn plain(&self) -> Vec<String> {
        let normals = self.inputs.iter().filter(|_| self.normals).map(|input| format!("n_{input}"));
        let own = self.inputs.iter().chain(&self.outputs).chain(&self.coefficients).chain(self.definitions.keys());
        let constants = CONSTANTS.into_iter().map(|(name, _)| name.to_string());
        let constants = constants.chain(self.net.map(|_| NET.to_string()));
        let columns = self.columns.iter().map(|name| if is_name(name) { name.clone() } else { format!("`{name}`") });
        own.cloned().chain(columns).chain(normals).chain(constants).collect()
    }

    /// Derivatives of the outputs: the first and second ones as far as subscripts reach, and those with the subscripts
    /// of `name`, whose base may be what is wrong.
    fn subscripted(&self, name: &str) -> Vec<String> {
        let letters: Vec<_> = self.inputs.iter().filter(|input| input.chars().count() == 1).collect();
        let own = name.rsplit_once('_').map(|(_, subscripts)| subscripts);
        let is_subscripts = |own: &&str| {
            let is_letter = |c: char| letters.iter().any(|letter| **letter == c.to_string());
            (3..=Derivative::MOST).contains(&own.chars().count()) && own.chars().all(is_letter)
        };
        let own = own.filter(is_subscripts);
        let mut names = vec![];
        for output in &self.outputs {
            for (i, first) in letters.iter().enumerate() {
                names.push(format!("{output}_{first}"));
                names.extend(letters[i..].iter().map(|second| format!("{output}_{first}{second}")));
            }
            names.extend(own.map(|own| format!("{output}_{own}")));
        }
        names.extend(own.iter().flat_map(|own| self.definitions.keys().map(move |name| format!("{name}_{own}"))));
        names
    }
}
