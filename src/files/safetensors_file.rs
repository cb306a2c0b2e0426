//! Safetensors files: named tensors of f32 or f64 and one JSON document, the key `jetfit` of their
//! metadata. Models and checkpoints are such files. The document's key `digest` is that of all the rest.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use safetensors::{SafeTensors, serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::files;
use crate::files::digest::Digest;
use crate::numbers::Precision;

/// The key of the metadata that holds the document.
const DOCUMENT_KEY: &str = "jetfit";
/// The key of the document that holds the digest: one key of the metadata alone, for these have no order.
const DIGEST_KEY: &str = "digest";

/// The contents of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorFile {
    /// The JSON document.
    pub document: Value,
    /// The tensors of f32 or f64; others are left out when a file is read.
    pub tensors: BTreeMap<String, Tensor>,
    /// Whether its contents match the checksum that it holds. Files of other programs hold none.
    pub is_verified: bool,
}

/// One tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its extent along each axis.
    pub shape: Vec<usize>,
    /// How its numbers lie in the file.
    pub precision: Precision,
    /// Its numbers, the last axis running fastest.
    pub values: Vec<f64>,
}

impl TensorFile {
    /// A file to write; `document` is a JSON object.
    pub fn new(document: Value, tensors: BTreeMap<String, Tensor>) -> Self {
        Self { document, tensors, is_verified: false }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that is not there, is no safetensors file, was cut off, has changed since it was written,
    /// or was not written by jetfit.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| files::unreadable(path, error, "check the path"))?;
        Self::parse(&bytes, path)
    }

    /// Reads the bytes of a file; messages call it `path`.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let wrong = |problem: String| {
            Error::input(path.display(), problem, "use a complete, unmodified .safetensors file that jetfit wrote")
        };
        let not_whole = |error| match error {
            SafeTensorError::MetadataIncompleteBuffer
            | SafeTensorError::HeaderTooSmall
            | SafeTensorError::InvalidHeaderLength => {
                wrong(format!("this file is truncated or is not a safetensors file: {error}"))
            }
            error => wrong(format!("this is not a safetensors file: {error}")),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_whole)?;
        let file = SafeTensors::deserialize(bytes).map_err(not_whole)?;
        let metadata = header.metadata().as_ref();
        let Some(document) = metadata.and_then(|metadata| metadata.get(DOCUMENT_KEY)) else {
            let problem = format!("its metadata has no key {DOCUMENT_KEY:?}, which holds the names and the scaling");
            let help = "turn a network of another program into a model with jetfit import";
            return Err(Error::input(path.display(), problem, help));
        };
        let mut document: Value = serde_json::from_str(document)
            .map_err(|error| wrong(format!("the key {DOCUMENT_KEY:?} of its metadata is not JSON: {error}")))?;
        let written = document.as_object_mut().and_then(|document| document.remove(DIGEST_KEY));
        if written.as_ref().is_some_and(|written| *written != digest(&document, file.iter())) {
            let problem = "the file has changed since it was written: its checksum does not match";
            let help = format!(
                "use an intact copy; if the change was intended, remove {DIGEST_KEY:?} from the JSON document in its \
                 metadata"
            );
            return Err(Error::input(path.display(), problem, help));
        }
        let tensors = file.iter().filter_map(|(name, view)| Some((name.to_string(), Tensor::of_view(&view)?)));
        Ok(Self { document, tensors: tensors.collect(), is_verified: written.is_some() })
    }

    /// The tensors of a file of any program, by name. Integers, which count something, are left out.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that is cut off or no safetensors file, and for floats that are neither f32 nor f64.
    pub fn foreign(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, Tensor>> {
        let help = "use a complete .safetensors file";
        let file = SafeTensors::deserialize(bytes).map_err(|error| {
            Error::input(path.display(), format!("this is no whole safetensors file: {error}"), help)
        })?;
        let integers = [Dtype::BOOL, Dtype::U8, Dtype::I8, Dtype::I16, Dtype::I32, Dtype::I64];
        let read = |(name, view): (&str, TensorView)| {
            let unknown = || {
                let place = format!("{}: tensor {name:?}", path.display());
                Error::input(place, format!("its format is {:?}", view.dtype()), "save it as float32 or float64")
            };
            Ok((name.to_string(), Tensor::of_view(&view).ok_or_else(unknown)?))
        };
        file.iter().filter(|(_, view)| !integers.contains(&view.dtype())).map(read).collect()
    }

    /// Writes the file with its digest, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let file = self.to_bytes();
        files::write_atomically(path, |writer| writer.write_all(&file).map_err(|error| Error::io(path, error)))
    }

    /// The bytes of the file, with its digest.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes: BTreeMap<_, _> = self.tensors.iter().map(|(name, tensor)| (name, tensor.bytes())).collect();
        let views = self.tensors.iter().map(|(name, tensor)| {
            let view = TensorView::new(tensor.dtype(), tensor.shape.clone(), &bytes[name]);
            (name.as_str(), view.expect("a tensor has as many numbers as its shape says"))
        });
        let mut document = self.document.clone();
        document[DIGEST_KEY] = digest(&document, views.clone()).into();
        let metadata = HashMap::from([(DOCUMENT_KEY.to_string(), document.to_string())]);
        serialize(views, Some(metadata)).expect("every view is of as many bytes as its shape says")
    }

    /// The tensor `name`, which must have this shape and only finite numbers.
    ///
    /// # Errors
    /// [`Error::Input`] that names the file and the tensor.
    pub fn tensor(&self, name: &str, shape: &[usize], path: &Path) -> Result<&Tensor> {
        let wrong = |problem: String| {
            let help = "use a file whose tensors match the shapes in its metadata";
            Error::input(format_args!("{}: tensor {name:?}", path.display()), problem, help)
        };
        let tensor =
            self.tensors.get(name).ok_or_else(|| wrong("this tensor is missing, or is not f32 or f64".to_string()))?;
        if tensor.shape != shape {
            return Err(wrong(format!("its shape is {:?}, expected {shape:?}", tensor.shape)));
        }
        if let Some(value) = tensor.values.iter().find(|value| !value.is_finite()) {
            return Err(wrong(format!("it contains {value}")));
        }
        Ok(tensor)
    }
}

/// That of the document and of all tensors, by name.
fn digest<'a>(document: &Value, views: impl Iterator<Item = (&'a str, TensorView<'a>)>) -> String {
    let mut digest = Digest::default();
    digest.part(document.to_string().as_bytes());
    for (name, view) in BTreeMap::from_iter(views) {
        digest.part(name.as_bytes());
        digest.part(format!("{:?} {:?}", view.dtype(), view.shape()).as_bytes());
        digest.part(view.data());
    }
    digest.finish()
}

impl Tensor {
    /// None for a format other than f32 and f64.
    fn of_view(view: &TensorView) -> Option<Self> {
        let data = view.data();
        let (precision, values) = match view.dtype() {
            Dtype::F32 => {
                (Precision::F32, data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect())
            }
            Dtype::F64 => (Precision::F64, data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()),
            _ => return None,
        };
        Some(Self { shape: view.shape().to_vec(), precision, values })
    }

    fn dtype(&self) -> Dtype {
        match self.precision {
            Precision::F64 => Dtype::F64,
            _ => Dtype::F32,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self.precision {
            Precision::F64 => self.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            _ => self.values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
        }
    }
}
