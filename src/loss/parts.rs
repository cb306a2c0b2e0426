//! What a residual adds up from, before its parts cancel.
//!
//! Around a point `r = Σ ∂r/∂z z + Σ ∂r/∂c c + rest`, over the entries z of the jet (without their mean, which kernels
//! take out in f64) and the coefficients c; its parts have the size `Σ |∂r/∂z z| + Σ |∂r/∂c c| + |rest|`.

use crate::data::PointSet;
use crate::expression::{Expression, Leaf};
use crate::jet::{Derivative, Jets, Normalizer};

/// What one part has of all where it stands alone.
const ALONE_SHARE: f64 = 0.99;

/// The parts of a residual at some points.
pub struct Parts {
    /// The sum of their sizes (B).
    pub sum: Vec<f64>,
    /// The size of the largest (B).
    pub largest: Vec<f64>,
    /// What is left of them: the size of the residual itself (B).
    pub left: Vec<f64>,
}

/// The size of a residual's parts at each point. An entry of the jet counts as at least the part `least` of its
/// natural scale. `jets` has the entries at all places of the points, in the user's units, as the coefficients are.
pub fn parts(
    residual: &Expression,
    points: &PointSet,
    coefficients: &[f64],
    jets: &Jets,
    (normalizer, least): (&Normalizer, f64),
) -> Parts {
    let data = points.data();
    let count = points.points();
    let mut rest = residual.evaluate(&data, coefficients, Some(jets));
    let left = rest.iter().map(|r| r.abs()).collect();
    let mut parts = Parts { sum: vec![0.0; count], largest: vec![0.0; count], left };
    for leaf in residual.leaves() {
        let (values, mean, least) = match leaf {
            Leaf::Entry(entry, place) => {
                let values = jets.entry(entry.output, entry.derivative).expect("an entry that the layout carries");
                let is_value = entry.derivative == Derivative::Value;
                let mean = if is_value { normalizer.outputs.mean[entry.output] } else { 0.0 };
                (values[place * count..][..count].to_vec(), mean, least * entry.natural_scale(normalizer))
            }
            Leaf::Coefficient(index) => (vec![coefficients[index]; count], 0.0, 0.0),
            _ => continue,
        };
        let slopes = residual.clone().partial(leaf).evaluate(&data, coefficients, Some(jets));
        for (p, (value, slope)) in values.iter().zip(&slopes).enumerate() {
            rest[p] -= slope * (value - mean);
            parts.add(p, slope * (value - mean).abs().max(least));
        }
    }
    rest.into_iter().enumerate().for_each(|(p, rest)| parts.add(p, rest));
    parts
}

impl Parts {
    fn add(&mut self, point: usize, part: f64) {
        self.sum[point] += part.abs();
        self.largest[point] = self.largest[point].max(part.abs());
    }

    /// The root mean square of what is left at each point, over its parts there or 1, where these are smaller.
    pub fn relative(&self) -> f64 {
        let squares = self.left.iter().zip(&self.sum).map(|(left, sum)| (left / sum.max(1.0)).powi(2));
        (squares.sum::<f64>() / self.sum.len().max(1) as f64).sqrt()
    }

    /// The root mean square of the sums.
    pub fn size(&self) -> f64 {
        (self.sum.iter().map(|sum| sum * sum).sum::<f64>() / self.sum.len().max(1) as f64).sqrt()
    }

    /// Whether at most points there are several, which may cancel.
    pub fn are_several(&self) -> bool {
        let several = |(sum, largest): &(&f64, &f64)| *largest < &(ALONE_SHARE * *sum);
        2 * self.sum.iter().zip(&self.largest).filter(several).count() > self.sum.len()
    }
}
