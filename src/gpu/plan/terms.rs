//! What stands before the layers and behind them: the batch's rows, the terms, the sums over points, the update.

use bytemuck::bytes_of;

use super::{Bound, Planner};
use crate::gpu::device::dispatch::{THREADS, flat, grid};
use crate::gpu::device::kernel::Access::{Read, Write};
use crate::gpu::device::kernel::EntryPoint;
use crate::gpu::device::uniforms::{GatherBlock, GradientPart, SumLengths, TermPoints, UpdateLengths};
use crate::gpu::memory::loaded_set::LoadedSet;
use crate::gpu::shaders::term_programs::{self, JetRows};
use crate::gpu::shaders::{self, Groups, SUM_THREADS};
use crate::pass::Network;

impl Planner<'_> {
    /// Brings the chunk's rows of a set into the batch.
    pub fn gather(&mut self, set: &LoadedSet) {
        let (points, padded) = (self.points as u32, self.padded());
        for (of, batch) in set.columns.iter().zip(&self.workspace.batches) {
            let columns = of.count as u32;
            for block in &of.blocks {
                let (first, rows) = (block.first as u32, block.rows as u32);
                let uniform = GatherBlock { first, rows, columns, points, padded };
                let buffers = [(1, Read, &set.order), (2, Read, &block.buffer), (3, Write, batch)];
                let kernel = (shaders::gather(), EntryPoint::Gather);
                self.push(kernel, bytes_of(&uniform), &buffers, grid(padded * columns));
            }
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
        let (workspace, pass) = (self.workspace, &self.workspace.lowered.pass);
        let mut to = vec![(3, Write, &workspace.squares)];
        for (position, network) in pass.read().enumerate() {
            to.push((term_programs::bindings(position).1, Write, self.of(pass.jets_bar(network))));
        }
        let groups = term_programs::groups(&self.jet_rows(), &set.terms).len() as u32;
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
        let (points, weight_row) = (self.padded(), set.columns[0].count as u32 - 1);
        let offset = self.spec().weights() as u32;
        let uniform = TermPoints { points, weight_row, offset, partials: start, splits };
        let mut buffers = vec![(2, Read, &workspace.batches[0]), (5, Read, &state.parameters), (6, Read, &set.weights)];
        let pass = &workspace.lowered.pass;
        for (position, network) in pass.read().enumerate() {
            buffers.push((term_programs::bindings(position).0, Read, self.of(pass.jets(network))));
        }
        let source = shaders::residual(&self.jet_rows(), self.spec().coefficients, set.input_rows, &set.terms);
        self.push((source, entry), bytes_of(&uniform), &[&buffers, to].concat(), grid);
    }

    /// The rows of every network's jets.
    fn jet_rows(&self) -> JetRows {
        let lowered = &self.workspace.lowered;
        let of = |network: &Network| if network.is_read { (network.outputs(), network.channels.jet) } else { (0, 0) };
        JetRows { places: lowered.extents.places, networks: lowered.pass.networks.iter().map(of).collect() }
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
