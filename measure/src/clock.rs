//! The wall time of recorded work, and the adapter's own where it has timestamps.

use wgpu_xent::{Gpu, Result, wgpu};

use crate::device::{buffer, encoder, read_words, run};

/// Milliseconds of one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Time {
    /// From submitting to knowing that it is done.
    pub wall_ms: f64,
    /// Between timestamps around the work.
    pub gpu_ms: Option<f64>,
}

impl Time {
    /// Without timestamps.
    #[must_use]
    pub fn wall(wall_ms: f64) -> Self {
        Self { wall_ms, gpu_ms: None }
    }
}

/// Times work on one device.
#[derive(Debug)]
pub struct Clock {
    gpu: Gpu,
    stamps: Option<Stamps>,
}

#[derive(Debug)]
struct Stamps {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
}

impl Clock {
    /// With timestamps if the device was opened with them: see [`opened`](crate::opened).
    #[must_use]
    pub fn new(gpu: &Gpu) -> Self {
        let has = gpu.device().features().contains(wgpu::Features::TIMESTAMP_QUERY);
        Self { gpu: gpu.clone(), stamps: has.then(|| Stamps::new(gpu)) }
    }

    /// Records work, submits it and waits. Recording is not in the time, nor is reading the timestamps.
    ///
    /// # Errors
    /// That of recording.
    pub fn time(&self, record: impl FnOnce(&mut wgpu::CommandEncoder) -> Result<()>) -> Result<Time> {
        let mut encoder = encoder(&self.gpu);
        let stamp = |encoder: &mut wgpu::CommandEncoder, index| self.stamps.iter().for_each(|s| s.write(encoder, index));
        stamp(&mut encoder, 0);
        record(&mut encoder)?;
        stamp(&mut encoder, 1);
        let wall_ms = run(&self.gpu, encoder);
        Ok(Time { wall_ms, gpu_ms: self.stamps.as_ref().and_then(|s| s.elapsed(&self.gpu)) })
    }
}

impl Stamps {
    fn new(gpu: &Gpu) -> Self {
        let descriptor = wgpu::QuerySetDescriptor { label: Some("timestamps"), ty: wgpu::QueryType::Timestamp, count: 2 };
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = wgpu::BufferDescriptor { label: Some("timestamps"), size: 16, usage, mapped_at_creation: false };
        Self { queries: gpu.device().create_query_set(&descriptor), resolved: gpu.device().create_buffer(&resolved) }
    }

    /// A pass that does nothing: WebGPU has timestamps only at the ends of passes.
    fn write(&self, encoder: &mut wgpu::CommandEncoder, index: u32) {
        let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(index),
            end_of_pass_write_index: None,
        });
        drop(encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes }));
    }

    /// The milliseconds between the two; none if the clock says nothing that can be.
    fn elapsed(&self, gpu: &Gpu) -> Option<f64> {
        let mut encoder = encoder(gpu);
        let copied = buffer(gpu, 16);
        encoder.resolve_query_set(&self.queries, 0..2, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &copied, 0, 16);
        run(gpu, encoder);
        let ticks = read_words(gpu, &copied, 4, |w| [0, 2].map(|i| u64::from(w[i]) | u64::from(w[i + 1]) << 32));
        let period = f64::from(gpu.queue().get_timestamp_period());
        Some(ticks[1].checked_sub(ticks[0])? as f64 * period * 1e-6).filter(|&ms| ms > 0.0)
    }
}
