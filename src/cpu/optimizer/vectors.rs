//! Products and combinations of blocks of vectors; the twin of `shaders/optimizer/vectors.wgsl`.

use pulp::{Simd, WithSimd};

/// Σ left · right over a block, in partial sums enough for four registers.
pub struct Dot<'a> {
    pub left: &'a [f64],
    pub right: &'a [f64],
}

impl WithSimd for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let mut sums = [0.0; 32];
        for (left, right) in self.left.chunks(32).zip(self.right.chunks(32)) {
            sums.iter_mut().zip(left.iter().zip(right)).for_each(|(sum, (a, b))| *sum += a * b);
        }
        sums.iter().sum()
    }
}

/// to += factor · from
pub struct Add<'a> {
    pub factor: f64,
    pub from: &'a [f64],
    pub to: &'a mut [f64],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.to.iter_mut().zip(self.from).for_each(|(to, from)| *to += self.factor * from);
    }
}
