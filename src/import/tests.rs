//! No bytes make a reader panic, take long or allot much: mutations of what lies inside of the archives, where no checksum
//! stands before the readers. Whole files are cut and turned in `tests/it/import.rs`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::archive::Archive;
use super::{Options, Read, fold, keras, onnx, torch};
use crate::error::Result;

/// Mutations of each file.
const MUTATIONS: usize = 1500;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Some bytes turned, replaced or left out, or the end cut off.
fn mutated(bytes: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len().max(1));
        match (random.random_range(0..6), bytes.get_mut(at)) {
            (0, _) => bytes.truncate(at),
            (1, Some(_)) => drop(bytes.remove(at)),
            (2, Some(byte)) => *byte = 0xff,
            (3, Some(byte)) => *byte = random.random_range(0..=255),
            (_, Some(byte)) => *byte ^= 1 << random.random_range(0..8),
            _ => {}
        }
    }
    bytes
}

/// Reads mutations, and folds what can be read.
fn check(name: &str, bytes: &[u8], read: impl Fn(Vec<u8>) -> Result<Read>) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut errors = 0;
    for _ in 0..MUTATIONS {
        let start = Instant::now();
        let result = read(mutated(bytes, &mut random))
            .and_then(|read| fold::model(name, &read.graph, read.end, &Options::default()));
        if let Err(error) = result {
            assert_eq!(error.exit_code(), 2, "{error}");
            errors += 1;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{name} took {:?}", start.elapsed());
    }
    assert!(errors > MUTATIONS / 10 && errors < MUTATIONS, "{name}: {errors} errors");
}

#[test]
fn damaged_pickles_are_errors() {
    for name in ["torch_sequential.pt", "torch_double.pt"] {
        let path = fixture(name);
        let open = || Archive::open(&path, std::fs::read(&path).unwrap()).unwrap();
        let folder = open().folder_of("data.pkl").unwrap();
        let pickle = open().member(&format!("{folder}/data.pkl")).unwrap();
        let archive = std::fs::read(&path).unwrap();
        check(name, &pickle, |bytes| {
            let archive = Archive::open(&path, archive.clone()).unwrap();
            torch::read_pickle(archive, folder.clone(), &bytes, &Options::default())
        });
    }
}

#[test]
fn damaged_members_of_keras_archives_are_errors() {
    for name in ["keras_residual.keras", "keras2_zip.keras"] {
        let path = fixture(name);
        let archive = Archive::open(&path, std::fs::read(&path).unwrap()).unwrap();
        let (config, weights) = (archive.member("config.json").unwrap(), archive.member("model.weights.h5").unwrap());
        check(name, &config, |bytes| keras::read_members(name, &bytes, weights.clone(), ""));
        check(name, &weights, |bytes| keras::read_members(name, &config, bytes, ""));
    }
}

#[test]
fn damaged_graphs_are_errors() {
    for name in ["onnx_torch_17.onnx", "onnx_double.onnx"] {
        let path = fixture(name);
        check(name, &std::fs::read(&path).unwrap(), |bytes| onnx::read(&path, &bytes));
    }
}
