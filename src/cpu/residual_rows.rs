//! What Gauss–Newton needs of the CPU: all residuals, and their Jacobian.

use faer::MatMut;
use faer::prelude::ReborrowMut;

use crate::backend::{Batch, Jacobian};
use crate::cpu::Cpu;
use crate::cpu::jacobian::Residuals;
use crate::cpu::set::Share;
use crate::numbers::Real;

impl<T: Real> Cpu<T> {
    /// Fills `into` with the residuals of the batches and their derivatives: batch by batch, term by term,
    /// in the order of the points.
    pub(crate) fn fill_jacobian(&self, batches: &[Batch], into: &mut Jacobian) {
        into.rows = self.fill(batches, self.spec.parameters() + 1, &mut into.values);
    }

    /// The residuals alone (R).
    pub(crate) fn fill_residuals(&self, batches: &[Batch], into: &mut Vec<f64>) {
        self.fill(batches, 1, into);
    }

    /// So many columns of all rows, the residuals the last of them; gives the number of rows.
    fn fill(&self, batches: &[Batch], columns: usize, values: &mut Vec<f64>) -> usize {
        let rows = |batch: &Batch| self.sets[batch.set.0].terms.len() * batch.count;
        let counts: Vec<usize> = batches.iter().map(rows).collect();
        let all = counts.iter().sum();
        values.resize(all * columns, 0.0);
        let mut rest = MatMut::from_column_major_slice_mut(values, all, columns);
        for (batch, count) in batches.iter().zip(counts) {
            let (own, others) = rest.split_at_row_mut(count);
            self.fill_rows(*batch, own);
            rest = others;
        }
        all
    }

    /// The rows of one batch (T·B, P + 1), or its residuals (T·B, 1).
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
        self.over_tiles(&shares, &mut blocks, |run, set, tile, share, blocks| {
            tile.make_bars(run.tiled);
            let mut work = Residuals::new(run, set.shape);
            let mut done = 0;
            for positions in share.tiles() {
                let count = positions.len();
                set.fill(tile, positions);
                tile.forward(run);
                for (term, block) in set.terms.iter().zip(&mut *blocks) {
                    let block = block.rb_mut().subrows_mut(done, count);
                    tile.residuals(run, term, per_point, &mut work);
                    if block.ncols() > 1 {
                        tile.jacobian(run, &work, block);
                    } else {
                        work.values(block.col_mut(0));
                    }
                }
                done += count;
            }
        });
    }
}
