//! Wherever a run is killed, loses its power or meets a disk that fails, what is left loads and goes on to the bits of a
//! run that nothing happened to.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use crate::faults::{shim, some_of};
use crate::runs::Place;

/// A checkpoint after every step, each a few operations.
const JOB: &str =
    "[training]\nsteps = 5\nreport_every = 2\ncheckpoint_every = 1e-9\n[schedule]\nshape = \"constant\"\n";

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| shim("disk"));

/// A place with the durable copy of it, and a job.
struct Disk {
    place: Place,
    mirror: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        Self { place: Place::new(JOB), mirror: tempfile::tempdir().unwrap() }
    }

    fn jetfit(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("jetfit"));
        command.current_dir(self.place.path("")).args(["train", "--device", "cpu", "--quiet", "--threads", "1"]);
        command.args(arguments);
        command
    }

    /// With the shim before the C library, and what it is told.
    fn on_shim(&self, library: &Path, arguments: &[&str], told: &[(&str, usize)]) -> Output {
        let mut command = self.jetfit(arguments);
        command
            .env("LD_PRELOAD", library)
            .env("DISK_BELOW", self.place.path(""))
            .env("DISK_MIRROR", self.mirror.path());
        command.envs(told.iter().map(|(name, value)| (name, value.to_string())));
        command.output().unwrap()
    }

    /// Operations of such a run.
    fn operations(&self, library: &Path, arguments: &[&str]) -> usize {
        let count = self.mirror.path().join("count");
        let mut command = self.jetfit(arguments);
        command.env("LD_PRELOAD", library).env("DISK_BELOW", self.place.path("")).env("DISK_COUNT", &count);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        fs::read_to_string(count).unwrap().parse().unwrap()
    }

    /// Another place with what of this one outlives a power cut.
    fn after_a_cut(&self) -> Disk {
        let disk = Disk::new();
        let root = fs::metadata(self.place.path("")).unwrap();
        self.rebuild(std::os::unix::fs::MetadataExt::ino(&root), &disk.place.path(""));
        disk
    }

    fn rebuild(&self, inode: u64, to: &Path) {
        let list = fs::read_to_string(self.mirror.path().join(format!("{inode}.list"))).unwrap_or_default();
        for line in list.lines() {
            let [inode, kind, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let path = to.join(name);
            match kind {
                "d" => {
                    fs::create_dir(&path).unwrap();
                    self.rebuild(inode.parse().unwrap(), &path);
                }
                // The job and its data are older than the run.
                _ if path.exists() => {}
                _ => fs::write(path, fs::read(self.mirror.path().join(format!("{inode}.data"))).unwrap_or_default())
                    .unwrap(),
            }
        }
    }

    /// Goes on with what is there, or begins where nothing is; expects the bits of the straight run of its seed.
    fn goes_on(&self, straight: &HashMap<String, Vec<u8>>, what: &str) {
        let has_run = self.place.path("run/job.toml").exists() || self.place.path("run/.jetfit-replaced").exists();
        let arguments = [if has_run { &["--resume", "run"][..] } else { &["job.toml"] }, &["--steps", "5"]].concat();
        let output = self.jetfit(&arguments).output().unwrap();
        assert!(output.status.success(), "{what}: {arguments:?}: {}", text(&output));
        let job = self.place.text("run/job.toml");
        let seed = job.lines().find(|line| line.starts_with("seed")).unwrap();
        for file in ["model.safetensors", "predictions.csv"] {
            let key = format!("{seed} {file}");
            assert!(self.place.read(&format!("run/{file}")) == straight[&key], "{what}: {file} of {seed} differs");
        }
        let names = fs::read_dir(self.place.path("run")).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> =
            names.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with(".jetfit-")).collect();
        assert_eq!(left, [".jetfit-run"], "{what}");
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a run is begun with, and what is there before.
const CASES: [(&[&str], &[&str]); 3] = [
    (&[], &["job.toml"]),
    (&["job.toml", "--steps", "3"], &["--resume", "run", "--steps", "5"]),
    (&["job.toml", "--seed", "1"], &["job.toml", "--force"]),
];

/// Files of runs that nothing happens to, by seed and name.
fn straight() -> HashMap<String, Vec<u8>> {
    let mut files = HashMap::new();
    for seed in ["0", "1"] {
        let disk = Disk::new();
        assert!(disk.jetfit(&["job.toml", "--seed", seed]).status().unwrap().success());
        for file in ["model.safetensors", "predictions.csv"] {
            files.insert(format!("seed = {seed} {file}"), disk.place.read(&format!("run/{file}")));
        }
    }
    files
}

/// Does `each` for each case and each of some of its operations, two at a time.
fn for_operations(count: usize, each: impl Fn(&Path, &Disk, &[&str], usize) + Sync) {
    let library = LazyLock::force(&LIBRARY);
    let mut work = vec![];
    for (before, arguments) in CASES {
        let disk = Disk::new();
        if !before.is_empty() {
            assert!(disk.jetfit(before).status().unwrap().success());
        }
        let operations = disk.operations(library, arguments);
        assert!(operations > 60, "{operations} of {arguments:?}");
        work.extend(some_of(operations, count).into_iter().map(|operation| (before, arguments, operation)));
    }
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let worker = || {
        while let Some((before, arguments, operation)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let disk = Disk::new();
            if !before.is_empty() {
                assert!(disk.on_shim(library, before, &[]).status.success());
            }
            let tried =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| each(library, &disk, arguments, *operation)));
            if tried.is_err() {
                failed.lock().unwrap().get_or_insert(format!("{arguments:?}, operation {operation}"));
                return;
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(worker))));
    assert_eq!(*failed.lock().unwrap(), None);
}

#[test]
fn a_run_that_is_cut_off_anywhere_goes_on_to_the_same_bits() {
    let straight = straight();
    for_operations(16, |library, disk, arguments, operation| {
        let what = format!("{arguments:?} ended before operation {operation}");
        let output = disk.on_shim(library, arguments, &[("DISK_CUT", operation)]);
        assert_eq!(output.status.code(), Some(77), "{what}: {}", text(&output));
        disk.after_a_cut().goes_on(&straight, &format!("{what}, without power"));
        disk.goes_on(&straight, &what);
    });
}

#[test]
fn a_disk_that_fails_anywhere_ends_a_run_in_order() {
    const ERRORS: [usize; 3] = [/* EIO */ 5, /* EMFILE */ 24, /* ENOSPC */ 28];
    let straight = straight();
    for_operations(14, |library, disk, arguments, operation| {
        let error = ERRORS[operation % 3];
        let what = format!("{arguments:?}: error {error} of operation {operation}");
        let output = disk.on_shim(library, arguments, &[("DISK_FAIL", operation), ("DISK_ERROR", error)]);
        let (code, message) = (output.status.code(), text(&output));
        match code {
            // Nothing that a run needs: cleaning up.
            Some(0) => {}
            Some(1) => assert!(message.starts_with("jetfit: ") && message.contains("os error"), "{what}: {message}"),
            _ => panic!("{what}: {code:?} {message}"),
        }
        disk.goes_on(&straight, &what);
    });
}
