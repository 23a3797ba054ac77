//! Moving data between host and device.

use std::sync::Arc;

use futures_intrusive::channel::shared::channel;

use crate::copy::copy;
use crate::gpu::Gpu;
use crate::wait::Failure;
use crate::{Error, Result};

impl Gpu {
    /// Records that bytes, a multiple of 4, go to a buffer's start, by way of a buffer of ours: if wgpu finds no memory for one of
    /// its own, it gives up the device.
    pub(crate) fn upload(&self, encoder: &mut wgpu::CommandEncoder, buffer: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let staging = self.filled("upload", bytes, wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC)?;
        encoder.copy_buffer_to_buffer(&staging, 0, buffer, 0, bytes.len() as u64);
        Ok(())
    }

    /// Submits what was recorded.
    pub(crate) fn submit(&self, encoder: wgpu::CommandEncoder) -> Result<wgpu::SubmissionIndex> {
        self.scoped(0, || self.queue().submit([encoder.finish()]))
    }

    /// Waits until the first bytes of mappable buffers, one at least, can be reached by the host. Without a submission to wait for, for
    /// all that were submitted: hardly at all if none of these uses them.
    async fn map(&self, buffers: &[(&wgpu::Buffer, u64)], mode: wgpu::MapMode, after: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let (told, receiver) = channel::<Result<(), Failure>>(buffers.len() + 1);
        let done = Arc::new(());
        let under_way = Arc::downgrade(&done);
        self.scoped(0, || {
            for (buffer, bytes) in buffers {
                let (mapped, callback) = (told.clone(), Arc::clone(&done));
                buffer.slice(..bytes.next_multiple_of(4)).map_async(mode, move |result| {
                    // The receiver is gone only if the caller gave up waiting.
                    let _ = mapped.try_send(result.map_err(|e| Failure::Device(e.to_string())));
                    drop(callback);
                });
            }
        })?;
        drop(done);
        let mut missing = buffers.len();
        if after.is_none() {
            self.poll_once();
            while missing > 0
                && let Ok(ended) = receiver.try_receive()
            {
                ended.map_err(|failure| self.failed(failure))?;
                missing -= 1;
            }
        }
        if missing == 0 {
            return Ok(());
        }
        self.wait_for(after, under_way, told)?;
        for _ in 0..missing {
            // Nobody is left to tell if another thread's poll panicked with the callback in its hands: the view will show.
            let Some(ended) = receiver.receive().await else { break };
            ended.map_err(|failure| self.failed(failure))?;
        }
        Ok(())
    }

    /// Writes bytes to the start of a mappable buffer that no work under way uses; a last partial word is padded with zeros.
    pub(crate) async fn write(&self, buffer: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        let size = bytes.len() as u64;
        self.map(&[(buffer, size)], wgpu::MapMode::Write, None).await?;
        let view = buffer.slice(..size.next_multiple_of(4)).get_mapped_range_mut();
        let mut view = view.map_err(|e| self.unmapped(&e))?;
        copy(bytes, view.slice(..bytes.len()));
        view.slice(bytes.len()..).fill(0);
        drop(view);
        self.scoped(0, || buffer.unmap())
    }

    /// Waits for a submission, or for all, and hands the first bytes of mappable buffers to `read`, buffer by buffer.
    pub(crate) async fn read(
        &self,
        buffers: &[(&wgpu::Buffer, u64)],
        after: Option<wgpu::SubmissionIndex>,
        mut read: impl FnMut(usize, &[u8]),
    ) -> Result<()> {
        self.map(buffers, wgpu::MapMode::Read, after).await?;
        for (place, (buffer, bytes)) in buffers.iter().enumerate() {
            let view = buffer.slice(..bytes.next_multiple_of(4)).get_mapped_range();
            let view = view.map_err(|e| self.unmapped(&e))?;
            read(place, &view[..*bytes as usize]);
            drop(view);
            self.scoped(0, || buffer.unmap())?;
        }
        Ok(())
    }

    /// The error of a buffer that is not mapped though nobody said so.
    fn unmapped(&self, error: &wgpu::MapRangeError) -> Error {
        self.failed(Failure::Device(error.to_string()))
    }
}
