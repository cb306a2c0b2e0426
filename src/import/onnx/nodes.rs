//! The operators of ONNX, one by one.

use super::operators::{Binary, Unary};
use super::{Reader, Value, constants};
use crate::error::{Error, Result};
use crate::files::onnx_file::{AttributeProto, NodeProto, data_type};
use crate::files::safetensors_file::Tensor;
use crate::import::functions::Function;
use crate::import::graph::Graph;
use crate::import::tensors;
use crate::jet::Activation;
use crate::numbers::Precision;

/// A node with what messages call it.
pub struct Node<'a> {
    pub proto: &'a NodeProto,
    pub place: String,
}

impl Node<'_> {
    /// The name of an input; none where it is left out.
    fn input(&self, index: usize) -> Option<&str> {
        self.proto.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    pub fn needed(&self, index: usize) -> Result<&str> {
        self.input(index).ok_or_else(|| self.wrong(format!("it lacks input {index}"), "export it again"))
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.i).unwrap_or(default)
    }

    /// A number as it was written: the shortest that is this f32, so that 0.01 is not 0.00999999977648258.
    fn float(&self, name: &str, default: f64) -> f64 {
        let written = |x: f32| x.to_string().parse().unwrap_or(f64::from(x));
        self.attribute(name).and_then(|attribute| attribute.f).map_or(default, written)
    }

    pub fn wrong(&self, problem: impl Into<String>, help: &str) -> Error {
        Error::input(&self.place, problem, help)
    }
}

impl Reader<'_> {
    /// Reads a node.
    pub fn node(&mut self, proto: &NodeProto) -> Result<()> {
        let name = match (proto.name.as_str(), proto.output.first()) {
            ("", Some(output)) => output,
            (name, _) => name,
        };
        let node = Node { proto, place: format!("{}: node {name:?} ({})", self.path.display(), proto.op_type) };
        let value = self.value_of(&node)?;
        if let Some(output) = proto.output.first() {
            self.values.insert(output.clone(), value);
        }
        Ok(())
    }

    fn value_of(&mut self, node: &Node) -> Result<Value> {
        let is_known = matches!(
            (node.proto.domain.as_str(), node.proto.op_type.as_str()),
            ("" | "ai.onnx", _) | ("com.microsoft", "Gelu")
        );
        if !is_known {
            let problem = format!("the operator is of the domain {:?}", node.proto.domain);
            return Err(node.wrong(problem, "export with operators of ONNX itself"));
        }
        match node.proto.op_type.as_str() {
            "Constant" => self.constant_node(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.mat_mul(node),
            "BatchNormalization" => self.batch_normalization(node),
            "PRelu" => {
                let slopes = self.constant(node.needed(1)?, &node.place)?.values;
                let at = self.point_of(node.needed(0)?, &node.place)?;
                if slopes.len() > 1 {
                    self.graph.fits(at, slopes.len(), &node.place)?;
                }
                let at = Function::LeakyRelu(slopes).apply(&mut self.graph, at, &node.place)?;
                Ok(self.at(at))
            }
            "Identity" | "Flatten" | "Reshape" | "Cast" | "Dropout" => self.unchanged(node),
            "Concat" => self.concat(node),
            "Transpose" => match self.value(node.needed(0)?, &node.place)? {
                Value::Constant(tensor) if tensor.shape.len() == 2 => Ok(Value::Constant(tensors::transposed(tensor))),
                _ => Err(node.wrong("it transposes more than a constant matrix", "keep points as rows: (batch, D)")),
            },
            "Add" | "Sum" => self.binary(node, Binary::Add),
            "Sub" => self.binary(node, Binary::Sub),
            "Mul" => self.binary(node, Binary::Mul),
            "Div" => self.binary(node, Binary::Div),
            "Pow" => self.binary(node, Binary::Pow),
            "Max" => self.binary(node, Binary::Max),
            "Min" => self.binary(node, Binary::Min),
            "Greater" | "GreaterOrEqual" => self.binary(node, Binary::Greater),
            "Less" | "LessOrEqual" => self.binary(node, Binary::Less),
            "Where" => self.choice(node),
            "LayerNormalization" | "GroupNormalization" | "Softmax" | "LogSoftmax" => Err(node.wrong(
                "it computes over all units of a point, which no activation of one unit can give",
                "train the network without it",
            )),
            _ => match one_number(node, node.proto.op_type.as_str())? {
                Some(function) => self.unary(node, function),
                None => Err(node.wrong(
                    "this operator cannot be imported",
                    "use affine layers, activations of one unit, sums x + f(x), and arithmetic with constants",
                )),
            },
        }
    }

    fn constant_node(&mut self, node: &Node) -> Result<Value> {
        let constant = |values: Vec<f64>, shape| Tensor { shape, precision: Precision::F32, values };
        let read = |attribute: &AttributeProto| match (attribute.name.as_str(), &attribute.t) {
            ("value", Some(tensor)) => constants::read(self.path, &node.place, tensor).map(Some),
            ("value_float", _) => Ok(attribute.f.map(|x| constant(vec![x.into()], vec![]))),
            ("value_int", _) => Ok(attribute.i.map(|n| constant(vec![n as f64], vec![]))),
            ("value_floats", _) => {
                let values: Vec<f64> = attribute.floats.iter().map(|x| f64::from(*x)).collect();
                Ok(Some(constant(values.clone(), vec![values.len()])))
            }
            ("value_ints", _) => {
                let values: Vec<f64> = attribute.ints.iter().map(|n| *n as f64).collect();
                Ok(Some(constant(values.clone(), vec![values.len()])))
            }
            _ => Ok(None),
        };
        let found = node.proto.attribute.first().map(read).transpose()?.flatten();
        found.map(Value::Constant).ok_or_else(|| node.wrong("it has no numbers", "export with float constants"))
    }

    fn gemm(&mut self, node: &Node) -> Result<Value> {
        let at = self.point_of(node.needed(0)?, &node.place)?;
        let weights = self.constant(node.needed(1)?, &node.place)?;
        let bias = node.input(2).map(|name| self.constant(name, &node.place)).transpose()?;
        if node.int("transA", 0) != 0 || weights.shape.len() != 2 {
            return Err(
                node.wrong("its product is not that of points with a matrix", "keep points as rows: (batch, D)")
            );
        }
        let mut weights = if node.int("transB", 0) == 0 { tensors::transposed(weights) } else { weights };
        let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
        weights.values.iter_mut().for_each(|x| *x *= alpha);
        let bias = bias.map(|mut bias| {
            bias.values.iter_mut().for_each(|x| *x *= beta);
            if bias.values.len() == 1 {
                bias.values = vec![bias.values[0]; weights.shape[0]];
            }
            bias
        });
        let at = tensors::affine(&mut self.graph, at, &node.place, weights, bias)?;
        Ok(self.at(at))
    }

    fn mat_mul(&mut self, node: &Node) -> Result<Value> {
        let at = self.point_of(node.needed(0)?, &node.place)?;
        let weights = tensors::transposed(self.constant(node.needed(1)?, &node.place)?);
        let at = tensors::affine(&mut self.graph, at, &node.place, weights, None)?;
        Ok(self.at(at))
    }

    fn batch_normalization(&mut self, node: &Node) -> Result<Value> {
        if node.int("training_mode", 0) != 0 || node.proto.output.len() > 1 {
            return Err(node.wrong("it is in training mode", "call model.eval() before exporting"));
        }
        let at = self.point_of(node.needed(0)?, &node.place)?;
        let mut part = |index| Ok(self.constant(node.needed(index)?, &node.place)?.values);
        let (gamma, beta, mean, variance): (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>) =
            (part(1)?, part(2)?, part(3)?, part(4)?);
        let epsilon = node.float("epsilon", 1e-5);
        let scale = variance.iter().map(|variance| (variance + epsilon).sqrt()).collect();
        let at = self.graph.standardise(at, &node.place, mean, scale)?;
        let at = self.graph.scale(at, &node.place, gamma, beta)?;
        Ok(self.at(at))
    }

    /// What joins all inputs of a graph.
    fn concat(&mut self, node: &Node) -> Result<Value> {
        let names = &node.proto.input;
        let wrong = |problem: &str| {
            Err(node.wrong(problem, "only the inputs can be joined, all of them, with one Concat along the last axis"))
        };
        let is_all = names.len() == self.inputs.len() && self.inputs.iter().all(|(input, _)| names.contains(input));
        if !is_all || [0, -2].contains(&node.int("axis", 1)) {
            return wrong("it joins other than all inputs");
        }
        let width = |name: &String| self.inputs.iter().find(|(input, _)| input == name).and_then(|(_, width)| *width);
        let joined: Option<Vec<(&str, usize)>> = names.iter().map(|name| Some((name.as_str(), width(name)?))).collect();
        let Some(joined) = joined else { return wrong("the widths of the inputs are not known") };
        let (_, inputs) = Graph::new(None);
        self.graph.join(inputs, &joined, &node.place)?;
        Ok(self.at(inputs))
    }

    /// What changes nothing of a vector for each point.
    fn unchanged(&mut self, node: &Node) -> Result<Value> {
        let value = self.value(node.needed(0)?, &node.place)?;
        let Value::Formula(at, _) = &value else { return Ok(value) };
        let is_harmless = match node.proto.op_type.as_str() {
            "Flatten" => node.int("axis", 1) == 1,
            "Cast" => [data_type::FLOAT, data_type::DOUBLE].map(i64::from).contains(&node.int("to", 0)),
            "Reshape" => {
                let width = self.graph.point(*at).width.map(|width| width as f64);
                let shape = self.constant(node.needed(1)?, &node.place)?.values;
                match shape.as_slice() {
                    [batch, last] => width == Some(*last) || *last == -1.0 && *batch == 0.0,
                    _ => false,
                }
            }
            "Dropout" => {
                self.left_out.push(format!("{} (Dropout)", node.proto.name));
                true
            }
            _ => true,
        };
        match is_harmless {
            true => Ok(value),
            false => Err(node.wrong("it changes the shape or the format of points", "keep points as rows: (batch, D)")),
        }
    }
}

/// The function of one number that an operator is, if it is one.
fn one_number(node: &Node, operator: &str) -> Result<Option<Unary>> {
    let own = |activation| Some(Unary::Function(Function::Own(activation)));
    Ok(match operator {
        "Neg" => Some(Unary::Neg),
        "Abs" => Some(Unary::Abs),
        "Erf" => Some(Unary::Erf),
        "Erfc" => Some(Unary::Erfc),
        "Reciprocal" => Some(Unary::Reciprocal),
        "Sqrt" => Some(Unary::Sqrt),
        "Log" => Some(Unary::Log),
        "Relu" => own(Activation::Relu),
        "Tanh" => own(Activation::Tanh),
        "Sigmoid" => own(Activation::Sigmoid),
        "Softplus" => own(Activation::Softplus),
        "Softsign" => own(Activation::Softsign),
        "Exp" => own(Activation::Exp),
        "Sin" => own(Activation::Sin),
        "Mish" => own(Activation::Mish),
        "Gelu" => match node.attribute("approximate").and_then(|attribute| attribute.s.as_deref()) {
            Some(b"tanh") => own(Activation::GeluTanh),
            _ => own(Activation::Gelu),
        },
        "Cos" => Some(Unary::Function(Function::Cos)),
        "Elu" => Some(Unary::Function(Function::Elu(node.float("alpha", 1.0)))),
        "Celu" => Some(Unary::Function(Function::Celu(node.float("alpha", 1.0)))),
        "LeakyRelu" => Some(Unary::Function(Function::LeakyRelu(vec![node.float("alpha", 0.01)]))),
        "Swish" => Some(Unary::Function(Function::Swish(node.float("alpha", 1.0)))),
        "Selu" => {
            let usual = (node.float("alpha", 1.67326) - 1.67326).abs() + (node.float("gamma", 1.0507) - 1.0507).abs();
            if usual > 1e-5 {
                return Err(node.wrong("its alpha or gamma is not that of SELU", "use the usual constants"));
            }
            own(Activation::Selu)
        }
        _ => None,
    })
}
