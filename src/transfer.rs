//! Moving data between host and device, and waiting for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_intrusive::channel::shared::{Sender, channel};

use crate::gpu::Gpu;
use crate::{Error, Result};

/// Uploads go in pieces of this size, submitted one by one: larger ones make wgpu allocate, and the driver touch, fresh
/// memory for each call (twice the time for 512 MiB on lavapipe).
const PIECE: usize = 16 << 20;

/// How long a submission may take before the wait is given up as hung.
const DEADLINE: Duration = Duration::from_secs(300);

/// How a wait ended that did not end well.
#[derive(Clone, Debug)]
enum Failure {
    /// The deadline passed.
    Timeout,
    /// The device is gone, or wgpu gave up on it.
    Device(String),
}

/// Polls until a submission is done. wgpu panics where a device is lost in the middle of a wait, and GL cuts every wait to two
/// seconds: the one becomes an error, the other another wait.
fn wait(device: &wgpu::Device, submission: Option<&wgpu::SubmissionIndex>) -> Result<(), Failure> {
    let end = Instant::now() + DEADLINE;
    loop {
        let timeout = Some(end.saturating_duration_since(Instant::now()));
        let poll = || device.poll(wgpu::PollType::Wait { submission_index: submission.cloned(), timeout });
        // Nothing of ours is in between states here; what wgpu left behind is only asked whether it is lost.
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(wgpu::PollError::Timeout)) if Instant::now() < end => {}
            Ok(Err(wgpu::PollError::Timeout)) => return Err(Failure::Timeout),
            Ok(Err(error)) => return Err(Failure::Device(error.to_string())),
            Err(_) => return Err(Failure::Device("wgpu gave up while waiting for it".into())),
        }
    }
}

/// Where the end of a wait is told: by the buffer's map callback, or by the poller if there will be no callback.
type Told = Sender<Result<(), Failure>>;

/// A thread that polls the device while someone awaits it, since wgpu makes progress only when polled.
#[derive(Debug)]
pub(crate) struct Poller(mpsc::Sender<(Option<wgpu::SubmissionIndex>, Told)>);

impl Poller {
    pub(crate) fn new(device: wgpu::Device) -> Self {
        let (sender, receiver) = mpsc::channel::<(Option<wgpu::SubmissionIndex>, Told)>();
        // The thread ends with the last handle, whose drop closes the channel.
        std::thread::spawn(move || {
            while let Ok((submission, told)) = receiver.recv() {
                if let Err(failure) = wait(&device, submission.as_ref()) {
                    // The receiver is gone only if the caller gave up waiting.
                    let _ = told.try_send(Err(failure));
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

    /// Waits, blocking, until a submission is done.
    pub(crate) fn finish(&self, submission: &wgpu::SubmissionIndex) -> Result<()> {
        wait(self.device(), Some(submission)).map_err(|failure| self.failed(failure))
    }

    /// Waits until a mappable buffer is readable and hands its first `bytes` bytes to `read`.
    pub(crate) async fn read<T>(
        &self,
        buffer: &wgpu::Buffer,
        bytes: u64,
        after: wgpu::SubmissionIndex,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T> {
        let (told, receiver) = channel::<Result<(), Failure>>(2);
        let mapped = told.clone();
        self.scoped(0, || {
            buffer.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| {
                // The receiver is gone only if the caller gave up waiting.
                let _ = mapped.try_send(result.map_err(|e| Failure::Device(e.to_string())));
            });
        })?;
        if self.inline {
            wait(self.device(), Some(&after)).map_err(|failure| self.failed(failure))?;
        } else {
            // The poller lives as long as the handle that is borrowed here.
            let _ = self.poller().0.send((Some(after), told));
        }
        let ended = receiver.receive().await.unwrap_or_else(|| Err(Failure::Device("nobody waits for it any more".into())));
        ended.map_err(|failure| self.failed(failure))?;
        let view = buffer.slice(..bytes).get_mapped_range().map_err(|e| self.failed(Failure::Device(e.to_string())))?;
        let value = read(&view);
        drop(view);
        buffer.unmap();
        Ok(value)
    }

    fn failed(&self, failure: Failure) -> Error {
        self.now_lost().unwrap_or_else(|| match failure {
            Failure::Timeout => Error::Timeout { seconds: DEADLINE.as_secs() },
            Failure::Device(message) => Error::Gpu { message },
        })
    }
}
