//! Programs as WGSL: thousands of random ones validate, with no optional capability, and translate.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::trees::{NAMES, print, trees};
use super::{compiled, scope};
use crate::expression::{Expression, Residual};
use crate::jet::Normalizer;
use crate::testing::translate;

const MATH: &str = include_str!("../../../shaders/numbers/math_f32.wgsl");
const FUNCTIONS: &str = include_str!("../../../shaders/numbers/functions_f32.wgsl");

/// Expressions a module; a module of all would be slow to translate.
const EACH: usize = 250;

/// A function for each residual, and an entry point that calls them all.
fn module(residuals: &[Residual]) -> String {
    let mut source = format!("{MATH}\n{FUNCTIONS}\n");
    let mut calls = String::new();
    for (i, residual) in residuals.iter().enumerate() {
        let program = residual.program();
        source += &program.wgsl(&format!("residual_{i}"), program.outputs());
        let arguments: Vec<_> = (0..program.reads().len()).map(|read| format!("data[{read}]")).collect();
        calls += &format!("    data[{i}] += residual_{i}({})[0];\n", arguments.join(", "));
    }
    source += "@group(0) @binding(0) var<storage, read_write> data: array<f32>;\n";
    source + "@compute @workgroup_size(64) fn main() {\n" + &calls + "}\n"
}

#[test]
fn random_programs_validate_and_translate() {
    let mut runner = TestRunner::deterministic();
    let strategy = trees(&NAMES);
    let mut residual = || loop {
        let text = print(&strategy.new_tree(&mut runner).expect("a tree").current());
        if let Ok(expression) = Expression::residual("test", &text, &scope()) {
            return compiled(&expression, &Normalizer::identity(3, 2));
        }
    };
    for _ in 0..8 {
        let residuals: Vec<_> = (0..EACH).map(|_| residual()).collect();
        translate("random programs", &module(&residuals));
    }
}

#[test]
fn every_instruction_is_printed() {
    let text = "sqrt(u) + abs(u) + exp(u) + log(u) + sin(u) + cos(u) + asin(u) + acos(u) + atan(u) + sinh(u) + cosh(u) \
                + tanh(u) + erf(u) + sigmoid(u) + floor(u) + ceil(u) + if(u < v and not v == 1, u, 2) + u/v - u^v + if(u < v, 1e300, 1e-320) + if(u >= v, -1e300, u*v)";
    let expression = super::residual(text);
    let residual = compiled(&expression, &Normalizer::identity(3, 2));
    let source = module(&[residual]);
    for printed in
        ["sinh_f32(z0)", "pow_f32(z0, z1)", "3.4028235e38f", "0.0f", "(-3.4028235e38f)", "select(0.0, 1.0, z1 <= z0)"]
    {
        assert!(source.contains(printed), "{printed} in\n{source}");
    }
    translate("random programs", &source);
}
