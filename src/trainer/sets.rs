//! The point sets of a run on its device: which points a step sees.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::backend::{Backend, Batch, SetId, Vector};
use crate::error::Result;
use crate::job::Balance;
use crate::problem::{Adapted, Problem};

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
    pub fn load(backend: &mut dyn Backend, problem: &'a Problem, step: u64, adapted: &Adapted) -> Result<Self> {
        let load = |set| backend.load(&problem.points_at(set, step, adapted), &problem.loss(set, adapted));
        let training = (0..problem.sets.len()).map(load).collect::<Result<_>>()?;
        let validation = problem.validation().map(|set| backend.load(set, &problem.sets[0].loss)).transpose()?;
        Ok(Self { problem, training, validation, epoch: None })
    }

    /// The batches of a step: some rows of the data, all points of every other set. Sets whose time
    /// has come get new points first, and new weights where the step `reweighs`; whether there were any, or the rows
    /// have another order, comes with them.
    pub fn batches(
        &mut self,
        backend: &mut dyn Backend,
        batch_size: usize,
        seed: u64,
        (step, reweighs): (u64, bool),
        adapted: &mut Adapted,
    ) -> Result<(Vec<Batch>, bool)> {
        let problem = self.problem;
        let mut is_changed = false;
        for set in 0..problem.sets.len() {
            if problem.adapt(set, step, reweighs, backend, adapted)? {
                let points = problem.points_at(set, step, adapted);
                is_changed = true;
                backend.refill(self.training[set], &points, &problem.loss(set, adapted))?;
            }
        }
        let mut batches = vec![];
        for (index, set) in problem.sets.iter().enumerate() {
            let all = Batch { set: self.training[index], start: 0, count: set.points.points() };
            let is_data = index == 0 && problem.data.is_some();
            batches.push(match is_data && batch_size < all.count {
                true => {
                    is_changed = true;
                    self.rows(backend, batch_size, seed, step, all)?
                }
                false if is_data && self.epoch.take().is_some() => {
                    // What an earlier stage has shuffled: sums have the rows' own order.
                    is_changed = true;
                    backend.order(all.set, &Vec::from_iter(0..all.count as u32))?;
                    all
                }
                false => all,
            });
        }
        Ok((batches, is_changed))
    }

    /// Multiplies the weight of every term by a factor that makes the gradients of all terms over the batches of a
    /// step equally long: Σ norms over its own norm (Wang, Sankaran, Wang, Perdikaris 2023), smoothed over the updates.
    pub fn balance(
        &self,
        backend: &mut dyn Backend,
        batches: &[Batch],
        balance: Balance,
        adapted: &mut Adapted,
    ) -> Result<()> {
        let mut norms = vec![];
        for (batch, set) in batches.iter().zip(&self.problem.sets) {
            let terms = &set.loss.terms;
            for (alone, term) in terms.iter().enumerate() {
                // What has no weight takes no part.
                let weights: Vec<f64> = (0..terms.len()).map(|k| f64::from(k == alone && term.weight > 0.0)).collect();
                backend.weigh(batch.set, &weights)?;
                backend.differentiate(&[*batch])?;
                norms.push(backend.dots(&[Vector::Gradient], &[Vector::Gradient])?[0].sqrt());
            }
        }
        let all: f64 = norms.iter().sum();
        let memory = if adapted.balance.is_empty() { 0.0 } else { balance.memory };
        adapted.balance.resize(norms.len(), 1.0);
        for (factor, norm) in adapted.balance.iter_mut().zip(norms) {
            let whole = all / norm;
            // A gradient that vanishes says nothing, and one that is not finite ends the run at its step.
            if whole.is_finite() {
                *factor = memory * *factor + (1.0 - memory) * whole;
            }
        }
        for (set, batch) in batches.iter().enumerate() {
            let weights: Vec<f64> = self.problem.loss(set, adapted).terms.iter().map(|term| term.weight).collect();
            backend.weigh(batch.set, &weights)?;
        }
        Ok(())
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
