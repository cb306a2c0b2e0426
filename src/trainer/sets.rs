//! The point sets of a run on its device: which points a step sees.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::backend::{Backend, Batch, SetId};
use crate::error::Result;
use crate::problem::{Problem, Refined};

/// The loaded sets of a problem.
pub struct Sets<'a> {
    problem: &'a Problem,
    training: Vec<SetId>,
    validation: Option<SetId>,
    /// Whose order the rows of the data have.
    epoch: Option<u64>,
}

impl<'a> Sets<'a> {
    /// Takes the sets to the backend as they are after `step` steps.
    pub fn load(backend: &mut dyn Backend, problem: &'a Problem, step: u64, refined: &Refined) -> Result<Self> {
        let load = |(index, set): (usize, &crate::problem::TermSet)| {
            let resampled = problem.points_at(index, step, refined);
            backend.load(resampled.as_ref().unwrap_or(&set.points), &set.loss)
        };
        let training = problem.sets.iter().enumerate().map(load).collect::<Result<_>>()?;
        let validation = problem.validation().map(|set| backend.load(set, &problem.sets[0].loss)).transpose()?;
        Ok(Self { problem, training, validation, epoch: None })
    }

    /// The batches of a step: some rows of the data, all points of every other set. Sets whose time
    /// has come get new points first.
    pub fn batches(
        &mut self,
        backend: &mut dyn Backend,
        batch_size: usize,
        seed: u64,
        step: u64,
        refined: &mut Refined,
    ) -> Result<Vec<Batch>> {
        let problem = self.problem;
        for (set, round) in problem.due(step) {
            match problem.refine(set, round, backend)? {
                Some(chosen) => refined.insert(set, chosen),
                None => refined.remove(&set),
            };
            if let Some(points) = problem.points_at(set, step, refined) {
                backend.refill(self.training[set], &points, &problem.sets[set].loss)?;
            }
        }
        let mut batches = vec![];
        for (index, set) in problem.sets.iter().enumerate() {
            let all = Batch { set: self.training[index], start: 0, count: set.points.points() };
            let is_data = index == 0 && problem.data.is_some();
            batches.push(match is_data && batch_size < all.count {
                true => self.rows(backend, batch_size, seed, step, all)?,
                false if is_data && self.epoch.take().is_some() => {
                    // What an earlier stage has shuffled: sums have the rows' own order.
                    backend.order(all.set, &Vec::from_iter(0..all.count as u32))?;
                    all
                }
                false => all,
            });
        }
        Ok(batches)
    }

    /// Each term over all points, and the data's terms over the validation rows.
    pub fn losses(&self, backend: &mut dyn Backend) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
        let mut training = vec![];
        for id in &self.training {
            training.extend(backend.losses(*id)?);
        }
        Ok((training, self.validation(backend)?))
    }

    /// The data's terms over the validation rows.
    pub fn validation(&self, backend: &mut dyn Backend) -> Result<Option<Vec<f64>>> {
        self.validation.map(|set| backend.losses(set)).transpose()
    }

    /// The rows of a step. Every epoch has an order of its own.
    fn rows(
        &mut self,
        backend: &mut dyn Backend,
        batch_size: usize,
        seed: u64,
        step: u64,
        all: Batch,
    ) -> Result<Batch> {
        let count = all.count;
        let per_epoch = count.div_ceil(batch_size) as u64;
        let (epoch, position) = ((step - 1) / per_epoch, (step - 1) % per_epoch);
        if self.epoch != Some(epoch) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // Stream 0 has split the rows.
            rng.set_stream(epoch + 1);
            let mut order: Vec<u32> = (0..count as u32).collect();
            order.shuffle(&mut rng);
            backend.order(all.set, &order)?;
            self.epoch = Some(epoch);
        }
        let start = position as usize * batch_size;
        Ok(Batch { start, count: batch_size.min(count - start), ..all })
    }
}
