//! The sections of a job that say how it trains: optimizer, schedule, training, device.

use super::item::Item;
use super::read::Reader;
use super::section::LARGEST_WHOLE;
use super::*;
use crate::error::{Error, Result};
use crate::optimizer::Shape;

impl Reader<'_> {
    pub fn optimizer(&self) -> Result<Optimizer> {
        let section = self.document.section(
            "optimizer",
            &["name", "learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "clip_norm", "damping"],
        )?;
        let choices = OptimizerKind::ALL.map(|kind| (kind.name(), kind));
        let kind = section.read("name", OptimizerKind::Adam, |item| item.one_of(&choices))?;
        let is_newton = kind == OptimizerKind::GaussNewton;
        for key in ["learning_rate", "beta1", "beta2", "epsilon", "clip_norm"] {
            section.only_if(key, !is_newton, "name = \"adam\" or \"adamw\"")?;
        }
        section.only_if("damping", is_newton, "name = \"gauss-newton\"")?;
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
        let learning_rate = section.read("learning_rate", 3e-3, Item::positive)?;
        Ok(Optimizer { kind, learning_rate, adam, damping: section.read("damping", 1e-2, Item::positive)? })
    }

    pub fn schedule(&self, optimizer: &Optimizer) -> Result<ScheduleSettings> {
        let section =
            self.document.section("schedule", &["shape", "warmup", "final_fraction", "factor", "every", "patience"])?;
        if section.is_present() && optimizer.kind == OptimizerKind::GaussNewton {
            let problem = "this section has no effect here: Gauss–Newton finds the length of its steps itself";
            let mend = "remove it, or choose another optimizer";
            return Err(Error::input(self.document.section_place("schedule"), problem, mend));
        }
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

    pub fn training(&self, data: Option<&Data>, optimizer: &Optimizer) -> Result<Training> {
        let section = self.document.section(
            "training",
            &["steps", "epochs", "batch_size", "report_every", "max_seconds", "early_stopping", "seed"],
        )?;
        section.only_if("epochs", data.is_some(), "[data]; without it, give training.steps")?;
        section.only_if("batch_size", data.is_some(), "[data]; the count of a term's points is its own")?;
        let is_newton = optimizer.kind == OptimizerKind::GaussNewton;
        for key in ["epochs", "batch_size"] {
            section.only_if(key, !is_newton, "adam or adamw; gauss-newton takes all rows in each step")?;
        }
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
            (None, steps, None) => Length::Steps(steps.unwrap_or(if is_newton { 200 } else { 20_000 })),
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
            report_every: section.read("report_every", if is_newton { 10 } else { 100 }, Item::count)?,
            max_seconds: self.overrides.max_seconds.or(max_seconds),
            early_stopping: section.optional("early_stopping", Item::count)?,
            seed: match self.overrides.seed {
                Some(seed) if seed > LARGEST_WHOLE => {
                    return Err(Error::input("--seed", "it is too large", "give it a whole number up to 2^53"));
                }
                Some(seed) => seed,
                None => section.read("seed", 0, Item::whole)?,
            },
        })
    }

    pub fn device(&self, optimizer: &Optimizer) -> Result<Device> {
        let section = self.document.section("device", &["name", "precision", "threads", "fallback"])?;
        let choices = [("f32", Precision::F32), ("f64", Precision::F64)];
        let name = section.read("name", "auto".to_string(), Item::text)?;
        let is_newton = optimizer.kind == OptimizerKind::GaussNewton;
        // Its factorisation squares the condition of the Jacobian.
        let default = if is_newton { Precision::F64 } else { Precision::F32 };
        let precision = section.read("precision", default, |item| item.one_of(&choices))?;
        let name = self.overrides.device.clone().unwrap_or(name);
        if is_newton && !matches!(name.as_str(), "auto" | "cpu") {
            let problem = format!("gauss-newton runs on the CPU alone, not on device {name:?}");
            return Err(Error::input(section.place("name"), problem, "use device \"cpu\", or adam"));
        }
        let device = Device {
            name: if is_newton { "cpu".to_string() } else { name },
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
}
