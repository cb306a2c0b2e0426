//! The nodes of a graph.

use super::super::recipe::{Binary, Id, Operation, Recipe, Unary};
use super::super::tensors::Tensor;
use crate::files::onnx_file::{
    AttributeProto, DimensionProto, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto, attribute_type, data_type,
};

/// A graph in the making.
pub struct Graph<'a> {
    recipe: &'a Recipe,
    readers: Vec<Vec<Id>>,
    is_f64: bool,
    /// The nodes so far.
    pub nodes: Vec<NodeProto>,
    /// Their weights and numbers.
    pub initializers: Vec<TensorProto>,
    /// Shape of a block that is spread, once it is asked for.
    has_spread_shape: bool,
}

/// The name of a truth value.
fn truth(name: &str) -> String {
    format!("{name}_holds")
}

impl<'a> Graph<'a> {
    /// One with the numbers of a recipe.
    pub fn new(recipe: &'a Recipe, is_f64: bool) -> Self {
        let (readers, nodes, initializers) = (recipe.readers(), vec![], vec![]);
        let mut graph = Self { recipe, readers, is_f64, nodes, initializers, has_spread_shape: false };
        recipe.tensors.iter().for_each(|tensor| graph.tensor(tensor));
        graph
    }

    fn float(&self) -> i32 {
        if self.is_f64 { data_type::DOUBLE } else { data_type::FLOAT }
    }

    /// The name of a block; that of the input is taken.
    fn name(&self, id: Id) -> String {
        match self.recipe.value(id).operation {
            Operation::Input => "x_block".to_string(),
            _ => self.recipe.value(id).name.clone(),
        }
    }

    /// (R, 1, H), a number as (), and W as (in, out).
    fn tensor(&mut self, tensor: &Tensor) {
        let (rows, units) = (tensor.rows as i64, tensor.units as i64);
        let (dims, numbers) = match tensor.number() {
            _ if tensor.is_matrix() => (vec![units, rows], tensor.transposed()),
            Some(number) => (vec![], vec![number]),
            None => (vec![rows, 1, units], tensor.numbers.clone()),
        };
        let raw_data = match self.is_f64 {
            true => numbers.iter().flat_map(|number: &f64| number.to_le_bytes()).collect(),
            false => numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect(),
        };
        let (name, data_type) = (tensor.name.clone(), self.float());
        self.initializers.push(TensorProto { dims, data_type, name, raw_data, ..TensorProto::default() });
    }

    /// Whole numbers that a node reads, as an initializer.
    fn integers(&mut self, numbers: &[i64]) -> String {
        let text: Vec<String> = numbers.iter().map(i64::to_string).collect();
        let mut name = format!("i_{}", text.join("_"));
        if name.len() > 40 {
            name = format!("list_{}", self.initializers.len());
        }
        if !self.initializers.iter().any(|known| known.name == name) {
            let raw_data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let (dims, data_type) = (vec![numbers.len() as i64], data_type::INT64);
            let tensor = TensorProto { dims, data_type, name: name.clone(), raw_data, ..TensorProto::default() };
            self.initializers.push(tensor);
        }
        name
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str) -> &mut NodeProto {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![output.to_string()],
            name: output.to_string(),
            op_type: operator.to_string(),
            ..NodeProto::default()
        });
        self.nodes.last_mut().expect("it was pushed")
    }

    /// The nodes of an operation.
    pub fn value(&mut self, id: Id) {
        let (recipe, name) = (self.recipe, self.name(id));
        let operation = &recipe.value(id).operation;
        let operands: Vec<String> = operation.operands().into_iter().map(|operand| self.name(operand)).collect();
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        match operation {
            Operation::Input => {
                let axis = self.integers(&[0]);
                self.node("Unsqueeze", &["x", &axis], &name);
            }
            Operation::Constant(_) => {}
            Operation::Columns(..) => unreachable!("fixed blocks are constants here"),
            Operation::Linear(tensor, _) => {
                self.node("MatMul", &[operands[0], &recipe.tensors[*tensor].name], &name);
            }
            Operation::Unary(unary, _) => {
                self.node(unary_operator(*unary), &operands, &name);
            }
            Operation::Binary(binary @ (Binary::Less | Binary::LessEqual), ..) => {
                let operator = if *binary == Binary::Less { "Less" } else { "LessOrEqual" };
                self.node(operator, &operands, &truth(&name));
                // A Where reads the truth itself.
                let is_condition = |reader: &Id| match &recipe.value(*reader).operation {
                    Operation::Select(condition, yes, no) => *condition == id && *yes != id && *no != id,
                    _ => false,
                };
                if !self.readers[id.0].iter().all(is_condition) || recipe.results.contains(&id) {
                    let float = self.float();
                    let node = self.node("Cast", &[&truth(&name)], &name);
                    node.attribute.push(integer("to", float.into()));
                }
            }
            Operation::Binary(binary, ..) => {
                let operator = match binary {
                    Binary::Add => "Add",
                    Binary::Subtract => "Sub",
                    Binary::Multiply => "Mul",
                    Binary::Divide => "Div",
                    Binary::Power => "Pow",
                    Binary::Max => "Max",
                    Binary::Min => "Min",
                    Binary::Less | Binary::LessEqual => unreachable!("above"),
                };
                self.node(operator, &operands, &name);
            }
            Operation::Select(condition, ..) => {
                let is_truth = matches!(
                    recipe.value(*condition).operation,
                    Operation::Binary(Binary::Less | Binary::LessEqual, ..)
                );
                let holds = truth(if is_truth { operands[0] } else { &name });
                if !is_truth {
                    let node = self.node("Cast", &operands[..1], &holds);
                    node.attribute.push(integer("to", data_type::BOOL.into()));
                }
                self.node("Where", &[&holds, operands[1], operands[2]], &name);
            }
            Operation::Rows(_, rows) => self.part(operands[0], rows, 0, &name),
            Operation::Units(_, units) => self.part(operands[0], units, 2, &name),
            Operation::StackRows(_) | Operation::StackUnits(_) => {
                let axis = if matches!(operation, Operation::StackRows(_)) { 0 } else { 2 };
                self.node("Concat", &operands, &name).attribute.push(integer("axis", axis));
            }
            Operation::SumRows(_) => {
                let axis = self.integers(&[0]);
                self.node("ReduceSum", &[operands[0], &axis], &name);
            }
            Operation::Spread(_) => {
                self.spread_shape();
                self.node("Expand", &[operands[0], "spread"], &name);
            }
        }
    }

    /// Some of the indices along an axis.
    fn part(&mut self, of: &str, indices: &[usize], axis: i64, name: &str) {
        let [first, last] = [indices[0], indices[indices.len() - 1]].map(|index| index as i64);
        if indices.iter().copied().eq(first as usize..=last as usize) {
            let [start, end, axis] = [first, last + 1, axis].map(|number| self.integers(&[number]));
            self.node("Slice", &[of, &start, &end, &axis], name);
            return;
        }
        let indices: Vec<i64> = indices.iter().map(|index| *index as i64).collect();
        let indices = self.integers(&indices);
        self.node("Gather", &[of, &indices], name).attribute.push(integer("axis", axis));
    }

    /// (1, B, 1)
    fn spread_shape(&mut self) {
        if std::mem::replace(&mut self.has_spread_shape, true) {
            return;
        }
        let (zero, one) = (self.integers(&[0]), self.integers(&[1]));
        self.node("Shape", &["x"], "x_shape");
        self.node("Slice", &["x_shape", &zero, &one, &zero], "count");
        self.node("Concat", &[&one, "count", &one], "spread").attribute.push(integer("axis", 0));
    }

    /// A block (R, B, M) as the output (B, M, …) of this name.
    pub fn result(&mut self, id: Id, name: &str, shape: &[usize]) {
        let block = self.name(id);
        if let [_] = shape {
            let axis = self.integers(&[0]);
            self.node("Squeeze", &[&block, &axis], name);
            return;
        }
        let turned = if shape.len() > 2 { format!("{name}_rows") } else { name.to_string() };
        let node = self.node("Transpose", &[&block], &turned);
        node.attribute.push(integers("perm", &[1, 2, 0]));
        if shape.len() > 2 {
            // 0 stands for as many as there are.
            let shape: Vec<i64> = [0].into_iter().chain(shape.iter().map(|extent| *extent as i64)).collect();
            let shape = self.integers(&shape);
            self.node("Reshape", &[&turned, &shape], name);
        }
    }

    /// The declaration of an input or output with this shape at each of the B points.
    pub fn declared(&self, name: &str, shape: &[usize]) -> ValueInfoProto {
        let points = DimensionProto { dim_value: None, dim_param: Some("B".to_string()) };
        let extent = |extent: &usize| DimensionProto { dim_value: Some(*extent as i64), dim_param: None };
        let shape = TensorShapeProto { dim: [points].into_iter().chain(shape.iter().map(extent)).collect() };
        let tensor = TensorTypeProto { elem_type: self.float(), shape: Some(shape) };
        let r#type = Some(TypeProto { tensor_type: Some(tensor) });
        ValueInfoProto { name: name.to_string(), r#type, doc_string: String::new() }
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    let (name, r#type) = (name.to_string(), attribute_type::INT);
    AttributeProto { name, i: Some(value), r#type, ..AttributeProto::default() }
}

fn integers(name: &str, values: &[i64]) -> AttributeProto {
    let (name, r#type) = (name.to_string(), attribute_type::INTS);
    AttributeProto { name, ints: values.to_vec(), r#type, ..AttributeProto::default() }
}

fn unary_operator(unary: Unary) -> &'static str {
    match unary {
        Unary::Negate => "Neg",
        Unary::Abs => "Abs",
        Unary::Sqrt => "Sqrt",
        Unary::Exp => "Exp",
        Unary::Log => "Log",
        Unary::Sin => "Sin",
        Unary::Cos => "Cos",
        Unary::Asin => "Asin",
        Unary::Acos => "Acos",
        Unary::Atan => "Atan",
        Unary::Sinh => "Sinh",
        Unary::Cosh => "Cosh",
        Unary::Tanh => "Tanh",
        Unary::Erf => "Erf",
        Unary::Sigmoid => "Sigmoid",
        Unary::Floor => "Floor",
        Unary::Ceil => "Ceil",
        Unary::Expm1 | Unary::Log1p => unreachable!("written out for ONNX"),
    }
}
