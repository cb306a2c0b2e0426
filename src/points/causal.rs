//! Weights that follow time: what comes later counts once what comes before is learned (Wang, Sankaran,
//! Perdikaris: Comput. Methods Appl. Mech. Eng. 421, 2024).

use super::Variable;
use crate::error::{Error, Result, suggest};

/// Causal weights as a job states them: `w_i = exp(−tolerance · Σ_{k<i} L_k)` for the points of slice i, where
/// L_k is the weighted mean square of the residuals in slice k.
#[derive(Clone, Debug, PartialEq)]
pub struct CausalSpec {
    /// The input that is cut into slices.
    pub input: String,
    /// The count.
    pub slices: usize,
    /// How strictly later slices wait.
    pub tolerance: f64,
    /// Steps between two updates of the weights.
    pub every: u64,
    /// Whether the last slice comes first, as for a condition at the end of time.
    pub backwards: bool,
}

/// The same over an interval of one of the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Causal {
    spec: CausalSpec,
    axis: usize,
    low: f64,
    high: f64,
}

/// Slices of an interval: with more, few points would be in any.
const MOST_SLICES: usize = 100_000;

impl CausalSpec {
    /// Over the box of the variables. `place` is where it stands in the job, as in `term "x": points.causal`.
    ///
    /// # Errors
    /// [`Error::Input`] for an input that is none, and for too many slices.
    pub fn over(&self, place: &str, variables: &[Variable]) -> Result<Causal> {
        let names: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
        let Some(axis) = names.iter().position(|name| *name == self.input) else {
            let problem = format!("unknown variable {:?}", self.input);
            return Err(Error::input(format!("{place}.input"), problem, suggest(&self.input, &names)));
        };
        if self.slices > MOST_SLICES {
            let problem = format!("{} slices are too many", self.slices);
            return Err(Error::input(format!("{place}.slices"), problem, format!("use at most {MOST_SLICES}")));
        }
        let Variable { low, high, .. } = variables[axis];
        Ok(Causal { spec: self.clone(), axis, low, high })
    }
}

impl Causal {
    /// Whether the weights are to be set anew before step `step` (from 1).
    pub fn is_due(&self, step: u64) -> bool {
        (step - 1).is_multiple_of(self.spec.every)
    }

    /// The input that is cut into slices.
    pub fn input(&self) -> &str {
        &self.spec.input
    }

    /// Where a slice begins, in the order in which they are learned, and on which side of that lie it and those that
    /// follow.
    pub fn beyond(&self, slice: usize) -> (&'static str, f64) {
        let part = slice as f64 / self.spec.slices as f64;
        match self.spec.backwards {
            false => ("after", self.low + part * (self.high - self.low)),
            true => ("before", self.high - part * (self.high - self.low)),
        }
    }

    /// The slice of each point (B) of `inputs` (D, B), counted in the order in which they are learned.
    fn slices<'a>(&'a self, inputs: &'a [Vec<f64>]) -> impl Iterator<Item = usize> + 'a {
        let count = self.spec.slices;
        inputs[self.axis].iter().map(move |t| {
            let slice = ((t - self.low) / (self.high - self.low) * count as f64) as usize;
            let slice = slice.min(count - 1);
            if self.spec.backwards { count - 1 - slice } else { slice }
        })
    }

    /// The weight of every slice, from the points (D, B) and the weighted squares of their residuals (B).
    pub fn weights(&self, inputs: &[Vec<f64>], squares: &[f64]) -> Vec<f64> {
        let mut sums = vec![(0.0, 0u32); self.spec.slices];
        for (slice, square) in self.slices(inputs).zip(squares) {
            sums[slice].0 += square;
            sums[slice].1 += 1;
        }
        let mut before = 0.0;
        let weight = |(sum, count): (f64, u32)| {
            let weight = f64::exp(-self.spec.tolerance * before);
            before += sum / f64::from(count.max(1));
            weight
        };
        sums.into_iter().map(weight).collect()
    }

    /// The weight of each point (B) from those of the slices.
    pub fn of_points(&self, inputs: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
        self.slices(inputs).map(|slice| weights[slice]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn causal(backwards: bool) -> Causal {
        let spec = CausalSpec { input: "t".into(), slices: 4, tolerance: 2.0, every: 10, backwards };
        let variables = [("x", 0.0, 1.0), ("t", 1.0, 3.0)].map(|(name, low, high)| Variable::new(name, low, high));
        spec.over("points.causal", &variables.map(Result::unwrap)).unwrap()
    }

    #[test]
    fn a_slice_waits_for_those_before_it() {
        // Two points in the first slice, none in the second, one each at the bounds of the others.
        let inputs = [vec![0.5; 4], vec![1.0, 1.49, 2.0, 3.0]];
        let weights = causal(false).weights(&inputs, &[0.1, 0.3, 0.5, 7.0]);
        let expected = [1.0, (-0.4f64).exp(), (-0.4f64).exp(), (-1.4f64).exp()];
        assert!(weights.iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-15), "{weights:?}");
        assert_eq!(causal(false).of_points(&inputs, &weights), [weights[0], weights[0], weights[2], weights[3]]);
        let weights = causal(true).weights(&inputs, &[0.1, 0.3, 0.5, 7.0]);
        assert_eq!(weights[0], 1.0);
        assert!((weights[3] - (-15.0f64).exp()).abs() < 1e-18, "{weights:?}");
        assert_eq!(causal(true).of_points(&inputs, &weights)[3], 1.0);
    }

    #[test]
    fn weights_are_set_at_the_first_step_and_every_few() {
        let due: Vec<u64> = (1..=30).filter(|step| causal(false).is_due(*step)).collect();
        assert_eq!(due, [1, 11, 21]);
    }
}
