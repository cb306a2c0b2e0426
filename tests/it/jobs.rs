//! A job from the command line: keys set by flags, jobs on stdin, rehearsals, comparisons, and what editors and shells know.

use assert_cmd::Command;
use serde_json::Value;

use crate::runs::{Place, assert_errors, assert_says};

const EQUATION: &str = r#"
[variables]
x = [0, 1]
[network]
outputs = ["u"]
hidden = [6]
[[stage]]
optimizer = "adam"
steps = 20
[[stage]]
optimizer = "lbfgs"
steps = 5
[[term]]
name = "decay"
residual = "u_xx + u = 0"
points = { count = 50 }
[[term]]
name = "start"
residual = "u = 1"
points = { on = "x = 0", count = 1 }
[output]
directory = "run"
"#;

fn jetfit(place: &Place, arguments: &[&str], stdin: &str) -> (i32, String, String) {
    let mut command = Command::cargo_bin("jetfit").unwrap();
    let output = command.current_dir(place.path("")).args(arguments).write_stdin(stdin).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn flags_set_any_key() {
    let place = Place::new("");
    place.write("job.toml", EQUATION);
    let settings = [
        "network.hidden=[5, 4]",
        "training.seed=3",
        "term.decay.weight=2.5",
        "term.2.points.count=2",
        "term.start.residual=u = 2",
        "stage.1.steps=1e1",
        "definitions.flux=u_x",
        "predictions.grid.x=[0, 1, 5]",
    ];
    let flags: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let report = place.report("job.toml", &flags);
    assert_eq!((report["steps"].as_u64(), report["parameters"].as_u64()), (Some(15), Some(2 * 5 + 6 * 4 + 5)));
    let resolved: toml::Table = place.text("run/job.toml").parse().unwrap();
    assert_eq!(resolved["network"]["hidden"], toml::Value::from(vec![5, 4]));
    assert_eq!(resolved["training"]["seed"].as_integer(), Some(3));
    assert_eq!(resolved["term"][0]["weight"].as_float(), Some(2.5));
    assert_eq!(resolved["term"][1]["residual"].as_str(), Some("u = 2"));
    assert_eq!(resolved["term"][1]["points"]["count"].as_integer(), Some(2));
    assert_eq!(resolved["stage"][0]["steps"].as_integer(), Some(10));
    assert_eq!(resolved["definitions"]["flux"].as_str(), Some("u_x"));
    assert_eq!(place.csv("run/predictions.csv")["x"].len(), 5);
    // The file is as it was.
    assert_eq!(place.text("job.toml"), EQUATION);
}

#[test]
fn messages_name_the_flag() {
    let place = Place::new("");
    place.write("job.toml", EQUATION);
    for (setting, parts) in [
        ("network.hidden=0", &["--set network.hidden=0: expected an array", "write it in brackets: [0]"][..]),
        ("network.hiden=[4]", &["--set network.hiden=[4]: unknown key \"hiden\"", "did you mean \"hidden\"?"]),
        ("network.steps=5", &["--set network.steps=5: unknown key \"steps\"", "did you mean training.steps?"]),
        ("training.seed=one", &["--set training.seed=one: expected a finite number, found the string \"one\""]),
        ("training=5", &["--set training=5: a section and a key are needed"]),
        ("training.seed", &["there is no = between the key and its value"]),
        ("term.weight=2", &["there may be several [[term]]", "--set term.1.weight=VALUE"]),
        ("term.dekay.weight=2", &["there is no term \"dekay\"", "did you mean \"decay\"?", "a number from 1 to 2"]),
        ("stage.3.steps=2", &["there is no stage \"3\"", "a number from 1 to 2"]),
        ("term.decay.residual=u_xx +", &["--set term.decay.residual=u_xx +"]),
        ("device.name=5", &["--set device.name=5: expected a string", "write it in quotes: \"5\""]),
    ] {
        assert_says(&place.refused("job.toml", &["--set", setting]), parts);
    }
    place.write("job.toml", EQUATION.replace("hidden = [6]", "hidden = [6]\nsteps = \"20\""));
    assert_says(&place.refused("job.toml", &[]), &["job.toml:7: network.steps", "did you mean training.steps?"]);
    place.write("job.toml", EQUATION.replace("steps = 20", "steps = \"20\""));
    assert_says(&place.refused("job.toml", &[]), &["found the string \"20\"", "write it without quotes: 20"]);
    place.write("job.toml", EQUATION.replace("[output]", "steps = 5\n[output]"));
    assert_says(&place.refused("job.toml", &[]), &["unknown key \"steps\"", "training.steps"]);
}

#[test]
fn a_job_comes_from_stdin() {
    let place = Place::new("");
    let (code, out, err) = jetfit(&place, &["train", "-", "--device", "cpu", "--quiet"], EQUATION);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(place.path("run/report.json").exists());
    // Paths start at the working directory, and the run is called stdin.
    let data = "[data]\nfile = \"data.csv\"\ninputs = [\"x\", \"t\"]\noutputs = [\"u\"]\n";
    let (code, ..) = jetfit(&place, &["train", "-", "--device", "cpu", "--steps", "5", "--quiet"], data);
    assert_eq!(code, 0);
    assert!(place.path("runs/stdin/report.json").exists());
    let (code, _, err) = jetfit(&place, &["train", "-"], "[network\n");
    assert_eq!(code, 2);
    assert_says(&err, &["stdin:1: this is not valid TOML"]);
    let (code, _, err) = jetfit(&place, &["train", "-"], &data.replace("data.csv", "-"));
    assert_eq!(code, 2);
    assert_says(&err, &["stdin already holds the job"]);
}

#[test]
fn a_rehearsal_says_what_would_be_and_writes_nothing() {
    let place = Place::new("");
    let before = place.files();
    let (code, out, err) = jetfit(&place, &["train", "job.toml", "--check", "--device", "cpu"], "");
    assert_eq!((code, err.as_str()), (0, ""));
    for part in [
        "nothing was trained",
        "225 to train on, 75 that judge",
        "2 → 9 → 1 (37 parameters)",
        "adam, 20000 steps at most",
        "4 initial steepnesses",
        "35 points",
        "cpu (",
        "GiB",
        "u        225",
    ] {
        assert!(out.contains(part), "{out}\nlacks {part}");
    }
    place.write("job.toml", EQUATION);
    let flags = ["train", "job.toml", "--check", "--device", "cpu", "--format", "json"];
    let (code, out, _) = jetfit(&place, &flags, "");
    let rehearsal: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(rehearsal["widths"], serde_json::json!([1, 6, 1]));
    assert_eq!(rehearsal["sets"][0]["terms"][0]["name"], "decay");
    assert_eq!(rehearsal["sets"][0]["points"], 50);
    assert_eq!(rehearsal["sets"][0]["channels"].as_array().unwrap().len(), 3);
    assert_eq!(rehearsal["stages"][1]["optimizer"], "lbfgs");
    assert!(rehearsal["memory"].as_f64().unwrap() > 1e6);
    place.write("job.toml", before.get(&place.path("job.toml")).unwrap());
    assert!(place.files() == before);
    let (code, ..) = jetfit(&place, &["train", "job.toml", "--check", "--set", "data.file=none.csv"], "");
    assert_eq!(code, 2);
}

#[test]
fn runs_are_compared() {
    let place = Place::new("");
    for (seed, run) in [("1", "a"), ("2", "b")] {
        place.report("job.toml", &["--steps", "30", "--seed", seed, "--out", run]);
    }
    let (code, out, _) = jetfit(&place, &["compare", "a", "b", "--format", "json"], "");
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    for (row, seed) in rows.as_array().unwrap().iter().zip([1, 2]) {
        assert_eq!(
            (row["seed"].as_u64(), row["steps"].as_u64(), row["parameters"].as_u64()),
            (Some(seed), Some(30), Some(37))
        );
        assert_eq!(row["stop"], "steps");
    }
    // The error is that of the validation rows, in the output's own units: the deviation of u at most.
    let report = place.json("a/report.json");
    let (square, scale) = (&report["losses"]["validation_terms"][0]["value"], &report["losses"]["scales"][0]["value"]);
    let expected = square.as_f64().unwrap().sqrt() * scale.as_f64().unwrap();
    assert_eq!(rows[0]["rmse"]["u"].as_f64(), Some(expected));
    let (_, table, _) = jetfit(&place, &["compare", "a", "b"], "");
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains("rmse u") && table.contains(&format!("{expected:.3e}")), "{table}");
    let (_, csv, _) = jetfit(&place, &["compare", "a", "b", "--format", "csv"], "");
    assert!(csv.starts_with("run,loss,validation,rmse u,seconds,steps,parameters,seed,stop\na,"), "{csv}");
    let (code, _, err) = jetfit(&place, &["compare", "a", "nowhere"], "");
    assert_eq!(code, 2);
    assert_says(&err, &["nowhere"]);
}

#[test]
fn shells_and_editors_are_told() {
    let place = Place::new("");
    for (shell, part) in [("bash", "_jetfit()"), ("zsh", "#compdef jetfit"), ("fish", "complete -c jetfit")] {
        let (code, out, _) = jetfit(&place, &["completions", shell], "");
        assert_eq!(code, 0);
        assert!(out.contains(part) && out.contains("max-seconds"), "{shell}");
    }
    let (_, out, _) = jetfit(&place, &["schema"], "");
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["properties"]["optimizer"]["properties"]["name"]["enum"][0], "adam");
    let (code, ..) = jetfit(&place, &["man", "pages"], "");
    assert_eq!(code, 0);
    for page in ["jetfit", "jetfit-train", "jetfit-predict", "jetfit-compare"] {
        assert!(place.text(&format!("pages/{page}.1")).contains(".TH"), "{page}");
    }
    assert!(place.text("pages/jetfit-train.1").contains("SECTION.KEY=VALUE"));
}

#[test]
fn an_interval_over_decades_is_learned_over_all_of_them() {
    let place = Place::new("");
    let job = r#"
[variables]
t = [1e-4, 1e2, "log"]
[network]
outputs = ["y"]
hidden = [16]
[optimizer]
name = "gauss-newton"
[training]
steps = 150
[[term]]
name = "decay"
residual = "y_t = -y/(1 + t)^2"
points = { count = 200 }
[[term]]
name = "start"
residual = "y = 1"
points = { on = "t = low", count = 1 }
[predictions]
order = 0
[truth]
expressions = { y = "exp(1/(1 + t) - 1/(1 + 1e-4))" }
[output]
directory = "run"
"#;
    place.write("job.toml", job);
    let report = place.report("job.toml", &[]);
    // Measured: 1.0e-4.
    assert_errors(&report, &[("y", 1e-3)]);
    let t = &place.csv("run/predictions.csv")["t"];
    assert_eq!((t[0], t[1000]), (1e-4, 1e2));
    assert!(t.windows(2).all(|pair| (pair[1] / pair[0] / 10f64.powf(0.006) - 1.0).abs() < 1e-9));
    let resolved = place.text("run/job.toml");
    assert!(resolved.contains("\"log\"") && resolved.contains("features = [\"ln(t)\"]"), "{resolved}");
    place.report("run/job.toml", &["--out", "again"]);
    assert!(place.read("again/model.safetensors") == place.read("run/model.safetensors"));
    let message = place.refused("job.toml", &["--set", "variables.t=[0, 1, \"log\"]", "--out", "other"]);
    assert_says(&message, &["an interval from 0 has no decades"]);
    let message = place.refused("job.toml", &["--set", "predictions.grid.t=[0, 1, 5, \"log\"]", "--out", "other"]);
    assert_says(&message, &["an axis of equal ratios cannot go from 0 to 1"]);
}
