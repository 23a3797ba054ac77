//! Buffers, submissions and what comes back.

use wgpu_xent::Gpu;
use wgpu_xent::wgpu::{self, BufferUsages as Usage};

/// A buffer for any use but mapping, a whole number of quads long.
#[must_use]
pub fn buffer(gpu: &Gpu, bytes: u64) -> wgpu::Buffer {
    let usage = Usage::STORAGE | Usage::UNIFORM | Usage::COPY_SRC | Usage::COPY_DST;
    let size = bytes.next_multiple_of(16).max(16);
    gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
}

/// [`buffer`] that holds values.
#[must_use]
pub fn filled<T: bytemuck::NoUninit>(gpu: &Gpu, values: &[T]) -> wgpu::Buffer {
    let made = buffer(gpu, size_of_val(values) as u64);
    gpu.queue().write_buffer(&made, 0, bytemuck::cast_slice(values));
    made
}

/// Shows `count` values of a buffer, once everything submitted is done.
pub fn read<T>(gpu: &Gpu, from: &wgpu::Buffer, count: usize, see: impl FnOnce(&[f32]) -> T) -> T {
    read_bytes(gpu, from, count as u64 * 4, |bytes| see(bytemuck::cast_slice(bytes)))
}

/// [`read`] of words.
pub(crate) fn read_words<T>(gpu: &Gpu, from: &wgpu::Buffer, count: usize, see: impl FnOnce(&[u32]) -> T) -> T {
    read_bytes(gpu, from, count as u64 * 4, |bytes| see(bytemuck::cast_slice(bytes)))
}

/// [`read`] of bytes; a last word that is not asked for whole is not shown whole.
pub(crate) fn read_bytes<T>(gpu: &Gpu, from: &wgpu::Buffer, bytes: u64, see: impl FnOnce(&[u8]) -> T) -> T {
    let staging = staging(gpu, bytes);
    read_through(gpu, from, &staging, |all| see(&all[..bytes as usize]))
}

/// A buffer to read so many bytes through.
pub(crate) fn staging(gpu: &Gpu, bytes: u64) -> wgpu::Buffer {
    let (size, usage) = (bytes.next_multiple_of(4), Usage::MAP_READ | Usage::COPY_DST);
    gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
}

/// Shows the first bytes of a buffer, as many as the staging buffer has.
pub(crate) fn read_through<T>(gpu: &Gpu, from: &wgpu::Buffer, staging: &wgpu::Buffer, see: impl FnOnce(&[u8]) -> T) -> T {
    let mut encoder = encoder(gpu);
    encoder.copy_buffer_to_buffer(from, 0, staging, 0, staging.size());
    run(gpu, encoder);
    staging.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("a staging buffer can be mapped"));
    wait(gpu);
    let seen = see(&staging.get_mapped_range(..).expect("it was mapped"));
    staging.unmap();
    seen
}

/// A new encoder.
#[must_use]
pub fn encoder(gpu: &Gpu) -> wgpu::CommandEncoder {
    gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}

pub(crate) fn wait(gpu: &Gpu) {
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("the device is there");
}

/// Submits and waits; the milliseconds that took.
pub fn run(gpu: &Gpu, encoder: wgpu::CommandEncoder) -> f64 {
    let commands = encoder.finish();
    let start = std::time::Instant::now();
    gpu.queue().submit([commands]);
    wait(gpu);
    start.elapsed().as_secs_f64() * 1e3
}
