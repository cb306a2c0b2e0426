//! Sums in a fixed order over what the workers leave; the twin of `shaders/terms/reduce.wgsl`.

use aligned_vec::avec;
use pulp::{Simd, WithSimd};

use crate::cpu::lanes::Buffer;
use crate::numbers::Real;

/// What a worker sums over its tiles.
pub struct Sums<T> {
    /// The gradient (P); empty until asked for.
    pub gradient: Buffer<T>,
    /// Each term's Σ_p w_p r² (T).
    pub losses: Vec<f64>,
}

impl<T: Real> Sums<T> {
    pub fn new() -> Self {
        Self { gradient: avec![[64]| T::ZERO; 0], losses: vec![] }
    }

    /// Starts again from 0, for so many terms, and for a gradient of so many parameters where one is
    /// asked for.
    pub fn clear(&mut self, terms: usize, parameters: Option<usize>) {
        self.losses.clear();
        self.losses.resize(terms, 0.0);
        if let Some(parameters) = parameters {
            self.gradient.resize(parameters, T::ZERO);
            self.gradient.fill(T::ZERO);
        }
    }
}

/// gradient (n) = the sum of the workers' parts in order, for the parameters from `start` on; gives
/// Σ gradient².
pub struct Gradient<'a, T> {
    pub sums: &'a [Sums<T>],
    pub start: usize,
    pub gradient: &'a mut [T],
}

impl<T: Real> WithSimd for Gradient<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Self { sums, start, gradient } = self;
        gradient.fill(T::ZERO);
        for sums in sums {
            let part = &sums.gradient[start..][..gradient.len()];
            gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += *part);
        }
        let mut squares = [0.0; 16];
        for chunk in gradient.chunks(16) {
            squares.iter_mut().zip(chunk).for_each(|(square, g)| *square += g.to_f64() * g.to_f64());
        }
        squares.iter().sum()
    }
}
