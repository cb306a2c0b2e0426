//! The weights of Keras models, which lie in HDF5 files in two ways: a `.keras` archive numbers the variables of a layer
//! in the folder of its class (`layers/dense_1/vars/0`), a `.h5` model names them (`model_weights/d1/…/d1/kernel:0`).

use std::collections::HashMap;

use hdf5_pure::{DType, Dataset, File};

use super::layers::Layer;
use crate::error::{Error, Result};
use crate::files::safetensors_file::Tensor;
use crate::numbers::Precision;

/// How deep groups may lie in groups.
const DEEPEST: usize = 32;

/// An HDF5 file with weights.
pub struct Weights {
    place: String,
    file: File,
    length: usize,
    /// By the layer's and the variable's name, if they are named.
    named: Option<HashMap<(String, String), String>>,
}

/// Where the weights of a model or layer lie in an archive.
#[derive(Clone, Default)]
pub struct Folder(String);

/// The folders of a model's layers, which are numbered within their class.
pub struct Folders {
    model: String,
    counts: HashMap<String, usize>,
}

impl Folder {
    /// Those of its layers.
    pub fn children(&self) -> Folders {
        Folders { model: self.0.clone(), counts: HashMap::new() }
    }
}

impl Folders {
    /// That of the next layer.
    pub fn next(&mut self, layer: &Layer) -> Folder {
        let class = snake_case(layer.class);
        let count = self.counts.entry(class.clone()).or_insert(0);
        let number = if *count == 0 { String::new() } else { format!("_{count}") };
        *count += 1;
        Folder(format!("{}layers/{class}{number}/", self.model))
    }
}

impl Weights {
    /// Those of an archive.
    pub fn of_archive(place: &str, bytes: Vec<u8>) -> Result<Self> {
        Self::open(&format!("{place}: model.weights.h5"), bytes)
    }

    /// Those of a model's own HDF5 file.
    pub fn of_model_file(place: &str, bytes: Vec<u8>) -> Result<Self> {
        let mut weights = Self::open(place, bytes)?;
        let mut named = HashMap::new();
        weights.find("model_weights", DEEPEST, &mut named)?;
        weights.named = Some(named);
        Ok(weights)
    }

    fn open(place: &str, bytes: Vec<u8>) -> Result<Self> {
        let length = bytes.len();
        let file = File::from_bytes(bytes).map_err(|error| broken(place, error))?;
        Ok(Self { place: place.to_string(), file, length, named: None })
    }

    /// A text among the file's attributes.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.file.root().attrs().ok()?.get(name)?.as_str().map(str::to_string)
    }

    /// All variables below a group, by the names of their layer and their own.
    fn find(&self, group: &str, depth: usize, named: &mut HashMap<(String, String), String>) -> Result<()> {
        let wrong = |error| broken(&self.place, error);
        let found = self.file.group(group).map_err(wrong)?;
        for name in found.datasets().map_err(wrong)? {
            let layer = group.rsplit('/').next().unwrap_or("").to_string();
            let variable = name.split(':').next().unwrap_or("").to_string();
            named.insert((layer, variable), format!("{group}/{name}"));
        }
        if depth == 0 {
            return Err(broken(&self.place, "groups lie too deep in each other"));
        }
        let groups = found.groups().map_err(wrong)?;
        groups.iter().try_for_each(|name| self.find(&format!("{group}/{name}"), depth - 1, named))
    }

    /// Variables of a layer; `names` has all that it has, in the order in which Keras stores them.
    pub fn of_layer<const N: usize>(&self, layer: &Layer, folder: &Folder, names: [&str; N]) -> Result<[Tensor; N]> {
        let mut index = 0;
        let tensors = names.map(|name| {
            let path = match &self.named {
                None => Some(format!("{}vars/{index}", folder.0)),
                Some(named) => named.get(&(layer.name.clone(), name.to_string())).cloned(),
            };
            index += 1;
            let missing = || {
                Error::input(&layer.place, format!("its variable {name:?} is not in the file"), "save the model again")
            };
            let dataset = path.and_then(|path| self.file.dataset(&path).ok()).ok_or_else(missing)?;
            self.tensor(&dataset).map_err(|problem| {
                Error::input(format_args!("{}: {name}", layer.place), problem, "save the model again in float32")
            })
        });
        let mut read = vec![];
        for tensor in tensors {
            read.push(tensor?);
        }
        Ok(read.try_into().expect("as many as names"))
    }

    /// A dataset of numbers; the problem where it is none, or does not fit into the file.
    fn tensor(&self, dataset: &Dataset) -> std::result::Result<Tensor, String> {
        let say = |error: hdf5_pure::Error| error.to_string();
        let shape = dataset.shape().map_err(say)?;
        let count = shape.iter().try_fold(1u64, |count, extent| count.checked_mul(*extent));
        // Keras does not compress weights, but somebody may have: by 1000 at most.
        if count.is_none_or(|count| count / 1000 > self.length as u64) {
            return Err(format!("its shape is {shape:?}, more than the file holds"));
        }
        let precision = match dataset.dtype().map_err(say)? {
            DType::F32 => Precision::F32,
            DType::F64 => Precision::F64,
            other => return Err(format!("its format is {other:?}, not float32 or float64")),
        };
        let values = dataset.read_f64().map_err(say)?;
        if Some(values.len() as u64) != count {
            return Err(format!("it has {} numbers and the shape {shape:?}", values.len()));
        }
        Ok(Tensor { shape: shape.into_iter().map(|extent| extent as usize).collect(), precision, values })
    }
}

fn broken(place: &str, problem: impl std::fmt::Display) -> Error {
    let problem = format!("the HDF5 file is cut off or damaged: {problem}");
    Error::input(place, problem, "save the model again, or use an intact copy")
}

/// A class's name as Keras writes it in paths: `LeakyReLU` is `leaky_re_lu`.
fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut name = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let follows_lower = before.is_some_and(|c| c.is_lowercase());
        let starts_word = before.is_some() && letters.get(index + 1).is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && (follows_lower || starts_word) {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn classes_are_named_as_in_paths() {
        let names = ["Dense", "LeakyReLU", "PReLU", "ELU", "BatchNormalization"].map(snake_case);
        assert_eq!(names, ["dense", "leaky_re_lu", "p_re_lu", "elu", "batch_normalization"]);
    }
}
