//! What is fuzzed: everything that reads a file of the user's. No bytes may make these functions panic, or take long.
//!
//! `cargo +nightly fuzz run table` looks for such bytes; `tests/it/fuzz.rs` tries those that are known and mutations of them.

use std::path::Path;

use jetfit::data::{Gaps, TableReader};
use jetfit::domain::{Domain, DomainSpec, Form, ShapeSpec};
use jetfit::expression::{self, Expression, Places, PointData, Scope};
use jetfit::files::safetensors_file::TensorFile;
use jetfit::jet::{Jets, Normalizer};
use jetfit::job::{Job, Overrides};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use jetfit::points::{CausalSpec, PointsSpec, Refine, Sampler, Variable, sample};
use jetfit::run::checkpoint::{self, Origin};
use jetfit::run::memory;

/// A CSV file.
pub fn table(bytes: &[u8]) {
    for with_gaps in [false, true] {
        let Ok(mut reader) = TableReader::new(bytes, "fuzz.csv".to_string()) else { return };
        let mut names = reader.names().to_vec();
        names.truncate(3);
        let selected =
            if with_gaps { reader.select_with_gaps(&names, Gaps::NotMeasured, 1) } else { reader.select(&names) };
        selected.expect("the file's own columns are there");
        while let Ok(Some(_)) = reader.next_block() {}
    }
}

/// A job file. One that is accepted is written as text that is accepted, too.
pub fn job(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    // Its files are not there.
    let place = Path::new("/nonexistent/job.toml");
    let Ok(job) = Job::parse(text, place, &Overrides::default()) else { return };
    if job.device.name == "cpu" {
        let _ = memory::check(&job, None);
    }
    let written = job.to_toml();
    if let Err(error) = Job::parse(&written, place, &Overrides::default()) {
        panic!("the job is written as one that cannot be read: {error}\n{written}");
    }
}

/// An expression, which is then compiled and evaluated.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let texts =
        |texts: &[(&str, &str)]| texts.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    let scope = Scope {
        inputs: names(&["x", "t"]),
        outputs: names(&["u", "v"]),
        coefficients: names(&["k"]),
        columns: names(&["m", "a b"]),
        definitions: texts(&[("w", "x*u + v_x^2")]),
        transforms: texts(&[("v", "exp(net)*x")]),
        normals: true,
        ..Scope::default()
    };
    let columns = vec![vec![0.25, -1.5, 2.0]; 2];
    for read in [Expression::residual, Expression::value] {
        let Ok(expression) = read("fuzz", text, &scope) else { continue };
        let mut expressions = [expression];
        let places = expression::places(&mut expressions);
        if places.count() > Places::MOST {
            continue;
        }
        let layout = expression::layout(&mut expressions, 2);
        let points = PointData { inputs: &columns, columns: &columns, normals: &columns };
        let count = 2 * layout.channels() * places.count() * 3;
        let jets = Jets { layout, outputs: 2, values: (0..count).map(|k| (k as f64).sin()).collect() };
        assert_eq!(expressions[0].evaluate(&points, &[0.5], Some(&jets)).len(), 3);
        expressions[0].compile(&jets.layout, &Normalizer::identity(2, 2));
    }
}

/// A model, or a checkpoint of the model's network.
pub fn tensors(bytes: &[u8]) {
    let path = Path::new("fuzz.safetensors");
    let Ok(file) = TensorFile::parse(bytes, path) else { return };
    let _ = Model::of_tensors(&file, path);
    let spec = jetfit::network::NetworkSpec::uniform(1, &[2], jetfit::jet::Activation::Tanh, 1);
    // A checkpoint without a digest is refused: it gets one.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("fuzz.safetensors");
    if !file.document.is_object() || file.write(&path).is_err() {
        return;
    }
    let [job, data] = ["", ""].map(str::to_string);
    let normalizer = Normalizer::identity(1, 1);
    let origin = Origin { job, ensemble: None, data, spec, precision: Precision::F64, normalizer };
    let _ = checkpoint::read(&path, &origin, true);
}

/// Points, as lines of `key = value`, in the box of a space and a time.
pub fn points(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut spec = PointsSpec::inside(Sampler::Sobol, 8);
    let mut domain = DomainSpec::default();
    let mut shape = |name: &str, inputs: &[&str], form| {
        let inputs = inputs.iter().map(|name| name.to_string()).collect();
        domain.shapes.insert(name.to_string(), ShapeSpec { inputs, form });
    };
    let pairs = |numbers: &[f64]| numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let numbers: Vec<f64> = value.split(' ').filter_map(|number| number.parse().ok()).collect();
        match (key, &numbers[..]) {
            ("sampler", _) => spec.sampler = value.parse().unwrap_or(Sampler::Sobol),
            ("count", [count, ..]) => spec.count = *count as usize,
            ("on", _) => spec.on.push(value.to_string()),
            ("ball", [radius, centre @ ..]) => {
                shape("ball", &["x", "y"], Form::Ball { centre: centre.to_vec(), radius: *radius });
            }
            ("ellipse", [a, b, centre @ ..]) => {
                shape("ellipse", &[], Form::Ellipse { centre: centre.to_vec(), radii: vec![*a, *b], angle: *a });
            }
            ("polygon", numbers) => shape("polygon", &[], Form::Polygon { corners: pairs(numbers), file: None }),
            ("star", _) => shape("star", &[], Form::Star { radius: value.to_string(), centre: [0.1, 0.0] }),
            ("curve", _) => {
                let path = [value.to_string(), "sin(s)".to_string()];
                shape("curve", &[], Form::Curve { path, s: [0.0, std::f64::consts::TAU] });
            }
            ("half", _) => shape("half", &[], Form::Where(value.to_string())),
            ("region", _) => spec.region = Some(value.to_string()),
            ("where", _) => spec.conditions.push(value.to_string()),
            ("resample_every", [every, ..]) => spec.resample_every = *every as u64,
            ("refine", [candidates, exponent, offset, ..]) => {
                spec.refine = Some(Refine { candidates: *candidates as usize, exponent: *exponent, offset: *offset });
            }
            ("causal", [slices, tolerance, every, ..]) => {
                let (slices, every) = (*slices as usize, *every as u64);
                let input = "t".to_string();
                spec.causal = Some(CausalSpec { input, slices, tolerance: *tolerance, every, backwards: false });
            }
            _ => {}
        }
    }
    let variable = |name: &str, low, high| Variable { name: name.to_string(), low, high, is_logarithmic: false };
    let variables = [variable("x", -1.0, 2.0), variable("y", -1.0, 1.0), variable("t", 0.0, 3.0)];
    let Ok(domain) = Domain::new(&str::to_string, &variables, domain) else { return };
    let Ok(region) = spec.validate("fuzz", &domain) else { return };
    if spec.count <= 4096 {
        let points = sample(&region, spec.sampler, spec.count, 7, 0);
        assert!(points.inputs.iter().flatten().all(|x| x.is_finite()));
        assert!(points.inputs.iter().all(|column| column.len() == points.len()));
    }
}
