//! Chunks of steps on their way to the device: many in one submission, a few submissions in flight.

use std::collections::VecDeque;
use std::time::Instant;

use crate::backend::Update;
use crate::error::Result;
use crate::gpu::device::clock::Clock;
use crate::gpu::device::dispatch::{Dispatch, encode};
use crate::gpu::device::uniforms::Step;
use crate::gpu::device::{Device, SLOT};

/// Slots of the ring: chunks that one submission may hold, a power of two.
const SLOTS: usize = 64;
/// Arithmetic that one submission may always hold: below the two seconds after which a desktop takes a device for hung,
/// also where that device is a CPU.
const FLOPS: f64 = 1e10;
/// Seconds of the device that a submission is to hold where that is more: a device idles after each; docs/tuning.md.
const SECONDS: f64 = 5e-3;
/// Submissions that may be waiting, so that the device never runs dry and the host, with its clock
/// and signals, never runs far ahead.
const IN_FLIGHT: usize = 2;

impl Step {
    /// For a batch of `count` points; without an update where none follows.
    pub fn new(count: usize, update: Option<&Update>) -> Self {
        let step = Step { per_point: (1.0 / count as f64) as f32, ..Step::default() };
        let Some(update) = update else { return step };
        Step {
            number: [update.step as u32, (update.step >> 32) as u32],
            step_size: update.step_size as f32,
            beta1: update.beta1 as f32,
            beta2: update.beta2 as f32,
            one_minus_beta1: (1.0 - update.beta1) as f32,
            one_minus_beta2: (1.0 - update.beta2) as f32,
            second_correction: update.second_correction as f32,
            epsilon: update.epsilon as f32,
            keep: (1.0 - update.decay) as f32,
            // WGSL may assume that there is no infinity.
            clip_norm: (update.clip_norm as f32).min(f32::MAX),
            ..step
        }
    }

    /// For the batch's chunk at a position; whether it is the first of the batch, and that the first of the step.
    pub fn chunk(self, start: usize, first: bool, is_first: bool) -> Self {
        let (accumulate, accumulate_gradient) = (u32::from(!first), u32::from(!(first && is_first)));
        Step { start: start as u32, accumulate, accumulate_gradient, ..self }
    }
}

/// The commands that are not submitted yet, and the ring that their numbers will be in.
pub struct Submissions {
    ring: wgpu::Buffer,
    group: wgpu::BindGroup,
    slots: Vec<u8>,
    /// One for all of a submission's chunks: each pass is two command buffers of its own to wgpu, and costs a step the host's
    /// time; docs/tuning.md.
    pass: Option<wgpu::ComputePass<'static>>,
    encoder: Option<wgpu::CommandEncoder>,
    flops: f64,
    /// The most that a submission may hold of it.
    most_flops: f64,
    /// How often chunks were submitted since the device had nothing to do.
    submissions: u32,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
    /// When the host last waited for one of these.
    waited: Option<Instant>,
}

impl Submissions {
    pub fn new(device: &Device) -> Self {
        let ring = device.ring(SLOTS as u64);
        let group = device.bind_ring(&ring, size_of::<Step>() as u64);
        let (pass, encoder, in_flight, waited) = (None, None, VecDeque::new(), None);
        let (slots, flops, most_flops, submissions) = (vec![], 0.0, FLOPS, 0);
        Self { ring, group, slots, pass, encoder, flops, most_flops, submissions, in_flight, waited }
    }

    /// Encodes one chunk's dispatches, as a pass of their own where that is timed, and submits once enough has gathered.
    pub fn push(
        &mut self,
        device: &Device,
        step: Step,
        plans: &[&[Dispatch]],
        flops: f64,
        timestamps: Option<wgpu::ComputePassTimestampWrites<'_>>,
    ) -> Result<()> {
        let offset = self.slot(step);
        let is_timed = timestamps.is_some();
        if is_timed {
            self.pass = None;
        }
        let encoder = self.encoder.get_or_insert_with(|| device.encoder());
        let begin = wgpu::ComputePassDescriptor { label: None, timestamp_writes: timestamps };
        let pass = self.pass.get_or_insert_with(|| encoder.begin_compute_pass(&begin).forget_lifetime());
        for plan in plans {
            encode(*plan, pass, (&self.group, offset));
        }
        if is_timed {
            self.pass = None;
        }
        self.flops += flops;
        // A device that waits is given the first step at once, then twice as many each time: encoding takes up to half as long as
        // the device does, and ends before what is under way.
        let most = 1 << self.submissions.min(SLOTS.ilog2());
        if self.slots.len() >= most * SLOT as usize || self.flops > self.most_flops {
            self.flush(device)?;
        }
        Ok(())
    }

    /// The same with each dispatch a pass of its own, a span of the clock from `span` on.
    pub fn push_apart(
        &mut self,
        device: &Device,
        step: Step,
        dispatches: &[&Dispatch],
        (clock, span): (&Clock, usize),
    ) -> Result<()> {
        let offset = self.slot(step);
        self.pass = None;
        let encoder = self.encoder.get_or_insert_with(|| device.encoder());
        for (index, dispatch) in dispatches.iter().enumerate() {
            let timestamp_writes = clock.writes(span + index, true, true);
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            encode([*dispatch], &mut pass, (&self.group, offset));
        }
        self.flush(device)
    }

    /// The place in the ring of the numbers of the next chunk.
    fn slot(&mut self, step: Step) -> u32 {
        let offset = self.slots.len();
        self.slots.extend_from_slice(bytemuck::bytes_of(&step));
        self.slots.resize(offset + SLOT as usize, 0);
        offset as u32
    }

    /// Submits what has gathered, and waits while too much is under way.
    pub fn flush(&mut self, device: &Device) -> Result<()> {
        self.pass = None;
        let Some(encoder) = self.encoder.take() else { return device.check() };
        // Written before this submission and after the one before it.
        device.queue.write_buffer(&self.ring, 0, &self.slots);
        self.slots.clear();
        let is_full = self.flops > self.most_flops;
        self.flops = 0.0;
        self.in_flight.push_back(device.queue.submit([encoder.finish()]));
        self.submissions += 1;
        while self.in_flight.len() > IN_FLIGHT {
            device.wait(self.in_flight.pop_front())?;
            self.measure(is_full);
        }
        device.check()
    }

    /// From wait to wait a device that always has work has done one submission: the next ones may be larger, where
    /// arithmetic is what bounds them, or smaller.
    fn measure(&mut self, is_full: bool) {
        let now = Instant::now();
        if let Some(before) = self.waited.replace(now) {
            let factor = SECONDS / (now - before).as_secs_f64().max(1e-6);
            self.most_flops = (self.most_flops * factor.clamp(0.5, if is_full { 2.0 } else { 1.0 })).max(FLOPS);
        }
    }

    /// Notes that the device has done all that was submitted.
    pub fn settle(&mut self) {
        self.in_flight.clear();
        self.submissions = 0;
        self.waited = None;
    }

    /// Group 1 of the kernels, for those who need none of its numbers.
    pub fn group(&self) -> &wgpu::BindGroup {
        &self.group
    }

    pub fn bytes(&self) -> u64 {
        SLOTS as u64 * SLOT
    }
}
