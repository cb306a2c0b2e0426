//! The residuals of a tile one by one: their values, and their derivatives with respect to every parameter.
//!
//! The way back starts from ∂r/∂jet of one term at all points of the tile at once, as no residual reads
//! another's point. A layer's part of the Jacobian is then Σ z_bar[o, c, p] · a[i, c, p] over the channels,
//! and over the places at which the term reads the network.

use faer::prelude::ReborrowMut;
use faer::{ColMut, MatMut};
use pulp::{Simd, WithSimd};

use crate::cpu::channels::Channels;
use crate::cpu::lanes::sum;
use crate::cpu::operations::LayerInput;
use crate::cpu::shape::Shape;
use crate::cpu::terms::residual::{Term, TileView};
use crate::cpu::tile::{Run, Tile};
use crate::expression::Registers;
use crate::network::Layer;
use crate::numbers::Real;

/// Points whose sums stand in registers together.
const LANES: usize = 16;

/// Working memory for one term's residuals at the points of a tile. Each residual is multiplied by
/// √(weight · w_p / B), so that the sum of their squares is the term's part of the loss.
pub struct Residuals<T> {
    /// √(weight · w_p / B) (N)
    scale: Vec<T>,
    /// r (N)
    values: Vec<T>,
    /// ∂r/∂coefficient (K, N)
    slopes: Vec<T>,
}

impl<T: Real> Residuals<T> {
    pub fn new(run: Run<T>, shape: Shape) -> Self {
        let rows = |rows: usize| vec![T::ZERO; rows * shape.loss_points()];
        Self { scale: rows(1), values: rows(1), slopes: rows(run.spec.coefficients) }
    }

    /// The values at the first points.
    pub fn values(&self, into: ColMut<f64>) {
        set(&self.values, into);
    }

    /// The coefficients' part of J v (N), from theirs of v (K).
    pub fn along(&self, direction: &[T], product: &mut [T]) {
        product.fill(T::ZERO);
        for (v, slopes) in direction.iter().zip(self.slopes.chunks_exact(product.len())) {
            product.iter_mut().zip(slopes).for_each(|(product, slope)| *product += *v * *slope);
        }
    }

    /// Adds Σ_p ∂r/∂coefficient over the tile's `points` to the coefficients' gradient (K).
    pub fn add_slopes(&self, points: usize, gradient: &mut [T]) {
        for (gradient, slopes) in gradient.iter_mut().zip(self.slopes.chunks_exact(points)) {
            *gradient += sum(slopes);
        }
    }
}

impl<T: Real> Tile<T> {
    /// The residuals of a term at the tile's points with their slopes, and ∂r/∂jet in the first buffer of
    /// cotangents. `per_point` is 1/B.
    pub fn residuals(&mut self, run: Run<T>, term: &Term, per_point: f64, work: &mut Residuals<T>) {
        self.weigh(term, per_point, &mut work.scale);
        self.seed(run, term, work);
    }

    /// Once more the cotangents and slopes of a term, each now multiplied by its residual's `factor` (N), too.
    pub fn cotangents_of(&mut self, run: Run<T>, term: &Term, factors: &[T], work: &mut Residuals<T>) {
        work.scale.iter_mut().zip(factors).for_each(|(scale, factor)| *scale *= *factor);
        self.seed(run, term, work);
    }

    /// The rows of the term whose residuals were computed last, at the tile's first points: ∂r/∂parameters,
    /// then r, into `into` (points, P + 1).
    pub fn jacobian(&mut self, run: Run<T>, work: &Residuals<T>, mut into: MatMut<f64>) {
        let tile = self.shape;
        // Nobody walks through a network of which nothing is read.
        for network in run.tiled.pass.networks.iter().filter(|network| !network.is_read) {
            let start = network.layers[0].offset;
            into.rb_mut().subcols_mut(start, network.output().biases().end - start).fill(0.0);
        }
        self.walk_back(run, |at, z_bar, before| {
            let (layer, shape) = (run.layer(at), run.shape(tile, at.network));
            let weights = into.rb_mut().subcols_mut(layer.offset, layer.outputs * layer.inputs);
            match before {
                LayerInput::Jets(a) => run.arch.dispatch(WeightColumns { z_bar, a, layer, shape, into: weights }),
                LayerInput::Points { x, firsts_bar } => {
                    run.arch.dispatch(FirstColumns {
                        z_bar,
                        x,
                        firsts_bar,
                        layer,
                        shape,
                        channels: run.channels(at.network),
                        into: weights,
                    });
                }
            }
            let biases = into.rb_mut().subcols_mut(layer.biases().start, layer.outputs);
            for (unit, mut column) in biases.col_iter_mut().enumerate() {
                column.fill(0.0);
                shape.rows(z_bar, layer.outputs, unit, 0..1).for_each(|z_bar| add(z_bar, column.rb_mut()));
            }
        });
        let rest = work.slopes.chunks_exact(tile.loss_points()).take(run.spec.coefficients).chain([&work.values[..]]);
        let columns = into.subcols_mut(run.weights, run.spec.coefficients + 1);
        columns.col_iter_mut().zip(rest).for_each(|(column, row)| set(row, column));
    }

    /// √(weight · w_p / B) of every point.
    fn weigh(&self, term: &Term, per_point: f64, scale: &mut [T]) {
        let share = T::of(term.weight * per_point);
        scale.iter_mut().zip(self.weights.iter()).for_each(|(scale, w)| *scale = (share * *w).sqrt());
    }

    /// The residuals of a term, their slopes, and ∂r/∂jet in the first buffer of cotangents, all multiplied
    /// by `work.scale`.
    fn seed(&mut self, run: Run<T>, term: &Term, work: &mut Residuals<T>) {
        self.over_jets(run, true, |read, bars, registers| {
            run.arch.dispatch(Seed { term, read, registers, bars, work });
        });
    }
}

/// ∂r/∂jet, ∂r/∂coefficient and r of one term, multiplied by the scale.
struct Seed<'a, 'b, T: Real> {
    term: &'a Term,
    read: TileView<'a, T>,
    registers: &'a mut Registers<T>,
    /// (C, M, P) of each network, overwritten.
    bars: &'a mut [&'b mut [T]],
    work: &'a mut Residuals<T>,
}

impl<T: Real> WithSimd for Seed<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { term, read, registers, bars, work } = self;
        let points = read.shape.loss_points();
        let program = term.residual.program();
        let reads = term.reads(read);
        program.run(program.outputs(), &reads, points, registers);
        let scaled = |output: usize, to: &mut [T]| {
            let row = program.output(output, &reads, points, registers);
            to.iter_mut().zip(&work.scale).enumerate().for_each(|(p, (to, scale))| *to = *scale * row.at(p));
        };
        bars.iter_mut().for_each(|bar| bar.fill(T::ZERO));
        work.slopes.fill(T::ZERO);
        scaled(0, &mut work.values[..points]);
        let slots = term.residual.slots().len();
        for slot in 0..slots {
            scaled(1 + slot, &mut bars[term.network(slot)][term.start(slot, &read)..][..points]);
        }
        for (k, coefficient) in term.residual.coefficients().iter().enumerate() {
            scaled(1 + slots + k, &mut work.slopes[coefficient * points..][..points]);
        }
    }
}

/// ∂r/∂W of a layer: for unit o and input i the column Σ_c z_bar[o, c, p] · a[i, c, p].
struct WeightColumns<'a, T> {
    /// (C, out, P)
    z_bar: &'a [T],
    /// (C, in, P)
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
        for (index, column) in into.col_iter_mut().enumerate() {
            let (unit, input) = (index / layer.inputs, index % layer.inputs);
            let column = column.try_as_col_major_mut().expect("a column of J is contiguous").as_slice_mut();
            for (block, to) in column.chunks_mut(LANES).enumerate() {
                let mut sum = [T::ZERO; LANES];
                let channels = 0..shape.channels;
                let z_bars = shape.rows(z_bar, layer.outputs, unit, channels.clone());
                for (z_bar, a) in z_bars.zip(shape.rows(a, layer.inputs, input, channels)) {
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

/// ∂r/∂W of the first layer: z_bar x̂ᵢ, the same for the adjoints, and dz_k_bar where the tangent is along input i.
struct FirstColumns<'a, T> {
    /// (C, out, P)
    z_bar: &'a [T],
    /// (D, P)
    x: &'a [T],
    /// (M, D, P)
    firsts_bar: &'a [T],
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
        let Self { z_bar, x, firsts_bar, layer, shape, channels, into } = self;
        for (index, mut column) in into.col_iter_mut().enumerate() {
            let (unit, input) = (index / layer.inputs, index % layer.inputs);
            let z_bars = |channels| shape.rows(z_bar, layer.outputs, unit, channels);
            let xs = |of, count: usize| shape.rows(of, layer.inputs, input, 0..count);
            column.fill(0.0);
            let value = z_bars(0..1).zip(xs(x, 1));
            let adjoints = z_bars(channels.forward()..channels.count()).zip(xs(firsts_bar, channels.adjoints()));
            for (z_bar, x) in value.chain(adjoints) {
                let products = z_bar.iter().zip(x).map(|(z_bar, x)| (*z_bar * *x).to_f64());
                column.rb_mut().iter_mut().zip(products).for_each(|(to, product)| *to += product);
            }
            for (tangent, _) in channels.tangents.iter().enumerate().filter(|(_, of)| **of == input) {
                z_bars(1 + tangent..2 + tangent).for_each(|dz_bar| add(dz_bar, column.rb_mut()));
            }
        }
    }
}

/// The first numbers of a row as a column of J.
fn set<T: Real>(row: &[T], column: ColMut<f64>) {
    column.iter_mut().zip(row).for_each(|(to, from)| *to = from.to_f64());
}

/// Adds them to it.
fn add<T: Real>(row: &[T], column: ColMut<f64>) {
    column.iter_mut().zip(row).for_each(|(to, from)| *to += from.to_f64());
}
