//! The products of an entry above the second order on a block of points: what [`curved_rule`](super::curved_rule) and
//! [`curved_adjoint`](super::curved_adjoint) share.
//!
//! With m the number of its factors, a product stands in an entry as R = coefficient · σ⁽ᵐ⁾ · Π z_f. A cotangent w of the
//! entry gives w σ⁽ᵐ⁺¹⁾ … to that of the value, and to that of each factor w σ⁽ᵐ⁾ times the others.

#![expect(clippy::needless_range_loop, reason = "one index runs along many rows, as in the shader")]

use crate::cpu::channels::Summand;
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::rules::activation_block::{BLOCK, Block, HigherSlopes};
use crate::numbers::Real;

/// The z-jets (C, H, P) of a block of points, and the activation's slopes there.
#[derive(Clone, Copy)]
pub struct Here<'a, T> {
    pub z: &'a [T],
    /// From channel to channel.
    pub step: usize,
    /// Vectors in the block.
    pub count: usize,
    pub slopes: &'a HigherSlopes<T>,
}

/// Runs an expression with `$factors` bound to the 2, 3 or 4 factors of a product as an array.
macro_rules! with_factors {
    ($summand:expr, $factors:ident => $body:expr) => {
        match $summand.factors[..] {
            [a, b] => {
                let $factors = [a, b];
                $body
            }
            [a, b, c] => {
                let $factors = [a, b, c];
                $body
            }
            [a, b, c, d] => {
                let $factors = [a, b, c, d];
                $body
            }
            _ => unreachable!("a product of order 4 has 2 to 4 factors"),
        }
    };
}

/// A block of zeros.
#[inline(always)]
pub fn zeros<T: Real>() -> Block<T> {
    [Lanes::ZERO; BLOCK]
}

impl<T: Real> Here<'_, T> {
    /// R of an entry: Σ coefficient · σ⁽ᵐ⁾ · Π z_f over its products.
    #[inline(always)]
    pub fn sum(self, summands: &[Summand<T>]) -> Block<T> {
        self.slope_sum(summands, 0)
    }

    /// ∂R/∂z_0: the same with σ⁽ᵐ⁺¹⁾.
    #[inline(always)]
    pub fn sum_by_value(self, summands: &[Summand<T>]) -> Block<T> {
        self.slope_sum(summands, 1)
    }

    /// Products of like length meet one slope, which is multiplied once.
    #[inline(always)]
    fn slope_sum(self, summands: &[Summand<T>], further: usize) -> Block<T> {
        let mut sum = zeros();
        for of_length in summands.chunk_by(|a, b| a.factors.len() == b.factors.len()) {
            let mut q = zeros();
            for summand in of_length {
                with_factors!(summand, factors => self.product(factors, summand.coefficient, &mut q));
            }
            let slope = &self.slopes[of_length[0].factors.len() - 1 + further];
            for v in 0..self.count {
                sum[v] = sum[v] + slope[v] * q[v];
            }
        }
        sum
    }

    /// q += coefficient · Π z_f
    #[inline(always)]
    fn product<const M: usize>(self, factors: [usize; M], coefficient: T, q: &mut Block<T>) {
        let rows = factors.map(|factor| &self.z[factor * self.step..]);
        for v in 0..self.count {
            let product = rows.iter().skip(1).fold(Lanes::load(rows[0], v * LANES) * coefficient, |product, row| {
                product * Lanes::load(row, v * LANES)
            });
            q[v] = q[v] + product;
        }
    }

    /// Adds to the cotangents of the factors, channel by channel in `bars`, what the cotangent `bar` of the entry gives.
    #[inline(always)]
    pub fn back(self, summands: &[Summand<T>], bar: &Block<T>, bars: &mut [Block<T>]) {
        for summand in summands {
            with_factors!(summand, factors => self.product_back(factors, summand.coefficient, bar, bars));
        }
    }

    #[inline(always)]
    fn product_back<const M: usize>(self, factors: [usize; M], coefficient: T, bar: &Block<T>, bars: &mut [Block<T>]) {
        let rows = factors.map(|factor| &self.z[factor * self.step..]);
        let slope = &self.slopes[M - 1];
        for v in 0..self.count {
            let of_all = bar[v] * slope[v] * coefficient;
            let z = rows.map(|row| Lanes::load(row, v * LANES));
            for (own, factor) in factors.into_iter().enumerate() {
                let others = (0..M).filter(|other| *other != own).fold(of_all, |product, other| product * z[other]);
                bars[factor][v] = bars[factor][v] + others;
            }
        }
    }
}
