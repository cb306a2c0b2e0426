//! Where curvature is penalised: at points of a set of its own over the box of the data. On the rows alone it would be
//! small at the rows alone, and the network would bend between them.

use super::Problem;
use super::source::point_set;
use crate::data::Dataset;
use crate::domain::Domain;
use crate::error::Result;
use crate::job::Job;
use crate::points::{PointsSpec, Sampler, Variable, sample};

/// Points for each row: a kink that a network makes to meet a row is about as wide as the way to the next.
const POINTS_A_ROW: usize = 4;
/// The least and the most points. With more rows than the most, these leave no room for kinks between them.
const POINT_COUNTS: (usize, usize) = (512, 4096);

impl Problem {
    /// Adds the penalties on curvature, where the job has some.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] where no box follows from the data.
    pub(super) fn penalise_curvature(&mut self, job: &Job) -> Result<()> {
        let Some(data) = &self.data else { return Ok(()) };
        let loss = job.curvature_loss(data, &self.transforms);
        if loss.terms.is_empty() {
            return Ok(());
        }
        let area = match job.variables.is_empty() {
            true => data_box(data)?,
            false => job.variables.clone(),
        };
        // In one dimension nothing is more even than a grid.
        let sampler = match area.len() {
            1 => Sampler::Grid,
            inputs if Sampler::Sobol.most_inputs().is_some_and(|most| inputs > most) => Sampler::LatinHypercube,
            _ => Sampler::Sobol,
        };
        let count = (POINTS_A_ROW * self.rows()).clamp(POINT_COUNTS.0, POINT_COUNTS.1);
        let region = PointsSpec::inside(sampler, count).validate("loss.curvature", &Domain::of_box(&area))?;
        let set = self.push(point_set(sample(&region, sampler, count, self.seed, 0)), None);
        self.sets[set].loss = loss;
        Ok(())
    }
}

/// The least box that holds all rows, those that judge too.
fn data_box(data: &Dataset) -> Result<Vec<Variable>> {
    let side = |(input, name): (usize, &String)| {
        let (low, high) = data.range(input);
        Variable::new(name, low, high)
    };
    data.inputs.iter().enumerate().map(side).collect()
}
