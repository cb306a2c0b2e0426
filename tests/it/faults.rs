//! Libraries that are preloaded to make a process's system fail, built by the C compiler that Rust links with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Builds `tests/faults/NAME.c`; the shared library.
pub fn shim(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(name).with_extension("c");
    // Several tests build at once: each puts a whole file in the place of the last.
    static BUILDS: AtomicUsize = AtomicUsize::new(0);
    let build = BUILDS.fetch_add(1, Ordering::Relaxed);
    let [library, own] = ["so".to_string(), format!("{}.{build}.so", std::process::id())]
        .map(|ending| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension(ending));
    // A library that is closed stays: else the real libvulkan, of the same name, would be what is opened next.
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-w", "-Wl,-z,nodelete", "-o"])
        .args([&own, &source])
        .arg("-ldl")
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "a C compiler is needed (Debian: apt-get install gcc libc6-dev)"
    );
    std::fs::rename(own, &library).unwrap();
    library
}

/// Whether each fault is to happen, and not some alone.
pub fn every_fault() -> bool {
    std::env::var_os("JETFIT_EVERY_FAULT").is_some_and(|every| every == "1")
}

/// Of the numbers 1 ..= `all`, so many evenly spread; all of them where every fault is to happen.
pub fn some_of(all: usize, count: usize) -> Vec<usize> {
    match every_fault() {
        true => (1..=all).collect(),
        false => (0..count.min(all)).map(|k| 1 + k * all / count.min(all)).collect(),
    }
}
