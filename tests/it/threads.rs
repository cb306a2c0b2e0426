//! Where the system makes no more threads, a run goes on with those that it has, or ends with a sentence.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use crate::faults::shim;
use crate::runs::Place;

#[test]
fn a_thread_that_cannot_be_made_is_no_panic() {
    let place = Place::new("[training]\nsteps = 5\nensemble = 2\n");
    let library = shim("threads");
    let run = |from: usize, count: Option<usize>| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jetfit"));
        command.current_dir(place.path("")).args(["train", "job.toml", "--force", "--quiet"]);
        command.args(["--device", "cpu", "--threads", "2"]);
        command.env("LD_PRELOAD", &library).env("FAIL_FROM", from.to_string());
        count.map(|count| command.env("FAIL_COUNT", count.to_string()));
        command.output().unwrap()
    };
    let whole = run(0, None);
    assert!(whole.status.success() && whole.stderr.is_empty(), "{whole:?}");
    let predictions = place.read("run/predictions.csv");
    for (from, count) in (1..=6).flat_map(|from| [(from, Some(1)), (from, None)]) {
        let output = run(from, count);
        let said = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(0) => assert!(place.read("run/predictions.csv") == predictions, "{from} {count:?}: other numbers"),
            Some(1) => assert!(said.contains("refused to start a thread"), "{from} {count:?}: {said}"),
            code => panic!("{from} {count:?}: {code:?}, {said}"),
        }
        assert!(!said.contains("panicked"), "{from} {count:?}: {said}");
    }
}

#[test]
fn threads_that_no_machine_has_are_refused() {
    let place = Place::new("[device]\nthreads = 100000\n");
    let output = place.train("job.toml", &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("device.threads: 100000 threads are too many"), "{said}");
    let output = place.train("job.toml", &["--threads", "100000"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("--threads: 100000 threads"));
}
