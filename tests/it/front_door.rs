//! The library without files: what the examples compute, and what a stranger's first mistakes are told.

use jetfit::jet::Entry;
use jetfit::{Activation, Derivative, Error, Fit, Model, Points, Precision};

#[path = "../../examples/fit.rs"]
mod fit;
#[path = "../../examples/jets.rs"]
mod jets;
#[path = "../../examples/pde.rs"]
mod pde;

/// ‖ours − truth‖/‖truth‖
fn relative(ours: &[f64], truth: impl Iterator<Item = f64> + Clone) -> f64 {
    let square = ours.iter().zip(truth.clone()).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    (square / truth.map(|b| b * b).sum::<f64>()).sqrt()
}

/// Between the rows, and in other units: the bounds are several times what one run came to.
#[test]
fn the_example_fits_values_and_derivatives_in_the_users_units() {
    let fitted = fit::fit().unwrap();
    let points: Vec<f64> = (0..101).map(|i| -2817.0 + 56.3 * f64::from(i)).collect();
    let jets = fitted.jets(&[&points]).unwrap();
    let entries = [Derivative::Value, Derivative::First(0), Derivative::Second(0, 0)];
    for (order, (derivative, most)) in entries.into_iter().zip([0.01, 0.03, 0.1]).enumerate() {
        let truth = points.iter().map(|x| fit::truth(*x)[order]);
        let error = relative(jets.entry(0, derivative).unwrap(), truth);
        assert!(error < most, "order {order}: {error:e}");
    }
    assert!(fitted.warnings().is_empty(), "{:?}", fitted.warnings());
    let report = fitted.report();
    assert_eq!((report.steps, report.stop.name(), report.hidden.as_slice()), (3000, "steps", &[32, 32][..]));
    assert!(report.validation_loss.is_some_and(|loss| loss < 1e-3), "{report:?}");

    // What was saved gives the same numbers.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    fitted.save(&path).unwrap();
    assert_eq!(Model::read(&path).unwrap().jets(&[&points]).unwrap(), jets);
    let second = jets.entry(0, Derivative::Second(0, 0)).unwrap();
    let laplacian = &fitted.laplacian(&[&points]).unwrap()[0];
    assert!(relative(laplacian, second.iter().copied()) < 1e-12);
    let hessian: Vec<f64> = fitted.hessian(&[&points]).unwrap()[0].iter().map(|matrix| matrix[0]).collect();
    assert_eq!(hessian, second);
}

#[test]
fn the_example_evaluates_the_jets_of_a_model() {
    let model = jets::model();
    let points = [[100.0, 180.0], [100.0, 90.0]];
    let jets = model.jets(&points).unwrap();
    for p in 0..2 {
        let z: f64 = (points[0][p] + 2.0 * points[1][p] - 300.0) / 100.0;
        let (t, slope) = (z.tanh(), 1.0 - z.tanh().powi(2));
        let expected = [
            (Derivative::Value, 20.0 + 5.0 * t),
            (Derivative::First(0), 5.0 * slope / 100.0),
            (Derivative::First(1), 5.0 * slope / 50.0),
            (Derivative::Second(0, 1), -10.0 * t * slope / 5000.0),
        ];
        for (derivative, value) in expected {
            let ours = jets.entry(0, derivative).unwrap()[p];
            assert!((ours - value).abs() < 1e-13 * (1.0 + value.abs()), "{derivative:?}: {ours} {value}");
        }
        let matrix = &model.hessian(&points).unwrap()[0][p];
        assert_eq!((matrix.len(), matrix[1]), (4, matrix[2]));
        let laplacian = model.laplacian(&points).unwrap()[0][p];
        assert!((laplacian - matrix[0] - matrix[3]).abs() < 1e-15);
    }
    let mut f32 = model.on("cpu", Precision::F32).unwrap();
    assert!((f32.values(&points).unwrap()[0][1] - model.values(&points).unwrap()[0][1]).abs() < 1e-4);
    assert!(model.jets(&[[], []] as &[[f64; 0]; 2]).unwrap().values.is_empty());
}

#[test]
fn the_example_solves_its_equation() {
    let heat = pde::solve().unwrap();
    let points: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i * 7 % 50) / 49.0, f64::from(i) / 24.5)).collect();
    let columns = [points.iter().map(|p| p.0).collect::<Vec<_>>(), points.iter().map(|p| p.1).collect()];
    let u = heat.values(&columns).unwrap().remove(0);
    let error = relative(&u, points.iter().map(|(x, t)| pde::truth(*x, *t)));
    assert!(error < 1e-4, "{error:e}");
    assert!(heat.warnings().is_empty(), "{:?}", heat.warnings());
}

/// Noise is told from the curve, as in a job that leaves network and optimizer open.
#[test]
fn noisy_arrays_train_by_evidence() {
    let x: Vec<f64> = (0..80).map(|i| 1000.0 * (-3.0 + 6.0 * f64::from(i) / 79.0)).collect();
    // Residues of multiples of a prime look like noise, of deviation 0.029 here.
    let noise = |i: usize| 0.1 * ((i * 7919 % 101) as f64 / 100.0 - 0.5);
    let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| fit::truth(*x)[0] * 1e-3 + 100.0 * noise(i)).collect();
    let fitted = Fit::new(&[&x], &[y]).seed(1).run().unwrap();
    assert_eq!(fitted.report().hidden, [32]);
    let values = fitted.values(&[&x]).unwrap().remove(0);
    let error = relative(&values, x.iter().map(|x| fit::truth(*x)[0] * 1e-3));
    assert!(error < 0.05, "{error}");
}

#[test]
fn derivatives_weights_and_coefficients_take_part() {
    let x: Vec<f64> = (0..40).map(|i| f64::from(i) / 10.0).collect();
    let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
    let slope: Vec<f64> = x.iter().map(|x| x.cos()).collect();
    let first = Entry { output: 0, derivative: Derivative::First(0) };
    let base = Fit::new(&[&x], &[&y]).hidden(&[8]).steps(20).seed(3).device("cpu");
    let sobolev = base.clone().derivatives(&[(first, &slope)]).weight("dy_dx", 0.5).run().unwrap();
    let names: Vec<_> = sobolev.report().terms.iter().map(|term| term.name.as_str()).collect();
    assert_eq!(names, ["y", "dy_dx"]);
    // Rows of weight 0 count for nothing: their numbers may be anything.
    let mut wrong = y.clone();
    wrong[20] = 100.0;
    let weights: Vec<f64> = (0..40).map(|row| f64::from(row != 20)).collect();
    let weighted = base.clone().row_weights(&weights).job().unwrap();
    assert_eq!(weighted.data.unwrap().weights.as_deref(), Some("row weights"));
    // An unknown frequency: y'' = -k y, with k = 1.
    let inverse = Fit::new(&[&x], &[&y])
        .inputs(&["t"])
        .outputs(&["u"])
        .variables(&[("t", 0.0, 3.9)])
        .coefficient("k", 0.3)
        .term("oscillator", "d(u, t, t) = -k*u", Points::interior(64))
        .hidden(&[12])
        .device("cpu")
        .with("optimizer.name = 'gauss-newton'\ntraining.steps = 40\ndevice.precision = 'f64'")
        .run()
        .unwrap();
    let k = inverse.coefficient("k").unwrap();
    assert!((k - 1.0).abs() < 0.01, "{k}");
}

/// NaN is no measurement: the rest of the row counts.
#[test]
fn what_was_not_measured_is_left_out() {
    let x: Vec<f64> = (0..31).map(|i| 0.2 * f64::from(i)).collect();
    let (mut y, mut slope): (Vec<f64>, Vec<f64>) = x.iter().map(|x| (x.sin(), x.cos())).unzip();
    (3..31).step_by(3).for_each(|row| y[row] = f64::NAN);
    (0..31).step_by(2).for_each(|row| slope[row] = f64::NAN);
    let fit = Fit::new(&[&x], &[&y]).derivative(0, Derivative::First(0), &slope).hidden(&[8]).seed(1).device("cpu");
    let fit = fit.with("optimizer.name = 'gauss-newton'\ntraining.steps = 60").run().unwrap();
    let error = relative(&fit.values(&[&x]).unwrap()[0], x.iter().map(|x| x.sin()));
    // Far below what the mean of the rest would do.
    assert!(error < 1e-2, "{error:e}");
}

/// Every mistake is an error that names what to change, and no line of a file that nobody wrote.
#[test]
fn mistakes_are_told_without_files() {
    let x: Vec<f64> = (0..20).map(f64::from).collect();
    let short = vec![0.0; 19];
    let base = || Fit::new(&[&x], &[&x]).steps(5).device("cpu");
    let says = |fit: Fit, parts: &[&str]| {
        let error = fit.run().map(|_| ()).expect_err(parts[0]);
        assert!(matches!(error, Error::Input(_)), "{error}");
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)) && text.contains("help: "), "{text}");
    };
    says(Fit::new(&[&x], &[&short]), &["data: column \"y\" has 19 numbers, column \"x\" has 20"]);
    says(Fit::new(&[vec![f64::NAN; 20]], &[&x]), &["column \"x\" is NaN in row 0"]);
    says(Fit::new(&[&x], &[vec![f64::INFINITY; 20]]), &["column \"y\" is inf in row 0"]);
    says(Fit::new(&[&x], &[vec![f64::NAN; 20]]), &["column \"y\" has no measurement"]);
    says(Fit::new(&[vec![2.0; 20]], &[&x]), &["data: input \"x\" is 2 in every training row"]);
    says(Fit::new(&[] as &[&[f64]], &[&x]), &["data"]);
    says(base().inputs(&["a", "b"]), &["x and y: 2 columns for 3 inputs and outputs"]);
    says(base().hidden(&[0]), &["network.hidden: 0 is out of range"]);
    says(base().with("network.hiden = [3]"), &["network.hiden: unknown key", "did you mean \"hidden\""]);
    says(base().with("network hidden"), &["with: this is not valid TOML"]);
    says(base().device("no such device"), &["no adapter has a name that contains"]);
    says(base().with("training.ensemble = 3"), &["training.ensemble: an ensemble needs a run directory"]);
    says(base().weight("z", 1.0), &["loss.weights.z: unknown name \"z\""]);
    says(base().derivative(0, Derivative::Second(1, 0), &x), &["derivative: "]);
    says(base().validation(&[&x], &[&short]), &["validation: column \"y\" has 19"]);
    let equations = Fit::equations(&[("x", 0.0, 1.0)], &["u"]).device("cpu").steps(5);
    says(equations.clone(), &["there is nothing to train on"]);
    says(equations.term("a", "u_xx = v", Points::interior(9)), &["term \"a\": residual: unknown name \"v\""]);

    let relu = base().activation(Activation::Relu).run().unwrap();
    assert!(relu.values(&[[1.0]]).is_ok());
    let error = relu.jets(&[[1.0]]).unwrap_err().to_string();
    assert!(error.contains("no second derivative") && error.contains("help: "), "{error}");
    let error = relu.values(&[[1.0], [2.0]]).unwrap_err().to_string();
    assert!(error.contains("points: got 2 columns for a network with 1 inputs"), "{error}");
}

/// One training path: the same job from a file gives the same bits.
#[test]
fn arrays_and_files_give_the_same_network() {
    use jetfit::job::{Job, Overrides};
    use jetfit::run::{Mode, run};
    let x: Vec<f64> = (0..60).map(|i| f64::from(i) / 7.0).collect();
    let y: Vec<f64> = x.iter().map(|x| (x / 3.0).sin()).collect();
    let fitted = Fit::new(&[&x], &[&y]).hidden(&[7]).steps(900).seed(5).device("cpu").run().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let rows: String = x.iter().zip(&y).map(|(x, y)| format!("{x},{y}\n")).collect();
    std::fs::write(directory.path().join("data.csv"), format!("x,y\n{rows}")).unwrap();
    let text = "[data]\nfile = \"data.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\n[network]\nhidden = [7]\n\
                [training]\nsteps = 900\nseed = 5\n[device]\nname = \"cpu\"\n";
    let job = Job::parse(
        text,
        directory.path().join("job.toml"),
        &Overrides { directory: Some(directory.path().join("run")), ..Overrides::default() },
    );
    let summary = run(&job.unwrap(), Mode::New, &mut (), &false.into()).unwrap();
    let model = Model::read(directory.path().join("run/model.safetensors")).unwrap();
    assert_eq!(model.parameters, fitted.model().parameters);
    assert_eq!(summary.warnings, fitted.warnings());
    assert_eq!(summary.losses.training, fitted.report().training_loss);
}
