//! Products with the Jacobian J of the residuals where it is not stored: JᵀJ v, and the squares of its columns.
//!
//! J v is Σ z_bar · (V a + v_b) over the layers, where V and v_b are the parts of v that belong to W and b: what
//! the layer makes of a change of its parameters, seen by the residual. Jᵀ of that is one more way back, from
//! ∂r/∂jet times J v.

use aligned_vec::avec;
use faer::MatMut;
use pulp::{Simd, WithSimd};

use crate::backend::Batch;
use crate::cpu::jacobian::Residuals;
use crate::cpu::lanes::Buffer;
use crate::cpu::layers::input_layer;
use crate::cpu::operations::LayerInput;
use crate::cpu::products::linear;
use crate::cpu::shape::Shape;
use crate::cpu::terms::reduce::Sums;
use crate::cpu::tile::{Run, Tile};
use crate::cpu::{Cpu, from_f64, to_f64};
use crate::numbers::Real;

impl<T: Real> Cpu<T> {
    /// JᵀJ v (P) over the batches, for v (P).
    pub(crate) fn normal_product(&mut self, batches: &[Batch], direction: &[f64]) -> Vec<f64> {
        let direction: Vec<T> = from_f64(direction);
        let shares = self.shares(batches);
        let mut sums = std::mem::take(&mut self.sums);
        sums.resize_with(shares.len().max(sums.len()), Sums::new);
        let own = &mut sums[..shares.len()];
        self.over_tiles(&shares, own, |run, set, tile, share, sums| {
            sums.clear(0, Some(run.spec.parameters()));
            tile.make_bars(run.tiled);
            let mut work = Residuals::new(run, set.shape);
            let mut image = avec![[64]| T::ZERO; set.shape.size(run.spec.widest())];
            let mut product = vec![T::ZERO; set.shape.loss_points()];
            let per_point = 1.0 / share.batch.count as f64;
            for positions in share.tiles() {
                set.fill(tile, positions);
                tile.forward(run);
                let points = tile.shape.loss_points();
                let product = &mut product[..points];
                for term in &set.terms {
                    tile.residuals(run, term, per_point, &mut work);
                    tile.along(run, &direction, &work, &mut image, product);
                    tile.cotangents_of(run, term, product, &mut work);
                    tile.backward(run, &mut sums.gradient);
                    work.add_slopes(points, &mut sums.gradient[run.weights..]);
                }
            }
        });
        self.reduce(own);
        self.sums = sums;
        to_f64(&self.gradient)
    }

    /// The squared norm of every column of J (P).
    pub(crate) fn column_squares(&self, batches: &[Batch]) -> Vec<f64> {
        let shares = self.shares(batches);
        let count = self.spec.parameters();
        let mut squares: Vec<Vec<f64>> = shares.iter().map(|_| vec![0.0; count]).collect();
        self.over_tiles(&shares, &mut squares, |run, set, tile, share, squares| {
            tile.make_bars(run.tiled);
            let mut work = Residuals::new(run, set.shape);
            let mut rows = vec![0.0; set.shape.loss_points() * (count + 1)];
            for positions in share.tiles() {
                let points = positions.len();
                set.fill(tile, positions);
                tile.forward(run);
                for term in &set.terms {
                    let rows = &mut rows[..points * (count + 1)];
                    tile.residuals(run, term, 1.0 / share.batch.count as f64, &mut work);
                    tile.jacobian(run, &work, MatMut::from_column_major_slice_mut(rows, points, count + 1));
                    for (square, column) in squares.iter_mut().zip(rows.chunks_exact(points)) {
                        *square += column.iter().map(|j| j * j).sum::<f64>();
                    }
                }
            }
        });
        let mut all = vec![0.0; count];
        for squares in squares {
            all.iter_mut().zip(squares).for_each(|(all, square)| *all += square);
        }
        all
    }
}

impl<T: Real> Tile<T> {
    /// J v (N) of the term whose residuals were computed last. `image` is as large as any layer's jets.
    fn along(&mut self, run: Run<T>, direction: &[T], work: &Residuals<T>, image: &mut Buffer<T>, product: &mut [T]) {
        let tile = self.shape;
        work.along(&direction[run.weights..], product);
        self.walk_back(run, |at, z_bar, before| {
            let (layer, channels, shape) = (run.layer(at), run.channels(at.network), run.shape(tile, at.network));
            let (weights, biases) = (&direction[layer.weights()], &direction[layer.biases()]);
            match before {
                LayerInput::Jets(a) => linear::forward(run.arch, weights, biases, a, image, shape),
                LayerInput::Points { x, firsts_bar } => {
                    let (forward, adjoints) = (channels.forward(), channels.adjoints());
                    input_layer::forward(run.arch, weights, biases, x, image, shape.channels(forward), channels);
                    let image = &mut image[forward * shape.step(layer.outputs)..];
                    if adjoints > 0 {
                        linear::product(run.arch, weights, layer.outputs, firsts_bar, image, shape.channels(adjoints));
                    }
                }
            }
            let image = &*image;
            run.arch.dispatch(Contract { z_bar, image, units: layer.outputs, shape, product });
        });
    }
}

/// product (N) += Σ z_bar · image over units, channels and places.
struct Contract<'a, T> {
    /// (C, H, P)
    z_bar: &'a [T],
    /// (C, H, P)
    image: &'a [T],
    /// H
    units: usize,
    shape: Shape,
    product: &'a mut [T],
}

impl<T: Real> WithSimd for Contract<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { z_bar, image, units, shape, product } = self;
        let rows = |block| (0..units).flat_map(move |unit| shape.rows(block, units, unit, 0..shape.channels));
        for (z_bar, image) in rows(z_bar).zip(rows(image)) {
            let products = z_bar.iter().zip(image).map(|(z_bar, image)| *z_bar * *image);
            product.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
    }
}
