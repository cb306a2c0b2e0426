//! Fields from files in expressions.

use std::sync::Arc;

use super::scope;
use crate::data::{Field, Interpolation};
use crate::expression::{Expression, FieldCall, Fields, PointData, Scope, field_calls, places, with_files};
use crate::jet::{Derivative, JetLayout, Normalizer};

/// sin(2x) cos(t) on a grid over [-1, 2] × [0, 1].
fn fields(text: &str) -> Fields {
    let field = |call: FieldCall| {
        let axis = |from: f64, to: f64, count: usize| {
            (0..count).map(|k| from + (to - from) * (k as f64 / (count - 1) as f64).powf(1.1)).collect::<Vec<_>>()
        };
        let axes = match call.columns.arguments.len() {
            1 => vec![axis(-1.0, 2.0, 41)],
            _ => vec![axis(-1.0, 2.0, 41), axis(0.0, 1.0, 21)],
        };
        let value = |x: f64, t: f64| (2.0 * x).sin() * t.cos();
        let values = match &axes[..] {
            [x] => x.iter().map(|x| value(*x, 0.0)).collect(),
            axes => axes[0].iter().flat_map(|x| axes[1].iter().map(move |t| value(*x, *t))).collect(),
        };
        (call.clone(), Arc::new(Field::new(axes, values, call.interpolation)))
    };
    Fields::new(field_calls(text).into_iter().map(field))
}

fn read(text: &str) -> Result<Expression, String> {
    let scope = Scope { fields: fields(text), ..scope() };
    Expression::residual("job.toml", text, &scope).map_err(|error| error.to_string())
}

fn value(expression: &Expression, [x, t]: [f64; 2]) -> f64 {
    let inputs = [vec![x], vec![t], vec![0.25]];
    let columns = [vec![0.5], vec![0.75]];
    let points = PointData { inputs: &inputs, columns: &columns, normals: &[] };
    expression.evaluate(&points, &[0.1, 3.0], None)[0]
}

#[test]
fn fields_are_the_function_between_their_nodes() {
    let at = [0.3, 0.6];
    let [x, t]: [f64; 2] = at;
    for (text, exact, slack) in [
        ("interp('k.csv', x, t)", (2.0 * x).sin() * t.cos(), 3e-3),
        ("interp_cubic('k.csv', x, t)", (2.0 * x).sin() * t.cos(), 1e-5),
        ("interp('k.csv', 'v', u_measured)", 1f64.sin(), 3e-3),
        ("interp_cubic('k.csv', x + 1, 1 - t) + 2*nu", (2.0 * (x + 1.0)).sin() * (1.0 - t).cos() + 0.2, 1e-5),
        ("d(interp_cubic('k.csv', x, t), x)", 2.0 * (2.0 * x).cos() * t.cos(), 2e-4),
        (
            "d(interp_cubic('k.csv', x*t, t), t)",
            2.0 * x * (2.0 * x * t).cos() * t.cos() - (2.0 * x * t).sin() * t.sin(),
            3e-4,
        ),
        ("d(interp_cubic('k.csv', x, t), x, t)", -2.0 * (2.0 * x).cos() * t.sin(), 3e-4),
        ("d(interp_cubic('k.csv', x^2), x, x)", 4.0 * (2.0 * x * x).cos() - 16.0 * x * x * (2.0 * x * x).sin(), 6e-3),
        ("interp_cubic('k.csv', 0.5, 0.5)", 1f64.sin() * 0.5f64.cos(), 1e-5),
        ("integral(interp_cubic('k.csv', s), s, 0, 1, 9)", 0.5 * (1.0 - 2f64.cos()), 1e-5),
    ] {
        let found = value(&read(text).unwrap_or_else(|error| panic!("{error}")), at);
        assert!((found - exact).abs() < slack, "{text}: {found}, not {exact}");
    }
}

#[test]
fn derivatives_are_those_of_differences() {
    let text = "interp_cubic('k.csv', x*t, t)*x";
    let expression = read(text).unwrap();
    for derivative in [Derivative::First(0), Derivative::First(1), Derivative::Second(0, 0), Derivative::Second(0, 1)] {
        let derived = expression.clone().derived(derivative, &[]).unwrap();
        let before = match derivative {
            Derivative::Second(i, _) => expression.clone().derived(Derivative::First(i), &[]).unwrap(),
            _ => expression.clone(),
        };
        let by = match derivative {
            Derivative::First(i) | Derivative::Second(_, i) => i,
            _ => unreachable!(),
        };
        for at in [[0.4, 0.3], [1.7, 0.9]] {
            let step = 1e-6;
            let [above, below] = [step, -step].map(|step| {
                let mut at = at;
                at[by] += step;
                value(&before, at)
            });
            let (found, difference) = (value(&derived, at), (above - below) / (2.0 * step));
            // Rounding over the step, and the jump of the third derivative within it.
            assert!((found - difference).abs() < 1e-5, "{derivative:?} at {at:?}: {found}, not {difference}");
        }
    }
}

#[test]
fn kernels_find_fields_in_columns() {
    let expression =
        read("interp('k.csv', x, t)*u_x + exp(interp('k.csv', x, t) - x)*nu - interp_cubic('k.csv', t)").unwrap();
    let residual = super::compiled(&expression, &Normalizer::identity(3, 2));
    assert_eq!(residual.hoisted(), 3);
    let wgsl = residual.program().wgsl("residual", residual.program().outputs());
    assert!(wgsl.contains("h0") && wgsl.contains("h1"), "{wgsl}");
    // The derivative by the only slot is the field itself.
    let points = PointData { inputs: &[vec![0.3], vec![0.6], vec![0.0]], ..PointData::default() };
    let k = value(&read("interp('k.csv', x, t)").unwrap(), [0.3, 0.6]);
    assert!(residual.hoist(&points).iter().any(|column| column[0] == k));
}

#[test]
fn fields_move_with_what_reads_them() {
    let mut scope = Scope { fields: fields("interp_cubic('k.csv', x, t)"), ..scope() };
    scope.definitions.insert("flow".into(), "interp_cubic('k.csv', x, t)*u_x".into());
    let mut moved = [Expression::residual("job.toml", "flow(0.5, t, theta) - flow", &scope).unwrap()];
    assert_eq!(places(&mut moved).count(), 2);
    assert_eq!(moved[0].entries().len(), 2);
    let derived = Expression::residual("job.toml", "flow_x", &scope).unwrap();
    assert_eq!(crate::expression::layout(&mut [derived], 3), JetLayout::selected(3, [Derivative::Second(0, 0)]));
}

#[test]
fn what_a_field_cannot_do_is_said() {
    let check = |text: &str, problem: &str, underlined: &str, help: &str| {
        let message = read(text).unwrap_err();
        let lines: Vec<_> = message.lines().collect();
        assert!(lines[0].contains(problem) && lines[3].contains(help), "{message}");
        let marked = lines[1].chars().zip(lines[2].chars()).filter(|(_, mark)| *mark == '^').map(|(c, _)| c);
        assert_eq!(marked.collect::<String>(), underlined, "{message}");
    };
    check("interp('k.csv', u, t)", "depends on trained quantities", "u", "as a formula");
    check("interp('k.csv', 2.1, 0.5)", "outside of the grid", "interp('k.csv', 2.1, 0.5)", "min(max(x, low), high)");
    check("interp(x, t)", "name of a file between quotes", "interp(x, t)", "interp(\"k.csv\", x, y)");
    check("interp('k.csv')", "1 to 4 arguments", "interp('k.csv')", "interp(\"k.csv\", x, y)");
    check("interp('a', 'b', 'c', x)", "1 to 4 arguments", "interp('a', 'b', 'c', x)", "");
    check("interp_cubic('k.csv', x, t, x, t, x)", "1 to 4 arguments", "interp_cubic('k.csv', x, t, x, t, x)", "");
    check(
        "d(interp('k.csv', x, t), x)",
        "straight between its nodes",
        "d(interp('k.csv', x, t), x)",
        "use interp_cubic",
    );
    check(
        "d(d(interp_cubic('k.csv', x), x, x), x)",
        "third derivative",
        "d(d(interp_cubic('k.csv', x), x, x), x)",
        "formula",
    );
    check("intrp('k.csv', x)", "this is a text", "'k.csv'", "without quotes");
    // A derivative by something else goes through nothing.
    assert!(read("d(interp('k.csv', x)*u, t)").is_ok());
    let unknown = Expression::residual("job.toml", "u + interp('other.csv', x)", &scope()).unwrap_err().to_string();
    assert!(unknown.contains("no file \"other.csv\" is known here"), "{unknown}");
}

#[test]
fn outside_of_the_grid_the_culprit_says_where_it_ends() {
    let text = "u + interp('k.csv', 3*x, t)";
    let expression = read(text).unwrap();
    let scope = Scope { fields: fields(text), ..scope() };
    let inputs = [vec![0.9], vec![0.5], vec![0.0]];
    let jets = crate::jet::Jets { layout: JetLayout::value(3), outputs: 2, values: vec![1.0; 2] };
    let points = PointData { inputs: &inputs, ..PointData::default() };
    let culprit = expression.culprit(&points, &[], Some(&jets), &scope).unwrap();
    assert_eq!(culprit.text, "interp(\"k.csv\", 3*x, t)");
    assert!(culprit.help.contains("the grid of k.csv has 3*x from -1 to 2, t from 0 to 1"), "{}", culprit.help);
}

#[test]
fn the_files_of_a_text_are_known_and_renamed() {
    let text = "u + interp('a b.csv', x)*interp_cubic(\"k.csv\", \"v\", x + 1, t) - interp('a b.csv', x)";
    let files: Vec<String> = field_calls(text).into_iter().map(|call| call.file).collect();
    assert_eq!(files, ["a b.csv", "k.csv"]);
    assert_eq!(field_calls(text)[1].interpolation, Interpolation::Cubic);
    let renamed = with_files(text, |file| format!("/data/{file}"));
    assert_eq!(
        renamed,
        "u + interp(\"/data/a b.csv\", x)*interp_cubic(\"/data/k.csv\", \"v\", x + 1, t) - interp(\"/data/a b.csv\", x)"
    );
    assert_eq!(with_files("not an ' expression", |file| file.to_uppercase()), "not an ' expression");
}
