//! Which channels a jet has, and what the scaling makes of each.

use crate::jet::Normalizer;

/// One entry of a jet: a derivative of one output with respect to the inputs (by index).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Derivative {
    /// u
    Value,
    /// ∂u/∂xᵢ
    First(usize),
    /// ∂²u/∂xᵢ∂xⱼ with i ≤ j
    Second(usize, usize),
    /// Σ cᵢ ∂²u/∂xᵢ², the collapsed channel of a forward Laplacian
    Laplacian,
}

impl Derivative {
    /// 0, 1 or 2.
    pub fn order(self) -> usize {
        match self {
            Derivative::Value => 0,
            Derivative::First(_) => 1,
            Derivative::Second(..) | Derivative::Laplacian => 2,
        }
    }

    /// The column of this entry in every file: `u`, `du_dx`, `d2u_dx2`, `d2u_dxdy`, `laplacian_u`.
    pub fn column(self, output: &str, inputs: &[String]) -> String {
        match self {
            Derivative::Value => output.to_string(),
            Derivative::First(i) => format!("d{output}_d{}", inputs[i]),
            Derivative::Second(i, j) if i == j => format!("d2{output}_d{}2", inputs[i]),
            Derivative::Second(i, j) => format!("d2{output}_d{}d{}", inputs[i], inputs[j]),
            Derivative::Laplacian => format!("laplacian_{output}"),
        }
    }
}

/// How a second-order channel is built from the tangents.
#[derive(Clone, Debug, PartialEq)]
enum Second {
    /// One second derivative, of the inputs `(i, j)` with i ≤ j.
    Pair(usize, usize),
    /// Σ cᵢ ∂ᵢᵢ over all inputs, with the coefficients `c` in user units.
    Collapsed(Vec<f64>),
}

/// The channels of a jet over `inputs` inputs: the value, the tangents, the seconds.
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
    seconds: Vec<Second>,
}

/// One product `coefficient · dz_k · dz_l` that enters a second-order channel; `k` and `l` count
/// tangents, `second` counts second-order channels.
///
/// With `q = Σ coefficient · dz_k · dz_l` over a channel's products, every layout obeys one rule:
/// `dd = σ''(z) q + σ'(z) ddz`. A Hessian entry has one product, a Laplacian one for each input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// The second-order channel, from 0.
    pub second: usize,
    /// The first tangent.
    pub k: usize,
    /// The second tangent.
    pub l: usize,
    /// Its coefficient in standardised space.
    pub coefficient: f64,
}

impl JetLayout {
    /// The value alone: 1 channel.
    pub fn value(inputs: usize) -> Self {
        Self { inputs, tangents: vec![], seconds: vec![] }
    }

    /// The value and the Jacobian: 1 + D channels.
    pub fn gradient(inputs: usize) -> Self {
        Self { inputs, tangents: (0..inputs).collect(), seconds: vec![] }
    }

    /// The value, the Jacobian and the Hessian's diagonal: 1 + 2D channels.
    pub fn diagonal(inputs: usize) -> Self {
        Self { seconds: (0..inputs).map(|i| Second::Pair(i, i)).collect(), ..Self::gradient(inputs) }
    }

    /// All second derivatives: 1 + D + D(D+1)/2 channels.
    pub fn full(inputs: usize) -> Self {
        let seconds = (0..inputs).flat_map(|i| (i..inputs).map(move |j| Second::Pair(i, j))).collect();
        Self { seconds, ..Self::gradient(inputs) }
    }

    /// Σ cᵢ ∂ᵢᵢ in one channel (the forward Laplacian): 2 + D channels. All-zero coefficients are
    /// the caller's mistake.
    pub fn collapsed(coefficients: &[f64]) -> Self {
        assert!(coefficients.iter().any(|c| *c != 0.0), "a collapsed channel needs a coefficient that is not 0");
        Self { seconds: vec![Second::Collapsed(coefficients.to_vec())], ..Self::gradient(coefficients.len()) }
    }

    /// The fewest channels from which all of `wanted` can be read (a second derivative needs the
    /// tangents of both its inputs; a Laplacian has coefficients 1).
    pub fn selected(inputs: usize, wanted: impl IntoIterator<Item = Derivative>) -> Self {
        let mut tangents = vec![];
        let mut pairs = vec![];
        let mut laplacian = false;
        for derivative in wanted {
            match derivative {
                Derivative::Value => {}
                Derivative::First(i) => tangents.push(i),
                Derivative::Second(i, j) => {
                    tangents.extend([i, j]);
                    pairs.push((i.min(j), i.max(j)));
                }
                Derivative::Laplacian => {
                    tangents.extend(0..inputs);
                    laplacian = true;
                }
            }
        }
        tangents.sort_unstable();
        tangents.dedup();
        pairs.sort_unstable();
        pairs.dedup();
        let collapsed = laplacian.then(|| Second::Collapsed(vec![1.0; inputs]));
        let seconds = pairs.into_iter().map(|(i, j)| Second::Pair(i, j)).chain(collapsed).collect();
        Self { inputs, tangents, seconds }
    }

    /// D, the number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// C, the number of channels.
    pub fn channels(&self) -> usize {
        1 + self.tangents.len() + self.seconds.len()
    }

    /// The input of each tangent.
    pub fn tangents(&self) -> &[usize] {
        &self.tangents
    }

    /// The number of second-order channels.
    pub fn seconds(&self) -> usize {
        self.seconds.len()
    }

    /// The highest order that is carried: 0, 1 or 2.
    pub fn order(&self) -> usize {
        self.derivatives().last().map_or(0, Derivative::order)
    }

    /// What each channel is, in channel order.
    pub fn derivatives(&self) -> impl Iterator<Item = Derivative> + '_ {
        let firsts = self.tangents.iter().map(|i| Derivative::First(*i));
        let seconds = self.seconds.iter().map(|second| match second {
            Second::Pair(i, j) => Derivative::Second(*i, *j),
            Second::Collapsed(_) => Derivative::Laplacian,
        });
        std::iter::once(Derivative::Value).chain(firsts).chain(seconds)
    }

    /// The channel that carries `derivative`, if one does.
    pub fn channel(&self, derivative: Derivative) -> Option<usize> {
        self.derivatives().position(|d| d == derivative)
    }

    /// The cᵢ of the Laplacian that it carries, in the user's units (D); empty where it carries none.
    pub fn laplacian(&self) -> &[f64] {
        self.seconds
            .iter()
            .find_map(|second| match second {
                Second::Collapsed(coefficients) => Some(coefficients.as_slice()),
                Second::Pair(..) => None,
            })
            .unwrap_or(&[])
    }

    /// What travels forward in adjoint mode, where that carries less: the value and the T tangents of which
    /// seconds are made. One adjoint channel for each of `outputs` outputs comes back, 1 + T + M channels in
    /// all, and gives the derivatives: `∂ᵢu = Σ W₁[·, i] ∂u/∂z₁` over the first layer's units, and
    /// `∂ᵢⱼu = Σ ∂u/∂a σ''(z) dzᵢ dzⱼ` over those of all layers.
    ///
    /// ```
    /// use jetfit::jet::JetLayout;
    /// let diagonal = JetLayout::diagonal(10);
    /// let forward = diagonal.without_seconds(1).unwrap();
    /// assert_eq!((diagonal.channels(), forward.channels() + 1), (21, 12));
    /// assert_eq!(JetLayout::gradient(10).without_seconds(1).unwrap().channels() + 1, 2);
    /// // A Laplacian travels collapsed, in as many.
    /// assert_eq!(JetLayout::collapsed(&[1.0; 10]).without_seconds(1), None);
    /// ```
    pub fn without_seconds(&self, outputs: usize) -> Option<Self> {
        let is_read = |tangent: usize| {
            self.seconds.iter().any(|second| match second {
                Second::Pair(i, j) => [*i, *j].contains(&tangent),
                Second::Collapsed(coefficients) => coefficients[tangent] != 0.0,
            })
        };
        let tangents = self.tangents.iter().copied().filter(|tangent| is_read(*tangent)).collect();
        let forward = Self { inputs: self.inputs, tangents, seconds: vec![] };
        (forward.channels() + outputs < self.channels()).then_some(forward)
    }

    /// The products of tangents that enter the second-order channels, ordered by channel; `k` and `l` count
    /// `tangents`, this layout's or those of [`JetLayout::without_seconds`]. Kernels run in standardised space, so a
    /// collapsed channel's cᵢ becomes cᵢ/scaleᵢ², divided by the largest of them, which [`JetLayout::factors`]
    /// gives back.
    pub fn products(&self, tangents: &[usize], normalizer: &Normalizer) -> Vec<Product> {
        let tangent = |input: usize| tangents.iter().position(|t| *t == input).expect("a second's tangent");
        let mut products = vec![];
        for (second, rule) in self.seconds.iter().enumerate() {
            match rule {
                Second::Pair(i, j) => {
                    products.push(Product { second, k: tangent(*i), l: tangent(*j), coefficient: 1.0 });
                }
                Second::Collapsed(coefficients) => {
                    let largest = largest_standardised(coefficients, normalizer);
                    for (i, c) in coefficients.iter().enumerate().filter(|(_, c)| **c != 0.0) {
                        // By quotients of like sizes: a square of a scale may leave the range of f64.
                        let narrower = normalizer.inputs.scale[largest] / normalizer.inputs.scale[i];
                        let coefficient = c / coefficients[largest].abs() * narrower * narrower;
                        products.push(Product { second, k: tangent(i), l: tangent(i), coefficient });
                    }
                }
            }
        }
        products
    }

    /// The chain rule of the scaling: for each channel of output `output`, what the standardised
    /// entry is multiplied by to give it in the user's units (the value needs the mean added too).
    pub fn factors(&self, normalizer: &Normalizer, output: usize) -> Vec<f64> {
        self.factors_of(normalizer, normalizer.outputs.scale[output])
    }

    /// The same for a function of the inputs whose scale is `y`.
    pub fn factors_of(&self, normalizer: &Normalizer, y: f64) -> Vec<f64> {
        let x = &normalizer.inputs.scale;
        let firsts = self.tangents.iter().map(|i| y / x[*i]);
        let seconds = self.seconds.iter().map(|second| match second {
            Second::Pair(i, j) => over(y, x[*i], x[*j]),
            Second::Collapsed(coefficients) => {
                let largest = largest_standardised(coefficients, normalizer);
                over(y, x[largest], x[largest]) * coefficients[largest].abs()
            }
        });
        std::iter::once(y).chain(firsts).chain(seconds).collect()
    }
}

/// y/(a b) for positive a and b, in the order that leaves the range of f64 only where the result does.
fn over(y: f64, a: f64, b: f64) -> f64 {
    let (first, then) = if (y.abs() >= 1.0) == (a >= b) { (a, b) } else { (b, a) };
    y / first / then
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
    fn names_follow_the_file_format() {
        let inputs = ["x".to_string(), "temp".to_string()];
        let name = |d: Derivative| d.column("u", &inputs);
        assert_eq!(name(Derivative::Value), "u");
        assert_eq!(name(Derivative::First(1)), "du_dtemp");
        assert_eq!(name(Derivative::Second(0, 0)), "d2u_dx2");
        assert_eq!(name(Derivative::Second(0, 1)), "d2u_dxdtemp");
        assert_eq!(name(Derivative::Laplacian), "laplacian_u");
    }

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
        let products: Vec<f64> = laplacian.products(&[0, 1], &normalizer).iter().map(|p| p.coefficient).collect();
        assert_eq!(products, [0.25, 1.0]);
    }

    #[test]
    fn orders_follow_from_the_channels() {
        assert_eq!(JetLayout::value(2).order(), 0);
        assert_eq!(JetLayout::gradient(2).order(), 1);
        assert_eq!(JetLayout::selected(2, [Derivative::Second(0, 1)]).order(), 2);
    }
}
