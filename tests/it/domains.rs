//! Domains that are no boxes, from a job to what its run leaves: points, predictions, errors, pictures, messages.

use assert_cmd::Command;
use serde_json::Value;

use crate::runs::{Place, assert_says, relative_error};

/// A plate without a quarter and with a hole; the truth is 0 along all of its edge.
const PLATE: &str = r#"
[variables]
x = [-1, 1]
y = [-1, 1]
[domain]
region = "plate - hole"
[domain.shapes]
plate = { polygon = [[-1, -1], [0, -1], [0, 0], [1, 0], [1, 1], [-1, 1]] }
hole = { ball = [-0.4, 0.4], radius = 0.25 }
[definitions]
truth = "distance(boundary)*(1 + x*y)"
[network]
outputs = ["u"]
hidden = [10]
[transforms]
u = "distance(boundary)*net"
[[term]]
name = "equation"
residual = "u_xx + u_yy = d(truth, x, x) + d(truth, y, y)"
points = { count = 300 }
[optimizer]
name = "gauss-newton"
[training]
steps = 30
[predictions]
grid = { x = [-1, 1, 21], y = [-1, 1, 21] }
[truth]
expressions = { u = "truth" }
"#;

/// Whether a point of the grid, in tenths, lies in the plate or on its edge.
fn is_in_plate(x: i64, y: i64) -> bool {
    !(x > 0 && y < 0) && 4 * (x + 4).pow(2) + 4 * (y - 4).pow(2) >= 25
}

fn jetfit(place: &Place, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("jetfit").unwrap().current_dir(place.path("")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_plate_keeps_to_its_edge() {
    let place = Place::new("");
    place.write("plate.toml", PLATE);
    let report = place.report("plate.toml", &["--out", "run"]);
    // Measured: 7.2e-5.
    assert!(relative_error(&report, "u") < 1e-3, "{report}");
    let steps = || -10..=10i64;
    let inside: Vec<bool> = steps().flat_map(|x| steps().map(move |y| is_in_plate(x, y))).collect();
    let count = inside.iter().filter(|is_in| **is_in).count() as u64;
    let error = &report["relative_errors"][0];
    assert_eq!((error["points"].as_u64(), error["of"].as_u64()), (Some(count), Some(441)), "{error}");
    // The grid stays, its cells outside are empty, and the value is 0 on the edge.
    let table = place.csv("run/predictions.csv");
    for (row, is_in) in inside.iter().enumerate() {
        assert_eq!(table["u"][row].is_finite(), *is_in, "{} {}", table["x"][row], table["y"][row]);
        assert!(!is_in || table["x"][row] != -1.0 || table["u"][row].abs() < 1e-14);
    }
    assert!(place.text("run/predictions.csv").contains("\n1,-1,,,,,\n"));
    // The resolved job runs again, and the model alone knows the distance.
    let job = place.text("run/job.toml");
    assert!(job.contains("[domain]") && !job.contains("distance(boundary)\" ="), "{job}");
    place.write("points.csv", "x,y\n-0.5,-0.5\n0.5,-0.5\n-1,0\n");
    let (code, _, warnings) = jetfit(&place, &["predict", "run", "--points", "points.csv", "--out", "jets.csv"]);
    assert!(code == Some(0) && warnings.contains("1 of 3 points lie outside the domain"), "{warnings}");
    assert!(place.csv("jets.csv")["u"].iter().all(|u| u.is_finite()));
    std::fs::copy(place.path("run/model.safetensors"), place.path("alone.safetensors")).unwrap();
    let (code, _, warnings) =
        jetfit(&place, &["predict", "alone.safetensors", "--points", "points.csv", "--out", "alone.csv"]);
    assert_eq!((code, warnings.as_str()), (Some(0), ""));
    assert_eq!(place.csv("alone.csv"), place.csv("jets.csv"));
    let (code, stdout, stderr) = jetfit(&place, &["check", "run", "--points", "points.csv", "--device", "cpu"]);
    assert!(code == Some(0) && stdout.contains("1 outside the domain are left out"), "{stdout}{stderr}");
}

#[test]
fn a_network_goes_on_in_another_domain_with_its_own_distance() {
    let place = Place::new("");
    place.write("plate.toml", PLATE);
    place.report("plate.toml", &["--out", "run", "--steps", "5"]);
    let other = PLATE
        .replace("hidden = [10]", "start = \"run\"")
        .replace("radius = 0.25", "radius = 0.2")
        .replace("[transforms]\nu = \"distance(boundary)*net\"\n", "");
    place.write("other.toml", other);
    place.report("other.toml", &["--out", "other", "--steps", "2"]);
    let (first, second) = (place.csv("run/predictions.csv"), place.csv("other/predictions.csv"));
    let on_the_first_hole = |table: &std::collections::BTreeMap<String, Vec<f64>>| {
        // (-0.4, 0.6) lies beside it, (-0.4, 0.1) outside of both.
        let row = (0..441).find(|row| (table["x"][*row] + 0.4).abs() < 1e-9 && (table["y"][*row] - 0.6).abs() < 1e-9);
        table["u"][row.unwrap()]
    };
    assert!(on_the_first_hole(&first).is_nan() && on_the_first_hole(&second).is_finite());
}

#[test]
fn a_mesh_is_a_domain() {
    // A box of twelve triangles, [-0.4, 0.4]^3, in ASCII.
    let corner = |k: usize| [0, 1, 2].map(|axis| if k >> axis & 1 == 1 { 0.4 } else { -0.4 });
    let sides = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let mut stl = "solid part\n".to_string();
    for [a, b, c, d] in sides {
        for triangle in [[a, b, c], [a, c, d]] {
            stl += "facet normal 0 0 0\nouter loop\n";
            for [x, y, z] in triangle.map(corner) {
                stl += &format!("vertex {x} {y} {z}\n");
            }
            stl += "endloop\nendfacet\n";
        }
    }
    stl += "endsolid part\n";
    let place = Place::new("");
    place.write("part.stl", &stl);
    let job = r#"
[variables]
x = [-1, 1]
y = [-1, 1]
z = [-1, 1]
[domain]
region = "box - part"
shapes.part = { stl = "part.stl" }
[network]
outputs = ["u"]
hidden = [6]
[[term]]
name = "equation"
residual = "u_xx + u_yy + u_zz = 0"
points = { count = 200 }
[[term]]
name = "flux"
residual = "n_x*u_x + n_y*u_y + n_z*u_z = n_x"
points = { on = "boundary", count = 300 }
[[term]]
name = "level"
residual = "u = 1"
points = { on = "x = 1, y = 0, z = 0", count = 1 }
[optimizer]
name = "gauss-newton"
[training]
steps = 30
[truth]
expressions = { u = "x" }
"#;
    place.write("mesh.toml", job);
    let report = place.report("mesh.toml", &["--out", "run"]);
    // Measured: 3e-6.
    assert!(relative_error(&report, "u") < 1e-3, "{report}");
    let error = &report["relative_errors"][0];
    assert!(error["points"].as_u64() < error["of"].as_u64(), "{error}");
    place.write("open.stl", stl.replacen("vertex 0.4", "vertex 0.5", 1));
    place.write("open.toml", job.replace("part.stl", "open.stl"));
    assert_says(&place.refused("open.toml", &["--out", "o"]), &["domain.shapes.part", "the mesh is not closed"]);
    place.write("none.toml", job.replace("part.stl", "none.stl"));
    assert_says(&place.refused("none.toml", &["--out", "o"]), &["none.stl"]);
    place.write("text.stl", "x,y\n1,2\n");
    place.write("text.toml", job.replace("part.stl", "text.stl"));
    assert_says(&place.refused("text.toml", &["--out", "o"]), &["text.stl cannot be read as STL"]);
    let hard = job.replace(
        "[[term]]\nname = \"equation\"",
        "[transforms]\nu = \"distance(part)*net\"\n[[term]]\nname = \"equation\"",
    );
    place.write("hard.toml", hard);
    assert_says(&place.refused("hard.toml", &["--out", "o"]), &["\"part\" is a mesh", "transform of \"u\"", "^^^^"]);
}

#[test]
fn rows_outside_are_named() {
    let place = Place::new("");
    place.write("rows.csv", "x,y,v\n-0.5,-0.5,1\n0,0.25,1\n-1,1,2\n-0.4,0.5,3\n");
    let points = PLATE.replace("points = { count = 300 }", "points = { file = \"rows.csv\" }");
    place.write("points.toml", &points);
    let message = place.refused("points.toml", &["--out", "run"]);
    assert_says(&message, &["rows.csv: row 4: x = -0.4, y = 0.5 lies outside the domain"]);
    let data = "[data]\nfile = \"rows.csv\"\ninputs = [\"x\", \"y\"]\noutputs = [\"v\"]\n[variables]\nx = [-1, 1]\n\
                y = [-1, 1]\n[domain]\nwhere = \"x + y < 0.2\"\n";
    place.write("data.toml", data);
    let message = place.refused("data.toml", &["--out", "run"]);
    assert_says(&message, &["rows.csv: row 2: x = 0, y = 0.25 lies outside the domain"]);
    // Points on the edge belong to it.
    place.write("rows.csv", "x,y,v\n-1,-0.5,1\n-0.5,-1,1\n-0.4,0.65,2\n1,0.5,3\n");
    place.report("points.toml", &["--out", "run", "--steps", "2"]);
}

#[test]
fn mistakes_in_domains_are_named() {
    let place = Place::new("");
    for (from, to, parts) in [
        ("plate - hole", "plate - hol", &["job.toml:6: domain.region: ", "unknown shape \"hol\"", "\"hole\""][..]),
        ("radius = 0.25 }", "}", &["domain.shapes.hole.radius", "this key is missing"]),
        ("radius = 0.25", "radius = 0.25, angle = 3", &["hole.angle", "has no effect", "a shape other than ball"]),
        ("{ ball = [-0.4, 0.4], radius = 0.25 }", "{}", &["domain.shapes.hole", "says not what", "radius_of_angle"]),
        ("ball = [-0.4, 0.4]", "ball = [-0.4]", &["domain.shapes.hole", "has 1 numbers"]),
        ("[0, 0], ", "[0, 0], [-2, 0], ", &["domain.shapes.plate", "meet"]),
        ("distance(boundary)*net", "distance(bondary)*net", &["unknown boundary \"bondary\"", "\"boundary\""]),
        ("count = 300", "count = 300, region = \"plate & x\"", &["points.region", "unknown shape \"x\""]),
        ("count = 300", "on = \"hole, x > 0\"", &["points.on", "\"hole\" does not bound the domain there"]),
        ("count = 300", "where = \"x > 2\"", &["points.where", "the region is empty"]),
        ("region =", "inputs = [\"t\"]\nregion =", &["domain.inputs", "unknown variable \"t\""]),
    ] {
        let job = PLATE.replace(from, to);
        assert_ne!(job, PLATE);
        place.write("job.toml", job);
        assert_says(&place.refused("job.toml", &["--out", "run"]), parts);
    }
}

#[test]
fn inputs_that_are_not_in_space_bound_nothing() {
    let place = Place::new("");
    let job =
        PLATE.replace("y = [-1, 1]\n[domain]", "y = [-1, 1]\nnu = [1, 2]\n[domain]\ninputs = [\"x\", \"y\"]").replace(
            "grid = { x = [-1, 1, 21], y = [-1, 1, 21] }",
            "grid = { x = [-1, 1, 5], y = [-1, 1, 5], nu = [1, 2, 2] }",
        );
    place.write("job.toml", job);
    let report: Value = place.report("job.toml", &["--out", "run", "--steps", "10"]);
    // The distance does not vanish at the ends of nu, and neither does u.
    // Measured: 4.7e-2 after so few steps.
    assert!(relative_error(&report, "u") < 0.2, "{report}");
    let table = place.csv("run/predictions.csv");
    let row = (0..50).find(|row| (table["x"][*row], table["y"][*row], table["nu"][*row]) == (0.5, 0.5, 1.0));
    assert!(table["u"][row.unwrap()] > 0.05);
}
