//! ONNX graphs: their nodes in order, each on points, formulas of one unit and constants.

mod arithmetic;
mod constants;
mod expression;
mod nodes;
mod operators;

use std::collections::HashMap;
use std::path::Path;

use self::expression::{Expression, Points};
use super::Read;
use super::graph::{At, Graph};
use crate::error::{Error, Result};
use crate::files::onnx_file::{GraphProto, Message, ModelProto, ValueInfoProto};
use crate::files::safetensors_file::Tensor;
use crate::numbers::Precision;

/// Reads a graph.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Read> {
    let place = path.display().to_string();
    let unknown = |problem: String| {
        let help = "use .keras or .h5 of Keras, .pt of torch.save, .safetensors, or .onnx";
        Error::input(&place, problem, help)
    };
    let model = ModelProto::decode(bytes).map_err(|error| {
        unknown(format!("this is no whole file of a format that can be imported ({error} in ONNX)"))
    })?;
    let graph = model.graph.ok_or_else(|| unknown("this file has no format that can be imported".to_string()))?;
    let mut reader = Reader::new(path, &graph)?;
    if !graph.sparse_initializer.is_empty() {
        return Err(Error::input(&place, "it has sparse weights", "export it with dense weights"));
    }
    for node in &graph.node {
        reader.node(node)?;
    }
    let [output] = graph.output.as_slice() else {
        let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
        return Err(Error::input(&place, format!("it has {} outputs: {names:?}", names.len()), "export it with one"));
    };
    let end = reader.point_of(&output.name, &format!("{place}: output {:?}", output.name))?;
    let source = format!("ONNX by {} {}", model.producer_name, model.producer_version).trim_end().to_string();
    Ok(Read { graph: reader.graph, end, source, order: vec![], left_out: reader.left_out })
}

/// What a name in the graph stands for.
#[derive(Clone)]
enum Value {
    /// Numbers.
    Constant(Tensor),
    /// A formula of the units of a point.
    Formula(At, Expression),
    /// One of several inputs, which a node must join.
    Input,
}

/// What is built while nodes are read.
struct Reader<'a> {
    path: &'a Path,
    graph: Graph,
    values: HashMap<String, Value>,
    points: Points,
    /// The names and widths of several inputs; none where there is one.
    inputs: Vec<(String, Option<usize>)>,
    left_out: Vec<String>,
}

impl<'a> Reader<'a> {
    /// With the constants and the input of a graph.
    fn new(path: &'a Path, graph: &GraphProto) -> Result<Self> {
        let place = path.display().to_string();
        let mut values = HashMap::new();
        for tensor in &graph.initializer {
            let constant = constants::read(path, &format!("{place}: initializer {:?}", tensor.name), tensor)?;
            values.insert(tensor.name.clone(), Value::Constant(constant));
        }
        // Old exporters list initializers among the inputs.
        let inputs: Vec<_> = graph.input.iter().filter(|input| !values.contains_key(&input.name)).collect();
        let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
        let mut widths = vec![];
        for input in &inputs {
            widths.push(width(&place, input)?);
        }
        let (graph, start) = Graph::new(if let [width] = widths.as_slice() { *width } else { None });
        let mut reader = Self { path, graph, values, points: Points::new(), inputs: vec![], left_out: vec![] };
        if let [input] = names.as_slice() {
            let value = reader.at(start);
            reader.values.insert(input.clone(), value);
            return Ok(reader);
        }
        for (name, width) in names.into_iter().zip(widths) {
            reader.values.insert(name.clone(), Value::Input);
            reader.inputs.push((name, width));
        }
        Ok(reader)
    }

    /// A point's units themselves.
    fn at(&mut self, at: At) -> Value {
        let unit = Expression::unit();
        self.points.insert(unit.address(), (unit.clone(), at));
        Value::Formula(at, unit)
    }

    /// The point of a value.
    fn point(&mut self, value: &Value, place: &str) -> Result<At> {
        match value {
            Value::Formula(_, expression) => expression.apply(&mut self.graph, &mut self.points, place),
            Value::Input => Err(self.unjoined(place)),
            Value::Constant(_) => {
                Err(Error::input(place, "it reads a constant where the network should be", "export it again"))
            }
        }
    }

    fn point_of(&mut self, name: &str, place: &str) -> Result<At> {
        let value = self.value(name, place)?;
        self.point(&value, place)
    }

    fn value(&self, name: &str, place: &str) -> Result<Value> {
        let missing =
            || Error::input(place, format!("it reads {name:?}, which nothing before it gives"), "export it again");
        self.values.get(name).cloned().ok_or_else(missing)
    }

    /// A constant that a node reads.
    fn constant(&mut self, name: &str, place: &str) -> Result<Tensor> {
        match self.value(name, place)? {
            Value::Constant(tensor) => {
                self.learn(&tensor);
                Ok(tensor)
            }
            Value::Formula(..) | Value::Input => Err(Error::input(
                place,
                format!("{name:?} depends on the inputs, where only a constant can be imported"),
                "use a chain of affine layers, activations of one unit and sums x + f(x)",
            )),
        }
    }

    /// An error for a graph of several inputs that are not joined first.
    fn unjoined(&self, place: &str) -> Error {
        let names: Vec<&str> = self.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let problem = format!("the graph has {} inputs, {names:?}, and this node reads one of them alone", names.len());
        let help = "join them right at the start, with one Concat; where Keras's exporter made inputs of a \
                    Normalization's constants, import the .keras file instead";
        Error::input(place, problem, help)
    }

    /// A network of f64 constants is one of f64.
    fn learn(&mut self, tensor: &Tensor) {
        if tensor.precision == Precision::F64 {
            self.graph.precision = Precision::F64;
        }
    }
}

/// The width of an input, if the file has it.
fn width(place: &str, input: &ValueInfoProto) -> Result<Option<usize>> {
    let shape =
        input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()).and_then(|tensor| tensor.shape.as_ref());
    let extents = shape.map_or(&[][..], |shape| shape.dim.as_slice());
    if extents.len() > 2 {
        let problem = format!("it has {} axes", extents.len());
        let help = "use one vector of inputs for each point: (batch, D)";
        return Err(Error::input(format_args!("{place}: input {:?}", input.name), problem, help));
    }
    let width = extents.last().and_then(|extent| extent.dim_value).filter(|number| *number > 0);
    Ok(width.map(|width| width as usize))
}
