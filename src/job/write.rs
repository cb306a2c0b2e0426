//! From a [`Job`] back to TOML, with every default filled in.

use std::path::Path;

use toml::{Table, Value};

use super::*;
use crate::optimizer::Shape;
use crate::points::{CausalSpec, Refine, Resampling};

impl Job {
    /// The resolved job: every key that takes part, paths absolute. It reads back to an equal job.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for (header, keys) in self.sections() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("{header}\n"));
            let keys = keys.into_iter().map(|(name, value)| (name, self.with_absolute_files(value)));
            keys.for_each(|(name, value)| text.push_str(&format!("{} = {value}\n", key(name))));
        }
        text
    }

    fn sections(&self) -> Vec<(String, Vec<(&str, Value)>)> {
        let mut sections = vec![];
        sections.extend(self.data.as_ref().map(|data| ("data", data.keys())));
        let interval = |v: &Variable| -> Value {
            let mut parts: Vec<Value> = vec![v.low.into(), v.high.into()];
            parts.extend(v.is_logarithmic.then(|| "log".into()));
            parts.into()
        };
        sections.push(("variables", self.variables.iter().map(|v| (v.name.as_str(), interval(v))).collect()));
        sections.extend(self.domain.iter().map(|domain| ("domain", write_domain::keys(domain.spec()))));
        sections.extend(self.windows.as_ref().map(|windows| ("windows", windows.keys(&self.inputs))));
        if !self.is_open && self.has_one_network() {
            let mut keys = self.networks[0].keys();
            if self.data.is_none() {
                keys.insert(0, ("outputs", self.outputs.clone().into()));
            }
            sections.push(("network", keys));
        }
        let coefficient = |(name, start): &(String, f64)| -> Value {
            let Some(range) = self.coefficient_ranges.get(name) else { return (*start).into() };
            let mut keys = table([("start", (*start).into()), ("log", range.is_logarithmic.into())]);
            keys.extend(range.low.map(|low| ("min".to_string(), low.into())));
            keys.extend(range.high.map(|high| ("max".to_string(), high.into())));
            keys.into()
        };
        let coefficients = self.coefficients.iter().map(|entry| (entry.0.as_str(), coefficient(entry)));
        sections.push(("coefficients", coefficients.collect()));
        let definitions = self.definitions.iter().map(|(name, text)| (name.as_str(), text.as_str().into()));
        sections.push(("definitions", definitions.collect()));
        let transforms = self.transforms.iter().map(|(output, text)| (output.as_str(), text.as_str().into()));
        sections.push(("transforms", transforms.collect()));
        sections.extend(self.data.as_ref().map(|data| ("loss", self.loss_keys(data))));
        sections.extend([
            ("balance", self.balance.map_or(vec![], Balance::keys)),
            ("training", self.training.keys()),
            ("device", self.device.keys(self.is_open)),
            ("predictions", self.predictions.keys(&self.inputs)),
            ("truth", self.truth_keys()),
            ("plots", self.plots.keys()),
            ("output", vec![("directory", path(&self.output)), ("tensorboard", self.tensorboard.into())]),
        ]);
        let mut lists = vec![];
        if !self.is_open && !self.has_one_network() {
            let keys = |network: &Network| [network.ends(), network.keys()].concat();
            lists.extend(self.networks.iter().map(|network| ("[[network]]".to_string(), keys(network))));
        }
        if self.is_open {
            // What settles the job reads none of these keys.
        } else if let [stage] = &self.stages[..] {
            let [optimizer, schedule, length] = stage.keys("name");
            let training = sections.iter_mut().find(|(name, _)| *name == "training").expect("it stands above");
            training.1.splice(0..0, length);
            sections.extend([("optimizer", optimizer), ("schedule", schedule)]);
        } else {
            lists.extend(self.stages.iter().map(|stage| ("[[stage]]".to_string(), stage.keys("optimizer").concat())));
        }
        lists.extend(self.terms.iter().map(|term| ("[[term]]".to_string(), term.keys())));
        sections.retain(|(_, keys)| !keys.is_empty());
        let headed = sections.into_iter().map(|(name, keys)| (format!("[{name}]"), keys));
        headed.chain(lists).collect()
    }

    fn truth_keys(&self) -> Vec<(&str, Value)> {
        let quantities: Vec<String> = self.outputs.iter().chain(self.definitions.keys()).cloned().collect();
        let table = |columns| entries(columns, &self.inputs, &quantities);
        match self.truth.as_ref().map(|truth| &truth.source) {
            None => vec![],
            Some(TruthSource::File { file, columns }) => vec![("file", path(file)), ("columns", table(columns))],
            Some(TruthSource::Expressions(expressions)) => vec![("expressions", table(expressions))],
        }
    }

    fn loss_keys(&self, data: &Data) -> Vec<(&'static str, Value)> {
        let LossSettings {
            value,
            first,
            second,
            third,
            fourth,
            curvature,
            tries_curvature,
            weights,
            scales,
            allow_rough,
        } = &self.loss;
        let has = |order| data.derivatives.iter().any(|(entry, _)| entry.derivative.order() == order);
        let mut keys = vec![("value", (*value).into())];
        keys.extend(has(1).then(|| ("first", (*first).into())));
        keys.extend(has(2).then(|| ("second", (*second).into())));
        keys.extend(has(3).then(|| ("third", (*third).into())));
        keys.extend(has(4).then(|| ("fourth", (*fourth).into())));
        keys.push(("curvature", if *tries_curvature { "auto".into() } else { (*curvature).into() }));
        keys.extend([("weights", numbers(weights)), ("scales", numbers(scales))]);
        keys.extend(allow_rough.then_some(("allow_rough", true.into())));
        keys
    }
}

impl Windows {
    fn keys<'a>(&self, inputs: &'a [String]) -> Vec<(&'a str, Value)> {
        let input = inputs[self.input].as_str();
        match &self.cut {
            Cut::At(edges) => vec![(input, edges.clone().into())],
            Cut::Auto(tolerance) => vec![(input, "auto".into()), ("tolerance", (*tolerance).into())],
        }
    }
}

impl Data {
    /// A list of columns, or a table where the job has names of its own.
    fn named(&self, names: &[String]) -> Value {
        match names.iter().any(|name| self.columns.contains_key(name)) {
            true => Table::from_iter(names.iter().map(|name| (name.clone(), self.column(name).into()))).into(),
            false => names.to_vec().into(),
        }
    }

    fn keys(&self) -> Vec<(&'static str, Value)> {
        let mut keys = vec![
            ("file", table_path(&self.table)),
            ("inputs", self.named(&self.inputs)),
            ("outputs", self.named(&self.outputs)),
            ("derivatives", entries(&self.derivatives, &self.inputs, &self.outputs)),
        ];
        keys.extend(self.weights.as_ref().map(|column| ("weights", column.as_str().into())));
        match &self.validation {
            Validation::None => keys.push(("validation_fraction", 0.0.into())),
            Validation::Default => {}
            Validation::Fraction(fraction) => keys.push(("validation_fraction", (*fraction).into())),
            Validation::Table(table) => keys.push(("validation_file", table_path(table))),
        }
        if let crate::data::Table::File(_, Dialect { decimal, thousands, encoding }) = &self.table {
            keys.extend(decimal.map(|mark| ("decimal", mark.to_string().into())));
            keys.extend(thousands.map(|mark| ("thousands", mark.to_string().into())));
            keys.extend(encoding.map(|encoding| ("encoding", encoding.name().into())));
        }
        keys
    }
}

impl Network {
    /// What it reads and gives, for one of several.
    fn ends(&self) -> Vec<(&'static str, Value)> {
        let mut keys: Vec<(&'static str, Value)> =
            self.name.iter().map(|name| ("name", name.as_str().into())).collect();
        keys.extend([("inputs", self.inputs.clone().into()), ("outputs", self.outputs.clone().into())]);
        keys
    }

    fn keys(&self) -> Vec<(&'static str, Value)> {
        if let Some(start) = &self.start {
            let mut keys: Vec<_> = start.file.iter().map(|file| ("start", path(file))).collect();
            keys.extend((!self.scales.is_empty()).then(|| ("scales", numbers(&self.scales))));
            return keys;
        }
        let hidden: Vec<_> = self.hidden.iter().map(|width| whole(*width as u64)).collect();
        let mut keys = vec![("hidden", hidden.into()), ("activation", self.activation.name().into())];
        keys.extend(self.frequency.map(|frequency| ("frequency", frequency.into())));
        keys.extend(self.steepness.map(|steepness| ("steepness", steepness.into())));
        if !self.features.is_empty() {
            keys.push(("features", self.features.clone().into()));
        }
        keys.extend(self.fourier.map(|Fourier { count, scale }| {
            let table = [("count", whole(count as u64)), ("scale", scale.into())];
            ("fourier", Table::from_iter(table.map(|(key, value)| (key.to_string(), value))).into())
        }));
        keys.extend((!self.scales.is_empty()).then(|| ("scales", numbers(&self.scales))));
        keys
    }
}

impl Stage {
    /// The keys of the optimizer, whose name stands under `name`, of the schedule, and of the length.
    fn keys(&self, name: &'static str) -> [Vec<(&'static str, Value)>; 3] {
        let schedule = if self.optimizer.kind.is_adam() { self.schedule.keys() } else { vec![] };
        let mut length = vec![match self.length {
            Length::Steps(steps) => ("steps", whole(steps)),
            Length::Epochs(epochs) => ("epochs", whole(epochs)),
        }];
        length.extend(self.batch_size.map(|size| ("batch_size", whole(size as u64))));
        length.push(("report_every", whole(self.report_every)));
        if let Some(Resampling { every, refine }) = self.resampling {
            length.push(("resample_every", whole(every)));
            length.extend(refine.map(|refine| ("refine", refine_keys(refine).into())));
        }
        [self.optimizer.keys(name), schedule, length]
    }
}

impl Optimizer {
    fn keys(&self, name: &'static str) -> Vec<(&'static str, Value)> {
        let AdamSettings { beta1, beta2, epsilon, weight_decay, clip_norm } = self.adam;
        let mut keys = vec![(name, self.kind.name().into())];
        match self.kind {
            OptimizerKind::Adam | OptimizerKind::AdamW => {
                keys.extend([
                    ("learning_rate", self.learning_rate.into()),
                    ("beta1", beta1.into()),
                    ("beta2", beta2.into()),
                    ("epsilon", epsilon.into()),
                ]);
                keys.extend((self.kind == OptimizerKind::AdamW).then(|| ("weight_decay", weight_decay.into())));
                keys.extend(clip_norm.is_finite().then(|| ("clip_norm", clip_norm.into())));
            }
            OptimizerKind::Lbfgs => {
                keys.extend([("history", whole(self.lbfgs.history as u64)), ("tolerance", self.lbfgs.tolerance.into())])
            }
            OptimizerKind::GaussNewton => {
                keys.extend([("damping", self.damping.into()), ("memory", self.memory.into())])
            }
            OptimizerKind::Evidence => keys.push(("memory", self.memory.into())),
        }
        keys
    }
}

impl ScheduleSettings {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let (shape, mut keys): (&str, Vec<(&'static str, Value)>) = match self.shape {
            Shape::Constant => ("constant", vec![]),
            Shape::Cosine { final_fraction } => ("cosine", vec![("final_fraction", final_fraction.into())]),
            Shape::Exponential { final_fraction } => ("exponential", vec![("final_fraction", final_fraction.into())]),
            Shape::Step { factor, every } => ("step", vec![("factor", factor.into()), ("every", whole(every))]),
            Shape::Plateau { factor, patience } => {
                ("plateau", vec![("factor", factor.into()), ("patience", whole(patience))])
            }
        };
        keys.splice(0..0, [("shape", shape.into()), ("warmup", whole(self.warmup))]);
        keys
    }
}

impl Balance {
    fn keys(self) -> Vec<(&'static str, Value)> {
        vec![("every", whole(self.every)), ("memory", self.memory.into())]
    }
}

impl Training {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let mut keys = vec![];
        keys.extend(self.max_seconds.map(|seconds| ("max_seconds", seconds.into())));
        keys.push(("checkpoint_every", self.checkpoint_every.into()));
        keys.extend(self.early_stopping.map(|reports| ("early_stopping", whole(reports))));
        keys.push(("seed", whole(self.seed)));
        keys.extend((self.ensemble > 1).then(|| ("ensemble", whole(self.ensemble as u64))));
        keys.extend((self.bootstrap || self.ensemble > 1).then(|| ("bootstrap", self.bootstrap.into())));
        keys
    }
}

impl Device {
    /// Without the precision of a job that leaves it open.
    fn keys(&self, is_open: bool) -> Vec<(&'static str, Value)> {
        let mut keys = vec![
            ("name", self.name.as_str().into()),
            ("precision", self.precision.to_string().into()),
            ("threads", whole(self.threads as u64)),
            ("fallback", self.fallback.into()),
        ];
        keys.retain(|(name, _)| *name != "precision" || !is_open);
        keys
    }
}

impl Predictions {
    fn keys(&self, inputs: &[String]) -> Vec<(&'static str, Value)> {
        let mut keys = vec![];
        match &self.points {
            Points::Data => {}
            Points::Grid(axes) => {
                let axis = |axis: &Axis| -> Value {
                    let mut parts = vec![axis.from.into(), axis.to.into(), whole(axis.count as u64)];
                    parts.extend(axis.is_logarithmic.then(|| "log".into()));
                    parts.into()
                };
                let grid = inputs.iter().cloned().zip(axes.iter().map(axis));
                keys.push(("grid", Table::from_iter(grid).into()));
            }
            Points::File(file) => keys.push(("points", path(file))),
        }
        keys.push(("order", whole(self.order as u64)));
        keys.extend((self.order >= 2).then(|| ("second", self.seconds.name().into())));
        if !self.definitions.is_empty() {
            keys.push(("definitions", self.definitions.clone().into()));
        }
        keys.push(("allow_rough", self.allow_rough.into()));
        keys
    }
}

impl Plots {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let what: Vec<Value> = self.what.iter().map(|picture| picture.name().into()).collect();
        let formats: Vec<Value> = self.formats.iter().map(|format| format.name().into()).collect();
        let mut keys = vec![("what", what.into()), ("format", formats.into())];
        keys.extend(self.width.map(|width| ("width", whole(width.into()))));
        if !self.at.is_empty() {
            let places = self.at.iter().map(|(input, places)| (input.clone(), Value::from(places.clone())));
            keys.push(("at", Table::from_iter(places).into()));
        }
        keys.extend(self.what.contains(&Picture::Animation).then(|| ("frames", whole(self.frames as u64))));
        keys
    }
}

impl EquationTerm {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let mut keys = vec![
            ("name", self.name.as_str().into()),
            ("residual", self.residual.as_str().into()),
            ("weight", self.weight.into()),
            ("points", self.points.table().into()),
        ];
        keys.extend(self.allow_rough.then_some(("allow_rough", true.into())));
        keys
    }
}

impl TermPoints {
    fn table(&self) -> Table {
        let spec = match self {
            TermPoints::File(file) => return table([("file", path(file))]),
            TermPoints::Sampled(spec) => spec,
        };
        let mut keys = table([
            ("sampler", spec.sampler.name().into()),
            ("count", whole(spec.count as u64)),
            ("resample_every", whole(spec.resample_every)),
        ]);
        if !spec.on.is_empty() {
            keys.insert("on".to_string(), spec.on.clone().into());
        }
        if let Some(region) = &spec.region {
            keys.insert("region".to_string(), region.as_str().into());
        }
        if !spec.conditions.is_empty() {
            keys.insert("where".to_string(), spec.conditions.clone().into());
        }
        if let Some(refine) = spec.refine {
            keys.insert("refine".to_string(), refine_keys(refine).into());
        }
        if let Some(CausalSpec { input, slices, tolerance, every, backwards }) = &spec.causal {
            let causal = [
                ("input", input.as_str().into()),
                ("slices", whole(*slices as u64)),
                ("tolerance", (*tolerance).into()),
                ("every", whole(*every)),
                ("backwards", (*backwards).into()),
            ];
            keys.insert("causal".to_string(), table(causal).into());
        }
        keys
    }
}

fn refine_keys(Refine { candidates, exponent, offset }: Refine) -> Table {
    table([("candidates", whole(candidates as u64)), ("exponent", exponent.into()), ("offset", offset.into())])
}

pub(super) fn table<const N: usize>(keys: [(&str, Value); N]) -> Table {
    keys.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// Numbers by name.
fn numbers(numbers: &BTreeMap<String, f64>) -> Value {
    Table::from_iter(numbers.iter().map(|(name, number)| (name.clone(), Value::from(*number)))).into()
}

/// Entries of the jet by name, and what is said of them.
fn entries(columns: &[(Entry, String)], inputs: &[String], outputs: &[String]) -> Value {
    let name = |entry: &Entry| entry.column(inputs, outputs);
    Table::from_iter(columns.iter().map(|(entry, text)| (name(entry), text.as_str().into()))).into()
}

/// A key, in quotes where TOML wants them: names may have letters of every script.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(bare) { name.to_string() } else { Value::from(name).to_string() }
}

/// What is read is at most 2⁵³.
fn whole(number: u64) -> Value {
    Value::Integer(number as i64)
}

/// Columns in memory have no path; the name that stands for them does not read back.
fn table_path(table: &crate::data::Table) -> Value {
    table.file().map_or_else(|| table.to_string().into(), path)
}

pub(super) fn path(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}
