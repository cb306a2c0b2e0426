//! The device's own clock: timestamp queries at the start of one pass and the end of another.

use super::device::Device;
use crate::error::Result;

/// A pair of timestamps.
pub struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    /// Seconds a tick.
    tick: f64,
}

impl Clock {
    /// `None` where the adapter has no timestamps.
    pub fn new(device: &Device) -> Option<Self> {
        if !device.timestamps {
            return None;
        }
        let queries = device.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        let resolved = device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: 16,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let tick = f64::from(device.queue.get_timestamp_period()) * 1e-9;
        Some(Self { queries, resolved, staging: device.staging(16), tick })
    }

    /// What the first and the last pass of the timed span write.
    pub fn writes(&self, first: bool, last: bool) -> Option<wgpu::ComputePassTimestampWrites<'_>> {
        (first || last).then_some(wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: first.then_some(0),
            end_of_pass_write_index: last.then_some(1),
        })
    }

    /// Submits the rest of the span and reads its seconds.
    pub fn read(&self, device: &Device, mut encoder: wgpu::CommandEncoder) -> Result<f64> {
        encoder.resolve_query_set(&self.queries, 0..2, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, 16);
        let submission = device.queue.submit([encoder.finish()]);
        device.map(&self.staging, 16, submission, |mapped| {
            let tick = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |ticks, byte| ticks << 8 | u64::from(*byte));
            tick(&mapped[8..16]).saturating_sub(tick(&mapped[..8])) as f64 * self.tick
        })
    }
}
