//! `jetfit export`: every file is run as its user would run it, and its numbers are those of `jetfit predict`.
//!
//! Python with NumPy and onnxruntime is `python3`, or what `JETFIT_PYTHON` names; PyTorch is used where it is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::Command as Cargo;
use jetfit::export::{Export, Format};
use jetfit::expression::Scope;
use jetfit::jet::{Activation, Derivative, JetLayout, Scaling, Seconds};
use jetfit::network::{Features, Hidden, Model, Transforms};
use jetfit::numbers::Precision;
use jetfit::{cpu, predict};

use crate::support::{random_model, random_points};

const POINTS: usize = 17;

/// The models that every format is tried with, with their names.
fn models() -> Vec<(String, Model)> {
    let mut models: Vec<(String, Model)> = vec![];
    for activation in Activation::ALL {
        models.push((activation.name().to_string(), random_model(1, &[7, 5], 1, activation, 3)));
    }
    models.push(("three_inputs".to_string(), random_model(3, &[8, 1, 5], 2, Activation::Tanh, 4)));
    models.push(("linear_model".to_string(), random_model(2, &[], 2, Activation::Tanh, 5)));
    models.push(("skips".to_string(), skips()));
    models.push(("features".to_string(), surrounded(true, &[])));
    models.push(("transforms".to_string(), surrounded(false, &[("u0", "x0*(1 - x0)*net + exp(k)*x1")])));
    let hard = "if(x0 < x1, net, net^3) + erf(net)*atan(x0) + abs(x0)^1.7*sigmoid(net) + asin(x1/30)*sinh(x0/3)";
    models.push((
        "both".to_string(),
        surrounded(true, &[("u0", hard), ("u1", "net - net(0, x1) + cosh(x0)*acos(x1/30)")]),
    ));
    models
}

/// Layers of several activations; one adds what an earlier one gave.
fn skips() -> Model {
    let mut model = random_model(2, &[6, 9, 6, 6], 1, Activation::Tanh, 6);
    model.spec.networks[0].hidden[0].activation = Activation::Linear;
    model.spec.networks[0].hidden[1].activation = Activation::Gelu;
    model.spec.networks[0].hidden[2] = Hidden { skip: Some(0), ..Hidden::new(6, Activation::Sin) };
    model.spec.networks[0].hidden[3] = Hidden { skip: Some(2), ..Hidden::new(6, Activation::Silu) };
    model
}

/// A network of (x0, x1) with features and transforms.
fn surrounded(has_features: bool, transforms: &[(&str, &str)]) -> Model {
    let texts = ["sin(1.5*x0 - x1 + 0.3)", "cos(1.5*x0 - x1 + 0.3)", "x1", "exp(-x0^2)*x1", "cos(x0)"];
    let plain = random_model(2, &[9, 6], 2, Activation::Tanh, 7);
    let mut model =
        if has_features { random_model(texts.len(), &[9, 6], 2, Activation::Tanh, 7) } else { plain.clone() };
    (model.inputs, model.normalizer) = (plain.inputs, plain.normalizer);
    model.coefficients = vec!["k".into()];
    model.spec.coefficients = 1;
    model.parameters.push(0.7);
    let scope = Scope {
        coefficients: model.coefficients.clone(),
        inputs: model.inputs.clone(),
        outputs: model.outputs.clone(),
        transforms: transforms.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
        ..Scope::default()
    };
    if !transforms.is_empty() {
        model.normalizer.outputs = Scaling::identity(2);
    }
    model.transforms = Transforms::read(str::to_string, &scope).unwrap();
    if has_features {
        let texts = texts.iter().map(|text| text.to_string()).collect();
        let points = random_points(&model, 50, 1);
        let features = Features::fit("features", texts, &scope.of_features(), &points).unwrap();
        model.transforms = model.transforms.with_features(features, &scope);
    }
    model
}

/// The highest order of derivative that the model has; jumps of transforms are between its points.
fn order(model: &Model) -> usize {
    if model.spec.roughest().supports(2, "order").is_ok() { 2 } else { 1 }
}

/// What a program is given, and what it should give, as JSON: points (B, D), and u, du, d2u as flat lists.
fn expected(model: &Model, order: usize, seconds: Seconds) -> serde_json::Value {
    let points = random_points(model, POINTS, 9);
    let inputs = model.inputs.len();
    let layout = if order > 1 { JetLayout::full(inputs) } else { JetLayout::gradient(inputs) };
    let mut cpu = cpu::open(model, Precision::F64, 1).unwrap();
    let jets = predict::jets(model, cpu.as_mut(), &points, &layout).unwrap();
    let entry = |m: usize, b: usize, derivative: Derivative| jets.entry(m, derivative).unwrap()[b];
    let second = |m, b, i: usize, j: usize| entry(m, b, Derivative::Second(i.min(j), i.max(j)));
    let (mut u, mut du, mut d2u) = (vec![], vec![], vec![]);
    for b in 0..POINTS {
        for m in 0..model.outputs.len() {
            u.push(entry(m, b, Derivative::Value));
            du.extend((0..inputs).map(|i| entry(m, b, Derivative::First(i))));
            if order > 1 {
                match seconds {
                    Seconds::Diagonal => d2u.extend((0..inputs).map(|i| second(m, b, i, i))),
                    Seconds::Laplacian => d2u.push((0..inputs).map(|i| second(m, b, i, i)).sum()),
                    Seconds::Full => d2u.extend((0..inputs * inputs).map(|k| second(m, b, k / inputs, k % inputs))),
                }
            }
        }
    }
    let results: Vec<Vec<f64>> = [u, du, d2u].into_iter().take(order + 1).collect();
    let rows: Vec<Vec<f64>> = (0..POINTS).map(|b| points.iter().map(|column| column[b]).collect()).collect();
    serde_json::json!({ "x": rows, "results": results })
}

/// One file of a format in a directory.
struct Case {
    name: String,
    file: PathBuf,
    model: Model,
    order: usize,
    seconds: Seconds,
    precision: Precision,
}

/// Files of a format with all models; each kind of second derivatives is tried with those of several inputs.
fn cases(format: Format, directory: &Path) -> Vec<Case> {
    let mut cases = vec![];
    for (name, model) in models() {
        let kinds: &[Seconds] = if model.inputs.len() > 1 { &Seconds::ALL } else { &[Seconds::Diagonal] };
        let precisions: &[Precision] =
            if format == Format::C || kinds.len() > 1 { &[Precision::F64] } else { &[Precision::F64, Precision::F32] };
        for (seconds, precision) in kinds.iter().flat_map(|kind| precisions.iter().map(move |p| (*kind, *p))) {
            let (order, extension) = (
                order(&model),
                if format == Format::Onnx {
                    "onnx"
                } else if format == Format::C {
                    "c"
                } else {
                    "py"
                },
            );
            let name = format!("{name}_{seconds}_{precision}");
            let export = Export { format, order, seconds, precision, name: name.clone() };
            let file = directory.join(format!("{name}.{extension}"));
            std::fs::write(&file, export.bytes(&model).unwrap()).unwrap();
            cases.push(Case { name, file, model: model.clone(), order, seconds, precision });
        }
    }
    cases
}

fn python() -> String {
    std::env::var("JETFIT_PYTHON").unwrap_or_else(|_| "python3".to_string())
}

/// Runs a Python program over the cases of a format.
fn run_python(program: &str, needs: &str, format: Format) -> String {
    let can = Command::new(python()).args(["-c", &format!("import {needs}")]).output();
    assert!(
        can.is_ok_and(|output| output.status.success()),
        "this test needs Python with {needs}: run `pip install numpy onnxruntime`, or set JETFIT_PYTHON to a Python that has them"
    );
    let directory = tempfile::tempdir().unwrap();
    let case = |case: Case| {
        let expected = expected(&case.model, case.order, case.seconds);
        // f64: sums in another order, and functions of another library. f32: some ten roundings of 6e-8, and differences
        // of numbers that are larger than what they leave.
        let tolerance = if case.precision == Precision::F64 { 1e-11 } else { 1e-4 };
        serde_json::json!({
            "name": case.name, "file": case.file, "expected": expected, "tolerance": tolerance,
            "inputs": case.model.inputs, "outputs": case.model.outputs, "precision": case.precision.name(),
        })
    };
    let list: Vec<serde_json::Value> = cases(format, directory.path()).into_iter().map(case).collect();
    let cases = directory.path().join("cases.json");
    std::fs::write(&cases, serde_json::to_string(&list).unwrap()).unwrap();
    let script = directory.path().join("run.py");
    std::fs::write(&script, format!("{COMMON}\n{program}")).unwrap();
    let output = Command::new(python()).arg(&script).arg(&cases).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains(&format!("{} files", list.len())), "{out}\n{err}");
    out.to_string()
}

const COMMON: &str = r#"
import importlib.util, json, sys
import numpy as np

cases = json.load(open(sys.argv[1]))

def load(path):
    spec = importlib.util.spec_from_file_location("model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def check(case, results):
    expected = case["expected"]["results"]
    b, m, d = len(case["expected"]["x"]), len(case["outputs"]), len(case["inputs"])
    assert len(results) == len(expected), (case["name"], len(results))
    for k, (found, own) in enumerate(zip(results, expected)):
        own = np.array(own)
        assert found.shape[:2] == (b, m) and found.size == own.size, (case["name"], k, found.shape)
        assert k != 1 or found.shape == (b, m, d)
        size = max(np.abs(own).max(), 1e-12)
        error = np.abs(found.reshape(-1) - own).max() / size
        assert error <= case["tolerance"], (case["name"], "u du d2u".split()[k], error, found.reshape(-1)[:4], own[:4])
"#;

#[test]
fn onnxruntime_gives_the_same_numbers() {
    let program = r#"
import onnxruntime
for case in cases:
    session = onnxruntime.InferenceSession(case["file"])
    meta = session.get_modelmeta().custom_metadata_map
    assert json.loads(meta["inputs"]) == case["inputs"] and json.loads(meta["outputs"]) == case["outputs"]
    dtype = np.float64 if case["precision"] == "f64" else np.float32
    x = np.array(case["expected"]["x"], dtype=dtype)
    results = session.run(None, {"x": x})
    check(case, results)
    # Another number of points.
    assert all(np.allclose(one, all[:1], rtol=1e-4, atol=1e-6) for one, all in zip(session.run(None, {"x": x[:1]}), results))
print(len(cases), "files")
"#;
    run_python(program, "numpy, onnxruntime", Format::Onnx);
}

#[test]
fn numpy_gives_the_same_numbers() {
    let program = r#"
for case in cases:
    model = load(case["file"])
    results = model.jets(case["expected"]["x"])
    check(case, results)
    assert np.abs(model.value(case["expected"]["x"]) - results[0]).max() <= case["tolerance"] * max(1, np.abs(results[0]).max())
    assert model.INPUTS == case["inputs"] and model.OUTPUTS == case["outputs"]
    assert [r.shape[0] for r in model.jets(np.zeros((0, len(case["inputs"]))))] == [0] * len(results)
    try:
        model.value([[0.0] * 7])
    except ValueError as error:
        assert "expected (B, " in str(error)
    else:
        raise AssertionError("x of another width")
print(len(cases), "files")
"#;
    run_python(program, "numpy", Format::Numpy);
}

#[test]
fn pytorch_gives_the_same_numbers_where_it_is_there() {
    let program = r#"
try:
    import torch
except ImportError:
    torch = None
for case in cases:
    compile(open(case["file"]).read(), case["file"], "exec")
    if torch is None:
        continue
    module = load(case["file"])
    net = module.Jetfit()
    x = torch.tensor(case["expected"]["x"], dtype=net.linears[0].weight.dtype, requires_grad=True)
    results = net.jets(x)
    check(case, [result.detach().numpy() for result in results])
    u = net(x)
    check({**case, "expected": {**case["expected"], "results": case["expected"]["results"][:1]}}, [u.detach().numpy()])
    # Autograd through the values gives the first derivatives, and the weights can be trained.
    slopes = torch.autograd.grad(u[:, 0].sum(), x, create_graph=True)[0]
    assert torch.allclose(slopes, results[1][:, 0], rtol=1e-3, atol=1e-4), case["name"]
    before = results[1].detach().clone()
    (results[1] ** 2).sum().backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    u = net(x)
    slopes = torch.autograd.grad(u[:, 0].sum(), x)[0]
    assert torch.allclose(slopes, net.jets(x)[1][:, 0], rtol=1e-3, atol=1e-4), "trained " + case["name"]
    assert not torch.equal(before, net.jets(x)[1])
print(len(cases), "files", "" if torch else "compiled, not run: PyTorch is not there")
"#;
    println!("{}", run_python(program, "numpy", Format::Torch));
}

#[test]
fn c_gives_the_same_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let cases = cases(Format::C, directory.path());
    // All in one program, so that names are seen not to meet.
    let (mut declared, mut calls, mut sources, mut numbers) = (String::new(), String::new(), vec![], vec![]);
    for Case { name, file, model, order, seconds, .. } in &cases {
        let (inputs, outputs) = (model.inputs.len(), model.outputs.len());
        let seconds_count = [inputs, 1, inputs * inputs][Seconds::ALL.iter().position(|kind| kind == seconds).unwrap()];
        let third = if *order > 1 { ", double *" } else { "" };
        declared += &format!(
            "void {name}_value(const double *, double *);\nvoid {name}_jet(const double *, double *, double *{third});\n"
        );
        let third = if *order > 1 { ", d2u" } else { "" };
        let print =
            |array: &str, count: usize| format!("for (int i = 0; i < {count}; i++) printf(\"%.17g\\n\", {array}[i]);");
        let printed = [print("u", outputs), print("du", outputs * inputs), print("d2u", outputs * seconds_count)];
        let points = expected(model, *order, *seconds);
        let expected: Vec<Vec<f64>> = serde_json::from_value(points["results"].clone()).unwrap();
        let x: Vec<Vec<f64>> = serde_json::from_value(points["x"].clone()).unwrap();
        for (b, x) in x.iter().enumerate() {
            let x: Vec<String> = x.iter().map(|x| format!("{x:?}")).collect();
            calls += &format!(
                "{{ const double x[] = {{{}}}; {name}_jet(x, u, du{third}); {}\n",
                x.join(", "),
                printed[..=*order].concat()
            );
            calls += &format!(
                "{name}_value(x, du); for (int i = 0; i < {outputs}; i++) if (!(fabs(u[i] - du[i]) <= 1e-12 * (1 + fabs(u[i])))) return 1; }}\n"
            );
            for result in &expected {
                let width = result.len() / POINTS;
                let size = result.iter().fold(1e-12_f64, |size, number| size.max(number.abs()));
                numbers.extend(result[b * width..][..width].iter().map(|number| (name, *number, size)));
            }
        }
        sources.push(file);
        let warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wmissing-prototypes"];
        for (compiler, standard) in [("cc", "-std=c99"), ("c++", "-std=c++11")] {
            let is_c = compiler == "cc";
            let mut command = Command::new(compiler);
            command.args([standard, "-O1", "-fsyntax-only"]).args(&warnings[..if is_c { 5 } else { 4 }]);
            if !is_c {
                command.args(["-x", "c++"]);
            }
            let output = command.arg(file).output().unwrap();
            assert!(output.status.success(), "{compiler} {name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let main = directory.path().join("main.c");
    let text = format!(
        "#include <math.h>\n#include <stdio.h>\n{declared}int main(void)\n{{\ndouble u[4], du[16], d2u[64];\n(void)d2u;\n{calls}return 0;\n}}\n"
    );
    std::fs::write(&main, text).unwrap();
    let program = directory.path().join("program");
    let output = Command::new("cc")
        .args(["-std=c99", "-O1", "-o"])
        .arg(&program)
        .arg(&main)
        .args(&sources)
        .arg("-lm")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(&program).output().unwrap();
    assert!(output.status.success(), "a value differs from that of the jet");
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(found.len(), numbers.len());
    for (found, (name, own, size)) in found.into_iter().zip(numbers) {
        // Sums in another order, and functions of another library.
        assert!((found - own).abs() <= 1e-11 * size, "{name}: {found} {own}");
    }
}

fn jetfit(arguments: &[&str]) -> (i32, String, String) {
    let output = Cargo::cargo_bin("jetfit").unwrap().arg("export").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_cannot_be_exported_is_said_and_nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (model, rough, out) = (path("model.safetensors"), path("rough.safetensors"), path("out.c"));
    random_model(2, &[5], 1, Activation::Tanh, 1).write(&model).unwrap();
    random_model(2, &[5], 1, Activation::Relu, 1).write(&rough).unwrap();
    let (code, text, _) = jetfit(&[&model, "--format", "c", "--out", &out]);
    assert_eq!(
        (code, text.contains("out.c: values, first and second derivatives (diagonal) of u0 in f64")),
        (0, true),
        "{text}"
    );
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(written.contains("void u0_jet(const double *x, double *u, double *du, double *d2u)"), "{written}");
    let (code, _, error) = jetfit(&[&model, "--format", "c", "--out", &out]);
    assert_eq!((code, error.contains("this file exists")), (2, true), "{error}");
    let (code, _, _) = jetfit(&[&model, "--format", "c", "--out", &out, "--force", "--order", "1", "--name", "heat"]);
    assert_eq!(code, 0);
    assert!(std::fs::read_to_string(&out).unwrap().contains("void heat_jet(const double *x, double *u, double *du)"));
    let (code, _, error) = jetfit(&[&model, "--format", "c", "--out", &model, "--force"]);
    assert_eq!((code, error.contains("would overwrite the model")), (2, true), "{error}");
    let (code, _, error) = jetfit(&[&model, "--format", "c", "--out", &path("b.c"), "--name", "2u"]);
    assert_eq!((code, error.contains("is no name in C")), (2, true), "{error}");
    let (code, _, error) = jetfit(&[&rough, "--format", "onnx", "--out", &path("rough.onnx")]);
    assert_eq!((code, error.contains("no second derivative")), (2, true), "{error}");
    assert!(!Path::new(&path("rough.onnx")).exists() && !Path::new(&path("b.c")).exists());
    let (code, _, _) = jetfit(&[&rough, "--format", "onnx", "--out", &path("rough.onnx"), "--order", "1"]);
    assert_eq!(code, 0);
    let (code, _, error) = jetfit(&[&rough, "--format", "onnx", "--out", &path("r2.onnx"), "--allow-rough"]);
    assert_eq!((code, error.contains("meaningless")), (0, true), "{error}");
    let mut wide = random_model(1, &[5], 1, Activation::Tanh, 1);
    wide.normalizer.outputs.scale = vec![1e60];
    wide.write(&model).unwrap();
    let (code, _, error) = jetfit(&[&model, "--format", "onnx", "--precision", "f32", "--out", &path("w.onnx")]);
    assert_eq!((code, error.contains("f32 cannot hold")), (2, true), "{error}");
}
