//! From a [`Job`] back to TOML, with every default filled in.

use std::path::Path;

use toml::{Table, Value};

use super::*;

impl Job {
    /// The resolved job: every key that takes part, paths absolute. It reads back to an equal job.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for (name, keys) in self.sections() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("[{name}]\n"));
            keys.iter().for_each(|(key, value)| text.push_str(&format!("{key} = {value}\n")));
        }
        text
    }

    fn sections(&self) -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
        let mut sections = vec![
            ("data", self.data.keys()),
            ("network", self.network.keys()),
            ("loss", self.loss_keys()),
            ("optimizer", self.optimizer.keys()),
            ("schedule", self.schedule.keys()),
            ("training", self.training.keys()),
            ("device", self.device.keys()),
            ("predictions", self.predictions.keys(&self.data.inputs)),
        ];
        if let Some(truth) = &self.truth {
            sections.push(("truth", vec![("file", path(&truth.file)), ("columns", self.data.table(&truth.columns))]));
        }
        sections.push(("output", vec![("directory", path(&self.output))]));
        sections
    }

    fn loss_keys(&self) -> Vec<(&'static str, Value)> {
        let LossSettings { value, first, second, curvature, weights, scales } = &self.loss;
        let has = |order| self.data.derivatives.iter().any(|(entry, _)| entry.derivative.order() == order);
        let mut keys = vec![("value", (*value).into())];
        keys.extend(has(1).then(|| ("first", (*first).into())));
        keys.extend(has(2).then(|| ("second", (*second).into())));
        keys.push(("curvature", (*curvature).into()));
        let table = |numbers: &BTreeMap<String, f64>| -> Value {
            Table::from_iter(numbers.iter().map(|(name, number)| (name.clone(), Value::from(*number)))).into()
        };
        keys.extend([("weights", table(weights)), ("scales", table(scales))]);
        keys
    }
}

impl Data {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let mut keys = vec![
            ("file", path(&self.file)),
            ("inputs", self.inputs.clone().into()),
            ("outputs", self.outputs.clone().into()),
            ("derivatives", self.table(&self.derivatives)),
        ];
        keys.extend(self.weights.as_ref().map(|column| ("weights", column.as_str().into())));
        match &self.validation {
            Validation::None => keys.push(("validation_fraction", 0.0.into())),
            Validation::Fraction(fraction) => keys.push(("validation_fraction", (*fraction).into())),
            Validation::File(file) => keys.push(("validation_file", path(file))),
        }
        keys
    }

    fn table(&self, columns: &[(Entry, String)]) -> Value {
        let name = |entry: &Entry| entry.column(&self.inputs, &self.outputs);
        Table::from_iter(columns.iter().map(|(entry, column)| (name(entry), column.as_str().into()))).into()
    }
}

impl Network {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let hidden: Vec<_> = self.hidden.iter().map(|width| whole(*width as u64)).collect();
        let mut keys = vec![("hidden", hidden.into()), ("activation", self.activation.name().into())];
        keys.extend(self.frequency.map(|frequency| ("frequency", frequency.into())));
        keys
    }
}

impl OptimizerKind {
    /// Every optimizer.
    pub const ALL: [OptimizerKind; 2] = [OptimizerKind::Adam, OptimizerKind::AdamW];

    /// Its name in jobs.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::Adam => "adam",
            OptimizerKind::AdamW => "adamw",
        }
    }
}

impl Optimizer {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let Adam { beta1, beta2, epsilon, weight_decay, clip_norm } = self.adam;
        let mut keys = vec![
            ("name", self.kind.name().into()),
            ("learning_rate", self.learning_rate.into()),
            ("beta1", beta1.into()),
            ("beta2", beta2.into()),
            ("epsilon", epsilon.into()),
        ];
        keys.extend((self.kind == OptimizerKind::AdamW).then(|| ("weight_decay", weight_decay.into())));
        keys.extend(clip_norm.is_finite().then(|| ("clip_norm", clip_norm.into())));
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

impl Training {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        let mut keys = vec![match self.length {
            Length::Steps(steps) => ("steps", whole(steps)),
            Length::Epochs(epochs) => ("epochs", whole(epochs)),
        }];
        keys.extend(self.batch_size.map(|size| ("batch_size", whole(size as u64))));
        keys.push(("report_every", whole(self.report_every)));
        keys.extend(self.max_seconds.map(|seconds| ("max_seconds", seconds.into())));
        keys.extend(self.early_stopping.map(|reports| ("early_stopping", whole(reports))));
        keys.push(("seed", whole(self.seed)));
        keys
    }
}

impl Device {
    fn keys(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("name", self.name.as_str().into()),
            ("precision", self.precision.to_string().into()),
            ("threads", whole(self.threads as u64)),
            ("fallback", self.fallback.into()),
        ]
    }
}

impl Predictions {
    fn keys(&self, inputs: &[String]) -> Vec<(&'static str, Value)> {
        let mut keys = vec![];
        match &self.points {
            Points::Data => {}
            Points::Grid(axes) => {
                let axis =
                    |axis: &Axis| -> Value { vec![axis.from.into(), axis.to.into(), whole(axis.count as u64)].into() };
                let grid = inputs.iter().cloned().zip(axes.iter().map(axis));
                keys.push(("grid", Table::from_iter(grid).into()));
            }
            Points::File(file) => keys.push(("points", path(file))),
        }
        keys.push(("order", whole(self.order as u64)));
        keys.extend((self.order == 2).then(|| ("second", self.seconds.name().into())));
        keys.push(("allow_rough", self.allow_rough.into()));
        keys
    }
}

/// What is read is at most 2⁵³.
fn whole(number: u64) -> Value {
    Value::Integer(number as i64)
}

fn path(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}
