//! The learning rate over the steps: constant, cosine, exponential, step or on-plateau, after an
//! optional warm-up.

use serde::{Deserialize, Serialize};

/// How the rate falls after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// It does not.
    Constant,
    /// Half a cosine down to `final_fraction` of the start at the last step.
    Cosine {
        /// The last rate over the first.
        final_fraction: f64,
    },
    /// A geometric fall to `final_fraction` of the start at the last step.
    Exponential {
        /// The last rate over the first.
        final_fraction: f64,
    },
    /// Times `factor` after every `every` steps.
    Step {
        /// What the rate is multiplied by.
        factor: f64,
        /// Steps between two falls.
        every: u64,
    },
    /// Times `factor` when the watched loss has not improved for `patience` reports.
    Plateau {
        /// What the rate is multiplied by.
        factor: f64,
        /// Reports without improvement before a fall.
        patience: u64,
    },
}

/// A learning-rate schedule over `steps` steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The rate at the end of the warm-up.
    pub learning_rate: f64,
    /// Steps over which the rate rises linearly from 0.
    pub warmup: u64,
    /// All steps of the run, the warm-up among them.
    pub steps: u64,
    /// How it falls.
    pub shape: Shape,
}

/// What the on-plateau shape remembers; part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// The rate's fraction so far.
    pub fraction: f64,
    /// The lowest loss so far.
    pub lowest: Option<f64>,
    /// Reports since then.
    pub waited: u64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self { fraction: 1.0, lowest: None, waited: 0 }
    }
}

impl Schedule {
    /// The rate of step `step` (from 1).
    pub fn rate(&self, step: u64, plateau: &Plateau) -> f64 {
        if step <= self.warmup {
            return self.learning_rate * step as f64 / self.warmup as f64;
        }
        let gone = step - self.warmup - 1;
        let progress = gone as f64 / (self.steps.saturating_sub(self.warmup + 1)).max(1) as f64;
        let fraction = match self.shape {
            Shape::Constant => 1.0,
            Shape::Cosine { final_fraction } => {
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos());
                final_fraction + (1.0 - final_fraction) * cosine
            }
            Shape::Exponential { final_fraction } => final_fraction.powf(progress),
            Shape::Step { factor, every } => factor.powf((gone / every.max(1)) as f64),
            Shape::Plateau { .. } => plateau.fraction,
        };
        self.learning_rate * fraction
    }

    /// Shows the on-plateau shape the watched loss of one more report.
    pub fn watch(&self, loss: f64, plateau: &mut Plateau) {
        let Shape::Plateau { factor, patience } = self.shape else { return };
        // An improvement below a ten-thousandth is noise.
        if plateau.lowest.is_none_or(|lowest| loss < lowest * (1.0 - 1e-4)) {
            plateau.lowest = Some(loss);
            plateau.waited = 0;
            return;
        }
        plateau.waited += 1;
        if plateau.waited >= patience {
            plateau.fraction *= factor;
            plateau.waited = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(shape: Shape) -> Schedule {
        Schedule { learning_rate: 1.0, warmup: 10, steps: 111, shape }
    }

    #[test]
    fn warmup_rises_and_the_shapes_end_where_they_say() {
        let none = Plateau::default();
        let ends = [
            (Shape::Constant, 1.0),
            (Shape::Cosine { final_fraction: 0.1 }, 0.1),
            (Shape::Exponential { final_fraction: 0.01 }, 0.01),
            (Shape::Step { factor: 0.5, every: 40 }, 0.25),
        ];
        for (shape, end) in ends {
            let schedule = schedule(shape);
            assert_eq!(schedule.rate(5, &none), 0.5);
            assert_eq!(schedule.rate(11, &none), 1.0);
            assert!((schedule.rate(111, &none) - end).abs() < 1e-12, "{shape:?}");
        }
    }

    #[test]
    fn a_plateau_lowers_the_rate_after_its_patience() {
        let schedule = schedule(Shape::Plateau { factor: 0.5, patience: 2 });
        let mut plateau = Plateau::default();
        for loss in [1.0, 0.5, 0.5, 0.6] {
            schedule.watch(loss, &mut plateau);
        }
        assert_eq!(schedule.rate(50, &plateau), 0.5);
    }
}
