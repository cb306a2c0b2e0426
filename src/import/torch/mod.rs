//! Files of `torch.save`: zip archives with a pickle, `data.pkl`, that describes objects, and one member for the numbers
//! of each tensor. The pickle is either of tensors by name, a state dict, or of a module.

mod modules;
mod pickle;

use self::modules::Reader;
use self::pickle::{Id, Object, Pickle};
use super::archive::Archive;
use super::{Options, Read, tensors};
use crate::error::{Error, Result};
use crate::files::safetensors_file::Tensor;
use crate::numbers::Precision;

/// Reads a file of `torch.save`.
pub fn read(archive: Archive, options: &Options) -> Result<Read> {
    let place = archive.path.display().to_string();
    let Some(folder) = archive.folder_of("data.pkl") else {
        let help = "use a .keras file of Keras, or a .pt file of torch.save";
        return Err(Error::input(place, "this archive has neither config.json nor data.pkl", help));
    };
    if archive.has(&format!("{folder}/constants.pkl")) {
        let problem = "this is a TorchScript program, whose forward pass is code";
        return Err(Error::input(place, problem, "save the state_dict() instead, or export the model as ONNX"));
    }
    let pickle = archive.member(&format!("{folder}/data.pkl"))?;
    read_pickle(archive, folder, &pickle, options)
}

/// Reads the pickle of an archive; the numbers of its tensors lie in this folder.
pub fn read_pickle(archive: Archive, folder: String, pickle: &[u8], options: &Options) -> Result<Read> {
    let place = archive.path.display().to_string();
    let pickle = Pickle::read(pickle).map_err(|problem| {
        Error::input(format_args!("{place}: data.pkl"), problem, "save it again with torch.save, or use an intact copy")
    })?;
    let order = format!("{folder}/byteorder");
    let is_big = archive.has(&order) && archive.member(&order)? == b"big";
    let file = File { place, folder, archive, pickle, is_big };
    let root = file.pickle.root;
    match file.content(root, 0)? {
        Content::Module(id) if options.activations.is_empty() => Reader::new(&file).whole(id),
        Content::Module(_) => {
            let problem = format!("{}: the modules have their own activations", file.place);
            Err(Error::input("--activation", problem, "leave the flag out"))
        }
        Content::Tensors(id) => tensors::read(&file.place, "PyTorch", file.state_dict(id)?, options),
    }
}

/// What the root of a file leads to.
#[derive(PartialEq)]
enum Content {
    Module(Id),
    Tensors(Id),
}

/// A file with its pickle.
struct File {
    place: String,
    folder: String,
    archive: Archive,
    pickle: Pickle,
    is_big: bool,
}

impl File {
    /// The module or state dict that an object is, or the only one among the values of a checkpoint.
    fn content(&self, id: Id, depth: usize) -> Result<Content> {
        let wrong = |problem: String| {
            let help = "save the weights alone, torch.save(model.state_dict(), FILE), and say --activation, or export \
                        the model as ONNX";
            Error::input(&self.place, problem, help)
        };
        if modules::class(&self.pickle, id).is_some() {
            return Ok(Content::Module(id));
        }
        let items = self.pickle.items(id);
        if !items.is_empty() && items.iter().all(|(_, value)| self.is_tensor(*value)) {
            return Ok(Content::Tensors(id));
        }
        if let Some((class, _)) = self.pickle.call(id).filter(|_| items.is_empty()) {
            return Err(wrong(format!("the file holds a {class}, whose forward pass is code and not in the file")));
        }
        let found = items.iter().filter(|_| depth < 2).filter_map(|(_, value)| self.content(*value, depth + 1).ok());
        let mut found: Vec<Content> = found.collect();
        match (found.pop(), found.is_empty()) {
            (Some(content), true) => Ok(content),
            (None, _) => Err(wrong("the file holds no state dict and no module of torch.nn".to_string())),
            _ => Err(wrong("the file holds several state dicts or modules".to_string())),
        }
    }

    fn is_tensor(&self, id: Id) -> bool {
        self.pickle.call(id).is_some_and(|(name, _)| name.starts_with("torch.") && name.contains("._rebuild_"))
    }

    fn state_dict(&self, id: Id) -> Result<Vec<(String, Tensor)>> {
        let read = |(name, value): &(Id, Id)| {
            let name = self.pickle.text(*name).unwrap_or_default().to_string();
            let tensor = self.tensor(*value, &format!("{}: tensor {name:?}", self.place))?;
            Ok((name, tensor))
        };
        // Counters are no part of a network.
        self.pickle.items(id).iter().filter(|(_, value)| !self.is_integer(*value)).map(read).collect()
    }

    /// Whether a tensor is of integers.
    fn is_integer(&self, id: Id) -> bool {
        let storage = self.pickle.call(id).and_then(|(_, arguments)| arguments.first().copied());
        let Some(Object::Persistent(reference)) = storage.map(|id| self.pickle.object(id)) else { return false };
        let class = self.pickle.list(*reference).and_then(|parts| parts.get(1)).map(|id| self.pickle.object(*id));
        let integers = ["Long", "Int", "Short", "Char", "Byte", "Bool"].map(|kind| format!("torch.{kind}Storage"));
        matches!(class, Some(Object::Global(name)) if integers.contains(name))
    }

    /// A tensor or parameter.
    fn tensor(&self, id: Id, place: &str) -> Result<Tensor> {
        let wrong =
            |problem: &str| Error::input(place, problem, "save it as a plain tensor of float32 or float64 on the CPU");
        let call = |id| self.pickle.call(id).ok_or_else(|| wrong("it is no tensor"));
        let (name, arguments) = match call(id)? {
            ("torch._utils._rebuild_parameter", [data, ..]) => call(*data)?,
            other => other,
        };
        match (name.rsplit('.').next(), arguments) {
            (Some("_rebuild_tensor_v2"), [storage, offset, shape, strides, ..]) => {
                let (offset, shape, strides) = (self.extent(*offset), self.extents(*shape), self.extents(*strides));
                let (Some(offset), Some(shape), Some(strides)) = (offset, shape, strides) else {
                    return Err(wrong("its shape is not of whole numbers"));
                };
                let (precision, values) = self.storage(*storage).map_err(|problem| match problem {
                    Problem::Text(problem) => wrong(&problem),
                    Problem::Archive(error) => error,
                })?;
                let values = strided(&values, offset, &shape, &strides).ok_or_else(|| {
                    wrong(&format!("its shape is {shape:?}, and its storage has {} numbers", values.len()))
                })?;
                Ok(Tensor { shape, precision, values })
            }
            _ => Err(wrong(&format!("it is made by {name}"))),
        }
    }

    /// All numbers of a storage.
    fn storage(&self, id: Id) -> std::result::Result<(Precision, Vec<f64>), Problem> {
        let pickle = &self.pickle;
        let Object::Persistent(reference) = pickle.object(id) else {
            return Err(Problem::Text("its numbers are not in the file".to_string()));
        };
        let parts = pickle.list(*reference).unwrap_or(&[]);
        let (Some(Object::Global(class)), Some(key)) =
            (parts.get(1).map(|id| pickle.object(*id)), parts.get(2).and_then(|id| pickle.text(*id)))
        else {
            return Err(Problem::Text("its numbers have no place in the file".to_string()));
        };
        let bytes = self.archive.member(&format!("{}/data/{key}", self.folder)).map_err(Problem::Archive)?;
        let order = |at: usize, size: usize| if self.is_big { size - 1 - at } else { at };
        match class.as_str() {
            "torch.FloatStorage" => {
                let number = |b: &[u8; 4]| f32::from_le_bytes(std::array::from_fn(|at| b[order(at, 4)]));
                Ok((Precision::F32, bytes.as_chunks().0.iter().map(|bytes| number(bytes).into()).collect()))
            }
            "torch.DoubleStorage" => {
                let number = |b: &[u8; 8]| f64::from_le_bytes(std::array::from_fn(|at| b[order(at, 8)]));
                Ok((Precision::F64, bytes.as_chunks().0.iter().map(number).collect()))
            }
            other => Err(Problem::Text(format!("its format is {other}"))),
        }
    }

    fn extent(&self, id: Id) -> Option<usize> {
        if let Object::Int(n) = self.pickle.object(id) { usize::try_from(*n).ok() } else { None }
    }

    fn extents(&self, id: Id) -> Option<Vec<usize>> {
        self.pickle.list(id)?.iter().map(|id| self.extent(*id)).collect()
    }
}

enum Problem {
    Text(String),
    Archive(Error),
}

/// The numbers of a tensor of at most two axes, the last running fastest; none if some lie outside of its storage.
fn strided(values: &[f64], offset: usize, shape: &[usize], strides: &[usize]) -> Option<Vec<f64>> {
    let (rows, columns, down, right) = match (shape, strides) {
        ([], []) => (1, 1, 0, 0),
        ([columns], [right]) => (1, *columns, 0, *right),
        ([rows, columns], [down, right]) => (*rows, *columns, *down, *right),
        // More axes are no layer of ours, and are refused by their shape.
        _ => return Some(vec![]),
    };
    let count = rows.checked_mul(columns)?;
    // A stride of 0 would repeat numbers without end.
    if count > values.len() {
        return None;
    }
    let at = |index: usize| {
        let place = (index / columns).checked_mul(down)?.checked_add((index % columns).checked_mul(right)?)?;
        values.get(place.checked_add(offset)?).copied()
    };
    (0..count).map(at).collect()
}
