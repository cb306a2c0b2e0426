//! From TOML and flags to a [`Job`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::item::Item;
use super::lists::{axes, dialect, entries, grid_over, named_columns};
use super::section::Document;
use super::set::Setting;
use super::*;
use crate::data::Table;
use crate::error::{Error, Result};
use crate::expression::Fields;

/// A weight that stands for those that are tried.
const TRIED_CURVATURE: f64 = 1e-4;

impl Job {
    /// Reads a job file; relative paths in it start at its folder.
    pub fn read(path: impl AsRef<Path>, overrides: &Overrides) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::input(path.display(), "this file is not UTF-8 text", "give a job file in TOML format")
            }
            _ => crate::files::unreadable(path, error, "check the path of the job file"),
        })?;
        Self::parse(&text, path, overrides)
    }

    /// Reads the text of a job; `place` is the file that it came from or could have come from.
    pub fn parse(text: &str, place: impl AsRef<Path>, overrides: &Overrides) -> Result<Self> {
        let place = place.as_ref();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let settings = Setting::read(&overrides.set, text.len() + 1)?;
        let document = Document::parse(text, place, &settings)?;
        Reader { document: &document, place, overrides }.job()
    }
}

/// What every section's reading needs.
pub(super) struct Reader<'a> {
    pub document: &'a Document<'a>,
    pub place: &'a Path,
    pub overrides: &'a Overrides,
}

impl Reader<'_> {
    fn job(&self) -> Result<Job> {
        if self.document.list("term").is_empty() && !self.document.has("data") {
            let problem = "there is nothing to train on: the job has neither [data] nor a [[term]]";
            let help = "add [data] with a file and its columns, or add [variables] and a [[term]] with an equation";
            return Err(Error::input(self.place.display(), problem, help));
        }
        let data = self.data()?;
        let variables = self.variables(data.as_ref())?;
        let domain = self.domain(&variables)?;
        let inputs = match &data {
            Some(data) => data.inputs.clone(),
            None => variables.iter().map(|variable| variable.name.clone()).collect(),
        };
        let (mut networks, outputs) = self.networks(&inputs, data.as_ref())?;
        networks.iter_mut().for_each(|network| network.read_logarithms(&variables));
        let stages = self.stages(data.as_ref())?;
        let definitions = self.texts("definitions")?;
        let quantities: Vec<String> = outputs.iter().chain(definitions.keys()).cloned().collect();
        let (coefficients, coefficient_ranges) = self.coefficients()?;
        let mut job = Job {
            windows: self.windows(&variables)?,
            coefficients,
            coefficient_ranges,
            definitions,
            transforms: self.texts("transforms")?,
            terms: vec![],
            fields: Fields::default(),
            field_files: BTreeMap::new(),
            loss: self.loss(data.as_ref())?,
            balance: self.balance(&stages)?,
            training: self.training(data.as_ref())?,
            device: self.device(&stages)?,
            stages,
            predictions: self.predictions(&inputs, data.is_none().then_some(&variables))?,
            truth: self.truth(&inputs, &quantities)?,
            plots: self.plots(&inputs)?,
            output: self.output()?,
            tensorboard: self.document.section("output", keys::OUTPUT)?.read("tensorboard", false, Item::flag)?,
            is_open: false,
            warnings: vec![],
            inputs,
            outputs,
            data,
            variables,
            domain,
            networks,
        };
        self.continue_from_start(&mut job)?;
        self.fields(&mut job)?;
        names::check(&job, self.document)?;
        self.allows_windows(&job)?;
        self.equations(&mut job)?;
        job.is_open = self.is_open(&job);
        checks::across_sections(&mut job, self.document, self.place)?;
        Ok(job)
    }

    /// Whether the job names none of the keys that [`crate::run::settle`] chooses, and nothing that its choice would not do.
    fn is_open(&self, job: &Job) -> bool {
        let names_none = |section: &str, keys: &[&str]| {
            let names = self.document.entries(section);
            !names.iter().any(|(name, _)| keys.contains(&name.as_str()))
        };
        let is_plain = job.data.as_ref().is_some_and(|data| data.inputs.len() == 1 && data.derivatives.is_empty())
            && (job.loss.curvature == 0.0 || job.loss.tries_curvature)
            && job.loss.value > 0.0
            && job.terms.is_empty()
            && job.transforms.is_empty()
            && job.coefficients.is_empty();
        is_plain
            && !["network", "optimizer", "schedule", "balance"].iter().any(|section| self.document.has(section))
            && self.document.list("stage").is_empty()
            && names_none("training", &["steps", "epochs", "batch_size", "report_every"])
            && names_none("device", &["precision"])
            && self.overrides.steps.is_none()
            && self.overrides.precision.is_none()
            && matches!(job.device.name.as_str(), "auto" | "cpu")
    }

    fn data(&self) -> Result<Option<Data>> {
        let section = self.document.section("data", keys::DATA)?;
        if !section.is_present() {
            return Ok(None);
        }
        let file = section.required("file", "\"data.csv\"", |item| self.path(item))?;
        let named = [("inputs", "[\"x\"]"), ("outputs", "[\"y\"]")]
            .map(|(key, example)| section.required(key, example, named_columns));
        let [inputs, outputs] = named;
        let (inputs, outputs) = (inputs?, outputs?);
        let all = inputs.iter().chain(&outputs).filter(|(name, column)| name != column);
        let columns = all.cloned().collect();
        let [inputs, outputs] =
            [inputs, outputs].map(|named| named.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        let dialect = dialect(&section)?;
        let weights = section.optional("weights", Item::text)?;
        let derivatives = match section.get("derivatives") {
            None => vec![],
            Some(item) => entries(&item, &inputs, &outputs, |entry| entry.derivative.order() > 0)?,
        };
        let validation = match (
            section.optional("validation_fraction", |item| {
                item.number_that("a fraction from 0 to below 1", |f| (0.0..1.0).contains(&f))
            })?,
            section.optional("validation_file", |item| self.path(item))?,
        ) {
            (Some(_), Some(_)) => {
                let place = section.place("validation_file");
                let problem = "validation_fraction and validation_file cannot be combined";
                return Err(Error::input(place, problem, "keep one of them"));
            }
            (None, None) => Validation::Default,
            (Some(0.0), None) => Validation::None,
            (Some(fraction), None) => Validation::Fraction(fraction),
            (None, Some(file)) => Validation::Table(Table::File(file, dialect.clone())),
        };
        let table = Table::File(file, dialect);
        let data = Data { table, inputs, outputs, columns, derivatives, weights, validation };
        checks::columns(&section, &data)?;
        Ok(Some(data))
    }

    fn loss(&self, data: Option<&Data>) -> Result<LossSettings> {
        let section = self.document.section("loss", keys::LOSS)?;
        if section.is_present() && data.is_none() {
            let problem = "this section has no effect: it sets the weights of [data] columns, and the job has no \
                           [data]";
            return Err(Error::input(
                self.document.section_place("loss"),
                problem,
                "remove it, and set the weight of each [[term]] instead",
            ));
        }
        let derivatives = || data.iter().flat_map(|data| &data.derivatives);
        let has = |order| derivatives().any(|(entry, _)| entry.derivative.order() == order);
        for (order, key) in ["first", "second", "third", "fourth"].into_iter().enumerate() {
            section.only_if(key, has(order + 1), &format!("a {key} derivative in data.derivatives"))?;
        }
        let tries_curvature = section.get("curvature").is_some_and(|item| item.text().is_ok_and(|text| text == "auto"));
        if tries_curvature && data.is_some_and(|data| data.validation == Validation::None) {
            let problem = "choosing the weight needs validation rows, and there are none";
            return Err(Error::input(
                section.place("curvature"),
                problem,
                "set data.validation_fraction, or give a number here",
            ));
        }
        Ok(LossSettings {
            value: section.read("value", 1.0, Item::not_negative)?,
            first: section.read("first", 1.0, Item::not_negative)?,
            second: section.read("second", 1.0, Item::not_negative)?,
            third: section.read("third", 1.0, Item::not_negative)?,
            fourth: section.read("fourth", 1.0, Item::not_negative)?,
            curvature: if tries_curvature {
                TRIED_CURVATURE
            } else {
                section.read("curvature", 0.0, Item::not_negative)?
            },
            tries_curvature,
            weights: section.read("weights", BTreeMap::new(), |item| item.numbers(Item::not_negative))?,
            scales: section.read("scales", BTreeMap::new(), |item| item.numbers(Item::positive))?,
            allow_rough: section.read("allow_rough", false, Item::flag)?,
        })
    }

    /// By default over the box where the job has no data.
    fn predictions(&self, inputs: &[String], default: Option<&Vec<Variable>>) -> Result<Predictions> {
        let section = self.document.section("predictions", keys::PREDICTIONS)?;
        let points = match (section.get("grid"), section.get("points")) {
            (Some(_), Some(points)) => {
                return Err(points.error("grid and points cannot be combined", "keep one of them"));
            }
            (Some(grid), None) => Points::Grid(axes(&grid, inputs)?),
            (None, Some(points)) => Points::File(self.path(&points)?),
            (None, None) => default.map_or(Points::Data, |variables| Points::Grid(grid_over(variables))),
        };
        let order = section.read("order", 2, Item::whole)? as usize;
        if order > Derivative::MOST {
            let problem = format!("{order} is out of range");
            return Err(Error::input(section.place("order"), problem, "use 0, 1, 2, 3 or 4"));
        }
        section.only_if("second", order >= 2, "an order from 2 on")?;
        let choices = Seconds::ALL.map(|seconds| (seconds.name(), seconds));
        let seconds = section.read("second", Seconds::Diagonal, |item| item.one_of(&choices))?;
        seconds.affordable(order, inputs.len(), &section.place("order"))?;
        Ok(Predictions {
            points,
            order,
            seconds,
            definitions: section.read("definitions", vec![], |item| item.list()?.iter().map(Item::text).collect())?,
            allow_rough: section.read("allow_rough", false, Item::flag)?,
        })
    }

    fn output(&self) -> Result<PathBuf> {
        let section = self.document.section("output", keys::OUTPUT)?;
        let directory = section.optional("directory", Item::text)?.map(PathBuf::from);
        let directory = self.overrides.directory.clone().or(directory).unwrap_or_else(|| self.default_directory());
        absolute(&directory)
    }

    /// `runs/NAME`, where the name is that of the job file, or of its folder for a `job.toml`.
    fn default_directory(&self) -> PathBuf {
        let stem = self.place.file_stem().unwrap_or("job".as_ref());
        let folder = absolute(self.place).ok().and_then(|place| Some(place.parent()?.file_name()?.to_os_string()));
        let name = if stem == "job" { folder.unwrap_or(stem.into()) } else { stem.into() };
        PathBuf::from("runs").join(name)
    }

    /// A path in the job, made absolute from the job's folder, but for the `-` of stdin.
    pub fn path(&self, item: &Item) -> Result<PathBuf> {
        let text = item.text()?;
        if crate::files::is_stdio(Path::new(&text)) {
            return Ok(text.into());
        }
        absolute(&self.folder().join(text))
    }

    /// Where paths in the job start.
    pub fn folder(&self) -> &Path {
        self.place.parent().unwrap_or(Path::new(""))
    }
}

pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io(path, error))
}
