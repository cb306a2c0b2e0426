//! No bytes make a reader panic, or take long: those of `fuzz/corpus`, and seeded mutations of them.
//!
//! `JETFIT_FUZZ=200000` tries so many of each kind of file.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutations of each kind, unless the environment says otherwise.
const MUTATIONS: usize = 10_000;

/// What an ordinary thread has, whatever the test's own.
const STACK: usize = 8 << 20;

/// The longest that an input may take, by far: these are some kilobytes.
const LONGEST: Duration = Duration::from_secs(1);

/// Numbers and brackets that readers stumble over.
const TOKENS: [&[u8]; 20] = [
    b"0",
    b"-1",
    b"1e400",
    b"1e-400",
    b"nan",
    b"inf",
    b"18446744073709551616",
    b"9007199254740993",
    b"1e12",
    b"((((((((",
    b"[[[[[[[[",
    b"\"",
    b"\0",
    b"\xff",
    b"\r\n",
    b"\n",
    b",",
    b"=",
    b"^-",
    b"{}",
];

fn seeds(kind: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(kind);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A seed with some of its bytes turned, cut, doubled, moved or replaced.
fn mutation(seeds: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut pick = |most: usize| random.random_range(0..most.max(1));
    let mut bytes = seeds[pick(seeds.len())].clone();
    for _ in 0..1 + pick(4) {
        let length = bytes.len();
        let (a, b) = (pick(length + 1), pick(length + 1));
        let span = a.min(b)..a.max(b).min(a.min(b) + 200);
        match pick(7) {
            0 if length > 0 => bytes[a.min(length - 1)] ^= 1 << pick(8),
            1 => bytes.truncate(a),
            2 => drop(bytes.drain(span)),
            3 => {
                let piece = bytes[span].repeat(1 + pick(3));
                bytes.splice(b..b, piece);
            }
            4 => {
                let other = &seeds[pick(seeds.len())];
                let from = pick(other.len());
                bytes.splice(a.min(b).., other[from..].iter().copied());
            }
            5 => drop(bytes.splice(a..a, TOKENS[pick(TOKENS.len())].iter().copied())),
            _ => {
                // A number, or another word, gives way.
                let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
                let start = a + bytes[a..].iter().position(is_word).unwrap_or(length - a);
                let end = start + bytes[start..].iter().position(|byte| !is_word(byte)).unwrap_or(length - start);
                bytes.splice(start..end, TOKENS[pick(9)].iter().copied());
            }
        }
    }
    bytes
}

/// Tries all seeds and some mutations on a thread of its own.
fn fuzz(kind: &'static str, target: fn(&[u8])) {
    let count = std::env::var("JETFIT_FUZZ").map_or(MUTATIONS, |count| count.parse().expect("a number"));
    let tried = Arc::new(Mutex::new((vec![], Instant::now())));
    let now = tried.clone();
    let work = move || {
        let seeds = seeds(kind);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mutations = (0..count).map(|_| mutation(&seeds, &mut random));
        for bytes in seeds.iter().cloned().chain(mutations) {
            let start = Instant::now();
            *now.lock().unwrap() = (bytes.clone(), start);
            target(&bytes);
            let taken = start.elapsed();
            assert!(taken < LONGEST, "{taken:?}");
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
    let last = || tried.lock().unwrap().0.escape_ascii().to_string();
    while !thread.is_finished() {
        std::thread::sleep(Duration::from_millis(10));
        // What is loaded beside this may slow it down, but not so much.
        assert!(tried.lock().unwrap().1.elapsed() < 60 * LONGEST, "{kind} hangs: {}", last());
    }
    assert!(thread.join().is_ok(), "{kind}: {}", last());
}

#[test]
fn tables() {
    fuzz("table", targets::table);
}

#[test]
fn jobs() {
    fuzz("job", targets::job);
}

#[test]
fn expressions() {
    fuzz("expression", targets::expression);
}

#[test]
fn tensors() {
    fuzz("tensors", targets::tensors);
}

#[test]
fn points() {
    fuzz("points", targets::points);
}
