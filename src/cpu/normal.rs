//! Products with the Jacobian J of the residuals where it is not stored: JᵀJ v, and the squares of its columns.
//!
//! J v is Σ z_bar · (V a + v_b) over the layers, where V and v_b are the parts of v that belong to W and b: what
//! the layer makes of a change of its parameters, seen by the residual. Jᵀ of that is one more way back, from
//! ∂r/∂jet times J v.

use aligned_vec::avec;
use faer::MatMut;
use pulp::{Simd, WithSimd};

use super::jacobian::Residuals;
use super::real::Real;
use super::reduce::Sums;
use super::tile::{Before, Buffer, Pass, Shape, Tile};
use super::{Cpu, from_f64, input_layer, linear, to_f64};
use crate::backend::Batch;

impl<T: Real> Cpu<T> {
    /// JᵀJ v (P) over the batches, for v (P).
    pub(super) fn normal_product(&mut self, batches: &[Batch], direction: &[f64]) -> Vec<f64> {
        let direction: Vec<T> = from_f64(direction);
        let shares = self.shares(batches);
        let mut sums = std::mem::take(&mut self.sums);
        sums.resize_with(shares.len().max(sums.len()), Sums::new);
        let own = &mut sums[..shares.len()];
        self.over_tiles(&shares, own, |pass, set, tile, share, sums| {
            sums.clear(0, Some(pass.spec.parameters()));
            tile.make_bars(pass.spec);
            let mut work = Residuals::new(pass, set.shape);
            let mut image = avec![[64]| T::ZERO; pass.spec.widest() * set.shape.stride];
            let mut product = vec![T::ZERO; set.shape.loss_points()];
            let per_point = 1.0 / share.batch.count as f64;
            for positions in share.tiles() {
                set.fill(tile, positions);
                tile.forward(pass);
                let points = tile.shape.loss_points();
                let product = &mut product[..points];
                for term in &set.terms {
                    tile.residuals(pass, term, per_point, &mut work);
                    tile.along(pass, &direction, &work, &mut image, product);
                    tile.cotangents_of(pass, term, product, &mut work);
                    tile.backward(pass, &mut sums.gradient);
                    work.add_slopes(points, &mut sums.gradient[pass.spec.weights()..]);
                }
            }
        });
        self.reduce(own);
        self.sums = sums;
        to_f64(&self.gradient)
    }

    /// The squared norm of every column of J (P).
    pub(super) fn column_squares(&self, batches: &[Batch]) -> Vec<f64> {
        let shares = self.shares(batches);
        let count = self.spec.parameters();
        let mut squares: Vec<Vec<f64>> = shares.iter().map(|_| vec![0.0; count]).collect();
        self.over_tiles(&shares, &mut squares, |pass, set, tile, share, squares| {
            tile.make_bars(pass.spec);
            let mut work = Residuals::new(pass, set.shape);
            let mut rows = vec![0.0; set.shape.loss_points() * (count + 1)];
            for positions in share.tiles() {
                let points = positions.len();
                set.fill(tile, positions);
                tile.forward(pass);
                for term in &set.terms {
                    let rows = &mut rows[..points * (count + 1)];
                    tile.residuals(pass, term, 1.0 / share.batch.count as f64, &mut work);
                    tile.jacobian(pass, &work, MatMut::from_column_major_slice_mut(rows, points, count + 1));
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
    fn along(
        &mut self,
        pass: &Pass<T>,
        direction: &[T],
        work: &Residuals<T>,
        image: &mut Buffer<T>,
        product: &mut [T],
    ) {
        let shape = self.shape;
        work.along(&direction[pass.spec.weights()..], product);
        self.walk_back(pass, |layer, z_bar, before| {
            let (weights, biases) = (&direction[layer.weights()], &direction[layer.biases()]);
            match before {
                Before::Jets(a) => linear::forward(pass.arch, weights, biases, a, image, shape),
                Before::Points(x) => {
                    let forward = pass.channels.forward();
                    input_layer::forward(pass.arch, weights, biases, x, image, shape.channels(forward), pass.channels);
                    let (first, adjoints) = (forward * shape.points, shape.channels(pass.channels.adjoints()));
                    linear::product(pass.arch, weights, layer.outputs, &x[first..], &mut image[first..], adjoints);
                }
            }
            let size = layer.outputs * shape.stride;
            pass.arch.dispatch(Contract { z_bar: &z_bar[..size], image: &image[..size], shape, product });
        });
    }
}

/// product (N) += Σ z_bar · image over units, channels and places.
struct Contract<'a, T> {
    /// (H, C, P)
    z_bar: &'a [T],
    /// (H, C, P)
    image: &'a [T],
    shape: Shape,
    product: &'a mut [T],
}

impl<T: Real> WithSimd for Contract<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { z_bar, image, shape, product } = self;
        let (channels, points) = (shape.columns / shape.points, shape.loss_points());
        for (z_bar, image) in z_bar.chunks_exact(shape.stride).zip(image.chunks_exact(shape.stride)) {
            for (z_bar, image) in shape.places(z_bar, channels).zip(shape.places(image, channels)) {
                let pairs = z_bar[..points].iter().zip(&image[..points]);
                product.iter_mut().zip(pairs).for_each(|(sum, (z_bar, image))| *sum += *z_bar * *image);
            }
        }
    }
}
