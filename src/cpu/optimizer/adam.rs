//! The update of Adam and AdamW; the twin of `shaders/optimizer/adam.wgsl`.

use pulp::{Simd, WithSimd};

use crate::backend::Update;
use crate::numbers::Real;

/// The numbers of an [`Update`] in the kernel's type, with the clipping folded in.
#[derive(Clone, Copy)]
pub struct Constants<T> {
    clip: T,
    step_size: T,
    beta1: T,
    beta2: T,
    one_minus_beta1: T,
    one_minus_beta2: T,
    second_correction: T,
    epsilon: T,
    keep: T,
}

impl<T: Real> Constants<T> {
    /// For a gradient of this norm.
    pub fn new(update: &Update, gradient_norm: f64) -> Self {
        let clip = if gradient_norm > update.clip_norm { update.clip_norm / gradient_norm } else { 1.0 };
        Self {
            clip: T::of(clip),
            step_size: T::of(update.step_size),
            beta1: T::of(update.beta1),
            beta2: T::of(update.beta2),
            one_minus_beta1: T::of(1.0 - update.beta1),
            one_minus_beta2: T::of(1.0 - update.beta2),
            second_correction: T::of(update.second_correction),
            epsilon: T::of(update.epsilon),
            keep: T::of(1.0 - update.decay),
        }
    }
}

/// m, v and p from the gradient g, all of one range of the parameter block.
pub struct Adam<'a, T> {
    pub constants: Constants<T>,
    pub gradient: &'a [T],
    pub first: &'a mut [T],
    pub second: &'a mut [T],
    pub parameters: &'a mut [T],
}

impl<T: Real> WithSimd for Adam<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let c = self.constants;
        for (((g, m), v), p) in self.gradient.iter().zip(self.first).zip(self.second).zip(self.parameters) {
            let g = c.clip * *g;
            *m = c.beta1 * *m + c.one_minus_beta1 * g;
            *v = c.beta2 * *v + c.one_minus_beta2 * (g * g);
            *p = c.keep * *p - c.step_size * *m / ((*v * c.second_correction).sqrt() + c.epsilon);
        }
    }
}
