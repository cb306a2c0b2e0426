//! Tiles measured on this machine's adapters.

use std::time::Instant;

use serde::Serialize;

use crate::backend::{Backend, Batch};
use crate::data::PointSet;
use crate::error::Result;
use crate::gpu::device::adapter;
use crate::gpu::device::guard::guard;
use crate::gpu::tuning::remembered::Tuned;
use crate::gpu::tuning::tiles::{NetworkShape, TileChoice, Tiles};
use crate::gpu::{Gpu, GpuOptions};
use crate::loss::Loss;
use crate::network::Model;
use crate::optimizer::AdamSettings;

/// Tiles of the weight gradient that are tried beside the table's.
const SMALLER: [u32; 1] = [64];

/// A candidate with its time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Timed {
    /// The candidate.
    pub tiles: Tiles,
    /// The least of the repeats, of one training step.
    pub seconds: f64,
}

/// Times a training step over the whole set with every candidate on an adapter, then the best one's weight
/// gradient with smaller tiles; the fastest first, and what to remember. `watch` sees each as it is done, with how
/// many are, and of how many.
///
/// # Errors
/// Those of [`Gpu::new`] and of a device that fails.
pub fn tune(
    choice: &str,
    model: &Model,
    (set, loss): (&PointSet, &Loss),
    repeats: usize,
    watch: &mut dyn FnMut((u64, u64), &Timed),
) -> Result<(Vec<Timed>, Tuned)> {
    let key = guard(choice, || Ok(adapter::describe(&adapter::choose(choice)?).key()))?;
    let layout = loss.compile(&model.normalizer, &model.wirings()).layouts.remove(0).expect("a loss reads its network");
    let shape = Gpu::with_options(choice, model, options(TileChoice::Table))?.shape(&layout);
    let candidates = shape.candidates();
    let count = (candidates.len() + SMALLER.len()) as u64;
    let mut all: Vec<Timed> = vec![];
    let mut time = |tiles: Tiles, all: &mut Vec<Timed>| -> Result<()> {
        let timed = Timed { tiles, seconds: time(choice, model, (set, loss), repeats, tiles)? };
        all.push(timed);
        watch((all.len() as u64, count), &timed);
        all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        Ok(())
    };
    for tiles in candidates {
        time(tiles, &mut all)?;
    }
    let best = all[0].tiles;
    for gradient in SMALLER {
        time(Tiles { gradient, ..best }, &mut all)?;
    }
    let NetworkShape { width, channels, adjoint, .. } = shape;
    let tuned = Tuned { adapter: key, width, channels, adjoint, tiles: all[0].tiles };
    Ok((all, tuned))
}

fn options(tiles: TileChoice) -> GpuOptions {
    GpuOptions { tiles, ..GpuOptions::default() }
}

/// Seconds of a step, by the device's own clock where it has one.
fn time(choice: &str, model: &Model, (set, loss): (&PointSet, &Loss), repeats: usize, tiles: Tiles) -> Result<f64> {
    let mut gpu = Gpu::with_options(choice, model, options(TileChoice::These(tiles)))?;
    let batch = Batch { set: gpu.load(set, loss)?, start: 0, count: set.points() };
    let update = AdamSettings::default().update(1, 1e-6);
    let least = |seconds: Vec<f64>| seconds.into_iter().fold(f64::INFINITY, f64::min);
    if let Some(seconds) = gpu.timed_steps(batch, &update, repeats)? {
        return Ok(least(seconds));
    }
    let mut seconds = vec![];
    for repeat in 0..=repeats {
        let start = Instant::now();
        gpu.step(&[batch], &update)?;
        gpu.report()?;
        // The first pays for what is made lazily.
        if repeat > 0 {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    Ok(least(seconds))
}
