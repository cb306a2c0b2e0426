//! What a residual adds up from, before its parts cancel.
//!
//! Around a point `r = Σ ∂r/∂z z + Σ ∂r/∂c c + rest`, over the entries z of the jet (without their mean, which kernels
//! take out in f64) and the coefficients c; its parts have the size `Σ |∂r/∂z z| + Σ |∂r/∂c c| + |rest|`.

use crate::data::{Normalizer, PointSet};
use crate::expression::{Expression, Leaf};
use crate::jet::{Derivative, Jets};

/// The size of a residual's parts at each point (B). An entry of the jet counts as at least the part `least` of its
/// natural scale. `jets` has the entries at all places of the points, in the user's units, as the coefficients are.
pub fn parts(
    residual: &Expression,
    points: &PointSet,
    coefficients: &[f64],
    jets: &Jets,
    (normalizer, least): (&Normalizer, f64),
) -> Vec<f64> {
    let data = points.data();
    let count = points.points();
    let mut rest = residual.evaluate(&data, coefficients, Some(jets));
    let mut size = vec![0.0; count];
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
            size[p] += (slope * (value - mean).abs().max(least)).abs();
        }
    }
    size.iter().zip(&rest).map(|(size, rest)| size + rest.abs()).collect()
}
