//! Numbers leave as they were computed: whatever the units, and never without a word where they are none.

use crate::runs::{Place, assert_says};
use assert_cmd::Command;
use jetfit::cpu;
use jetfit::jet::{Activation, JetLayout, Normalizer, Scaling};
use jetfit::network::{Model, NetworkSpec, Transforms};
use jetfit::numbers::Precision;
use serde_json::Value;

const JOB: &str = r#"
[data]
file = "wave.csv"
inputs = ["x"]
outputs = ["y"]
[network]
hidden = [8, 8]
[training]
steps = 60
[output]
directory = "run"
"#;

/// y = offset + height · sin 3 (x − start)/width over 41 points.
fn wave(place: &Place, (start, width): (f64, f64), (offset, height): (f64, f64)) {
    let row = |k: i32| {
        let x = f64::from(k) / 20.0 - 1.0;
        format!("{:e},{:e}\n", start + width * x, offset + height * (3.0 * x).sin())
    };
    place.write("wave.csv", format!("x,y\n{}", (0..=40).map(row).collect::<String>()));
    place.write("wave.toml", JOB);
}

fn jetfit(place: &Place, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("jetfit").unwrap().current_dir(place.path("")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn warnings(report: &Value) -> Vec<String> {
    report["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_string()).collect()
}

#[test]
fn a_large_offset_leaves_every_digit_of_the_spread() {
    let place = Place::new("");
    wave(&place, (0.0, 1.0), (101325.0, 0.01));
    place.report("wave.toml", &[]);
    let found = place.csv("run/predictions.csv");
    let model = Model::read(place.path("run/model.safetensors")).unwrap();
    let mut cpu = cpu::open(&model, Precision::F32, 1).unwrap();
    let jets = cpu.evaluate(&[found["x"].clone()], &JetLayout::diagonal(1)).unwrap();
    let written = [&found["y"][..], &found["dy_dx"], &found["d2y_dx2"]].concat();
    assert!(written == jets.values);
    let mut values = found["y"].clone();
    values.sort_by(f64::total_cmp);
    values.dedup();
    assert!(values.len() > 900, "{} distinct values", values.len());
    // The same from `predict`, on stdout and in a file.
    place.write("points.csv", "x\n-1\n0\n1\n");
    let (_, stdout, _) = jetfit(&place, &["predict", "run", "--points", "points.csv", "--device", "cpu"]);
    let value = |line: usize| stdout.lines().nth(line).unwrap().split(',').nth(1).unwrap().parse::<f64>().unwrap();
    assert_eq!([value(1), value(2), value(3)], [0, 500, 1000].map(|row| found["y"][row]));
    // And the picture's ticks are counted from an origin.
    let svg = place.text("run/fit.svg");
    assert!(svg.contains("y − 101325"), "no origin in the picture");
}

#[test]
fn units_change_nothing_but_the_units() {
    // Standardised, all of these are the same numbers, so the networks are, but for the rounding of the columns.
    let trained = |x: (f64, f64), y: (f64, f64)| {
        let place = Place::new("");
        wave(&place, x, y);
        let report = place.report("wave.toml", &[]);
        (place.csv("run/predictions.csv"), warnings(&report))
    };
    let is_of_numbers = |text: &String| ["finite", "outside", "decades"].iter().any(|part| text.contains(part));
    let (unit, said) = trained((0.0, 1.0), (0.0, 1.0));
    assert!(!said.iter().any(is_of_numbers), "{said:?}");
    for (x, y) in [
        ((0.0, 1e-30), (0.0, 1.0)),
        ((0.0, 1e30), (0.0, 1e-30)),
        ((0.0, 1e-30), (0.0, 1e30)),
        ((0.0, 1e-100), (0.0, 1e-100)),
        ((1.756e12, 1e3), (0.0, 20.0)),
        ((0.0, 1.0), (1e15, 1e5)),
        ((-3e8, 10.0), (101325.0, 0.01)),
        ((0.0, 1.0), (-4e5, 1e-3)),
    ] {
        let (found, said) = trained(x, y);
        assert!(!said.iter().any(is_of_numbers), "{x:?} {y:?}: {said:?}");
        let by = [("y", y.1, y.0), ("dy_dx", y.1 / x.1, 0.0), ("d2y_dx2", y.1 / x.1 / x.1, 0.0)];
        for (entry, factor, offset) in by {
            let largest = unit[entry].iter().fold(0.0f64, |most, u| most.max(u.abs()));
            for (own, u) in found[entry].iter().zip(&unit[entry]) {
                let apart = ((own - offset) / factor - u).abs() / largest;
                // Rounding of the columns, at most 1e-7 of their spread here, and of 60 steps in f32 upon it.
                assert!(apart < 1e-3, "{entry} for {x:?} {y:?}: {own} against {u}, {apart:e}");
            }
        }
    }
    // Beyond, the square of the spread leaves f64, and that is said before anything is written.
    for (x, y) in [((0.0, 1e-200), (0.0, 1.0)), ((0.0, 1e200), (0.0, 1.0)), ((0.0, 1.0), (0.0, 1e-200))] {
        let place = Place::new("");
        wave(&place, x, y);
        assert_says(&place.refused("wave.toml", &[]), &["wave.csv", "another unit"]);
    }
}

fn steep(ranges: Vec<[f64; 2]>, width: f64) -> Model {
    let spec = NetworkSpec::uniform(1, &[3], Activation::Tanh, 1);
    Model {
        inputs: vec!["x".to_string()],
        outputs: vec!["y".to_string()],
        coefficients: vec![],
        transforms: Transforms::default(),
        normalizer: Normalizer {
            inputs: Scaling { mean: vec![0.0], scale: vec![width] },
            outputs: Scaling { mean: vec![0.0], scale: vec![1.0] },
            coefficients: vec![],
        },
        precision: Precision::F64,
        parameters: (0..spec.parameters()).map(|k| (0.7 * k as f64 + 0.3).sin()).collect(),
        ranges,
        spec,
    }
}

#[test]
fn a_derivative_beyond_f64_is_said_and_never_passes() {
    let place = Place::new("");
    steep(vec![], 1e-160).write(place.path("m.safetensors")).unwrap();
    place.write("points.csv", "x\n0\n1e-160\n-1e-160\n");
    let arguments = ["predict", "m.safetensors", "--points", "points.csv", "--device", "cpu"];
    let (code, stdout, stderr) = jetfit(&place, &arguments);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("inf"), "{stdout}");
    let said = "warning: d2y_dx2: none of the 3 values is finite, the first at x = 0";
    assert!(stderr.contains(said) && !stderr.contains("dy_dx:"), "{stderr}");
    let (code, stdout, _) = jetfit(&place, &[&arguments[..], &["--out", "o.csv", "--format", "json", "-q"]].concat());
    let result: Value = serde_json::from_str(&stdout).unwrap();
    assert!(code == Some(0) && result["warnings"][0].as_str().unwrap().starts_with("d2y_dx2: none"), "{stdout}");
    let check = ["check", "m.safetensors", "--points", "points.csv", "--device", "cpu"];
    let (code, stdout, _) = jetfit(&place, &check);
    assert_eq!(code, Some(3), "{stdout}");
    // With values and first derivatives alone there is nothing to say.
    let (_, _, stderr) = jetfit(&place, &[&arguments[..], &["--order", "1"]].concat());
    assert_eq!(stderr.matches("warning").count(), 0, "{stderr}");
}

#[test]
fn points_outside_of_the_training_are_counted() {
    let place = Place::new("");
    steep(vec![[-1.0, 2.0]], 1.0).write(place.path("m.safetensors")).unwrap();
    place.write("points.csv", "x\n-1\n2\n2.5\n8\n");
    let (_, _, stderr) = jetfit(&place, &["predict", "m.safetensors", "--points", "points.csv", "--device", "cpu"]);
    let parts = [
        "2 of 4 points lie outside",
        "the furthest is at x = 8, beyond the range from -1 to 2 by 2.00 times its width",
    ];
    parts.iter().for_each(|part| assert!(stderr.contains(part), "{stderr}"));
    // A run knows its range, and says the same of the points that its job asks for.
    wave(&place, (0.0, 1.0), (0.0, 1.0));
    place.write("wide.toml", format!("{JOB}[predictions]\ngrid = {{ x = [-2, 1, 4] }}\n"));
    let report = place.report("wide.toml", &[]);
    let said = warnings(&report);
    assert!(said.iter().any(|text| text.starts_with("1 of 4 points lie outside")), "{said:?}");
    assert_eq!(Model::read(place.path("run/model.safetensors")).unwrap().ranges, [[-1.0, 1.0]]);
}

#[test]
fn most_rows_lost_beside_the_largest_are_a_warning() {
    let place = Place::new("");
    wave(&place, (0.0, 1.0), (0.0, 1.0));
    let rows = (0..=40).map(|k| format!("{},{:e}\n", f64::from(k) / 20.0 - 1.0, 10f64.powf(f64::from(k) * 0.45 - 9.0)));
    place.write("wave.csv", format!("x,y\n{}", rows.collect::<String>()));
    let report = place.report("wave.toml", &[]);
    let said = warnings(&report);
    let is_named = |text: &String| text.contains("column \"y\" spans 18 decades") && text.contains("logarithm");
    assert!(said.iter().any(is_named), "{said:?}");
}
