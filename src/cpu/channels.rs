//! The channels of a pass as the kernels read them: the products of its rule, in the kernels' number type.

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

/// A product of m channels in an entry of any order, with its coefficient.
#[derive(Clone, Debug)]
pub struct Summand<T> {
    /// The channels, among those that travel forward.
    pub factors: Vec<usize>,
    pub coefficient: T,
}

/// An entry of a jet of order 2 and above.
#[derive(Clone, Debug)]
pub struct Curved<T> {
    /// The channel in which it travels forward, if it does.
    pub travels: Option<usize>,
    /// Its products, those of fewer factors first.
    pub summands: Vec<Summand<T>>,
}

/// The channels that travel through a network.
#[derive(Clone, Debug)]
pub struct Channels<T> {
    /// The input of each tangent.
    pub tangents: Vec<usize>,
    /// How many channels above the first order travel with the tangents: in adjoint mode none of the top order.
    pub seconds: usize,
    /// Up to order 2: which products of tangents each second-order entry of a jet has.
    pub products: Vec<Vec<Product<T>>>,
    /// The partners of each tangent in them.
    pub partners: Vec<Vec<Partner<T>>>,
    /// Above order 2: every entry of the jet that curves, in the jet's order.
    pub curved: Vec<Curved<T>>,
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
        let is_second = rule.order() <= 2;
        let seconds = if is_second { 0..rule.curved.len() } else { 0..0 };
        let curved = rule.curved.iter().zip(&rule.travels).map(|(summands, travels)| {
            let summand = |s: &pass::Summand| Summand { factors: s.factors.clone(), coefficient: T::of(s.coefficient) };
            let mut summands: Vec<_> = summands.iter().map(summand).collect();
            summands.sort_by_key(|summand| summand.factors.len());
            Curved { travels: *travels, summands }
        });
        Self {
            tangents: forward.tangents().to_vec(),
            seconds: forward.curved().len(),
            products: seconds.map(|second| rule.products(second).map(product).collect()).collect(),
            partners: match is_second {
                true => rule.partners().iter().map(|partners| partners.iter().map(partner).collect()).collect(),
                false => vec![],
            },
            curved: if is_second { vec![] } else { curved.collect() },
            firsts: firsts.clone(),
            jet: *jet,
            adjoints: *adjoints,
        }
    }

    /// Whether the kernels of order 2 do not suffice.
    pub fn is_higher(&self) -> bool {
        !self.curved.is_empty()
    }

    /// C', the channels that travel: those of a jet, or F + M in adjoint mode.
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
