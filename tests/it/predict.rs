//! `jetfit predict` end to end, against jets that the library evaluates.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use jetfit::cpu;
use jetfit::data::TableReader;
use jetfit::expression::Scope;
use jetfit::jet::{Activation, JetLayout, Normalizer, Scaling};
use jetfit::network::{Model, NetworkSpec, Transforms};
use jetfit::numbers::Precision;

fn model(activation: Activation, precision: Precision) -> Model {
    let spec = NetworkSpec::uniform(2, &[7, 5], activation, 2);
    Model {
        inputs: vec!["x".to_string(), "t".to_string()],
        outputs: vec!["u".to_string(), "v".to_string()],
        coefficients: vec![],
        transforms: Transforms::default(),
        normalizer: Normalizer {
            inputs: Scaling { mean: vec![1.0, 2000.0], scale: vec![0.5, 300.0] },
            outputs: Scaling { mean: vec![0.0, -1e-3], scale: vec![1.0, 1e-3] },
            coefficients: vec![],
        },
        precision,
        // Numbers that an f32 holds exactly.
        parameters: (0..spec.parameters()).map(|i| f64::from((i as f32 * 0.7).sin())).collect(),
        ranges: vec![],
        spec,
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new(activation: Activation) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        model(activation, Precision::F32).write(place.path("model.safetensors")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn points(&self, rows: usize) -> Vec<Vec<f64>> {
        let columns = [0.37, 11.0].map(|step| (0..rows).map(|row| (row as f64 * step) % 5000.0).collect::<Vec<_>>());
        let rows = (0..rows).map(|row| format!("{};{row};{}\r\n", columns[1][row], columns[0][row]));
        std::fs::write(self.path("points.csv"), format!("t;note;x\r\n{}", rows.collect::<String>())).unwrap();
        columns.to_vec()
    }

    fn predict(&self, flags: &[&str]) -> Command {
        let mut command = Command::cargo_bin("jetfit").unwrap();
        command.current_dir(self.0.path());
        command.args(["predict", "model.safetensors", "--points", "points.csv"]).args(flags);
        command
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn read(path: &Path) -> (Vec<String>, Vec<Vec<f64>>) {
    let mut reader = TableReader::open(path).unwrap();
    let names = reader.names().to_vec();
    reader.select(&names).unwrap();
    (names, reader.read_rows().unwrap())
}

#[test]
fn the_file_holds_the_bits_of_the_backend() {
    let place = Place::new(Activation::Tanh);
    // More rows than a block, and no multiple of one.
    let points = place.points(70_001);
    for precision in ["f32", "f64"] {
        let output =
            place.predict(&["--out", "jets.csv", "--precision", precision, "--format", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&result["rows"], &result["file"]), (&70_001.into(), &"jets.csv".into()));
        let (names, columns) = read(&place.path("jets.csv"));
        let entries = ["u", "du_dx", "du_dt", "d2u_dx2", "d2u_dt2", "v", "dv_dx", "dv_dt", "d2v_dx2", "d2v_dt2"];
        assert_eq!(names, [["x", "t"].as_slice(), &entries].concat());
        assert_eq!(columns[..2], points);
        let model = Model::read(place.path("model.safetensors")).unwrap();
        let layout = JetLayout::diagonal(2);
        let precision = if precision == "f32" { Precision::F32 } else { Precision::F64 };
        // In either precision the scaling is applied in f64, and all of its digits are written.
        let jets = cpu::open(&model, precision, 2).unwrap().evaluate(&points, &layout).unwrap();
        assert!(columns[2..].concat() == jets.values);
    }
    assert_eq!(place.names(), ["jets.csv", "model.safetensors", "points.csv"]);
}

#[test]
fn stdout_threads_and_layouts_agree() {
    let place = Place::new(Activation::Gelu);
    place.points(300);
    let run = |flags: &[&str]| {
        let output = place.predict(flags).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run(&["--order", "1", "--quiet"]);
    assert!(text.starts_with("x,t,u,du_dx,du_dt,v,dv_dx,dv_dt\n"), "{}", &text[..80]);
    assert_eq!(text.lines().count(), 301);
    assert_eq!(text, run(&["--order", "1", "--threads", "1", "--out", "-"]));
    assert!(run(&["--order", "0"]).starts_with("x,t,u,v\n"));
    assert!(run(&["--second", "laplacian"]).starts_with("x,t,u,du_dx,du_dt,laplacian_u,v,"));
    assert!(run(&["--second", "full"]).starts_with("x,t,u,du_dx,du_dt,d2u_dx2,d2u_dxdt,d2u_dt2,v,"));
    assert!(run(&["--order", "3"]).starts_with("x,t,u,du_dx,du_dt,d2u_dx2,d2u_dt2,d3u_dx3,d3u_dt3,v,"));
    let header = |flags: &[&str]| run(flags).lines().next().unwrap().to_string();
    let full = header(&["--order", "4", "--second", "full"]);
    assert!(
        full.contains(",d3u_dx3,d3u_dx2dt,d3u_dxdt2,d3u_dt3,d4u_dx4,d4u_dx3dt,d4u_dx2dt2,d4u_dxdt3,d4u_dt4,v,"),
        "{full}"
    );
    let laplacian = header(&["--order", "4", "--second", "laplacian"]);
    let expected = ",d2u_dx2,d2u_dxdt,d2u_dt2,laplacian_u,dlaplacian_u_dx,dlaplacian_u_dt,biharmonic_u,v,";
    assert!(laplacian.contains(expected), "{laplacian}");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::new(Activation::Tanh);
    place.points(50_000);
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("jetfit"))
        .current_dir(place.0.path())
        .args(["predict", "model.safetensors", "--points", "points.csv"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn derivatives_through_a_jump_of_a_transform_need_a_word() {
    let place = Place::new(Activation::Tanh);
    place.points(3);
    let mut model = model(Activation::Tanh, Precision::F32);
    for (transform, order, refused) in
        [("net + sign(net)", "1", "du_dx crosses a jump"), ("abs(net)", "2", "d2u_dx2 crosses a jump")]
    {
        let scope = Scope {
            inputs: model.inputs.clone(),
            outputs: model.outputs.clone(),
            transforms: [("u".to_string(), transform.to_string())].into(),
            ..Scope::default()
        };
        model.transforms = Transforms::read(str::to_string, &scope).unwrap();
        model.write(place.path("model.safetensors")).unwrap();
        let output = place.predict(&["--order", order]).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.contains(&format!("--order {order}: {refused}")) && message.contains("transform of u"),
            "{message}"
        );
        let rough = place.predict(&["--order", order, "--allow-rough"]).output().unwrap();
        assert!(rough.status.success());
        assert!(String::from_utf8_lossy(&rough.stderr).contains("warning: d"), "{:?}", rough.stderr);
        let below = (order.parse::<u8>().unwrap() - 1).to_string();
        assert!(place.predict(&["--order", &below]).output().unwrap().status.success());
    }
}

#[test]
fn second_derivatives_of_a_rough_network_need_a_word() {
    let place = Place::new(Activation::Relu);
    place.points(3);
    let refused = place.predict(&["--out", "jets.csv"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("piecewise linear"));
    assert_eq!(place.names(), ["model.safetensors", "points.csv"]);
    let rough = place.predict(&["--allow-rough"]).output().unwrap();
    assert!(rough.status.success());
    assert!(
        String::from_utf8_lossy(&rough.stderr)
            .contains("warning: the second derivatives of this network are meaningless")
    );
    assert!(place.predict(&["--order", "1"]).output().unwrap().status.success());
}
