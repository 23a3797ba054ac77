//! Device buffers that host-level calls leave for those after them: fresh memory costs more than what it is filled with.

use std::sync::{Mutex, PoisonError};

use crate::Result;
use crate::gpu::Gpu;

/// The most bytes that are kept; what was given back first goes first.
const KEPT: u64 = 256 << 20;

/// Buffers up to this size are rounded up, and taken for a little less than they hold.
const ROUNDED: u64 = 32 << 20;

/// Device memory of the host-level calls of one GPU and its clones, in bytes. See [`Gpu::call_memory`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallMemory {
    /// What calls under way use.
    pub in_use: u64,
    /// What is kept for the next calls.
    pub kept: u64,
    /// The most that calls used at once since the last [`Gpu::trim`].
    pub peak: u64,
    /// The texture that logits are read from, if adapter and calls are of the kind; calls under way may use it.
    pub texture: u64,
}

/// What is kept, the oldest first.
#[derive(Debug, Default)]
struct Shelf {
    buffers: Vec<wgpu::Buffer>,
    memory: CallMemory,
}

/// The buffers that are kept, and the count of those that are not there.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Shelf>);

impl Pool {
    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn memory(&self) -> CallMemory {
        self.shelf().memory
    }

    /// Everything that was kept, to be let go.
    fn trim(&self) -> Vec<wgpu::Buffer> {
        let mut shelf = self.shelf();
        shelf.memory = CallMemory { kept: 0, peak: shelf.memory.in_use, ..shelf.memory };
        std::mem::take(&mut shelf.buffers)
    }

    /// The smallest buffer for this usage that holds so many bytes and is not much larger.
    fn take(&self, bytes: u64, usage: wgpu::BufferUsages) -> Option<wgpu::Buffer> {
        let most = if bytes > ROUNDED { bytes } else { (bytes + bytes / 4).max(4096) };
        let mut shelf = self.shelf();
        let fitting = |b: &wgpu::Buffer| b.usage() == usage && (bytes..=most).contains(&b.size());
        let (place, _) = shelf.buffers.iter().enumerate().filter(|(_, b)| fitting(b)).min_by_key(|(_, b)| b.size())?;
        let buffer = shelf.buffers.remove(place);
        shelf.memory.kept -= buffer.size();
        Some(buffer)
    }

    /// Keeps buffers. What there is no room for is to be let go.
    fn keep(&self, buffers: Vec<wgpu::Buffer>) -> Vec<wgpu::Buffer> {
        let mut shelf = self.shelf();
        shelf.memory.kept += buffers.iter().map(wgpu::Buffer::size).sum::<u64>();
        shelf.buffers.extend(buffers);
        let mut old = Vec::new();
        while shelf.memory.kept > KEPT {
            let buffer = shelf.buffers.remove(0);
            shelf.memory.kept -= buffer.size();
            old.push(buffer);
        }
        old
    }

    fn used(&self, change: impl FnOnce(u64) -> u64) {
        let memory = &mut self.shelf().memory;
        memory.in_use = change(memory.in_use);
        memory.peak = memory.peak.max(memory.in_use);
    }
}

/// The buffers that a call has taken. Dropped, they are freed, as is right after an error: only a call that went well
/// knows that its buffers are idle and not mapped.
#[derive(Debug)]
pub(crate) struct Loans {
    gpu: Gpu,
    buffers: Vec<wgpu::Buffer>,
}

impl Loans {
    pub(crate) fn new(gpu: &Gpu) -> Self {
        Self { gpu: gpu.clone(), buffers: Vec::new() }
    }

    /// A buffer of at least so many bytes, of which a kept one may hold anything.
    pub(crate) fn take(&mut self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let bytes = rounded(bytes.max(4));
        let buffer = self.gpu.pool().take(bytes, usage).map_or_else(|| self.gpu.scratch(label, bytes, usage), Ok)?;
        self.gpu.pool().used(|bytes| bytes + buffer.size());
        self.buffers.push(buffer.clone());
        Ok(buffer)
    }

    /// All of them are idle and not mapped.
    pub(crate) fn give_back(mut self) {
        let buffers = std::mem::take(&mut self.buffers);
        self.gpu.pool().used(|bytes| bytes - total(&buffers));
        self.gpu.let_go(self.gpu.pool().keep(buffers));
    }
}

impl Drop for Loans {
    fn drop(&mut self) {
        self.gpu.pool().used(|bytes| bytes - total(&self.buffers));
        self.gpu.let_go(std::mem::take(&mut self.buffers));
    }
}

fn total(buffers: &[wgpu::Buffer]) -> u64 {
    buffers.iter().map(wgpu::Buffer::size).sum()
}

/// Up by a sixteenth at most, so that calls of nearly the same shape fit the same buffers; large ones are what they are.
fn rounded(bytes: u64) -> u64 {
    let step = if bytes > ROUNDED { 16 } else { (bytes.next_power_of_two() / 32).max(16) };
    bytes.next_multiple_of(step)
}

impl Gpu {
    /// Device memory that host-level calls use, or keep for those after them: at most 256 MiB of buffers, and a texture of
    /// a window of logits. Measured at the buffers; parameters and the states of split rows, freed at the end of each
    /// call, are not counted.
    #[must_use]
    pub fn call_memory(&self) -> CallMemory {
        CallMemory { texture: self.kept_texels().bytes(), ..self.pool().memory() }
    }

    /// Frees what host-level calls keep for those after them. Calls under way keep what they use.
    pub fn trim(&self) {
        self.let_go((self.pool().trim(), self.kept_texels().trim()));
        // wgpu frees what is idle when it is polled; a lost device has nothing left to free.
        self.poll_once();
    }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn sizes_are_rounded_a_little() {
        for bytes in (4..200_000).chain((1 << 20..40 << 20).step_by(99_991)) {
            let size = rounded(bytes);
            assert!(size >= bytes && size <= bytes + (bytes / 16).max(16) && size.is_multiple_of(16), "{bytes}: {size}");
        }
        assert_eq!(rounded(16 << 20), 16 << 20);
    }
}
