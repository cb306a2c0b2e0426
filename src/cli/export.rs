//! `jetfit export`: a trained network as a file for another program.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::export::{Export, Format};
use crate::files;
use crate::jet::{Derivative, Seconds};
use crate::network::{Model, model_path};
use crate::numbers::Precision;
use crate::run::ensemble;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::predict::seconds;

/// Write a trained network with its derivatives as a file for another program
///
/// Scaling, features and transforms are inside, so that values and derivatives are in your units, as
/// those of `predict`. The outputs are u (B, M), du (B, M, D), and d2u (B, M, D), or (B, M) for the
/// Laplacian, or (B, M, D, D) for the full Hessian; B points, M outputs, D inputs.
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit export runs/heat --format onnx --out heat.onnx
  jetfit export runs/heat --format onnx --precision f32 --second laplacian --out heat.onnx
  jetfit export runs/heat --format c --name heat --out heat.c       # void heat_jet(...)
  jetfit export model.safetensors --format torch --out model.py     # class Jetfit(torch.nn.Module)
  jetfit export model.safetensors --format numpy --order 1 --out model.py")]
pub struct Arguments {
    /// A model.safetensors file or a run directory
    #[arg(value_name = "MODEL|RUN_DIR")]
    model: PathBuf,

    /// What to write: an ONNX graph, a Python file for PyTorch or for NumPy alone, or a file of C99
    #[arg(long, value_parser = format())]
    format: Format,

    /// Output file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Highest order of derivatives: 0, 1 or 2
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=Derivative::MOST as i64))]
    order: u8,

    /// Second derivatives: one per input, only their sum, or all including mixed ones
    #[arg(long, default_value = Seconds::Diagonal.name(), value_parser = seconds())]
    second: Seconds,

    /// Floating-point format: f32 or f64 [default: the model's for onnx and torch, f64 for c and numpy]
    #[arg(long, value_parser = precision())]
    precision: Option<Precision>,

    /// What the C functions are called, NAME_value and NAME_jet [default: the output's name, or `net`]
    #[arg(long)]
    name: Option<String>,

    /// Replace the file if it exists
    #[arg(long)]
    force: bool,

    /// Write derivatives even where they do not exist: second derivatives of relu, leaky_relu and elu,
    /// and derivatives across a jump of a transform or a feature
    #[arg(long)]
    allow_rough: bool,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}

fn precision() -> impl TypedValueParser<Value = Precision> {
    let names = [Precision::F32, Precision::F64].map(Precision::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Precision>())
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments { model: path, format, out, .. } = &arguments;
    if ensemble::is_ensemble(path) {
        let problem = "this is an ensemble, and a file holds one network";
        let help = format!("export a member, for example {}", path.join("member-1").display());
        return Err(Error::input(path.display(), problem, help));
    }
    let path = model_path(path)?;
    check_free(out, &path, arguments.force)?;
    files::check_place(out)?;
    let model = Model::read(&path)?;
    let (order, second) = (usize::from(arguments.order), arguments.second);
    if order > 2 {
        let problem = "an exported network has derivatives up to the second order";
        let help = "use --order 2; `jetfit predict` and the Python and Rust libraries have orders 3 and 4";
        return Err(Error::input(format_args!("--order {order}"), problem, help));
    }
    let layout = second.layout(order, model.inputs.len());
    let (outputs, laplacian) = (model.derivatives(), layout.laplacian());
    let entries = outputs.jets(&layout);
    if let Err(error) = outputs.supports(&entries, laplacian, &format!("--order {order}")) {
        if !arguments.allow_rough {
            return Err(error);
        }
        super::warn(&outputs.rough_warning(&entries, laplacian));
    }
    let own = match format {
        Format::Onnx | Format::Torch => model.precision.stored(),
        _ => Precision::F64,
    };
    let name = arguments.name.clone().unwrap_or_else(|| function_name(&model));
    let precision = arguments.precision.unwrap_or(own);
    let bytes = Export { format: *format, order, seconds: second, precision, name }.bytes(&model)?;
    files::write_atomically(out, |writer| writer.write_all(&bytes).map_err(|error| Error::io(out, error)))?;
    let (file, size) = (out.display().to_string(), bytes.len());
    super::print(&match arguments.json {
        true => {
            let result = json!({
                "file": file, "bytes": size, "format": format.name(), "order": order, "second": second.name(),
                "precision": precision.name(), "inputs": model.inputs, "outputs": model.outputs,
            });
            result.to_string()
        }
        false => {
            let what = ["values", "values and first derivatives", "values, first and second derivatives"][order];
            let kind = if order == 2 { format!(" ({second})") } else { String::new() };
            format!("{file}: {what}{kind} of {} in {precision}, {size} bytes", model.outputs.join(", "))
        }
    })
}

/// An output that is there is kept unless it may go; the model itself is never replaced.
fn check_free(out: &Path, model: &Path, force: bool) -> Result<()> {
    let place = format!("--out {}", out.display());
    let same =
        |a: &Path, b: &Path| std::fs::canonicalize(a).is_ok_and(|a| std::fs::canonicalize(b).is_ok_and(|b| a == b));
    if same(out, model) {
        return Err(Error::input(place, "the output would overwrite the model", "choose another file"));
    }
    match out.is_file() && !force {
        true => Err(Error::input(place, "this file exists", "choose another file, or replace it with --force")),
        false => Ok(()),
    }
}

/// The one output's name where C takes it.
fn function_name(model: &Model) -> String {
    let is_name = |name: &&String| {
        let is_letter = |c: char| c.is_ascii_alphabetic();
        name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '_')
    };
    match model.outputs.as_slice() {
        [one] => Some(one).filter(is_name).cloned(),
        _ => None,
    }
    .unwrap_or_else(|| "net".to_string())
}
