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

/// How many panics of wgpu a wait outlives: with several threads at one device, it may find the queue empty before it has seen that
/// the last work is done, and takes that for a defect.
const PANICS: usize = 5;

/// How a wait ended that did not end well.
#[derive(Clone, Debug)]
enum Failure {
    /// The deadline passed.
    Timeout,
    /// The device is gone, or wgpu gave up on it.
    Device(String),
}

/// Polls until a submission is done. wgpu panics where a device is lost in the middle of a wait, and GL cuts every wait to two
/// seconds: the one becomes an error, if it happens again and again, the other another wait.
fn wait(device: &wgpu::Device, submission: Option<&wgpu::SubmissionIndex>) -> Result<(), Failure> {
    let end = Instant::now() + DEADLINE;
    let mut panics = 0;
    loop {
        let timeout = Some(end.saturating_duration_since(Instant::now()));
        let poll = || device.poll(wgpu::PollType::Wait { submission_index: submission.cloned(), timeout });
        // Nothing of ours is in between states here; what wgpu left behind is only asked whether it is lost.
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(wgpu::PollError::Timeout)) if Instant::now() < end => {}
            Ok(Err(wgpu::PollError::Timeout)) => return Err(Failure::Timeout),
            Ok(Err(error)) => return Err(Failure::Device(error.to_string())),
            Err(_) if panics < PANICS => {
                panics += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
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

    /// Waits until the first bytes of mappable buffers, one at least, can be reached by the host. Without a submission to wait
    /// for, no work under way may use them: then there is hardly a wait.
    async fn map(&self, buffers: &[(&wgpu::Buffer, u64)], mode: wgpu::MapMode, after: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let (told, receiver) = channel::<Result<(), Failure>>(buffers.len() + 1);
        self.scoped(0, || {
            for (buffer, bytes) in buffers {
                let mapped = told.clone();
                buffer.slice(..bytes.next_multiple_of(4)).map_async(mode, move |result| {
                    // The receiver is gone only if the caller gave up waiting.
                    let _ = mapped.try_send(result.map_err(|e| Failure::Device(e.to_string())));
                });
            }
        })?;
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
        if self.inline {
            wait(self.device(), after.as_ref()).map_err(|failure| self.failed(failure))?;
        } else {
            // The poller lives as long as the handle that is borrowed here.
            let _ = self.poller().0.send((after, told));
        }
        for _ in 0..missing {
            let ended = receiver.receive().await.unwrap_or_else(|| Err(Failure::Device("nobody waits for it any more".into())));
            ended.map_err(|failure| self.failed(failure))?;
        }
        Ok(())
    }

    /// Writes bytes to the start of a mappable buffer that no work under way uses; a last partial word is padded with zeros.
    pub(crate) async fn write(&self, buffer: &wgpu::Buffer, bytes: &[u8]) -> Result<()> {
        let size = bytes.len() as u64;
        self.map(&[(buffer, size)], wgpu::MapMode::Write, None).await?;
        let view = buffer.slice(..size.next_multiple_of(4)).get_mapped_range_mut();
        let mut view = view.map_err(|e| self.failed(Failure::Device(e.to_string())))?;
        view.slice(..bytes.len()).copy_from_slice(bytes);
        view.slice(bytes.len()..).fill(0);
        drop(view);
        self.scoped(0, || buffer.unmap())
    }

    /// Waits for a submission and hands the first bytes of mappable buffers to `read`, buffer by buffer.
    pub(crate) async fn read(
        &self,
        buffers: &[(&wgpu::Buffer, u64)],
        after: wgpu::SubmissionIndex,
        mut read: impl FnMut(usize, &[u8]),
    ) -> Result<()> {
        self.map(buffers, wgpu::MapMode::Read, Some(after)).await?;
        for (place, (buffer, bytes)) in buffers.iter().enumerate() {
            let view = buffer.slice(..bytes.next_multiple_of(4)).get_mapped_range();
            let view = view.map_err(|e| self.failed(Failure::Device(e.to_string())))?;
            read(place, &view[..*bytes as usize]);
            drop(view);
            buffer.unmap();
        }
        Ok(())
    }

    fn failed(&self, failure: Failure) -> Error {
        self.now_lost().unwrap_or_else(|| match failure {
            Failure::Timeout => Error::Timeout { seconds: DEADLINE.as_secs() },
            Failure::Device(message) => Error::Gpu { message },
        })
    }
}
