//! The vectors that an optimizer keeps on the device, their products and combinations.

use crate::backend::{Vector, Vectors};
use crate::error::Result;
use crate::gpu::device::Device;
use crate::gpu::device::dispatch::{Dispatch, THREADS, encode, grid};
use crate::gpu::device::kernel::Access::{Read, Write};
use crate::gpu::device::kernel::{EntryPoint, Source};
use crate::gpu::device::uniforms::{VectorColumns, VectorPart};
use crate::gpu::{Unguarded, shaders, to_f64};

/// Sums that the threads leave of all products together, which the host reads and adds in f64: 256 KiB, and enough
/// threads to fill a large GPU with the one product of a line search.
const PARTIALS: usize = 1 << 16;

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

impl Vectors for Unguarded {
    fn allocate_vectors(&mut self, count: usize) -> Result<()> {
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

    fn dots(&mut self, left: &[Vector], right: &[Vector]) -> Result<Vec<f64>> {
        let list: Vec<_> = left.iter().chain(right).map(|vector| (1.0, *vector)).collect();
        let pairs = left.len() * right.len();
        let groups =
            |columns: usize| (PARTIALS / (pairs * THREADS as usize)).clamp(1, columns.div_ceil(THREADS as usize));
        let partials = |chunk: &Chunk| {
            let count = pairs * groups(chunk.columns) * THREADS as usize;
            (self.device.storage("partials", 4 * count as u64), count)
        };
        let partials: Vec<_> = self.kept.iter().map(partials).collect();
        let source = shaders::vectors(left.len());
        self.over_chunks((source, EntryPoint::Dots), (&list, 0), &partials, |columns| {
            [groups(columns) as u32, right.len() as u32, 1]
        })?;
        let wanted: Vec<_> = partials.iter().map(|(buffer, count)| (buffer, *count)).collect();
        let mut dots = vec![0.0; pairs];
        for partials in self.device.read(&wanted)? {
            for (dot, sums) in dots.iter_mut().zip(partials.chunks_exact(partials.len() / pairs)) {
                *dot += sums.iter().map(|x| f64::from(*x)).sum::<f64>();
            }
        }
        Ok(dots)
    }

    fn combine(&mut self, into: Vector, parts: &[(f64, Vector)]) -> Result<()> {
        let list = [parts, &[(1.0, into)]].concat();
        self.over_chunks((shaders::vectors(1), EntryPoint::Combine), (&list, parts.len()), &[], |columns| {
            grid(columns as u32)
        })
    }
}

impl Unguarded {
    /// Runs a kernel over all chunks: with a list of vectors and their factors, with so many of them as parts, and
    /// for each chunk with a buffer of partial sums where it leaves any.
    fn over_chunks(
        &mut self,
        (source, entry): (Source, EntryPoint),
        (list, count): (&[(f64, Vector)], usize),
        partials: &[(wgpu::Buffer, usize)],
        grid: impl Fn(usize) -> [u32; 3],
    ) -> Result<()> {
        self.steps.flush(&self.device)?;
        let parts = self.device.storage("parts", 8 * list.len() as u64);
        let part = |(factor, vector): &(f64, Vector)| VectorPart { vector: name(*vector), factor: *factor as f32 };
        self.device.write(&parts, &Vec::from_iter(list.iter().map(part)));
        let state = &self.state;
        let mut plan = vec![];
        for (index, chunk) in self.kept.iter().enumerate() {
            let columns =
                VectorColumns { first: chunk.first as u32, columns: chunk.columns as u32, count: count as u32 };
            let mut buffers = vec![
                (1, Read, &parts),
                (2, Write, &state.parameters),
                (3, Write, &state.gradient),
                (4, Write, &chunk.buffer),
            ];
            buffers.extend(partials.get(index).map(|(partials, _)| (5, Write, partials)));
            let kernel = (source.clone(), entry);
            let uniform = bytemuck::bytes_of(&columns);
            plan.push(Dispatch::new(&mut self.device, kernel, uniform, &buffers, grid(chunk.columns)));
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
