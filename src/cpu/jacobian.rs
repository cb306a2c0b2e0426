//! The residuals of a tile one by one: their values, their derivatives with respect to every parameter, and
//! products with these.
//!
//! The way back starts from ∂r/∂jet of one term at all points of the tile at once, as no residual reads
//! another's point. A layer's part of the Jacobian is then Σ_c z_bar[o, c, p] · a[i, c, p], and the derivative
//! of r along a direction of the parameters is the sum over the layers of z_bar · (V a + v).

use faer::MatMut;
use faer::prelude::ReborrowMut;
use pulp::{Simd, WithSimd};

use super::channels::Channels;
use super::real::Real;
use super::residual::{Read, Term};
use super::tile::{Before, Pass, Shape, Tile};
use super::{input_layer, linear};
use crate::expression::Registers;
use crate::network::Layer;

/// Points whose sums stand in registers together.
const LANES: usize = 16;

/// Working memory for one term's residuals at the points of a tile. Each residual is multiplied by
/// √(weight · w_p / B), so that the sum of their squares is the term's part of the loss.
pub struct Residuals<T> {
    /// √(weight · w_p / B) (P)
    scale: Vec<T>,
    /// r (P)
    values: Vec<T>,
    /// ∂r/∂coefficient (K, P)
    slopes: Vec<T>,
    /// What a layer makes of its part of a direction (H, C, P); empty until a product is asked for.
    image: Vec<T>,
}

impl<T: Real> Residuals<T> {
    pub fn new(pass: &Pass<T>, shape: Shape) -> Self {
        let rows = |rows: usize| vec![T::ZERO; rows * shape.points];
        Self { scale: rows(1), values: rows(1), slopes: rows(pass.spec.coefficients), image: vec![] }
    }
}

impl<T: Real> Tile<T> {
    /// The rows of a term at the tile's first points: ∂r/∂parameters, then r, into `into` (points, P + 1).
    /// `per_point` is 1/B.
    pub fn jacobian(
        &mut self,
        pass: &Pass<T>,
        term: &Term,
        per_point: f64,
        work: &mut Residuals<T>,
        mut into: MatMut<f64>,
    ) {
        self.weigh(term, per_point, &mut work.scale);
        self.seed(pass, term, work);
        let shape = self.shape;
        self.walk_back(pass, |layer, z_bar, before| {
            let weights = into.rb_mut().subcols_mut(layer.offset, layer.outputs * layer.inputs);
            match before {
                Before::Jets(a) => pass.arch.dispatch(WeightColumns { z_bar, a, layer, shape, into: weights }),
                Before::Points(x) => {
                    pass.arch.dispatch(FirstColumns { z_bar, x, layer, shape, channels: pass.channels, into: weights });
                }
            }
            let biases = into.rb_mut().subcols_mut(layer.biases().start, layer.outputs);
            biases.col_iter_mut().zip(z_bar.chunks(shape.stride)).for_each(|(column, z_bar)| copy(z_bar, column));
        });
        let rest = work.slopes.chunks_exact(shape.points).chain([&work.values[..]]);
        let columns = into.subcols_mut(pass.spec.weights(), pass.spec.coefficients + 1);
        columns.col_iter_mut().zip(rest).for_each(|(column, row)| copy(row, column));
    }

    /// Adds Jᵀ J v of a term at the tile's points to the tile's gradient.
    pub fn gauss_newton_product(
        &mut self,
        pass: &Pass<T>,
        term: &Term,
        per_point: f64,
        direction: &[T],
        work: &mut Residuals<T>,
    ) {
        let (shape, points) = (self.shape, self.shape.points);
        self.weigh(term, per_point, &mut work.scale);
        self.seed(pass, term, work);
        let mut image = std::mem::take(&mut work.image);
        image.resize(pass.spec.widest() * shape.stride, T::ZERO);
        let along = &mut work.values;
        along.fill(T::ZERO);
        self.walk_back(pass, |layer, z_bar, before| {
            let (weights, biases) = (&direction[layer.weights()], &direction[layer.biases()]);
            match before {
                Before::Jets(a) => linear::forward(weights, biases, a, &mut image, shape),
                Before::Points(x) => input_layer::forward(weights, biases, x, &mut image, shape, pass.channels),
            }
            pass.arch.dispatch(Along { z_bar, image: &image, layer, shape, along });
        });
        work.image = image;
        let coefficients = &direction[pass.spec.weights()..];
        for (slopes, v) in work.slopes.chunks_exact(points).zip(coefficients) {
            work.values.iter_mut().zip(slopes).for_each(|(along, slope)| *along += *slope * *v);
        }
        for (slopes, sum) in work.slopes.chunks_exact(points).zip(&mut self.gradient[pass.spec.weights()..]) {
            work.values.iter().zip(slopes).for_each(|(along, slope)| *sum += *slope * *along);
        }
        work.scale.iter_mut().zip(&work.values).for_each(|(scale, along)| *scale = *scale * *along);
        self.seed(pass, term, work);
        self.backward(pass);
    }

    /// √(weight · w_p / B) of every point.
    fn weigh(&self, term: &Term, per_point: f64, scale: &mut [T]) {
        let share = T::of(term.weight * per_point);
        scale.iter_mut().zip(self.weights.iter()).for_each(|(scale, w)| *scale = (share * *w).sqrt());
    }

    /// The residuals of a term, their slopes, and ∂r/∂jet in the first buffer of cotangents, all multiplied
    /// by `work.scale`.
    fn seed(&mut self, pass: &Pass<T>, term: &Term, work: &mut Residuals<T>) {
        let read = Read {
            jets: self.z.last().expect("a network has a layer"),
            columns: &self.columns,
            coefficients: &pass.parameters[pass.spec.weights()..],
            shape: self.shape,
        };
        let (registers, bar) = (&mut self.registers, &mut self.bar[0][..]);
        pass.arch.dispatch(Seed { term, read, registers, bar, work });
    }
}

/// ∂r/∂jet, ∂r/∂coefficient and r of one term, multiplied by the scale.
struct Seed<'a, T: Real> {
    term: &'a Term,
    read: Read<'a, T>,
    registers: &'a mut Registers<T>,
    /// (M, C, P), overwritten.
    bar: &'a mut [T],
    work: &'a mut Residuals<T>,
}

impl<T: Real> WithSimd for Seed<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { term, read, registers, bar, work } = self;
        let points = read.shape.points;
        let program = term.residual.program();
        let reads = term.reads(read);
        program.run(program.outputs(), &reads, points, registers);
        let scaled = |output: usize, to: &mut [T]| {
            let row = program.output(output, &reads, points, registers);
            to.iter_mut().zip(&work.scale).enumerate().for_each(|(p, (to, scale))| *to = *scale * row.at(p));
        };
        bar.fill(T::ZERO);
        work.slopes.fill(T::ZERO);
        scaled(0, &mut work.values);
        for slot in 0..term.slots.len() {
            scaled(1 + slot, &mut bar[term.start(slot, read.shape)..][..points]);
        }
        for (k, coefficient) in term.residual.coefficients().iter().enumerate() {
            scaled(1 + term.slots.len() + k, &mut work.slopes[coefficient * points..][..points]);
        }
    }
}

/// ∂r/∂W of a layer: for unit o and input i the column Σ_c z_bar[o, c, p] · a[i, c, p].
struct WeightColumns<'a, T> {
    /// (out, C, P)
    z_bar: &'a [T],
    /// (in, C, P)
    a: &'a [T],
    layer: &'a Layer,
    shape: Shape,
    /// (points, out · in)
    into: MatMut<'a, f64>,
}

impl<T: Real> WithSimd for WeightColumns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { z_bar, a, layer, shape, into } = self;
        let Shape { points, columns, stride } = shape;
        for (index, column) in into.col_iter_mut().enumerate() {
            let z_bar = &z_bar[index / layer.inputs * stride..][..columns];
            let a = &a[index % layer.inputs * stride..][..columns];
            let column = column.try_as_col_major_mut().expect("a column of J is contiguous").as_slice_mut();
            for (block, to) in column.chunks_mut(LANES).enumerate() {
                let mut sum = [T::ZERO; LANES];
                for (z_bar, a) in z_bar.chunks_exact(points).zip(a.chunks_exact(points)) {
                    let (z_bar, a) = (&z_bar[block * LANES..][..LANES], &a[block * LANES..][..LANES]);
                    for lane in 0..LANES {
                        sum[lane] += z_bar[lane] * a[lane];
                    }
                }
                to.iter_mut().zip(sum).for_each(|(to, sum)| *to = sum.to_f64());
            }
        }
    }
}

/// ∂r/∂W of the first layer: z_bar x̂ᵢ, and dz_k_bar where the tangent is along input i.
struct FirstColumns<'a, T> {
    /// (out, C, P)
    z_bar: &'a [T],
    /// (D, C, P)
    x: &'a [T],
    layer: &'a Layer,
    shape: Shape,
    channels: &'a Channels<T>,
    /// (points, out · D)
    into: MatMut<'a, f64>,
}

impl<T: Real> WithSimd for FirstColumns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { z_bar, x, layer, shape, channels, into } = self;
        let Shape { points, columns, stride } = shape;
        for (index, column) in into.col_iter_mut().enumerate() {
            let (unit, input) = (index / layer.inputs, index % layer.inputs);
            let z_bar = &z_bar[unit * stride..][..columns];
            let x = &x[input * stride..][..points];
            let column = column.try_as_col_major_mut().expect("a column of J is contiguous").as_slice_mut();
            column.iter_mut().zip(z_bar).zip(x).for_each(|((to, z_bar), x)| *to = (*z_bar * *x).to_f64());
            for (tangent, of) in channels.tangents.iter().enumerate() {
                if *of == input {
                    let dz_bar = &z_bar[(1 + tangent) * points..][..points];
                    column.iter_mut().zip(dz_bar).for_each(|(to, dz_bar)| *to += dz_bar.to_f64());
                }
            }
        }
    }
}

/// Adds Σ over units and channels of z_bar · image to every point.
struct Along<'a, T> {
    /// (out, C, P)
    z_bar: &'a [T],
    /// (out, C, P)
    image: &'a [T],
    layer: &'a Layer,
    shape: Shape,
    /// (P)
    along: &'a mut [T],
}

impl<T: Real> WithSimd for Along<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Shape { points, columns, stride } = self.shape;
        let rows = self.z_bar.chunks(stride).zip(self.image.chunks(stride)).take(self.layer.outputs);
        for (z_bar, image) in rows {
            let channels = z_bar[..columns].chunks_exact(points).zip(image[..columns].chunks_exact(points));
            for (z_bar, image) in channels {
                for (along, (z_bar, image)) in self.along.iter_mut().zip(z_bar.iter().zip(image)) {
                    *along += *z_bar * *image;
                }
            }
        }
    }
}

/// The first numbers of a row as a column of J.
fn copy<T: Real>(row: &[T], column: faer::ColMut<f64>) {
    column.iter_mut().zip(row).for_each(|(to, from)| *to = from.to_f64());
}
