//! A jet layout as the kernels read it.

use std::ops::Range;

use super::real::Real;
use crate::data::Normalizer;
use crate::jet::JetLayout;

/// A product of two tangents in a second-order channel, with its coefficient.
#[derive(Clone, Copy, Debug)]
pub struct Product<T> {
    pub k: usize,
    pub l: usize,
    pub coefficient: T,
}

/// The channels of a jet: the value, `tangents`, `seconds`.
#[derive(Clone, Debug)]
pub struct Channels<T> {
    /// The input of each tangent.
    pub tangents: Vec<usize>,
    /// The products of all second-order channels.
    pub products: Vec<Product<T>>,
    /// Which of the products belong to each second-order channel.
    pub seconds: Vec<Range<usize>>,
}

impl<T: Real> Channels<T> {
    pub fn new(layout: &JetLayout, normalizer: &Normalizer) -> Self {
        let products = layout.products(normalizer);
        let range = |second: usize| {
            let start = products.partition_point(|p| p.second < second);
            start..products.partition_point(|p| p.second <= second)
        };
        Self {
            tangents: layout.tangents().to_vec(),
            seconds: (0..layout.seconds()).map(range).collect(),
            products: products.iter().map(|p| Product { k: p.k, l: p.l, coefficient: T::of(p.coefficient) }).collect(),
        }
    }

    /// C
    pub fn count(&self) -> usize {
        1 + self.tangents.len() + self.seconds.len()
    }
}
