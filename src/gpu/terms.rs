//! The terms of a loss as WGSL: their printed programs, and how the fixed kernels of `residual.wgsl`
//! call them.

use std::fmt::Write;

use crate::expression::{Leaf, Residual, Slot};
use crate::jet::JetLayout;
use crate::network::NetworkSpec;

/// Three functions over one point: `residuals` gives r of each term, `cotangents` adds
/// ∂loss/∂jet to `bar`, `coefficient_slopes` gives ∂loss/∂c of each coefficient.
///
/// The jets of a loss that reads the network at several places lie as (M, C, places, B). The residuals'
/// columns begin at row `input_rows` of the batch.
pub fn source(layout: &JetLayout, spec: &NetworkSpec, places: usize, input_rows: usize, terms: &[Residual]) -> String {
    let mut programs = String::new();
    let (mut values, mut cotangents, mut slopes) = (vec![], String::new(), String::new());
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
        let share = format!("2.0 * weights[{index}] * share * t[0]");
        let begin = format!("    {{\n        let t = term_{index}({arguments});\n        let s = {share};\n");
        cotangents += &begin;
        for slot in 0..residual.slots().len() {
            line(&mut cotangents, format_args!("add({}u, point, s * t[{}]);", row(slot), 1 + slot));
        }
        cotangents += "    }\n";
        if !residual.coefficients().is_empty() {
            slopes += &begin;
            for (k, coefficient) in residual.coefficients().iter().enumerate() {
                let place = 1 + residual.slots().len() + k;
                line(&mut slopes, format_args!("slopes[{coefficient}] += s * t[{place}];"));
            }
            slopes += "    }\n";
        }
        column += residual.hoisted();
    }
    let (count, coefficients) = (terms.len(), spec.coefficients.max(1));
    format!(
        "{programs}
fn residuals(point: u32) -> array<f32, {count}> {{
    return array<f32, {count}>({});
}}

fn cotangents(point: u32, share: f32) {{
{cotangents}}}

fn coefficient_slopes(point: u32, share: f32) -> array<f32, {coefficients}> {{
    var slopes = array<f32, {coefficients}>();
{slopes}    return slopes;
}}
",
        values.join(", ")
    )
}

fn line(text: &mut String, statement: std::fmt::Arguments<'_>) {
    writeln!(text, "        {statement}").expect("writing to a string");
}
