//! The activation's rules of mixed mode on a tile (C, H, P), whose channels are the value, the tangents and one
//! adjoint for each output; the twin of `shaders/mixed_rule.wgsl`.
//!
//! With g = ∂u/∂a and h = ∂u/∂z = σ' g of an output u, what curves it is ∂ₛu = Σ g σ'' qₛ over all units, with
//! qₛ = Σ c dz_k dz_l. Its cotangents s̄ make the tile's second derivatives one function of the parameters, and
//! so the way back is that of a single collapsed channel with q = Σ s̄ qₛ, whose cotangents g and h are known.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::activation::Rule;
use super::channels::Channels;
use super::lanes::{LANES, Lanes};
use super::real::Real;
use super::tile::Shape;

/// σ', σ'' and σ''' at [`LANES`] points.
struct Slopes<T> {
    first: Lanes<T>,
    second: Lanes<T>,
    third: Lanes<T>,
}

impl<T: Real> Slopes<T> {
    #[inline(always)]
    fn of<R: Rule<T>>(z: &[T], a: &[T]) -> Self {
        let (z, a) = (Lanes::load(z, 0), Lanes::load(a, 0));
        let mut all = Self { first: Lanes::ZERO, second: Lanes::ZERO, third: Lanes::ZERO };
        for p in 0..LANES {
            let slopes = R::slopes(z.0[p], a.0[p]);
            (all.first.0[p], all.second.0[p], all.third.0[p]) = (slopes.first, slopes.second, slopes.third);
        }
        all
    }
}

/// What all rules read.
#[derive(Clone, Copy)]
pub struct Mixed<'a, T> {
    /// H
    pub units: usize,
    /// P
    pub shape: Shape,
    pub channels: &'a Channels<T>,
}

impl<T: Real> Mixed<'_, T> {
    /// From channel to channel.
    #[inline(always)]
    fn step(&self) -> usize {
        self.shape.step(self.units)
    }

    /// Where the first adjoint's channel begins.
    #[inline(always)]
    fn adjoints(&self) -> usize {
        self.channels.forward() * self.step()
    }

    /// Where in the jets (C, M, P) a second-order entry of an output begins.
    #[inline(always)]
    fn second(&self, output: usize, second: usize) -> usize {
        let first = self.channels.of_jet() - self.channels.products.len();
        (first + second) * self.shape.step(self.channels.adjoints()) + output * self.shape.points
    }

    /// Where [`LANES`] points of a unit begin, and which points they are.
    #[inline(always)]
    fn places(&self) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let points = self.shape.points;
        (0..self.units).flat_map(move |unit| (0..points).step_by(LANES).map(move |p| (unit * points + p, p)))
    }

    /// q of a second-order entry at a unit's points.
    #[inline(always)]
    fn q(&self, second: usize, z: &[T]) -> Lanes<T> {
        let mut q = Lanes::ZERO;
        for product in &self.channels.products[second] {
            let dz = |k: usize| Lanes::load(z, (1 + k) * self.step());
            q = q + dz(product.k) * dz(product.l) * product.coefficient;
        }
        q
    }
}

/// h = σ' g, and ∂ₛu += Σ g σ'' qₛ over the layer's units.
pub struct Adjoint<'a, T, R> {
    pub rule: PhantomData<R>,
    pub mixed: Mixed<'a, T>,
    /// (C, H, P)
    pub z: &'a [T],
    /// (C, H, P); its value channel is read.
    pub a: &'a [T],
    /// (M, H, P)
    pub g: &'a [T],
    /// (M, H, P), overwritten.
    pub h: &'a mut [T],
    /// (C, M, P); its second-order channels are added to.
    pub jets: &'a mut [T],
}

impl<T: Real, R: Rule<T>> WithSimd for Adjoint<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { mixed, z, a, g, h, jets, .. } = self;
        let (outputs, step) = (mixed.channels.adjoints(), mixed.step());
        for (at, p) in mixed.places() {
            let (z, g, h) = (&z[at..], &g[at..], &mut h[at..]);
            let slopes = Slopes::of::<R>(z, &a[at..]);
            for m in 0..outputs {
                (slopes.first * Lanes::load(g, m * step)).store(h, m * step);
            }
            for second in 0..mixed.channels.products.len() {
                let q = slopes.second * mixed.q(second, z);
                for m in 0..outputs {
                    let at = mixed.second(m, second) + p;
                    (Lanes::load(jets, at) + Lanes::load(g, m * step) * q).store(jets, at);
                }
            }
        }
    }
}

/// The cotangents of the adjoints, one collapsed channel for each output: g_bar = σ' h_bar + σ'' q with
/// q = Σ s̄ qₛ. In the place of the first h_bar stays what they add to z_bar, Σ (σ''' q + σ'' h_bar) g over the
/// outputs.
pub struct AdjointBar<'a, T, R> {
    pub rule: PhantomData<R>,
    pub mixed: Mixed<'a, T>,
    /// (C, H, P): h_bar in the adjoints' channels.
    pub z: &'a mut [T],
    /// (C, H, P): g_bar goes into the adjoints' channels.
    pub a: &'a mut [T],
    /// (M, H, P)
    pub g: &'a [T],
    /// s̄: the cotangents of the jets (C, M, P).
    pub jets_bar: &'a [T],
}

impl<T: Real, R: Rule<T>> WithSimd for AdjointBar<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { mixed, z, a, g, jets_bar, .. } = self;
        let (outputs, step, first) = (mixed.channels.adjoints(), mixed.step(), mixed.adjoints());
        for (at, p) in mixed.places() {
            let (z, a, g) = (&mut z[at..], &mut a[at..], &g[at..]);
            let slopes = Slopes::of::<R>(z, a);
            let mut to_z_bar = Lanes::ZERO;
            for m in 0..outputs {
                let mut q = Lanes::ZERO;
                for second in 0..mixed.channels.products.len() {
                    q = q + Lanes::load(jets_bar, mixed.second(m, second) + p) * mixed.q(second, z);
                }
                let h_bar = Lanes::load(z, first + m * step);
                (slopes.first * h_bar + slopes.second * q).store(a, first + m * step);
                to_z_bar = to_z_bar + (slopes.third * q + slopes.second * h_bar) * Lanes::load(g, m * step);
            }
            to_z_bar.store(z, first);
        }
    }
}

/// z_bar-jets from a_bar-jets, in place, with h in the adjoints' channels:
///
/// ```text
/// z_bar    = σ' a_bar + Σ_k σ'' dz_k d_k_bar + Σ (σ''' q + σ'' h_bar) g
/// dz_k_bar = σ' d_k_bar + Σ over products with k: σ'' g s̄ c dz_l
/// h        = σ' g
/// ```
pub struct Backward<'a, T, R> {
    pub rule: PhantomData<R>,
    pub mixed: Mixed<'a, T>,
    /// (C, H, P), after [`AdjointBar`].
    pub z: &'a [T],
    /// (C, H, P); its value channel is read.
    pub a: &'a [T],
    /// (M, H, P)
    pub g: &'a [T],
    /// s̄: the cotangents of the jets (C, M, P).
    pub jets_bar: &'a [T],
    /// (C, H, P): a_bar before, z_bar after.
    pub bar: &'a mut [T],
}

impl<T: Real, R: Rule<T>> WithSimd for Backward<'_, T, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { mixed, z, a, g, jets_bar, bar, .. } = self;
        let (outputs, step, first) = (mixed.channels.adjoints(), mixed.step(), mixed.adjoints());
        for (at, p) in mixed.places() {
            let (z, g, bar) = (&z[at..], &g[at..], &mut bar[at..]);
            let slopes = Slopes::of::<R>(z, &a[at..]);
            let mut z_bar = slopes.first * Lanes::load(bar, 0) + Lanes::load(z, first);
            for (k, partners) in mixed.channels.partners.iter().enumerate() {
                let at = (1 + k) * step;
                let d_bar = Lanes::load(bar, at);
                z_bar = z_bar + slopes.second * Lanes::load(z, at) * d_bar;
                let mut through = Lanes::ZERO;
                for partner in partners {
                    let dz = Lanes::load(z, (1 + partner.l) * step) * partner.coefficient;
                    for m in 0..outputs {
                        let s_bar = Lanes::load(jets_bar, mixed.second(m, partner.second) + p);
                        through = through + Lanes::load(g, m * step) * s_bar * dz;
                    }
                }
                (slopes.first * d_bar + slopes.second * through).store(bar, at);
            }
            z_bar.store(bar, 0);
            for m in 0..outputs {
                (slopes.first * Lanes::load(g, m * step)).store(bar, first + m * step);
            }
        }
    }
}
