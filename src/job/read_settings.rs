//! The sections of a job that hold for all of its stages: balance, training and device.

use super::item::Item;
use super::read::Reader;
use super::section::LARGEST_WHOLE;
use super::*;
use crate::error::{Error, Result};
use crate::threads;

/// Seconds: what a run that is killed loses at most, by default.
const CHECKPOINT_EVERY: f64 = 30.0;

/// Networks of an ensemble: all of them are in memory when their mean is taken, and their spread is known by far fewer.
const MOST_MEMBERS: u64 = 1000;

impl Reader<'_> {
    pub fn balance(&self, stages: &[Stage]) -> Result<Option<Balance>> {
        let section = self.document.section("balance", keys::BALANCE)?;
        if !section.is_present() {
            return Ok(None);
        }
        if !stages.iter().any(|stage| stage.optimizer.kind.is_adam()) {
            let problem = "this section has no effect: only adam and adamw balance the weights";
            let help = "remove it, or add a first stage with adam";
            return Err(Error::input(self.document.section_place("balance"), problem, help));
        }
        let share = |item: &Item| item.number_that("a number from 0 to below 1", |share| (0.0..1.0).contains(&share));
        Ok(Some(Balance {
            every: section.read("every", 100, Item::count)?,
            memory: section.read("memory", 0.9, share)?,
        }))
    }

    pub fn training(&self, data: Option<&Data>) -> Result<Training> {
        let section = self.document.section("training", keys::TRAINING)?;
        let is_judged = data.is_some_and(|data| data.validation != Validation::None) || self.document.has("term");
        section.only_if("early_stopping", is_judged, "validation rows, or a [[term]] with sampled points")?;
        let max_seconds = section.optional("max_seconds", Item::positive)?;
        if self.overrides.max_seconds.is_some_and(|seconds| !(seconds > 0.0 && seconds.is_finite())) {
            return Err(Error::input("--max-seconds", "this is out of range", "use a number of seconds above 0"));
        }
        let ensemble = match self.overrides.ensemble {
            Some(0) => return Err(Error::input("--ensemble", "0 is out of range", "use at least 1")),
            Some(members) if members as u64 > MOST_MEMBERS => {
                let help = format!("use a whole number from 1 to {MOST_MEMBERS}");
                return Err(Error::input("--ensemble", format!("{members} is out of range"), help));
            }
            Some(members) => members,
            None => section.read("ensemble", 1, |item| item.count_up_to(MOST_MEMBERS))? as usize,
        };
        Ok(Training {
            max_seconds: self.overrides.max_seconds.or(max_seconds),
            checkpoint_every: section.read("checkpoint_every", CHECKPOINT_EVERY, Item::positive)?,
            early_stopping: section.optional("early_stopping", Item::count)?,
            seed: match self.overrides.seed {
                Some(seed) if seed > LARGEST_WHOLE => {
                    return Err(Error::input("--seed", "this is too large", "use a whole number up to 2^53"));
                }
                Some(seed) => seed,
                None => section.read("seed", 0, Item::whole)?,
            },
            ensemble,
            bootstrap: section.read("bootstrap", ensemble > 1, Item::flag)?,
        })
    }

    pub fn device(&self, stages: &[Stage]) -> Result<Device> {
        let section = self.document.section("device", keys::DEVICE)?;
        let choices = Precision::ALL.map(|precision| (precision.name(), precision));
        let name = section.read("name", "auto".to_string(), Item::text)?;
        let newton = stages.iter().map(|stage| stage.optimizer.kind).find(|kind| kind.needs_jacobian());
        let is_newton = newton.is_some();
        // Its factorisation squares the condition of the Jacobian.
        let default = if is_newton { Precision::F64 } else { Precision::F32 };
        let precision = section.read("precision", default, |item| item.one_of(&choices))?;
        let name = self.overrides.device.clone().unwrap_or(name);
        if let Some(kind) = newton.filter(|_| !matches!(name.as_str(), "auto" | "cpu")) {
            let kind = kind.name();
            let problem = format!("{kind} runs only on the CPU, not on device {name:?}");
            return Err(Error::input(section.place("name"), problem, "use device \"cpu\", or use adam or lbfgs"));
        }
        let device = Device {
            name: if is_newton { "cpu".to_string() } else { name },
            precision: self.overrides.precision.unwrap_or(precision),
            threads: match self.overrides.threads {
                Some(count) => threads::checked("--threads", count)?,
                None => section.read("threads", 0, |item| threads::checked(item.place(), item.whole()? as usize))?,
            },
            fallback: section.read("fallback", true, Item::flag)?,
        };
        if device.precision == Precision::F64 && !matches!(device.name.as_str(), "auto" | "cpu") {
            let problem = format!("f64 runs only on the CPU, not on device {:?}", device.name);
            return Err(Error::input(section.place("precision"), problem, "use device \"cpu\", or precision \"f32\""));
        }
        if device.precision.f16_parts() > 0 && device.name == "cpu" {
            let problem = format!("{} runs only on a GPU with matrix units, not on the CPU", device.precision);
            return Err(Error::input(section.place("precision"), problem, "use precision \"f32\", or device \"gpu\""));
        }
        Ok(device)
    }
}
