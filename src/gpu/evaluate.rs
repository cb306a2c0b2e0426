//! Jets at points that stream through the device in chunks.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::Result;
use crate::expression::Assembly;
use crate::gpu::Unguarded;
use crate::gpu::device::Device;
use crate::gpu::device::dispatch::{Plan, encode};
use crate::gpu::lowered::{Bounds, Extents, Lowered};
use crate::gpu::memory::workspace::{Workspace, chunks};
use crate::gpu::plan::Planner;
use crate::jet::{JetLayout, Jets};
use crate::network::{InputJets, Subnetwork};
use crate::pass::Slot;

/// Points of a chunk: enough to fill a device, few enough that the copies of one chunk run beside
/// the arithmetic of the next.
const CHUNK: usize = 65_536;

/// The working memory of one layout, kept for the next call.
pub struct Evaluator {
    assembly: Assembly,
    /// Those layouts of all networks.
    layouts: Vec<Option<JetLayout>>,
    /// Of each network.
    input_jets: Vec<InputJets>,
    workspace: Workspace,
    /// By the chunk's points.
    plans: HashMap<usize, Plan>,
    /// Two buffers for the host to read, in turn.
    staging: [wgpu::Buffer; 2],
}

impl Evaluator {
    /// For at most `count` points at a time.
    fn new(
        device: &Device,
        bounds: &Bounds,
        (assembly, layouts): (Assembly, Vec<Option<JetLayout>>),
        input_jets: Vec<InputJets>,
        lowered: Lowered,
        count: usize,
    ) -> Result<Self> {
        let most = lowered.capacity(device, bounds)?.min(CHUNK);
        let capacity = count.next_multiple_of(4).min(most);
        let workspace = Workspace::new(device, lowered, capacity, most);
        let bytes = 4 * (assembly.rows().sum::<usize>() * capacity) as u64;
        let staging = [device.staging(bytes), device.staging(bytes)];
        device.check()?;
        Ok(Self { assembly, layouts, input_jets, workspace, plans: HashMap::new(), staging })
    }

    /// The rows of all networks' jets.
    fn rows(&self) -> usize {
        self.assembly.rows().sum()
    }

    pub fn bytes(&self) -> u64 {
        self.workspace.bytes() + self.staging.iter().map(wgpu::Buffer::size).sum::<u64>()
    }
}

/// A chunk under way.
struct Pending {
    staging: usize,
    start: usize,
    points: usize,
    submission: wgpu::SubmissionIndex,
}

impl Unguarded {
    /// Jets at points (D, B), both in the user's units.
    pub(super) fn stream(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        let count = points.first().map_or(0, Vec::len);
        self.steps.flush(&self.device)?;
        self.prepare_evaluation(layout, count)?;
        let rows = self.evaluator(layout).rows();
        let mut values = vec![0.0; rows * count];
        let of_each: Vec<_> = self.networks.iter().map(|network| network.points(Cow::Borrowed(points))).collect();
        let mut pending: Option<Pending> = None;
        let capacity = self.evaluator(layout).workspace.capacity;
        for (index, (start, length)) in chunks(count, capacity).enumerate() {
            self.plan_evaluation(length)?;
            let submission = self.submit_evaluation(&of_each, start, length, index % 2);
            let now = Pending { staging: index % 2, start, points: length, submission };
            if let Some(before) = pending.replace(now) {
                self.collect(before, rows, count, &mut values)?;
            }
        }
        if let Some(last) = pending {
            self.collect(last, rows, count, &mut values)?;
        }
        Ok(self.evaluator(layout).assembly.join(count, values))
    }

    /// Seconds that the device takes to evaluate `layout` at points that are already on it, once
    /// for each repeat, by the device's own clock (timestamp queries); `None` where it has none.
    pub fn timed_evaluations(&mut self, points: usize, layout: &JetLayout, repeats: usize) -> Result<Option<Vec<f64>>> {
        self.steps.flush(&self.device)?;
        self.prepare_evaluation(layout, points)?;
        let capacity = self.evaluator(layout).workspace.capacity;
        let parts: Vec<_> = chunks(points.max(1), capacity).collect();
        for (_, length) in &parts {
            self.plan_evaluation(*length)?;
        }
        let Some(clock) = super::device::clock::Clock::new(&self.device, 1) else { return Ok(None) };
        let mut seconds = vec![];
        // The first run pays for what is made lazily.
        for _ in 0..=repeats {
            let mut encoder = self.device.encoder();
            for (index, (_, length)) in parts.iter().enumerate() {
                let timestamp_writes = clock.writes(0, index == 0, index + 1 == parts.len());
                let description = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
                let mut pass = encoder.begin_compute_pass(&description);
                encode(&self.evaluator(layout).plans[length], &mut pass, (self.steps.group(), 0));
            }
            seconds.extend(clock.read(&self.device, encoder)?);
        }
        Ok(Some(seconds.split_off(1)))
    }

    fn evaluator(&self, layout: &JetLayout) -> &Evaluator {
        let evaluator = self.evaluator.as_ref().filter(|e| e.assembly.wanted() == layout);
        evaluator.expect("prepared for this layout")
    }

    /// Makes the evaluator for this layout and at least this many points (or one chunk).
    fn prepare_evaluation(&mut self, layout: &JetLayout, count: usize) -> Result<()> {
        let fits = |e: &Evaluator| e.assembly.wanted() == layout && e.workspace.capacity >= count.min(CHUNK);
        if !self.evaluator.as_ref().is_some_and(fits) {
            // Given back before the next one is made.
            self.evaluator = None;
            let assembly = Assembly::new(layout, &self.normalizer, &self.wirings);
            let layouts: Vec<_> = assembly.layouts.iter().cloned().map(Some).collect();
            let of = |(network, layout): (&Subnetwork, &JetLayout)| {
                InputJets::new(network.features.as_ref(), &network.normalizer, layout)
            };
            let input_jets: Vec<InputJets> = self.networks.iter().zip(&assembly.layouts).map(of).collect();
            let extents = Extents { places: 1, columns: input_jets.iter().map(InputJets::rows).collect(), terms: 0 };
            let lowered = self.lowered(&layouts, extents, false);
            let (device, bounds) = (&self.device, &self.bounds);
            let evaluator = Evaluator::new(device, bounds, (assembly, layouts), input_jets, lowered, count.max(1))?;
            self.evaluator = Some(evaluator);
        }
        Ok(())
    }

    fn plan_evaluation(&mut self, points: usize) -> Result<()> {
        let mut evaluator = self.evaluator.take().expect("prepared");
        if !evaluator.plans.contains_key(&points) {
            let (state, workspace) = (&self.state, &evaluator.workspace);
            let networks = (&self.networks[..], &evaluator.layouts[..]);
            let plan = Planner::new(&mut self.device, networks, state, workspace, points).evaluation();
            evaluator.plans.insert(points, plan);
        }
        self.evaluator = Some(evaluator);
        self.device.check()
    }

    /// Uploads a chunk, runs it and copies its jets to a staging buffer.
    fn submit_evaluation(
        &self,
        points: &[Cow<'_, [Vec<f64>]>],
        start: usize,
        length: usize,
        staging: usize,
    ) -> wgpu::SubmissionIndex {
        let evaluator = self.evaluator.as_ref().expect("prepared");
        let padded = length.next_multiple_of(4);
        for ((inputs, points), to) in evaluator.input_jets.iter().zip(points).zip(&evaluator.workspace.batches) {
            let rows = inputs.at(points, start..start + length);
            let mut batch = vec![0.0_f32; rows.len() * padded];
            for (to, from) in batch.chunks_exact_mut(padded).zip(&rows) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
            }
            self.device.write(to, &batch);
        }
        let mut encoder = self.device.encoder();
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        encode(&evaluator.plans[&length], &mut pass, (self.steps.group(), 0));
        drop(pass);
        let mut offset = 0;
        for (network, rows) in evaluator.assembly.rows().enumerate() {
            let bytes = 4 * (rows * padded) as u64;
            let jets = evaluator.workspace.buffer(Slot::Jets(network));
            encoder.copy_buffer_to_buffer(jets, 0, &evaluator.staging[staging], offset, bytes);
            offset += bytes;
        }
        self.device.queue.submit([encoder.finish()])
    }

    /// Waits for a chunk and puts its rows into their places among `count` points.
    fn collect(&self, chunk: Pending, rows: usize, count: usize, values: &mut [f64]) -> Result<()> {
        let evaluator = self.evaluator.as_ref().expect("prepared");
        let padded = chunk.points.next_multiple_of(4);
        let bytes = 4 * (rows * padded) as u64;
        self.device.map(&evaluator.staging[chunk.staging], bytes, chunk.submission, |mapped| {
            for (row, from) in mapped.chunks_exact(4 * padded).enumerate() {
                let to = &mut values[row * count + chunk.start..][..chunk.points];
                for (to, from) in to.iter_mut().zip(from.chunks_exact(4)) {
                    *to = f32::from_le_bytes([from[0], from[1], from[2], from[3]]).into();
                }
            }
        })
    }
}
