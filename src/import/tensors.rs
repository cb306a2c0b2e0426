//! Tensors by name: a state dict, or a safetensors file of any program. Names say which tensors make a layer, and
//! shapes or numbers in names in which order layers follow each other. σ is the user's to say.

use std::collections::BTreeMap;
use std::path::Path;

use super::graph::{At, Graph};
use super::{Options, Read};
use crate::error::{Error, Result, suggest};
use crate::files::safetensors_file::{Tensor, TensorFile};
use crate::jet::Activation;
use crate::network::Model;
use crate::numbers::Precision;

/// Reads a safetensors file.
pub fn read_safetensors(path: &Path, bytes: &[u8], options: &Options) -> Result<Read> {
    if TensorFile::parse(bytes, path).and_then(|file| Model::of_tensors(&file, path)).is_ok() {
        let problem = "this is a model of jetfit already, with its names and scaling";
        return Err(Error::input(path.display(), problem, "use it as it is, with predict, check or network.start"));
    }
    // Such files have no order of their own.
    let mut tensors = Vec::from_iter(TensorFile::foreign(bytes, path)?);
    tensors.sort_by_key(|(name, _)| numbered(name));
    read(&path.display().to_string(), "safetensors", tensors, options)
}

/// An affine layer among the tensors.
struct Layer {
    name: String,
    weights: Tensor,
    bias: Option<Tensor>,
}

/// Reads tensors; `place` is the file.
pub fn read(place: &str, source: &str, tensors: Vec<(String, Tensor)>, options: &Options) -> Result<Read> {
    let layers = ordered(place, layers(place, tensors)?, &options.layers)?;
    let order: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
    let activations = activations(place, layers.len() - 1, &options.activations)?;
    let (mut graph, mut at) = Graph::new(None);
    for (layer, activation) in layers.into_iter().zip(activations) {
        let place = format!("{place}: layer {:?}", layer.name);
        at = affine(&mut graph, at, &place, layer.weights, layer.bias)?;
        at = graph.activation(at, &place, activation);
    }
    Ok(Read { graph, end: at, source: source.to_string(), order, left_out: vec![] })
}

/// W a + b of tensors W (out, in) and b (out).
pub fn affine(graph: &mut Graph, at: At, place: &str, weights: Tensor, bias: Option<Tensor>) -> Result<At> {
    let &[outputs, inputs] = weights.shape.as_slice() else {
        let problem = format!("its weights have the shape {:?}, not (out, in)", weights.shape);
        return Err(Error::input(place, problem, "only affine layers can be imported"));
    };
    if [Some(&weights), bias.as_ref()].into_iter().flatten().any(|tensor| tensor.precision == Precision::F64) {
        graph.precision = Precision::F64;
    }
    let bias = bias.map_or(vec![], |bias| bias.values);
    graph.affine(at, place, (weights.values, bias), [outputs, inputs])
}

/// The same tensor with its two axes exchanged.
pub fn transposed(tensor: Tensor) -> Tensor {
    let &[rows, columns] = tensor.shape.as_slice() else { return tensor };
    let values = (0..columns).flat_map(|column| tensor.values.iter().skip(column).step_by(columns).copied());
    Tensor { shape: vec![columns, rows], precision: tensor.precision, values: values.collect() }
}

/// Pairs `NAME.weight` (out, in) or `NAME.kernel` (in, out) with `NAME.bias`.
fn layers(place: &str, tensors: Vec<(String, Tensor)>) -> Result<Vec<Layer>> {
    let mut layers: Vec<Layer> = vec![];
    let mut biases = BTreeMap::new();
    for (key, tensor) in tensors {
        let (name, part) = key.rsplit_once(['.', '/']).unwrap_or(("", &key));
        let name = name.to_string();
        match (part, tensor.shape.len()) {
            ("weight", 2) => layers.push(Layer { name, weights: tensor, bias: None }),
            ("kernel", 2) => layers.push(Layer { name, weights: transposed(tensor), bias: None }),
            ("bias", 1) => {
                biases.insert(name, tensor);
            }
            (part, axes) => {
                let problem = match (part, axes) {
                    ("weight" | "running_mean" | "running_var", 1) => {
                        "it is of a normalization or a PReLU, and weights alone do not say where in the network that \
                         stands"
                            .to_string()
                    }
                    _ => format!("its shape is {:?}, and it is no weight or bias of an affine layer", tensor.shape),
                };
                let help = "save the whole network, torch.save(model, FILE), or export it as ONNX: there each layer \
                            has its kind";
                return Err(Error::input(format_args!("{place}: tensor {key:?}"), problem, help));
            }
        }
    }
    for layer in &mut layers {
        layer.bias = biases.remove(&layer.name);
    }
    if let Some(name) = biases.keys().next() {
        let problem = "this bias has no weights beside it";
        return Err(Error::input(format_args!("{place}: tensor \"{name}.bias\""), problem, "use a complete file"));
    }
    match layers.is_empty() {
        true => Err(Error::input(place, "it has no tensor NAME.weight", "use a file with the network's weights")),
        false => Ok(layers),
    }
}

/// Layers in the order in which they are applied: the user's, their own if the shapes follow each other, or the only one
/// in which they do.
fn ordered(place: &str, layers: Vec<Layer>, names: &[String]) -> Result<Vec<Layer>> {
    if !names.is_empty() {
        return chosen(place, layers, names);
    }
    if is_chain(&layers) {
        return Ok(layers);
    }
    let wrong = |problem: &str| {
        let shapes = layers.iter().map(|layer| format!("{} {:?}", layer.name, layer.weights.shape));
        let problem = format!("{problem}: {}", shapes.collect::<Vec<_>>().join(", "));
        Error::input(place, problem, "give the order with --layers NAME,NAME,…")
    };
    // Widths as places and layers as ways between them: the start is the only width that no layer leads to.
    let width = |layer: &Layer, axis: usize| layer.weights.shape[axis];
    let is_start = |layer: &&Layer| layers.iter().all(|other| width(other, 0) != width(layer, 1));
    let mut starts = layers.iter().filter(is_start);
    let (Some(start), None) = (starts.next(), starts.next()) else {
        return Err(wrong("the order of the layers cannot be told from their shapes"));
    };
    let mut order = vec![start.name.clone()];
    let mut end = width(start, 0);
    while order.len() < layers.len() {
        let mut next = layers.iter().filter(|layer| width(layer, 1) == end && !order.contains(&layer.name));
        let (Some(layer), None) = (next.next(), next.next()) else {
            return Err(wrong("the order of the layers cannot be told from their shapes"));
        };
        order.push(layer.name.clone());
        end = width(layer, 0);
    }
    chosen(place, layers, &order)
}

fn is_chain(layers: &[Layer]) -> bool {
    layers.windows(2).all(|pair| pair[0].weights.shape[0] == pair[1].weights.shape[1])
}

/// The layers of these names, in this order.
fn chosen(place: &str, mut layers: Vec<Layer>, names: &[String]) -> Result<Vec<Layer>> {
    let known: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    if names.len() != known.len() {
        let problem = format!("{} names for the {} layers of {place}", names.len(), known.len());
        return Err(Error::input("--layers", problem, format!("name all of {}", known.join(", "))));
    }
    let take = |name: &String| {
        let at = layers.iter().position(|layer| layer.name == *name);
        let missing =
            || Error::input("--layers", format!("{place} has no layer {name:?}, or only one"), suggest(name, &known));
        at.map(|at| layers.swap_remove(at)).ok_or_else(missing)
    };
    names.iter().map(take).collect()
}

/// A name as texts and numbers in turn, so that 10 follows 2.
fn numbered(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![];
    let mut rest = name;
    while !rest.is_empty() {
        let text = &rest[..rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())];
        let digits = &rest[text.len()..];
        let digits = &digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())];
        parts.push((text.to_string(), digits.parse().unwrap_or(u64::MAX)));
        rest = &rest[text.len() + digits.len()..];
    }
    parts
}

/// σ of each layer and of the outputs.
fn activations(place: &str, hidden: usize, given: &[Activation]) -> Result<Vec<Activation>> {
    let wrong = |problem: String, help: &str| Err(Error::input("--activation", problem, help));
    match given.len() {
        0 if hidden == 0 => Ok(vec![Activation::Linear]),
        0 => wrong(
            format!("{place} holds weights alone, and no activations"),
            "give the activation of the hidden layers, such as --activation tanh, or one for each: --activation \
             tanh,silu",
        ),
        1 => Ok([vec![given[0]; hidden], vec![Activation::Linear]].concat()),
        count if count == hidden => Ok([given, &[Activation::Linear]].concat()),
        count if count == hidden + 1 => Ok(given.to_vec()),
        count => wrong(
            format!("{count} activations for {hidden} hidden layers"),
            "give one for all hidden layers, or one for each; one more is that of the outputs",
        ),
    }
}
