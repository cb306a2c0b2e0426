//! A device that fails in the middle of a run hands it over to the CPU, or ends it, as the job says.

use std::cell::Cell;

use jetfit::backend::{Backend, Batch, OptimizerState, SetId, StepReport, Update, Vector, Vectors};
use jetfit::data::PointSet;
use jetfit::device;
use jetfit::error::{Error, Result};
use jetfit::jet::{JetLayout, Jets};
use jetfit::job::{Job, Overrides};
use jetfit::loss::Loss;
use jetfit::run::{Mode, Observer, run_on};

/// A CPU that breaks at step 150.
struct Broken(Box<dyn Backend>);

impl Vectors for Broken {
    fn allocate_vectors(&mut self, count: usize) -> Result<()> {
        self.0.allocate_vectors(count)
    }
    fn vector(&mut self, vector: Vector) -> Result<Vec<f64>> {
        self.0.vector(vector)
    }
    fn set_kept(&mut self, kept: usize, numbers: &[f64]) -> Result<()> {
        self.0.set_kept(kept, numbers)
    }
    fn dots(&mut self, left: &[Vector], right: &[Vector]) -> Result<Vec<f64>> {
        self.0.dots(left, right)
    }
    fn combine(&mut self, into: Vector, parts: &[(f64, Vector)]) -> Result<()> {
        self.0.combine(into, parts)
    }
}

impl Backend for Broken {
    fn device(&self) -> String {
        "broken".to_string()
    }
    fn evaluate(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        self.0.evaluate(points, layout)
    }
    fn load(&mut self, set: &PointSet, loss: &Loss) -> Result<SetId> {
        self.0.load(set, loss)
    }
    fn refill(&mut self, set: SetId, points: &PointSet, loss: &Loss) -> Result<()> {
        self.0.refill(set, points, loss)
    }
    fn set_term_weights(&mut self, set: SetId, weights: &[f64]) -> Result<()> {
        self.0.set_term_weights(set, weights)
    }
    fn set_order(&mut self, set: SetId, rows: &[u32]) -> Result<()> {
        self.0.set_order(set, rows)
    }
    fn losses(&mut self, set: SetId) -> Result<Vec<f64>> {
        self.0.losses(set)
    }
    fn differentiate(&mut self, batches: &[Batch]) -> Result<Vec<f64>> {
        self.0.differentiate(batches)
    }
    fn step(&mut self, batches: &[Batch], update: &Update) -> Result<()> {
        if update.step == 150 {
            return Err(Error::device("broken", "it caught fire"));
        }
        self.0.step(batches, update)
    }
    fn report(&mut self) -> Result<StepReport> {
        self.0.report()
    }
    fn parameters(&mut self) -> Result<Vec<f64>> {
        self.0.parameters()
    }
    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.0.set_parameters(parameters)
    }
    fn optimizer_state(&mut self) -> Result<OptimizerState> {
        self.0.optimizer_state()
    }
    fn set_optimizer_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.0.set_optimizer_state(state)
    }
    fn working_bytes(&self) -> usize {
        self.0.working_bytes()
    }
}

#[derive(Default)]
struct Heard {
    devices: Vec<String>,
    warnings: Vec<String>,
}

impl Observer for Heard {
    fn started(&mut self, device: &str, _done: u64, _steps: u64) {
        self.devices.push(device.to_string());
    }
    fn warning(&mut self, text: &str) {
        self.warnings.push(text.to_string());
    }
}

/// Runs 200 steps of the sine job, whose first device breaks where `breaks` says so.
fn sine(fallback: bool, breaks: bool) -> (Result<Vec<u8>>, Heard) {
    let directory = tempfile::tempdir().unwrap();
    let overrides =
        Overrides { directory: Some(directory.path().join("run")), steps: Some(200), ..Overrides::default() };
    let mut job = Job::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/jobs/sine/job.toml"), &overrides).unwrap();
    job.device.fallback = fallback;
    let opened = Cell::new(0);
    let mut heard = Heard::default();
    let summary = run_on(&job, Mode::New, None, &mut heard, &false.into(), |_, precision, threads, model| {
        opened.set(opened.get() + 1);
        let cpu = device::open("cpu", precision, threads, model)?;
        Ok(if breaks && opened.get() == 1 { Box::new(Broken(cpu)) } else { cpu })
    });
    let model = summary.map(|_| std::fs::read(job.output.join("model.safetensors")).unwrap());
    (model, heard)
}

#[test]
fn the_cpu_takes_over_and_reaches_the_same_bits() {
    let (model, heard) = sine(true, true);
    assert!(heard.devices.len() == 2 && heard.devices[0] == "broken", "{:?}", heard.devices);
    assert!(heard.warnings[0].contains("it caught fire"), "{:?}", heard.warnings);
    assert_eq!(model.unwrap(), sine(true, false).0.unwrap());
}

#[test]
fn without_fallback_the_failure_ends_the_run() {
    let (model, heard) = sine(false, true);
    assert_eq!(heard.devices.len(), 1);
    assert_eq!(model.unwrap_err().exit_code(), 1);
}
