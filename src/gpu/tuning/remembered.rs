//! What is remembered of the tiles that were measured on this machine's adapters, in the user's cache directory.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;
use crate::files::lock::Lock;
use crate::gpu::tuning::tiles::{NetworkShape, TileChoice, Tiles};

/// The environment variable that names another directory than the user's for caches.
const DIRECTORY: &str = "JETFIT_CACHE_DIR";

/// The best tiles of an adapter for a shape of network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuned {
    /// [`crate::gpu::AdapterInfo::key`]
    pub adapter: String,
    /// The widest hidden layer.
    pub width: usize,
    /// C
    pub channels: usize,
    /// The channels of adjoint mode, where that carries less.
    #[serde(default, rename = "mixed")]
    pub adjoint: Option<usize>,
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
    let help = format!("set {DIRECTORY} to a directory");
    let file = file().ok_or_else(|| Error::input("--tune", "no cache directory was found for this user", help))?;
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
        "{file}: cannot read the tuned tiles ({error}), using the defaults; `jetfit bench --tune` rewrites the file"
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
    let key = |t: &Tuned| (t.adapter.clone(), t.width, t.channels, t.adjoint);
    all.retain(|known| key(known) != key(&tuned));
    all.push(tuned);
    files::write_text(file, &serde_json::to_string_pretty(&all).expect("plain data has a JSON form"))
}

/// The tiles for a shape on an adapter: what was asked for or is remembered, where the adapter can run it;
/// else the table's.
pub fn choose(choice: TileChoice, known: &[Tuned], adapter: &str, shape: &NetworkShape) -> Tiles {
    let is_known = |t: &&Tuned| {
        let of_shape = (shape.width, shape.channels, shape.adjoint);
        t.adapter == adapter && (t.width, t.channels, t.adjoint) == of_shape
    };
    let asked = match choice {
        TileChoice::Remembered => known.iter().find(is_known).map(|tuned| tuned.tiles),
        TileChoice::Table => None,
        TileChoice::These(tiles) => Some(tiles),
    };
    asked.filter(|tiles| shape.allows_all(*tiles)).unwrap_or_else(|| shape.table())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::tuning::tiles;

    fn best() -> Tuned {
        let fusion = tiles::Fusion::Network(tiles::Tile { quads: 2, rows: 1, slice: 8 });
        Tuned {
            adapter: "A (Vulkan, 1.0)".into(),
            width: 64,
            channels: 5,
            adjoint: None,
            tiles: Tiles { fusion, linear: 64, gradient: 64 },
        }
    }

    fn shape(channels: usize) -> NetworkShape {
        NetworkShape { width: 64, outputs: 1, channels, adjoint: None, is_plain: true, memory: 16 << 10, in_f16: false }
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
            let fusion = tiles::Fusion::Network(tiles::Tile { quads, rows, slice });
            let bad = Tuned { tiles: Tiles { fusion, ..best().tiles }, ..best() };
            assert_eq!(chosen(bad, &adapter, 5), shape(5).table());
        }
    }
}
