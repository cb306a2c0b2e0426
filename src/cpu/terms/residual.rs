//! The loss's terms on a tile of output jets; the twin of `shaders/terms/residual.wgsl`.

use pulp::{Simd, WithSimd};

use crate::cpu::shape::Shape;
use crate::expression::{Leaf, Registers, Residual, Row, Slot};
use crate::loss::Loss;
use crate::numbers::Real;

/// A term as the kernels read it.
pub struct Term {
    pub residual: Residual,
    pub weight: f64,
    /// The first of its columns.
    columns: usize,
}

/// What the terms' programs read on a tile.
#[derive(Clone, Copy)]
pub struct TileView<'a, T> {
    /// (C, M, P) of each network, where P is (places, N)
    pub jets: &'a [&'a [T]],
    /// (H, N)
    pub columns: &'a [T],
    /// (N): 0 for the points that only fill the tile.
    pub weights: &'a [T],
    /// (K)
    pub coefficients: &'a [T],
    /// M of each network.
    pub outputs: &'a [usize],
    pub shape: Shape,
}

impl Term {
    /// Where a slot's row lies in its network's jets (C, M, P), and in their cotangents.
    #[inline(always)]
    pub fn start<T>(&self, slot: usize, read: &TileView<T>) -> usize {
        let Slot { place, network, output, channel, .. } = self.residual.slots()[slot];
        let step = read.shape.step(read.outputs[network]);
        channel * step + output * read.shape.points + place * read.shape.loss_points()
    }

    /// The network that a slot is of.
    #[inline(always)]
    pub fn network(&self, slot: usize) -> usize {
        self.residual.slots()[slot].network
    }

    /// The rows that its program reads.
    #[inline(always)]
    pub fn reads<'a, T: Real>(&self, read: TileView<'a, T>) -> Vec<Row<'a, T>> {
        let points = read.shape.loss_points();
        let row = |leaf: &Leaf| match *leaf {
            Leaf::Slot(slot) => Row::Points(&read.jets[self.network(slot)][self.start(slot, &read)..][..points]),
            Leaf::Hoisted(column) => Row::Points(&read.columns[(self.columns + column) * points..][..points]),
            Leaf::Coefficient(coefficient) => Row::Same(read.coefficients[coefficient]),
            _ => unreachable!("a compiled residual reads slots, columns and coefficients"),
        };
        self.residual.program().reads().iter().map(row).collect()
    }
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
pub struct Cotangents<'a, 'b, T> {
    /// ∂loss/∂jet (C, M, P) of each network, overwritten.
    pub bars: &'a mut [&'b mut [T]],
    /// ∂loss/∂coefficient (K), added to.
    pub coefficients: &'a mut [T],
    /// 1/B
    pub per_point: f64,
}

/// Adds Σ_p w_p r² of each term to `losses` (T), and, with `back`, gives
/// ∂loss/∂jet = Σ_t 2 · weight · w_p · r/B · ∂r/∂jet, and the same for the coefficients.
pub struct Terms<'a, 'b, T: Real> {
    pub terms: &'a [Term],
    pub read: TileView<'a, T>,
    pub registers: &'a mut Registers<T>,
    /// (T)
    pub losses: &'a mut [f64],
    pub back: Option<Cotangents<'a, 'b, T>>,
}

impl<T: Real> WithSimd for Terms<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        if let Some(back) = &mut self.back {
            back.bars.iter_mut().for_each(|bar| bar.fill(T::ZERO));
        }
        let points = self.read.shape.loss_points();
        for (term, loss) in self.terms.iter().zip(self.losses) {
            let slots = term.residual.slots();
            let program = term.residual.program();
            let reads = term.reads(self.read);
            let outputs = if self.back.is_some() { program.outputs() } else { 1 };
            program.run(outputs, &reads, points, self.registers);
            let output = |output: usize| program.output(output, &reads, points, self.registers);
            let r = output(0);
            let mut sum = T::ZERO;
            for (p, w) in self.read.weights.iter().enumerate() {
                sum += *w * r.at(p) * r.at(p);
            }
            *loss += sum.to_f64();
            let Some(back) = &mut self.back else { continue };
            let share = T::of(2.0 * term.weight * back.per_point);
            for slot in 0..slots.len() {
                let slope = output(1 + slot);
                let bar = &mut back.bars[term.network(slot)][term.start(slot, &self.read)..][..points];
                for (p, (bar, w)) in bar.iter_mut().zip(self.read.weights).enumerate() {
                    *bar += share * *w * r.at(p) * slope.at(p);
                }
            }
            for (k, coefficient) in term.residual.coefficients().iter().enumerate() {
                let slope = output(1 + slots.len() + k);
                let mut sum = T::ZERO;
                for (p, w) in self.read.weights.iter().enumerate() {
                    sum += *w * r.at(p) * slope.at(p);
                }
                back.coefficients[*coefficient] += share * sum;
            }
        }
    }
}
