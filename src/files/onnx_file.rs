//! The messages of an ONNX file that a network needs, with the field numbers of `onnx.proto`. Fields that are not
//! listed are skipped when a file is read.

pub use prost::Message;

/// The kinds of numbers in a tensor, as `TensorProto.DataType` counts them.
pub mod data_type {
    /// 32-bit floats
    pub const FLOAT: i32 = 1;
    /// 32-bit integers
    pub const INT32: i32 = 6;
    /// 64-bit integers
    pub const INT64: i32 = 7;
    /// truth values
    pub const BOOL: i32 = 9;
    /// 16-bit floats
    pub const FLOAT16: i32 = 10;
    /// 64-bit floats
    pub const DOUBLE: i32 = 11;
}

/// What an attribute holds, as `AttributeProto.AttributeType` counts it.
pub mod attribute_type {
    /// [`super::AttributeProto::f`]
    pub const FLOAT: i32 = 1;
    /// [`super::AttributeProto::i`]
    pub const INT: i32 = 2;
    /// [`super::AttributeProto::s`]
    pub const STRING: i32 = 3;
    /// [`super::AttributeProto::t`]
    pub const TENSOR: i32 = 4;
    /// [`super::AttributeProto::floats`]
    pub const FLOATS: i32 = 6;
    /// [`super::AttributeProto::ints`]
    pub const INTS: i32 = 7;
}

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    /// The version of the file format.
    #[prost(int64, tag = 1)]
    pub ir_version: i64,
    /// The versions of the sets of operators.
    #[prost(message, repeated, tag = 8)]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// The program that wrote the file.
    #[prost(string, tag = 2)]
    pub producer_name: String,
    /// Its version.
    #[prost(string, tag = 3)]
    pub producer_version: String,
    /// For a person.
    #[prost(string, tag = 6)]
    pub doc_string: String,
    /// What is computed.
    #[prost(message, optional, tag = 7)]
    pub graph: Option<GraphProto>,
    /// Anything else, by key.
    #[prost(message, repeated, tag = 14)]
    pub metadata_props: Vec<StringStringEntryProto>,
    /// Functions of the file's own: those are kept as bytes, so that a reader can refuse a file that has some.
    #[prost(bytes = "vec", repeated, tag = 25)]
    pub functions: Vec<Vec<u8>>,
}

/// A set of operators.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    /// Empty for ONNX's own.
    #[prost(string, tag = 1)]
    pub domain: String,
    /// Its version.
    #[prost(int64, tag = 2)]
    pub version: i64,
}

/// A key with its value.
#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntryProto {
    /// The key.
    #[prost(string, tag = 1)]
    pub key: String,
    /// The value.
    #[prost(string, tag = 2)]
    pub value: String,
}

/// Nodes in the order in which they can be computed.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    /// The operations.
    #[prost(message, repeated, tag = 1)]
    pub node: Vec<NodeProto>,
    /// Its name.
    #[prost(string, tag = 2)]
    pub name: String,
    /// The weights, by name.
    #[prost(message, repeated, tag = 5)]
    pub initializer: Vec<TensorProto>,
    /// For a person.
    #[prost(string, tag = 10)]
    pub doc_string: String,
    /// The inputs; files of old versions list the weights, too.
    #[prost(message, repeated, tag = 11)]
    pub input: Vec<ValueInfoProto>,
    /// The outputs.
    #[prost(message, repeated, tag = 12)]
    pub output: Vec<ValueInfoProto>,
    /// Types of values between.
    #[prost(message, repeated, tag = 13)]
    pub value_info: Vec<ValueInfoProto>,
    /// Sparse weights, kept as bytes, so that a reader can refuse a file that has some.
    #[prost(bytes = "vec", repeated, tag = 15)]
    pub sparse_initializer: Vec<Vec<u8>>,
}

/// An operation.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    /// The names of what it reads; empty where an optional one is left out.
    #[prost(string, repeated, tag = 1)]
    pub input: Vec<String>,
    /// The names of what it gives.
    #[prost(string, repeated, tag = 2)]
    pub output: Vec<String>,
    /// Its own name.
    #[prost(string, tag = 3)]
    pub name: String,
    /// The operator.
    #[prost(string, tag = 4)]
    pub op_type: String,
    /// Its settings.
    #[prost(message, repeated, tag = 5)]
    pub attribute: Vec<AttributeProto>,
    /// For a person.
    #[prost(string, tag = 6)]
    pub doc_string: String,
    /// The operator's set; empty for ONNX's own.
    #[prost(string, tag = 7)]
    pub domain: String,
}

/// A setting of an operation.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    /// Its name.
    #[prost(string, tag = 1)]
    pub name: String,
    /// A number.
    #[prost(float, optional, tag = 2)]
    pub f: Option<f32>,
    /// A whole number.
    #[prost(int64, optional, tag = 3)]
    pub i: Option<i64>,
    /// A text.
    #[prost(bytes = "vec", optional, tag = 4)]
    pub s: Option<Vec<u8>>,
    /// A tensor.
    #[prost(message, optional, tag = 5)]
    pub t: Option<TensorProto>,
    /// Numbers.
    #[prost(float, repeated, tag = 7)]
    pub floats: Vec<f32>,
    /// Whole numbers.
    #[prost(int64, repeated, tag = 8)]
    pub ints: Vec<i64>,
    /// Which of them it is: [`attribute_type`].
    #[prost(int32, tag = 20)]
    pub r#type: i32,
}

/// A tensor; its numbers are in `raw_data`, little-endian, or in the list of their type.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// Its extent along each axis.
    #[prost(int64, repeated, tag = 1)]
    pub dims: Vec<i64>,
    /// Its [`data_type`].
    #[prost(int32, tag = 2)]
    pub data_type: i32,
    /// 32-bit floats.
    #[prost(float, repeated, tag = 4)]
    pub float_data: Vec<f32>,
    /// Integers of 32 bits and less, truth values, and the bits of 16-bit floats.
    #[prost(int32, repeated, tag = 5)]
    pub int32_data: Vec<i32>,
    /// 64-bit integers.
    #[prost(int64, repeated, tag = 7)]
    pub int64_data: Vec<i64>,
    /// Its name.
    #[prost(string, tag = 8)]
    pub name: String,
    /// The numbers' bytes, the last axis running fastest.
    #[prost(bytes = "vec", tag = 9)]
    pub raw_data: Vec<u8>,
    /// 64-bit floats.
    #[prost(double, repeated, tag = 10)]
    pub double_data: Vec<f64>,
    /// Where the numbers are, if they are in another file.
    #[prost(message, repeated, tag = 13)]
    pub external_data: Vec<StringStringEntryProto>,
    /// 1 if they are in another file.
    #[prost(int32, tag = 14)]
    pub data_location: i32,
}

/// A value with its type.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    /// Its name.
    #[prost(string, tag = 1)]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = 2)]
    pub r#type: Option<TypeProto>,
    /// For a person.
    #[prost(string, tag = 3)]
    pub doc_string: String,
}

/// A type; of those that there are, a tensor's.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    /// A tensor's.
    #[prost(message, optional, tag = 1)]
    pub tensor_type: Option<TensorTypeProto>,
}

/// The type of a tensor: `TypeProto.Tensor`.
#[derive(Clone, PartialEq, Message)]
pub struct TensorTypeProto {
    /// Its [`data_type`].
    #[prost(int32, tag = 1)]
    pub elem_type: i32,
    /// Its shape, if it is known.
    #[prost(message, optional, tag = 2)]
    pub shape: Option<TensorShapeProto>,
}

/// The shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    /// Its axes.
    #[prost(message, repeated, tag = 1)]
    pub dim: Vec<DimensionProto>,
}

/// An axis, `TensorShapeProto.Dimension`: an extent, or a name for one that is known when the model runs.
#[derive(Clone, PartialEq, Message)]
pub struct DimensionProto {
    /// The extent.
    #[prost(int64, optional, tag = 1)]
    pub dim_value: Option<i64>,
    /// The name.
    #[prost(string, optional, tag = 2)]
    pub dim_param: Option<String>,
}
