//! Where a network was trained: the least and the greatest of every input.

use super::Problem;
use crate::data::PointSet;
use crate::job::Job;

impl Problem {
    /// The range of each input (D) over the rows of the data and of the terms' files, and over the variables' box.
    pub(super) fn ranges(&self, job: &Job) -> Vec<[f64; 2]> {
        let data = self.data.iter().flat_map(|data| [Some(&data.training), data.validation.as_ref()]);
        let sets: Vec<&PointSet> = data.flatten().chain(self.sets.iter().map(|set| &set.points)).collect();
        let range = |input: usize| {
            let variable = job.variables.get(input);
            let start = variable.map_or([f64::INFINITY, f64::NEG_INFINITY], |variable| [variable.low, variable.high]);
            let all = sets.iter().flat_map(|set| &set.inputs[input]);
            all.fold(start, |[low, high], x| [low.min(*x), high.max(*x)])
        };
        (0..job.inputs.len()).map(range).collect()
    }
}
