//! `jetfit import`: a network of another program as a model.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::files;
use crate::import::{Imported, Options, import};
use crate::jet::{Activation, Scaling};
use crate::network::Model;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::Format;

/// Turn a network of Keras, PyTorch or ONNX into a model
///
/// Reads .keras and .h5 (Keras 2 and 3), .pt and .pth (torch.save: a module of torch.nn, or a state dict), .safetensors
/// with any names, and .onnx. Nothing in a file is executed. predict, check and bench then work on the model, and
/// training can start from it. What cannot be imported is named.
#[derive(Args)]
#[command(after_help = "Examples:
  jetfit import model.keras --out model.safetensors --inputs x,t --outputs u
  jetfit import weights.pt --activation tanh --out model.safetensors
  jetfit import net.onnx --input-mean 5 --input-scale 2.9 --output-scale 0.7 --out model.safetensors")]
pub struct Arguments {
    /// The file of another program
    file: PathBuf,

    /// The model to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Names of the inputs, in their order [default: x, or x0,x1,...]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    inputs: Vec<String>,

    /// Names of the outputs, in their order [default: y, or y0,y1,...]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    outputs: Vec<String>,

    /// Activation of all hidden layers, or one for each; only for weights without a network: a state dict or safetensors
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = activation())]
    activation: Vec<Activation>,

    /// Names of the layers in their order, where names and shapes of the tensors do not say it
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    layers: Vec<String>,

    /// The network was trained on (x - MEAN)/SCALE: one mean for each input [default: 0]
    #[arg(long, value_name = "MEANS", value_delimiter = ',', allow_hyphen_values = true)]
    input_mean: Vec<f64>,

    /// One scale for each input [default: 1]
    #[arg(long, value_name = "SCALES", value_delimiter = ',', allow_hyphen_values = true)]
    input_scale: Vec<f64>,

    /// The network gives (y - MEAN)/SCALE: one mean for each output [default: 0]
    #[arg(long, value_name = "MEANS", value_delimiter = ',', allow_hyphen_values = true)]
    output_mean: Vec<f64>,

    /// One scale for each output [default: 1]
    #[arg(long, value_name = "SCALES", value_delimiter = ',', allow_hyphen_values = true)]
    output_scale: Vec<f64>,

    /// Replace the model if it exists
    #[arg(long)]
    force: bool,

    /// Output format on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn activation() -> impl TypedValueParser<Value = Activation> {
    PossibleValuesParser::new(Activation::ALL.map(Activation::name)).try_map(|name| name.parse::<Activation>())
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    let out = &arguments.out;
    if out.exists() && !arguments.force {
        return Err(Error::input(out.display(), "this file already exists", "choose another with --out, or --force"));
    }
    files::check_place(out)?;
    let options = Options {
        inputs: arguments.inputs,
        outputs: arguments.outputs,
        activations: arguments.activation,
        layers: arguments.layers,
        input_scaling: scaling(arguments.input_mean, arguments.input_scale),
        output_scaling: scaling(arguments.output_mean, arguments.output_scale),
    };
    let imported = import(&arguments.file, &options)?;
    imported.model.write(out)?;
    let out = out.display().to_string();
    super::print(&match arguments.format {
        Format::Json => as_json(&out, &imported),
        Format::Human => as_text(&out, &imported),
    })
}

/// Means with scales; those that are not given are 0 and 1.
fn scaling(mean: Vec<f64>, scale: Vec<f64>) -> Option<Scaling> {
    match (mean.len(), scale.len()) {
        (0, 0) => None,
        (0, count) => Some(Scaling { mean: vec![0.0; count], scale }),
        (count, 0) => Some(Scaling { mean, scale: vec![1.0; count] }),
        _ => Some(Scaling { mean, scale }),
    }
}

fn as_json(file: &str, imported: &Imported) -> String {
    let Imported { model, source, order, left_out, .. } = imported;
    let hidden = model.spec.networks[0]
        .hidden
        .iter()
        .map(|hidden| json!({ "width": hidden.width, "activation": hidden.activation.name(), "skip": hidden.skip }));
    let result = json!({
        "file": file, "source": source, "inputs": model.inputs, "outputs": model.outputs,
        "hidden": hidden.collect::<Vec<_>>(), "parameters": model.parameters.len(),
        "precision": model.precision.name(), "normalizer": model.normalizer, "order": order, "left_out": left_out,
    });
    result.to_string()
}

fn as_text(file: &str, imported: &Imported) -> String {
    let Imported { model, source, order, left_out, .. } = imported;
    let mut lines = vec![
        format!("{file}: {} parameters in {}, from {source}", model.parameters.len(), model.precision),
        format!("  inputs   {}", scaled(&model.inputs, &model.normalizer.inputs)),
        format!("  hidden   {}", hidden(model)),
        format!("  outputs  {}", scaled(&model.outputs, &model.normalizer.outputs)),
    ];
    if !order.is_empty() {
        lines.push(format!("  layers in the order {}; --layers gives another", order.join(", ")));
    }
    if !left_out.is_empty() {
        lines.push(format!("  left out {}: no effect after training", left_out.join(", ")));
    }
    lines.push(format!("next:  jetfit predict {file} --points points.csv"));
    lines.join("\n")
}

/// Names, with mean and scale where they are scaled.
fn scaled(names: &[String], scaling: &Scaling) -> String {
    let one = |(name, (mean, scale)): (&String, (&f64, &f64))| match (*mean, *scale) {
        (0.0, 1.0) => name.clone(),
        (mean, scale) => format!("{name} (mean {mean:.6}, scale {scale:.6})"),
    };
    let numbers = scaling.mean.iter().zip(&scaling.scale);
    names.iter().zip(numbers).map(one).collect::<Vec<_>>().join(", ")
}

/// The hidden layers, such as `32 tanh, 32 linear + layer 1`.
fn hidden(model: &Model) -> String {
    let one = |hidden: &crate::network::Hidden| {
        let skip = hidden.skip.map_or(String::new(), |skip| format!(" + layer {}", skip + 1));
        format!("{} {}{skip}", hidden.width, hidden.activation)
    };
    match model.spec.networks[0].hidden.is_empty() {
        true => "none: the network is linear".to_string(),
        false => model.spec.networks[0].hidden.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}
