//! The vectors that an optimizer keeps on the device, their products and combinations.

use super::device::Device;
use super::kernel::Access::{Read, Write};
use super::plan::{Dispatch, encode, flat};
use super::shader::{self, SUM_THREADS};
use super::{Gpu, to_f64};
use crate::backend::{Vector, Vectors};
use crate::error::Result;

/// Workgroups that share a product: enough to keep a large GPU busy with the one product of a line search.
const GROUPS: u32 = 64;

/// The columns `first .. first + columns` of what is kept: (rows, columns), of a size that one binding can hold.
pub struct Chunk {
    buffer: wgpu::Buffer,
    first: usize,
    columns: usize,
}

impl Chunk {
    /// Room for so many rows of numbers, all 0, in chunks of at most `binding` bytes.
    pub fn all(device: &Device, binding: u64, numbers: usize, rows: usize) -> Result<Vec<Self>> {
        let most = (binding as usize / (4 * rows.max(1))).min(numbers);
        if most == 0 {
            return Err(device.error(format!("{rows} vectors do not fit into one binding of {binding} bytes")));
        }
        let mut encoder = device.encoder();
        let chunk = |first: usize| {
            let columns = most.min(numbers - first);
            let buffer = device.storage("kept", (4 * rows * columns) as u64);
            encoder.clear_buffer(&buffer, 0, None);
            Self { buffer, first, columns }
        };
        let chunks = (0..numbers).step_by(most).map(chunk).collect();
        device.queue.submit([encoder.finish()]);
        Ok(chunks)
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        self.buffer.size()
    }
}

/// A vector as `shaders/vectors.wgsl` names it.
fn name(vector: Vector) -> u32 {
    match vector {
        Vector::Parameters => u32::MAX,
        Vector::Gradient => u32::MAX - 1,
        Vector::Kept(kept) => kept as u32,
    }
}

impl Vectors for Gpu {
    fn keep(&mut self, count: usize) -> Result<()> {
        self.steps.flush(&self.device)?;
        // What there was is given back first.
        self.kept.clear();
        self.kept = Chunk::all(&self.device, self.bounds.binding, self.spec.parameters(), count)?;
        self.device.check()
    }

    fn vector(&mut self, vector: Vector) -> Result<Vec<f64>> {
        match vector {
            Vector::Parameters => self.block(|state| &state.parameters),
            Vector::Gradient => self.block(|state| &state.gradient),
            Vector::Kept(kept) => {
                let count = self.spec.parameters();
                let room = self.device.storage("vector", 4 * count as u64);
                self.copy(kept, |encoder, (chunk, at), (part, bytes)| {
                    encoder.copy_buffer_to_buffer(chunk, at, &room, part, bytes);
                });
                Ok(to_f64(&self.device.read(&[(&room, count)])?[0]))
            }
        }
    }

    fn set_kept(&mut self, kept: usize, numbers: &[f64]) -> Result<()> {
        let room = self.device.storage("vector", 4 * numbers.len() as u64);
        self.device.write(&room, &Vec::from_iter(numbers.iter().map(|x| *x as f32)));
        self.copy(kept, |encoder, (chunk, at), (part, bytes)| {
            encoder.copy_buffer_to_buffer(&room, part, chunk, at, bytes);
        });
        self.device.check()
    }

    /// The sums over the workgroups' parts are f64, here.
    fn dots(&mut self, left: &[Vector], right: &[Vector]) -> Result<Vec<f64>> {
        let parts: Vec<_> = left.iter().chain(right).map(|vector| (1.0, *vector)).collect();
        let (pairs, rights) = (left.len() * right.len(), right.len() as u32);
        let mut dots = vec![0.0; pairs];
        let groups = |columns: u32| columns.div_ceil(SUM_THREADS).min(GROUPS);
        let numbers = |columns: usize| pairs * groups(columns as u32) as usize;
        let partials: Vec<_> =
            self.kept.iter().map(|chunk| self.device.storage("partials", 4 * numbers(chunk.columns) as u64)).collect();
        self.over_chunks("dots", &parts, left.len(), &partials, |columns| [groups(columns), rights, 1])?;
        let wanted: Vec<_> =
            self.kept.iter().zip(&partials).map(|(chunk, partials)| (partials, numbers(chunk.columns))).collect();
        for parts in self.device.read(&wanted)? {
            let sums = parts.chunks_exact(parts.len() / pairs);
            dots.iter_mut().zip(sums).for_each(|(dot, parts)| *dot += parts.iter().map(|x| f64::from(*x)).sum::<f64>());
        }
        Ok(dots)
    }

    fn combine(&mut self, into: Vector, parts: &[(f64, Vector)]) -> Result<()> {
        let with_sum = [parts, &[(1.0, into)]].concat();
        self.over_chunks("combine", &with_sum, parts.len(), &[], |columns| flat(columns.div_ceil(SUM_THREADS)))
    }
}

impl Gpu {
    /// Runs a kernel over all chunks: with its list of vectors and factors, the `count` of them that come before the
    /// others, and for each chunk a buffer of partial sums where it leaves any.
    fn over_chunks(
        &mut self,
        entry: &'static str,
        list: &[(f64, Vector)],
        count: usize,
        partials: &[wgpu::Buffer],
        grid: impl Fn(u32) -> [u32; 3],
    ) -> Result<()> {
        self.steps.flush(&self.device)?;
        let parts = self.device.storage("parts", 8 * list.len() as u64);
        let part = |(factor, vector): &(f64, Vector)| [name(*vector), (*factor as f32).to_bits()];
        self.device.write(&parts, &Vec::from_iter(list.iter().map(part)));
        let mut plan = vec![];
        for (index, chunk) in self.kept.iter().enumerate() {
            let constants = [chunk.first as u32, chunk.columns as u32, count as u32];
            let state = &self.state;
            let mut buffers = vec![
                (1, Read, &parts),
                (2, Write, &state.parameters),
                (3, Write, &state.gradient),
                (4, Write, &chunk.buffer),
            ];
            buffers.extend(partials.get(index).map(|partials| (5, Write, partials)));
            let kernel = (shader::vectors(), entry, false);
            plan.push(Dispatch::new(&mut self.device, kernel, &constants, &buffers, grid(constants[1])));
        }
        let mut encoder = self.device.encoder();
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        encode(&plan, &mut pass, (self.steps.group(), 0));
        drop(pass);
        self.device.queue.submit([encoder.finish()]);
        self.device.check()
    }

    /// Copies a kept vector's parts: each lies in its chunk's buffer at an offset, and belongs to so many bytes of the
    /// vector from another on.
    fn copy(&mut self, kept: usize, copy: impl Fn(&mut wgpu::CommandEncoder, (&wgpu::Buffer, u64), (u64, u64))) {
        let mut encoder = self.device.encoder();
        for Chunk { buffer, first, columns } in &self.kept {
            copy(&mut encoder, (buffer, (4 * kept * columns) as u64), (4 * *first as u64, 4 * *columns as u64));
        }
        self.device.queue.submit([encoder.finish()]);
    }
}
