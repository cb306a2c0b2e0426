//! Keras models: `.keras` archives (`config.json` beside `model.weights.h5`) and `.h5` files, of Keras 2 and 3.

mod layers;
mod weights;

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use self::layers::Layer;
use self::weights::{Folder, Weights};
use super::Read;
use super::archive::Archive;
use super::graph::{At, Graph};
use crate::error::{Error, Result};

/// How deep models may lie in models.
const DEEPEST: usize = 16;

/// Reads a `.keras` archive.
pub fn read_archive(archive: Archive) -> Result<Read> {
    let place = archive.path.display().to_string();
    let version = archive.has("metadata.json").then(|| archive.member("metadata.json")).transpose()?;
    let version = version.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let version = version.as_ref().and_then(|version| version["keras_version"].as_str()).unwrap_or("");
    read_members(&place, &archive.member("config.json")?, archive.member("model.weights.h5")?, version)
}

/// Reads the members of an archive.
pub fn read_members(place: &str, config: &[u8], weights: Vec<u8>, version: &str) -> Result<Read> {
    let config = parsed(place, "config.json", config)?;
    model(place, &config, Weights::of_archive(place, weights)?, version)
}

/// Reads a `.h5` file.
pub fn read_hdf5(path: &Path, bytes: Vec<u8>) -> Result<Read> {
    let place = path.display().to_string();
    let weights = Weights::of_model_file(&place, bytes)?;
    let Some(config) = weights.attribute("model_config") else {
        let problem = "this HDF5 file has no attribute \"model_config\": it holds weights alone, or no Keras model";
        return Err(Error::input(place, problem, "save the whole model: model.save(\"model.keras\")"));
    };
    let config = parsed(&place, "model_config", config.as_bytes())?;
    let version = weights.attribute("keras_version").unwrap_or_default();
    model(&place, &config, weights, &version)
}

fn parsed(place: &str, what: &str, json: &[u8]) -> Result<Value> {
    serde_json::from_slice(json).map_err(|error| {
        Error::input(format_args!("{place}: {what}"), format!("it is not JSON: {error}"), "save the model again")
    })
}

fn model(place: &str, config: &Value, weights: Weights, version: &str) -> Result<Read> {
    let (graph, inputs) = Graph::new(None);
    let mut reader = Reader { place: place.to_string(), weights, graph, left_out: vec![] };
    let end = reader.model(config, inputs, &Folder::default(), 0)?;
    let Reader { graph, left_out, .. } = reader;
    Ok(Read { graph, end, source: format!("Keras {version}").trim_end().to_string(), order: vec![], left_out })
}

/// What is built while a model is read.
pub struct Reader {
    place: String,
    weights: Weights,
    graph: Graph,
    left_out: Vec<String>,
}

impl Reader {
    /// A model whose inputs are the point `at`, and whose weights lie in `folder`.
    fn model(&mut self, config: &Value, at: At, folder: &Folder, depth: usize) -> Result<At> {
        let class = config["class_name"].as_str().unwrap_or("");
        let problem = match class {
            "Sequential" | "Functional" | "Model" if depth > DEEPEST => "models lie too deep in each other",
            "Sequential" => return self.sequential(config, at, folder, depth),
            "Functional" | "Model" => return self.functional(config, at, folder, depth),
            _ => "it is neither Sequential nor functional, so how its layers are called is code and not in the file",
        };
        let place = format!("{}: model {} ({class})", self.place, config["config"]["name"]);
        Err(Error::input(place, problem, "build it as keras.Sequential or keras.Model(inputs, outputs)"))
    }

    fn sequential(&mut self, config: &Value, mut at: At, folder: &Folder, depth: usize) -> Result<At> {
        // The first versions of Keras 2 had the list itself here.
        let layers = config["config"]["layers"].as_array().or(config["config"].as_array());
        let mut folders = folder.children();
        for layer in layers.map_or([].as_slice(), Vec::as_slice) {
            let layer = Layer::new(&self.place, layer);
            at = self.layer(&layer, at, &mut folders, depth)?;
        }
        Ok(at)
    }

    fn functional(&mut self, config: &Value, inputs: At, folder: &Folder, depth: usize) -> Result<At> {
        let config = &config["config"];
        let names = |key: &str| {
            let mut names = vec![];
            tensor_names(&config[key], &mut names);
            names
        };
        let place = format!("{}: model {}", self.place, config["name"]);
        let entries = config["layers"].as_array().map_or([].as_slice(), Vec::as_slice);
        let layers: Vec<Layer> = entries.iter().map(|entry| Layer::new(&self.place, entry)).collect();
        let (input_names, output_names) = (names("input_layers"), names("output_layers"));
        let [output] = output_names.as_slice() else {
            let problem = format!("it has {} outputs", output_names.len());
            return Err(Error::input(place, problem, "join them in one Dense layer"));
        };
        let first = self.first(&place, &layers, &input_names, inputs)?;
        let mut points = HashMap::new();
        let mut folders = folder.children();
        for layer in &layers {
            if layer.name == first {
                let at = match layer.class {
                    "Concatenate" => inputs,
                    _ => self.layer(layer, inputs, &mut folders, depth)?,
                };
                points.insert(layer.name.clone(), at);
                continue;
            }
            if input_names.contains(&layer.name) {
                continue;
            }
            let at = match layer.sources().as_slice() {
                [source] => points.get(source).map(|at| self.layer(layer, *at, &mut folders, depth)),
                [a, b] if layer.class == "Add" => {
                    let both = points.get(a).zip(points.get(b));
                    folders.next(layer);
                    both.map(|(a, b)| self.graph.add(*a, *b, &layer.place))
                }
                sources => Some(Err(Error::input(
                    &layer.place,
                    match sources.len() {
                        0 => "it is called more than once, or on nothing".to_string(),
                        count => format!("it is called on {count} tensors"),
                    },
                    "only chains of layers and sums of two, x + f(x), can be imported",
                ))),
            };
            let missing = || Error::input(&layer.place, "what it reads comes from no layer before it", "save it again");
            points.insert(layer.name.clone(), at.ok_or_else(missing)??);
        }
        let missing = || Error::input(&self.place, format!("there is no layer {output:?}"), "save the model again");
        points.get(output).copied().ok_or_else(missing)
    }

    /// The layer that gives the inputs: the only input layer, or what joins all of them.
    fn first(&mut self, place: &str, layers: &[Layer], inputs: &[String], at: At) -> Result<String> {
        if let [input] = inputs {
            return Ok(input.clone());
        }
        let joins_all = |layer: &&Layer| {
            let sources = layer.sources();
            layer.class == "Concatenate"
                && sources.len() == inputs.len()
                && inputs.iter().all(|input| sources.contains(input))
        };
        let Some(joint) = layers.iter().find(joins_all) else {
            let problem = format!("it has {} inputs, {inputs:?}, and no layer joins them", inputs.len());
            return Err(Error::input(place, problem, "join them right at the start, with one Concatenate"));
        };
        let sources = joint.sources();
        let mut parts = vec![];
        for source in &sources {
            let layer = layers.iter().find(|layer| layer.name == *source);
            let width = layer.map(Layer::input_width).transpose()?.flatten();
            let unknown = || Error::input(place, format!("the width of {source:?} is not known"), "state its shape");
            parts.push((source.as_str(), width.ok_or_else(unknown)?));
        }
        self.graph.join(at, &parts, &joint.place)?;
        Ok(joint.name.clone())
    }
}

/// The layers' names in `["x", 0, 0]`, `[["x", 0, 0], …]` and Keras 3's tensors, in their order.
fn tensor_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(parts) if parts.first().is_some_and(Value::is_string) => {
            names.extend(parts[0].as_str().map(str::to_string));
        }
        Value::Array(parts) => parts.iter().for_each(|part| tensor_names(part, names)),
        Value::Object(object) => match object.get("config").and_then(|config| config.get("keras_history")) {
            Some(history) => tensor_names(history, names),
            None => object.values().for_each(|part| tensor_names(part, names)),
        },
        _ => {}
    }
}
