//! Grids of points.

use super::Dataset;
use crate::data::Axis;

impl Axis {
    /// Its numbers; the last is `to` itself.
    fn values(&self) -> Vec<f64> {
        let Axis { from, to, count, is_logarithmic } = *self;
        let step = |i: usize| i as f64 / (count - 1).max(1) as f64;
        let between = |i: usize| match is_logarithmic {
            true => from * (to / from).powf(step(i)),
            false => from + (to - from) * step(i),
        };
        (0..count).map(|i| if i > 0 && i + 1 == count { to } else { between(i) }).collect()
    }
}

/// The product of the axes, the last running fastest (D, B).
pub fn grid(axes: &[Axis]) -> Vec<Vec<f64>> {
    let points: usize = axes.iter().map(|axis| axis.count).product();
    let mut run = points;
    let column = |axis: &Axis| {
        run /= axis.count;
        let values = axis.values();
        (0..points).map(|point| values[point / run % axis.count]).collect()
    };
    axes.iter().map(column).collect()
}

impl Dataset {
    /// A grid over the data's range: 1001 points for one input, 101 by 101 for two; with more inputs, the training
    /// rows.
    pub fn default_points(&self) -> Vec<Vec<f64>> {
        let count = match self.inputs.len() {
            1 => 1001,
            2 => 101,
            _ => return self.training.inputs.clone(),
        };
        let axis = |input: usize| {
            let (from, to) = self.range(input);
            Axis { from, to, count, is_logarithmic: false }
        };
        grid(&(0..self.inputs.len()).map(axis).collect::<Vec<_>>())
    }

    /// The minimum and maximum of an input over all rows, validation rows included.
    pub fn range(&self, input: usize) -> (f64, f64) {
        let sets = [Some(&self.training), self.validation.as_ref()];
        let all = || sets.into_iter().flatten().flat_map(|set| set.inputs[input].iter().copied());
        (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_input_runs_fastest_and_ends_are_exact() {
        let axis = |from, to, count| Axis { from, to, count, is_logarithmic: false };
        let axes = [axis(0.0, 1.0, 2), axis(-1.0, 0.3, 3)];
        let points = grid(&axes);
        assert_eq!(points[0], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!((points[1][0], points[1][2], points[1][5]), (-1.0, 0.3, 0.3));
        assert_eq!(grid(&[axis(2.0, 3.0, 1)]), [[2.0]]);
        let decades = grid(&[Axis { is_logarithmic: true, ..axis(1e-3, 1e3, 7) }]);
        let expected = [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0];
        assert!(decades[0].iter().zip(expected).all(|(x, y)| (x / y - 1.0).abs() < 1e-14), "{decades:?}");
    }
}
