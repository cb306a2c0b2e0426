//! The layers of Keras, one by one.

use serde_json::Value;

use super::weights::{Folder, Folders};
use super::{Reader, tensor_names};
use crate::error::{Error, Result};
use crate::files::safetensors_file::Tensor;
use crate::import::functions::Function;
use crate::import::graph::At;
use crate::import::tensors;
use crate::jet::Activation;
use crate::numbers::Precision;

/// What Keras's Normalization divides by at least.
const EPSILON: f64 = 1e-7;

/// A layer in a model's configuration.
pub struct Layer<'a> {
    /// Its class, such as `Dense`.
    pub class: &'a str,
    /// Its name in the model.
    pub name: String,
    /// File, name and class, for messages.
    pub place: String,
    config: &'a Value,
    entry: &'a Value,
}

impl<'a> Layer<'a> {
    /// The layer of an entry of `layers`, in a file.
    pub fn new(file: &str, entry: &'a Value) -> Self {
        let (class, config) = (entry["class_name"].as_str().unwrap_or(""), &entry["config"]);
        let name = config["name"].as_str().or(entry["name"].as_str()).unwrap_or("").to_string();
        Self { class, place: format!("{file}: layer {name:?} ({class})"), name, config, entry }
    }

    /// The layers that it is called on, in a functional model; none where it is called more than once.
    pub fn sources(&self) -> Vec<String> {
        let mut names = vec![];
        if let Some([node]) = self.entry["inbound_nodes"].as_array().map(Vec::as_slice) {
            // Keyword arguments may hold tensors too; all that is called on more than one is refused but for sums.
            tensor_names(node.get("args").unwrap_or(node), &mut names);
            tensor_names(node.get("kwargs").unwrap_or(&Value::Null), &mut names);
        }
        names
    }

    fn number(&self, key: &str, default: f64) -> f64 {
        self.config[key].as_f64().unwrap_or(default)
    }

    fn flag(&self, key: &str) -> bool {
        self.config[key].as_bool().unwrap_or(true)
    }

    /// A number, or a list of them however deep, as one list.
    fn numbers(&self, key: &str) -> Vec<f64> {
        fn flat(value: &Value, numbers: &mut Vec<f64>) {
            numbers.extend(value.as_f64());
            value.as_array().into_iter().flatten().for_each(|part| flat(part, numbers));
        }
        let mut numbers = vec![];
        flat(&self.config[key], &mut numbers);
        numbers
    }

    fn wrong<T>(&self, problem: impl Into<String>, help: &str) -> Result<T> {
        Err(Error::input(&self.place, problem, help))
    }

    /// The width in the shape of the inputs, if the layer has it.
    pub fn input_width(&self) -> Result<Option<usize>> {
        let shape = ["batch_shape", "batch_input_shape"].iter().find_map(|key| self.config[*key].as_array());
        match shape.map(Vec::as_slice) {
            None => Ok(None),
            Some([_, width]) => Ok(width.as_u64().map(|width| width as usize)),
            Some(shape) => self.wrong(
                format!("its inputs have the shape {shape:?}"),
                "use one vector of inputs for each point, keras.Input((D,))",
            ),
        }
    }
}

impl Reader {
    /// Adds a layer behind the point `at`.
    pub fn layer(&mut self, layer: &Layer, at: At, folders: &mut Folders, depth: usize) -> Result<At> {
        let folder = folders.next(layer);
        if let Some(width) = layer.input_width()? {
            self.graph.fits(at, width, &layer.place)?;
        }
        let place = &layer.place;
        match layer.class {
            "InputLayer" => Ok(at),
            "Sequential" | "Functional" | "Model" => self.model(layer.entry, at, &folder, depth + 1),
            "Dropout"
            | "GaussianNoise"
            | "GaussianDropout"
            | "AlphaDropout"
            | "SpatialDropout1D"
            | "ActivityRegularization" => {
                self.left_out.push(format!("{} ({})", layer.name, layer.class));
                Ok(at)
            }
            "Dense" => self.dense(layer, at, &folder),
            "Normalization" => self.normalization(layer, at, &folder),
            "Rescaling" => self.graph.scale(at, place, layer.numbers("scale"), layer.numbers("offset")),
            "BatchNormalization" => self.batch_normalization(layer, at, &folder),
            "Flatten" => Ok(at),
            "Reshape" => match (layer.numbers("target_shape").as_slice(), self.graph.point(at).width) {
                ([-1.0], _) => Ok(at),
                ([width], Some(found)) if *width == found as f64 => Ok(at),
                (shape, _) => layer.wrong(format!("it reshapes each point to {shape:?}"), "leave points as vectors"),
            },
            "LayerNormalization" | "GroupNormalization" | "UnitNormalization" | "RMSNormalization" => layer.wrong(
                "it divides by a mean over all units of a point, which no activation of one unit can give",
                "train without it, or with BatchNormalization",
            ),
            "Activation" => self.activation(layer, at),
            "PReLU" => {
                let [alpha] = self.weights.of_layer(layer, &folder, ["alpha"])?;
                let alpha = self.values(alpha);
                self.graph.fits(at, alpha.len(), place)?;
                Function::LeakyRelu(alpha).apply(&mut self.graph, at, place)
            }
            _ => match activation_layer(layer)? {
                Some(function) => function.apply(&mut self.graph, at, place),
                None => layer.wrong(
                    "this kind of layer cannot be imported",
                    "use Dense, activations of one unit, Normalization, Rescaling, BatchNormalization and Add",
                ),
            },
        }
    }

    fn dense(&mut self, layer: &Layer, at: At, folder: &Folder) -> Result<At> {
        if !layer.config["quantization_config"].is_null() || !layer.config["lora_rank"].is_null() {
            return layer.wrong("its weights are quantised or of low rank", "save the model with plain weights");
        }
        let (kernel, bias) = match layer.flag("use_bias") {
            true => {
                let [kernel, bias] = self.weights.of_layer(layer, folder, ["kernel", "bias"])?;
                (kernel, Some(bias))
            }
            false => {
                let [kernel] = self.weights.of_layer(layer, folder, ["kernel"])?;
                (kernel, None)
            }
        };
        let at = tensors::affine(&mut self.graph, at, &layer.place, tensors::transposed(kernel), bias)?;
        self.activation(layer, at)
    }

    /// The key `activation`: a name, a function, or a layer of its own.
    fn activation(&mut self, layer: &Layer, at: At) -> Result<At> {
        let value = &layer.config["activation"];
        let name = value.as_str().or_else(|| (value["class_name"] == "function").then(|| value["config"].as_str())?);
        let function = match (value, name) {
            (Value::Null, _) => return Ok(at),
            (_, Some("leaky_relu")) => Some(Function::LeakyRelu(vec![0.2])),
            (_, Some(name)) => Function::named(name),
            (_, None) => {
                let inner = Layer { place: layer.place.clone(), ..Layer::new("", value) };
                activation_layer(&inner)?
            }
        };
        match function {
            Some(function) => function.apply(&mut self.graph, at, &layer.place),
            None => layer.wrong(
                format!("its activation {} has no counterpart here", name.map_or(value.to_string(), str::to_string)),
                &format!("use one of {}", Activation::ALL.map(Activation::name).join(", ")),
            ),
        }
    }

    fn normalization(&mut self, layer: &Layer, at: At, folder: &Folder) -> Result<At> {
        let (mut mean, mut variance) = (layer.numbers("mean"), layer.numbers("variance"));
        if mean.is_empty() || variance.is_empty() {
            let [stored_mean, stored_variance] = self.weights.of_layer(layer, folder, ["mean", "variance"])?;
            (mean, variance) = (self.values(stored_mean), self.values(stored_variance));
        }
        let scale: Vec<f64> = variance.iter().map(|variance| variance.sqrt().max(EPSILON)).collect();
        match layer.config["invert"].as_bool() {
            Some(true) => self.graph.scale(at, &layer.place, scale, mean),
            _ => self.graph.standardise(at, &layer.place, mean, scale),
        }
    }

    fn batch_normalization(&mut self, layer: &Layer, at: At, folder: &Folder) -> Result<At> {
        let statistics = ["moving_mean", "moving_variance"];
        let (gamma, beta, [mean, variance]) = match (layer.flag("scale"), layer.flag("center")) {
            (true, true) => {
                let names = ["gamma", "beta", statistics[0], statistics[1]];
                let [gamma, beta, mean, variance] = self.weights.of_layer(layer, folder, names)?;
                (Some(gamma), Some(beta), [mean, variance])
            }
            (true, false) => {
                let names = ["gamma", statistics[0], statistics[1]];
                let [gamma, mean, variance] = self.weights.of_layer(layer, folder, names)?;
                (Some(gamma), None, [mean, variance])
            }
            (false, true) => {
                let names = ["beta", statistics[0], statistics[1]];
                let [beta, mean, variance] = self.weights.of_layer(layer, folder, names)?;
                (None, Some(beta), [mean, variance])
            }
            (false, false) => (None, None, self.weights.of_layer(layer, folder, statistics)?),
        };
        let epsilon = layer.number("epsilon", 1e-3);
        let scale = self.values(variance).iter().map(|variance| (variance + epsilon).sqrt()).collect();
        let mean = self.values(mean);
        let at = self.graph.standardise(at, &layer.place, mean, scale)?;
        if gamma.is_none() && beta.is_none() {
            return Ok(at);
        }
        let gamma = gamma.map_or(vec![1.0], |gamma| self.values(gamma));
        let beta = beta.map_or(vec![0.0], |beta| self.values(beta));
        self.graph.scale(at, &layer.place, gamma, beta)
    }

    fn values(&mut self, tensor: Tensor) -> Vec<f64> {
        if tensor.precision == Precision::F64 {
            self.graph.precision = Precision::F64;
        }
        tensor.values
    }
}

/// The function of a layer that is an activation; none for other layers.
fn activation_layer(layer: &Layer) -> Result<Option<Function>> {
    // Keras 2 called the slope alpha.
    let slope = |default| layer.number("negative_slope", layer.number("alpha", default));
    Ok(Some(match layer.class {
        "ReLU" => {
            if !layer.config["max_value"].is_null() || layer.number("threshold", 0.0) != 0.0 {
                return layer.wrong("it has an upper bound or a threshold", "use a ReLU without");
            }
            Function::LeakyRelu(vec![slope(0.0)])
        }
        "LeakyReLU" => Function::LeakyRelu(vec![slope(0.3)]),
        "ELU" => Function::Elu(layer.number("alpha", 1.0)),
        _ => return Ok(None),
    }))
}
