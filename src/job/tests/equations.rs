//! Jobs of equations: what they mean, round trips, and every mistake at its place.

use std::path::Path;

use super::*;
use crate::expression::Leaf;
use crate::points::{PointsSpec, Refine, Sampler};

/// Lines 1 to 10, and a term that a mistake may follow.
const BURGERS: &str = "\
[variables]
x = [-1, 1]
t = [0, 1]
[network]
outputs = [\"u\"]
[coefficients]
nu = 0.1
[definitions]
flux = \"u*u_x\"
[[term]]
name = \"Burgers\"
residual = \"u_t + flux = nu*u_xx\"
points = { count = 100 }
";

/// The message about a text, whose exit code is 2.
fn message(text: &str) -> String {
    let error = parse(text).expect_err(text);
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

/// About Burgers with one part replaced.
fn wrong(from: &str, to: &str) -> String {
    assert!(BURGERS.contains(from), "{from}");
    message(&BURGERS.replace(from, to))
}

#[test]
fn a_job_of_equations_is_what_it_says() {
    let job = parse(BURGERS).unwrap();
    assert_eq!((job.inputs.as_slice(), job.outputs.as_slice()), (&["x".into(), "t".into()][..], &["u".into()][..]));
    assert_eq!(job.variables[1], Variable::new("t", 0.0, 1.0).unwrap());
    assert_eq!(job.coefficients, [("nu".to_string(), 0.1)]);
    let spec = job.network_spec();
    assert_eq!((job.data.is_none(), spec.networks[0].inputs, spec.outputs(), spec.coefficients), (true, 2, 1, 1));
    let [term] = job.terms.as_slice() else { panic!("one term") };
    let sampled = PointsSpec::inside(Sampler::Sobol, 100);
    assert_eq!((term.weight, &term.points), (1.0, &TermPoints::Sampled(sampled)));
    let equation = job.equation(term, |key| term.place(key)).unwrap();
    assert_eq!(crate::expression::layout(&mut [equation.residual.clone()], 2).channels(), 4);
    let axis = |from| Axis { from, to: 1.0, count: 101, is_logarithmic: false };
    assert_eq!(job.predictions.points, Points::Grid(vec![axis(-1.0), axis(0.0)]));
    assert_eq!(job.data_terms().count(), 0);
}

#[test]
fn the_default_grid_has_at_most_about_ten_thousand_points() {
    for (count, expected) in [(1, 1001), (2, 101 * 101), (3, 21usize.pow(3)), (4, 10_000), (13, 1 << 13), (20, 1 << 13)]
    {
        let boxes: String = (0..count).map(|k| format!("x{k} = [0, 1]\n")).collect();
        let text = format!(
            "[variables]\n{boxes}[network]\noutputs = [\"u\"]\n[[term]]\nname = \"a\"\nresidual = \"u\"\n\
             points = {{ sampler = \"uniform\" }}"
        );
        let Points::Grid(axes) = parse(&text).unwrap().predictions.points else { panic!("a grid") };
        assert_eq!(axes.iter().map(|axis| axis.count).product::<usize>(), expected, "{count} inputs");
        assert!(axes[13.min(count)..].iter().all(|axis| axis.from == 0.5));
    }
}

#[test]
fn points_have_their_keys() {
    let with = |points: &str| {
        let text = BURGERS.replace("{ count = 100 }", points);
        let job = parse(&text).unwrap();
        match job.terms.into_iter().next().unwrap().points {
            TermPoints::Sampled(spec) => spec,
            TermPoints::File(_) => panic!("sampled points"),
        }
    };
    assert_eq!(with("{}").count, 10_000);
    assert_eq!(with("{ on = \"t = 0\" }").on, ["t = 0"]);
    assert_eq!(with("{ on = [\"x = low\", \"x = high\"] }").on, ["x = low", "x = high"]);
    let part = with("{ region = \"box\", where = [\"x < 0.5\", \"x > -0.5\"], sampler = \"halton\" }");
    assert_eq!((part.region.as_deref(), part.conditions.len(), part.sampler), (Some("box"), 2, Sampler::Halton));
    let refined = with("{ count = 10, resample_every = 100, refine = { candidates = 1000, offset = 0 } }");
    assert_eq!(refined.refine, Some(Refine { candidates: 1000, exponent: 1.0, offset: 0.0 }));
}

#[test]
fn a_residual_may_read_coefficients_alone() {
    let text = format!("{BURGERS}[[term]]\nname = \"prior\"\nresidual = \"nu = 0.1\"\npoints = {{ count = 1 }}\n");
    let job = parse(&text).unwrap();
    let equation = job.equation(&job.terms[1], |key| job.terms[1].place(key)).unwrap();
    assert_eq!((equation.residual.entries(), equation.residual.coefficients()), (vec![], vec![0]));
}

#[test]
fn a_mistake_in_a_residual_has_a_caret() {
    let misspelt = wrong("nu*u_xx\"", "nu*u_xy\"");
    assert_eq!(
        misspelt,
        "/jobs/sine/job.toml:12: term \"Burgers\": residual: unknown name \"u_xy\"\n    \
             u_t + flux = nu*u_xy\n                    ^^^^\n  \
         help: \"y\" is not an input; use subscripts from: x, t"
    );
    let nested = wrong("u*u_x\"", "u*w_x\"");
    let parts = [
        "job.toml:12: term \"Burgers\": residual: definition \"flux\": unknown name \"w_x\"",
        "\n    u*w_x\n      ^^^",
    ];
    parts.iter().for_each(|part| assert!(nested.contains(part), "{nested}"));
    let rough = wrong("outputs =", "activation = \"relu\"\noutputs =");
    assert!(
        rough.contains(":13: term \"Burgers\": residual: ") && rough.contains("^^^^") && rough.contains("softplus")
    );
    let inside = wrong("u_t + flux", "u_t + n_x*flux");
    assert!(inside.contains("unknown name \"n_x\""), "{inside}");
    let boundary = BURGERS.replace("count = 100", "on = \"boundary\"").replace("u_t + flux", "u_t + n_x*flux");
    assert!(parse(&boundary).is_ok());
    let truth = message(&format!("{BURGERS}[truth]\nexpressions = {{ u = \"sin(pi*x)*z\" }}"));
    assert!(truth.contains("job.toml:15: truth.expressions.u: unknown name \"z\"\n    sin(pi*x)*z\n              ^"));
    // The truth knows neither what the network gives nor what it finds.
    assert!(message(&format!("{BURGERS}[truth]\nexpressions = {{ u = \"nu\" }}")).contains("unknown name \"nu\""));
    let unread = wrong("flux = \"u*u_x\"", "fluy = \"x +\"\nflux = \"u*u_x\"");
    assert!(unread.contains("job.toml:9: definitions.fluy: ") && unread.contains("x +\n       ^"), "{unread}");
}

#[test]
fn a_mistake_names_line_key_and_help() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("[[term]]", "[term]", &["job.toml:10: term: this section can appear several times", "[[term]]"]),
        (
            "residual =",
            "residuum =",
            &["job.toml:12: term \"Burgers\": residuum: unknown key", "did you mean \"residual\""],
        ),
        ("name = \"Burgers\"\n", "", &["term 1: name: this key is missing", "name = \"equation\""]),
        ("points = { count = 100 }", "", &["term \"Burgers\": points: this key is missing"]),
        ("count = 100", "cuont = 100", &["job.toml:13: term \"Burgers\": points.cuont: unknown key", "\"count\""]),
        ("count = 100", "count = 0", &["term \"Burgers\": points.count: 0 is out of range"]),
        ("count = 100", "sampler = \"sobel\"", &["points.sampler: unknown value \"sobel\"", "did you mean \"sobol\""]),
        ("count = 100", "on = \"t = 3\"", &["job.toml:13: term \"Burgers\": points.on: no point of", "t in [0, 1]"]),
        ("count = 100", "on = 3", &["points.on: expected a string, found the number 3"]),
        ("count = 100", "wher = \"x < 0\"", &["points.wher: unknown key", "did you mean \"where\""]),
        ("count = 100", "refine = { candidates = 9 }", &["points.resample_every: refinement happens when"]),
        ("count = 100", "file = \"m.csv\", count = 2", &["points.count: this key has no effect", "sampled"]),
        ("count = 100", "file = \"m.csv\"", &["/jobs/sine/m.csv: "]),
        ("u_t + flux", "u_r + flux", &["residual: unknown name \"u_r\""]),
        ("nu = 0.1", "nu = \"a\"", &["job.toml:7: coefficients.nu: expected a finite number"]),
        ("nu*u_xx", "0.1*u_xx", &["job.toml:7: coefficients.nu: no term uses coefficient nu"]),
        ("nu", "u", &["job.toml:7: coefficients.u: \"u\" is used twice, as an output and as a coefficient"]),
        ("nu = 0.1", "sin = 1", &["coefficients.sin: \"sin\" is reserved: it is a function"]),
        ("nu = 0.1", "e = 1", &["coefficients.e: \"e\" is reserved: it is a constant"]),
        ("nu = 0.1", "u_t = 1", &["job.toml:7: coefficients.u_t: \"u_t\" is reserved: it is a derivative"]),
        ("nu = 0.1", "n_x = 1", &["coefficients.n_x: \"n_x\" is reserved: it is a component of the normal"]),
        ("nu = 0.1", "\"n u\" = 1", &["coefficients.n u: \"n u\" is not a valid name", "letters, digits"]),
        ("[\"u\"]", "[\"x\"]", &["job.toml:5: network.outputs: \"x\" is used twice, as an input and as an output"]),
        ("outputs = [\"u\"]\n", "", &["job.toml:4: network.outputs: this key is missing"]),
        ("x = [-1, 1]", "x = [1, -1]", &["job.toml:2: variables.x: [1, -1] is not a valid interval"]),
        ("x = [-1, 1]", "x = [1]", &["job.toml:2: variables.x: an interval needs two numbers"]),
        ("x = [-1, 1]\nt = [0, 1]\n", "", &["job.toml:1: variables: the job has no inputs"]),
        ("[variables]", "[loss]\n[variables]", &["job.toml:1: loss: this section has no effect", "[[term]]"]),
        (
            "[variables]",
            "[training]\nepochs = 3\n[variables]",
            &["training.epochs: this key has no effect", "training.steps"],
        ),
        ("[variables]", "[training]\nbatch_size = 3\n[variables]", &["training.batch_size: this key has no effect"]),
        ("{ count = 100 }", "{ count = 100 }\nweight = 0", &["job.toml:10: term: every term has weight 0"]),
        (
            "{ count = 100 }",
            "{ count = 100 }\nweight = -1",
            &["job.toml:14: term \"Burgers\": weight: -1 is out of range"],
        ),
        ("u_t + flux = nu*u_xx", "x = t", &["residual: this contains no output and no coefficient"]),
        // What cancels is not read.
        (
            "u_t + flux = nu*u_xx",
            "u - u + 0*nu = x",
            &["residual: this contains no output", "help: write an equation for u"],
        ),
        ("u_t + flux = nu*u_xx", "u(0, t) = u(0, t)", &["residual: this contains no output and no coefficient"]),
        ("\"Burgers\"", "\"a\\nb\"", &["a name must be a single line"]),
    ];
    let mut missed = vec![];
    for (from, to, parts) in cases {
        let message = wrong(from, to);
        let parts = parts.iter().chain(&["\n  help: "]);
        missed.extend(
            parts.filter(|part| !message.contains(**part)).map(|part| format!("{to}\n{message}\nlacks {part}")),
        );
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let twice = message(&format!("{BURGERS}{}", &BURGERS[BURGERS.find("[[term]]").unwrap()..]));
    assert!(twice.contains("job.toml:15: term \"Burgers\": name: another term is named \"Burgers\""), "{twice}");
    for more in ["file = \"a.csv\"", "columns = { u = \"u\" }"] {
        let both = message(&format!("{BURGERS}[truth]\nexpressions = {{ u = \"x\" }}\n{more}"));
        assert!(both.contains("this key has no effect"), "{both}");
    }
    let clash = wrong("[\"u\"]", "[\"u\", \"du_dx\"]");
    assert!(clash.contains("job.toml:5: network.outputs: with these inputs and outputs"), "{clash}");
}

#[test]
fn data_and_equations_go_together() {
    let term = "[[term]]\nname = \"decay\"\nresidual = \"y_x = -y\"\npoints = { count = 10 }\n";
    let job = parse(&format!("{SMALLEST}[variables]\nx = [0, 1]\n{term}")).unwrap();
    assert_eq!((job.terms.len(), job.data_terms().count(), &job.predictions.points), (1, 1, &Points::Data));
    let cases: &[(String, &[&str])] = &[
        (term.into(), &["job.toml:8: term \"decay\": points: points are sampled inside", "x = [-1, 1]"]),
        (format!("[variables]\nz = [0, 1]\n{term}"), &["job.toml:6: variables.z: unknown name \"z\"", "use one of: x"]),
        (format!("[variables]\nx = [0, 1]\n{}", term.replace("decay", "y")), &["term \"y\": name: another term"]),
        (format!("[network]\noutputs = [\"y\"]\n{term}"), &["job.toml:6: network.outputs: this key has no effect"]),
    ];
    for (more, parts) in cases {
        let message = error_of(more);
        parts.iter().for_each(|part| assert!(message.contains(part), "{more}\n{message}\nlacks {part}"));
    }
    let two = SMALLEST.replace("[\"x\"]", "[\"x\", \"t\"]");
    let missing = message(&format!("{two}[variables]\nt = [0, 1]\n{term}"));
    assert!(missing.contains("variables.t: input \"x\" of [data] has no interval"), "{missing}");
    let turned = parse(&format!("{two}[variables]\nt = [0, 1]\nx = [0, 2]\n{term}")).unwrap();
    assert_eq!(turned.variables.iter().map(|variable| variable.high).collect::<Vec<_>>(), [2.0, 1.0]);
    // Columns alone may be named as their file names them; expressions cannot read such names.
    let odd = SMALLEST.replace("[\"x\"]", "[\"x (m)\"]");
    assert!(parse(&odd).is_ok());
    assert!(
        message(&format!("{odd}[truth]\nexpressions = {{ y = \"1\" }}"))
            .contains("data.inputs: \"x (m)\" is not a valid name")
    );
}

/// A job in a folder with a file of measurements.
fn measured(header: &str, residual: &str) -> Result<Job> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.csv"), format!("{header}\n")).unwrap();
    let text = BURGERS.to_string()
        + &format!("[[term]]\nname = \"measured\"\nresidual = \"{residual}\"\npoints = {{ file = \"m.csv\" }}\n");
    let job = Job::parse(&text, folder.path().join("job.toml"), &Overrides::default())?;
    let equation = job.equation(&job.terms[1], |key| job.terms[1].place(key))?;
    assert_eq!(equation.columns, ["u noisy", "sigma"]);
    assert_eq!(equation.residual.leaves().iter().filter(|leaf| matches!(leaf, Leaf::Column(_))).count(), 2);
    let again = Job::parse(&job.to_toml(), "/elsewhere/job.toml", &Overrides::default())?;
    assert_eq!((&again, again.to_toml()), (&job, job.to_toml()));
    Ok(job)
}

#[test]
fn columns_of_a_file_stand_in_residuals() {
    let residual = "(u - `u noisy`)/sigma";
    let job = measured("station,x,u noisy,t,sigma", residual).unwrap();
    let TermPoints::File(file) = &job.terms[1].points else { panic!("a file") };
    assert!(file.is_absolute() && file.file_name() == Some(Path::new("m.csv").as_os_str()));
    let error = |header: &str, residual: &str| measured(header, residual).unwrap_err().to_string();
    assert!(error("x,u noisy,sigma", residual).contains("m.csv: there is no column \"t\""));
    let ambiguous = error("x,t,u", "u - u");
    assert!(
        ambiguous.contains("term \"measured\": residual: \"u\" is both a name in the job and a column of"),
        "{ambiguous}"
    );
    let unknown = error("x,t,measured", "u - measurde");
    assert!(
        unknown.contains("unknown name \"measurde\"") && unknown.contains("did you mean \"measured\""),
        "{unknown}"
    );
}

/// Texts of jobs of equations with every variant.
fn jobs() -> impl Strategy<Value = String> {
    let points = prop_oneof![
        Just("{}"),
        Just("{ sampler = \"grid\", count = 7, on = \"θ = 0\" }"),
        Just("{ on = [\"x = low\", \"x = high\"], resample_every = 10 }"),
        Just("{ region = \"box - disc\", on = [\"boundary\", \"disc, x > 0\"] }"),
        Just("{ region = \"disc + low\", where = \"x > -0.8\" }"),
        Just("{ count = 9, resample_every = 1, refine = { candidates = 10, exponent = 1e-3 } }"),
        Just("{ causal = { input = \"θ\", slices = 3, tolerance = 1e-2, every = 7, backwards = true } }"),
    ];
    let name = "[ -~]{0,5}[!-~]";
    let truth = prop_oneof![
        Just(""),
        Just("file = \"t.csv\"\ncolumns = { u = \"u\" }"),
        Just("expressions = { dv_dx = \"p\", u = \"\"\"\nsin(x) +\n d(x^2, x)\"\"\" }"),
    ];
    let data =
        prop_oneof![Just(""), Just("[data]\nfile = \"a.csv\"\ninputs = [\"x\", \"θ\"]\noutputs = [\"u\", \"v\"]")];
    (points, name, truth, data, 1e-9f64..1e9, -1e9f64..1e9).prop_map(|(points, name, truth, data, weight, start)| {
        let network = if data.is_empty() { "[network]\noutputs = [\"u\", \"v\"]" } else { data };
        let truth = if truth.is_empty() { String::new() } else { format!("[truth]\n{truth}\n") };
        format!(
            "{network}\n[variables]\n'θ' = [-1, 3e2]\nx = [-1, 1]\n[coefficients]\n'λ' = {start}\nk = {start}\n\
             [domain]\nwhere = \"θ < 250\"\n[domain.shapes]\ndisc = {{ ball = [0, 0.1], radius = 0.25 }}\n\
             low = {{ box = {{ x = [-1, 0] }} }}\n\
             [definitions]\np = \"x*x\"\nq_2 = \"'p\\t+u'\"\n{truth}\
             [[term]]\nname = {}\nresidual = \"λ*d(u, θ) = k*v_xx + p\"\nweight = {weight}\npoints = {points}\n\
             [[term]]\nname = \"last of all\"\nresidual = \"\"\"\nu +\n  v\"\"\"\npoints = {{}}\n\
             [balance]\nevery = 3\n",
            toml::Value::from(format!("#{name}"))
        )
        .replace("'p\\t+u'", "p\\t+u")
    })
}

proptest! {
    #[test]
    fn a_resolved_job_of_equations_reads_back_to_an_equal_one(text in jobs()) {
        let job = parse(&text).unwrap();
        let resolved = job.to_toml();
        let again = Job::parse(&resolved, "/elsewhere/job.toml", &Overrides::default()).unwrap();
        prop_assert_eq!(&again, &job);
        prop_assert_eq!(again.to_toml(), resolved);
    }

    #[test]
    fn no_term_makes_the_reader_panic(line in "[a-z_.=\\[\\]{}\"0-9, \n-]{0,60}", value in "\\PC{0,20}") {
        let _ = parse(&format!("{BURGERS}{line}"));
        let _ = parse(&BURGERS.replace("{ count = 100 }", &line));
        let _ = parse(&BURGERS.replace("u*u_x", &value));
        let _ = parse(&BURGERS.replace("nu", &value));
    }
}

#[test]
fn shapes_of_every_form_read_back() {
    let text = BURGERS.replace(
        "[network]",
        "[domain]\ninputs = [\"x\", \"t\"]\nregion = \"box - disc\"\n[domain.shapes]\ndisc = { ball = [0.1], radius = 0.1, \
         inputs = [\"x\"] }\nlow = { box = { x = [-1, 0] } }\nleft = { where = \"x < 0.5\" }\n[network]",
    );
    let spaces = text.replace("t = [", "y = [").replace("\"t\"", "\"y\"").replace("u_t", "u_y");
    let more = spaces.replace(
        "left =",
        "star = { radius_of_angle = \"0.3 + 0.1*cos(theta)\", centre = [0.0, 0.5] }\n\
         tile = { polygon = [[0, 0], [1, 0], [0, 1]] }\nlens = { ellipse = [0, 0.5], radii = [0.5, 0.2], angle = 30 }\n\
         bean = { x = \"cos(s)\", y = \"sin(s)\", s = [0, 6.283185307179586] }\nleft =",
    );
    let job = parse(&more).unwrap();
    assert_eq!(job.domain.as_ref().unwrap().spec().shapes.len(), 7);
    let again = Job::parse(&job.to_toml(), "/elsewhere/job.toml", &Overrides::default()).unwrap();
    assert_eq!(again, job);
}
