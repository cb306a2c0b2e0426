//! The sections of a job that speak in expressions: variables, coefficients, definitions, terms, truth.

use std::collections::BTreeMap;

use super::item::Item;
use super::lists::entries;
use super::read::Reader;
use super::read_domain::texts;
use super::residuals::{Residual, residuals};
use super::section::Section;
use super::*;
use crate::error::{Error, Result};
use crate::expression::{Expression, PointFunctions, Scope};
use crate::jet::{CoefficientRange, JetLayout};
use crate::network::definitions::{self, Definitions};
use crate::points::{CausalSpec, PointsSpec, Refine, Sampler};

/// The start of each coefficient, and the ranges of those that have one.
type Coefficients = (Vec<(String, f64)>, BTreeMap<String, CoefficientRange>);

impl Reader<'_> {
    /// The box, in the order of the data's inputs or else of the file.
    pub fn variables(&self, data: Option<&Data>) -> Result<Vec<Variable>> {
        let section = self.document.entries("variables");
        let mut variables = vec![];
        for (name, item) in &section {
            if let Some(data) = data.filter(|data| !data.inputs.contains(name)) {
                return Err(item.unknown_entry(name, &data.inputs));
            }
            let list = item.list()?;
            let (low, high, scale) = match &list[..] {
                [low, high] => (low, high, None),
                [low, high, scale] => (low, high, Some(scale)),
                _ => return Err(item.error("an interval needs two numbers", "write it as [low, high]")),
            };
            let is_logarithmic = scale.map(|scale| scale.one_of(&[("log", true), ("linear", false)])).transpose()?;
            let variable = Variable::new(name, low.number()?, high.number()?);
            let variable = match is_logarithmic {
                Some(true) => variable.and_then(Variable::over_decades),
                _ => variable,
            };
            variables.push(variable.map_err(|error| match error {
                Error::Input(error) => item.error(error.problem, error.help),
                other => other,
            })?);
        }
        if let (Some(data), Some((_, first))) = (data, section.first()) {
            let missing = data.inputs.iter().find(|input| !variables.iter().any(|variable| variable.name == **input));
            if let Some(input) = missing {
                let problem = format!("input {input:?} of [data] has no interval");
                return Err(first.error(problem, format!("add it under [variables]: {input} = [low, high]")));
            }
            variables.sort_by_key(|variable| data.inputs.iter().position(|input| *input == variable.name));
        }
        if data.is_none() && variables.is_empty() {
            let place = self.document.section_place("variables");
            return Err(Error::input(
                place,
                "the job has no inputs",
                "add one under [variables], for example: x = [-1, 1]",
            ));
        }
        Ok(variables)
    }

    /// The start of each coefficient, in the file's order, and the ranges of those that have one.
    pub fn coefficients(&self) -> Result<Coefficients> {
        let (mut starts, mut ranges) = (vec![], BTreeMap::new());
        for (name, item) in self.document.entries("coefficients") {
            if item.entries().is_err() {
                starts.push((name, item.number()?));
                continue;
            }
            let section = item.section(format!("coefficients.{name}."), keys::COEFFICIENT)?;
            let start = section.required("start", "0.1", Item::number)?;
            let range = CoefficientRange {
                low: section.optional("min", Item::number)?,
                high: section.optional("max", Item::number)?,
                is_logarithmic: section.read("log", false, Item::flag)?,
            };
            if let Some((problem, help)) = range.problem(start) {
                return Err(item.error(problem, help));
            }
            if range != CoefficientRange::default() {
                ranges.insert(name.clone(), range);
            }
            starts.push((name, start));
        }
        Ok((starts, ranges))
    }

    /// A section of expressions by name.
    pub fn texts(&self, section: &str) -> Result<BTreeMap<String, String>> {
        let entries = self.document.entries(section);
        entries.into_iter().map(|(name, item)| Ok((name, item.text()?))).collect()
    }

    /// The terms; and every expression is read once, to know that it can be.
    pub fn equations(&self, job: &mut Job) -> Result<()> {
        if let Some(truth) = self.document.section("truth", keys::TRUTH)?.get("expressions") {
            for item in truth.entries()?.values() {
                Expression::value(item.place(), &item.text()?, &job.truth_scope())?;
            }
        }
        let transforms = self.transforms(job)?;
        let mut names: Vec<String> = job.data_terms().map(|term| term.name).collect();
        let mut is_read = vec![false; job.coefficients.len()];
        for output in 0..job.outputs.len() {
            let expression = transforms.entry(Entry::value(output), &[]);
            expression.coefficients().into_iter().for_each(|index| is_read[index] = true);
        }
        for (k, item) in self.document.list("term").iter().enumerate() {
            let named = item.entries()?.get("name").and_then(|name| name.text().ok());
            let title = named.map_or_else(|| format!("term {}", k + 1), |name| format!("term {name:?}"));
            let section = item.section(format!("{title}: "), keys::TERM)?;
            for (term, place) in self.terms(&section)? {
                self.pose(job, &section, term, &place, (&mut names, &mut is_read))?;
            }
        }
        for ((name, item), is_read) in self.document.entries("coefficients").into_iter().zip(is_read) {
            if !is_read {
                let problem = format!("no term uses coefficient {name}, so training cannot find it");
                return Err(item.error(problem, "use it in a residual, or remove it"));
            }
        }
        // Definitions that nothing reads yet are read here: they may speak of any term's columns.
        let allow_rough = job.terms.iter().any(|term| term.allow_rough);
        let mut scope = Scope { allow_rough, ..job.scope(vec![], true) };
        for term in &job.terms {
            scope.columns.extend(job.columns(term, |key| term.place(key))?);
        }
        for (_, item) in self.document.entries("definitions") {
            Expression::value(item.place(), &item.text()?, &scope)?;
        }
        self.definitions(job)
    }

    /// Adds a term to the job once it is read: its residual stands at `residual`. Names of terms are kept, and which
    /// coefficients are read.
    fn pose(
        &self,
        job: &mut Job,
        section: &Section,
        term: EquationTerm,
        residual: &str,
        (names, is_read): (&mut Vec<String>, &mut [bool]),
    ) -> Result<()> {
        let place = |key: &str| if key == "residual" { residual.to_string() } else { section.place(key) };
        if names.contains(&term.name) {
            let problem = format!("another term is named {:?}", term.name);
            return Err(Error::input(place("name"), problem, "give each term a different name"));
        }
        if job.variables.is_empty() && matches!(term.points, TermPoints::Sampled(_)) {
            let problem = "points are sampled inside the intervals of the inputs, and the job has no [variables]";
            let help =
                format!("add [variables] with an interval for each input, for example: {} = [-1, 1]", job.inputs[0]);
            return Err(Error::input(place("points"), problem, help));
        }
        let equation = job.equation(&term, place)?;
        let strict = EquationTerm { allow_rough: false, ..term.clone() };
        if term.allow_rough && job.equation(&strict, place).is_err() {
            let text =
                format!("term {:?} takes derivatives across jumps: the impulses at the jumps are ignored", term.name);
            job.warnings.push(text);
        }
        equation.residual.coefficients().into_iter().for_each(|index| is_read[index] = true);
        names.push(term.name.clone());
        job.terms.push(term);
        Ok(())
    }

    /// The definitions that are predicted or judged have a value at every point.
    fn definitions(&self, job: &Job) -> Result<()> {
        let scope = job.prediction_scope();
        let place = self.document.key_place("predictions.definitions");
        let layout = JetLayout::value(job.inputs.len());
        Definitions::read(place, &scope, &job.predictions.definitions, &layout)?;
        let judged = job.truth.iter().flat_map(Truth::entries);
        for (entry, _) in judged.filter(|(entry, _)| entry.output >= job.outputs.len()) {
            definitions::entry(self.document.section_place("truth"), &scope, *entry)?;
        }
        Ok(())
    }

    /// Reads the features and the transforms of outputs once, to know that they can be.
    fn transforms(&self, job: &Job) -> Result<Transforms> {
        let list = self.document.list("network");
        for (index, network) in job.networks.iter().enumerate() {
            let item = match list.get(index) {
                Some(item) => item.section(format!("{}: ", item.name), keys::NETWORK)?.get("features"),
                None => self.document.section("network", keys::NETWORK)?.get("features"),
            };
            if let Some(features) = item {
                PointFunctions::read(&features.place(), &network.features, &network.feature_scope(job))?;
            }
            let read = network.inputs.iter().filter(|name| job.outputs.contains(name));
            if let Some(name) = read.into_iter().find(|name| job.transforms.contains_key(*name)) {
                let problem =
                    format!("network {} reads {name:?}, and a network cannot read a transformed output", index + 1);
                let help = "remove the transform, and state what it did as a [[term]]";
                return Err(Error::input(self.document.key_place(&format!("transforms.{name}")), problem, help));
            }
        }
        let entries = self.document.entries("transforms");
        if let Some((name, item)) = entries.iter().find(|(name, _)| !job.outputs.contains(name)) {
            return Err(item.unknown_entry(name, &job.outputs));
        }
        job.transforms(|key| self.document.key_place(key))
    }

    /// The terms of a section, one for each of its equations, with the places of these.
    fn terms(&self, section: &Section) -> Result<Vec<(EquationTerm, String)>> {
        let name = section.required("name", "\"equation\"", |item| {
            let name = item.text()?;
            match name.chars().any(char::is_control) {
                true => Err(item.error("a name must be a single line", "remove line breaks and control characters")),
                false => Ok(name),
            }
        })?;
        let residuals = residuals(section)?;
        let weight = section.read("weight", 1.0, Item::not_negative)?;
        let points = section.required("points", "{ count = 1000 }", |item| self.points(section, item))?;
        let allow_rough = section.read("allow_rough", false, Item::flag)?;
        let term = |residual: Residual| {
            let name = residual.title(&name);
            let Residual { text, place, .. } = residual;
            (EquationTerm { name, residual: text, weight, points: points.clone(), allow_rough }, place)
        };
        Ok(residuals.into_iter().map(term).collect())
    }

    fn points(&self, term: &Section, item: &Item) -> Result<TermPoints> {
        let section = item.section(term.name_of("points."), keys::POINTS)?;
        if let Some(file) = section.get("file") {
            for key in keys::POINTS.iter().filter(|key| **key != "file") {
                section.only_if(key, false, "sampled points, not points from a file")?;
            }
            return Ok(TermPoints::File(self.path(&file)?));
        }
        let samplers = Sampler::ALL.map(|sampler| (sampler.name(), sampler));
        let causal = |item: &Item| {
            let section = item.section(section.name_of("causal."), keys::CAUSAL)?;
            Ok(CausalSpec {
                input: section.required("input", "\"t\"", Item::text)?,
                slices: section.read("slices", 20, Item::count)? as usize,
                tolerance: section.read("tolerance", 1.0, Item::positive)?,
                every: section.read("every", 100, Item::count)?,
                backwards: section.read("backwards", false, Item::flag)?,
            })
        };
        Ok(TermPoints::Sampled(PointsSpec {
            sampler: section.read("sampler", Sampler::Sobol, |item| item.one_of(&samplers))?,
            count: section.read("count", 10_000, Item::count)? as usize,
            on: section.read("on", vec![], texts)?,
            region: section.optional("region", Item::text)?,
            conditions: section.read("where", vec![], texts)?,
            resample_every: section.read("resample_every", 0, Item::whole)?,
            refine: section.optional("refine", |item| refine(&section, item))?,
            causal: section.optional("causal", causal)?,
        }))
    }

    /// `quantities` are the names of outputs and definitions.
    pub fn truth(&self, inputs: &[String], quantities: &[String]) -> Result<Option<Truth>> {
        let section = self.document.section("truth", keys::TRUTH)?;
        if !section.is_present() {
            return Ok(None);
        }
        let given = |item: &Item| {
            let given = entries(item, inputs, quantities, |_| true)?;
            match given.is_empty() {
                true => Err(item.error("this table is empty", "add at least one entry, or remove the section")),
                false => Ok(given),
            }
        };
        if let Some(expressions) = section.get("expressions") {
            for key in ["file", "columns"] {
                section.only_if(key, false, "a [truth] section without expressions")?;
            }
            return Ok(Some(Truth { source: TruthSource::Expressions(given(&expressions)?) }));
        }
        let file = section.required("file", "\"truth.csv\"", |item| self.path(item))?;
        let columns = section.required("columns", "{ y = \"y\" }", given)?;
        Ok(Some(Truth { source: TruthSource::File { file, columns } }))
    }
}

/// How new points are chosen, a table in a section of points or of a stage.
pub(super) fn refine(section: &Section, item: &Item) -> Result<Refine> {
    let section = item.section(section.name_of("refine."), keys::REFINE)?;
    Ok(Refine {
        candidates: section.required("candidates", "10000", Item::count)? as usize,
        exponent: section.read("exponent", 1.0, Item::not_negative)?,
        offset: section.read("offset", 1.0, Item::not_negative)?,
    })
}
