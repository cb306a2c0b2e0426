//! What a run tells beside its losses: errors in units, where it comes from, pictures, events for TensorBoard; and what
//! `predict` gives on.

use assert_cmd::Command;
use serde_json::Value;

use crate::runs::{Place, assert_says};

const QUICK: &str = "[training]\nsteps = 40\n";

#[test]
fn errors_stand_in_the_units_of_the_columns() {
    let place = Place::new(QUICK);
    let report = place.report("job.toml", &[]);
    let score = &report["scores"][0];
    assert_eq!((&score["name"], &score["rows"], &score["count"]), (&"u".into(), &"validation".into(), &75.into()));
    // The same from the losses: the mean square in units of the scale.
    let of = |list: &str| report["losses"][list][0]["value"].as_f64().unwrap();
    let rmse = of("validation_terms").sqrt() * of("scales");
    // The loss is summed in f32.
    assert!((score["rmse"].as_f64().unwrap() / rmse - 1.0).abs() < 1e-5, "{score} {rmse}");
    let (mae, r2) = (score["mae"].as_f64().unwrap(), score["r2"].as_f64().unwrap());
    assert!(mae > 0.0 && mae <= rmse && r2 < 1.0, "{score}");
    let provenance = &report["provenance"];
    assert_eq!(provenance["version"], env!("CARGO_PKG_VERSION"));
    assert!(provenance["date"].as_str().is_some_and(|date| date.starts_with("20") && date.ends_with('Z')));
    assert!(provenance["command"].as_array().unwrap().contains(&"--quiet".into()), "{provenance}");
    let shown = String::from_utf8(place.train("job.toml", &["--out", "again"]).stdout).unwrap();
    for part in ["in the units of the validation rows", "RMSE", "MAE", "R²"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn predictions_of_very_many_rows_are_written_when_asked() {
    let place = Place::new("");
    // Three inputs, so that there is no grid by default.
    let row = |k: usize| {
        let [a, b, c] = [0.618, 0.414, 0.732].map(|step| (k as f64 * step).fract());
        format!("{a:.4},{b:.4},{c:.4},{:.4}\n", a * b + c)
    };
    place.write("many.csv", format!("a,b,c,y\n{}", (0..112_000).map(row).collect::<String>()));
    let job = "[data]\nfile = \"many.csv\"\ninputs = [\"a\", \"b\", \"c\"]\noutputs = [\"y\"]\n[network]\nhidden = [4]\n\
               [training]\nsteps = 3\n[plots]\nwhat = []\n[output]\ndirectory = \"run\"\n";
    place.write("job.toml", job);
    let report = place.report("job.toml", &[]);
    assert!(!place.path("run/predictions.csv").exists());
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("predictions.csv was not written") && warnings.contains("predictions.points"),
        "{warnings}"
    );
    place.write("job.toml", job.replace("[plots]", "[predictions]\npoints = \"many.csv\"\norder = 0\n[plots]"));
    place.report("job.toml", &["--force"]);
    assert_eq!(place.text("run/predictions.csv").lines().count(), 112_001);
}

const SPACE: &str = r#"
[variables]
x = [0, 1]
t = [0, 2]
y = [0, 3]
[network]
outputs = ["u", "mass", "w"]
hidden = [4]
[[term]]
name = "flow"
residual = "u_t = u_xx + w_yy"
points = { count = 20 }
[training]
steps = 3
[predictions]
grid = { x = [0, 1, 3], t = [0, 2, 3], y = [0, 3, 3] }
[plots]
"#;

/// The names of the pictures in a directory.
fn pictures(place: &Place) -> Vec<String> {
    let ours = |name: &String| [".svg", ".png", ".pdf"].iter().any(|ending| name.ends_with(ending));
    let entries = std::fs::read_dir(place.path("run")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(ours);
    names.sort();
    names
}

#[test]
fn a_job_chooses_its_pictures() {
    let place = Place::new("");
    let train = |plots: &str| {
        place.write("job.toml", format!("{SPACE}{plots}\n"));
        let output = place.train("job.toml", &["--out", "run", "--force", "--quiet"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        pictures(&place)
    };
    // Nine rows of fits: one picture for each output.
    let names = train(
        "what = [\"fit\", \"map\", \"animation\"]\nformat = [\"svg\", \"pdf\"]\nframes = 3\nat = { t = [0, 0.5] }",
    );
    let fits = ["mass", "u", "w"].map(|name| [format!("fit.{name}.pdf"), format!("fit.{name}.svg")]).concat();
    let all = [vec!["animation.png".to_string()], fits, vec!["map.pdf".to_string(), "map.svg".to_string()]].concat();
    assert_eq!(names, all);
    // Over x and y, though t stands between them; at both times.
    let map = place.text("run/map.svg");
    for part in ["u, t = 0<", "u, t = 0.500", "mass, t = 0.500"] {
        assert!(map.replace('\n', "").contains(part), "no {part:?}");
    }
    assert_eq!(map.matches("<image").count(), 12);
    assert!(place.read("run/map.pdf").starts_with(b"%PDF-"));
    let animation = place.read("run/animation.png");
    let frames = |kind: &[u8]| animation.windows(4).filter(|window| *window == kind).count();
    assert_eq!((frames(b"acTL"), frames(b"fcTL")), (1, 3));
    // They go with the run, and the width is the one that was asked for.
    assert_eq!(train("what = [\"loss\"]\nformat = [\"svg\"]\nwidth = 500"), ["loss.svg"]);
    assert!(place.text("run/loss.svg").starts_with("<svg width=\"500\""));
    for (plots, parts) in [
        ("what = [\"fits\"]", &["plots.what", "\"fit\""][..]),
        ("frames = 3", &["plots.frames", "\"animation\" in plots.what"]),
        ("at = { z = [1] }", &["plots.at", "\"z\""]),
        ("at = { x = [0, 1], t = [0, 1] }", &["plots.at", "two inputs have several places"]),
        ("format = [\"gif\"]", &["plots.format", "\"gif\""]),
    ] {
        place.write("job.toml", format!("{SPACE}{plots}\n"));
        assert_says(&place.refused("job.toml", &["--out", "other"]), parts);
    }
}

#[test]
fn events_follow_the_metrics() {
    let place = Place::new("tensorboard = true\n[training]\nsteps = 60\nreport_every = 20\n");
    place.report("job.toml", &[]);
    let events = place.read("run/events.out.tfevents.jetfit");
    let tags = |name: &[u8]| events.windows(name.len()).filter(|window| *window == name).count();
    assert_eq!((tags(b"loss_u"), tags(b"validation_u"), tags(b"learning_rate")), (3, 3, 3));
    // With --force it goes like all files of a run.
    place.write("job.toml", place.text("job.toml").replace("tensorboard = true", ""));
    place.report("job.toml", &["--force"]);
    assert!(!place.path("run/events.out.tfevents.jetfit").exists());
}

#[test]
fn predict_gives_columns_on() {
    let place = Place::new(QUICK);
    place.report("job.toml", &[]);
    place.write("points.csv", "name,x,u,t\n\"a, \"\"b\"\"\",0.5,7,100\n°C,0.25,,200\n");
    let predict = |keep: &str| {
        let mut command = Command::cargo_bin("jetfit").unwrap();
        let flags = ["predict", "run", "--points", "points.csv", "--order", "0", "--keep", keep];
        command.current_dir(place.path("")).args(flags).output().unwrap()
    };
    let output = predict("name,u,x");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "name,kept_u,x,t,u");
    assert!(lines[1].starts_with("\"a, \"\"b\"\"\",7,0.5,100,") && lines[2].starts_with("°C,,0.25,200,"), "{text}");
    let output = predict("nam");
    assert_eq!(output.status.code(), Some(2));
    assert_says(
        &String::from_utf8(output.stderr).unwrap(),
        &["points.csv", "no column \"nam\"", "did you mean \"name\""],
    );
    let _: Value = place.json("run/report.json");
}
