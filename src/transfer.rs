//! Moving data between host and device, and waiting for it.

use std::sync::mpsc;
use std::time::Duration;

use futures_intrusive::channel::shared::oneshot_channel;

use crate::gpu::Gpu;
use crate::{Error, Result};

/// Uploads go in pieces of this size, submitted one by one: larger ones make wgpu allocate, and the driver touch, fresh
/// memory for each call (twice the time for 512 MiB on lavapipe).
const PIECE: usize = 16 << 20;

/// How long a submission may take before the wait is given up as hung.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// A thread that polls the device while someone awaits it, since wgpu makes progress only when polled.
#[derive(Debug)]
pub(crate) struct Poller(mpsc::Sender<Option<wgpu::SubmissionIndex>>);

impl Poller {
    pub(crate) fn new(device: wgpu::Device) -> Self {
        let (sender, receiver) = mpsc::channel::<Option<wgpu::SubmissionIndex>>();
        // The thread ends with the last handle, whose drop closes the channel.
        std::thread::spawn(move || {
            while let Ok(submission_index) = receiver.recv() {
                if let Err(error) = device.poll(wgpu::PollType::Wait { submission_index, timeout: Some(DEADLINE) }) {
                    log::error!("polling the device failed: {error}");
                }
            }
        });
        Self(sender)
    }
}

impl Gpu {
    /// Writes bytes into a buffer from its start. The buffer's size is a multiple of 4; a last partial word is padded with zeros.
    pub(crate) fn upload(&self, buffer: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        self.scoped(bytes.len() as u64, || {
            let mut offset = 0;
            for piece in bytes.chunks(PIECE) {
                let whole = piece.len() / 4 * 4;
                self.queue().write_buffer(buffer, offset, &piece[..whole]);
                if whole < piece.len() {
                    let mut last = [0; 4];
                    last[..piece.len() - whole].copy_from_slice(&piece[whole..]);
                    self.queue().write_buffer(buffer, offset + whole as u64, &last);
                }
                offset += piece.len() as u64;
                if bytes.len() > PIECE {
                    self.queue().submit([]);
                }
            }
        })
    }

    /// Submits what was recorded.
    pub(crate) fn submit(&self, encoder: wgpu::CommandEncoder) -> Result<wgpu::SubmissionIndex> {
        self.scoped(0, || self.queue().submit([encoder.finish()]))
    }

    /// Waits until a mappable buffer is readable and hands its first `bytes` bytes to `read`.
    pub(crate) async fn read<T>(
        &self,
        buffer: &wgpu::Buffer,
        bytes: u64,
        after: Option<wgpu::SubmissionIndex>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T> {
        let (sender, receiver) = oneshot_channel();
        self.scoped(0, || {
            buffer.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| {
                // The receiver is gone only if the caller gave up waiting.
                let _ = sender.send(result);
            });
        })?;
        if self.inline {
            self.wait(after)?;
        } else {
            // The poller lives as long as the handle that is borrowed here.
            let _ = self.poller().0.send(after);
        }
        let mapped = receiver.receive().await;
        match mapped {
            Some(Ok(())) => {}
            _ => return Err(self.lost().unwrap_or_else(|| Error::Gpu { message: "a result buffer could not be mapped".into() })),
        }
        let view = buffer.slice(..bytes).get_mapped_range().map_err(|e| Error::Gpu { message: e.to_string() })?;
        let value = read(&view);
        drop(view);
        buffer.unmap();
        Ok(value)
    }

    fn wait(&self, submission_index: Option<wgpu::SubmissionIndex>) -> Result<()> {
        match self.device().poll(wgpu::PollType::Wait { submission_index, timeout: Some(DEADLINE) }) {
            Ok(_) => Ok(()),
            Err(wgpu::PollError::Timeout) => Err(self.lost().unwrap_or(Error::Timeout { seconds: DEADLINE.as_secs() })),
            Err(error) => Err(self.lost().unwrap_or_else(|| Error::Gpu { message: error.to_string() })),
        }
    }
}
