//! What a run says of its distance from the truth: where that is known, and where its terms live.

use crate::runs::{Place, relative_error};
use assert_cmd::Command;
use serde_json::Value;

/// Laplace's equation on a disc that leaves the corners of its box alone.
const DISC: &str = r#"
[variables]
x = [-1, 1]
y = [-1, 1]
[domain.shapes]
disc = { ball = [0, 0], radius = 1 }
[network]
outputs = ["u"]
hidden = [12]
[definitions]
k = "exp(u)"
[[term]]
name = "equation"
residual = "u_xx + u_yy = 0"
points = { region = "disc", count = 200 }
[[term]]
name = "boundary"
residual = "u = x"
points = { on = "boundary", region = "disc", count = 60 }
[[stage]]
optimizer = "gauss-newton"
steps = 40
[predictions]
grid = { x = [-1, 1, 21], y = [-1, 1, 21] }
definitions = ["k"]
"#;

fn entry<'a>(report: &'a Value, name: &str) -> &'a Value {
    let errors = report["relative_errors"].as_array().unwrap();
    errors.iter().find(|error| error["name"] == name).unwrap_or_else(|| panic!("{name}: {errors:?}"))
}

/// The report's warning that says this.
fn warning<'a>(report: &'a Value, part: &str) -> &'a str {
    let mut warnings = report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap());
    warnings.find(|warning| warning.contains(part)).unwrap_or_else(|| panic!("{part}: {}", report["warnings"]))
}

fn place(truth: &str) -> Place {
    let place = Place::new("");
    place.write("disc.toml", format!("{DISC}[truth]\n{truth}\n"));
    place
}

/// Points of the grid in the disc.
fn inside() -> u64 {
    let steps = || -10..=10i64;
    steps().flat_map(|x| steps().map(move |y| x * x + y * y)).filter(|square| *square <= 100).count() as u64
}

#[test]
fn errors_count_the_points_where_the_terms_live() {
    // Outside the disc the truth is another function, which no term knows of.
    let place = place(r#"expressions = { u = "if(x^2 + y^2 < 1 + 1e-6, x, 1e3)", k = "exp(x)" }"#);
    let report = place.report("disc.toml", &["--out", "run"]);
    assert_eq!(
        (entry(&report, "u")["points"].as_u64(), entry(&report, "u")["of"].as_u64()),
        (Some(inside()), Some(441))
    );
    assert!(relative_error(&report, "u") < 1e-3, "{report}");
    assert!(relative_error(&report, "k") < 1e-3 && relative_error(&report, "dk_dx") < 1e-2, "{report}");
    // The derivatives of the truth go through its jump: they are left out, and it says so.
    assert!(report["relative_errors"].as_array().unwrap().iter().all(|error| error["name"] != "du_dx"));
    warning(&report, "the error of du_dx, du_dy, d2u_dx2, d2u_dy2 is left out");
    // Predictions stand on the whole grid, the definition behind the outputs.
    let header = "x,y,u,du_dx,du_dy,d2u_dx2,d2u_dy2,k,dk_dx,dk_dy,d2k_dx2,d2k_dy2\n";
    assert!(place.text("run/predictions.csv").starts_with(header));
    let table = place.csv("run/predictions.csv");
    assert_eq!(table["u"].len(), 441);
    let of_row = |row: usize| {
        let [u, slope, second] = ["u", "du_dx", "d2u_dx2"].map(|name| table[name][row]);
        let k = u.exp();
        for (name, expected) in [("k", k), ("dk_dx", slope * k), ("d2k_dx2", (second + slope * slope) * k)] {
            let apart = (table[name][row] - expected).abs();
            assert!(apart < 1e-10 * expected.abs().max(1.0), "{name} in row {row}: {apart:e}");
        }
    };
    (0..441).for_each(of_row);
    // The model file has the definition, too.
    let predict = |names: &str| {
        let flags = ["predict", "run", "--points", "run/predictions.csv", "--out", "again.csv", "--device", "cpu"];
        let mut command = Command::cargo_bin("jetfit").unwrap();
        command.current_dir(place.path("")).args(flags).args(["--definitions", names]).output().unwrap()
    };
    assert!(predict("k").status.success());
    assert_eq!(place.csv("again.csv")["dk_dy"], table["dk_dy"]);
    let wrong = predict("kk");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("--definitions: unknown definition \"kk\""));
}

#[test]
fn errors_count_the_points_where_the_truth_is_finite() {
    let half = (inside() - 21) / 2;
    let place = place(r#"expressions = { u = "exp(log(x))", k = "exp(x) + sqrt(-1 - x^2)" }"#);
    let output = place.train("disc.toml", &["--out", "run", "--quiet"]);
    let table = String::from_utf8(output.stdout).unwrap();
    // x = 0 counts: there the truth is 0, and its derivatives are not finite.
    assert!(table.contains(&format!("({} of 441 points)", half + 21)), "{table}");
    let report = place.json("run/report.json");
    assert_eq!(entry(&report, "du_dx")["points"].as_u64(), Some(half), "{report}");
    assert!(relative_error(&report, "u") < 1e-3 && relative_error(&report, "du_dx") < 1e-2);
    let warning = warning(&report, "the error of k, dk_dx");
    assert!(warning.contains("not finite at any point") && table.contains(warning), "{table}");
}

#[test]
fn a_truth_file_may_have_gaps() {
    let place = place("file = \"truth.csv\"\ncolumns = { u = \"u\", k = \"k\" }");
    place.write("truth.csv", "x,y,u,k\n0,0,0,1\n0.5,0,,nan\n0.5,0.5,0.5,inf\n0.9,0.9,77,77\n-0.5,0,-0.5,0.60653066\n");
    let report = place.report("disc.toml", &["--out", "run"]);
    for (name, points) in [("u", 3), ("k", 2)] {
        assert_eq!(
            (entry(&report, name)["points"].as_u64(), entry(&report, name)["of"].as_u64()),
            (Some(points), Some(5))
        );
        assert!(relative_error(&report, name) < 1e-3, "{report}");
    }
    place.write("truth.csv", "x,y,u,k\n0,,0,1\n");
    assert!(place.refused("disc.toml", &["--out", "other"]).contains("this cell is empty"));
}

#[test]
fn with_data_every_point_counts() {
    let place = Place::new("[truth]\nexpressions = { u = \"sin(3*x)*(t/2000 + 0.5)\" }\n[training]\nsteps = 20\n");
    let report = place.report("job.toml", &[]);
    assert_eq!(entry(&report, "u")["points"], entry(&report, "u")["of"]);
}
