//! Jobs from text: defaults, round trips, and an error for every kind of mistake.

mod documented;
mod equations;
mod fields;
mod rough;
mod schema;
mod transforms;

use proptest::prelude::*;

use super::*;
use crate::data::{Dialect, Table};
use crate::error::Result;
use crate::jet::Derivative;
use crate::optimizer::Shape;

const SMALLEST: &str = "[data]\nfile = \"a.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n";

fn parse(text: &str) -> Result<Job> {
    Job::parse(text, "/jobs/sine/job.toml", &Overrides::default())
}

/// The error of the smallest job with some lines more.
fn error_of(more: &str) -> String {
    let error = parse(&format!("{SMALLEST}{more}")).expect_err(more);
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let job = parse(SMALLEST).unwrap();
    assert_eq!(job.data.as_ref().unwrap().table, Table::File("/jobs/sine/a.csv".into(), Dialect::default()));
    let network = &job.networks[0];
    assert_eq!((network.hidden.as_slice(), network.activation), (&[64, 64][..], Activation::Tanh));
    assert_eq!((network.frequency, network.features()), (None, 0));
    let [stage] = job.stages[..] else { panic!("{:?}", job.stages) };
    assert_eq!((stage.optimizer.kind, stage.optimizer.adam), (OptimizerKind::Adam, AdamSettings::default()));
    assert_eq!(stage.schedule.shape, Shape::Cosine { final_fraction: 0.01 });
    assert_eq!((stage.length, stage.report_every), (Length::Steps(20_000), 100));
    assert_eq!((job.predictions.order, job.predictions.seconds), (2, Seconds::Diagonal));
    assert!(job.output.ends_with("runs/sine"));
    assert_eq!(
        Job::parse(SMALLEST, "/a/fast.toml", &Overrides::default()).unwrap().output.file_name().unwrap(),
        "fast"
    );
    assert_eq!(parse(&format!("\u{feff}{}", SMALLEST.replace('\n', "\r\n"))).unwrap(), job);
}

#[test]
fn terms_are_values_then_derivatives_then_penalties() {
    let text = SMALLEST.replace("[\"x\"]", "[\"x\", \"t\"]")
        + "derivatives = { d2y_dx2 = \"c\", dy_dt = \"s\" }\n[loss]\ncurvature = 0.1\nweights = { dy_dt = 0.5, curvature_d2y_dt2 = 2 }";
    let job = parse(&text).unwrap();
    let terms: Vec<_> = job.data_terms().map(|term| (term.name, term.column, term.weight)).collect();
    let expected = [
        ("y", Some(0), 1.0),
        ("dy_dt", Some(1), 0.5),
        ("d2y_dx2", Some(2), 1.0),
        ("curvature_d2y_dx2", None, 0.1),
        ("curvature_d2y_dt2", None, 2.0),
    ];
    assert_eq!(terms, expected.map(|(name, target, weight)| (name.to_string(), target, weight)));
    assert_eq!(job.data.as_ref().unwrap().derivatives[0].0, Entry { output: 0, derivative: Derivative::First(1) });
}

#[test]
fn epochs_are_counted_in_batches() {
    let training = |text: &str| parse(&format!("{SMALLEST}[training]\nepochs = 3\n{text}")).unwrap().stages[0];
    assert_eq!(training("").steps(1000), 3);
    assert_eq!(training("batch_size = 256").steps(1000), 12);
    assert_eq!(training("batch_size = 5000").steps(1000), 3);
}

#[test]
fn flags_come_before_keys() {
    let overrides = Overrides {
        start: None,
        set: vec![],
        directory: Some("/out".into()),
        device: Some("cpu".to_string()),
        precision: Some(Precision::F64),
        threads: Some(3),
        seed: Some(7),
        ensemble: Some(5),
        max_seconds: Some(2.5),
        steps: Some(11),
    };
    let text = format!("{SMALLEST}[training]\nepochs = 5\nseed = 1\n[device]\nname = \"gpu\"\n");
    let job = Job::parse(&text, "job.toml", &overrides).unwrap();
    assert_eq!(job.output, PathBuf::from("/out"));
    assert_eq!((job.device.name.as_str(), job.device.precision, job.device.threads), ("cpu", Precision::F64, 3));
    assert_eq!((job.training.seed, job.training.ensemble, job.training.max_seconds), (7, 5, Some(2.5)));
    assert_eq!(job.stages[0].length, Length::Steps(11));
}

#[test]
fn a_mistake_names_line_key_and_help() {
    let cases: &[(&str, &[&str])] = &[
        ("[netwrk]", &["job.toml:5: netwrk", "did you mean \"network\""]),
        ("[network]\nhiden = [3]", &["job.toml:6: network.hiden: unknown key", "did you mean \"hidden\""]),
        (
            "validation_fractoin = 0.1",
            &["job.toml:5: data.validation_fractoin", "did you mean \"validation_fraction\""],
        ),
        ("[network]\nhidden = 64", &["job.toml:6: network.hidden: expected an array, found the number 64"]),
        ("[network]\nhidden = [64, 0]", &["network.hidden: 0 is out of range"]),
        ("[network]\nhidden = [6.5]", &["network.hidden: 6.5 is out of range", "whole number"]),
        ("[network]\nhidden = [9e15, 9e15]", &["network.hidden: a network of these widths has more than 2147483647"]),
        ("[network]\nactivation = \"tanhh\"", &["network.activation", "did you mean \"tanh\""]),
        ("[network]\nfrequency = 6", &["network.frequency: this key has no effect", "activation = \"sin\""]),
        ("[training]\nsteps = \"many\"", &["training.steps: expected a finite number, found the string \"many\""]),
        ("[training]\nsteps = 10\nepochs = 2", &["training.epochs", "cannot be combined"]),
        ("[training]\nsteps = 10\n[schedule]\nwarmup = 10", &["schedule.warmup", "must be shorter"]),
        ("validation_fraction = 0\n[training]\nearly_stopping = 5", &["training.early_stopping", "validation rows"]),
        ("[optimizer]\nweight_decay = 0.1", &["job.toml:6: optimizer.weight_decay", "name = \"adamw\""]),
        (
            "[optimizer]\nlearning_rate = nan",
            &["optimizer.learning_rate: expected a finite number, found the number nan"],
        ),
        ("[schedule]\nevery = 10", &["schedule.every: this key has no effect", "shape = \"step\""]),
        ("[loss]\nfirst = 1", &["loss.first: this key has no effect", "data.derivatives"]),
        ("[loss]\nvalue = 0", &["loss.value", "nothing to fit"]),
        ("[loss]\nweights = { dy_dx = 1 }", &["loss.weights.dy_dx", "Known: y"]),
        ("[loss]\nscales = { y = 0 }", &["loss.scales.y: 0 is out of range", "above 0"]),
        ("derivatives = { dz_dx = \"z\" }", &["job.toml:5: data.derivatives.dz_dx", "did you mean \"dy_dx\""]),
        ("derivatives = { dy_dx = \"y\" }", &["column \"y\" is named twice: in data.outputs and data.derivatives"]),
        ("weights = \"x\"", &["named twice"]),
        ("validation_fraction = 1.0", &["data.validation_fraction: 1 is out of range"]),
        ("[device]\nname = \"cpu\"\nprecision = \"f16\"", &["job.toml:7: device.precision: f16 runs only on a GPU"]),
        ("[device]\nname = \"gpu\"\nprecision = \"f64\"", &["job.toml:7: device.precision: f64 runs only on the CPU"]),
        ("[predictions]\norder = 5", &["predictions.order: 5 is out of range", "0, 1, 2, 3 or 4"]),
        ("[loss]\nfourth = 1", &["loss.fourth: this key has no effect", "a fourth derivative in data.derivatives"]),
        ("derivatives = { d3y_dx33 = \"z\" }", &["data.derivatives.d3y_dx33", "did you mean \"d3y_dx3\""]),
        ("[predictions]\norder = 1\nsecond = \"full\"", &["predictions.second: this key has no effect"]),
        ("[predictions]\ngrid = { z = [0, 1, 2] }", &["predictions.grid.z"]),
        ("[predictions]\ngrid = { x = [0, 1] }", &["predictions.grid.x: an axis needs three numbers"]),
        ("[predictions]\ngrid = { x = [0, 1, 1e9] }", &["more than 100000000 points", "jetfit predict"]),
        ("[truth]\ncolumns = { y = \"y\" }", &["truth.file: this key is missing"]),
        ("[output]\ndirectory = \"\"", &["output.directory: this is an empty string"]),
        ("[data", &["job.toml:5: this is not valid TOML"]),
        ("network = 3", &["unknown key \"network\""]),
    ];
    for (more, parts) in cases {
        let message = error_of(more);
        parts.iter().for_each(|part| assert!(message.contains(part), "{more}\n{message}\nlacks {part}"));
        assert!(message.contains("\n  help: "), "{message}");
    }
    assert!(parse("").unwrap_err().to_string().contains("job.toml: there is nothing to train on"));
    let clash = SMALLEST.replace("[\"x\"]", "[\"x\", \"dy_dx\"]");
    assert!(parse(&clash).unwrap_err().to_string().contains("would both be named \"dy_dx\""));
}

#[test]
fn a_rough_network_has_no_second_derivative() {
    let relu = "[network]\nactivation = \"relu\"\n";
    for more in ["", "[predictions]\norder = 2", "[loss]\ncurvature = 1\n[predictions]\nallow_rough = true"] {
        let message = error_of(&format!("{relu}{more}"));
        assert!(message.contains("piecewise linear") && message.contains("softplus"), "{message}");
    }
    let terms = format!("derivatives = {{ d2y_dx2 = \"c\" }}\n{relu}[predictions]\norder = 1");
    assert!(error_of(&terms).contains("data.derivatives"));
    assert!(parse(&format!("{SMALLEST}{relu}[predictions]\norder = 1")).unwrap().warnings.is_empty());
    let rough = parse(&format!("{SMALLEST}{relu}[predictions]\nallow_rough = true")).unwrap();
    assert!(rough.warnings[0].contains("piecewise linear"));
}

/// Texts of jobs that are valid, with every section and variant.
fn jobs() -> impl Strategy<Value = String> {
    let data = prop_oneof![
        Just(""),
        Just("validation_fraction = 0.25"),
        Just("validation_file = \"v.csv\"\nweights = \"w\""),
        Just("derivatives = { du_dx = \"a b\", d2v_dxdt = \"c\", d2v_dt2 = \"\\\"q\\\"\" }"),
        Just("derivatives = { d3u_dtdx2 = \"c\", d4v_dt4 = \"d\" }"),
    ];
    let network = prop_oneof![Just(""), Just("hidden = []"), Just("activation = \"sin\"\nfrequency = 0.1")];
    let optimizer = prop_oneof![Just(""), Just("clip_norm = 1e-300"), Just("name = \"adamw\"\nweight_decay = 0.3")];
    let schedule = prop_oneof![
        Just(""),
        Just("shape = \"constant\"\nwarmup = 3"),
        Just("shape = \"exponential\"\nfinal_fraction = 1e-7"),
        Just("shape = \"step\"\nevery = 7"),
        Just("shape = \"plateau\"\nfactor = 0.1\npatience = 2"),
    ];
    let predictions = prop_oneof![
        Just(""),
        Just("order = 0"),
        Just("points = \"p.csv\"\nsecond = \"laplacian\""),
        Just("order = 4\nsecond = \"full\""),
        Just("grid = { x = [-1, 1, 3], t = [0.1, 1e9, 5] }\nsecond = \"full\""),
    ];
    let training =
        (proptest::option::of(1usize..99), 5u64..1 << 50, 0u64..1 << 50).prop_map(|(batch, epochs, seed)| {
            let batch = batch.map_or(String::new(), |size| format!("batch_size = {size}"));
            format!("epochs = {epochs}\nseed = {seed}\n{batch}")
        });
    let loss = (1e-9f64..1e9).prop_map(|w| format!("value = {w}\ncurvature = {w}\nscales = {{ u = {w} }}"));
    (data, network, loss, optimizer, schedule, training, predictions).prop_map(|(d, n, l, o, s, t, p)| {
        format!(
            "[data]\nfile = \"a.csv\"\ninputs = [\"x\", \"t\"]\noutputs = [\"u\", \"v\"]\n{d}\n[network]\n{n}\n[loss]\n{l}\n\
             [optimizer]\n{o}\n[schedule]\n{s}\n[training]\n{t}\n[predictions]\n{p}\n\
             [truth]\nfile = \"../t.csv\"\ncolumns = {{ u = \"u\", dv_dt = \"slope\" }}\n"
        )
    })
}

proptest! {
    #[test]
    fn a_resolved_job_reads_back_to_an_equal_one(text in jobs()) {
        let job = parse(&text).unwrap();
        let resolved = job.to_toml();
        // From another place, since all its paths are absolute.
        let again = Job::parse(&resolved, "/elsewhere/job.toml", &Overrides::default()).unwrap();
        prop_assert_eq!(&again, &job);
        prop_assert_eq!(again.to_toml(), resolved);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*", line in "[a-z_.=\\[\\]{}\"0-9, \n-]{0,80}") {
        let _ = parse(&text);
        let _ = parse(&format!("{SMALLEST}{line}"));
    }
}
