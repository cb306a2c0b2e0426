//! The rules of an activation, put together: forward mode, adjoint mode, and in the registers of fused kernels. Up to
//! order 2 they have kernels of their own, above it those whose products are written out.

use crate::gpu::device::dispatch::THREADS;
use crate::gpu::device::kernel::Source;
use crate::gpu::shaders::curvature::Curvature;
use crate::gpu::shaders::header::Header;
use crate::gpu::shaders::{CHANNEL_GROUPS, CURVED_JET, CURVED_SLOPES_F32, Groups, MATH_F32, SUM_THREADS, activation};
use crate::jet::{Activation, JetLayout, Normalizer};
use crate::pass::{Channels, Rule};

const ACTIVATION_VEC4: &str = include_str!("../../../shaders/shared/activation_vec4.wgsl");
const ACTIVATION_F32: &str = include_str!("../../../shaders/shared/activation_f32.wgsl");
const JET: &str = include_str!("../../../shaders/shared/jet.wgsl");
const ADJOINT_LAYER: &str = include_str!("../../../shaders/shared/adjoint_layer.wgsl");
const ADJOINT_PRODUCTS: &str = include_str!("../../../shaders/shared/adjoint_products.wgsl");
const CURVED_SLOPES_VEC4: &str = include_str!("../../../shaders/shared/curved_slopes_vec4.wgsl");
const CURVED_LAYER: &str = include_str!("../../../shaders/shared/curved_layer.wgsl");

/// Points that a workgroup of the adjoints' rule has: a row of them is what a GPU's memory moves at once.
pub const ADJOINT_POINTS: u32 = 8;
/// First or second derivatives that one of its threads sums at once, in registers.
const ADJOINT_SUMS: usize = 10;

/// `jet_rule.wgsl` with `row` channels from row to row of `a`.
pub fn jet_rule(layout: &JetLayout, row: usize, normalizer: &Normalizer, sigma: Activation) -> Source {
    let kernel = include_str!("../../../shaders/rules/jet_rule.wgsl");
    let header = Groups::of(layout).header("vec4<f32>").layout(layout, normalizer).number("ROW_CHANNELS", row);
    header.then("jet_rule", &[MATH_F32, activation(Some(sigma)), ACTIVATION_VEC4, CHANNEL_GROUPS, kernel])
}

/// `curved_rule.wgsl`, for layouts above order 2, whose threads have a quad of points each, or one.
pub fn curved_rule(
    layout: &JetLayout,
    row: usize,
    normalizer: &Normalizer,
    sigma: Activation,
    of_quads: bool,
) -> Source {
    let kernel = include_str!("../../../shaders/rules/curved_rule.wgsl");
    let (number, slopes) = curved_slopes(of_quads);
    let curvature = Curvature::new(&Rule::new(layout, layout, normalizer), false).source();
    let header = Header::threads(THREADS).alias("Number", number).layout(layout, normalizer);
    header
        .number("ROW_CHANNELS", row)
        .then("curved_rule", &[MATH_F32, activation(Some(sigma)), slopes, CURVED_JET, &curvature, kernel])
}

/// What a Number is, and the activation on it.
fn curved_slopes(of_quads: bool) -> (&'static str, &'static str) {
    if of_quads { ("vec4<f32>", CURVED_SLOPES_VEC4) } else { ("f32", CURVED_SLOPES_F32) }
}

/// A hidden layer of adjoint mode: what its kernels are made for.
#[derive(Clone, Copy)]
pub struct AdjointKernel<'a> {
    pub channels: &'a Channels,
    pub sigma: Activation,
    pub is_first: bool,
    pub is_last: bool,
}

impl AdjointKernel<'_> {
    /// `adjoint.wgsl`, or `curved_adjoint.wgsl` above order 2, and how many lots of sums it has: first those of the first
    /// derivatives, or h as one.
    pub fn adjoint(self) -> (Source, u32) {
        let (firsts, curved) = (self.channels.firsts.len(), self.channels.rule.curved.len());
        // Lots of one size.
        let most = if self.is_first { firsts.max(curved) } else { curved };
        let sums = most.div_ceil(most.div_ceil(ADJOINT_SUMS).max(1)).max(1);
        let before = if self.is_first { firsts.div_ceil(sums) } else { 1 };
        // The first of what curves brings the value, too.
        let lots = before + curved.div_ceil(sums).max(1);
        let header = self
            .header("f32")
            .number("ADJOINT_THREADS", SUM_THREADS as usize)
            .number("POINTS", ADJOINT_POINTS as usize)
            .number("SUMS", sums)
            .number("BEFORE", before);
        let sigma = activation(Some(self.sigma));
        let source = match self.curvature() {
            None => {
                let kernel = include_str!("../../../shaders/rules/adjoint.wgsl");
                let parts = [MATH_F32, sigma, ACTIVATION_F32, ADJOINT_LAYER, ADJOINT_PRODUCTS, kernel];
                header.then("adjoint", &parts)
            }
            Some(curvature) => {
                let kernel = include_str!("../../../shaders/rules/curved_adjoint.wgsl");
                let (all, lots) = (curvature.source(), curvature.lots(sums));
                let jet = [CURVED_SLOPES_F32, ADJOINT_LAYER, CURVED_JET, CURVED_LAYER, &all, &lots];
                header.then("curved_adjoint", &[&[MATH_F32, sigma], &jet[..], &[kernel]].concat())
            }
        };
        (source, lots as u32)
    }

    /// `adjoint_rule.wgsl`, or `curved_adjoint_rule.wgsl` above order 2, whose threads have a quad of points each, or one.
    pub fn rule(self, of_quads: bool) -> Source {
        let sigma = activation(Some(self.sigma));
        let Some(curvature) = self.curvature() else {
            let kernel = include_str!("../../../shaders/rules/adjoint_rule.wgsl");
            let (number, numbers) = if of_quads { ("vec4<f32>", ACTIVATION_VEC4) } else { ("f32", ACTIVATION_F32) };
            let header = self.header(number).number("THREADS", THREADS as usize);
            let parts = [MATH_F32, sigma, numbers, ADJOINT_LAYER, ADJOINT_PRODUCTS, kernel];
            return header.then("adjoint_rule", &parts);
        };
        let kernel = include_str!("../../../shaders/rules/curved_adjoint_rule.wgsl");
        let (number, slopes) = curved_slopes(of_quads);
        let header = self.header(number).number("THREADS", THREADS as usize);
        let all = curvature.source();
        let parts = [MATH_F32, sigma, slopes, ADJOINT_LAYER, CURVED_JET, CURVED_LAYER, &all, kernel];
        header.then("curved_adjoint_rule", &parts)
    }

    /// What curves above order 2.
    fn curvature(&self) -> Option<Curvature<'_>> {
        let rule = &self.channels.rule;
        (rule.order() > 2).then(|| Curvature::new(rule, self.is_first))
    }

    fn header(self, number: &str) -> Header {
        Header::default()
            .alias("Number", number)
            .number("FIRST", usize::from(self.is_first))
            .number("LAST", usize::from(self.is_last))
            .adjoint_mode(self.channels)
    }
}

/// The jet rule of a quad in registers with its activation, for the fused kernels; a Number is a quad.
pub fn jet_in_registers(layout: &JetLayout, normalizer: &Normalizer, sigma: Activation) -> String {
    let sigma = activation(Some(sigma));
    if layout.order() <= 2 {
        return [sigma, ACTIVATION_VEC4, JET].join("\n");
    }
    let curvature = Curvature::new(&Rule::new(layout, layout, normalizer), false).source();
    [sigma, CURVED_SLOPES_VEC4, CURVED_JET, &curvature].join("\n")
}
