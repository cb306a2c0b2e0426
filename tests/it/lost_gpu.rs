//! A GPU that fails, at whatever call of Vulkan, leaves a run or a prediction that the CPU brought to its end, or an error:
//! never a crash, nor other numbers. Three calls of each function fail in turn, or with JETFIT_EVERY_FAULT=1 every one.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::Duration;

use crate::faults::{every_fault, shim};
use crate::runs::Place;
use jetfit::gpu::adapters;
use rayon::prelude::*;

/// Processes at a time.
static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());

/// The directory of our libvulkan.so.1, and the real one's file.
static LIBRARIES: LazyLock<(String, String)> = LazyLock::new(|| {
    let has_llvmpipe = adapters().unwrap().iter().any(|adapter| adapter.name.contains("llvmpipe"));
    assert!(has_llvmpipe, "install llvmpipe (Debian: mesa-vulkan-drivers)");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::copy(shim("vulkan"), directory.join("libvulkan.so.1")).unwrap();
    let known = Command::new("/sbin/ldconfig").arg("-p").output().unwrap().stdout;
    let known = String::from_utf8(known).unwrap();
    let real = known.lines().find(|line| line.trim_start().starts_with("libvulkan.so.1 "));
    let real = real.and_then(|line| line.rsplit(' ').next()).expect("install Vulkan (Debian: libvulkan1)");
    (directory.display().to_string(), real.to_string())
});

/// A call that is to fail.
#[derive(Clone, Debug)]
struct Fault {
    function: String,
    /// Which of its calls, from 1.
    at: usize,
    code: i32,
    /// Whether all later calls fail, too.
    stays: bool,
}

impl Fault {
    fn lost(function: &str, at: usize) -> Self {
        Self { function: function.to_string(), at, code: -4, stays: true }
    }

    fn out_of_memory(function: &str, at: usize) -> Self {
        Self { function: function.to_string(), at, code: -2, stays: false }
    }
}

/// A job for llvmpipe that is over in a moment.
const JOB: &str = r#"
[data]
file = "data.csv"
inputs = ["x"]
outputs = ["u"]
validation_fraction = 0.25
[network]
hidden = [6]
[training]
steps = 12
batch_size = 64
report_every = 4
[device]
name = "llvmpipe"
threads = 1
[predictions]
grid = { x = [0, 1, 7] }
[output]
directory = "run"
"#;

/// The job with its data, and points.
fn place() -> Place {
    let place = Place::new("");
    place.write("job.toml", JOB);
    place.write("points.csv", "x\n0.1\n0.5\n0.9\n");
    place
}

/// What jetfit does in a directory with these variables.
fn jetfit(place: &Place, arguments: &[&str], variables: &[(&str, String)]) -> Output {
    let (directory, real) = &*LIBRARIES;
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin("jetfit"));
    command.current_dir(place.path("")).args(arguments).envs(variables.iter().cloned());
    command.env("JETFIT_CACHE_DIR", place.path("cache"));
    command.env("LD_LIBRARY_PATH", directory).env("FAULT_LIBRARY", real);
    command.timeout(Duration::from_secs(60)).output().unwrap()
}

fn with_fault(place: &Place, arguments: &[&str], fault: &Fault) -> Output {
    let mut variables = vec![
        ("FAULT_CALL", fault.function.clone()),
        ("FAULT_AT", fault.at.to_string()),
        ("FAULT_CODE", fault.code.to_string()),
    ];
    variables.extend(fault.stays.then(|| ("FAULT_STAYS", "1".to_string())));
    jetfit(place, arguments, &variables)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Columns by name.
type Columns = BTreeMap<String, Vec<f64>>;

/// Whether columns are the same but for the rounding of f32.
fn are_close(ours: &Columns, others: &Columns) -> bool {
    let is_close = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let size = b.iter().fold(0.0, |size: f64, x| size.max(x.abs()));
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * size)
    };
    ours.keys().eq(others.keys()) && ours.values().zip(others.values()).all(is_close)
}

/// The faults of a command whose calls are counted first.
fn faults(place: &Place, arguments: &[&str]) -> Vec<Fault> {
    let output = jetfit(place, arguments, &[("FAULT_COUNTS", "counts".to_string())]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let counts = place.text("counts");
    let mut faults = vec![];
    for (function, count) in counts.lines().map(|line| line.split_once(' ').unwrap()) {
        let count: usize = count.parse().unwrap();
        let mut calls: Vec<_> = if every_fault() { (1..=count).collect() } else { vec![1, count.div_ceil(2), count] };
        calls.dedup();
        faults.extend(calls.into_iter().flat_map(|at| [Fault::lost(function, at), Fault::out_of_memory(function, at)]));
    }
    assert!(faults.len() > 50, "{counts}");
    faults
}

/// How a command ended, if it may end so; what it wrote to `file` is to be `ours`.
fn end(place: &Place, fault: &Fault, output: &Output, file: &str, ours: &Columns) -> Result<&'static str, String> {
    let message = text(&output.stderr);
    let failed = |why: &str| Err(format!("{fault:?}: {why}: {:?}\n{message}", output.status));
    // The loader has found no driver yet, or none of its devices.
    let is_early = ["vkCreateInstance", "vkEnumerate"].iter().any(|early| fault.function.starts_with(early));
    match output.status.code() {
        _ if message.contains("panicked") => failed("a panic is told"),
        Some(0) if !are_close(&place.csv(file), ours) => failed("other numbers"),
        Some(0) if message.contains("continuing on the CPU") => Ok("handed over"),
        Some(0) => Ok("unharmed"),
        Some(1) if message.contains("device llvmpipe") => Ok("error"),
        Some(2) if is_early && message.contains("no adapter was found") => Ok("no adapter"),
        _ => failed("no clean end"),
    }
}

/// Fails the calls of a command, which writes `file`, in turn; prints how often it ended how.
fn fail_in_turn(arguments: &[&str], file: &str) {
    let reference = place();
    train_on_cpu(&reference);
    let faults = faults(&reference, arguments);
    let ours = reference.csv(file);
    let one = |fault: &Fault| {
        let place = place();
        std::fs::copy(reference.path("model.safetensors"), place.path("model.safetensors")).unwrap();
        let output = with_fault(&place, arguments, fault);
        let end = end(&place, fault, &output, file, &ours)?;
        if place.path("run/report.json").exists() {
            let report = place.json("run/report.json");
            let is_on_cpu = report["device"].as_str().unwrap().starts_with("cpu");
            assert_eq!(is_on_cpu, end == "handed over", "{fault:?}: {report}");
        }
        Ok(end)
    };
    let ends: Vec<Result<_, String>> = POOL.install(|| faults.par_iter().map(one).collect());
    let bad: Vec<_> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    let mut table: BTreeMap<_, BTreeMap<&str, usize>> = BTreeMap::new();
    for (fault, end) in faults.iter().zip(&ends) {
        let end = end.as_ref().map_or("BAD", |end| *end);
        *table.entry((&fault.function, fault.code)).or_default().entry(end).or_default() += 1;
    }
    table.iter().for_each(|((function, code), ends)| println!("{function} {code}: {ends:?}"));
    assert!(bad.is_empty(), "{} of {} ended badly, as {}", bad.len(), ends.len(), bad[0]);
}

fn train_on_cpu(place: &Place) {
    let trained = jetfit(place, &["train", "job.toml", "--out", "cpu", "--device", "cpu", "-q"], &[]);
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    std::fs::copy(place.path("cpu/model.safetensors"), place.path("model.safetensors")).unwrap();
}

const PREDICT: [&str; 9] =
    ["predict", "model.safetensors", "--points", "points.csv", "--device", "llvmpipe", "--out", "jets.csv", "-q"];

#[test]
fn a_run_goes_on_on_the_cpu_wherever_its_gpu_fails() {
    fail_in_turn(&["train", "job.toml", "-q"], "run/predictions.csv");
}

#[test]
fn a_prediction_goes_on_on_the_cpu_wherever_its_gpu_fails() {
    fail_in_turn(&PREDICT, "jets.csv");
}

#[test]
fn a_result_names_both_devices() {
    let place = place();
    train_on_cpu(&place);
    let output =
        with_fault(&place, &[&PREDICT[..], &["--format", "json"]].concat(), &Fault::lost("vkWaitSemaphores", 1));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let device = result["device"].as_str().unwrap();
    assert!(device.starts_with("llvmpipe") && device.contains(", then cpu ("), "{device}");
    assert!(result["warnings"][0].as_str().unwrap().contains("continuing on the CPU"), "{result}");
}

#[test]
fn where_no_cpu_takes_over_the_failure_is_the_end() {
    let place = place();
    train_on_cpu(&place);
    place.write("no.toml", place.text("job.toml").replace("[device]", "[device]\nfallback = false"));
    let ends: [(&[&str], &str); 6] = [
        (&["train", "no.toml", "--out", "no", "-q"], "vkWaitSemaphores"),
        (&[&PREDICT[..], &["--no-fallback"]].concat(), "vkWaitSemaphores"),
        (&["check", "model.safetensors", "--points", "points.csv", "--device", "llvmpipe"], "vkCreateDevice"),
        (&["bench", "--device", "llvmpipe", "-q", "--batch", "64"], "vkQueueSubmit"),
        (&["bench", "--tune", "--device", "llvmpipe", "-q", "--batch", "64"], "vkCreateComputePipelines"),
        (&["devices"], "vkEnumerateDeviceExtensionProperties"),
    ];
    for (arguments, function) in ends {
        let output = with_fault(&place, arguments, &Fault::lost(function, 1));
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.starts_with("jetfit: device ") && !message.contains("panicked"), "{arguments:?}: {message}");
    }
}
