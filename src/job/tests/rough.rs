//! Derivatives through jumps: who may ask for them, and where it is said.

use super::*;

/// Two slabs, whose conductivity k jumps at y = 1.
const SLABS: &str = "\
[variables]
x = [0, 1]
y = [0, 2]
[network]
outputs = [\"T\", \"q\"]
hidden = [5]
[definitions]
k = \"if(y < 1, 1.38, 400)\"
[[term]]
name = \"conduction\"
residual = \"d(k*d(T, x), x) + d(q, y) = 0\"
points = { count = 10 }
[[term]]
name = \"flux\"
residual = \"q = k*d(T, y)\"
points = { count = 10 }
";

fn refused(text: &str) -> String {
    let error = parse(text).expect_err(text);
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

fn with(from: &str, to: &str) -> String {
    assert!(SLABS.contains(from), "{from}");
    SLABS.replace(from, to)
}

#[test]
fn a_flux_that_is_an_output_may_jump_in_its_factor() {
    assert!(parse(SLABS).unwrap().warnings.is_empty());
    for residual in [
        "if(y < 1, d(T, x, x), d(q, x, x))",
        "heaviside(y - 1)*d(T, x, y) + sign(T)*abs(q) + max(d(T, y), 0)",
        "d(k*T, x, x) + k_x + d(abs(T), x)",
        "d(if(y < 1, T, T + q*(y - 1)), y)",
        "k(x, 0.5)*d(T, y) + d(k(0, 0.5)*T, y)",
    ] {
        parse(&with("q = k*d(T, y)", residual)).unwrap_or_else(|error| panic!("{residual}: {error}"));
    }
}

#[test]
fn a_derivative_through_a_jump_is_refused_with_its_place() {
    for (residual, underlined) in [
        ("q = d(k*d(T, y), y)", "d(k*d(T, y), y)"),
        ("q = k_y", "k_y"),
        ("q + d(heaviside(T), x)", "d(heaviside(T), x)"),
        ("d(sign(y - 0.3)*q, y)", "d(sign(y - 0.3)*q, y)"),
        ("q - d(abs(T), x, x)", "d(abs(T), x, x)"),
        ("d(max(T, q), x, y)", "d(max(T, q), x, y)"),
        ("T - d(min(T^2, y), y, y)", "d(min(T^2, y), y, y)"),
        ("q + d(T(if(x < 0.5, 0, x), y), x)", "d(T(if(x < 0.5, 0, x), y), x)"),
    ] {
        let message = refused(&with("q = k*d(T, y)", residual));
        assert!(message.contains("line 14") || message.contains("term \"flux\""), "{message}");
        assert!(message.contains("crosses a jump") && message.contains("an output of its own"), "{message}");
        assert!(message.contains(&format!("{}\n", "^".repeat(underlined.len()))), "{message}");
        let allowed = with("q = k*d(T, y)\"", &format!("{residual}\"\nallow_rough = true"));
        let job = parse(&allowed).unwrap();
        assert_eq!(job.warnings.len(), 1, "{residual}");
        assert!(job.warnings[0].contains("term \"flux\" takes derivatives across jumps"), "{:?}", job.warnings);
        assert_eq!(parse(&job.to_toml()).unwrap(), job);
    }
}

#[test]
fn so_is_one_through_a_transform() {
    let transformed = |text: &str, more: &str| format!("{SLABS}[transforms]\nT = \"{text}\"\n{more}");
    let values = "[predictions]\norder = 0\n";
    for text in ["if(x < 1e-3, net, 2*net)", "net*heaviside(net)", "net + sign(x - 0.5)"] {
        // By the residual, and where that insists, by the predictions.
        assert!(
            refused(&transformed(text, values)).contains("term \"conduction\": residual: this derivative"),
            "{text}"
        );
        let insisting = transformed(text, "").replace("points =", "allow_rough = true\npoints =");
        let message = refused(&insisting);
        assert!(message.contains("predictions.order: dT_dx crosses a jump"), "{message}");
        assert!(message.contains("a jump in the transform of T"), "{message}");
        let job = parse(&format!("{insisting}{values}")).unwrap();
        assert!(
            job.warnings.iter().all(|warning| warning.contains("takes derivatives across jumps")),
            "{:?}",
            job.warnings
        );
        let job = parse(&format!("{insisting}[predictions]\nallow_rough = true")).unwrap();
        assert!(
            job.warnings.iter().any(|warning| warning.contains("dT_dx and all other derivatives")),
            "{:?}",
            job.warnings
        );
    }
    for text in ["abs(net)", "max(net, 0)", "min(net, x)"] {
        let once = transformed(text, "").replace("d(k*d(T, x), x) + d(q, y) = 0", "d(q, y) = d(T, x)");
        assert!(refused(&once).contains("predictions.order: d2T_dx2 crosses a jump"), "{text}");
        parse(&format!("{once}[predictions]\norder = 1\n")).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    parse(&transformed("if(y < 1, x*net, x^2*net)", "").replace("d(k*d(T, x), x) +", "").replace("k*d(T, y)", "k*T"))
        .expect_err("it jumps in y");
}

#[test]
fn so_is_one_through_a_feature() {
    let featured =
        |feature: &str| with("hidden = [5]", &format!("hidden = [5]\nfeatures = [\"x\", \"y\", \"{feature}\"]"));
    let message = refused(&featured("heaviside(y - 1)"));
    assert!(message.contains("crosses a jump of network.features"), "{message}");
    let message = refused(&featured("abs(y - 1)").replace("d(k*d(T, x), x) + ", ""));
    assert!(
        message.contains("predictions.order: d2T_dy2") && message.contains("a feature of the network"),
        "{message}"
    );
    // In x alone it has all derivatives.
    let residuals = featured("abs(y - 1)");
    parse(&format!("{residuals}[predictions]\norder = 1\n")).unwrap();
    let job = parse(&format!("{}[predictions]\nallow_rough = true\n", featured("abs(y - 1)"))).unwrap();
    assert_eq!(job.warnings.len(), 1);
}

#[test]
fn and_one_that_data_or_a_truth_name() {
    let data = |loss: &str| {
        format!(
            "[data]\nfile = \"a.csv\"\ninputs = [\"x\"]\noutputs = [\"y\"]\nderivatives = {{ dy_dx = \"s\" }}\n\
             [transforms]\ny = \"net + sign(net)\"\n[predictions]\norder = 0\n{loss}"
        )
    };
    let message = refused(&data(""));
    assert!(message.contains("data.derivatives: dy_dx crosses a jump"), "{message}");
    let job = parse(&data("[loss]\nallow_rough = true\n")).unwrap();
    assert!(job.loss.allow_rough && job.warnings.len() == 1);
    assert_eq!(parse(&job.to_toml()).unwrap(), job);
    // A truth is compared point by point.
    parse(&format!(
        "{SLABS}[truth]\nexpressions = {{ T = \"if(y < 1, y, 2 + y)\", dT_dy = \"d(if(y < 1, y, 2 + y), y)\" }}"
    ))
    .unwrap();
}

#[test]
fn definitions_are_predicted_and_judged_by_name() {
    let text = format!(
        "{SLABS}[predictions]\ndefinitions = [\"k\"]\n[truth]\nexpressions = {{ T = \"x\", k = \"y\", d2k_dx2 = \"0\" }}"
    );
    let job = parse(&text).unwrap();
    assert_eq!(job.predictions.definitions, ["k"]);
    assert_eq!(parse(&job.to_toml()).unwrap(), job);
    let wrong = |from: &str, to: &str| refused(&text.replace(from, to));
    assert!(wrong("definitions = [\"k\"]", "definitions = [\"kk\"]").contains("did you mean \"k\"?"));
    assert!(wrong("d2k_dx2", "dk_dy").contains("\"k\" has no dk_dy: it would differentiate across a jump"));
    parse(&text.replace("if(y < 1, 1.38, 400)", "d(T, x)")).unwrap();
    let fifth = wrong("if(y < 1, 1.38, 400)", "d(T, x, x, x)");
    assert!(fifth.contains("need fifth derivatives"), "{fifth}");
}
