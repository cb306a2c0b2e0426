//! The shaders as they are compiled: a short generated header of constants, then the files of
//! `shaders/` one after the other. No text is ever put into the middle of a file.

mod curvature;
pub mod header;
mod rules;
pub mod term_programs;
mod unroll;

use crate::expression::Residual;
use crate::jet::{Activation, JetLayout, Normalizer};
use crate::pass::{Channels, Rule};

pub use self::rules::{ADJOINT_POINTS, AdjointKernel, curved_rule, jet_rule};

use crate::gpu::device::dispatch::THREADS;
use crate::gpu::device::kernel::Source;
use crate::gpu::device::matrix_units::{ABS_MAX_WORKGROUPS, F16Tile};
use crate::gpu::shaders::curvature::Curvature;
use crate::gpu::shaders::header::Header;
use crate::gpu::shaders::rules::jet_in_registers;
use crate::gpu::tuning::matmul_tiles::{GradientTile, ProductTile};
use crate::gpu::tuning::tiles::{LAYER_THREADS, Tile};

const MATH_F32: &str = include_str!("../../../shaders/numbers/math_f32.wgsl");
const FUNCTIONS_F32: &str = include_str!("../../../shaders/numbers/functions_f32.wgsl");
const JET_MATMUL: &str = include_str!("../../../shaders/shared/jet_matmul.wgsl");
const CURVED_SLOPES_F32: &str = include_str!("../../../shaders/shared/curved_slopes_f32.wgsl");
const CURVED_JET: &str = include_str!("../../../shaders/shared/curved_jet.wgsl");
const CHANNEL_GROUPS: &str = include_str!("../../../shaders/shared/channel_groups.wgsl");
const THREAD_SWIZZLE: &str = include_str!("../../../shaders/shared/thread_swizzle.wgsl");
const MATMUL_OPERANDS: &str = include_str!("../../../shaders/shared/matmul_operands.wgsl");
const TRANSPOSE_LOAD: &str = include_str!("../../../shaders/shared/transpose_load.wgsl");
const GRADIENT_SPLIT: &str = include_str!("../../../shaders/shared/gradient_split.wgsl");
const MATRIX_UNITS: &str = include_str!("../../../shaders/shared/matrix_units.wgsl");
const FUSED_NETWORK: &str = include_str!("../../../shaders/shared/fused_network.wgsl");
const SUM: &str = include_str!("../../../shaders/shared/sum.wgsl");
const STEP: &str = include_str!("../../../shaders/shared/step.wgsl");
const STATUS: &str = include_str!("../../../shaders/shared/status.wgsl");

/// Threads a workgroup of the sums: all that every adapter has.
pub const SUM_THREADS: u32 = 256;
fn activation(activation: Option<Activation>) -> &'static str {
    match activation {
        None | Some(Activation::Linear) => include_str!("../../../shaders/rules/activations/linear.wgsl"),
        Some(Activation::Tanh) => include_str!("../../../shaders/rules/activations/tanh.wgsl"),
        Some(Activation::Sigmoid) => include_str!("../../../shaders/rules/activations/sigmoid.wgsl"),
        Some(Activation::Sin) => include_str!("../../../shaders/rules/activations/sin.wgsl"),
        Some(Activation::Softplus) => include_str!("../../../shaders/rules/activations/softplus.wgsl"),
        Some(Activation::Silu) => include_str!("../../../shaders/rules/activations/silu.wgsl"),
        Some(Activation::Gelu) => include_str!("../../../shaders/rules/activations/gelu.wgsl"),
        Some(Activation::Elu) => include_str!("../../../shaders/rules/activations/elu.wgsl"),
        Some(Activation::Relu) => include_str!("../../../shaders/rules/activations/relu.wgsl"),
        Some(Activation::LeakyRelu) => include_str!("../../../shaders/rules/activations/leaky_relu.wgsl"),
        Some(Activation::GeluTanh) => include_str!("../../../shaders/rules/activations/gelu_tanh.wgsl"),
        Some(Activation::Selu) => include_str!("../../../shaders/rules/activations/selu.wgsl"),
        Some(Activation::Mish) => include_str!("../../../shaders/rules/activations/mish.wgsl"),
        Some(Activation::Softsign) => include_str!("../../../shaders/rules/activations/softsign.wgsl"),
        Some(Activation::Exp) => include_str!("../../../shaders/rules/activations/exp.wgsl"),
    }
}

/// `gather.wgsl`
pub fn gather() -> Source {
    Header::threads(THREADS).then("gather", &[STEP, include_str!("../../../shaders/terms/gather.wgsl")])
}

/// How the threads of a workgroup share channels out; see `shaders/shared/channel_groups.wgsl`.
#[derive(Clone, Copy)]
pub struct Groups {
    /// Points of a workgroup.
    pub points: u32,
    /// Threads for each of them.
    groups: u32,
}

impl Groups {
    /// Eight channels or so for each thread, in whole cache lines of points, or half ones.
    pub fn of(layout: &JetLayout) -> Self {
        let groups = (layout.channels() as u32 / 8).next_power_of_two().min(16);
        Self { points: (SUM_THREADS / groups).min(64), groups }
    }

    /// Of the gradient's sums, where splits are shared out at so many neighbouring parameters: eight threads for each, or
    /// one where the parameters alone are threads enough.
    pub fn of_splits(parameters: u32) -> Self {
        let groups = if parameters < 1 << 18 { 8 } else { 1 };
        Self { points: SUM_THREADS / groups, groups }
    }

    /// Tiles of so many points, or quads.
    pub fn tiles(self, points: u32) -> u32 {
        points.div_ceil(self.points)
    }

    /// For sums of f32, or of quads.
    fn header(self, number: &str) -> Header {
        Header::default()
            .alias("Number", number)
            .number("POINTS", self.points as usize)
            .number("GROUPS", self.groups as usize)
    }
}

/// `input_layer.wgsl` and `input_layer_backward.wgsl`, or those for layouts above order 2, with `row` channels from row to
/// row of `a`; no activation where the model has no hidden layer.
pub fn input_layer(layout: &JetLayout, row: usize, normalizer: &Normalizer, sigma: Option<Activation>) -> Source {
    let groups = Groups::of(layout);
    // Where there are fewer sums than threads, several share one.
    let (threads, sums) = ((groups.points * groups.groups) as usize, layout.inputs() + layout.curved().len());
    let lanes = (threads / sums.next_power_of_two()).max(1);
    let tangent = |input: usize| layout.tangents().iter().position(|t| *t == input).unwrap_or(layout.tangents().len());
    let header = groups
        .header("f32")
        .layout(layout, normalizer)
        .number("ROW_CHANNELS", row)
        .number("LANES", lanes)
        .table("input_tangent", (0..layout.inputs()).map(|input| tangent(input) as u32));
    if layout.order() <= 2 {
        let kernel = include_str!("../../../shaders/layers/input_layer.wgsl");
        let gradient = include_str!("../../../shaders/layers/input_layer_backward.wgsl");
        return header.then("input_layer", &[MATH_F32, activation(sigma), CHANNEL_GROUPS, SUM, kernel, gradient]);
    }
    let kernel = include_str!("../../../shaders/layers/curved_input_layer.wgsl");
    let gradient = include_str!("../../../shaders/layers/curved_input_layer_backward.wgsl");
    let curvature = Curvature::new(&Rule::new(layout, layout, normalizer), true).source();
    let jet = [CURVED_SLOPES_F32, CURVED_JET, &curvature];
    let parts = [&[MATH_F32, activation(sigma)][..], &jet, &[CHANNEL_GROUPS, SUM, kernel, gradient]].concat();
    header.then("curved_input_layer", &parts)
}

/// `skip.wgsl`
pub fn skip() -> Source {
    Header::threads(THREADS).then("skip", &[include_str!("../../../shaders/layers/skip.wgsl")])
}

/// `adjoint_seeds.wgsl`
pub fn adjoint_seeds(channels: &Channels) -> Source {
    let kernel = include_str!("../../../shaders/layers/adjoint_seeds.wgsl");
    Header::threads(THREADS).adjoint_mode(channels).then("adjoint_seeds", &[kernel])
}

/// `fused_layer.wgsl`
pub fn fused_layer(layout: &JetLayout, normalizer: &Normalizer, sigma: Activation, tile: Tile) -> Source {
    let kernel = include_str!("../../../shaders/layers/fused_layer.wgsl");
    Header::default()
        .alias("Number", "vec4<f32>")
        .tile(tile, LAYER_THREADS, tile.slice as usize)
        .layout(layout, normalizer)
        .then("fused_layer", &[MATH_F32, &jet_in_registers(layout, normalizer, sigma), JET_MATMUL, kernel])
}

/// `fused_network.wgsl` for so many layers, the widest hidden one with `units` units; `tape` says whether a backward
/// pass follows.
pub fn fused_network(
    layout: &JetLayout,
    normalizer: &Normalizer,
    sigma: Activation,
    (tile, units): (Tile, u32),
    layers: usize,
    tape: bool,
) -> Source {
    network_header(layout, normalizer, (tile, units), layers).number("TAPE", usize::from(tape)).then(
        "fused_network",
        &[
            MATH_F32,
            &jet_in_registers(layout, normalizer, sigma),
            JET_MATMUL,
            FUSED_NETWORK,
            include_str!("../../../shaders/layers/fused_network.wgsl"),
        ],
    )
}

/// `fused_network_backward.wgsl` for the same.
pub fn fused_network_backward(
    layout: &JetLayout,
    normalizer: &Normalizer,
    sigma: Activation,
    (tile, units): (Tile, u32),
    layers: usize,
) -> Source {
    let kernel = include_str!("../../../shaders/layers/fused_network_backward.wgsl");
    let jet = jet_in_registers(layout, normalizer, sigma);
    let parts = [MATH_F32, &jet, JET_MATMUL, FUSED_NETWORK, kernel];
    network_header(layout, normalizer, (tile, units), layers).then("fused_network_backward", &parts)
}

fn network_header(layout: &JetLayout, normalizer: &Normalizer, (tile, units): (Tile, u32), layers: usize) -> Header {
    Header::default()
        .alias("Number", "vec4<f32>")
        .tile(tile, tile.threads(units), units as usize)
        .layout(layout, normalizer)
        .number("LAYERS", layers)
}

/// `linear.wgsl`
pub fn linear(tile: ProductTile) -> Source {
    Header::default()
        .number("TILE_ROWS", tile.rows as usize)
        .number("TILE_QUADS", tile.quads as usize)
        .number("EDGE", tile.edge as usize)
        .number("ROW_EDGE", tile.row_edge as usize)
        .number("SLICE", tile.slice as usize)
        .then("linear", &[MATMUL_OPERANDS, THREAD_SWIZZLE, include_str!("../../../shaders/products/linear.wgsl")])
}

/// `weight_gradient.wgsl` for so many layers at once.
pub fn weight_gradient(tile: GradientTile, layers: usize) -> Source {
    Header::default()
        .number("LAYERS", layers)
        .number("TILE_OUT", tile.outputs as usize)
        .number("TILE_IN", tile.inputs as usize)
        .number("OUT_EDGE", tile.out_edge as usize)
        .number("IN_EDGE", tile.in_edge as usize)
        .number("QUADS", tile.quads as usize)
        .then(
            "weight_gradient",
            &[
                GRADIENT_SPLIT,
                TRANSPOSE_LOAD,
                THREAD_SWIZZLE,
                include_str!("../../../shaders/products/weight_gradient.wgsl"),
            ],
        )
}

/// `linear_f16.wgsl`.
pub fn linear_f16(tile: F16Tile) -> Source {
    Header::matrix_units(tile)
        .number("TILE_ROWS", tile.rows() as usize)
        .number("TILE_QUADS", tile.columns() as usize / 4)
        .then("linear_f16", &[MATMUL_OPERANDS, MATRIX_UNITS, include_str!("../../../shaders/products/linear_f16.wgsl")])
}

/// `weight_gradient_f16.wgsl` for one layer.
pub fn weight_gradient_f16(tile: F16Tile) -> Source {
    Header::matrix_units(tile)
        .number("LAYERS", 1)
        .number("TILE_OUT", tile.rows() as usize)
        .number("TILE_IN", tile.columns() as usize)
        .then(
            "weight_gradient_f16",
            &[GRADIENT_SPLIT, MATRIX_UNITS, include_str!("../../../shaders/products/weight_gradient_f16.wgsl")],
        )
}

/// `abs_max.wgsl`
pub fn abs_max() -> Source {
    Header::threads(SUM_THREADS)
        .number("LARGEST", ABS_MAX_WORKGROUPS as usize)
        .then("abs_max", &[include_str!("../../../shaders/products/abs_max.wgsl")])
}

/// `residual.wgsl` for the terms of a loss over the rows of jets. The first batch's rows are the `input_rows` of the first
/// layer, then the residuals' columns, then the weights.
pub fn residual(rows: &term_programs::JetRows, coefficients: usize, input_rows: usize, terms: &[Residual]) -> Source {
    Header::threads(THREADS)
        .number("TERMS", terms.len())
        .number("JET_ROWS", rows.of_first())
        .number("COEFFICIENTS", coefficients)
        .then(
            "residual",
            &[
                MATH_F32,
                FUNCTIONS_F32,
                STEP,
                SUM,
                include_str!("../../../shaders/terms/residual.wgsl"),
                &term_programs::source(rows, coefficients, input_rows, terms),
            ],
        )
}

/// `reduce.wgsl` for so many parts of the gradient.
pub fn reduce(parts: usize, groups: Groups) -> Source {
    let kernel = include_str!("../../../shaders/terms/reduce.wgsl");
    groups.header("f32").number("PARTS", parts).then("reduce", &[STEP, CHANNEL_GROUPS, SUM, kernel])
}

/// `adam.wgsl`
pub fn adam() -> Source {
    Header::threads(SUM_THREADS)
        .then("adam", &[STEP, STATUS, SUM, include_str!("../../../shaders/optimizer/adam.wgsl")])
}

/// `vectors.wgsl`, with this many vectors on the left of a product.
pub fn vectors(left: usize) -> Source {
    Header::threads(THREADS)
        .number("LEFT", left)
        .then("vectors", &[include_str!("../../../shaders/optimizer/vectors.wgsl")])
}

/// The elementary functions alone, for the tests that measure them.
#[cfg(test)]
pub fn math(kernel: &str) -> Source {
    Header::threads(THREADS).then("math", &[MATH_F32, FUNCTIONS_F32, kernel])
}

/// An activation alone, for the same.
#[cfg(test)]
pub fn slopes(sigma: Activation, kernel: &str) -> Source {
    Header::threads(THREADS).then("slopes", &[MATH_F32, activation(Some(sigma)), kernel])
}
