//! Jets at points, and the one place where they come to the user's units.

use super::{Derivative, JetLayout, Normalizer};

/// Jets at points, in the user's units.
#[derive(Clone, Debug, PartialEq)]
pub struct Jets {
    /// Which channels they hold.
    pub layout: JetLayout,
    /// M, the number of outputs.
    pub outputs: usize,
    /// (M, C, B): for each output and channel, one number a point.
    pub values: Vec<f64>,
}

impl Jets {
    /// B, the number of points.
    pub fn points(&self) -> usize {
        self.values.len() / (self.outputs * self.layout.channels())
    }

    /// One entry of the jet at every point (B).
    pub fn entry(&self, output: usize, derivative: Derivative) -> Option<&[f64]> {
        let row = output * self.layout.channels() + self.layout.channel(derivative)?;
        let points = self.points();
        Some(&self.values[row * points..(row + 1) * points])
    }

    /// From standardised entries (M, C, B) to the user's units, in f64: the one place where the
    /// chain rule of the scaling is applied to what a backend computed.
    pub fn from_standardised(layout: &JetLayout, normalizer: &Normalizer, mut values: Vec<f64>) -> Self {
        let outputs = normalizer.outputs.mean.len();
        let channels = layout.channels();
        let points = values.len() / (outputs * channels);
        for output in 0..outputs {
            for (channel, factor) in layout.factors(normalizer, output).into_iter().enumerate() {
                let shift = if channel == 0 { normalizer.outputs.mean[output] } else { 0.0 };
                let row = output * channels + channel;
                values[row * points..(row + 1) * points].iter_mut().for_each(|v| *v = shift + factor * *v);
            }
        }
        Self { layout: layout.clone(), outputs, values }
    }
}
