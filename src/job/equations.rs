//! What a job says in expressions: equations on sets of points, and the truth.

use std::path::PathBuf;

use super::Job;
use crate::domain::{Distances, Region};
use crate::error::{Error, Result};
use crate::expression::{self, Expression, PointFunctions, Scope};
use crate::jet::Entry;
use crate::network::{NetworkSpec, Outputs, Transforms};
use crate::points::PointsSpec;

/// `[[term]]`: an equation that should hold at some points.
#[derive(Clone, Debug, PartialEq)]
pub struct EquationTerm {
    /// Its name in reports.
    pub name: String,
    /// Its text: an equation, or an expression that should be 0.
    pub residual: String,
    /// Its weight in the loss, at least 0.
    pub weight: f64,
    /// Whether derivatives may cross jumps, ignoring the impulses there.
    pub allow_rough: bool,
    /// Where it should hold.
    pub points: TermPoints,
}

/// Where an equation should hold.
#[derive(Clone, Debug, PartialEq)]
pub enum TermPoints {
    /// At points sampled from the box of the variables.
    Sampled(PointsSpec),
    /// At the rows of a CSV file (absolute path) with a column for each input.
    File(PathBuf),
}

/// `[truth]`: what is known, for errors and plots.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// How it is known.
    pub source: TruthSource,
}

/// How the truth is known.
#[derive(Clone, Debug, PartialEq)]
pub enum TruthSource {
    /// At the rows of a table.
    File {
        /// A CSV file (absolute path) with the input columns.
        file: PathBuf,
        /// Entries and their columns in it, ordered as [`Entry::all`] orders them.
        columns: Vec<(Entry, String)>,
    },
    /// Everywhere: entries and their expressions in [`Job::truth_scope`], ordered likewise.
    Expressions(Vec<(Entry, String)>),
}

/// A term's residual, ready for the loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Equation {
    /// What should be 0.
    pub residual: Expression,
    /// The columns of the term's file that it and the other terms on it read, in the order in which it counts them.
    pub columns: Vec<String>,
}

impl EquationTerm {
    /// How messages name one of its keys: `term "Burgers": residual`.
    pub fn place(&self, key: &str) -> String {
        format!("term {:?}: {key}", self.name)
    }
}

impl Truth {
    /// The entries that are given, with their columns or expressions.
    pub fn entries(&self) -> &[(Entry, String)] {
        match &self.source {
            TruthSource::File { columns: entries, .. } | TruthSource::Expressions(entries) => entries,
        }
    }
}

impl Job {
    /// The names that residuals may use: everything of the job, the columns of a point set's file,
    /// and the components of the normal on a boundary.
    pub fn scope(&self, columns: Vec<String>, normals: bool) -> Scope {
        let spec = self.network_spec();
        Scope {
            columns,
            coefficients: self.coefficients.iter().map(|(name, _)| name.clone()).collect(),
            definitions: self.definitions.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            transforms: self.transforms.clone(),
            net: None,
            normals,
            activations: spec.activations(self.outputs.len()),
            features: spec.wirings(self.inputs.len()).into_iter().zip(self.features()).collect(),
            fed: spec.fed_outputs(),
            allow_rough: false,
            fields: self.fields.clone(),
            distances: self.distances(),
        }
    }

    /// The part of the domain that sampled points lie in.
    ///
    /// # Errors
    /// Those of [`PointsSpec::validate`].
    ///
    /// # Panics
    /// In a job without variables, which has no sampled points.
    pub fn region(&self, spec: &PointsSpec, place: &str) -> Result<Region> {
        spec.validate(place, self.domain.as_ref().expect("sampled points have variables"))
    }

    /// What `distance(NAME)` stands for; a network that training goes on with brings its own.
    pub(super) fn distances(&self) -> Distances {
        let own = self.domain.as_ref().map(|domain| domain.distances().clone()).unwrap_or_default();
        let known = Scope { distances: own, ..Scope::default() };
        let starts = self.networks.iter().filter_map(|network| network.start.as_ref());
        starts.fold(known, |known, start| known.with_definitions(&start.whole.transforms.definitions)).distances
    }

    /// The outputs, with everything that decides which derivatives they have.
    pub(super) fn derivatives<'a>(
        &'a self,
        spec: &'a NetworkSpec,
        features: &'a [Option<PointFunctions>],
        transforms: &'a Transforms,
    ) -> Outputs<'a> {
        let features = features.iter().map(Option::as_ref).collect();
        Outputs { inputs: &self.inputs, outputs: &self.outputs, spec, features, transforms }
    }

    /// The names that expressions of the truth may use: the inputs, and definitions of them alone. The
    /// truth is compared point by point, where a derivative that knows of no jump is right.
    pub fn truth_scope(&self) -> Scope {
        Scope { allow_rough: true, ..self.scope(vec![], false).of_features() }
    }

    /// The names that what is predicted and judged may use: all but columns and normals.
    pub fn prediction_scope(&self) -> Scope {
        Scope { allow_rough: self.predictions.allow_rough, ..self.scope(vec![], false) }
    }

    /// Reads a term's residual. Of its file it reads the header alone. `place` gives the place of a
    /// key of the term, as [`EquationTerm::place`] does.
    ///
    /// # Errors
    /// [`Error::Input`] for points that are none, and for every mistake in the residual: unknown
    /// names, derivatives that the network has not, a name with two meanings, nothing to train.
    pub fn equation(&self, term: &EquationTerm, place: impl Fn(&str) -> String) -> Result<Equation> {
        let columns = self.columns(term, &place)?;
        let normals = match &term.points {
            TermPoints::File(_) => false,
            TermPoints::Sampled(spec) => self.region(spec, &place("points"))?.has_normals(),
        };
        let scope = |columns| Scope { allow_rough: term.allow_rough, ..self.scope(columns, normals) };
        let read = |columns| Expression::residual(place("residual"), &term.residual, &scope(columns));
        let residual = read(columns.clone())?;
        if residual.entries().is_empty() && residual.coefficients().is_empty() {
            let problem = "this contains no output and no coefficient, so training cannot change it";
            let help = format!("write an equation for {}", self.outputs.join(", "));
            return Err(Error::input(place("residual"), problem, help));
        }
        // Again, with the columns alone that it and the others on these points read: what is left need not be numbers.
        let mut are_read = residual.columns();
        for other in self.terms.iter().filter(|other| !columns.is_empty() && other.points == term.points) {
            let scope = Scope { allow_rough: other.allow_rough, ..scope(columns.clone()) };
            let other = Expression::residual("", &other.residual, &scope);
            are_read.extend(other.map_or(vec![], |other| other.columns()));
        }
        let wanted = columns.iter().enumerate().filter(|(column, _)| are_read.contains(column));
        let columns: Vec<String> = wanted.map(|(_, name)| name.clone()).collect();
        Ok(Equation { residual: read(columns.clone())?, columns })
    }

    /// The columns of a term's file, if it has one, that have no other meaning.
    pub(super) fn columns(&self, term: &EquationTerm, place: impl Fn(&str) -> String) -> Result<Vec<String>> {
        let TermPoints::File(file) = &term.points else { return Ok(vec![]) };
        let mut reader = self.table(file)?;
        reader.select(&self.input_columns(&reader))?;
        let scope = self.scope(vec![], false);
        let (taken, free): (Vec<_>, Vec<_>) = reader.names().iter().cloned().partition(|name| scope.has(name));
        let mentioned = expression::names(&term.residual);
        match taken.iter().find(|name| mentioned.contains(name) && !self.inputs.contains(name)) {
            None => Ok(free),
            Some(name) => {
                let problem = format!("{name:?} is both a name in the job and a column of {}", file.display());
                Err(Error::input(place("residual"), problem, "rename the column in the file"))
            }
        }
    }
}
