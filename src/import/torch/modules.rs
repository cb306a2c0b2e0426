//! The modules of `torch.nn`, one by one: their classes give the activations, their attributes the parameters.

use super::File;
use super::pickle::{Id, Object, Pickle};
use crate::error::{Error, Result};
use crate::files::safetensors_file::Tensor;
use crate::import::functions::Function;
use crate::import::graph::{At, Graph};
use crate::import::{Read, tensors};
use crate::jet::Activation;
use crate::numbers::Precision;

/// How deep modules may lie in modules, and how many there may be.
const DEEPEST: usize = 64;
const MOST: usize = 100_000;

/// The class of a module of `torch.nn`, such as `Linear`.
pub fn class(pickle: &Pickle, id: Id) -> Option<&str> {
    let (name, _) = pickle.call(id)?;
    name.starts_with("torch.nn.modules.").then(|| name.rsplit('.').next())?
}

/// What is built while modules are read.
pub struct Reader<'a> {
    file: &'a File,
    graph: Graph,
    left_out: Vec<String>,
    /// How many modules were read, each as often as it is used.
    count: usize,
}

/// A module with its name in the file.
struct Module {
    id: Id,
    place: String,
    name: String,
}

impl<'a> Reader<'a> {
    /// For the modules of a file.
    pub fn new(file: &'a File) -> Self {
        Self { file, graph: Graph::new(None).0, left_out: vec![], count: 0 }
    }

    /// The network that a module is.
    pub fn whole(mut self, id: Id) -> Result<Read> {
        let inputs = Graph::new(None).1;
        let end = self.module(id, "", inputs, 0)?;
        let Self { graph, left_out, .. } = self;
        Ok(Read { graph, end, source: "PyTorch".to_string(), order: vec![], left_out })
    }

    /// Adds a module behind the point `at`.
    fn module(&mut self, id: Id, name: &str, at: At, depth: usize) -> Result<At> {
        let file = self.file;
        let place = format!("{}: module {name:?}", file.place);
        let Some(class) = class(&file.pickle, id) else {
            let known = file.pickle.call(id).map_or("an unknown object", |(name, _)| name);
            let problem = format!("it is {known}, whose forward pass is code and not in the file");
            return Err(Error::input(place, problem, "use modules of torch.nn alone, or export the model as ONNX"));
        };
        let module = Module { id, place: format!("{place} ({class})"), name: name.to_string() };
        let place = &module.place;
        self.count += 1;
        if depth > DEEPEST || self.count > MOST {
            return Err(Error::input(place, "there are too many modules", "save the network in fewer"));
        }
        let function = match class {
            "Sequential" => {
                let mut at = at;
                let children = self.attribute(&module, "_modules").map_or(&[][..], |id| file.pickle.items(id));
                for (key, child) in children {
                    let key = file.pickle.text(*key).unwrap_or_default();
                    let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
                    at = self.module(*child, &name, at, depth + 1)?;
                }
                return Ok(at);
            }
            "Linear" => {
                let weights = self.needed(&module, "_parameters", "weight")?;
                let bias = self.part(&module, "_parameters", "bias")?;
                return tensors::affine(&mut self.graph, at, place, weights, bias);
            }
            "BatchNorm1d" => return self.batch_norm(&module, at),
            "Dropout" | "AlphaDropout" | "FeatureAlphaDropout" | "Dropout1d" => {
                self.left_out.push(format!("{} ({class})", module.name));
                return Ok(at);
            }
            "Identity" | "Flatten" => return Ok(at),
            "Tanh" => Function::Own(Activation::Tanh),
            "Sigmoid" => Function::Own(Activation::Sigmoid),
            "SiLU" => Function::Own(Activation::Silu),
            "Mish" => Function::Own(Activation::Mish),
            "SELU" => Function::Own(Activation::Selu),
            "Softsign" => Function::Own(Activation::Softsign),
            "ReLU" => Function::Own(Activation::Relu),
            "GELU" => match self.attribute(&module, "approximate").and_then(|id| file.pickle.text(id)) {
                Some("tanh") => Function::Own(Activation::GeluTanh),
                _ => Function::Own(Activation::Gelu),
            },
            "ELU" => Function::Elu(self.number(&module, "alpha", 1.0)),
            "CELU" => Function::Celu(self.number(&module, "alpha", 1.0)),
            // Above its threshold PyTorch takes z itself, which is the same in float32.
            "Softplus" => Function::Softplus(self.number(&module, "beta", 1.0)),
            "LeakyReLU" => Function::LeakyRelu(vec![self.number(&module, "negative_slope", 0.01)]),
            "RReLU" => {
                let ends = self.number(&module, "lower", 1.0 / 8.0) + self.number(&module, "upper", 1.0 / 3.0);
                Function::LeakyRelu(vec![ends / 2.0])
            }
            "PReLU" => {
                let slopes = self.needed(&module, "_parameters", "weight")?;
                Function::LeakyRelu(self.values(slopes))
            }
            "LogSigmoid" => Function::LogSigmoid,
            "Tanhshrink" => Function::TanhShrink,
            "LayerNorm" | "GroupNorm" | "RMSNorm" => {
                let problem =
                    "it divides by a mean over all units of a point, which no activation of one unit can give";
                return Err(Error::input(place, problem, "train without it, or with BatchNorm1d"));
            }
            _ => {
                let problem = "this kind of module cannot be imported";
                let help = "use Sequential, Linear, activations of one unit and BatchNorm1d, or export a residual \
                            network as ONNX";
                return Err(Error::input(place, problem, help));
            }
        };
        function.apply(&mut self.graph, at, place)
    }

    fn batch_norm(&mut self, module: &Module, at: At) -> Result<At> {
        let (Some(mean), Some(variance)) =
            (self.part(module, "_buffers", "running_mean")?, self.part(module, "_buffers", "running_var")?)
        else {
            let problem = "it has no running statistics, so its result depends on the other points of a batch";
            return Err(Error::input(&module.place, problem, "train it with track_running_stats=True"));
        };
        let epsilon = self.number(module, "eps", 1e-5);
        let scale = self.values(variance).iter().map(|variance| (variance + epsilon).sqrt()).collect();
        let mean = self.values(mean);
        let at = self.graph.standardise(at, &module.place, mean, scale)?;
        let (Some(weight), Some(bias)) =
            (self.part(module, "_parameters", "weight")?, self.part(module, "_parameters", "bias")?)
        else {
            return Ok(at);
        };
        let (weight, bias) = (self.values(weight), self.values(bias));
        self.graph.scale(at, &module.place, weight, bias)
    }

    fn values(&mut self, tensor: Tensor) -> Vec<f64> {
        if tensor.precision == Precision::F64 {
            self.graph.precision = Precision::F64;
        }
        tensor.values
    }

    fn attribute(&self, module: &Module, name: &str) -> Option<Id> {
        self.file.pickle.attribute(module.id, name)
    }

    fn number(&self, module: &Module, name: &str, default: f64) -> f64 {
        match self.attribute(module, name).map(|id| self.file.pickle.object(id)) {
            Some(Object::Float(x)) => *x,
            Some(Object::Int(n)) => *n as f64,
            _ => default,
        }
    }

    /// A parameter or buffer, if the module has it.
    fn part(&self, module: &Module, kind: &str, name: &str) -> Result<Option<Tensor>> {
        let pickle = &self.file.pickle;
        let id = self.attribute(module, kind).and_then(|parts| pickle.item(parts, name));
        let id = id.filter(|id| *pickle.object(*id) != Object::None);
        id.map(|id| self.file.tensor(id, &format!("{}: {name}", module.place))).transpose()
    }

    fn needed(&self, module: &Module, kind: &str, name: &str) -> Result<Tensor> {
        let missing = || {
            let problem = format!("it has no {name} of its own: it may be computed, as by weight_norm");
            Error::input(&module.place, problem, "remove the parametrization before saving, or export as ONNX")
        };
        self.part(module, kind, name)?.ok_or_else(missing)
    }
}
