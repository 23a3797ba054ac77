//! How the matrices of a window get to the device and back: written and read where kernels use them if memory is shared,
//! else by way of buffers for that. See `docs/decisions/0011-windows-in-kept-buffers.md`.

use wgpu::BufferUsages as Usage;

use crate::Result;
use crate::gpu::Gpu;
use crate::pool::Loans;

/// A matrix that a call is given: one window of it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) buffer: wgpu::Buffer,
    /// What the host maps if it cannot map the buffer.
    staging: Option<wgpu::Buffer>,
}

impl Input {
    /// `only_copied`: the device copies it elsewhere, and kernels do not read it.
    pub(crate) fn new(gpu: &Gpu, loans: &mut Loans, label: &str, bytes: u64, only_copied: bool) -> Result<Self> {
        let mut take = |usage| loans.take(label, bytes.next_multiple_of(16), usage);
        let written = Usage::MAP_WRITE | Usage::COPY_SRC;
        Ok(if only_copied {
            Self { buffer: take(written)?, staging: None }
        } else if gpu.shares_memory() {
            Self { buffer: take(written | Usage::STORAGE)?, staging: None }
        } else {
            Self { buffer: take(Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST)?, staging: Some(take(written)?) }
        })
    }

    /// Brings bytes to its start, by way of the encoder if they are to be copied. No work under way may use it.
    pub(crate) async fn put(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, bytes: &[u8]) -> Result<()> {
        let Some(staging) = &self.staging else { return gpu.write(&self.buffer, bytes).await };
        gpu.write(staging, bytes).await?;
        encoder.copy_buffer_to_buffer(staging, 0, &self.buffer, 0, (bytes.len() as u64).next_multiple_of(4));
        Ok(())
    }
}

/// A matrix that a call returns: one window of it.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) buffer: wgpu::Buffer,
    staging: Option<wgpu::Buffer>,
}

impl Output {
    pub(crate) fn new(gpu: &Gpu, loans: &mut Loans, label: &str, bytes: u64) -> Result<Self> {
        let mut take = |usage| loans.take(label, bytes.next_multiple_of(16), usage);
        Ok(if gpu.shares_memory() {
            Self { buffer: take(Usage::MAP_READ | Usage::STORAGE)?, staging: None }
        } else {
            Self { buffer: take(Usage::STORAGE | Usage::COPY_SRC)?, staging: Some(take(Usage::MAP_READ | Usage::COPY_DST)?) }
        })
    }

    /// The buffer to map once what is recorded here is done.
    pub(crate) fn fetch(&self, encoder: &mut wgpu::CommandEncoder, bytes: u64) -> &wgpu::Buffer {
        let Some(staging) = &self.staging else { return &self.buffer };
        encoder.copy_buffer_to_buffer(&self.buffer, 0, staging, 0, bytes.next_multiple_of(4));
        staging
    }
}
