//! Small compute kernels that are not the library's.

use std::borrow::Cow;

use wgpu_xent::{Gpu, wgpu};

/// A compute kernel: entry point `main`.
#[derive(Debug)]
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
}

impl Kernel {
    /// Compiles it.
    #[must_use]
    pub fn new(gpu: &Gpu, label: &str, source: &str, constants: &[(&str, f64)]) -> Self {
        let source = wgpu::ShaderSource::Wgsl(Cow::Borrowed(source));
        let module = gpu.device().create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(label), source });
        let pipeline = gpu.device().create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(label),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { constants, ..Default::default() },
            cache: None,
        });
        Self { pipeline }
    }

    /// The buffers at bindings 0, 1, ..
    #[must_use]
    pub fn bind(&self, gpu: &Gpu, bindings: &[wgpu::BufferBinding<'_>]) -> wgpu::BindGroup {
        let numbered = bindings.iter().cloned().map(wgpu::BindingResource::Buffer).enumerate();
        let entries: Vec<_> = numbered.map(|(i, resource)| wgpu::BindGroupEntry { binding: i as u32, resource }).collect();
        let layout = self.pipeline.get_bind_group_layout(0);
        gpu.device().create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries })
    }

    /// Records a dispatch.
    pub fn record(&self, encoder: &mut wgpu::CommandEncoder, group: &wgpu::BindGroup, grid: (u32, u32)) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(grid.0, grid.1, 1);
    }
}

/// Workgroups for so many threads, folded where an adapter allows too few along x.
#[must_use]
pub fn grid(gpu: &Gpu, threads: u64, workgroup: u32) -> (u32, u32) {
    let groups = threads.div_ceil(u64::from(workgroup)).max(1);
    let y = groups.div_ceil(u64::from(gpu.caps().max_groups));
    (groups.div_ceil(y) as u32, y as u32)
}
