//! What Gauss–Newton needs of the CPU: the Jacobian of all residuals.

use faer::MatMut;
use faer::prelude::ReborrowMut;

use super::Cpu;
use super::jacobian::Residuals;
use super::real::Real;
use super::set::Share;
use crate::backend::{Batch, Jacobian};

impl<T: Real> Cpu<T> {
    /// Fills `into` with the residuals of the batches and their derivatives: batch by batch, term by term,
    /// in the order of the points.
    pub(super) fn fill_jacobian(&mut self, batches: &[Batch], into: &mut Jacobian) {
        let columns = self.spec.parameters() + 1;
        let rows = |batch: &Batch| self.sets[batch.set.0].terms.len() * batch.count;
        let counts: Vec<usize> = batches.iter().map(rows).collect();
        into.rows = counts.iter().sum();
        into.values.resize(into.rows * columns, 0.0);
        let mut rest = MatMut::from_column_major_slice_mut(&mut into.values, into.rows, columns);
        for (batch, count) in batches.iter().zip(counts) {
            let (own, others) = rest.split_at_row_mut(count);
            self.fill_rows(*batch, own);
            rest = others;
        }
    }

    /// The rows of one batch (T·B, P + 1).
    fn fill_rows(&self, batch: Batch, mut rows: MatMut<f64>) {
        let set = &self.sets[batch.set.0];
        let shares: Vec<Share> = set.shares(batch).collect();
        // What falls to each worker: a block of every term's rows.
        let mut blocks: Vec<Vec<MatMut<f64>>> = shares.iter().map(|_| vec![]).collect();
        for _ in &set.terms {
            let (mut own, others) = rows.split_at_row_mut(batch.count);
            rows = others;
            for (share, blocks) in shares.iter().zip(&mut blocks) {
                let (block, others) = own.split_at_row_mut(share.tiles().map(|positions| positions.len()).sum());
                blocks.push(block);
                own = others;
            }
        }
        let per_point = 1.0 / batch.count as f64;
        self.over_tiles(&shares, &mut blocks, |pass, set, tile, share, blocks| {
            tile.make_bars(pass.spec);
            let mut work = Residuals::new(pass, set.shape);
            let mut done = 0;
            for positions in share.tiles() {
                let count = positions.len();
                set.fill(tile, positions);
                tile.forward(pass);
                for (term, block) in set.terms.iter().zip(&mut *blocks) {
                    tile.jacobian(pass, term, per_point, &mut work, block.rb_mut().subrows_mut(done, count));
                }
                done += count;
            }
        });
    }
}
