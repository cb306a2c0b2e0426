//! Which channels a jet has, and what the scaling makes of each.

use std::collections::BTreeSet;

use super::products::{self, Product};
use super::{Derivative, Normalizer};

/// The channels of a jet over `inputs` inputs: the value, the tangents, and what curves: seconds, thirds, fourths.
///
/// What the rule of a channel reads is carried too: a layout is closed.
///
/// ```
/// use jetfit::jet::{Derivative, JetLayout};
/// let layout = JetLayout::diagonal(2);
/// assert_eq!(layout.channels(), 1 + 2 * 2);
/// assert_eq!(layout.channel(Derivative::Second(1, 1)), Some(4));
/// // u_t + u u_x - nu u_xx reads four of the five (t is input 1):
/// let burgers = [Derivative::First(1), Derivative::First(0), Derivative::Second(0, 0)];
/// assert_eq!(JetLayout::selected(2, burgers).channels(), 4);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct JetLayout {
    inputs: usize,
    tangents: Vec<usize>,
    /// The channels of order 2 and above, by order; within one those that are collapsed come last.
    curved: Vec<Derivative>,
    /// The cᵢ of L = Σ cᵢ ∂ᵢᵢ (D), in the user's units; empty where nothing is collapsed.
    coefficients: Vec<f64>,
}

impl JetLayout {
    /// The value alone: 1 channel.
    pub fn value(inputs: usize) -> Self {
        Self { inputs, tangents: vec![], curved: vec![], coefficients: vec![] }
    }

    /// The value and the Jacobian: 1 + D channels.
    pub fn gradient(inputs: usize) -> Self {
        Self { tangents: (0..inputs).collect(), ..Self::value(inputs) }
    }

    /// The value, the Jacobian and the Hessian's diagonal: 1 + 2D channels.
    pub fn diagonal(inputs: usize) -> Self {
        Self::pure(inputs, 2)
    }

    /// The value and the derivatives by one input alone up to an order from 0 to 4: 1 + order · D channels.
    pub fn pure(inputs: usize, order: usize) -> Self {
        let of = |order: usize| (0..inputs).filter_map(move |i| Derivative::by(&vec![i; order]));
        let curved = (2..=order).flat_map(of).collect();
        Self { curved, ..if order == 0 { Self::value(inputs) } else { Self::gradient(inputs) } }
    }

    /// All second derivatives: 1 + D + D(D+1)/2 channels.
    pub fn full(inputs: usize) -> Self {
        Self::all(inputs, 2)
    }

    /// All derivatives up to an order from 0 to 4: (D + order choose order) channels.
    pub fn all(inputs: usize, order: usize) -> Self {
        let ascending = |lists: Vec<Vec<usize>>| -> Vec<Vec<usize>> {
            let longer = |list: &Vec<usize>| {
                let list = list.clone();
                (list.last().copied().unwrap_or(0)..inputs).map(move |i| [list.clone(), vec![i]].concat())
            };
            lists.iter().flat_map(longer).collect()
        };
        let orders = std::iter::successors(Some(vec![vec![]]), |lists| Some(ascending(lists.clone())));
        let by = orders.take(order + 1).flatten();
        Self::selected(inputs, by.filter_map(|inputs| Derivative::by(&inputs)))
    }

    /// Σ cᵢ ∂ᵢᵢ in one channel (the forward Laplacian): 2 + D channels. All-zero coefficients are
    /// the caller's mistake.
    pub fn collapsed(coefficients: &[f64]) -> Self {
        let inputs = coefficients.len();
        let firsts = (0..inputs).map(Derivative::First);
        Self::weighted(coefficients, firsts.chain([Derivative::Laplacian]))
    }

    /// The fewest channels from which all of `wanted` can be read: a derivative needs the lower ones that it is made
    /// of. A Laplacian has coefficients 1.
    pub fn selected(inputs: usize, wanted: impl IntoIterator<Item = Derivative>) -> Self {
        Self::weighted(&vec![1.0; inputs], wanted)
    }

    /// The same where L = Σ cᵢ ∂ᵢᵢ has these coefficients (D), in the user's units. All-zero ones are the caller's mistake
    /// if something is collapsed.
    pub fn weighted(coefficients: &[f64], wanted: impl IntoIterator<Item = Derivative>) -> Self {
        let mut known = BTreeSet::new();
        let mut missing: Vec<Derivative> = wanted.into_iter().collect();
        while let Some(derivative) = missing.pop() {
            if known.insert(derivative) {
                missing.extend(products::products(derivative, coefficients).into_iter().flat_map(|of| of.factors));
            }
        }
        let tangent = |derivative: &Derivative| if let Derivative::First(i) = derivative { Some(*i) } else { None };
        let tangents = known.iter().filter_map(tangent).collect();
        let curved: Vec<_> = known.into_iter().filter(|derivative| derivative.order() > 1).collect();
        let is_collapsed = curved.iter().any(|derivative| derivative.inputs().is_none());
        assert!(
            !is_collapsed || coefficients.iter().any(|c| *c != 0.0),
            "a collapsed channel needs a coefficient that is not 0"
        );
        let used = if is_collapsed { coefficients.to_vec() } else { vec![] };
        Self { inputs: coefficients.len(), tangents, curved, coefficients: used }
    }

    /// D, the number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// C, the number of channels.
    pub fn channels(&self) -> usize {
        1 + self.tangents.len() + self.curved.len()
    }

    /// The input of each tangent.
    pub fn tangents(&self) -> &[usize] {
        &self.tangents
    }

    /// What is carried of order 2 and above, in channel order.
    pub fn curved(&self) -> &[Derivative] {
        &self.curved
    }

    /// The highest order that is carried, from 0 to 4.
    pub fn order(&self) -> usize {
        self.derivatives().last().map_or(0, Derivative::order)
    }

    /// What each channel is, in channel order.
    pub fn derivatives(&self) -> impl Iterator<Item = Derivative> + '_ {
        let firsts = self.tangents.iter().map(|i| Derivative::First(*i));
        std::iter::once(Derivative::Value).chain(firsts).chain(self.curved.iter().copied())
    }

    /// The channel that carries `derivative`, if one does.
    pub fn channel(&self, derivative: Derivative) -> Option<usize> {
        self.derivatives().position(|d| d == derivative)
    }

    /// The cᵢ of the Laplacian that it carries, in the user's units (D); empty where it carries none.
    pub fn laplacian(&self) -> &[f64] {
        &self.coefficients
    }

    /// What travels forward in adjoint mode, where that carries less: the value and what others are made of, so never
    /// the top order. One adjoint channel for each of `outputs` outputs comes back, which gives the derivatives:
    /// `∂ᵢu = Σ W₁[·, i] ∂u/∂z₁` over the first layer's units, and those that curve are, over the units of all layers,
    /// Σ ∂u/∂a times their products, `∂ᵢⱼu = Σ ∂u/∂a σ''(z) dzᵢ dzⱼ` for instance.
    ///
    /// ```
    /// use jetfit::jet::JetLayout;
    /// let diagonal = JetLayout::diagonal(10);
    /// let forward = diagonal.without_top(1).unwrap();
    /// assert_eq!((diagonal.channels(), forward.channels() + 1), (21, 12));
    /// assert_eq!(JetLayout::gradient(10).without_top(1).unwrap().channels() + 1, 2);
    /// // A Laplacian travels collapsed, in as many.
    /// assert_eq!(JetLayout::collapsed(&[1.0; 10]).without_top(1), None);
    /// ```
    pub fn without_top(&self, outputs: usize) -> Option<Self> {
        let products = self.curved.iter().flat_map(|of| products::products(*of, &self.coefficients));
        let read: Vec<Derivative> = products.flat_map(|product| product.factors).collect();
        let is_read = |derivative: &Derivative| read.contains(derivative);
        let forward = Self {
            inputs: self.inputs,
            tangents: self.tangents.iter().copied().filter(|tangent| is_read(&Derivative::First(*tangent))).collect(),
            curved: self.curved.iter().copied().filter(is_read).collect(),
            coefficients: self.coefficients.clone(),
        };
        (forward.channels() + outputs < self.channels()).then_some(forward)
    }

    /// The products of which a channel is made, as Faà di Bruno has them. Kernels run in standardised space,
    /// so the cᵢ become cᵢ/scaleᵢ², divided by the largest of them, which [`JetLayout::factors`] gives back.
    pub fn products(&self, of: Derivative, normalizer: &Normalizer) -> Vec<Product> {
        let largest = || largest_standardised(&self.coefficients, normalizer);
        let standardised = |(i, c): (usize, &f64)| {
            // By quotients of like sizes: a square of a scale may leave the range of f64.
            let narrower = normalizer.inputs.scale[largest()] / normalizer.inputs.scale[i];
            c / self.coefficients[largest()].abs() * narrower * narrower
        };
        products::products(of, &self.coefficients.iter().enumerate().map(standardised).collect::<Vec<_>>())
    }

    /// The chain rule of the scaling: for each channel of output `output`, what the standardised
    /// entry is multiplied by to give it in the user's units (the value needs the mean added too).
    pub fn factors(&self, normalizer: &Normalizer, output: usize) -> Vec<f64> {
        self.factors_of(normalizer, normalizer.outputs.scale[output])
    }

    /// The same for a function of the inputs whose scale is `y`.
    pub fn factors_of(&self, normalizer: &Normalizer, y: f64) -> Vec<f64> {
        let x = &normalizer.inputs.scale;
        let factor = |derivative: Derivative| {
            let by = |inputs: &[usize]| over(y, inputs.iter().map(|i| x[*i]).collect());
            let largest = || largest_standardised(&self.coefficients, normalizer);
            let c = || self.coefficients[largest()].abs();
            match derivative {
                Derivative::Laplacian => by(&[largest(); 2]) * c(),
                Derivative::LaplacianFirst(i) => by(&[largest(), largest(), i]) * c(),
                Derivative::Biharmonic => by(&[largest(); 4]) * c() * c(),
                _ => by(&derivative.inputs().expect("not collapsed")),
            }
        };
        self.derivatives().map(factor).collect()
    }
}

/// y over the product of positive scales, in the order that leaves the range of f64 only where the result does.
fn over(y: f64, mut scales: Vec<f64>) -> f64 {
    scales.sort_unstable_by(f64::total_cmp);
    let mut left = std::collections::VecDeque::from(scales);
    let mut result = y;
    while let Some(scale) = if result.abs() >= 1.0 { left.pop_back() } else { left.pop_front() } {
        result /= scale;
    }
    result
}

/// The i of max |cᵢ| / scaleᵢ²: what a collapsed channel is divided by, which keeps it near 1 whatever the units.
fn largest_standardised(coefficients: &[f64], normalizer: &Normalizer) -> usize {
    let root = |i: usize| coefficients[i].abs().sqrt() / normalizer.inputs.scale[i];
    (0..coefficients.len()).max_by(|i, j| root(*i).total_cmp(&root(*j))).expect("a Laplacian has an input")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::Scaling;

    #[test]
    fn channel_counts_are_those_of_the_table() {
        assert_eq!(JetLayout::value(3).channels(), 1);
        assert_eq!(JetLayout::gradient(3).channels(), 4);
        assert_eq!(JetLayout::diagonal(3).channels(), 7);
        assert_eq!(JetLayout::collapsed(&[1.0, 1.0, 1.0]).channels(), 5);
        assert_eq!(JetLayout::full(3).channels(), 10);
    }

    #[test]
    fn scales_far_from_1_keep_every_factor_that_f64_can_hold() {
        let scaling = |scale: &[f64]| Scaling { mean: vec![0.0; scale.len()], scale: scale.to_vec() };
        let factors = |layout: JetLayout, x: &[f64], y: f64| {
            layout.factors(&Normalizer { inputs: scaling(x), outputs: scaling(&[y]), coefficients: vec![] }, 0)
        };
        let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-14;
        let mixed = JetLayout::selected(2, [Derivative::Second(0, 1)]);
        for (x, y, second) in [
            ([1e200, 1e-200], 1e-300, 1e-300),
            ([1e-200, 1e200], 1e300, 1e300),
            ([1e-30, 1e-30], 1.0, 1e60),
            ([1e30, 1e200], 1e100, 1e-130),
        ] {
            assert!(near(*factors(mixed.clone(), &x, y).last().unwrap(), second), "{x:?} {y}");
        }
        // Σ ∂ᵢᵢ over inputs of 1e-160 and 2e-160: 1/x² alone is beyond f64, y/x² is not.
        let laplacian = JetLayout::collapsed(&[1.0, 1.0]);
        let (inputs, outputs) = (scaling(&[2e-160, 1e-160]), scaling(&[1e-300]));
        let normalizer = Normalizer { inputs, outputs, coefficients: vec![] };
        assert!(near(*laplacian.factors(&normalizer, 0).last().unwrap(), 1e20));
        let products = laplacian.products(Derivative::Laplacian, &normalizer);
        assert_eq!(products.iter().map(|product| product.coefficient).collect::<Vec<_>>(), [0.25, 1.0]);
    }

    #[test]
    fn layouts_are_closed() {
        let columns = |layout: JetLayout| {
            let inputs = ["x", "y"].map(str::to_string);
            layout.derivatives().map(|derivative| derivative.column("u", &inputs)).collect::<Vec<_>>().join(" ")
        };
        let by = |by: &[usize]| Derivative::by(by).unwrap();
        assert_eq!(columns(JetLayout::selected(2, [by(&[0, 0, 0]), by(&[1])])), "u du_dx du_dy d2u_dx2 d3u_dx3");
        assert_eq!(columns(JetLayout::selected(2, [by(&[0, 0, 1])])), "u du_dx du_dy d2u_dx2 d2u_dxdy d3u_dx2dy");
        assert_eq!(columns(JetLayout::pure(2, 3)), "u du_dx du_dy d2u_dx2 d2u_dy2 d3u_dx3 d3u_dy3");
        assert_eq!([2, 3, 4].map(|order| JetLayout::all(3, order).channels()), [10, 20, 35]);
        let biharmonic = JetLayout::selected(2, [Derivative::Biharmonic]);
        let seconds = "d2u_dx2 d2u_dxdy d2u_dy2 laplacian_u";
        let expected = format!("u du_dx du_dy {seconds} dlaplacian_u_dx dlaplacian_u_dy biharmonic_u");
        assert_eq!(columns(biharmonic), expected);
    }

    #[test]
    fn the_top_order_does_not_travel() {
        let of = |by: &[&[usize]]| JetLayout::selected(2, by.iter().map(|by| Derivative::by(by).unwrap()));
        // Kuramoto-Sivashinsky: u_t + u u_x + u_xx + u_xxxx, t being input 1.
        let forward = of(&[&[1], &[0, 0, 0, 0]]).without_top(1).unwrap();
        assert_eq!(forward, of(&[&[0, 0, 0]]));
        assert_eq!(JetLayout::all(3, 4).without_top(1), Some(JetLayout::all(3, 3)));
        assert_eq!(of(&[&[0, 0, 0]]).without_top(1), None);
    }

    #[test]
    fn orders_follow_from_the_channels() {
        assert_eq!(JetLayout::value(2).order(), 0);
        assert_eq!(JetLayout::gradient(2).order(), 1);
        assert_eq!(JetLayout::selected(2, [Derivative::Second(0, 1)]).order(), 2);
    }
}
