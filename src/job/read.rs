//! From TOML and flags to a [`Job`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::item::Item;
use super::lists::{axes, columns, entries, grid_over};
use super::section::Document;
use super::*;
use crate::error::{Error, Result};
use crate::network::DEFAULT_FREQUENCY;
use crate::optimizer::Shape;

const SECTIONS: [&str; 14] = [
    "data",
    "variables",
    "network",
    "coefficients",
    "definitions",
    "loss",
    "optimizer",
    "schedule",
    "training",
    "device",
    "predictions",
    "truth",
    "output",
    // The last is a list.
    "term",
];

impl Job {
    /// Reads a job file; relative paths in it start at its folder.
    pub fn read(path: impl AsRef<Path>, overrides: &Overrides) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::input(path.display(), "this is not a text file in UTF-8", "give a job file in TOML")
            }
            _ => crate::files::unreadable(path, &error, "check the path of the job file"),
        })?;
        Self::parse(&text, path, overrides)
    }

    /// Reads the text of a job; `place` is the file that it came from or could have come from.
    pub fn parse(text: &str, place: impl AsRef<Path>, overrides: &Overrides) -> Result<Self> {
        let place = place.as_ref();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = Document::parse(text, place, &SECTIONS)?;
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
        let data = self.data()?;
        let variables = self.variables(data.as_ref())?;
        let (network, outputs) = self.network(data.as_ref())?;
        let inputs = match &data {
            Some(data) => data.inputs.clone(),
            None => variables.iter().map(|variable| variable.name.clone()).collect(),
        };
        let mut job = Job {
            coefficients: self.coefficients()?,
            definitions: self.definitions()?,
            terms: vec![],
            loss: self.loss(data.as_ref())?,
            optimizer: self.optimizer()?,
            schedule: self.schedule()?,
            training: self.training(data.as_ref())?,
            device: self.device()?,
            predictions: self.predictions(&inputs, data.is_none().then_some(&variables))?,
            truth: self.truth(&inputs, &outputs)?,
            output: self.output()?,
            warnings: vec![],
            inputs,
            outputs,
            data,
            variables,
            network,
        };
        names::check(&job, self.document)?;
        self.equations(&mut job)?;
        checks::across_sections(&mut job, self.document, self.place)?;
        Ok(job)
    }

    fn data(&self) -> Result<Option<Data>> {
        let section = self.document.section(
            "data",
            &["file", "inputs", "outputs", "derivatives", "weights", "validation_fraction", "validation_file"],
        )?;
        if !section.is_present() {
            return Ok(None);
        }
        let file = section.required("file", "\"data.csv\"", |item| self.path(item))?;
        let inputs = section.required("inputs", "[\"x\"]", columns)?;
        let outputs = section.required("outputs", "[\"y\"]", columns)?;
        let weights = section.optional("weights", Item::text)?;
        let derivatives = match section.get("derivatives") {
            None => vec![],
            Some(item) => entries(&item, &inputs, &outputs, |entry| entry.derivative.order() > 0)?,
        };
        let validation = match (
            section.optional("validation_fraction", |item| {
                item.number_that("a fraction of at least 0 and below 1", |f| (0.0..1.0).contains(&f))
            })?,
            section.optional("validation_file", |item| self.path(item))?,
        ) {
            (Some(_), Some(_)) => {
                let place = section.place("validation_file");
                let problem = "validation_fraction and validation_file exclude each other";
                return Err(Error::input(place, problem, "keep one of them"));
            }
            (None | Some(0.0), None) => Validation::None,
            (Some(fraction), None) => Validation::Fraction(fraction),
            (None, Some(file)) => Validation::File(file),
        };
        let data = Data { file, inputs, outputs, derivatives, weights, validation };
        checks::columns(&section, &data)?;
        Ok(Some(data))
    }

    /// And the names of the outputs.
    fn network(&self, data: Option<&Data>) -> Result<(Network, Vec<String>)> {
        let section = self.document.section("network", &["outputs", "hidden", "activation", "frequency"])?;
        section.only_if("outputs", data.is_none(), "a job without [data], whose outputs are named by data.outputs")?;
        let outputs = match data {
            Some(data) => data.outputs.clone(),
            None => section.required("outputs", "[\"u\"]", columns)?,
        };
        let hidden = section.read("hidden", vec![64, 64], |item| {
            item.list()?.iter().map(|width| Ok(width.count()? as usize)).collect()
        })?;
        let choices = Activation::ALL.map(|activation| (activation.name(), activation));
        let activation = section.read("activation", Activation::Tanh, |item| item.one_of(&choices))?;
        let is_sin = activation == Activation::Sin;
        section.only_if("frequency", is_sin, "activation = \"sin\"")?;
        let frequency = section.read("frequency", DEFAULT_FREQUENCY, Item::positive)?;
        Ok((Network { hidden, activation, frequency: is_sin.then_some(frequency) }, outputs))
    }

    fn loss(&self, data: Option<&Data>) -> Result<LossSettings> {
        let section = self.document.section("loss", checks::LOSS_KEYS)?;
        if section.is_present() && data.is_none() {
            let problem = "this section has no effect here: it weighs the columns of [data]";
            return Err(Error::input(
                self.document.section_place("loss"),
                problem,
                "remove it; each [[term]] has its own weight",
            ));
        }
        let derivatives = || data.iter().flat_map(|data| &data.derivatives);
        let has = |order| derivatives().any(|(entry, _)| entry.derivative.order() == order);
        section.only_if("first", has(1), "a first derivative in data.derivatives")?;
        section.only_if("second", has(2), "a second derivative in data.derivatives")?;
        Ok(LossSettings {
            value: section.read("value", 1.0, Item::not_negative)?,
            first: section.read("first", 1.0, Item::not_negative)?,
            second: section.read("second", 1.0, Item::not_negative)?,
            curvature: section.read("curvature", 0.0, Item::not_negative)?,
            weights: section.read("weights", BTreeMap::new(), |item| item.numbers(Item::not_negative))?,
            scales: section.read("scales", BTreeMap::new(), |item| item.numbers(Item::positive))?,
        })
    }

    fn optimizer(&self) -> Result<Optimizer> {
        let section = self.document.section(
            "optimizer",
            &["name", "learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "clip_norm"],
        )?;
        let choices = OptimizerKind::ALL.map(|kind| (kind.name(), kind));
        let kind = section.read("name", OptimizerKind::Adam, |item| item.one_of(&choices))?;
        let decays = kind == OptimizerKind::AdamW;
        section.only_if("weight_decay", decays, "name = \"adamw\"")?;
        let memory = |item: &Item| item.number_that("a number from 0 to below 1", |b| (0.0..1.0).contains(&b));
        let adam = Adam {
            beta1: section.read("beta1", 0.9, memory)?,
            beta2: section.read("beta2", 0.999, memory)?,
            epsilon: section.read("epsilon", 1e-8, Item::positive)?,
            weight_decay: if decays { section.read("weight_decay", 0.01, Item::not_negative)? } else { 0.0 },
            clip_norm: section.read("clip_norm", f64::INFINITY, Item::positive)?,
        };
        Ok(Optimizer { kind, learning_rate: section.read("learning_rate", 3e-3, Item::positive)?, adam })
    }

    fn schedule(&self) -> Result<ScheduleSettings> {
        let section =
            self.document.section("schedule", &["shape", "warmup", "final_fraction", "factor", "every", "patience"])?;
        let choices = ["cosine", "constant", "exponential", "step", "plateau"].map(|name| (name, name));
        let shape = section.read("shape", "cosine", |item| item.one_of(&choices))?;
        let falls_to = matches!(shape, "cosine" | "exponential");
        let falls_by = matches!(shape, "step" | "plateau");
        section.only_if("final_fraction", falls_to, "shape = \"cosine\" or \"exponential\"")?;
        section.only_if("factor", falls_by, "shape = \"step\" or \"plateau\"")?;
        section.only_if("every", shape == "step", "shape = \"step\"")?;
        section.only_if("patience", shape == "plateau", "shape = \"plateau\"")?;
        let final_fraction = section.read("final_fraction", 0.01, Item::share)?;
        let factor = section.read("factor", 0.5, Item::fraction)?;
        let shape = match shape {
            "constant" => Shape::Constant,
            "cosine" => Shape::Cosine { final_fraction },
            "exponential" => Shape::Exponential { final_fraction },
            "step" => Shape::Step { factor, every: section.read("every", 1000, Item::count)? },
            _ => Shape::Plateau { factor, patience: section.read("patience", 10, Item::count)? },
        };
        Ok(ScheduleSettings { shape, warmup: section.read("warmup", 0, Item::whole)? })
    }

    fn training(&self, data: Option<&Data>) -> Result<Training> {
        let section = self.document.section(
            "training",
            &["steps", "epochs", "batch_size", "report_every", "max_seconds", "early_stopping", "seed"],
        )?;
        section.only_if("epochs", data.is_some(), "[data]; without it, give training.steps")?;
        section.only_if("batch_size", data.is_some(), "[data]; the count of a term's points is its own")?;
        let steps = section.optional("steps", Item::count)?;
        let epochs = section.optional("epochs", Item::count)?;
        let length = match (self.overrides.steps, steps, epochs) {
            (Some(0), ..) => return Err(Error::input("--steps", "0 is out of range", "give it at least 1")),
            (Some(steps), ..) => Length::Steps(steps),
            (None, Some(_), Some(_)) => {
                let problem = "steps and epochs exclude each other";
                return Err(Error::input(section.place("epochs"), problem, "keep one of them"));
            }
            (None, None, Some(epochs)) => Length::Epochs(epochs),
            (None, steps, None) => Length::Steps(steps.unwrap_or(20_000)),
        };
        section.only_if(
            "early_stopping",
            data.is_some_and(|data| data.validation != Validation::None),
            "data.validation_fraction or data.validation_file",
        )?;
        let max_seconds = section.optional("max_seconds", Item::positive)?;
        if self.overrides.max_seconds.is_some_and(|seconds| !(seconds > 0.0 && seconds.is_finite())) {
            return Err(Error::input("--max-seconds", "it is out of range", "give it a number of seconds above 0"));
        }
        Ok(Training {
            length,
            batch_size: section.optional("batch_size", Item::count)?.map(|size| size as usize),
            report_every: section.read("report_every", 100, Item::count)?,
            max_seconds: self.overrides.max_seconds.or(max_seconds),
            early_stopping: section.optional("early_stopping", Item::count)?,
            seed: match self.overrides.seed {
                Some(seed) if seed > section::LARGEST_WHOLE => {
                    return Err(Error::input("--seed", "it is too large", "give it a whole number up to 2^53"));
                }
                Some(seed) => seed,
                None => section.read("seed", 0, Item::whole)?,
            },
        })
    }

    fn device(&self) -> Result<Device> {
        let section = self.document.section("device", &["name", "precision", "threads", "fallback"])?;
        let choices = [("f32", Precision::F32), ("f64", Precision::F64)];
        let name = section.read("name", "auto".to_string(), Item::text)?;
        let precision = section.read("precision", Precision::F32, |item| item.one_of(&choices))?;
        let device = Device {
            name: self.overrides.device.clone().unwrap_or(name),
            precision: self.overrides.precision.unwrap_or(precision),
            threads: self
                .overrides
                .threads
                .map_or_else(|| section.read("threads", 0, |item| Ok(item.whole()? as usize)), Ok)?,
            fallback: section.read("fallback", true, Item::flag)?,
        };
        if device.precision == Precision::F64 && !matches!(device.name.as_str(), "auto" | "cpu") {
            let problem = format!("f64 runs on the CPU alone, not on device {:?}", device.name);
            return Err(Error::input(section.place("precision"), problem, "use device \"cpu\", or precision \"f32\""));
        }
        Ok(device)
    }

    /// By default over the box where the job has no data.
    fn predictions(&self, inputs: &[String], default: Option<&Vec<Variable>>) -> Result<Predictions> {
        let section = self.document.section("predictions", &["grid", "points", "order", "second", "allow_rough"])?;
        let points = match (section.get("grid"), section.get("points")) {
            (Some(_), Some(points)) => {
                return Err(points.error("grid and points exclude each other", "keep one of them"));
            }
            (Some(grid), None) => Points::Grid(axes(&grid, inputs)?),
            (None, Some(points)) => Points::File(self.path(&points)?),
            (None, None) => default.map_or(Points::Data, |variables| Points::Grid(grid_over(variables))),
        };
        let order = section.read("order", 2, Item::whole)? as usize;
        if order > 2 {
            let problem = format!("{order} is out of range");
            return Err(Error::input(section.place("order"), problem, "give it 0, 1 or 2"));
        }
        section.only_if("second", order == 2, "order = 2")?;
        let choices = Seconds::ALL.map(|seconds| (seconds.name(), seconds));
        Ok(Predictions {
            points,
            order,
            seconds: section.read("second", Seconds::Diagonal, |item| item.one_of(&choices))?,
            allow_rough: section.read("allow_rough", false, Item::flag)?,
        })
    }

    fn output(&self) -> Result<PathBuf> {
        let section = self.document.section("output", &["directory"])?;
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

    /// A path in the job, made absolute from the job's folder.
    pub fn path(&self, item: &Item) -> Result<PathBuf> {
        let text = item.text()?;
        absolute(&self.place.parent().unwrap_or(Path::new("")).join(text))
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io(path, error))
}
