//! How a channel goes through an activation, in general.
//!
//! With `z` the channels of a jet before σ, each channel after it is
//!
//! ```text
//! a_c = σ' z_c + Σ coefficient · σ⁽ᵐ⁾(z_0) · Π z_k
//! ```
//!
//! over products of m lower channels (Faà di Bruno: one for each partition of the channel's derivative into blocks). The
//! value is σ itself, a tangent has no products, a second is `σ'' Σ c dz_k dz_l + σ' ddz`: up to order 2 both devices have
//! kernels of their own, which read the products through [`Rule::products`] and [`Rule::partners`]; above that, kernels
//! for any summands.

use crate::jet::{JetLayout, Normalizer};

/// One summand of a channel: `coefficient · σ⁽ᵐ⁾(z_0) · Π z_k` of m ≥ 2 channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Summand {
    /// Its coefficient in standardised space.
    pub coefficient: f64,
    /// The channels whose product it has, among those that travel forward, ascending; they are m.
    pub factors: Vec<usize>,
}

/// The rule of what curves in a jet, over the channels that travel forward.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The products of each entry of the jet of order 2 and above, in the jet's order.
    pub curved: Vec<Vec<Summand>>,
    /// The channel in which it travels forward itself; none at all travels of the top order in adjoint mode.
    pub travels: Vec<Option<usize>>,
    tangents: usize,
}

/// A product `coefficient · dz_k · dz_l` of a second; `k` and `l` count tangents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// The first tangent.
    pub k: usize,
    /// The second tangent.
    pub l: usize,
    /// Its coefficient.
    pub coefficient: f64,
}

/// What a tangent is multiplied by in a second, `coefficient · dz_l`: twice the product's where it is the tangent itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Partner {
    /// The second, from 0.
    pub second: usize,
    /// The other tangent.
    pub l: usize,
    /// Its coefficient.
    pub coefficient: f64,
}

impl Rule {
    /// Of a jet's layout, of which `forward` travels.
    pub fn new(layout: &JetLayout, forward: &JetLayout, normalizer: &Normalizer) -> Self {
        let channel = |of| forward.channel(of).expect("what is read travels");
        let summands = |of| {
            let products = layout.products(of, normalizer).into_iter();
            let summand = |crate::jet::Product { coefficient, factors }| {
                let mut factors: Vec<usize> = factors.into_iter().map(channel).collect();
                factors.sort_unstable();
                Summand { coefficient, factors }
            };
            products.map(summand).collect()
        };
        Self {
            curved: layout.curved().iter().map(|of| summands(*of)).collect(),
            travels: layout.curved().iter().map(|of| forward.channel(*of)).collect(),
            tangents: forward.tangents().len(),
        }
    }

    /// T, the number of tangents.
    pub fn tangents(&self) -> usize {
        self.tangents
    }

    /// The most factors of a product: the highest σ⁽ᵐ⁾ that the way forward reads; 1 where nothing curves.
    pub fn order(&self) -> usize {
        self.entry_orders().max().unwrap_or(1)
    }

    /// The same of each entry of the jet that curves, which is its order.
    pub fn entry_orders(&self) -> impl Iterator<Item = usize> + '_ {
        self.curved.iter().map(|entry| entry.iter().map(|summand| summand.factors.len()).max().unwrap_or(1))
    }

    /// The products of tangents in a second, in order.
    ///
    /// # Panics
    /// Above order 2, where products are not of tangents alone.
    pub fn products(&self, second: usize) -> impl Iterator<Item = Product> + '_ {
        self.curved[second].iter().map(|summand| match summand.factors[..] {
            [k, l] if l <= self.tangents => Product { k: k - 1, l: l - 1, coefficient: summand.coefficient },
            _ => panic!("a product of order 2 is one of two tangents"),
        })
    }

    /// The partners of each tangent, ordered by second: `d(c dz_k dz_l) = c dz_l d(dz_k) + c dz_k d(dz_l)`.
    pub fn partners(&self) -> Vec<Vec<Partner>> {
        let mut partners = vec![vec![]; self.tangents];
        for second in 0..self.curved.len() {
            for Product { k, l, coefficient } in self.products(second) {
                if k == l {
                    partners[k].push(Partner { second, l, coefficient: 2.0 * coefficient });
                } else {
                    partners[k].push(Partner { second, l, coefficient });
                    partners[l].push(Partner { second, l: k, coefficient });
                }
            }
        }
        partners
    }
}
