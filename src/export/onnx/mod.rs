//! A recipe as an ONNX graph. A block (R, H) at B points is a tensor (R, B, H), so that one MatMul of a layer is for all
//! channels of an order, and a tangent is never a graph of its own.

mod graph;

use super::Export;
use super::recipe::{Id, Unary};
use crate::error::Result;
use crate::files::onnx_file::{GraphProto, Message, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::network::Model;
use crate::numbers::Precision;

use graph::Graph;

/// What ONNX has no operator for.
pub const LACKING_F32: &[Unary] = &[Unary::Expm1, Unary::Log1p];
/// Nor has onnxruntime kernels of these for f64.
pub const LACKING_F64: &[Unary] =
    &[Unary::Expm1, Unary::Log1p, Unary::Erf, Unary::Asin, Unary::Acos, Unary::Atan, Unary::Sinh, Unary::Cosh];

/// The set of operators: of 2022, so that every runtime in use reads it.
const OPSET: i64 = 17;
/// The version of the format that came with it.
const IR_VERSION: i64 = 8;

/// The file's contents.
pub fn bytes(export: &Export, model: &Model) -> Result<Vec<u8>> {
    let is_f64 = export.precision == Precision::F64;
    let recipe = export.recipe(model, if is_f64 { LACKING_F64 } else { LACKING_F32 })?.finished(true);
    let mut graph = Graph::new(&recipe, is_f64);
    (0..recipe.values.len()).for_each(|index| graph.value(Id(index)));
    let mut outputs = vec![];
    for (id, (name, shape)) in recipe.results.iter().zip(export.shapes(model)) {
        graph.result(*id, name, &shape);
        outputs.push(graph.declared(name, &shape));
    }
    let input = graph.declared("x", &[recipe.inputs]);
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_string(), value };
    let json = |names: &[String]| serde_json::to_string(names).expect("names are JSON");
    let metadata_props = vec![
        entry("inputs", json(&model.inputs)),
        entry("outputs", json(&model.outputs)),
        entry("order", export.order.to_string()),
        entry("second", export.seconds.name().to_string()),
    ];
    let opset = OperatorSetIdProto { domain: String::new(), version: OPSET };
    let graph = GraphProto {
        node: graph.nodes,
        name: "jetfit".to_string(),
        initializer: graph.initializers,
        doc_string: export.summary(model),
        input: vec![input],
        output: outputs,
        ..GraphProto::default()
    };
    let file = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![opset],
        producer_name: "jetfit".to_string(),
        producer_version: env!("CARGO_PKG_VERSION").to_string(),
        doc_string: graph.doc_string.clone(),
        graph: Some(graph),
        metadata_props,
        ..ModelProto::default()
    };
    Ok(file.encode_to_vec())
}
