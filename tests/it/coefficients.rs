//! Trained numbers with their uncertainty: in the table, the report and the pictures.

use crate::runs::Place;
use serde_json::Value;

/// The oscillator of the starter, u_tt + 0.5 u_t + 4 u = 0, whose damping is named as a column of the metrics is.
const JOB: &str = r#"
[variables]
t = [0, 8]
[network]
outputs = ["u"]
hidden = [16, 16]
[coefficients]
damping = 0.1
stiffness = 1.0
[[term]]
name = "oscillator"
residual = "u_tt + damping*u_t + stiffness*u = 0"
points = { count = 100 }
[[term]]
name = "measurements"
residual = "u = measured"
points = { file = "swing.csv" }
[[stage]]
optimizer = "adam"
steps = 600
[[stage]]
optimizer = "gauss-newton"
steps = 200
[device]
name = "cpu"
threads = 1
[output]
directory = "run"
"#;

/// 80 measurements with noise of the deviation 0.01.
fn oscillator(seed: u64) -> Place {
    let place = Place::new("");
    let (decay, omega) = (0.25, (4.0f64 - 0.0625).sqrt());
    // Sums of twelve numbers that are as good as uniform are as good as normal.
    let uniform = |k: u64| ((k as f64 * 12.9898 + seed as f64 * 78.233).sin() * 43758.5453).rem_euclid(1.0);
    let row = |k: u64| {
        let t = 8.0 * k as f64 / 79.0;
        let u = (-decay * t).exp() * ((omega * t).cos() + decay / omega * (omega * t).sin());
        let noise = (0..12).map(|j| uniform(12 * k + j)).sum::<f64>() - 6.0;
        format!("{t},{}\n", u + 0.01 * noise)
    };
    place.write("swing.csv", format!("t,measured\n{}", (0..80).map(row).collect::<String>()));
    place.write("swing.toml", JOB);
    place
}

/// Value and standard error of each coefficient.
fn coefficients(report: &Value) -> Vec<(f64, Option<f64>)> {
    let all = report["coefficients"].as_array().unwrap();
    assert_eq!([&all[0]["name"], &all[1]["name"]], ["damping", "stiffness"]);
    all.iter().map(|one| (one["value"].as_f64().unwrap(), one["standard_error"].as_f64())).collect()
}

#[test]
fn standard_errors_are_the_scatter_over_the_noise() {
    let found: Vec<_> = (1..=8).map(|seed| coefficients(&oscillator(seed).report("swing.toml", &[]))).collect();
    for (k, truth) in [0.5, 4.0].into_iter().enumerate() {
        let values: Vec<f64> = found.iter().map(|run| run[k].0).collect();
        let mut errors: Vec<f64> = found.iter().map(|run| run[k].1.unwrap()).collect();
        errors.sort_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / 8.0;
        let scatter = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 7.0).sqrt();
        let ratio = errors[4] / scatter;
        // The scatter of eight is itself known to a quarter.
        assert!((0.4..2.5).contains(&ratio), "{k}: {errors:?} against a scatter of {scatter:e}");
        let covered = found.iter().filter(|run| (run[k].0 - truth).abs() < 3.0 * run[k].1.unwrap()).count();
        assert!(covered >= 7, "{k}: {found:?}");
    }
}

#[test]
fn errors_and_curves_are_shown() {
    let place = oscillator(1);
    let output = place.train("swing.toml", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("damping = ").contains(" ± ") && line("stiffness = ").contains(" ± "), "{text}");
    // The coefficient and the damping of Gauss–Newton have a column each.
    let metrics = place.csv("run/metrics.csv");
    let last = |column: &str| *metrics[column].last().unwrap();
    assert!((last("coefficient_damping") - 0.5).abs() < 0.05 && last("damping") != last("coefficient_damping"));
    assert!((last("stiffness") - 4.0).abs() < 0.2);
    // A panel for each below the losses, and the measurements of the term beside the fit.
    let loss = place.text("run/loss.svg");
    assert!(loss.contains("\ndamping\n") && loss.contains("\nstiffness\n"), "no panel of a coefficient");
    assert!(place.text("run/fit.svg").matches("<circle").count() >= 80, "no measurements");
}

#[test]
fn other_optimizers_have_no_standard_error_and_ensembles_their_spread() {
    let place = oscillator(1);
    let (adam, _) = JOB.split_once("[[stage]]\noptimizer = \"gauss-newton\"").unwrap();
    place.write("adam.toml", format!("{adam}[device]\nname = \"cpu\"\n[output]\ndirectory = \"run\"\n"));
    let alone = place.report("adam.toml", &["--out", "alone"]);
    assert!(coefficients(&alone).iter().all(|(_, error)| error.is_none()));
    let report = place.report("adam.toml", &["--ensemble", "3"]);
    let members: Vec<_> = report["members"].as_array().unwrap().iter().map(coefficients).collect();
    for (k, (mean, spread)) in coefficients(&report).into_iter().enumerate() {
        let values: Vec<f64> = members.iter().map(|member| member[k].0).collect();
        let expected = values.iter().sum::<f64>() / 3.0;
        let square = values.iter().map(|value| (value - expected).powi(2)).sum::<f64>() / 2.0;
        assert!((mean - expected).abs() < 1e-12 && (spread.unwrap() - square.sqrt()).abs() < 1e-12);
        assert!(square > 0.0);
    }
}
