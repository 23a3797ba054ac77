//! wgpu calls whose errors come back as ours, what is made in them, and how a lost device is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

use super::Gpu;
use crate::shader::{Access, Slot};
use crate::{Error, Result};

/// Bytes between the places that stand in for unused write bindings, so that no two of them overlap.
const NOTHING_STEP: u64 = 256;

impl Gpu {
    /// The error that a lost device gives, if it is lost.
    pub(crate) fn lost(&self) -> Option<Error> {
        // Who cannot be asked in time is not known to be lost.
        let _turn = self.turn().ok()?;
        if !self.is_gone() {
            return None;
        }
        // The callback that tells why runs in a poll, if it is ours and the work under way is done.
        self.poll_once();
        let told = self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let message = told.unwrap_or_else(|| "it takes no commands any more".into());
        Some(Error::DeviceLost { message })
    }

    /// Whether the device makes nothing any more: wgpu says so at once, and in no other way but to the one who has set the device's
    /// only callback. It raises no error of a buffer that a lost device cannot make, but that cannot be mapped.
    fn is_gone(&self) -> bool {
        let made = self.raised(|| {
            let usage = wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC;
            let descriptor = wgpu::BufferDescriptor { label: Some("probe"), size: 4, usage, mapped_at_creation: true };
            self.device().create_buffer(&descriptor).get_mapped_range_mut(..).is_ok()
        });
        matches!(made, (false, None))
    }

    /// Lets callbacks run whose time has come.
    pub(crate) fn poll_once(&self) {
        let Ok(_turn) = self.turn() else { return };
        // A poll that fails, or panics as wgpu's does on a lost device, says nothing that the callbacks do not.
        let _ = catch_unwind(AssertUnwindSafe(|| self.device().poll(wgpu::PollType::Poll)));
    }

    /// Runs wgpu calls, and the first error that they raise.
    ///
    /// Scopes belong to a thread, so nothing may be awaited inside; natively their futures are ready at once.
    fn raised<T>(&self, run: impl FnOnce() -> T) -> (T, Option<wgpu::Error>) {
        let device = self.device();
        let scopes = [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory]
            .map(|filter| device.push_error_scope(filter));
        let value = run();
        let mut first = None;
        for scope in scopes.into_iter().rev() {
            first = first.or(pollster::block_on(scope.pop()));
        }
        (value, first)
    }

    /// Runs wgpu calls and turns the errors that they raise into one of ours. `bytes` is told if memory runs out.
    pub(crate) fn scoped<T>(&self, bytes: u64, run: impl FnOnce() -> T) -> Result<T> {
        #[cfg(test)]
        crate::strike::strike(bytes)?;
        let (value, error) = {
            let _turn = self.turn()?;
            self.raised(run)
        };
        let Some(error) = error else { return Ok(value) };
        Err(self.lost().unwrap_or_else(|| match error {
            wgpu::Error::OutOfMemory { source } => Error::OutOfMemory { bytes, message: source.to_string() },
            other => Error::Gpu { message: other.to_string() },
        }))
    }

    /// Drops what may be the last of something that the device must free.
    pub(crate) fn let_go<T>(&self, last: T) {
        let _turn = self.turn();
        drop(last);
    }

    /// A buffer of at least four bytes.
    pub(crate) fn scratch(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let limit = self.caps().max_buffer;
        if bytes > limit {
            return Err(Error::TooLarge { what: "a buffer", needed: bytes, unit: "bytes", limit, limit_name: "max_buffer_size" });
        }
        let size = bytes.next_multiple_of(4).max(4);
        self.scoped(size, || {
            self.device().create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
        })
    }

    /// A buffer that holds some bytes, a multiple of four, from the start: for small things, written without the queue.
    pub(crate) fn filled(&self, label: &str, bytes: &[u8], usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        self.scoped(bytes.len() as u64, || {
            let size = bytes.len() as u64;
            let buffer = self.device().create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: true });
            let mapped = buffer.get_mapped_range_mut(..);
            mapped.map(|mut mapped| mapped.copy_from_slice(bytes)).map_err(|error| error.to_string())?;
            buffer.unmap();
            Ok(buffer)
        })?
        // Without an error raised, as of a buffer that a lost device cannot make.
        .map_err(|message| self.lost().unwrap_or(Error::Gpu { message }))
    }

    /// An encoder of our own.
    pub(crate) fn encoder(&self) -> Result<wgpu::CommandEncoder> {
        self.scoped(0, || self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("xent") }))
    }

    /// What is bound where a kernel declares a binding that the call does not use.
    pub(crate) fn nothing(&self, slot: &Slot) -> Result<wgpu::BufferBinding<'_>> {
        let [read, written] = match self.shared.nothing.get() {
            Some(buffers) => buffers,
            None => {
                let buffer = |size| self.scratch("nothing", size, wgpu::BufferUsages::STORAGE);
                let made = [buffer(NOTHING_STEP)?, buffer(16 * NOTHING_STEP)?];
                self.shared.nothing.get_or_init(|| made)
            }
        };
        let (buffer, place) = match slot.access {
            Access::Write => (written, u64::from(slot.index)),
            _ => (read, 0),
        };
        Ok(wgpu::BufferBinding { buffer, offset: place * NOTHING_STEP, size: wgpu::BufferSize::new(NOTHING_STEP) })
    }
}
