//! What no machine can hold ends in a sentence before anything is written: neither in an abort nor after hours.

use crate::runs::Place;

/// A job of an equation.
const EQUATION: &str = r#"
[variables]
x = [0, 1]
[network]
outputs = ["u"]
hidden = [30, 30]
[[term]]
name = "a"
residual = "u_xx = sin(x)"
points = { count = 20000 }
[output]
directory = "run"
"#;

#[test]
fn counts_beyond_all_measure_are_refused_where_they_stand() {
    let cases = [
        ("count = 20000", "count = 1e12", "points.count: 1000000000000 points"),
        ("count = 20000", "count = 9, causal = { input = \"x\", slices = 1e12 }", "causal.slices"),
        ("count = 20000", "count = 9, resample_every = 1, refine = { candidates = 1e12 }", "refine.candidates"),
        ("hidden = [30, 30]", "hidden = [1000000000, 1000000000]", "network.hidden: a network of these widths"),
        ("hidden = [30, 30]", "fourier = { count = 1e15 }", "network.hidden: a network of these widths"),
        ("[output]", "[optimizer]\nname = \"lbfgs\"\nhistory = 1e9\n[output]", "optimizer.history: 1000000000"),
        ("[output]", "[training]\nensemble = 1e6\n[output]", "training.ensemble: 1000000"),
        ("[output]", "[training]\nreport_every = 0\n[output]", "training.report_every: 0"),
        ("[output]", "[predictions]\ngrid = { x = [0, 1, 1e12] }\n[output]", "predictions.grid: this grid has more"),
    ];
    for (from, to, part) in cases {
        let place = Place::new("");
        place.write("job.toml", EQUATION.replace(from, to));
        let output = place.train("job.toml", &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{to}: {said}");
        assert!(said.contains(part), "{said}\nlacks {part}");
        assert!(!place.path("run").exists(), "{to}");
    }
}

#[test]
fn a_header_of_many_columns_is_read_at_once() {
    let place = Place::new("");
    let names: String = (0..200_000).map(|k| format!("c{k},")).collect();
    place.write("data.csv", format!("{names}x,t,x\n"));
    let start = std::time::Instant::now();
    let output = place.train("job.toml", &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the header contains \"x\" twice, in columns 200001 and 200003"), "{said}");
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn a_job_that_does_not_fit_is_refused_and_one_that_fits_is_not() {
    use std::process::Command;
    let place = Place::new("");
    let newton = "[optimizer]\nname = \"gauss-newton\"\nmemory = MEMORY\n[training]\nsteps = 1\n[output]";
    let run = |memory: &str| {
        place.write("job.toml", EQUATION.replace("[output]", &newton.replace("MEMORY", memory)));
        // Beside what the process reserves when it starts, some 200 MB.
        let command =
            format!("ulimit -v 450000; {} train job.toml --force -q --threads 1", env!("CARGO_BIN_EXE_jetfit"));
        let output = Command::new("bash").args(["-c", &command]).current_dir(place.path("")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // The Jacobian of 20000 residuals by 991 parameters takes 160 MB, twice.
    let (code, said) = run("1000000");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("optimizer.memory: the job needs about 0.3"), "{said}");
    assert!(!place.path("run").exists());
    let (code, said) = run("0.1");
    assert_eq!(code, Some(0), "{said}");
}
