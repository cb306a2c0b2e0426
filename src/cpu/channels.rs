//! A jet layout as the kernels read it.

use crate::jet::{JetLayout, Normalizer};
use crate::numbers::Real;

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

/// The channels that travel through the network.
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
    /// Adjoint mode, where the jets follow from adjoints.
    pub mixed: Option<Mixed>,
}

/// The channels of adjoint mode behind the tangents: one adjoint for each output.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// M
    pub outputs: usize,
    /// The input of each first derivative in a jet.
    pub firsts: Vec<usize>,
}

impl<T: Real> Channels<T> {
    /// In adjoint mode where that carries less and `may_mix`.
    pub fn new(layout: &JetLayout, normalizer: &Normalizer, may_mix: bool) -> Self {
        let outputs = normalizer.outputs.mean.len();
        let forward = layout.mixed(outputs).filter(|_| may_mix);
        let mixed = forward.as_ref().map(|_| Mixed { outputs, firsts: layout.tangents().to_vec() });
        let tangents = forward.as_ref().unwrap_or(layout).tangents();
        let mut products = vec![vec![]; layout.seconds()];
        let mut partners = vec![vec![]; tangents.len()];
        for product in layout.products(tangents, normalizer) {
            let crate::jet::Product { second, k, l, .. } = product;
            let coefficient = T::of(product.coefficient);
            products[second].push(Product { k, l, coefficient });
            if k == l {
                partners[k].push(Partner { second, l, coefficient: coefficient + coefficient });
            } else {
                partners[k].push(Partner { second, l, coefficient });
                partners[l].push(Partner { second, l: k, coefficient });
            }
        }
        let seconds = if mixed.is_some() { 0 } else { layout.seconds() };
        Self { tangents: tangents.to_vec(), seconds, products, partners, mixed }
    }

    /// C, the channels that travel: those of a jet, or 1 + T + M in adjoint mode.
    pub fn count(&self) -> usize {
        self.forward() + self.adjoints()
    }

    /// Those that travel forward.
    pub fn forward(&self) -> usize {
        1 + self.tangents.len() + self.seconds
    }

    /// The adjoints that travel back: M in adjoint mode.
    pub fn adjoints(&self) -> usize {
        self.mixed.as_ref().map_or(0, |mixed| mixed.outputs)
    }

    /// The channels of a jet.
    pub fn of_jet(&self) -> usize {
        self.mixed.as_ref().map_or(self.count(), |mixed| 1 + mixed.firsts.len() + self.products.len())
    }
}
