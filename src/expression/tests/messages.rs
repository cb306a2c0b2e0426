//! What a person reads who has made a mistake.

use super::scope;
use crate::expression::{Expression, Scope};
use crate::jet::Activation;

fn message_in(scope: &Scope, text: &str) -> String {
    match Expression::residual("job.toml: term \"a\": residual", text, scope) {
        Ok(_) => panic!("{text:?} was read"),
        Err(error) => {
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        }
    }
}

fn message(text: &str) -> String {
    message_in(&scope(), text)
}

/// Checks the problem, the part of the text that is underlined, and a part of the help.
fn check(text: &str, problem: &str, underlined: &str, help: &str) {
    let message = message(text);
    let lines: Vec<_> = message.lines().collect();
    assert!(lines[0].contains(problem), "{message}");
    assert!(lines[3].starts_with("  help: ") && lines[3].contains(help), "{message}");
    let marked: String =
        lines[1].chars().zip(lines[2].chars()).filter(|(_, mark)| *mark == '^').map(|(c, _)| c).collect();
    assert_eq!(marked, underlined, "{message}");
}

#[test]
fn the_whole_message() {
    assert_eq!(
        message("u_t + u*u_x = nue*u_xx"),
        "job.toml: term \"a\": residual: unknown name \"nue\"\n    \
         u_t + u*u_x = nue*u_xx\n                  ^^^\n  \
         help: did you mean \"nu\"? Known: x, t, theta, u, v, nu, k, flux, wave, u_measured, `du/dx (m)`, \
         n_x, n_t, n_theta, pi, e"
    );
}

#[test]
fn names() {
    check("u + nue", "unknown name", "nue", "did you mean \"nu\"");
    check("u - qqq", "unknown name", "qqq", "use one of: x, t");
    check("u_theta", "unknown name", "u_theta", "write d(u, theta)");
    check("u_y + x", "unknown name", "u_y", "\"y\" is not an input; use subscripts from: x, t");
    check("u_ttxtx + v_xy", "fifth or higher derivative", "u_ttxtx", "");
    check("uu_xxt + u", "unknown name", "uu_xxt", "did you mean \"u_xxt\"");
    check("u_xxy + x", "unknown name", "u_xxy", "\"y\" is not an input; use subscripts from: x, t");
    check("u_max", "unknown name", "u_max", "\"m\" is not an input");
    check("flax_xxxt + u", "unknown name", "flax_xxxt", "did you mean \"flux_xxxt\"");
    check("d4u_dx2dt2", "unknown name", "d4u_dx2dt2", "write this derivative as d(u, x, x, t, t)");
    check("u_measuerd", "unknown name", "u_measuerd", "did you mean \"u_measured\"");
    check("2*du_dx", "unknown name", "du_dx", "write this derivative as d(u, x)");
    check("d2u_dxdt", "unknown name", "d2u_dxdt", "write this derivative as d(u, x, t)");
    check("nu_x", "unknown name", "nu_x", "");
    check("sin + 1", "\"sin\" is a function", "sin", "sin(…)");
    check("sinn(x)", "unknown function", "sinn", "did you mean \"sin\"");
}

#[test]
fn places() {
    check("u(0, t) - v", "u takes 3 arguments, one for each input, not 2", "u(0, t)", "in this order: u(x, t, theta)");
    check("u_x()", "u_x takes 3 arguments, one for each input, not 0", "u_x()", "u_x(x, t, theta)");
    check("flux(0, t, 1, 2)", "flux takes 3 arguments", "flux(0, t, 1, 2)", "flux(x, t, theta)");
    check("u(0, 1 + v, x)", "depends on trained quantities", "1 + v", "inputs, columns and numbers");
    check("v_t(0, t, nu*x)", "where v_t is evaluated must be fixed", "nu*x", "");
    check(
        "v(0, t, u)",
        "where v is evaluated must be fixed",
        "u",
        "give v a [[network]] of its own with inputs = [\"u\"]",
    );
    check("u(u(0, 0, 0), t, x)", "depends on trained quantities", "u(0, 0, 0)", "");
    check("x(0, t, 1)", "\"x\" is not a function", "x", "x*(…)");
    check("nu(0)", "\"nu\" is not a function", "nu", "nu*(…)");
    check("flx(0, t, 1)", "unknown function", "flx", "did you mean \"flux\"");
    check("u_q(0, t, 1)", "unknown function", "u_q", "");
    check("u_xxxtt(0, t, 1)", "fifth or higher derivative", "u_xxxtt", "output of its own");
    check("d(u_xxxx(x*t, t, 1), t)", "fifth or higher derivative", "d(u_xxxx(x*t, t, 1), t)", "output of its own");
    check("d(u(u_measured, t, 1), x)", "\"u_measured\" is known only at the points", "d(u(u_measured, t, 1), x)", "");
    check("u(1/0, t, 1)", "this is infinite", "1/0", "finite");
    let mut scope = scope();
    for (name, text) in [("out", "n_x*u_x"), ("apart", "u - u_measured"), ("pole", "u*exp(v + 1/x)")] {
        scope.definitions.insert(name.into(), text.into());
    }
    let alone = "is known only at the points, not as a function, so it has no value anywhere else";
    for (text, problem) in [
        ("out(0, t, 1)", format!("the normal {alone}")),
        ("apart(0, t, 1)", format!("the column \"u_measured\" {alone}")),
        ("pole(0, t, 1)", "this is not finite".to_string()),
    ] {
        let message = message_in(&scope, &format!("u + {text}"));
        let marked = format!("{problem}\n    u + {text}\n        {}\n", "^".repeat(text.len()));
        assert!(message.contains(&marked), "{message}");
    }
    assert!(Expression::residual("", "out + apart + pole(1, u_measured, n_x)", &scope).is_ok());
}

#[test]
fn derivatives() {
    check("u_xxxxx", "fifth or higher derivative", "u_xxxxx", "output of its own");
    check("1 + d(u_x, x, t, t, t)", "fifth or higher derivative", "d(u_x, x, t, t, t)", "output of its own");
    check("d(u, x, x, x, t, t)", "fifth or higher derivative", "d(u, x, x, x, t, t)", "such as \"p = u_xx\"");
    check("d(d(flux, x, x, x), x)", "fifth or higher derivative", "d(d(flux, x, x, x), x)", "output of its own");
    check("d(u, nu)", "is not an input", "nu", "x, t, theta");
    check("d(u, x + t)", "is not an input", "x + t", "x, t, theta");
    check("d(u*u_measured, x)", "\"u_measured\" is known only at the points", "d(u*u_measured, x)", "as a column");
    check("d(n_x, x)", "the normal is known only at the points", "d(n_x, x)", "");
    check("d(u)", "d takes 2 to 5 arguments, not 1", "d(u)", "d(u, x)");
}

#[test]
fn syntax() {
    check("u + * x", "found \"*\"", "*", "remove it");
    check("u 2", "an operator is missing", "2", "write *");
    check("2u", "an operator is missing", "u", "write *");
    check("(u + x", "never closed", "(", "add the missing )");
    check("u + x)", "never opened", ")", "remove it");
    check("sin(u, x)", "sin takes 1 argument, not 2", "sin(u, x)", "sin(x)");
    check("sin()", "sin takes 1 argument, not 0", "sin()", "sin(x)");
    check("u = x = t", "second \"=\"", "=", "keep only one");
    check("sin(u = x)", "\"=\" is not allowed", "=", "outside all parentheses");
    check("u == x", "not an operator", "==", "one =");
    check("u < x", "outside a condition", "<", "if(condition, a, b)");
    check("if(x < t < 1, 1, 2)", "compares a comparison", "<", "x < t and t < 1");
    check("if(x < 1 and u, 1, 2)", "this is a number and no condition", "u", "and joins comparisons");
    check("if(not x, 1, 2)", "this is a number and no condition", "x", "not joins comparisons");
    check("if((x < 1) + 2 > 0, 1, 2)", "this is a condition and no number", "(x < 1)", "if(condition, 1, 0)");
    check("if(x = 1, 1, 2)", "\"=\" does not compare", "=", "write ==");
    check("u and x", "\"and\" is outside a condition", "and", "first argument of if");
    check("not u", "\"not\" is outside a condition", "not", "first argument of if");
    check("u + or", "found \"or\"", "or", "remove it");
    check("floor(x, 2)", "floor takes 1 argument, not 2", "floor(x, 2)", "floor(x)");
    check("mod(x)", "mod takes 2 arguments, not 1", "mod(x)", "multiples of b");
    check("flor(x)", "unknown function", "flor", "did you mean \"floor\"");
    check("d(floor(u), x)", "crosses a jump", "d(floor(u), x)", "");
    check("u + 'k.csv'", "this is a text", "'k.csv'", "without quotes");
    check("if(u, 1, 2)", "must be a comparison", "u", "x < 0");
    check("if(u < x, 1)", "if takes 3 arguments, not 2", "if(u < x, 1)", "b elsewhere");
    check("u, x", "comma", ",", "decimals with a point");
    check("u & x", "unexpected character '&'", "&", "use numbers, names");
    check("1/0 + u", "this is infinite", "1/0", "finite");
    check("x + u/(2 - 2)", "this is infinite", "u/(2 - 2)", "finite");
    check("(-2)^u", "undefined", "(-2)^u", "finite");
    check("u + log(-1)", "undefined", "log(-1)", "finite");
    check("u*(sqrt(2 - 3) + 1)", "undefined", "sqrt(2 - 3)", "finite");
}

#[test]
fn operators() {
    check("laplacian()", "laplacian takes 1 or more arguments, not 0", "laplacian()", "laplacian(u, x, y)");
    check("laplacian(u, nu)", "is not an input", "nu", "x, t, theta");
    check("laplacian(u, x, t, x)", "x is there twice", "x", "once");
    check("laplacian(u_xxx)", "fifth or higher derivative", "laplacian(u_xxx)", "output of its own");
    check("div(u)", "a component for each of x, theta, not 1", "div(u)", "d(p, x) + d(q, y)");
    check("grad_n(u, x)", "grad_n takes 1 argument, not 2", "grad_n(u, x)", "outward normal");
    check("div(abs(u_x), sign(u))", "crosses a jump", "div(abs(u_x), sign(u))", "");
    check("laplace(u)", "unknown function", "laplace", "did you mean \"laplacian\"");
    let inside = Scope { normals: false, ..scope() };
    assert!(
        message_in(&inside, "u + grad_n(u)").contains("these points have no normal\n    u + grad_n(u)\n        ^^^")
    );
    let in_time = Scope { inputs: vec!["t".into()], ..scope() };
    assert!(message_in(&in_time, "laplacian(u)").contains("all inputs here are times"));
}

#[test]
fn integrals() {
    check("integral(u, x)", "integral takes 4 or 5 arguments, not 2", "integral(u, x)", "integral(u, x, 0, 1, 16)");
    check("integral(u, nu, 0, 1)", "is not an input", "nu", "name of its own");
    check("integral(u, s, 0, 1)", "the integrand does not contain it", "s", "x, t, theta");
    check("integral(u, x, 0, s)", "unknown name \"s\"", "s", "");
    check("integral(d(u, s)*s, s, 0, 1)", "is not an input", "s", "x, t, theta");
    check("integral(u, x, 0, u)", "depends on trained quantities", "u", "inputs, columns and numbers");
    check("integral(u, x, 0, 1, x)", "no number of points", "x", "from 1 to 256");
    check("integral(u, x, 0, 1, 2.5)", "no number of points", "2.5", "from 1 to 256");
    check(
        "integral(u*u_measured, x, 0, 1)",
        "\"u_measured\" is known only at",
        "integral(u*u_measured, x, 0, 1)",
        "own",
    );
    check("integral(1/x, x, -1, 1, 3)", "this is not finite", "1/x", "where it is finite");
    check("integral(u(x), x, 0, 1)", "u takes 3 arguments", "u(x)", "");
}

#[test]
fn ends() {
    assert!(message("").contains("the expression is empty\n    \n    ^\n"), "{}", message(""));
    assert!(message("u +").contains("ends too early\n    u +\n       ^\n"), "{}", message("u +"));
    assert!(message("u + sin(").contains("ends too early\n    u + sin(\n            ^\n"));
}

#[test]
fn definitions() {
    let mut scope = scope();
    for (name, text) in [("a", "b + 1"), ("b", "2*a"), ("wrong", "u + qqq"), ("deep", "wrong^2"), ("equal", "u = x")] {
        scope.definitions.insert(name.into(), text.into());
    }
    let circle = message_in(&scope, "u + a");
    assert!(
        circle.starts_with(
            "job.toml: term \"a\": residual: definition \"b\": the definition \"a\" refers to itself, directly or through another definition\n    \
             2*a\n      ^\n"
        ),
        "{circle}"
    );
    let nested = message_in(&scope, "u + deep");
    assert!(nested.contains("definition \"wrong\": unknown name \"qqq\"\n    u + qqq\n        ^^^\n"), "{nested}");
    assert!(message_in(&scope, "equal").contains("\"=\" is not allowed here\n    u = x\n      ^\n"));
    for i in 0..1000 {
        scope.definitions.insert(format!("d{i}"), format!("sin(d{})", i + 1));
    }
    assert!(message_in(&scope, "d0").contains("nested more than 100 deep"));
}

#[test]
fn a_rough_network_has_no_second_derivative() {
    let scope = Scope { activations: vec![Activation::Relu; 2], ..scope() };
    assert!(Expression::residual("", "u_x + u - flux", &scope).is_ok());
    for (text, caret) in [("u_t = u_xx", "          ^^^^\n"), ("u - d(flux, x)", "        ^^^^^^^^^^\n")] {
        let message = message_in(&scope, text);
        assert!(message.contains("activation \"relu\" has no second derivative"), "{message}");
        assert!(message.contains(&format!("\n    {text}\n{caret}")), "{message}");
        assert!(message.contains("  help: use a smooth activation (tanh"), "{message}");
    }
}

#[test]
fn depth_and_length_end_with_a_message() {
    for text in ["(", "-", "2^", "sin("] {
        assert!(message(&text.repeat(1000)).contains("nested more than"));
        assert!(message(&text.repeat(100_000)).contains("more than 4000 numbers, names and operators"));
    }
    // A long sum is not deep.
    for operator in ["+", "*", "/", "-"] {
        assert_eq!(super::residual(&vec!["u_x"; 1900].join(operator)).entries().len(), 1);
    }
    let distinct: Vec<_> = (0..500).map(|i| format!("sin({i}*u)")).collect();
    assert_eq!(super::residual(&distinct.join(" + ")).entries().len(), 1);
}
