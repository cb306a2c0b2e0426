//! The kernels of adjoint mode; the algebra is that of `shaders/rules/adjoint.wgsl` and `adjoint_rule.wgsl`, and above order 2 of
//! `curved_adjoint.wgsl` and `curved_adjoint_rule.wgsl`.

use bytemuck::bytes_of;

use super::{Bound, MOST_QUADS, Planner, QUADS};
use crate::gpu::device::dispatch::grid;
use crate::gpu::device::kernel::Access::{Read, Write};
use crate::gpu::device::kernel::{EntryPoint, Source};
use crate::gpu::device::uniforms::{AdjointLayer, SeedPoints};
use crate::gpu::shaders::{self, ADJOINT_POINTS, AdjointKernel};
use crate::pass::{At, Channels, Span};

impl<'a> Planner<'a> {
    /// `adjoint.wgsl` on a hidden layer. What it neither reads nor writes there, any buffer stands in for.
    pub fn adjoint(&mut self, at: At, z: Span, g: Option<Span>, h: Span, jets: Span) {
        let buffers = [
            (2, Read, self.of(z)),
            (3, Read, self.of(g.unwrap_or(z))),
            (6, Write, self.of(h)),
            (7, Write, self.of(jets)),
        ];
        let (source, lots) = self.adjoint_kernel(at).adjoint();
        let points = self.network_points();
        let grid = [points.div_ceil(ADJOINT_POINTS), lots, jets.units as u32];
        self.push_adjoint((source, EntryPoint::Adjoint), at, points, &buffers, grid);
    }

    /// `adjoint_seeds.wgsl`: what the first layer reads and the output's bar, as jets of all channels.
    pub fn adjoint_seeds(&mut self, jets_bar: Span, points: Span, inputs: Span, bar: Span) {
        let source = shaders::adjoint_seeds(self.channels());
        let count = self.network_points();
        let buffers = [
            (1, Read, self.of(jets_bar)),
            (2, Read, self.of(points)),
            (3, Write, self.of(inputs)),
            (4, Write, self.of(bar)),
        ];
        let grid = grid((inputs.units + bar.units) as u32 * count);
        self.push((source, EntryPoint::AdjointSeeds), bytes_of(&SeedPoints { points: count }), &buffers, grid);
    }

    /// `adjoint_rule.wgsl`: g_bar into the adjoints' channels of `a`.
    pub fn adjoint_bar(&mut self, at: At, z: Span, a: Span, h_bar: Span, jets_bar: Span) {
        let buffers =
            [(2, Read, self.of(z)), (4, Read, self.of(jets_bar)), (5, Read, self.of(h_bar)), (8, Write, self.of(a))];
        self.adjoint_rule(EntryPoint::AdjointBar, at, &buffers);
    }

    /// `adjoint_rule.wgsl`: z_bar from a_bar in place. At the last hidden layer any buffer stands in for g.
    pub fn adjoint_rule_backward(&mut self, at: At, z: Span, g: Option<Span>, h_bar: Span, jets_bar: Span, bar: Span) {
        let buffers = [
            (2, Read, self.of(z)),
            (3, Read, self.of(g.unwrap_or(z))),
            (4, Read, self.of(jets_bar)),
            (5, Read, self.of(h_bar)),
            (9, Write, self.of(bar)),
        ];
        self.adjoint_rule(EntryPoint::Backward, at, &buffers);
    }

    fn adjoint_rule(&mut self, entry: EntryPoint, at: At, buffers: &[Bound]) {
        let numbers = self.layers()[at.layer].outputs as u32 * self.network_points();
        let Channels { forward, rule, .. } = self.channels();
        let fits = rule.order() <= 2 || forward.channels() + rule.curved.len() <= MOST_QUADS;
        let of_quads = fits && numbers >= QUADS;
        let (points, threads) = if of_quads { (self.quads(), numbers / 4) } else { (self.network_points(), numbers) };
        let source = self.adjoint_kernel(at).rule(of_quads);
        self.push_adjoint((source, entry), at, points, buffers, grid(threads));
    }

    fn adjoint_kernel(&self, at: At) -> AdjointKernel<'a> {
        AdjointKernel {
            channels: self.channels(),
            sigma: self.sigma(at.layer),
            is_first: at.layer == 0,
            is_last: at.layer + 2 == self.layers().len(),
        }
    }

    fn push_adjoint(&mut self, kernel: (Source, EntryPoint), at: At, points: u32, buffers: &[Bound], grid: [u32; 3]) {
        let layers = self.layers();
        let output = layers.last().expect("a network has a layer");
        let uniform = AdjointLayer {
            units: layers[at.layer].outputs as u32,
            points,
            first_weights: layers[0].weights().start as u32,
            output_weights: output.weights().start as u32,
            output_biases: output.biases().start as u32,
        };
        let buffers = [&[(1, Read, &self.state.parameters)], buffers].concat();
        self.push(kernel, bytes_of(&uniform), &buffers, grid);
    }
}
