//! What stands before the layers and behind them: the batch's rows, the terms, the sums over points, the update.

use bytemuck::bytes_of;

use super::{Bound, Planner};
use crate::gpu::device::dispatch::{THREADS, flat, grid};
use crate::gpu::device::kernel::Access::{Read, Write};
use crate::gpu::device::kernel::EntryPoint;
use crate::gpu::device::uniforms::{GatherBlock, GradientPart, SumLengths, TermPoints, UpdateLengths};
use crate::gpu::memory::loaded_set::LoadedSet;
use crate::gpu::shaders::{self, Groups, SUM_THREADS, term_programs};

impl Planner<'_> {
    /// Brings the chunk's rows of a set into the batch.
    pub fn gather(&mut self, set: &LoadedSet) {
        let batch = &self.workspace.batch;
        let (points, padded) = (self.points as u32, self.padded());
        for block in &set.blocks {
            let (first, rows, columns) = (block.first as u32, block.rows as u32, set.columns as u32);
            let uniform = GatherBlock { first, rows, columns, points, padded };
            let buffers = [(1, Read, &set.order), (2, Read, &block.buffer), (3, Write, batch)];
            let kernel = (shaders::gather(), EntryPoint::Gather);
            self.push(kernel, bytes_of(&uniform), &buffers, grid(padded * columns));
        }
    }

    /// Each term's mean square into `means`, from the output's jets.
    pub fn losses(&mut self, set: &LoadedSet, means: &wgpu::Buffer) {
        let squares = (3, Write, &self.workspace.squares);
        self.terms(set, EntryPoint::Losses, &[squares], grid(self.padded()));
        self.reduce(set, means, false);
    }

    /// The terms' squares, the cotangents of the output's jets, and the partial sums of the coefficients' gradient.
    pub fn cotangents(&mut self, set: &LoadedSet) {
        let workspace = self.workspace;
        let jets_bar = self.of(workspace.lowered.pass.jets_bar(0));
        let to = [(3, Write, &workspace.squares), (4, Write, jets_bar)];
        let groups = term_programs::groups(self.layout, workspace.lowered.extents.places, &set.terms).len() as u32;
        self.terms(set, EntryPoint::Cotangent, &to, [self.padded().div_ceil(THREADS), groups, 1]);
        if self.spec().coefficients > 0 {
            let splits = self.parts().last().map_or(0, |part| part.splits);
            let to = [(3, Write, workspace.partials())];
            self.terms(set, EntryPoint::Coefficients, &to, [splits, 1, 1]);
        }
    }

    /// A kernel of `residual.wgsl` over the output's jets.
    fn terms(&mut self, set: &LoadedSet, entry: EntryPoint, to: &[Bound], grid: [u32; 3]) {
        let (workspace, state) = (self.workspace, self.state);
        let GradientPart { start, splits, .. } = *self.parts().last().expect("a network has a layer");
        let (points, weight_row) = (self.padded(), set.columns as u32 - 1);
        let offset = self.spec().weights() as u32;
        let uniform = TermPoints { points, weight_row, offset, partials: start, splits };
        let buffers = [
            (1, Read, self.of(workspace.lowered.pass.jets(0))),
            (2, Read, &workspace.batch),
            (5, Read, &state.parameters),
            (6, Read, &set.weights),
        ];
        let places = workspace.lowered.extents.places;
        let source = shaders::residual(self.layout, self.spec(), places, set.input_rows, &set.terms);
        self.push((source, entry), bytes_of(&uniform), &[&buffers, to].concat(), grid);
    }

    /// The sums over points: the terms' mean squares and, where it is asked for, the gradient.
    pub fn reduce(&mut self, set: &LoadedSet, means: &wgpu::Buffer, with_gradient: bool) {
        let (workspace, state) = (self.workspace, self.state);
        let (parts, count) = (self.parts(), self.spec().parameters() as u32);
        let parameters = if with_gradient { count } else { 0 };
        let lengths = SumLengths { terms: set.terms.len() as u32, points: self.padded(), parameters, padding: 0 };
        let uniform = [bytes_of(&lengths), bytemuck::cast_slice(&parts)].concat();
        let groups = Groups::of_splits(count);
        let buffers = [
            (1, Read, &workspace.squares),
            // Without a gradient any buffer stands in.
            (2, Read, workspace.partials.as_ref().unwrap_or(&workspace.squares)),
            (3, Write, &state.gradient),
            (4, Write, &state.squares),
            (5, Write, means),
        ];
        let blocks = flat(set.terms.len() as u32 + groups.tiles(parameters));
        let kernel = (shaders::reduce(parts.len(), groups), EntryPoint::MeansAndGradient);
        self.push(kernel, &uniform, &buffers, blocks);
    }

    /// Norm, test and update.
    pub fn lower_update(&mut self, set: &LoadedSet) {
        let state = self.state;
        let parameters = self.spec().parameters() as u32;
        let blocks = Groups::of_splits(parameters).tiles(parameters);
        let uniform = UpdateLengths { parameters, blocks, terms: set.terms.len() as u32 };
        let buffers = [
            (1, Write, &state.status),
            (2, Read, &state.gradient),
            (3, Write, &state.first_moment),
            (4, Write, &state.second_moment),
            (5, Write, &state.parameters),
            (6, Read, &state.squares),
            (7, Read, &set.step_means),
        ];
        let kernel = (shaders::adam(), EntryPoint::Adam);
        self.push(kernel, bytes_of(&uniform), &buffers, flat(parameters.div_ceil(SUM_THREADS)));
    }
}
