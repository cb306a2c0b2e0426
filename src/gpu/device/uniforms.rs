//! The uniforms: what the host says of a dispatch. Each is the twin of a struct in a shader; a test has naga read that
//! struct's members and their offsets.

use bytemuck::{Pod, Zeroable};

/// Structs with the file that has the twin, and its name there.
macro_rules! uniforms {
    ($($(#[$doc:meta])* $name:ident = $file:literal $twin:literal { $($field:ident: $kind:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
            pub struct $name {
                $(pub $field: $kind),*
            }
        )*

        /// Where each member lies, for the test.
        #[cfg(test)]
        pub const TWINS: &[Twin] = &[$(Twin {
            file: $file,
            name: $twin,
            members: &[$((stringify!($field), std::mem::offset_of!($name, $field))),*],
            size: size_of::<$name>(),
        }),*];
    };
}

/// A struct of the host and its twin.
#[cfg(test)]
pub struct Twin {
    pub file: &'static str,
    pub name: &'static str,
    /// Each member and its offset.
    pub members: &'static [(&'static str, usize)],
    pub size: usize,
}

uniforms! {
    /// Of `gather`: rows of a block, and the batch that they go to.
    GatherBlock = "terms/gather" "Block" { first: u32, rows: u32, columns: u32, points: u32, padded: u32 }

    /// Of the kernels of the input layer, both ways.
    InputLayer = "layers/input_layer" "Layer" {
        points: u32, weights: u32, biases: u32, partials: u32, parameters: u32, splits: u32,
    }

    /// Of a fused layer, both ways.
    FusedLayer = "layers/fused_layer" "Layer" { rows: u32, inner: u32, quads: u32, weights: u32, biases: u32 }

    /// Of an affine layer, both ways; rows and starts of the jets in quads.
    Product = "shared/matmul_operands" "Product" {
        rows: u32, inner: u32, quads: u32, value_quads: u32, weights: u32, biases: u32, width: u32,
        input_row: u32, input_start: u32, output_row: u32, output_start: u32,
    }

    /// Of one layer in a weight gradient.
    GradientLayer = "shared/gradient_split" "Layer" {
        first: u32, tiles_in: u32, outputs: u32, inputs: u32, quads: u32, value_quads: u32, partials: u32,
        splits: u32, z_bar_start: u32, a_start: u32, pair: u32, padding: u32,
    }

    /// Of a factor whose largest number is looked for.
    MeasuredFactor = "products/abs_max" "Factor" { rows: u32, columns: u32, row: u32, start: u32, across: u32 }

    /// Of the jet rule, both ways.
    RulePoints = "rules/jet_rule" "Points" { quads: u32 }

    /// Of the same above order 2.
    CurvedRows = "rules/curved_rule" "Rows" { units: u32, points: u32 }

    /// Of a hidden layer in adjoint mode.
    AdjointLayer = "shared/adjoint_layer" "Layer" {
        units: u32, points: u32, first_weights: u32, output_weights: u32, output_biases: u32,
    }

    /// Of what a skip copies and adds.
    SkipQuads = "layers/skip" "Quads" { quads: u32, source_start: u32, start: u32 }

    /// Of the adjoints' seeds.
    SeedPoints = "layers/adjoint_seeds" "Points" { points: u32 }

    /// Of the terms.
    TermPoints = "terms/residual" "Points" { points: u32, weight_row: u32, offset: u32, partials: u32, splits: u32 }

    /// Of the sums, before the parts of the gradient.
    SumLengths = "terms/reduce" "Lengths" { terms: u32, points: u32, parameters: u32, padding: u32 }

    /// One part of the gradient: neighbouring parameters whose partial sums (splits, count) begin at `start`.
    GradientPart = "terms/reduce" "Part" { first: u32, count: u32, start: u32, splits: u32 }

    /// Of the update.
    UpdateLengths = "optimizer/adam" "Lengths" { parameters: u32, blocks: u32, terms: u32 }

    /// Of products and combinations of vectors.
    VectorColumns = "optimizer/vectors" "Lengths" { first: u32, columns: u32, count: u32 }

    /// One vector among those that are combined.
    VectorPart = "optimizer/vectors" "Part" { vector: u32, factor: f32 }

    /// What changes from step to step.
    Step = "shared/step" "Step" {
        start: u32, accumulate: u32, accumulate_gradient: u32, padding: u32, number: [u32; 2], per_point: f32,
        step_size: f32, beta1: f32, beta2: f32, one_minus_beta1: f32, one_minus_beta2: f32, second_correction: f32,
        epsilon: f32, keep: f32, clip_norm: f32,
    }

    /// What a step leaves to be read.
    Status = "shared/status" "Status" { diverged: [u32; 2], norm: f32, padding: u32 }
}
