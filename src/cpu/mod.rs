//! The CPU backend, generic over f32 and f64: tiles of points on all threads, by kernels with a twin in
//! `shaders/`.
//!
//! Instruction sets (AVX-512, AVX2, NEON) are found at run time. Tiles and the order of every sum
//! depend on the job alone, so a result has the same bits whatever the thread count.

mod activation;
mod adam;
mod channels;
mod functions;
mod input_layer;
mod jet_rule;
mod lanes;
mod linear;
pub mod math;
mod product;
mod real;
mod residual;
mod set;
mod tile;

pub use real::Real;

use pulp::Arch;
use rayon::prelude::*;

use self::adam::{Adam, Constants};
use self::channels::Channels;
use self::set::{Set, share};
use self::tile::{Pass, Shape, Tile};
use crate::backend::{Backend, Batch, Gradient, SetId, StepReport};
use crate::data::{Normalizer, PointSet};
use crate::error::{Error, Result};
use crate::jet::{JetLayout, Jets};
use crate::loss::Loss;
use crate::network::{Features, InputJets, Layer, Model, NetworkSpec};
use crate::optimizer::{OptimizerState, Update};

/// Parameters that one task updates: a fixed number, as the norm is summed over such blocks.
const BLOCK: usize = 8192;

/// A network on the CPU.
pub struct Cpu<T: Real> {
    spec: NetworkSpec,
    layers: Vec<Layer>,
    normalizer: Normalizer,
    features: Option<Features>,
    threads: rayon::ThreadPool,
    arch: Arch,
    parameters: Vec<T>,
    gradient: Vec<T>,
    first_moment: Vec<T>,
    second_moment: Vec<T>,
    sets: Vec<Set<T>>,
    report: StepReport,
    evaluator_bytes: usize,
}

impl<T: Real> Cpu<T> {
    /// A backend that holds the model's parameters; `threads` 0 takes all that the machine has.
    pub fn new(model: &Model, threads: usize) -> Result<Self> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Error::device("cpu", error))?;
        let count = model.spec.parameters();
        Ok(Self {
            spec: model.spec.clone(),
            layers: model.spec.layers(),
            normalizer: model.normalizer.clone(),
            features: model.transforms.features.clone(),
            threads,
            arch: Arch::new(),
            parameters: model.parameters.iter().copied().map(T::of).collect(),
            gradient: vec![T::ZERO; count],
            first_moment: vec![T::ZERO; count],
            second_moment: vec![T::ZERO; count],
            sets: vec![],
            report: StepReport { losses: vec![], gradient_norm: 0.0, diverged_at: None },
            evaluator_bytes: 0,
        })
    }

    fn set(&self, points: &PointSet, loss: &Loss) -> Set<T> {
        Set::new(points, loss, &self.spec, &self.normalizer, self.features.as_ref())
    }

    /// The losses of all batches, and the sum of their gradients in `self.gradient`.
    fn run_all(&mut self, batches: &[Batch]) -> Vec<f64> {
        self.gradient.fill(T::ZERO);
        batches.iter().flat_map(|batch| self.run(*batch, true)).collect()
    }

    /// Runs a set's tiles over a batch: losses, and the gradient added to `self.gradient` where asked
    /// for. Returns each term's mean.
    fn run(&mut self, batch: Batch, with_gradient: bool) -> Vec<f64> {
        let Batch { set: id, start, count } = batch;
        let set = &mut self.sets[id.0];
        let mut tiles = std::mem::take(&mut set.tiles);
        let set = &self.sets[id.0];
        let pass = Pass {
            layers: &self.layers,
            spec: &self.spec,
            has_features: self.features.is_some(),
            parameters: &self.parameters,
            channels: &set.channels,
            arch: self.arch,
        };
        let workers = tiles.len();
        let per_point = 1.0 / count as f64;
        let work = |(worker, tile): (usize, &mut Tile<T>)| {
            if with_gradient {
                tile.clear(pass.spec);
            } else {
                tile.losses.fill(0.0);
            }
            for positions in share(start, count, set.shape.loss_points(), worker, workers) {
                set.fill(tile, positions);
                tile.forward(&pass);
                tile.residual(&pass, &set.terms, with_gradient.then_some(per_point));
                if with_gradient {
                    tile.backward(&pass);
                }
            }
        };
        let gradient = &mut self.gradient;
        self.threads.install(|| {
            tiles.par_iter_mut().with_max_len(1).enumerate().for_each(work);
            if with_gradient {
                gradient.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sum)| {
                    for tile in &tiles {
                        let part = &tile.gradient[block * BLOCK..][..sum.len()];
                        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += *part);
                    }
                });
            }
        });
        let mean = |term: usize| tiles.iter().map(|tile| tile.losses[term]).sum::<f64>() / count as f64;
        let losses = (0..set.terms.len()).map(mean).collect();
        self.sets[id.0].tiles = tiles;
        losses
    }

    /// The norm of the gradient, summed in f64 over blocks in order.
    fn gradient_norm(&self) -> f64 {
        let square = |block: &[T]| block.iter().map(|g| g.to_f64() * g.to_f64()).sum::<f64>();
        self.gradient.chunks(BLOCK).map(square).sum::<f64>().sqrt()
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
        let count = points.first().map_or(0, Vec::len);
        let channels = Channels::new(layout, &self.normalizer);
        let shape = Shape::new::<T>(&self.spec, channels.count(), 1);
        let rows = self.spec.outputs * channels.count();
        let workers = self.threads.current_num_threads().min(count.div_ceil(shape.points)).max(1);
        let input_jets = InputJets::new(self.features.as_ref(), &self.normalizer, layout);
        let pass = Pass {
            layers: &self.layers,
            spec: &self.spec,
            has_features: self.features.is_some(),
            parameters: &self.parameters,
            channels: &channels,
            arch: self.arch,
        };
        // Each worker has its own span of points and gives back its rows (M·C, span).
        let work = |worker: usize| {
            let mut tile = Tile::new(&self.spec, shape, &[], 0);
            let shares: Vec<_> = share(0, count, shape.points, worker, workers).collect();
            let span = shares.first().map_or(0, |s| s.start)..shares.last().map_or(0, |s| s.end);
            let mut values = vec![0.0; rows * span.len()];
            for positions in shares {
                let inputs = input_jets.at(points, positions.clone());
                for (to, from) in tile.inputs(inputs.len()).zip(&inputs) {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = T::of(*from));
                }
                tile.forward(&pass);
                for row in 0..rows {
                    let (output, channel) = (row / channels.count(), row % channels.count());
                    let from = &tile.jets()[output * shape.stride + channel * shape.points..][..positions.len()];
                    let to = &mut values[row * span.len() + positions.start - span.start..];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
                }
            }
            (span, values, tile.bytes())
        };
        let parts: Vec<_> = self.threads.install(|| (0..workers).into_par_iter().map(work).collect());
        let mut values = vec![0.0; rows * count];
        for (span, part, _) in &parts {
            if !span.is_empty() {
                for (row, part) in part.chunks_exact(span.len()).enumerate() {
                    values[row * count..][span.clone()].copy_from_slice(part);
                }
            }
        }
        self.evaluator_bytes = parts.iter().map(|(_, _, bytes)| bytes).sum();
        Ok(Jets::from_standardised(layout, &self.normalizer, values))
    }

    fn load(&mut self, set: &PointSet, loss: &Loss) -> Result<SetId> {
        self.sets.push(self.set(set, loss));
        Ok(SetId(self.sets.len() - 1))
    }

    fn refill(&mut self, set: SetId, points: &PointSet, loss: &Loss) -> Result<()> {
        self.sets[set.0] = self.set(points, loss);
        Ok(())
    }

    fn order(&mut self, set: SetId, rows: &[u32]) -> Result<()> {
        self.sets[set.0].order = Some(rows.to_vec());
        Ok(())
    }

    fn losses(&mut self, set: SetId) -> Result<Vec<f64>> {
        let points = self.sets[set.0].points;
        Ok(self.run(Batch { set, start: 0, count: points }, false))
    }

    fn gradient(&mut self, batches: &[Batch]) -> Result<Gradient> {
        let losses = self.run_all(batches);
        Ok(Gradient { losses, gradient: to_f64(&self.gradient) })
    }

    fn step(&mut self, batches: &[Batch], update: &Update) -> Result<()> {
        if self.report.diverged_at.is_some() {
            return Ok(());
        }
        self.report.losses = self.run_all(batches);
        let norm = self.gradient_norm();
        self.report.gradient_norm = norm;
        if !norm.is_finite() || self.report.losses.iter().any(|loss| !loss.is_finite()) {
            self.report.diverged_at = Some(update.step);
            return Ok(());
        }
        let constants = Constants::new(update, norm);
        let arch = self.arch;
        let blocks = self.gradient.par_chunks(BLOCK).zip(self.first_moment.par_chunks_mut(BLOCK));
        let blocks = blocks.zip(self.second_moment.par_chunks_mut(BLOCK));
        let blocks = blocks.zip(self.parameters.par_chunks_mut(BLOCK));
        self.threads.install(|| {
            blocks.for_each(|(((gradient, first), second), parameters)| {
                arch.dispatch(Adam { constants, gradient, first, second, parameters });
            });
        });
        Ok(())
    }

    fn report(&mut self) -> Result<StepReport> {
        Ok(self.report.clone())
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        Ok(to_f64(&self.parameters))
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.parameters = from_f64(parameters);
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
        let tiles = self.sets.iter().flat_map(|set| &set.tiles).map(Tile::bytes).sum::<usize>();
        tiles + self.evaluator_bytes + 4 * self.spec.parameters() * size_of::<T>()
    }
}

fn to_f64<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|x| x.to_f64()).collect()
}

fn from_f64<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|x| T::of(*x)).collect()
}
