//! The CPU backend, generic over f32 and f64: tiles of points on all threads, by kernels with a twin in
//! `shaders/`.
//!
//! Instruction sets (AVX-512, AVX2, NEON) are found at run time. Tiles and the order of every sum
//! depend on the job alone, so a result has the same bits whatever the thread count.

mod channels;
mod evaluate;
mod jacobian;
mod lanes;
mod layers;
mod normal_product;
mod operations;
mod optimizer;
mod parameters;
mod products;
mod residual_rows;
mod rules;
pub(crate) mod set;
mod shape;
mod step;
mod terms;
mod tile;
mod vectors;

use std::sync::Arc;

use pulp::Arch;

use crate::backend::{Backend, Batch, Jacobian, OptimizerState, SetId, StepReport, Update};
use crate::cpu::evaluate::Evaluator;
use crate::cpu::parameters::Parameters;
use crate::cpu::set::Set;
use crate::cpu::terms::reduce::Sums;
use crate::cpu::tile::{Run, Tiled};
use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::jet::{JetLayout, Jets, Normalizer, Wiring};
use crate::loss::Loss;
use crate::network::{Model, NetworkSpec, Subnetwork};
use crate::numbers::{Precision, Real};
use crate::threads;

/// A network on the CPU. `threads` 0 takes all that the machine has.
///
/// A function that is not generic, so that the kernels are compiled here alone and not by everyone who opens a CPU.
///
/// # Errors
/// [`Error::Input`] where products in f16 are asked for, [`Error::Device`] where the threads do not start.
pub fn open(model: &Model, precision: Precision, threads: usize) -> Result<Box<dyn Backend>> {
    Ok(match precision {
        Precision::F32 => Box::new(Cpu::<f32>::new(model, threads)?),
        Precision::F64 => Box::new(Cpu::<f64>::new(model, threads)?),
        Precision::F16x2 | Precision::F16 => {
            let problem = format!("{precision} runs only on a GPU with matrix units, not on the CPU");
            return Err(Error::input(
                "precision",
                problem,
                "use precision \"f32\", or a device that `jetfit devices` lists with f16 matrices",
            ));
        }
    })
}

/// Bytes that a thread works in, for a loss that reads so many channels at so many places.
pub(crate) fn tile_bytes(spec: &NetworkSpec, precision: Precision, channels: usize, places: usize) -> f64 {
    let (shape, size) = match precision.stored() {
        Precision::F64 => (shape::Shape::new::<f64>(spec, channels, places), size_of::<f64>()),
        _ => (shape::Shape::new::<f32>(spec, channels, places), size_of::<f32>()),
    };
    let ends: usize = spec.networks.iter().map(|network| network.inputs + network.outputs).sum();
    let units = 2 * spec.widths().iter().sum::<usize>() + ends + 2 * spec.widest();
    units as f64 * (channels * shape.points * size) as f64
}

/// A model on the CPU in one precision.
struct Cpu<T: Real> {
    spec: NetworkSpec,
    networks: Vec<Subnetwork>,
    wirings: Vec<Wiring>,
    normalizer: Normalizer,
    threads: Arc<rayon::ThreadPool>,
    arch: Arch,
    parameters: Parameters<T>,
    gradient: Vec<T>,
    first_moment: Vec<T>,
    second_moment: Vec<T>,
    /// What an optimizer keeps, all (P).
    kept: Vec<Vec<f64>>,
    sets: Vec<Set<T>>,
    /// One for each worker of the batches of a step.
    sums: Vec<Sums<T>>,
    evaluator: Option<Evaluator<T>>,
    report: StepReport,
}

impl<T: Real> Cpu<T> {
    fn new(model: &Model, threads: usize) -> Result<Self> {
        let threads = threads::pool(threads)?;
        let count = model.spec.parameters();
        Ok(Self {
            spec: model.spec.clone(),
            networks: model.networks(),
            wirings: model.wirings(),
            normalizer: model.normalizer.clone(),
            threads: Arc::new(threads),
            arch: Arch::new(),
            parameters: Parameters::new(model.spec.layers(), from_f64(&model.parameters)),
            gradient: vec![T::ZERO; count],
            first_moment: vec![T::ZERO; count],
            second_moment: vec![T::ZERO; count],
            kept: vec![],
            sets: vec![],
            sums: vec![],
            evaluator: None,
            report: StepReport { losses: vec![], gradient_norm: 0.0, diverged_at: None },
        })
    }

    fn set(&self, points: &PointSet, loss: &Loss) -> Set<T> {
        let threads = self.threads.current_num_threads();
        Set::new(points, loss, (&self.spec, &self.networks), (&self.normalizer, &self.wirings), threads)
    }

    fn tiled_run<'a>(&'a self, tiled: &'a Tiled<T>) -> Run<'a, T> {
        Run {
            tiled,
            spec: &self.spec,
            weights: self.spec.weights(),
            parameters: self.parameters.values(),
            transposed: self.parameters.transposed(),
            arch: self.arch,
        }
    }
}

impl<T: Real> Backend for Cpu<T> {
    fn device(&self) -> String {
        let threads = self.threads.current_num_threads();
        let plural = if threads == 1 { "" } else { "s" };
        let instructions = match self.arch {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => ", AVX-512",
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => ", AVX2",
            #[cfg(target_arch = "aarch64")]
            Arch::Neon(_) => ", NEON",
            _ => "",
        };
        format!("cpu ({threads} thread{plural}{instructions}, {})", T::PRECISION)
    }

    fn evaluate(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        Ok(self.jets(points, layout))
    }

    fn load(&mut self, set: &PointSet, loss: &Loss) -> Result<SetId> {
        self.sets.push(self.set(set, loss));
        Ok(SetId(self.sets.len() - 1))
    }

    fn refill(&mut self, set: SetId, points: &PointSet, loss: &Loss) -> Result<()> {
        self.sets[set.0] = self.set(points, loss);
        Ok(())
    }

    fn set_term_weights(&mut self, set: SetId, weights: &[f64]) -> Result<()> {
        let terms = &mut self.sets[set.0].terms;
        terms.iter_mut().zip(weights).for_each(|(term, weight)| term.weight = *weight);
        Ok(())
    }

    fn set_order(&mut self, set: SetId, rows: &[u32]) -> Result<()> {
        self.sets[set.0].order = Some(rows.to_vec());
        Ok(())
    }

    fn losses(&mut self, set: SetId) -> Result<Vec<f64>> {
        let points = self.sets[set.0].points;
        Ok(self.run(&[Batch { set, start: 0, count: points }], false).0)
    }

    fn differentiate(&mut self, batches: &[Batch]) -> Result<Vec<f64>> {
        Ok(self.run(batches, true).0)
    }

    fn jacobian(&mut self, batches: &[Batch], into: &mut Jacobian) -> Result<()> {
        self.fill_jacobian(batches, into);
        Ok(())
    }

    fn residuals(&mut self, batches: &[Batch], into: &mut Vec<f64>) -> Result<()> {
        self.fill_residuals(batches, into);
        Ok(())
    }

    fn normal_product(&mut self, batches: &[Batch], direction: &[f64]) -> Result<Vec<f64>> {
        Ok(Cpu::normal_product(self, batches, direction))
    }

    fn column_squares(&mut self, batches: &[Batch]) -> Result<Vec<f64>> {
        Ok(Cpu::column_squares(self, batches))
    }

    fn step(&mut self, batches: &[Batch], update: &Update) -> Result<()> {
        if self.report.diverged_at.is_some() {
            return Ok(());
        }
        let threads = Arc::clone(&self.threads);
        threads.install(|| self.step_on_pool(batches, update));
        Ok(())
    }

    fn report(&mut self) -> Result<StepReport> {
        Ok(self.report.clone())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        Ok(to_f64(self.parameters.values()))
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.parameters.set(parameters);
        self.report.diverged_at = None;
        Ok(())
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState> {
        Ok(OptimizerState { first_moment: to_f64(&self.first_moment), second_moment: to_f64(&self.second_moment) })
    }

    fn set_optimizer_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.first_moment = from_f64(&state.first_moment);
        self.second_moment = from_f64(&state.second_moment);
        Ok(())
    }

    fn working_bytes(&self) -> usize {
        let sets = self.sets.iter().map(|set| set.tiles.bytes()).sum::<usize>();
        let evaluator = self.evaluator.as_ref().map_or(0, |evaluator| evaluator.tiles.bytes());
        let gradients = self.sums.iter().map(|sums| sums.gradient.len()).sum::<usize>();
        let kept = self.kept.len() * self.spec.parameters() * size_of::<f64>();
        sets + evaluator + kept + (gradients + 5 * self.spec.parameters()) * size_of::<T>()
    }
}

fn to_f64<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|x| x.to_f64()).collect()
}

fn from_f64<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|x| T::of(*x)).collect()
}
