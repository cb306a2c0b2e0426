//! A step: batches fall to workers, their gradients are summed in order, and Adam moves the parameters.

use rayon::prelude::*;

use crate::backend::{Batch, Update};
use crate::cpu::Cpu;
use crate::cpu::optimizer::adam::{Adam, Constants};
use crate::cpu::set::{Set, Share};
use crate::cpu::terms::reduce;
use crate::cpu::terms::reduce::Sums;
use crate::cpu::tile::{Run, Tile};
use crate::numbers::Real;

/// Parameters that one task updates: a fixed number, as the norm is summed over such blocks.
const BLOCK: usize = 8192;

impl<T: Real> Cpu<T> {
    /// How batches fall to workers, those of the first batch first.
    pub(super) fn shares(&self, batches: &[Batch]) -> Vec<Share> {
        batches.iter().flat_map(|batch| self.sets[batch.set.0].shares(*batch)).collect()
    }

    /// Lets every worker do its work: with its thread's tile, its share of a batch, and an item of its own.
    pub(super) fn over_tiles<I: Send>(
        &self,
        shares: &[Share],
        items: &mut [I],
        work: impl Fn(Run<T>, &Set<T>, &mut Tile<T>, Share, &mut I) + Sync,
    ) {
        let one = |(share, item): (&Share, &mut I)| {
            let set = &self.sets[share.batch.set.0];
            let run = self.tiled_run(&set.tiled);
            set.tiles.with(|| set.tile(), |tile| work(run, set, tile, *share, item));
        };
        self.threads.install(|| shares.par_iter().zip(items).with_max_len(1).for_each(one));
    }

    /// Each term's mean over its batch, and where asked for the sum of the gradients in `self.gradient`,
    /// with its norm.
    pub(super) fn run(&mut self, batches: &[Batch], with_gradient: bool) -> (Vec<f64>, f64) {
        let shares = self.shares(batches);
        let mut sums = std::mem::take(&mut self.sums);
        sums.resize_with(shares.len().max(sums.len()), Sums::new);
        let own = &mut sums[..shares.len()];
        self.over_tiles(&shares, own, |run, set, tile, share, sums| {
            sums.clear(set.terms.len(), with_gradient.then_some(run.spec.parameters()));
            let per_point = with_gradient.then_some(1.0 / share.batch.count as f64);
            for positions in share.tiles() {
                set.fill(tile, positions);
                tile.forward(run);
                tile.residual(run, &set.terms, sums, per_point);
                if with_gradient {
                    tile.backward(run, &mut sums.gradient);
                }
            }
        });
        let norm = if with_gradient { self.reduce(own) } else { 0.0 };
        let mut losses = vec![];
        for (share, sums) in shares.iter().zip(own) {
            let first = if share.worker == 0 { losses.len() } else { losses.len() - sums.losses.len() };
            losses.resize(first + sums.losses.len(), 0.0);
            let means = sums.losses.iter().map(|sum| sum / share.batch.count as f64);
            losses[first..].iter_mut().zip(means).for_each(|(loss, mean)| *loss += mean);
        }
        self.sums = sums;
        (losses, norm)
    }

    /// Sums the workers' gradients in order, block by block; gives the norm of the sum.
    pub(super) fn reduce(&mut self, sums: &[Sums<T>]) -> f64 {
        let (arch, blocks) = (self.arch, self.gradient.par_chunks_mut(BLOCK).enumerate());
        let block = |(block, gradient)| arch.dispatch(reduce::Gradient { sums, start: block * BLOCK, gradient });
        let squares: Vec<f64> = self.threads.install(|| blocks.map(block).collect());
        squares.iter().sum::<f64>().sqrt()
    }

    /// A whole step, on a thread of the pool, so that its parts follow one another without a change of
    /// threads.
    pub(super) fn step_on_pool(&mut self, batches: &[Batch], update: &Update) {
        let (losses, norm) = self.run(batches, true);
        self.report.losses = losses;
        self.report.gradient_norm = norm;
        if !norm.is_finite() || self.report.losses.iter().any(|loss| !loss.is_finite()) {
            self.report.diverged_at = Some(update.step);
            return;
        }
        let (arch, constants) = (self.arch, Constants::new(update, norm));
        let blocks = self.gradient.par_chunks(BLOCK).zip(self.first_moment.par_chunks_mut(BLOCK));
        let blocks = blocks.zip(self.second_moment.par_chunks_mut(BLOCK));
        self.parameters.change(|parameters| {
            let blocks = blocks.zip(parameters.par_chunks_mut(BLOCK));
            blocks.for_each(|(((gradient, first), second), parameters)| {
                arch.dispatch(Adam { constants, gradient, first, second, parameters });
            });
        });
    }
}
