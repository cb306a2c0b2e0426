//! The sections of a job that say by which optimizers it trains: a `[[stage]]` for each, or `[optimizer]`,
//! `[schedule]` and `[training]` for one.

use super::item::Item;
use super::read::Reader;
use super::read_equations::refine;
use super::section::Section;
use super::*;
use crate::error::{Error, Result};
use crate::optimizer::{AdamSettings, LbfgsSettings, Shape};
use crate::points::Resampling;

/// The keys of `[training]` that belong to a stage.
const LENGTH_KEYS: [&str; 6] = ["steps", "epochs", "batch_size", "report_every", "resample_every", "refine"];
/// Steps that L-BFGS may remember: the scalars between all of them grow with their square.
const MOST_HISTORY: u64 = 10_000;
impl Reader<'_> {
    pub fn stages(&self, data: Option<&Data>) -> Result<Vec<Stage>> {
        let training = self.document.section("training", keys::TRAINING)?;
        let items = self.document.list("stage");
        if items.is_empty() {
            let section = self.document.section("optimizer", keys::OPTIMIZER)?;
            let schedule = self.document.section("schedule", keys::SCHEDULE)?;
            let optimizer = self.optimizer(&section, "name")?;
            if schedule.is_present() && !optimizer.kind.is_adam() {
                let problem = format!("this section has no effect: {} has no learning rate", optimizer.kind.name());
                let help = "remove it, or use another optimizer";
                return Err(Error::input(self.document.section_place("schedule"), problem, help));
            }
            return Ok(vec![self.stage(optimizer, &schedule, &training, data)?]);
        }
        for name in ["optimizer", "schedule"] {
            if self.document.has(name) {
                let problem = format!("[{name}] has no effect when the job has [[stage]] sections");
                let help = "move its keys into the [[stage]] sections that they belong to";
                return Err(Error::input(self.document.section_place(name), problem, help));
            }
        }
        for key in LENGTH_KEYS {
            training.only_if(key, false, "a job without [[stage]]; set it in each stage instead")?;
        }
        let stage = |(k, item): (usize, &Item)| {
            let section = item.section(format!("stage {}: ", k + 1), keys::STAGE)?;
            let optimizer = self.optimizer(&section, "optimizer")?;
            self.stage(optimizer, &section, &section, data)
        };
        items.iter().enumerate().map(stage).collect()
    }

    fn optimizer(&self, section: &Section, name: &str) -> Result<Optimizer> {
        let choices = OptimizerKind::ALL.map(|kind| (kind.name(), kind));
        let kind = section.read(name, OptimizerKind::Adam, |item| item.one_of(&choices))?;
        for key in ["learning_rate", "beta1", "beta2", "epsilon", "clip_norm"] {
            section.only_if(key, kind.is_adam(), &format!("{name} = \"adam\" or \"adamw\""))?;
        }
        for (key, only) in [
            ("weight_decay", OptimizerKind::AdamW),
            ("history", OptimizerKind::Lbfgs),
            ("tolerance", OptimizerKind::Lbfgs),
            ("damping", OptimizerKind::GaussNewton),
        ] {
            section.only_if(key, kind == only, &format!("{name} = {:?}", only.name()))?;
        }
        section.only_if("memory", kind.needs_jacobian(), &format!("{name} = \"gauss-newton\" or \"evidence\""))?;
        let share = |item: &Item| item.number_that("a number from 0 to below 1", |b| (0.0..1.0).contains(&b));
        let decays = kind == OptimizerKind::AdamW;
        let adam = AdamSettings {
            beta1: section.read("beta1", 0.9, share)?,
            beta2: section.read("beta2", 0.999, share)?,
            epsilon: section.read("epsilon", 1e-8, Item::positive)?,
            weight_decay: if decays { section.read("weight_decay", 0.01, Item::not_negative)? } else { 0.0 },
            clip_norm: section.read("clip_norm", f64::INFINITY, Item::positive)?,
        };
        let default = LbfgsSettings::default();
        let lbfgs = LbfgsSettings {
            history: section.read("history", default.history as u64, |item| item.count_up_to(MOST_HISTORY))? as usize,
            tolerance: section.read("tolerance", default.tolerance, Item::not_negative)?,
        };
        let learning_rate = section.read("learning_rate", 3e-3, Item::positive)?;
        let damping = section.read("damping", 1e-2, Item::positive)?;
        let memory = section.read("memory", 8.0, Item::not_negative)?;
        Ok(Optimizer { kind, learning_rate, adam, lbfgs, damping, memory })
    }

    /// A stage whose schedule and length stand in these sections.
    fn stage(&self, optimizer: Optimizer, schedule: &Section, length: &Section, data: Option<&Data>) -> Result<Stage> {
        let kind = optimizer.kind;
        length.only_if(
            "epochs",
            data.is_some(),
            &format!("[data]; without [data], use {}", length.name_of("steps")),
        )?;
        length.only_if("batch_size", data.is_some(), "[data]; a term sets the number of its points itself")?;
        let takes_all = format!("adam or adamw; {} uses all rows in every step", kind.name());
        for key in ["epochs", "batch_size"] {
            length.only_if(key, kind.is_adam(), &takes_all)?;
        }
        let (steps, report_every) = match kind {
            OptimizerKind::Adam | OptimizerKind::AdamW => (20_000, 100),
            OptimizerKind::Lbfgs => (5_000, 50),
            OptimizerKind::GaussNewton | OptimizerKind::Evidence => (200, 10),
        };
        Ok(Stage {
            optimizer,
            schedule: self.schedule(schedule, kind)?,
            length: self.length(length, steps)?,
            batch_size: length.optional("batch_size", Item::count)?.map(|size| size as usize),
            report_every: length.read("report_every", report_every, Item::count)?,
            resampling: self.resampling(length)?,
        })
    }

    /// When a stage draws new points.
    fn resampling(&self, section: &Section) -> Result<Option<Resampling>> {
        for key in ["resample_every", "refine"] {
            section.only_if(key, self.document.has("term"), "a [[term]] with sampled points")?;
        }
        section.only_if("refine", section.get("resample_every").is_some(), "resample_every")?;
        let refine = section.optional("refine", |item| refine(section, item))?;
        let every = section.optional("resample_every", Item::whole)?;
        Ok(every.map(|every| Resampling { every, refine }))
    }

    fn length(&self, section: &Section, default: u64) -> Result<Length> {
        let steps = section.optional("steps", Item::count)?;
        let epochs = section.optional("epochs", Item::count)?;
        match (self.overrides.steps, steps, epochs) {
            (Some(0), ..) => Err(Error::input("--steps", "0 is out of range", "use at least 1")),
            (Some(steps), ..) => Ok(Length::Steps(steps)),
            (None, Some(_), Some(_)) => {
                let problem = "steps and epochs cannot be combined";
                Err(Error::input(section.place("epochs"), problem, "keep one of them"))
            }
            (None, None, Some(epochs)) => Ok(Length::Epochs(epochs)),
            (None, steps, None) => Ok(Length::Steps(steps.unwrap_or(default))),
        }
    }

    fn schedule(&self, section: &Section, kind: OptimizerKind) -> Result<ScheduleSettings> {
        for key in keys::SCHEDULE {
            section.only_if(key, kind.is_adam(), "adam or adamw, which have a learning rate")?;
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
}
