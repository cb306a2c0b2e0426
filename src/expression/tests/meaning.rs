//! What expressions mean: which channels they read, and what they are worth.

use super::{compiled, residual, scope};
use crate::expression::{Expression, Leaf, PointData, Scope, Slot, layout};
use crate::jet::{Derivative, Entry, JetLayout, Jets, Normalizer, Scaling};

/// The value of an expression of x, t and theta alone.
fn value(text: &str, [x, t, theta]: [f64; 3]) -> f64 {
    let inputs = [vec![x], vec![t], vec![theta]];
    let columns = [vec![10.0], vec![20.0]];
    let normals = [vec![0.6], vec![0.8], vec![0.0]];
    let points = PointData { inputs: &inputs, columns: &columns, normals: &normals };
    // Point by point, as the derivative of a truth is taken.
    let scope = Scope { allow_rough: true, ..scope() };
    let expression = Expression::value("test", text, &scope).unwrap_or_else(|error| panic!("{error}"));
    expression.evaluate(&points, &[0.1, 3.0], None)[0]
}

#[test]
fn operators_bind_as_in_mathematics() {
    for (text, expected) in [
        ("1 - 2 - 3", -4.0),
        ("2*x + 1", 4.0),
        ("-x^2", -2.25),
        ("2^-x", 2.0_f64.powf(-1.5)),
        ("2^3^2", 512.0),
        ("2**-1 + +1", 1.5),
        ("-2^-2", -0.25),
        ("8/2/2", 2.0),
        ("8/2*2", 8.0),
        ("2*-x", -3.0),
        ("x - -x", 3.0),
        ("(1 + x)*2", 5.0),
        ("1e2 + .5 + 2.", 102.5),
    ] {
        assert_eq!(value(text, [1.5, 0.0, 0.0]), expected, "{text}");
    }
}

#[test]
fn functions_and_names() {
    let at = [0.3, -0.7, 0.5];
    let [x, t, theta]: [f64; 3] = at;
    for (text, expected) in [
        ("sin(x) + cos(t) + tan(theta)", x.sin() + t.cos() + theta.tan()),
        ("asin(x) + acos(t) + atan(theta)", x.asin() + t.acos() + theta.atan()),
        ("sinh(x) + cosh(t) + tanh(theta)", x.sinh() + t.cosh() + theta.tanh()),
        ("exp(x) + log(x) + sqrt(x)", x.exp() + x.ln() + x.sqrt()),
        ("erf(x) + sigmoid(t)", libm::erf(x) + 1.0 / (1.0 + (-t).exp())),
        ("abs(t) + 10*sign(t) + 100*sign(x)", 90.7),
        ("sqrt(4*t^2) + (x^2*t^4)^0.5 + sqrt(t^-2) + d(sqrt((x - 0.3)^2), x)", 1.4 + 0.3 * 0.49 + 1.0 / 0.7),
        ("min(x, t) + 10*max(x, t)", -0.7 + 3.0),
        ("heaviside(x) + 10*heaviside(t) + 100*heaviside(0)", 101.0),
        ("pow(x, theta) + x^2.5 + x^-1.5", x.powf(0.5) + x.powf(2.5) + x.powf(-1.5)),
        ("if(x > t, 1, 2) + if(x <= t, 10, 20) + if(x >= 0.3, 100, 200) + if(x < 0.3, 1000, 2000)", 2121.0),
        ("floor(t) + 10*ceil(t) + 100*floor(x) + 1000*ceil(x) + 10000*floor(-2)", -1.0 + 1000.0 - 20000.0),
        ("mod(x, 1) + 10*mod(t, 1) + 100*mod(-7, 3) + 1000*mod(7, -3)", 0.3 + 3.0 + 200.0 - 2000.0),
        ("d(mod(x + 3, 1), x) + d(mod(x*t, t), t) + d(floor(7*x), x)", 1.0 + 0.3 - 0.0),
        ("if(x > 0 and t > 0, 1, 2) + if(x > 0 or t > 0, 10, 20) + if(not x > 0, 100, 200)", 212.0),
        ("if(not (x > 0 and t > 0) and theta == 0.5, 1, 2) + if(x != 0.3 or not t < 0, 10, 20)", 21.0),
        ("if(x > 0 or x > 1 and x > 2, 1, 2) + if(not x > 0 or x > 0, 10, 20)", 11.0),
        ("laplacian(x^3*t*theta^2)", 6.0 * x * t * theta * theta + 2.0 * x.powi(3) * t),
        ("laplacian(x^3*t^2, x, t)", 6.0 * x * t * t + 2.0 * x.powi(3)),
        ("div(x^2*t, x*theta^3)", 2.0 * x * t + 3.0 * x * theta * theta),
        ("grad_n(x^2*t*theta)", 0.6 * 2.0 * x * t * theta),
        ("integral(s^2*x, s, t, 1) + integral(x^3, x, 0, 2, 2)", x * (1.0 - t.powi(3)) / 3.0 + 4.0),
        ("integral(integral(s*r, s, 0, r), r, 0, 1) + integral(integral(s, s, 0, s), s, 0, 1)", 0.125 + 1.0 / 6.0),
        ("pi + e", std::f64::consts::PI + std::f64::consts::E),
        ("u_measured + `du/dx (m)`", 30.0),
        ("n_x + 10*n_t + 100*n_theta", 8.6),
        ("nu + k", 3.1),
        ("d(sin(x)*t^2, x) + d(x*t, x, t)", x.cos() * t * t + 1.0),
        ("wave_x + 10*wave_t + 100*d(wave, theta)", 2.0 * (2.0 * x).cos() + 30.0),
        ("d(x^theta, theta)", x.powf(theta) * x.ln()),
        ("d(if(x > 0, sqrt(x), 0), x)", 0.5 / x.sqrt()),
        ("d(if(t > 0, sqrt(t), 7), t)", 0.0),
        ("d(abs(t), t) + d(min(x, t), t) + d(sign(t), t)", 0.0),
    ] {
        let value = value(text, at);
        assert!((value - expected).abs() < 1e-12, "{text}: {value}, not {expected}");
    }
}

#[test]
fn the_users_names_win() {
    let mut scope = scope();
    scope.coefficients = vec!["e".into(), "sin".into()];
    let expression = Expression::value("test", "e + 10*sin(sin)", &scope).unwrap();
    assert_eq!(expression.leaves(), [Leaf::Coefficient(0), Leaf::Coefficient(1)]);
    let value = expression.evaluate(&PointData { inputs: &[vec![0.0; 3]], ..Default::default() }, &[5.0, 0.0], None);
    assert_eq!(value, [5.0; 3]);
}

#[test]
fn only_what_is_read_travels() {
    let second = |i, j| Derivative::Second(i, j);
    for (text, derivatives) in [
        ("u_t + flux = nu*u_xx", vec![Derivative::First(1), Derivative::Value, Derivative::First(0), second(0, 0)]),
        ("u_tx", vec![second(0, 1)]),
        ("d(u, theta, x)", vec![second(0, 2)]),
        ("d(x*u, x)", vec![Derivative::Value, Derivative::First(0)]),
        ("u_xx - u_xx + u - u", vec![]),
        ("0*u_xx + u^0 + u/u", vec![]),
    ] {
        let read: Vec<_> = residual(text).entries().iter().map(|entry| entry.derivative).collect();
        let set = |list: &[Derivative]| list.iter().copied().collect::<std::collections::HashSet<_>>();
        assert_eq!(set(&read), set(&derivatives), "{text}");
    }
    assert_eq!(layout(&mut [residual("u_t + flux = nu*u_xx")], 3).channels(), 4);
}

#[test]
fn a_measurement_is_one_column_and_one_product() {
    let normalizer =
        Normalizer { outputs: Scaling { mean: vec![1e6, 0.0], scale: vec![0.5, 1.0] }, ..Normalizer::identity(3, 2) };
    let expression = residual("u - u_measured");
    let residual = compiled(&expression, &normalizer);
    let slot = Slot { place: 0, entry: Entry::value(0), network: 0, output: 0, channel: 0 };
    assert_eq!((residual.slots(), residual.hoisted()), ([slot].as_slice(), 1));
    let columns = [vec![1e6 + 0.25], vec![0.0]];
    let points = PointData { inputs: &[vec![0.0], vec![0.0], vec![0.0]], columns: &columns, normals: &[] };
    assert_eq!(residual.hoist(&points), [[-0.25]]);
    assert_eq!(residual.program().instructions(2), 2);
    assert_eq!(
        residual.program().wgsl("term", 2),
        "fn term(z0: f32, h0: f32) -> array<f32, 2> {\n    \
         let v0 = z0 * 0.5f;\n    let v1 = v0 + h0;\n    return array<f32, 2>(v1, 0.5f);\n}\n"
    );
}

#[test]
fn point_data_is_taken_out_of_sums_and_products() {
    for (text, columns, instructions) in [
        // sin(x)·t and its multiples are one column.
        ("sin(x)*t*u - 2*sin(x)*t", 1, 3),
        ("nu*u_xx + exp(-t)*(1 - pi^2)*sin(pi*x) - u_t", 1, 4),
        ("u*u_x*x", 1, 3),
        // The condition, which is the slope by u too, and the slope by v.
        ("if(x < 0.5, u, v)", 2, 1),
        ("x + t = 1", 1, 0),
    ] {
        let expression = residual(text);
        let residual = compiled(&expression, &Normalizer::identity(3, 2));
        let program = residual.program();
        assert_eq!((residual.hoisted(), program.instructions(program.outputs())), (columns, instructions), "{text}");
    }
}

#[test]
fn jets_are_evaluated_in_the_users_units() {
    let layout = JetLayout::selected(3, [Derivative::First(0), Derivative::Second(0, 0)]);
    let jets = Jets { layout, outputs: 2, values: [2.0, 3.0, 5.0, 7.0, 11.0, 13.0].to_vec() };
    let points = PointData { inputs: &[vec![0.5], vec![0.0], vec![0.0]], ..Default::default() };
    let value = |text| residual(text).evaluate(&points, &[0.1, 3.0], Some(&jets))[0];
    assert_eq!(value("x + u = k*v_x"), 2.5 - 33.0);
    assert_eq!(value("d(x*flux, x)"), 6.0 + 0.5 * (9.0 + 10.0));
}
