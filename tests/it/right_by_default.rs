//! A default is right, or what is wrong is said: points between those that are trained on, units, starts, rows that judge.

use std::fmt::Write;

use crate::runs::{Place, assert_says, relative_error};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value;

fn warnings(report: &Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap()).collect()
}

fn number(report: &Value, list: &str, name: &str) -> f64 {
    let named = report["losses"][list].as_array().unwrap().iter().find(|named| named["name"] == name);
    named.unwrap_or_else(|| panic!("{list} has no {name}"))["value"].as_f64().unwrap()
}

/// A Poisson problem with u = sin πx sin πy, on so many points.
fn poisson(count: usize, more: &str) -> String {
    format!(
        r#"
[variables]
x = [0, 1]
y = [0, 1]
[network]
outputs = ["u"]
hidden = [24, 24]
[[term]]
name = "Poisson"
residual = "-(u_xx + u_yy) = 2*pi^2*sin(pi*x)*sin(pi*y)"
points = {{ count = {count} }}
[[term]]
name = "edge"
residual = "u = 0"
points = {{ on = "boundary", count = 80 }}
[[term]]
name = "corner"
residual = "u = 0"
points = {{ on = "x = 0, y = 0", count = 1 }}
[optimizer]
name = "gauss-newton"
[truth]
expressions = {{ u = "sin(pi*x)*sin(pi*y)" }}
[predictions]
grid = {{ x = [0, 1, 21], y = [0, 1, 21] }}
{more}"#
    )
}

#[test]
fn an_equation_that_holds_at_its_points_alone_is_told() {
    let place = Place::new("");
    let trained = |name: &str, job: &str| {
        place.write(&format!("{name}.toml"), job);
        place.report(format!("{name}.toml"), &["--out", name])
    };
    let few = trained("few", &poisson(100, "[training]\nsteps = 60\n"));
    // Measured: 65 % off, with a loss of 1e-29.
    assert!(relative_error(&few, "u") > 0.1);
    let (own, fresh) = (number(&few, "training_terms", "Poisson"), number(&few, "validation_terms", "Poisson"));
    assert!(own < 1e-8 && fresh > 1e-2, "{own:e} {fresh:e}");
    assert!(warnings(&few)[0].contains("term \"Poisson\" holds at its training points but not between them"), "{few}");
    assert!(few["losses"]["validation"].as_f64().unwrap() > 1e-2 && few["fresh_points"] == 180, "{few}");
    // A point that is alone has no others between.
    assert!(!few["losses"]["validation_terms"].to_string().contains("corner"));
    let metrics = place.csv("few/metrics.csv");
    assert!(metrics["validation"].last().unwrap() > &1e-2 && metrics.contains_key("validation_edge"));
    assert!(!metrics.contains_key("validation_corner"));

    let many = trained("many", &poisson(900, "[training]\nsteps = 60\n"));
    // Measured: 3e-7.
    assert!(relative_error(&many, "u") < 1e-4);
    assert_eq!(warnings(&many), Vec::<&str>::new());
    // The same hundred points are enough where they are drawn anew: measured 5e-4.
    let resampled = trained("resampled", &poisson(100, "[training]\nsteps = 200\nresample_every = 2\n"));
    assert!(relative_error(&resampled, "u") < 2e-2, "{resampled}");
}

#[test]
fn stages_draw_points_of_their_own() {
    let place = Place::new("");
    let stages = "[[stage]]\nsteps = 20\n[[stage]]\noptimizer = \"gauss-newton\"\nsteps = 6\nreport_every = 2\n\
                  resample_every = 2\nrefine = { candidates = 500 }\n";
    let job = poisson(100, stages).replace("[optimizer]\nname = \"gauss-newton\"\n", "");
    place.write("job.toml", &job);
    let whole = place.report("job.toml", &["--out", "whole"]);
    assert_eq!(whole["stages"][1]["steps"], 6);
    // Stopped by its time at once, and resumed: the points of every round are found again.
    place.train("job.toml", &["--out", "parts", "--max-seconds", "1e-9", "--quiet"]);
    let mut resolved = place.text("parts/job.toml");
    assert!(resolved.contains("resample_every = 2") && resolved.contains("candidates = 500"), "{resolved}");
    resolved = resolved.lines().filter(|line| !line.starts_with("max_seconds")).collect::<Vec<_>>().join("\n");
    place.write("parts/job.toml", resolved);
    let output = place.train("--resume", &["parts", "--edited", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(place.read("whole/model.safetensors") == place.read("parts/model.safetensors"));

    place.write("job.toml", job.replace("candidates = 500", "candidates = 90"));
    assert_says(
        &place.refused("job.toml", &[]),
        &["stage 2: refine.candidates", "90 candidates are not enough for a term with 100"],
    );
    place.write("job.toml", job.replace("resample_every = 2\n", ""));
    assert_says(&place.refused("job.toml", &[]), &["stage 2: refine", "resample_every"]);
}

/// p = U exp(−0.7 t/T) with p′ = −c p, c from 0.1/T.
fn decay(place: &Place, u: f64, t: f64, optimizer: &str) -> f64 {
    let mut rows = "t,p\n".to_string();
    for k in 0..101 {
        let s = 0.05 * f64::from(k);
        writeln!(rows, "{:.9e},{:.9e}", t * s, u * f64::exp(-0.7 * s)).unwrap();
    }
    place.write("decay.csv", rows);
    place.write(
        "decay.toml",
        format!(
            "[data]\nfile = \"decay.csv\"\ninputs = [\"t\"]\noutputs = [\"p\"]\n[variables]\nt = [0, {:e}]\n[network]\n\
             hidden = [16]\n[coefficients]\nc = {:e}\n[[term]]\nname = \"decay\"\nresidual = \"d(p, t) = -c*p\"\n\
             points = {{ count = 200 }}\n{optimizer}",
            5.0 * t,
            0.1 / t
        ),
    );
    let report = place.report("decay.toml", &["--out", "decay", "--force", "--threads", "1"]);
    report["coefficients"][0]["value"].as_f64().unwrap() * t
}

#[test]
fn a_coefficient_is_found_in_any_units() {
    let place = Place::new("");
    for optimizer in [
        "[training]\nsteps = 5000",
        "[training]\nsteps = 1000\n[optimizer]\nname = \"lbfgs\"",
        "[training]\nsteps = 60\n[optimizer]\nname = \"gauss-newton\"",
    ] {
        for (u, t) in [(1.0, 1.0), (1e-6, 1.0), (1e8, 1e-6), (1e3, 1e6), (1.0, 1e-3)] {
            let c = decay(&place, u, t, optimizer);
            // Measured: 0.6984 by Adam, 0.7000 by the others.
            assert!((c / 0.7 - 1.0).abs() < 1e-2, "{optimizer}, {u:e}, {t:e}: {c}");
        }
    }
}

#[test]
fn an_equation_without_data_is_solved_in_any_units() {
    let place = Place::new("");
    // A rod of 2 mm in kelvin: sources of 1e12 K/m² bring it to half a kelvin; and the same without units.
    for (name, length, source, offset) in [("plain", 1.0, 1.0, 0.0), ("units", 2e-3, 1e6, 293.0)] {
        place.write(
            "rod.toml",
            format!(
                "[variables]\nx = [0, {length}]\n[network]\noutputs = [\"T\"]\nhidden = [16]\n[[term]]\nname = \"rod\"\n\
                 residual = \"-d(T, x, x) = {source}*sin(pi*x/{length})\"\npoints = {{ count = 100 }}\n[[term]]\n\
                 name = \"ends\"\nresidual = \"T = {offset}\"\npoints = {{ on = \"boundary\", count = 2 }}\n[training]\n\
                 steps = 3000\n[truth]\nexpressions = {{ T = \"{offset} + {source}*({length}/pi)^2*sin(pi*x/{length})\" }}"
            ),
        );
        let report = place.report("rod.toml", &["--out", name]);
        // Of the slope, which has no offset. Measured: 1.1e-3 both.
        assert!(relative_error(&report, "dT_dx") < 1e-2, "{name}: {report}");
        assert_eq!(warnings(&report), Vec::<&str>::new());
    }
    place.write("rod.toml", place.text("rod.toml").replace("hidden = [16]", "hidden = [16]\nscales = { T = 0.3 }"));
    assert!(relative_error(&place.report("rod.toml", &["--out", "stated"]), "dT_dx") < 1e-2);
    assert!(place.text("stated/job.toml").contains("scales = { T = 0.3 }"));
    place.write("rod.toml", place.text("rod.toml").replace("T = 0.3", "U = 0.3"));
    assert_says(&place.refused("rod.toml", &["--out", "bad"]), &["network.scales.U", "unknown name \"U\""]);
}

/// Rows of y = sin(w·x) for standard normal w and uniform x, and its gradient.
fn waves(rows: usize, inputs: usize) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(inputs as u64);
    let w: Vec<f64> = StandardNormal.sample_iter(&mut random).take(inputs).collect();
    let names = |prefix: &str| (0..inputs).map(|k| format!("{prefix}{k}")).collect::<Vec<_>>().join(",");
    let mut text = format!("{},y,{}\n", names("x"), names("g"));
    for _ in 0..rows {
        let x: Vec<f64> = w.iter().map(|_| random.random_range(-1.0..1.0)).collect();
        let phase: f64 = x.iter().zip(&w).map(|(x, w)| x * w).sum();
        x.iter().for_each(|x| write!(text, "{x},").unwrap());
        write!(text, "{}", phase.sin()).unwrap();
        w.iter().for_each(|w| write!(text, ",{}", w * phase.cos()).unwrap());
        text.push('\n');
    }
    text
}

#[test]
fn a_start_is_chosen_that_suits_the_inputs() {
    for inputs in [1, 10] {
        let place = Place::new("");
        place.write("waves.csv", waves(1000, inputs));
        let names: Vec<String> = (0..inputs).map(|k| format!("\"x{k}\"")).collect();
        let slopes: Vec<String> = (0..inputs).map(|k| format!("dy_dx{k} = \"g{k}\"")).collect();
        let trained = |network: &str| {
            place.write(
                "job.toml",
                format!(
                    "[data]\nfile = \"waves.csv\"\ninputs = [{}]\noutputs = [\"y\"]\n[network]\nhidden = [32, 32]\n\
                     {network}\n[training]\nsteps = 2000\n[predictions]\npoints = \"waves.csv\"\norder = 1\n[truth]\n\
                     file = \"waves.csv\"\ncolumns = {{ y = \"y\", {} }}",
                    names.join(", "),
                    slopes.join(", ")
                ),
            );
            let report = place.report("job.toml", &["--out", "run", "--force"]);
            let slopes = (0..inputs).map(|k| relative_error(&report, &format!("dy_dx{k}")).powi(2)).sum::<f64>();
            [relative_error(&report, "y"), (slopes / inputs as f64).sqrt()]
        };
        let own = trained("");
        assert!(place.text("run/job.toml").contains("steepness = "), "the choice is part of the resolved job");
        let others = [0.1, 0.3, 1.0, 3.3].map(|steepness| trained(&format!("steepness = {steepness}")));
        // Of one input no start is best in both: the steepest is in values, the flattest in slopes.
        for k in 0..inputs.min(2) {
            let best = others.iter().map(|errors| errors[k]).fold(f64::INFINITY, f64::min);
            assert!(own[k] <= 1.3 * best, "{inputs} inputs: {own:?} of {others:?}");
        }
    }
}

#[test]
fn a_tenth_of_the_rows_judges_from_fifty_on() {
    let place = Place::new("");
    let job = "[data]\nfile = \"rows.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n[network]\nhidden = [4]\n[training]\nsteps = 20";
    place.write("job.toml", job);
    for (rows, judging) in [(49, 0), (50, 5)] {
        place.write("rows.csv", "x,y\n".to_string() + &(0..rows).map(|k| format!("{k},{k}\n")).collect::<String>());
        let report = place.report("job.toml", &["--out", "run", "--force"]);
        assert_eq!(report["validation_rows"], judging);
        assert_eq!(report["training_rows"], rows - judging);
    }
}

#[test]
fn overfitting_and_a_column_that_nothing_tells_are_told() {
    let place = Place::new("");
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let noise = |random: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(random) };
    let row = |_: usize| format!("{},{}\n", noise(&mut random), noise(&mut random));
    place.write("noise.csv", "x,y\n".to_string() + &(0..60).map(row).collect::<String>());
    let job = |more: &str| {
        format!(
            "[data]\nfile = \"noise.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n[predictions]\norder = 1\n[loss]\n\
             curvature = 0\n{more}"
        )
    };
    // A network that only the last step of which is judged: it fits the noise.
    let steep = "[network]\nhidden = [64, 64]\nsteepness = 20\n[training]\nsteps = 4000\nreport_every = 4000";
    place.write("job.toml", job(steep));
    let report = place.report("job.toml", &["--out", "steep"]);
    assert!(warnings(&report).iter().any(|warning| warning.starts_with("y is overfitted")), "{report}");
    place.write("job.toml", job("[network]\nhidden = [2]\nsteepness = 0.1\n[training]\nsteps = 200"));
    let report = place.report("job.toml", &["--out", "flat"]);
    assert!(warnings(&report).iter().any(|warning| warning.contains("hardly better than by its mean")), "{report}");
}

#[test]
fn terms_that_contradict_each_other_stay_unsolved_and_are_told() {
    let place = Place::new("");
    place.write(
        "job.toml",
        "[variables]\nx = [0, 1]\n[network]\noutputs = [\"u\"]\nhidden = [16]\n[[term]]\nname = \"rising\"\n\
         residual = \"u_x = 1\"\npoints = { count = 200 }\n[[term]]\nname = \"flat\"\nresidual = \"u_x = -1\"\n\
         points = { count = 200, sampler = \"halton\" }\n[training]\nsteps = 1000",
    );
    let report = place.report("job.toml", &["--out", "run"]);
    assert_eq!(warnings(&report).iter().filter(|warning| warning.contains("is not solved")).count(), 2, "{report}");
}

#[test]
fn a_curvature_that_is_left_open_is_found_by_rows_that_judge() {
    let place = Place::new("");
    let open = place.text("job.toml") + "[loss]\ncurvature = \"auto\"\n[training]\nsteps = 300\n";
    place.write("open.toml", &open);
    let report = place.report("open.toml", &["--out", "open"]);
    let resolved = place.text("open/job.toml");
    let line = resolved.lines().find(|line| line.starts_with("curvature = ")).unwrap();
    let found: f64 = line.trim_start_matches("curvature = ").parse().unwrap();
    assert!([0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1].contains(&found), "{line}");
    // What was found, given by hand, is the same run.
    place.write("found.toml", open.replace("curvature = \"auto\"", line));
    let given = place.report("found.toml", &["--out", "found"]);
    assert_eq!(report["losses"], given["losses"]);
    place.write("bad.toml", open.replace("validation_fraction = 0.25", "validation_fraction = 0"));
    assert_says(&place.refused("bad.toml", &[]), &["loss.curvature: choosing the weight needs validation rows"]);
}
