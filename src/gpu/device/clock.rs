//! The device's own clock: timestamp queries at the start of one pass and the end of another.

use crate::error::Result;
use crate::gpu::device::Device;

/// Pairs of timestamps, one a span.
pub struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    spans: u32,
    /// Seconds a tick.
    tick: f64,
}

impl Clock {
    /// `None` where the adapter has no timestamps, or not for so many spans.
    pub fn new(device: &Device, spans: usize) -> Option<Self> {
        let spans = u32::try_from(spans).ok().filter(|spans| 2 * spans <= wgpu::QUERY_SET_MAX_QUERIES)?;
        if !device.timestamps {
            return None;
        }
        let queries = device.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count: 2 * spans,
        });
        let bytes = 16 * u64::from(spans);
        let resolved = device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: bytes,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let tick = f64::from(device.queue.get_timestamp_period()) * 1e-9;
        Some(Self { queries, resolved, staging: device.staging(bytes), spans, tick })
    }

    /// What the first and the last pass of a span write.
    pub fn writes(&self, span: usize, first: bool, last: bool) -> Option<wgpu::ComputePassTimestampWrites<'_>> {
        let index = 2 * span as u32;
        (first || last).then_some(wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: first.then_some(index),
            end_of_pass_write_index: last.then_some(index + 1),
        })
    }

    /// Submits the rest of the spans and reads the seconds of each.
    pub fn read(&self, device: &Device, mut encoder: wgpu::CommandEncoder) -> Result<Vec<f64>> {
        let bytes = 16 * u64::from(self.spans);
        encoder.resolve_query_set(&self.queries, 0..2 * self.spans, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, bytes);
        let submission = device.queue.submit([encoder.finish()]);
        device.map(&self.staging, bytes, submission, |mapped| {
            let tick = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |ticks, byte| ticks << 8 | u64::from(*byte));
            let span = |span: &[u8]| tick(&span[8..]).saturating_sub(tick(&span[..8])) as f64 * self.tick;
            mapped.chunks_exact(16).map(span).collect()
        })
    }
}
