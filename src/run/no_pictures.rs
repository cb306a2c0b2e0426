//! What stands in the place of `pictures.rs` in a build without the feature `plot`: a run directory then has none.

use crate::error::Result;
use crate::job::Job;
use crate::predict::Source;
use crate::problem::Problem;
use crate::run::directory::RunDir;
use crate::run::results::PredictionPlan;

pub fn of_model(_: &Job, _: &Problem, _: &PredictionPlan, _: &mut dyn Source, _: &RunDir) -> Result<()> {
    Ok(())
}

pub fn of_training(_: &Job, _: &Problem, _: &RunDir) -> Result<()> {
    Ok(())
}
