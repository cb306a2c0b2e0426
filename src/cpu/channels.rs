//! The channels of a pass as the kernels read them: the products of tangents, in the kernels' number type.

use crate::numbers::Real;
use crate::pass;

/// A product of two tangents in a second-order channel, with its coefficient.
#[derive(Clone, Copy, Debug)]
pub struct Product<T> {
    pub k: usize,
    pub l: usize,
    pub coefficient: T,
}

/// What a tangent is multiplied by in a second-order channel: `coefficient · dz_l`, twice that where it is the
/// tangent itself.
#[derive(Clone, Copy, Debug)]
pub struct Partner<T> {
    pub second: usize,
    pub l: usize,
    pub coefficient: T,
}

/// The channels that travel through a network.
#[derive(Clone, Debug)]
pub struct Channels<T> {
    /// The input of each tangent.
    pub tangents: Vec<usize>,
    /// How many second-order channels travel with the tangents: none in adjoint mode.
    pub seconds: usize,
    /// Which products of tangents each second-order entry of a jet has.
    pub products: Vec<Vec<Product<T>>>,
    /// The partners of each tangent in them.
    pub partners: Vec<Vec<Partner<T>>>,
    /// The input of each first derivative in a jet.
    pub firsts: Vec<usize>,
    jet: usize,
    adjoints: usize,
}

impl<T: Real> Channels<T> {
    /// Those of a pass.
    pub fn new(channels: &pass::Channels) -> Self {
        let pass::Channels { jet, forward, adjoints, firsts, rule } = channels;
        let product = |p: pass::Product| Product { k: p.k, l: p.l, coefficient: T::of(p.coefficient) };
        let partner = |p: &pass::Partner| Partner { second: p.second, l: p.l, coefficient: T::of(p.coefficient) };
        Self {
            tangents: forward.tangents().to_vec(),
            seconds: forward.curved().len(),
            products: (0..rule.curved.len()).map(|second| rule.products(second).map(product).collect()).collect(),
            partners: rule.partners().iter().map(|partners| partners.iter().map(partner).collect()).collect(),
            firsts: firsts.clone(),
            jet: *jet,
            adjoints: *adjoints,
        }
    }

    /// C', the channels that travel: those of a jet, or 1 + T + M in adjoint mode.
    pub fn count(&self) -> usize {
        self.forward() + self.adjoints
    }

    /// F, those that travel forward.
    pub fn forward(&self) -> usize {
        1 + self.tangents.len() + self.seconds
    }

    /// M, the adjoints that travel back in adjoint mode.
    pub fn adjoints(&self) -> usize {
        self.adjoints
    }

    /// C, the channels of a jet.
    pub fn of_jet(&self) -> usize {
        self.jet
    }
}
