//! One order of derivative at one batch size, timed.

use std::time::Instant;

use super::{Clock, LEAST_SECONDS, Mode, Row, Settings, random_problem};
use crate::backend::{Backend, Batch, SetId};
use crate::error::{Error, Result};
use crate::jet::JetLayout;
use crate::network::Model;
use crate::optimizer::AdamSettings;

/// One order at one batch size, ready to be timed.
pub struct Case {
    pub backend: Box<dyn Backend>,
    pub order: usize,
    layout: JetLayout,
    points: Vec<Vec<f64>>,
    /// The loaded points, when training.
    set: Option<SetId>,
    /// Steps taken.
    step: u64,
    /// Steps in a timing.
    pub steps: u32,
    /// The clock.
    pub clock: Clock,
}

impl Case {
    pub fn new(
        model: &Model,
        settings: &Settings,
        order: usize,
        batch: usize,
        mut backend: Box<dyn Backend>,
    ) -> Result<Self> {
        let layout = settings.seconds.layout(order, model.inputs.len());
        let (set, loss) = random_problem(model, &layout, batch);
        let points = set.inputs.clone();
        let set = match settings.mode {
            Mode::Train => Some(backend.load(&set, &loss)?),
            Mode::Evaluate => None,
        };
        let mut case = Self { backend, order, layout, points, set, step: 0, steps: 1, clock: settings.clock };
        // Warm-up: caches, thread pools and pipelines; then as many steps as a timing needs.
        case.time(2)?;
        loop {
            let seconds = case.time(case.steps)? * f64::from(case.steps);
            if seconds >= LEAST_SECONDS {
                return Ok(case);
            }
            // Aim a tenth beyond, at most tenfold at once: the first timings are the least sure.
            let factor = (1.1 * LEAST_SECONDS / seconds.max(1e-9)).clamp(1.1, 10.0);
            case.steps = (f64::from(case.steps) * factor).ceil() as u32;
        }
    }

    /// Seconds per step over `steps` steps, by the device's clock if requested and available.
    pub fn time(&mut self, steps: u32) -> Result<f64> {
        let count = self.points[0].len();
        let batch = self.set.map(|set| Batch { set, start: 0, count });
        let update = |step: u64| AdamSettings::default().update(step, 1e-4);
        if self.clock == Clock::Device {
            let seconds = match batch {
                Some(batch) => self.backend.timed_steps(batch, &update(self.step + 1), steps as usize)?,
                None => self.backend.timed_evaluations(count, &self.layout, steps as usize)?,
            };
            if let Some(seconds) = seconds {
                self.check()?;
                return Ok(seconds.iter().sum::<f64>() / f64::from(steps));
            }
            self.clock = Clock::Host;
        }
        let start = Instant::now();
        for _ in 0..steps {
            self.step += 1;
            match batch {
                Some(batch) => self.backend.step(&[batch], &update(self.step))?,
                None => drop(self.backend.evaluate(&self.points, &self.layout)?),
            }
        }
        self.check()?;
        Ok(start.elapsed().as_secs_f64() / f64::from(steps))
    }

    /// Waits for the device and checks for errors.
    fn check(&mut self) -> Result<()> {
        match self.set.and(self.backend.report()?.diverged_at) {
            Some(step) => Err(Error::Diverged {
                problem: format!(" at step {step}: the loss or its gradient is not finite"),
                help: "use fewer inputs or narrower layers".to_string(),
            }),
            None => Ok(()),
        }
    }

    pub fn row(&self, mode: Mode, model: &Model, timings: &[f64], value_alone: &[f64]) -> Row {
        let batch = self.points[0].len();
        let seconds = median(timings.to_vec());
        let flops = (mode.passes() * 2 * self.layout.channels() * batch * model.spec.multiply_adds()) as f64;
        Row {
            batch,
            order: self.order,
            mode,
            seconds_median: seconds,
            seconds_min: timings.iter().copied().fold(f64::INFINITY, f64::min),
            points_per_second: batch as f64 / seconds,
            gflops: flops / seconds / 1e9,
            cost_ratio: median(timings.iter().zip(value_alone).map(|(own, value)| own / value).collect()),
            working_bytes: self.backend.working_bytes(),
        }
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_of_an_even_count_is_between() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
