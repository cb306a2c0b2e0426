//! How a channel goes through an activation, in general.
//!
//! With `z` the channels of a jet before σ, each channel after it is
//!
//! ```text
//! a_c = Σ coefficient · σ⁽ᵐ⁾(z_0) · Π z_k
//! ```
//!
//! over some products of channels (Faà di Bruno: one for each partition of the channel's derivative into blocks). The
//! value is σ itself, a tangent `σ' dz`, a second `σ'' Σ c dz_k dz_l + σ' ddz`: up to order 2 both devices have
//! kernels, which read the products through [`Rule::products`] and [`Rule::partners`].

use crate::jet::{JetLayout, Normalizer};

/// One summand of a channel: `coefficient · σ⁽ᵐ⁾(z_0) · Π z_k`.
#[derive(Clone, Debug, PartialEq)]
pub struct Summand {
    /// m
    pub slope: usize,
    /// Its coefficient in standardised space.
    pub coefficient: f64,
    /// The channels whose product it has.
    pub factors: Vec<usize>,
}

/// The rule of every channel of a jet: the value, the tangents, the seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The summands of each channel.
    pub channels: Vec<Vec<Summand>>,
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
    /// Of a layout whose seconds are made of these `tangents`, by input.
    pub fn new(layout: &JetLayout, tangents: &[usize], normalizer: &Normalizer) -> Self {
        let value = vec![Summand { slope: 0, coefficient: 1.0, factors: vec![] }];
        let linear = |channel: usize| Summand { slope: 1, coefficient: 1.0, factors: vec![channel] };
        let firsts = (0..tangents.len()).map(|k| vec![linear(1 + k)]);
        let mut seconds = vec![vec![]; layout.seconds()];
        for product in layout.products(tangents, normalizer) {
            let factors = vec![1 + product.k, 1 + product.l];
            seconds[product.second].push(Summand { slope: 2, coefficient: product.coefficient, factors });
        }
        for (second, summands) in seconds.iter_mut().enumerate() {
            summands.push(linear(1 + tangents.len() + second));
        }
        Self { channels: [value].into_iter().chain(firsts).chain(seconds).collect(), tangents: tangents.len() }
    }

    /// T, the number of tangents.
    pub fn tangents(&self) -> usize {
        self.tangents
    }

    /// The number of seconds.
    pub fn seconds(&self) -> usize {
        self.channels.len() - 1 - self.tangents
    }

    /// The products of tangents in a second, in order.
    pub fn products(&self, second: usize) -> impl Iterator<Item = Product> + '_ {
        let summands = self.channels[1 + self.tangents + second].iter().filter(|summand| summand.slope == 2);
        summands.map(|summand| Product {
            k: summand.factors[0] - 1,
            l: summand.factors[1] - 1,
            coefficient: summand.coefficient,
        })
    }

    /// The partners of each tangent, ordered by second: `d(c dz_k dz_l) = c dz_l d(dz_k) + c dz_k d(dz_l)`.
    pub fn partners(&self) -> Vec<Vec<Partner>> {
        let mut partners = vec![vec![]; self.tangents];
        for second in 0..self.seconds() {
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
