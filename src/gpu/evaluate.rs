//! Jets at points that stream through the device in chunks.

use std::collections::HashMap;

use crate::error::Result;
use crate::gpu::Unguarded;
use crate::gpu::device::Device;
use crate::gpu::device::dispatch::{Plan, encode};
use crate::gpu::lowered::{Bounds, Extents, Lowered};
use crate::gpu::memory::workspace::{Workspace, chunks};
use crate::gpu::plan::Planner;
use crate::jet::JetLayout;
use crate::network::{InputJets, NetworkSpec};
use crate::pass::Slot;

/// Points of a chunk: enough to fill a device, few enough that the copies of one chunk run beside
/// the arithmetic of the next.
const CHUNK: usize = 65_536;

/// The working memory of one layout, kept for the next call.
pub struct Evaluator {
    layout: JetLayout,
    input_jets: InputJets,
    workspace: Workspace,
    /// By the chunk's points.
    plans: HashMap<usize, Plan>,
    /// Two buffers for the host to read, in turn.
    staging: [wgpu::Buffer; 2],
}

impl Evaluator {
    /// For chunks whose points are `input_jets`, at most `count` of them.
    fn new(
        device: &Device,
        bounds: &Bounds,
        spec: &NetworkSpec,
        layout: &JetLayout,
        input_jets: InputJets,
        lowered: Lowered,
        count: usize,
    ) -> Result<Self> {
        let most = lowered.capacity(device, bounds)?.min(CHUNK);
        let capacity = count.next_multiple_of(4).min(most);
        let workspace = Workspace::new(device, lowered, capacity, most);
        let bytes = 4 * (spec.outputs * layout.channels() * capacity) as u64;
        let staging = [device.staging(bytes), device.staging(bytes)];
        device.check()?;
        Ok(Self { layout: layout.clone(), input_jets, workspace, plans: HashMap::new(), staging })
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
    /// Standardised jets (M, C, B) at points (D, B) in the user's units.
    pub(super) fn stream(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Vec<f64>> {
        let count = points.first().map_or(0, Vec::len);
        let rows = self.spec.outputs * layout.channels();
        let mut values = vec![0.0; rows * count];
        self.steps.flush(&self.device)?;
        self.prepare_evaluation(layout, count)?;
        let mut pending: Option<Pending> = None;
        let capacity = self.evaluator(layout).workspace.capacity;
        for (index, (start, length)) in chunks(count, capacity).enumerate() {
            self.plan_evaluation(layout, length)?;
            let submission = self.submit_evaluation(points, start, length, index % 2);
            let now = Pending { staging: index % 2, start, points: length, submission };
            if let Some(before) = pending.replace(now) {
                self.collect(before, rows, count, &mut values)?;
            }
        }
        if let Some(last) = pending {
            self.collect(last, rows, count, &mut values)?;
        }
        Ok(values)
    }

    /// Seconds that the device takes to evaluate `layout` at points that are already on it, once
    /// for each repeat, by the device's own clock (timestamp queries); `None` where it has none.
    pub fn timed_evaluations(&mut self, points: usize, layout: &JetLayout, repeats: usize) -> Result<Option<Vec<f64>>> {
        self.steps.flush(&self.device)?;
        self.prepare_evaluation(layout, points)?;
        let capacity = self.evaluator(layout).workspace.capacity;
        let parts: Vec<_> = chunks(points.max(1), capacity).collect();
        for (_, length) in &parts {
            self.plan_evaluation(layout, *length)?;
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
        let evaluator = self.evaluator.as_ref().filter(|e| e.layout == *layout);
        evaluator.expect("prepared for this layout")
    }

    /// Makes the evaluator for this layout and at least this many points (or one chunk).
    fn prepare_evaluation(&mut self, layout: &JetLayout, count: usize) -> Result<()> {
        let fits = |e: &Evaluator| e.layout == *layout && e.workspace.capacity >= count.min(CHUNK);
        if !self.evaluator.as_ref().is_some_and(fits) {
            // Given back before the next one is made.
            self.evaluator = None;
            let input_jets = self.input_jets(layout);
            let extents = Extents { places: 1, columns: input_jets.rows(), terms: 0 };
            let lowered = self.lowered(layout, extents, false);
            let (device, bounds, spec) = (&self.device, &self.bounds, &self.spec);
            self.evaluator = Some(Evaluator::new(device, bounds, spec, layout, input_jets, lowered, count.max(1))?);
        }
        Ok(())
    }

    fn plan_evaluation(&mut self, layout: &JetLayout, points: usize) -> Result<()> {
        let mut evaluator = self.evaluator.take().expect("prepared");
        if !evaluator.plans.contains_key(&points) {
            let (state, workspace) = (&self.state, &evaluator.workspace);
            let plan = Planner::new(&mut self.device, &self.normalizer, layout, state, workspace, points).evaluation();
            evaluator.plans.insert(points, plan);
        }
        self.evaluator = Some(evaluator);
        self.device.check()
    }

    /// Uploads a chunk, runs it and copies its jets to a staging buffer.
    fn submit_evaluation(
        &self,
        points: &[Vec<f64>],
        start: usize,
        length: usize,
        staging: usize,
    ) -> wgpu::SubmissionIndex {
        let evaluator = self.evaluator.as_ref().expect("prepared");
        let padded = length.next_multiple_of(4);
        let rows = evaluator.input_jets.at(points, start..start + length);
        let mut batch = vec![0.0_f32; rows.len() * padded];
        for (to, from) in batch.chunks_exact_mut(padded).zip(&rows) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32);
        }
        self.device.write(&evaluator.workspace.batch, &batch);
        let mut encoder = self.device.encoder();
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        encode(&evaluator.plans[&length], &mut pass, (self.steps.group(), 0));
        drop(pass);
        let bytes = 4 * (self.spec.outputs * evaluator.layout.channels() * padded) as u64;
        encoder.copy_buffer_to_buffer(
            evaluator.workspace.buffer(Slot::Jets(0)),
            0,
            &evaluator.staging[staging],
            0,
            bytes,
        );
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
