//! The benchmark: what derivatives cost against the batch size, on one device.
//!
//! Order 0 is always measured beside the others, repeat by repeat in turn, so that a machine that
//! slows down or speeds up does so for all of them and the ratios hold.

mod case;
mod export;
mod problem;

use std::fmt;

use serde::Serialize;

use self::case::Case;
pub use self::export::export;
pub use self::problem::{network, random_problem};

use crate::backend::{Backend, Batch, KernelTime};
use crate::cpu;
use crate::error::{Error, Result};
use crate::jet::{Derivative, JetLayout, Seconds};
use crate::network::Model;
use crate::numbers::Precision;
use crate::optimizer::AdamSettings;

/// What one timed unit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Jets, a loss over all of their channels, weight gradients and the Adam update.
    Train,
    /// Jets, given back to the host.
    Evaluate,
}

impl Mode {
    /// The products over those of a forward pass: backward, the weight gradients and the
    /// cotangents of the layer's inputs cost one forward pass each.
    fn passes(self) -> usize {
        match self {
            Mode::Train => 3,
            Mode::Evaluate => 1,
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Clock::Device => "device",
            Clock::Host => "host",
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Train => "train",
            Mode::Evaluate => "evaluate",
        })
    }
}

/// Which clock measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Device timestamps at the start and end of the work; host time if the device has none.
    Device,
    /// Wall time on the host, including encoding and waiting, with steps batched into submissions as in a job.
    Host,
}

/// What to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Points in a batch.
    pub batches: Vec<usize>,
    /// The highest order of derivative, from 0 to 4.
    pub orders: Vec<usize>,
    /// Which derivatives from the second order on.
    pub seconds: Seconds,
    /// What one timed unit does.
    pub mode: Mode,
    /// Timings per batch size and order, each at least [`LEAST_SECONDS`] long.
    pub repeats: usize,
    /// The clock.
    pub clock: Clock,
}

/// A timing shorter than this would measure the clock and the scheduler.
pub const LEAST_SECONDS: f64 = 0.02;

/// One batch and order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Points in a batch.
    pub batch: usize,
    /// The highest order of derivative.
    pub order: usize,
    /// What was timed.
    pub mode: Mode,
    /// The median over the repeats, of one step or evaluation.
    pub seconds_median: f64,
    /// The minimum.
    pub seconds_min: f64,
    /// Batch over median.
    pub points_per_second: f64,
    /// 10⁹ flops per second at the median, counted as `2 · C · B · Σ(in·out)`, times 3 for training: matrix products
    /// only, including the first layer although it is cheaper.
    pub gflops: f64,
    /// The median over the repeats of the time over that of order 0 in the same repeat.
    pub cost_ratio: f64,
    /// Working memory on the device: tapes, gradients, optimizer state; not the points.
    pub working_bytes: usize,
}

/// All rows of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The device.
    pub device: String,
    /// The clock.
    pub clock: Clock,
    /// Relative error of the gradient against f64, for the highest order at the smallest batch, if products are in
    /// f16.
    pub gradient_error: Option<f64>,
    /// Batch by batch, each with its orders ascending.
    pub rows: Vec<Row>,
}

/// The kernels of a training step of the highest order at the largest batch, in order; each with its least time in as
/// many steps as there are repeats.
///
/// # Errors
/// Those of [`bench()`], and [`Error::Input`] where the device has no clock of its own.
pub fn profile(model: &Model, settings: &Settings, mut backend: Box<dyn Backend>) -> Result<Vec<KernelTime>> {
    settings.check()?;
    let (layout, batch) = settings.largest(model.inputs.len());
    let (set, loss) = random_problem(model, &layout, batch);
    let batch = Batch { set: backend.load(&set, &loss)?, start: 0, count: set.points() };
    let problem = format!("{} cannot time every kernel of this step", backend.device());
    let profile = backend.profile(batch, &AdamSettings::default().update(1, 1e-4), settings.repeats)?;
    profile.ok_or_else(|| Error::input("--profile", problem, "use a GPU (--device gpu) or a smaller --batch"))
}

/// Measures `model` on backends that `open` creates; `watch` receives each finished row.
///
/// # Errors
/// Settings without batches, orders or repeats; an order above 4; a device that fails.
pub fn bench(
    model: &Model,
    settings: &Settings,
    open: &mut dyn FnMut(&Model) -> Result<Box<dyn Backend>>,
    watch: &mut dyn FnMut(&Row),
) -> Result<Report> {
    settings.check()?;
    let mut orders = settings.orders.clone();
    orders.push(0);
    orders.sort_unstable();
    orders.dedup();
    let is_in_f16 = model.precision.f16_parts() > 0;
    let gradient_error = is_in_f16.then(|| gradient_error(model, settings, open(model)?.as_mut())).transpose()?;
    let mut report = Report { device: String::new(), clock: Clock::Host, gradient_error, rows: vec![] };
    for batch in &settings.batches {
        let case = |order: &usize| Case::new(model, settings, *order, *batch, open(model)?);
        let mut cases = orders.iter().map(case).collect::<Result<Vec<_>>>()?;
        (report.device, report.clock) = (cases[0].backend.device(), cases[0].clock);
        let mut timings = vec![vec![]; cases.len()];
        for _ in 0..settings.repeats {
            for (case, timings) in cases.iter_mut().zip(&mut timings) {
                timings.push(case.time(case.steps)?);
            }
        }
        for (case, own) in cases.iter().zip(&timings).filter(|(case, _)| settings.orders.contains(&case.order)) {
            let row = case.row(settings.mode, model, own, &timings[0]);
            watch(&row);
            report.rows.push(row);
        }
    }
    Ok(report)
}

/// See [`Report::gradient_error`].
fn gradient_error(model: &Model, settings: &Settings, device: &mut dyn Backend) -> Result<f64> {
    let (layout, _) = settings.largest(model.inputs.len());
    let least = settings.batches.iter().copied().min().unwrap_or(1);
    let (set, loss) = random_problem(model, &layout, least);
    // With the weights that the device has.
    let mut exact = cpu::open(model, Precision::F64, 0)?;
    exact.set_parameters(&device.parameters()?)?;
    let gradient = |backend: &mut dyn Backend| -> Result<Vec<f64>> {
        let batch = Batch { set: backend.load(&set, &loss)?, start: 0, count: set.points() };
        Ok(backend.gradient(&[batch])?.gradient)
    };
    let (ours, truth) = (gradient(device)?, gradient(exact.as_mut())?);
    let apart: f64 = ours.iter().zip(&truth).map(|(ours, truth)| (ours - truth).powi(2)).sum();
    Ok((apart / truth.iter().map(|truth| truth.powi(2)).sum::<f64>()).sqrt())
}

impl Settings {
    /// The layout of the highest order, and the largest batch.
    pub fn largest(&self, inputs: usize) -> (JetLayout, usize) {
        let largest = |numbers: &[usize]| numbers.iter().copied().max().unwrap_or(0);
        (self.seconds.layout(largest(&self.orders), inputs), largest(&self.batches))
    }

    fn check(&self) -> Result<()> {
        let wrong = |flag: &str, problem: &str, help: &str| Err(Error::input(flag, problem, help));
        if self.batches.is_empty() || self.batches.contains(&0) {
            return wrong(
                "--batch",
                "a batch needs at least one point",
                "use numbers of points of at least 1, for example 256,1024",
            );
        }
        if self.orders.is_empty() || self.orders.iter().any(|order| *order > Derivative::MOST) {
            return wrong("--order", "the order of a derivative must be from 0 to 4", "use any of 0,1,2,3,4");
        }
        if self.repeats == 0 {
            return wrong("--repeats", "0 repeats leave nothing to measure", "use at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jet::Activation;
    use crate::network::NetworkSpec;

    fn model() -> Model {
        let spec = NetworkSpec::uniform(2, &[8, 8], Activation::Tanh, 1);
        network(spec, Precision::F32)
    }

    fn settings() -> Settings {
        let (batches, orders, seconds) = (vec![16], vec![1], Seconds::Diagonal);
        Settings { batches, orders, seconds, mode: Mode::Train, repeats: 1, clock: Clock::Device }
    }

    fn run(settings: &Settings) -> Result<Report> {
        let mut open = |model: &Model| cpu::open(model, Precision::F32, 1);
        bench(&model(), settings, &mut open, &mut |_| {})
    }

    #[test]
    fn every_mode_and_choice_of_seconds_is_measured() {
        for mode in [Mode::Train, Mode::Evaluate] {
            for seconds in Seconds::ALL {
                let settings = Settings { batches: vec![7, 33], orders: vec![2, 0, 4], seconds, mode, ..settings() };
                let rows = run(&settings).unwrap().rows;
                let found: Vec<_> = rows.iter().map(|row| (row.batch, row.order)).collect();
                assert_eq!(found, [(7, 0), (7, 2), (7, 4), (33, 0), (33, 2), (33, 4)]);
                assert_eq!((rows[0].cost_ratio, rows[3].cost_ratio), (1.0, 1.0));
                for row in &rows {
                    assert!(row.seconds_min <= row.seconds_median && row.working_bytes > 0, "{row:?}");
                    let channels = seconds.layout(row.order, 2).channels();
                    let flops = (mode.passes() * 2 * channels * row.batch * model().spec.multiply_adds()) as f64;
                    assert!((row.gflops * 1e9 * row.seconds_median / flops - 1.0).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn order_0_is_measured_for_the_ratio_even_if_it_is_not_shown() {
        let rows = run(&Settings { repeats: 2, ..settings() }).unwrap().rows;
        assert!(rows.len() == 1 && rows[0].cost_ratio > 0.0 && rows[0].cost_ratio != 1.0);
    }

    #[test]
    fn senseless_settings_are_bad_input() {
        let bad = [
            Settings { batches: vec![], ..settings() },
            Settings { batches: vec![0], ..settings() },
            Settings { orders: vec![5], ..settings() },
            Settings { repeats: 0, ..settings() },
        ];
        for settings in bad {
            assert_eq!(run(&settings).unwrap_err().exit_code(), 2, "{settings:?}");
        }
    }
}
