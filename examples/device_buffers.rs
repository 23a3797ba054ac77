//! The device level: logits that a kernel of yours left on the GPU, the gradient written over them, all in your own encoder.
//!
//! `cargo run --release --example device_buffers`

use wgpu_xent::{CrossEntropy, CrossEntropyBuffers, DeviceMatrix, DeviceVector, Gpu, Output};

const ROWS: usize = 4;
const CLASSES: usize = 6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An application with a device of its own calls Gpu::from_device(device, queue) instead.
    let gpu = Gpu::new()?;
    println!("running on {}", gpu.describe());
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let buffer = |label, bytes: &[u8]| {
        let size = bytes.len() as u64;
        let made = gpu.device().create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false });
        gpu.queue().write_buffer(&made, 0, bytes);
        made
    };
    let values: Vec<f32> = (0..ROWS * CLASSES).map(|i| ((i * 7) % 11) as f32 * 0.4).collect();
    let logits = buffer("logits", bytemuck::cast_slice(&values));
    let targets = buffer("targets", bytemuck::cast_slice(&[2_i32, 5, -100, 0]));
    let row_loss = buffer("row loss", &[0; ROWS * 4]);

    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    // .. your own passes that produce the logits ..
    let matrix = DeviceMatrix::new::<f32>(&logits, ROWS, CLASSES)?;
    let buffers = CrossEntropyBuffers {
        row_loss: Some(DeviceVector::new(&row_loss)),
        gradient: Some(Output::InPlace),
        ..CrossEntropyBuffers::new(matrix, DeviceVector::new(&targets))
    };
    let pending = gpu.record_cross_entropy(&mut encoder, &buffers, &CrossEntropy::new())?;
    // .. your own passes that use the gradient ..
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("staging"),
        size: logits.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    encoder.copy_buffer_to_buffer(&logits, 0, &staging, 0, logits.size());
    gpu.queue().submit([encoder.finish()]);

    let summary = pending.read(&gpu)?;
    println!("mean loss {:.6} nats over {} valid rows", summary.loss.unwrap_or(f32::NAN), summary.valid_rows);
    staging.map_async(wgpu::MapMode::Read, .., |_| {});
    gpu.device().poll(wgpu::PollType::wait_indefinitely())?;
    let view = staging.get_mapped_range(..)?;
    for row in bytemuck::cast_slice::<u8, f32>(&view).chunks(CLASSES) {
        println!("gradient {row:+.4?}");
    }
    Ok(())
}
