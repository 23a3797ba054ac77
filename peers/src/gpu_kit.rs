//! What peers on an adapter share: buffers, reading them, small kernels, and the copy that is the ceiling of an adapter.

use wgpu::BufferUsages as Usage;
use wgpu_xent::Gpu;

use crate::peer::timed;

/// A buffer for any use but mapping.
pub(crate) fn buffer(gpu: &Gpu, bytes: u64) -> wgpu::Buffer {
    let usage = Usage::STORAGE | Usage::UNIFORM | Usage::COPY_SRC | Usage::COPY_DST;
    let size = bytes.next_multiple_of(16).max(16);
    gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
}

/// [`buffer`] that holds values.
pub(crate) fn filled<T: bytemuck::NoUninit>(gpu: &Gpu, values: &[T]) -> wgpu::Buffer {
    let made = buffer(gpu, size_of_val(values) as u64);
    gpu.queue().write_buffer(&made, 0, bytemuck::cast_slice(values));
    gpu.queue().submit([]);
    made
}

/// A new encoder.
pub(crate) fn encoder(gpu: &Gpu) -> wgpu::CommandEncoder {
    gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}

/// Submits and waits.
pub(crate) fn run(gpu: &Gpu, encoder: wgpu::CommandEncoder) {
    gpu.queue().submit([encoder.finish()]);
    wait(gpu);
}

fn wait(gpu: &Gpu) {
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("the device is there");
}

/// A buffer that results are read through, kept for the next time.
pub(crate) struct Reader(wgpu::Buffer);

impl Reader {
    /// For so many values.
    pub(crate) fn new(gpu: &Gpu, count: usize) -> Self {
        let (size, usage) = (count as u64 * 4, Usage::MAP_READ | Usage::COPY_DST);
        Self(gpu.device().create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false }))
    }

    /// Submits an encoder that computes `from`, and reads it.
    pub(crate) fn read(&self, gpu: &Gpu, mut encoder: wgpu::CommandEncoder, from: &wgpu::Buffer) -> Vec<f32> {
        encoder.copy_buffer_to_buffer(from, 0, &self.0, 0, self.0.size());
        gpu.queue().submit([encoder.finish()]);
        self.0.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("it can be mapped"));
        wait(gpu);
        let values = bytemuck::cast_slice(&self.0.get_mapped_range(..).expect("it was mapped")).to_vec();
        self.0.unmap();
        values
    }
}

/// The first `count` values of a buffer.
pub(crate) fn read(gpu: &Gpu, from: &wgpu::Buffer, count: usize) -> Vec<f32> {
    Reader::new(gpu, count).read(gpu, encoder(gpu), from)
}

/// A compute kernel with its buffers and its grid, to be dispatched as it is.
pub(crate) struct Kernel {
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    grid: (u32, u32),
}

impl Kernel {
    /// Compiles entry point `main` and binds the buffers at 0, 1, ..
    pub(crate) fn new(gpu: &Gpu, source: &str, constants: &[(&str, f64)], buffers: &[&wgpu::Buffer], grid: (u32, u32)) -> Self {
        let source = wgpu::ShaderSource::Wgsl(source.into());
        let module = gpu.device().create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        let pipeline = gpu.device().create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { constants, ..Default::default() },
            cache: None,
        });
        let bindings = buffers.iter().map(|b| b.as_entire_binding()).enumerate();
        let entries: Vec<_> = bindings.map(|(i, resource)| wgpu::BindGroupEntry { binding: i as u32, resource }).collect();
        let layout = pipeline.get_bind_group_layout(0);
        let group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries });
        Self { pipeline, group, grid }
    }

    /// Records a dispatch.
    pub(crate) fn record(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups(self.grid.0, self.grid.1, 1);
    }
}

/// So many workgroups, folded where an adapter allows too few along x.
pub(crate) fn folded(gpu: &Gpu, groups: u64) -> (u32, u32) {
    let y = groups.max(1).div_ceil(u64::from(gpu.caps().max_groups));
    (groups.max(1).div_ceil(y) as u32, y as u32)
}

/// A compute copy of the logits, the one that the benches of wgpu-xent compare with.
pub(crate) struct Copy {
    gpu: Gpu,
    kernel: Kernel,
}

impl Copy {
    /// From one buffer to another of its size.
    pub(crate) fn new(gpu: &Gpu, from: &wgpu::Buffer, to: &wgpu::Buffer) -> Self {
        let workgroup = if gpu.is_software() { 32 } else { 256 };
        let quads = from.size() / 16;
        let grid = folded(gpu, quads.div_ceil(4 * workgroup));
        let params = filled(gpu, &[quads as u32, grid.0, 0, 0]);
        let constants = [("WORKGROUP", workgroup as f64)];
        let kernel = Kernel::new(gpu, include_str!("../shaders/copy.wgsl"), &constants, &[&params, from, to], grid);
        Self { gpu: gpu.clone(), kernel }
    }

    /// Its milliseconds.
    pub(crate) fn once(&self) -> f64 {
        let mut encoder = encoder(&self.gpu);
        self.kernel.record(&mut encoder);
        timed(|| run(&self.gpu, encoder)).0
    }
}
