//! Results where the logits are: on buffers of the device, as only its level can.

use half::{bf16, f16};
use wgpu_xent::wgpu::{self, BufferUsages as Usage};
use wgpu_xent::{DeviceMatrix, Error, Gpu, Output, Result, Storage};

use super::softmax;
use crate::case::{Case, Input};
use crate::matrix::Matrix;

pub(super) fn softmax(input: &Input) -> Case {
    let logits = input.logits();
    softmax::stored_softmax(input, move |gpu| run(gpu, &logits))
}

/// Uploads the logits, has them replaced, and reads all of the buffer but what is between the blocks.
fn run(gpu: &Gpu, logits: &Matrix) -> Result<Vec<f64>> {
    let (shape, mut bytes) = (logits.shape(), logits.bytes());
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    let size = bytes.len() as u64;
    let buffer =
        |usage| gpu.device().create_buffer(&wgpu::BufferDescriptor { label: Some("in place"), size, usage, mapped_at_creation: false });
    let matrix = buffer(Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST);
    let staging = buffer(Usage::MAP_READ | Usage::COPY_DST);
    gpu.queue().write_buffer(&matrix, 0, &bytes);

    let stride = shape.classes * shape.inner + shape.padding;
    let view = match logits.storage() {
        Storage::F16 => DeviceMatrix::with_blocks::<f16>(&matrix, 0, shape.blocks, shape.classes, shape.inner, stride),
        Storage::Bf16 => DeviceMatrix::with_blocks::<bf16>(&matrix, 0, shape.blocks, shape.classes, shape.inner, stride),
        _ => DeviceMatrix::with_blocks::<f32>(&matrix, 0, shape.blocks, shape.classes, shape.inner, stride),
    }?;
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    gpu.record_softmax(&mut encoder, &view, Output::InPlace)?;
    encoder.copy_buffer_to_buffer(&matrix, 0, &staging, 0, size);
    gpu.queue().submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |_| ());
    // A wait that fails leaves nothing mapped, which is what is told.
    let waited = gpu.device().poll(wgpu::PollType::wait_indefinitely());
    let told = |message| Error::Gpu { message };
    let mapped = staging.get_mapped_range(..).map_err(|error| told(format!("{waited:?}: {error}")))?;
    logits.dense_of(&mapped).map_err(told)
}
