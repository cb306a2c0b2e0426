//! Models as safetensors files with the keys of a `torch.nn.Sequential` (`0.weight`, `0.bias`,
//! `2.weight`, …; several networks are a ModuleList of these), and names, shape and scaling in the metadata.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::expression::Scope;
use crate::files::safetensors_file::{Tensor, TensorFile};
use crate::network::document::{Coefficient, Document};
use crate::network::stored_fields::{restored, stored};
use crate::network::{Features, Model, NetworkSpec, Transforms};
use crate::numbers::Precision;

/// The name of a run's model.
pub const MODEL_FILE: &str = "model.safetensors";

/// The model file for a path to a model file or a run directory.
///
/// # Errors
/// [`Error::Input`] for a directory without a model.
pub fn model_path(model_or_run: &Path) -> Result<PathBuf> {
    if !model_or_run.is_dir() {
        return Ok(model_or_run.to_path_buf());
    }
    let model = model_or_run.join(MODEL_FILE);
    if model.is_file() {
        return Ok(model);
    }
    let problem = "this directory has no model.safetensors";
    Err(Error::input(model_or_run.display(), problem, "give a model file, or the directory of a finished run"))
}

impl Model {
    /// Reads a model.
    ///
    /// ```
    /// use jetfit::jet::{Normalizer, Scaling};
    /// use jetfit::network::{NetworkSpec, Transforms};
    /// use jetfit::{Activation, Derivative, Model, Precision};
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path().join("model.safetensors");
    /// // A network of one unit, y = 2 tanh((x - 300) / 100) + 5, as a file:
    /// let model = Model {
    ///     inputs: vec!["x".to_string()],
    ///     outputs: vec!["y".to_string()],
    ///     coefficients: vec![],
    ///     transforms: Transforms::default(),
    ///     spec: NetworkSpec::uniform(1, &[1], Activation::Tanh, 1),
    ///     parameters: vec![1.0, 0.0, 1.0, 0.0],
    ///     ranges: vec![],
    ///     precision: Precision::F64,
    ///     normalizer: Normalizer {
    ///         inputs: Scaling { mean: vec![300.0], scale: vec![100.0] },
    ///         outputs: Scaling { mean: vec![5.0], scale: vec![2.0] },
    ///         coefficients: vec![],
    ///     },
    /// };
    /// model.write(&path)?;
    ///
    /// // Its jets at two points, in the units of x and y:
    /// let model = Model::read(&path)?;
    /// let jets = model.jets(&[[300.0, 400.0]])?;
    /// let (y, slope) = (jets.entry(0, Derivative::Value), jets.entry(0, Derivative::First(0)));
    /// assert!((y.unwrap()[1] - (5.0 + 2.0 * 1f64.tanh())).abs() < 1e-12);
    /// assert!((slope.unwrap()[0] - 0.02).abs() < 1e-12);
    /// assert!(jets.entry(0, Derivative::Second(0, 0)).unwrap()[0].abs() < 1e-15);
    /// # Ok::<(), jetfit::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Input`] that names the file, and the tensor or the metadata's key, for a file that is
    /// cut off, is no model, has another format, or whose tensors do not fit its shape.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::of_tensors(&TensorFile::read(path)?, path)
    }

    /// Writes the model, whole or not at all.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        self.to_tensors().write(path.as_ref())
    }

    /// The bytes of the model's file, for what keeps it elsewhere.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_tensors().to_bytes()
    }

    /// The model in the bytes of its file.
    ///
    /// # Errors
    /// Those of [`Model::read`].
    pub fn of_bytes(bytes: &[u8]) -> Result<Self> {
        let place = Path::new("model");
        Self::of_tensors(&TensorFile::parse(bytes, place)?, place)
    }

    /// The model in a file's contents; messages call it `path`.
    pub fn of_tensors(file: &TensorFile, path: &Path) -> Result<Self> {
        let document = Document::of_value(&file.document, path)?;
        let spec = document.spec(path)?;
        let scope = Scope { fields: restored(&document.fields, file, path)?, ..document.scope() };
        let place = |key: &str| format!("{}: metadata key {key:?}", path.display());
        let transforms = Transforms::read(|output| place(&format!("transforms.{output}")), &scope)?;
        let mut features = vec![];
        for (key, wiring, of) in document.features() {
            features.push(match of {
                None => None,
                Some(of) => {
                    let inputs = wiring.inputs().map(|input| scope.inputs[input].clone()).collect();
                    let scope = Scope { inputs, ..scope.of_features() };
                    Some(Features::of_document(&place(&key), of.clone(), &scope)?)
                }
            });
        }
        let transforms = match features.iter().any(Option::is_some) {
            true => transforms.with_features_of_each(features, &scope),
            false => transforms,
        };
        let mut precision = None;
        let mut parameters = vec![];
        for (index, network) in spec.networks.iter().enumerate() {
            // Not by `spec.layers()`: widths that overflow are met here as shapes that do not fit.
            let widths = [network.inputs].into_iter().chain(network.widths()).chain([network.outputs]);
            let widths: Vec<usize> = widths.collect();
            let prefix = prefix(index, &spec);
            for (layer, pair) in widths.windows(2).enumerate() {
                let (inputs, outputs) = (pair[0], pair[1]);
                for (name, shape) in [(weight(layer), vec![outputs, inputs]), (bias(layer), vec![outputs])] {
                    let name = format!("{prefix}{name}");
                    let tensor = file.tensor(&name, &shape, path)?;
                    let expected = *precision.get_or_insert(tensor.precision);
                    if tensor.precision != expected {
                        let place = format!("{}: tensor {name:?}", path.display());
                        let problem =
                            format!("it has format {}, the tensors before it have {expected}", tensor.precision);
                        return Err(Error::input(place, problem, "save all tensors in the same format"));
                    }
                    parameters.extend_from_slice(&tensor.values);
                }
            }
        }
        let trained = |(index, coefficient): (usize, &Coefficient)| {
            document.normalizer.coefficient(index).trained(coefficient.value)
        };
        parameters.extend(document.coefficients.iter().enumerate().map(trained));
        Ok(Self {
            inputs: document.inputs,
            outputs: document.outputs,
            spec,
            normalizer: document.normalizer,
            precision: precision.unwrap_or(Precision::F32),
            coefficients: scope.coefficients,
            transforms,
            parameters,
            ranges: document.ranges,
        })
    }

    /// The contents of the model's file.
    pub fn to_tensors(&self) -> TensorFile {
        let tensor = |shape: Vec<usize>, place: std::ops::Range<usize>| Tensor {
            shape,
            precision: self.precision,
            values: self.parameters[place].to_vec(),
        };
        let (fields, field_tensors) = stored(&self.transforms.own_fields());
        let mut tensors = vec![];
        for (network, layers) in self.spec.layers_of_each().into_iter().enumerate() {
            let prefix = prefix(network, &self.spec);
            for (index, layer) in layers.into_iter().enumerate() {
                let weights = tensor(vec![layer.outputs, layer.inputs], layer.weights());
                let biases = tensor(vec![layer.outputs], layer.biases());
                tensors.extend(
                    [(weight(index), weights), (bias(index), biases)]
                        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor)),
                );
            }
        }
        let document = serde_json::to_value(Document::of(self, fields)).expect("names and finite numbers are JSON");
        TensorFile::new(document, tensors.into_iter().chain(field_tensors).collect())
    }
}

/// What stands before the keys of a network's tensors: of several, each is a Sequential in a ModuleList `networks`.
fn prefix(network: usize, spec: &NetworkSpec) -> String {
    if spec.only().is_some() { String::new() } else { format!("networks.{network}.") }
}

/// The key of a layer's weights: in a Sequential every second module is an activation.
fn weight(layer: usize) -> String {
    format!("{}.weight", 2 * layer)
}

fn bias(layer: usize) -> String {
    format!("{}.bias", 2 * layer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::jet::{Activation, Normalizer, Scaling};

    fn model(precision: Precision) -> Model {
        let spec = NetworkSpec::uniform(2, &[3, 1], Activation::Sin, 2);
        let round = |x: f64| if precision == Precision::F32 { f64::from(x as f32) } else { x };
        Model {
            inputs: vec!["x".to_string(), "t \"q\"".to_string()],
            outputs: vec!["u".to_string(), "v".to_string()],
            coefficients: vec![],
            transforms: Transforms::default(),
            normalizer: Normalizer {
                inputs: Scaling { mean: vec![0.1, -1e-300], scale: vec![1.0 / 3.0, 1e200] },
                outputs: Scaling { mean: vec![0.2, 0.7 / 3.0], scale: vec![5e-324, 0.1 + 0.2] },
                coefficients: vec![],
            },
            precision,
            parameters: (0..spec.parameters()).map(|i| round((i as f64 + 0.1).sin())).collect(),
            ranges: vec![[-1.0, 0.1], [0.0, 1e200]],
            spec,
        }
    }

    fn error_of(file: &TensorFile) -> String {
        let error = Model::of_tensors(file, Path::new("m.safetensors")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn a_model_is_a_file_or_a_run() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(MODEL_FILE);
        assert!(model_path(directory.path()).unwrap_err().to_string().contains("has no model"));
        assert_eq!(model_path(&file).unwrap(), file);
        model(Precision::F32).write(&file).unwrap();
        assert_eq!(model_path(directory.path()).unwrap(), file);
    }

    #[test]
    fn models_survive_the_file_to_the_bit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.safetensors");
        for model in [Precision::F32, Precision::F64].map(model) {
            model.write(&path).unwrap();
            assert_eq!(Model::read(&path).unwrap(), model);
            assert_eq!(model.to_bytes(), std::fs::read(&path).unwrap());
            assert_eq!(Model::of_bytes(&model.to_bytes()).unwrap(), model);
        }
    }

    #[test]
    fn a_file_that_is_no_model_names_what_is_wrong() {
        let edits: &[(&str, Value, &str)] = &[
            ("format", json!(4), "the model has format 4; this jetfit reads formats up to 3"),
            ("format", json!("one"), "has no format"),
            ("activation", json!("tanhh"), "did you mean \"tanh\""),
            ("hidden", json!([3, 2]), "tensor \"2.weight\": its shape is [1, 3], expected [2, 3]"),
            ("hidden", json!([3, 1, 4]), "tensor \"4.weight\": its shape is [2, 1], expected [4, 1]"),
            ("hidden", json!([3, 0]), "metadata key \"hidden\": a layer has no units"),
            ("hidden", json!([u64::MAX, u64::MAX]), "tensor \"0.weight\": its shape is [3, 2]"),
            ("inputs", json!(["x"]), "it has 2 means and 2 scales for 1 names"),
            ("outputs", json!([]), "metadata key \"outputs\": it is empty"),
            ("normalizer", json!(3), "the metadata does not describe a model"),
            ("ranges", json!([[0.0, 1.0]]), "metadata key \"ranges\": it needs one [low, high] per input"),
            ("ranges", json!([[0.0, 1.0], [1.0, 0.0]]), "metadata key \"ranges\": it needs one"),
        ];
        for (key, value, part) in edits {
            let mut file = model(Precision::F32).to_tensors();
            file.document[*key] = value.clone();
            let message = error_of(&file);
            assert!(message.starts_with("m.safetensors") && message.contains(part), "{message}\nlacks {part}");
        }
        let mut file = model(Precision::F32).to_tensors();
        file.document["normalizer"]["inputs"]["scale"][1] = json!(-1.0);
        assert!(error_of(&file).contains("metadata key \"normalizer.inputs\": a scale is -1"));
        let mut file = model(Precision::F32).to_tensors();
        file.tensors.get_mut("2.bias").unwrap().precision = Precision::F64;
        assert!(error_of(&file).contains("tensor \"2.bias\": it has format f64, the tensors before it have f32"));
        file.tensors.get_mut("0.bias").unwrap().values[0] = f64::NAN;
        assert!(error_of(&file).contains("tensor \"0.bias\": it contains NaN"));
        file.tensors.remove("0.weight");
        assert!(error_of(&file).contains("tensor \"0.weight\": this tensor is missing"));
        file.document["comment"] = json!("keys that are not known are left alone");
        assert!(error_of(&file).contains("tensor \"0.weight\""));
    }

    #[test]
    fn a_cut_file_and_another_format_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.safetensors");
        model(Precision::F64).write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 5, 8, 100, whole.len() - 1] {
            let message = TensorFile::parse(&whole[..length], &path).unwrap_err().to_string();
            assert!(message.contains("truncated"), "{length}: {message}");
        }
        let csv = TensorFile::parse(b"x,y,dy_dx\n1,2,3\n", &path).unwrap_err();
        assert!(csv.to_string().contains("this is not a safetensors file"), "{csv}");
        let others = serialize_without_metadata();
        assert!(TensorFile::parse(&others, &path).unwrap_err().to_string().contains("no key \"jetfit\""));
    }

    #[test]
    fn no_flipped_bit_passes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.safetensors");
        let model = model(Precision::F32);
        model.write(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        assert!(TensorFile::parse(&bytes, &path).unwrap().is_verified);
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(file) = TensorFile::parse(&bytes, &path) {
                // Such as a blank at the end of the header, or the name of the digest.
                assert!(Model::of_tensors(&file, &path).unwrap() == model, "bit {bit}");
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_file_of_another_program_needs_no_digest() {
        let TensorFile { document, tensors, .. } = model(Precision::F64).to_tensors();
        let file = TensorFile::new(document, tensors);
        let views = file.tensors.iter().map(|(name, tensor)| {
            let data: &[u8] = bytemuck::cast_slice(&tensor.values);
            (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F64, tensor.shape.clone(), data).unwrap())
        });
        let metadata = std::collections::HashMap::from([("jetfit".to_string(), file.document.to_string())]);
        let bytes = safetensors::serialize(views, Some(metadata)).unwrap();
        let read = TensorFile::parse(&bytes, Path::new("m.safetensors")).unwrap();
        assert!(!read.is_verified);
        assert_eq!(Model::of_tensors(&read, Path::new("m.safetensors")).unwrap(), model(Precision::F64));
    }

    fn serialize_without_metadata() -> Vec<u8> {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4]).unwrap();
        safetensors::serialize([("0.weight", view)], None).unwrap()
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..2000) {
            let path = Path::new("m.safetensors");
            let _ = TensorFile::parse(&noise, path);
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("m.safetensors");
            model(Precision::F32).write(&file).unwrap();
            let mut bytes = std::fs::read(&file).unwrap();
            let start = at.min(bytes.len());
            let end = (start + noise.len()).min(bytes.len());
            bytes[start..end].copy_from_slice(&noise[..end - start]);
            let _ = TensorFile::parse(&bytes, path).and_then(|file| Model::of_tensors(&file, path));
        }
    }
}
