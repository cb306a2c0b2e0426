//! A recipe as C99 that is C++, too: no allocation, one loop over the units of each layer.

mod places;
mod printer;
mod words;

use super::recipe::Unary;
use super::{Export, tensors};
use crate::error::{Error, Result};
use crate::network::Model;
use crate::numbers::Precision;

use printer::Printer;

/// What math.h has no function for.
pub const LACKING: &[Unary] = &[Unary::Sigmoid];

/// The file's text.
pub fn text(export: &Export, model: &Model) -> Result<String> {
    let name = &export.name;
    check_name(name)?;
    let value_alone = Export { order: 0, ..export.clone() };
    let mut value = value_alone.recipe(model, LACKING)?.finished(true);
    let mut jet = export.recipe(model, LACKING)?.finished(true);
    let tensors = tensors::shared(&mut [&mut value, &mut jet]);
    let is_f64 = export.precision == Precision::F64;
    let number = if is_f64 { "double" } else { "float" };
    let results: Vec<String> = export.shapes(model).iter().map(|(name, _)| format!("{number} *{name}")).collect();
    let value_signature = format!("void {name}_value(const {number} *x, {number} *u)");
    let jet_signature = format!("void {name}_jet(const {number} *x, {})", results.join(", "));
    let parts = [
        head(export, model),
        format!("#ifdef __cplusplus\nextern \"C\" {{\n#endif\n{value_signature};\n{jet_signature};\n"),
        "#ifdef __cplusplus\n}\n#endif\n\n".to_string(),
        tensors.iter().map(|tensor| words::table(tensor, is_f64)).collect(),
        LINEAR.replace("double", number),
        format!("\n{value_signature}\n{{\n{}}}\n", Printer::new(&value, is_f64).body()),
        format!("\n{jet_signature}\n{{\n{}}}\n", Printer::new(&jet, is_f64).body()),
    ];
    Ok(parts.concat())
}

/// The product of matrices of a layer, written so that a compiler can use vectors without changing the order of a sum.
const LINEAR: &str = "\
/* z = a w for rows of a (rows, in), w (in, out) and z (rows, out) */
static void linear(int rows, int in, int out, const double *a, const double *w, double *z)
{
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < out; i++)
            z[r * out + i] = 0;
        for (int j = 0; j < in; j++)
            for (int i = 0; i < out; i++)
                z[r * out + i] += a[r * in + j] * w[j * out + i];
    }
}
";

fn check_name(name: &str) -> Result<()> {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit()) {
        return Ok(());
    }
    let problem = format!("{name:?} is no name in C");
    Err(Error::input("--name", problem, "use letters, digits and underscores, for example heat"))
}

/// The comment at the top, and what is included.
fn head(export: &Export, model: &Model) -> String {
    let shapes = export.shapes(model).into_iter().map(|(name, shape)| {
        let extents: Vec<String> = shape.iter().map(|extent| format!("[{extent}]")).collect();
        format!("{name}{}", extents.concat())
    });
    let (inputs, outputs, name) = (model.inputs.len(), model.outputs.len(), &export.name);
    let text = [
        format!("A network and its exact derivatives, written by jetfit {}.", env!("CARGO_PKG_VERSION")),
        format!("\n{}\n", export.summary(model)),
        format!("{name}_value gives u[{outputs}] at the point x[{inputs}],"),
        format!("{name}_jet gives {}, the last index running fastest.", shapes.collect::<Vec<_>>().join(", ")),
        "Nothing is allocated, and several threads may call them at once. Compile with -O3, link with -lm.".to_string(),
    ];
    let text = text.join("\n").replace("*/", "* /");
    let comment: Vec<String> = text.lines().map(|line| format!(" * {line}").trim_end().to_string()).collect();
    format!("/*\n{}\n */\n#include <math.h>\n\n", comment.join("\n"))
}
