//! The terms of a loss as WGSL: their printed programs, and how the fixed kernels of `residual.wgsl`
//! call them.

use std::fmt::Write;

use crate::expression::{Leaf, Residual, Slot};
use crate::jet::JetLayout;
use crate::network::NetworkSpec;

/// Three functions over one point: `residuals` gives r of each term, `cotangents` keeps its
/// square and writes ∂loss/∂jet to `bar`, `coefficient_slopes` gives ∂loss/∂c of each coefficient.
///
/// The jets of a loss that reads the network at several places lie as (M, C, places, B). The residuals'
/// columns begin at row `input_rows` of the batch.
pub fn source(layout: &JetLayout, spec: &NetworkSpec, places: usize, input_rows: usize, terms: &[Residual]) -> String {
    let mut programs = String::new();
    let (mut values, mut slopes) = (vec![], String::new());
    // First everything is read and computed, then written: a GPU waits for each read that follows a write.
    let (mut computed, mut kept) = (String::new(), String::new());
    let mut column = input_rows;
    for (index, residual) in terms.iter().enumerate() {
        let program = residual.program();
        let row = |slot: usize| {
            let Slot { place, entry, channel } = residual.slots()[slot];
            (entry.output * layout.channels() + channel) * places + place
        };
        let read = |leaf: &Leaf| match *leaf {
            Leaf::Slot(slot) => format!("jet({}u, point)", row(slot)),
            Leaf::Hoisted(hoisted) => format!("known({}u, point)", column + hoisted),
            Leaf::Coefficient(coefficient) => format!("coefficient({coefficient}u)"),
            _ => unreachable!("a compiled residual reads slots, columns and coefficients"),
        };
        let arguments = program.reads().iter().map(read).collect::<Vec<_>>().join(", ");
        programs += &program.wgsl(&format!("value_{index}"), 1);
        programs += &program.wgsl(&format!("term_{index}"), program.outputs());
        values.push(format!("value_{index}({arguments})[0]"));
        let share = |t: &str| format!("2.0 * weights[{index}] * (weight * now.per_point) * {t}[0]");
        let t = format!("t_{index}");
        line(&mut computed, format_args!("let {t} = term_{index}({arguments});"));
        line(&mut computed, format_args!("let s_{index} = {};", share(&t)));
        line(&mut kept, format_args!("keep_square({index}u, point, weight, {t}[0]);"));
        for slot in 0..residual.slots().len() {
            line(&mut computed, format_args!("bars[{}] += s_{index} * {t}[{}];", row(slot), 1 + slot));
        }
        if !residual.coefficients().is_empty() {
            slopes += &format!("    {{\n        let t = term_{index}({arguments});\n        let s = {};\n", share("t"));
            for (k, coefficient) in residual.coefficients().iter().enumerate() {
                let place = 1 + residual.slots().len() + k;
                line(&mut slopes, format_args!("slopes[{coefficient}] += s * t[{place}];"));
            }
            slopes += "    }\n";
        }
        column += residual.hoisted();
    }
    let (count, coefficients) = (terms.len(), spec.coefficients.max(1));
    let rows = spec.outputs * layout.channels() * places;
    for row in 0..rows {
        line(&mut kept, format_args!("bar[{row}u * shape.points + point] = bars[{row}];"));
    }
    format!(
        "{programs}
fn residuals(point: u32) -> array<f32, {count}> {{
    return array<f32, {count}>({});
}}

fn cotangents(point: u32, weight: f32) {{
    var bars = array<f32, {rows}>();
{computed}{kept}}}

fn coefficient_slopes(point: u32, weight: f32) -> array<f32, {coefficients}> {{
    var slopes = array<f32, {coefficients}>();
{slopes}    return slopes;
}}
",
        values.join(", ")
    )
}

fn line(text: &mut String, statement: std::fmt::Arguments<'_>) {
    writeln!(text, "    {statement}").expect("writing to a string");
}
