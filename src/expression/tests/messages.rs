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
    check("u_ttx + v_xy", "third or higher derivative", "u_ttx", "");
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
    check("u_xxx(0, t, 1)", "third or higher derivative", "u_xxx", "output of its own");
    check("d(u_xx(x*t, t, 1), t)", "third or higher derivative", "d(u_xx(x*t, t, 1), t)", "output of its own");
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
    check("u_xxx", "third or higher derivative", "u_xxx", "output of its own");
    check("1 + d(u_x, x, t)", "third or higher derivative", "d(u_x, x, t)", "output of its own");
    check("d(d(flux, x), x)", "third or higher derivative", "d(d(flux, x), x)", "output of its own");
    check("d(u, nu)", "is not an input", "nu", "x, t, theta");
    check("d(u, x + t)", "is not an input", "x + t", "x, t, theta");
    check("d(u*u_measured, x)", "\"u_measured\" is known only at the points", "d(u*u_measured, x)", "as a column");
    check("d(n_x, x)", "the normal is known only at the points", "d(n_x, x)", "");
    check("d(u)", "d takes 2 or 3 arguments, not 1", "d(u)", "d(u, x)");
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
    check("if(x < t < 1, 1, 2)", "outside a condition", "<", "one comparison");
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
