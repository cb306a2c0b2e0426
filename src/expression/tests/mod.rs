//! Tests of the whole pipeline; what one file does alone is tested in that file.

mod field;
mod meaning;
mod messages;
mod place;
mod random;
mod shader;
#[path = "../../../tests/it/trees/mod.rs"]
mod trees;

use super::{Expression, Residual, Scope, layout};
use crate::jet::Normalizer;

/// Inputs x, t and theta; outputs u and v; columns u_measured and `du/dx (m)`; coefficients nu and k;
/// two definitions.
fn scope() -> Scope {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    Scope {
        inputs: names(&["x", "t", "theta"]),
        outputs: names(&["u", "v"]),
        columns: names(&["u_measured", "du/dx (m)"]),
        coefficients: names(&["nu", "k"]),
        definitions: [("flux", "u*u_x"), ("wave", "sin(2*x) + k*t")].map(|(a, b)| (a.into(), b.into())).into(),
        normals: true,
        ..Scope::default()
    }
}

fn residual(text: &str) -> Expression {
    Expression::residual("job.toml", text, &scope()).unwrap_or_else(|error| panic!("{error}"))
}

/// The residual as kernels read it, in a layout of its own.
fn compiled(expression: &Expression, normalizer: &Normalizer) -> Residual {
    let mut expressions = [expression.clone()];
    let layout = layout(&mut expressions, 3);
    expressions[0].compile(&layout, normalizer)
}
