//! Products and combinations of vectors of P numbers.
//!
//! What is kept is f64 whatever the network's format, and so are all sums. They go over blocks of numbers: one worker
//! reads a block of every vector while it is in cache, and the blocks' sums are added in order.

use rayon::prelude::*;

use crate::backend::{Vector, Vectors};
use crate::cpu::optimizer::vectors::{Add, Dot};
use crate::cpu::{Cpu, from_f64, to_f64};
use crate::error::Result;
use crate::numbers::Real;

/// Numbers in a block: 16 KiB, so that a few vectors' blocks lie in the first cache.
const BLOCK: usize = 2048;

impl<T: Real> Vectors for Cpu<T> {
    fn allocate_vectors(&mut self, count: usize) -> Result<()> {
        self.kept = vec![vec![0.0; self.spec.parameters()]; count];
        Ok(())
    }

    fn vector(&mut self, vector: Vector) -> Result<Vec<f64>> {
        Ok(match vector {
            Vector::Parameters => to_f64(self.parameters.values()),
            Vector::Gradient => to_f64(&self.gradient),
            Vector::Kept(kept) => self.kept[kept].clone(),
        })
    }

    fn set_kept(&mut self, kept: usize, numbers: &[f64]) -> Result<()> {
        self.kept[kept].copy_from_slice(numbers);
        Ok(())
    }

    fn dots(&mut self, left: &[Vector], right: &[Vector]) -> Result<Vec<f64>> {
        let block = |start: usize| {
            let mut rooms = vec![[0.0; BLOCK]; left.len() + 1];
            let (room, rooms) = rooms.split_last_mut().expect("one at least");
            let left: Vec<&[f64]> =
                left.iter().zip(rooms).map(|(vector, room)| self.block(*vector, start, room)).collect();
            let mut dots = vec![0.0; left.len() * right.len()];
            for (index, vector) in right.iter().enumerate() {
                let right_block = self.block(*vector, start, room);
                for (row, left) in dots.chunks_exact_mut(right.len()).zip(&left) {
                    row[index] = self.arch.dispatch(Dot { left, right: right_block });
                }
            }
            dots
        };
        let starts = (0..self.spec.parameters()).into_par_iter().step_by(BLOCK);
        let blocks: Vec<Vec<f64>> = self.threads.install(|| starts.map(block).collect());
        let mut dots = vec![0.0; left.len() * right.len()];
        for block in blocks {
            dots.iter_mut().zip(block).for_each(|(dot, part)| *dot += part);
        }
        Ok(dots)
    }

    fn combine(&mut self, into: Vector, parts: &[(f64, Vector)]) -> Result<()> {
        match into {
            Vector::Parameters => {
                let combined = self.combined(parts);
                self.parameters.set(&combined);
            }
            Vector::Gradient => self.gradient = from_f64(&self.combined(parts)),
            Vector::Kept(kept) => self.kept[kept] = self.combined(parts),
        }
        Ok(())
    }
}

impl<T: Real> Cpu<T> {
    /// The block of a vector that begins at `start`: where it lies, or made f64 in `room`.
    fn block<'a>(&'a self, vector: Vector, start: usize, room: &'a mut [f64; BLOCK]) -> &'a [f64] {
        let end = self.spec.parameters().min(start + BLOCK);
        let numbers = match vector {
            Vector::Kept(kept) => return &self.kept[kept][start..end],
            Vector::Parameters => &self.parameters.values()[start..end],
            Vector::Gradient => &self.gradient[start..end],
        };
        let room = &mut room[..numbers.len()];
        room.iter_mut().zip(numbers).for_each(|(room, x)| *room = x.to_f64());
        room
    }

    /// Σ factor · vector (P)
    fn combined(&self, parts: &[(f64, Vector)]) -> Vec<f64> {
        let mut sum = vec![0.0; self.spec.parameters()];
        let block = |(index, sum): (usize, &mut [f64])| {
            let mut room = [0.0; BLOCK];
            for (factor, vector) in parts {
                let from = self.block(*vector, index * BLOCK, &mut room);
                self.arch.dispatch(Add { factor: *factor, from, to: sum });
            }
        };
        self.threads.install(|| sum.par_chunks_mut(BLOCK).enumerate().for_each(block));
        sum
    }
}
