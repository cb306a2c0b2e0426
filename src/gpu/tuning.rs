//! Tiles measured on this machine's adapters: how candidates are timed, and what is remembered of it in the
//! user's cache directory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::guard::guard;
use super::tiles::{Shape, TileChoice, Tiles};
use super::{Gpu, GpuOptions, adapter};
use crate::backend::{Backend, Batch};
use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::files;
use crate::lock::Lock;
use crate::loss::Loss;
use crate::network::Model;
use crate::optimizer::AdamSettings;

/// The environment variable that names another directory than the user's for caches.
const DIRECTORY: &str = "JETFIT_CACHE_DIR";

/// Tiles of the weight gradient that are tried beside the table's.
const SMALLER: [u32; 1] = [64];

/// The best tiles of an adapter for a shape of network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuned {
    /// [`super::AdapterInfo::key`]
    pub adapter: String,
    /// The widest hidden layer.
    pub width: usize,
    /// C
    pub channels: usize,
    /// The channels of mixed mode, where that carries less.
    #[serde(default)]
    pub mixed: Option<usize>,
    /// What was fastest.
    pub tiles: Tiles,
}

/// What was tuned on this machine, and a warning where that cannot be read.
///
/// A job runs with the table's tiles then, for these change its speed alone.
pub fn tuned() -> (Vec<Tuned>, Option<String>) {
    file().map_or((vec![], None), |file| read(&file))
}

/// Writes down the best tiles of an adapter, in place of those known for the same shape; the file.
///
/// # Errors
/// [`Error::Input`] where the user has no directory for caches, [`Error::Io`] where it cannot be written.
pub fn remember(tuned: Tuned) -> Result<PathBuf> {
    let mend = format!("set {DIRECTORY} to a directory");
    let file = file().ok_or_else(|| Error::input("--tune", "this user has no directory for caches", mend))?;
    write(&file, tuned)?;
    Ok(file)
}

fn file() -> Option<PathBuf> {
    let named = std::env::var_os(DIRECTORY).filter(|name| !name.is_empty()).map(PathBuf::from);
    Some(named.or_else(|| Some(dirs::cache_dir()?.join("jetfit")))?.join("tiles.json"))
}

fn read(file: &Path) -> (Vec<Tuned>, Option<String>) {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (vec![], None),
        Err(error) => return (vec![], Some(unreadable(file, &error))),
    };
    match serde_json::from_str(&text) {
        Ok(tuned) => (tuned, None),
        Err(error) => (vec![], Some(unreadable(file, &error))),
    }
}

fn unreadable(file: &Path, error: &dyn std::fmt::Display) -> String {
    let file = file.display();
    format!(
        "{file}: no tiles can be read from it ({error}); the defaults are taken; `jetfit bench --tune` writes it anew"
    )
}

fn write(file: &Path, tuned: Tuned) -> Result<()> {
    if let Some(directory) = file.parent() {
        files::create_directory(directory)?;
    }
    // Held until the end: of two that tune at once neither forgets what the other has found.
    let beside = file.with_extension("lock");
    let _lock = Lock::waiting(File::create(&beside).map_err(|error| Error::io(&beside, error))?);
    let mut all = read(file).0;
    let key = |t: &Tuned| (t.adapter.clone(), t.width, t.channels, t.mixed);
    all.retain(|known| key(known) != key(&tuned));
    all.push(tuned);
    files::write_text(file, &serde_json::to_string_pretty(&all).expect("plain data has a JSON form"))
}

/// The tiles for a shape on an adapter: what was asked for or is remembered, where the adapter can run it;
/// else the table's.
pub(super) fn choose(choice: TileChoice, known: &[Tuned], adapter: &str, shape: &Shape) -> Tiles {
    let is_known = |t: &&Tuned| {
        let of_shape = (shape.width, shape.channels, shape.mixed);
        t.adapter == adapter && (t.width, t.channels, t.mixed) == of_shape
    };
    let asked = match choice {
        TileChoice::Remembered => known.iter().find(is_known).map(|tuned| tuned.tiles),
        TileChoice::Table => None,
        TileChoice::These(tiles) => Some(tiles),
    };
    asked.filter(|tiles| shape.allows_all(*tiles)).unwrap_or_else(|| shape.table())
}

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
    let layout = loss.compile(&model.normalizer).layout;
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
    let Shape { width, channels, mixed, .. } = shape;
    let tuned = Tuned { adapter: key, width, channels, mixed, tiles: all[0].tiles };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::tiles;

    fn best() -> Tuned {
        let path = tiles::Path::Narrow(tiles::Tile { quads: 2, rows: 1, slice: 8 });
        Tuned {
            adapter: "A (Vulkan, 1.0)".into(),
            width: 64,
            channels: 5,
            mixed: None,
            tiles: Tiles { path, linear: 64, gradient: 64 },
        }
    }

    fn shape(channels: usize) -> Shape {
        Shape { width: 64, outputs: 1, channels, mixed: None, has_features: false, memory: 16 << 10, of_halves: false }
    }

    #[test]
    fn what_is_remembered_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("below").join("tiles.json");
        assert_eq!(read(&file), (vec![], None));
        let other = Tuned { channels: 3, ..best() };
        let better = Tuned { tiles: Tiles { gradient: 128, ..best().tiles }, ..best() };
        for tuned in [best(), other.clone(), better.clone()] {
            write(&file, tuned).unwrap();
        }
        assert_eq!(read(&file), (vec![other, better], None));
    }

    #[test]
    fn a_corrupt_file_is_a_warning_and_the_table() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tiles.json");
        for text in ["", "{", "[1]", "[{\"adapter\": \"A\"}]"] {
            std::fs::write(&file, text).unwrap();
            let (tuned, warning) = read(&file);
            assert!(tuned.is_empty() && warning.unwrap().contains("tiles.json"), "{text}");
        }
        // The next tuning mends it.
        write(&file, best()).unwrap();
        assert_eq!(read(&file), (vec![best()], None));
    }

    #[test]
    fn only_what_the_adapter_can_run_is_taken() {
        let chosen = |tuned: Tuned, adapter: &str, channels: usize| {
            choose(TileChoice::Remembered, &[tuned], adapter, &shape(channels))
        };
        let adapter = best().adapter;
        assert_eq!(chosen(best(), &adapter, 5), best().tiles);
        assert_eq!(chosen(best(), "another", 5), shape(5).table());
        assert_eq!(chosen(best(), &adapter, 3), shape(3).table());
        // Tiles too large for its workgroup memory, and such as there are none.
        for (quads, rows, slice) in [(16, 2, 16), (0, 1, 8), (2, 0, 8), (2, 1, 0)] {
            let path = tiles::Path::Narrow(tiles::Tile { quads, rows, slice });
            let bad = Tuned { tiles: Tiles { path, ..best().tiles }, ..best() };
            assert_eq!(chosen(bad, &adapter, 5), shape(5).table());
        }
    }
}
