//! The point sets of a run on its device: which points a step sees.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::backend::{Backend, Batch, SetId, Vector};
use crate::error::Result;
use crate::job::Balance;
use crate::problem::{Adapted, Now, Problem};

/// The loaded sets of a problem.
pub struct Sets<'a> {
    problem: &'a Problem,
    training: Vec<SetId>,
    /// What judges each of them, where something does.
    judging: Vec<Option<SetId>>,
    /// Whose order the rows of the data have.
    epoch: Option<u64>,
}

/// Fresh points of a set that are drawn anew for every report; more stay until the end.
const MOST_MOVED: usize = 1 << 17;
/// The round of fresh points that judges the trained network, which no report has seen.
const LAST_ROUND: u64 = u64::MAX;

impl<'a> Sets<'a> {
    /// Takes the sets to the backend as they are now.
    pub fn load(backend: &mut dyn Backend, problem: &'a Problem, adapted: &Adapted) -> Result<Self> {
        let load = |set| backend.load(&problem.points_at(set, adapted), &problem.loss(set, adapted));
        let training = (0..problem.sets.len()).map(load).collect::<Result<_>>()?;
        let judge = |set: usize| {
            let points = problem.judging_points(set, 0);
            points.map(|points| backend.load(&points, &problem.sets[set].loss)).transpose()
        };
        let judging = (0..problem.sets.len()).map(judge).collect::<Result<_>>()?;
        Ok(Self { problem, training, judging, epoch: None })
    }

    /// The training sets on the device, in the problem's order.
    pub fn ids(&self) -> &[SetId] {
        &self.training
    }

    /// The batches of a step: some rows of the data, all points of every other set. Sets whose time
    /// has come get new points first, and new weights; whether there were any, or the rows have another order, comes with
    /// them.
    pub fn batches(
        &mut self,
        backend: &mut dyn Backend,
        batch_size: usize,
        seed: u64,
        now: Now,
        adapted: &mut Adapted,
    ) -> Result<(Vec<Batch>, bool)> {
        let problem = self.problem;
        let mut is_changed = false;
        for set in 0..problem.sets.len() {
            if problem.adapt(set, now, backend, adapted)? {
                let points = problem.points_at(set, adapted);
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
                    self.rows(backend, batch_size, seed, now.step, all)?
                }
                false if is_data && self.epoch.take().is_some() => {
                    // What an earlier stage has shuffled: sums have the rows' own order.
                    is_changed = true;
                    backend.set_order(all.set, &Vec::from_iter(0..all.count as u32))?;
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
                backend.set_term_weights(batch.set, &weights)?;
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
            backend.set_term_weights(batch.set, &weights)?;
        }
        Ok(())
    }

    /// Each term over all points it is trained on (T).
    pub fn losses(&self, backend: &mut dyn Backend) -> Result<Vec<f64>> {
        let mut losses = vec![];
        for id in &self.training {
            losses.extend(backend.losses(*id)?);
        }
        Ok(losses)
    }

    /// Each term where it is judged (T), for the report after `step` steps.
    pub fn validation(&self, backend: &mut dyn Backend, step: u64) -> Result<Vec<Option<f64>>> {
        self.validation_at(backend, step, MOST_MOVED)
    }

    /// The same for the trained network.
    pub fn last_validation(&self, backend: &mut dyn Backend) -> Result<Vec<Option<f64>>> {
        self.validation_at(backend, LAST_ROUND, usize::MAX)
    }

    fn validation_at(&self, backend: &mut dyn Backend, round: u64, most: usize) -> Result<Vec<Option<f64>>> {
        let mut losses = vec![];
        for (index, (set, id)) in self.problem.sets.iter().zip(&self.judging).enumerate() {
            let Some(id) = *id else {
                losses.extend(set.loss.terms.iter().map(|_| None));
                continue;
            };
            if set.source.is_some() && set.points.points() <= most {
                let points = self.problem.judging_points(index, round).expect("what was loaded is there");
                backend.refill(id, &points, &set.loss)?;
            }
            let of_terms = backend.losses(id)?.into_iter().enumerate();
            losses.extend(of_terms.map(|(term, loss)| self.problem.is_term_judged(index, term).then_some(loss)));
        }
        Ok(losses)
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
            backend.set_order(all.set, &order)?;
            self.epoch = Some(epoch);
        }
        let start = position as usize * batch_size;
        Ok(Batch { start, count: batch_size.min(count - start), ..all })
    }
}
