//! The loss's terms on a tile of output jets; the twin of `shaders/residual.wgsl`.

use pulp::{Simd, WithSimd};

use super::real::Real;
use super::tile::Shape;
use crate::expression::{Leaf, Registers, Residual, Row, Slot};
use crate::loss::Loss;
use crate::network::NetworkSpec;

/// A term as the kernel reads it.
pub struct Term {
    residual: Residual,
    weight: f64,
    /// The first of its columns.
    columns: usize,
}

/// The terms of a loss with their compiled residuals.
pub fn terms(loss: &Loss, residuals: &[Residual]) -> Vec<Term> {
    let mut columns = 0;
    let term = |(residual, weight): (&Residual, f64)| {
        let start = columns;
        columns += residual.hoisted();
        Term { residual: residual.clone(), weight, columns: start }
    };
    residuals.iter().zip(loss.terms.iter().map(|term| term.weight)).map(term).collect()
}

/// The registers that the terms' programs work in.
pub fn registers<T: Real>(terms: &[Term], points: usize) -> Registers<T> {
    Registers::new(terms.iter().map(|term| term.residual.program().registers()).max().unwrap_or(0), points)
}

/// Where the way back starts.
pub struct Back<'a, T> {
    /// ∂loss/∂jet (M, C, P), overwritten.
    pub bar: &'a mut [T],
    /// ∂loss/∂coefficient (K), added to.
    pub coefficients: &'a mut [T],
    /// 1/B
    pub per_point: f64,
}

/// Adds Σ_p w_p r² of each term to `losses` (T), and, with `back`, gives
/// ∂loss/∂jet = Σ_t 2 · weight · w_p · r/B · ∂r/∂jet, and the same for the coefficients.
pub struct Terms<'a, T: Real> {
    pub spec: &'a NetworkSpec,
    pub terms: &'a [Term],
    /// (M, C, P), where P is (places, N)
    pub jets: &'a [T],
    /// (H, N)
    pub columns: &'a [T],
    /// (N): 0 for the points that only fill the tile.
    pub weights: &'a [T],
    /// The whole parameter block (P), whose end the coefficients are.
    pub parameters: &'a [T],
    pub shape: Shape,
    pub registers: &'a mut Registers<T>,
    /// (T)
    pub losses: &'a mut [f64],
    pub back: Option<Back<'a, T>>,
}

impl<T: Real> WithSimd for Terms<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        if let Some(back) = &mut self.back {
            back.bar.fill(T::ZERO);
        }
        let points = self.shape.loss_points();
        let coefficients = &self.parameters[self.spec.weights()..];
        for (term, loss) in self.terms.iter().zip(self.losses) {
            let slots = term.residual.slots();
            let start = |slot: usize| {
                let Slot { place, entry, channel } = slots[slot];
                entry.output * self.shape.stride + channel * self.shape.points + place * points
            };
            let read = |leaf: &Leaf| match *leaf {
                Leaf::Slot(slot) => Row::Points(&self.jets[start(slot)..][..points]),
                Leaf::Hoisted(column) => Row::Points(&self.columns[(term.columns + column) * points..][..points]),
                Leaf::Coefficient(coefficient) => Row::Same(coefficients[coefficient]),
                _ => unreachable!("a compiled residual reads slots, columns and coefficients"),
            };
            let program = term.residual.program();
            let reads: Vec<_> = program.reads().iter().map(read).collect();
            let outputs = if self.back.is_some() { program.outputs() } else { 1 };
            program.run(outputs, &reads, points, self.registers);
            let output = |output: usize| program.output(output, &reads, points, self.registers);
            let r = output(0);
            let mut sum = T::ZERO;
            for (p, w) in self.weights.iter().enumerate() {
                sum += *w * r.at(p) * r.at(p);
            }
            *loss += sum.to_f64();
            let Some(back) = &mut self.back else { continue };
            let share = T::of(2.0 * term.weight * back.per_point);
            for slot in 0..slots.len() {
                let slope = output(1 + slot);
                let bar = &mut back.bar[start(slot)..][..points];
                for (p, (bar, w)) in bar.iter_mut().zip(self.weights).enumerate() {
                    *bar += share * *w * r.at(p) * slope.at(p);
                }
            }
            for (k, coefficient) in term.residual.coefficients().iter().enumerate() {
                let slope = output(1 + slots.len() + k);
                let mut sum = T::ZERO;
                for (p, w) in self.weights.iter().enumerate() {
                    sum += *w * r.at(p) * slope.at(p);
                }
                back.coefficients[*coefficient] += share * sum;
            }
        }
    }
}
